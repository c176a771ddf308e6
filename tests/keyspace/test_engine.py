"""Dispatch, transactions, refusals and stops of the engine."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

import pytest

from aoftool.commands.table import all_commands
from aoftool.errors import UsageError
from aoftool.keyspace.engine import Keyspace
from aoftool.keyspace.flavour import FLAVOURS, Flavour, flavour_named
from aoftool.keyspace.refusal import OpaqueCommandError, ReplayStopError
from aoftool.keyspace.server_commands import commands_of
from aoftool.releases import NAMES, Release
from aoftool.replay.writer import flavour_of_release
from aoftool.values import ZSetValue
from tests.keyspace.running import EVERY_FLAVOUR, errors, keys, run, value

flavours = pytest.mark.parametrize("flavour", EVERY_FLAVOUR, ids=lambda f: f.name)


def test_names_are_found_in_any_case() -> None:
    keyspace = run("set a 1", "Incr a", "iNcRbY a 3")

    assert value(keyspace, "a") == b"5"


def test_commands_before_any_select_land_in_database_0() -> None:
    keyspace = run("SET a 1", "SELECT 3", "SET b 2")

    assert keys(keyspace, 0) == {b"a"}
    assert keys(keyspace, 3) == {b"b"}
    assert keyspace.selected == 3


@pytest.mark.parametrize("number", ["16", "-1", "01", "+1", "x", "1.0"])
def test_refused_select_leaves_the_old_database_selected(number: str) -> None:
    keyspace = run("SELECT 2", f"SELECT {number}", "SET a 1")

    assert keys(keyspace, 2) == {b"a"}
    assert len(keyspace.refusals) == 1


def test_a_new_file_starts_in_database_0_outside_a_transaction() -> None:
    keyspace = run("SELECT 2", "MULTI", "SET a 1")

    keyspace.start_file()
    keyspace.execute([b"SET", b"b", b"1"])

    assert not keyspace.in_transaction
    assert keys(keyspace, 0) == {b"b"}
    assert keys(keyspace, 2) == set()


def test_transaction_takes_effect_at_exec() -> None:
    keyspace = run("SET a 1", "MULTI", "INCR a", "SELECT 1", "SET b 1")

    assert value(keyspace, "a") == b"1"
    assert keyspace.in_transaction

    keyspace.execute([b"EXEC"])

    assert value(keyspace, "a") == b"2"
    assert value(keyspace, "b", db=1) == b"1"
    assert keyspace.selected == 1


def test_refused_command_in_a_transaction_does_not_stop_the_others() -> None:
    keyspace = run("SET a x", "MULTI", "INCR a", "SET b 1", "EXEC")

    assert value(keyspace, "b") == b"1"
    assert [(r.command_index, r.name) for r in keyspace.refusals] == [(2, "INCR")]


def test_nested_multi_and_lone_exec_and_discard_do_nothing() -> None:
    keyspace = run("EXEC", "DISCARD", "MULTI", "SET a 1", "MULTI", "SET b 1", "EXEC", "SET c 1")

    assert keys(keyspace) == {b"a", b"b", b"c"}
    assert len(keyspace.refusals) == 3


def test_unfinished_transaction_can_be_dropped() -> None:
    keyspace = run("SET a 1", "MULTI", "SET b 1", "SELECT 1")

    dropped = keyspace.drop_transaction()
    keyspace.execute([b"SET", b"c", b"1"])

    assert dropped == 2
    assert keys(keyspace) == {b"a", b"c"}


def test_discard_in_a_transaction_stops_at_exec() -> None:
    with pytest.raises(ReplayStopError) as caught:
        run("MULTI", "SET a 1", "DISCARD", "EXEC")

    assert caught.value.reason == "crash"
    assert caught.value.command_index == 2


@pytest.mark.parametrize("inside", [False, True], ids=["bare", "in a transaction"])
def test_unknown_command_stops_with_its_name_and_index(inside: bool) -> None:
    lines = ["SET a 1", *(["MULTI"] if inside else []), "NOSUCH\x1b a b"]

    with pytest.raises(OpaqueCommandError) as caught:
        run(*lines)

    assert caught.value.reason == "unknown"
    assert caught.value.command_index == len(lines) - 1
    assert str(caught.value) == f"command {len(lines) - 1}: unknown command 'NOSUCH\\x1b'"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("EVAL return 0", "opaque"),
        ("FCALL f 0", None),
        ("EVALSHA 0123 0", None),
        ("WATCH a", "opaque"),
        ("DEBUG RELOAD", "opaque"),
        ("CONFIG SET maxmemory 1", "opaque"),
        ("CONFIG GET maxmemory", None),
        ("MIGRATE h 1 k 0 5", "opaque"),
        ("GET", "arity"),
        ("SET a", "arity"),
        ("PING", None),
        ("PUBLISH c m", None),
        ("XGROUP NOSUCH a b c", "unknown"),
        ("FUNCTION NOSUCH", "unknown"),
    ],
)
def test_what_cannot_be_followed_stops_and_what_only_fails_does_not(line: str, reason: str | None) -> None:
    if reason is None:
        assert keys(run(line)) == set()
        return

    with pytest.raises(ReplayStopError) as caught:
        run(line if line != "EVAL return 0" else "EVAL return 0 0")

    assert caught.value.reason == reason


def test_script_is_opaque_once_it_is_loaded_and_unknown_before() -> None:
    sha = b"e0e1f9fabfc9d4800c877a703b823ac0578ff8db"
    keyspace = run([b"EVALSHA", sha, b"0"], [b"SCRIPT", b"LOAD", b"return 1"])

    assert errors(keyspace) == ["NOSCRIPT No matching script."]
    with pytest.raises(OpaqueCommandError):
        keyspace.execute([b"EVALSHA", sha.upper(), b"0"])


@pytest.mark.parametrize(
    ("name", "stops"),
    [("redis-6.2", False), ("redis-7.0", False), ("valkey-8.1", True)],
)
def test_too_many_arguments_are_only_counted_by_newer_valkeys(name: str, stops: bool) -> None:
    if stops:
        with pytest.raises(ReplayStopError):
            run("INCR a x", flavour=name)
    else:
        assert value(run("INCR a x", flavour=name), "a") == b"1"


@pytest.mark.parametrize(
    ("line", "redis", "valkey"),
    [
        ("FUNCTION LIST", (7, 0), (7, 2)),
        ("LMPOP 1 a LEFT", (7, 0), (7, 2)),
        ("HPEXPIREAT h 1 FIELDS 1 f", (7, 4), (9, 0)),
        ("HSETEX h FIELDS 1 a b", (8, 0), (9, 0)),
        ("XDELEX s IDS 1 1-1", (8, 2), None),
        ("XACKDEL s g IDS 1 1-1", (8, 2), None),
        ("MSETEX 1 a b", (8, 4), (9, 1)),
        ("DELEX a", (8, 4), (9, 2)),
        ("DIGEST a", (8, 4), None),
        ("XCFGSET s IDMP-MAXSIZE 1", (8, 6), None),
        ("XIDMPRECORD s p i 1-1", (8, 6), None),
    ],
)
@flavours
def test_command_is_unknown_to_servers_before_it(
    flavour: Flavour, line: str, redis: tuple[int, int], valkey: tuple[int, int] | None
) -> None:
    if flavour.has(redis, valkey):
        run(line, flavour=flavour)
    else:
        with pytest.raises(OpaqueCommandError, match="unknown command"):
            run(line, flavour=flavour)


def test_refusals_are_counted_by_name_and_text() -> None:
    keyspace = run("SET a x", *["INCR a"] * 150, "LPUSH a 1")

    assert keyspace.refused["INCR", "ERR value is not an integer or out of range"] == 150
    assert sum(keyspace.refused.values()) == 151
    assert len(keyspace.refusals) == 100


def test_execute_returns_the_refusal() -> None:
    keyspace = run("SET a x")

    refusal = keyspace.execute([b"incr", b"a"])

    assert refusal is not None
    assert (refusal.command_index, refusal.name) == (1, "INCR")
    assert keyspace.execute([b"SET", b"a", b"1"]) is None


def test_random_choice_stops_unless_it_is_allowed() -> None:
    lines = ["SADD s a b c", "SPOP s"]

    with pytest.raises(ReplayStopError) as caught:
        run(*lines)
    assert caught.value.reason == "random"

    keyspace = run(*lines, allow_random=True)
    assert len(value(keyspace, "s")) == 2
    assert keyspace.random_choices == 1


def test_results_that_depend_on_the_clock_are_counted() -> None:
    keyspace = run("SET a 1 PXAT 1900000000000", "SET b 1 EX 10", "XADD x * f v")

    assert keyspace.clock_reads == 2


class Watcher:
    def __init__(self) -> None:
        self.seen: list[tuple[int, int, list[bytes]]] = []

    def keys_changed(self, command_index: int, db: int, keys: Sequence[bytes]) -> None:
        self.seen.append((command_index, db, list(keys)))


def test_observer_hears_of_changed_keys_only() -> None:
    keyspace = Keyspace("redis-7.0")
    watcher = Watcher()
    keyspace.observe(watcher)

    for line in ("SET a 1", "GET a", "DEL nothing", "MULTI", "MSET a 2 b 3", "SELECT 1", "SADD s x", "EXEC"):
        keyspace.execute([word.encode() for word in line.split()])

    assert watcher.seen == [(0, 0, [b"a"]), (4, 0, [b"a", b"b"]), (6, 1, [b"s"])]


def test_observer_hears_of_a_flush_and_a_swap() -> None:
    keyspace = run("SET a 1", "SELECT 1", "SET b 1")
    watcher = Watcher()
    keyspace.observe(watcher)

    keyspace.execute([b"SWAPDB", b"0", b"1"])
    keyspace.execute([b"FLUSHALL"])

    assert watcher.seen == [(3, 0, [b"b"]), (3, 1, [b"a"]), (4, 0, [b"b"]), (4, 1, [b"a"])]


def test_records_are_taken_over_with_their_expire_time() -> None:
    keyspace = Keyspace("redis-7.0")

    keyspace.load_record(2, b"k", b"5", 1000)
    keyspace.execute_all([[b"SELECT", b"2"], [b"INCR", b"k"]])

    assert keyspace.databases[2].entry(b"k") == (b"6", 1000)


@pytest.mark.parametrize(("encoding", "sign"), [("listpack", "-0.0"), ("skiplist", "0.0"), (None, "0.0")])
def test_minus_zero_of_a_record_stays_where_its_text_is_kept(encoding: str | None, sign: str) -> None:
    keyspace = Keyspace("redis-7.0")

    keyspace.load_record(0, b"z", ZSetValue({b"m": -0.0}), encoding=encoding)

    assert str(value(keyspace, "z")[b"m"]) == sign


def test_flavour_of_an_unknown_name_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"redis-5\.0"):
        flavour_named("redis-5.0")

    assert set(FLAVOURS) >= {
        "redis-6.2",
        "redis-7.0",
        "redis-7.2",
        "redis-7.4",
        "redis-8.0",
        "redis-8.2",
        "redis-8.4",
        "redis-8.6",
        "valkey-8.1",
        "valkey-9.1",
    }


@flavours
def test_values_can_be_pickled(flavour: Flavour) -> None:
    keyspace = run(
        "ZADD z 1 a 2 b",
        "ZPOPMIN z",
        "RPUSH l 1",
        "SADD s a",
        "HSET h f v",
        "XADD x 1-1 f v",
        flavour=flavour,
    )

    for key in ("z", "l", "s", "h", "x"):
        assert pickle.loads(pickle.dumps(value(keyspace, key))) == value(keyspace, key)


# Only a build for clusters of its own has it, and no release.
_OF_NO_RELEASE = {b"SFLUSH"}


@pytest.mark.parametrize("release", NAMES.values(), ids=NAMES)
def test_what_writes_is_run_for_the_releases_that_have_it(release: Release) -> None:
    run_here = set(commands_of(flavour_of_release(release)))
    own = [spec for spec in all_commands() if spec.is_write and not spec.of_module and not spec.is_container]
    there = {spec.name for spec in own if spec.exists_on(release.name)}

    assert len(there) > 80
    assert there <= run_here
    assert run_here & {spec.name for spec in own} - _OF_NO_RELEASE == there
