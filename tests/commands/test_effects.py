"""The effect of every kind of command and form, against the measured table's own wording."""

from __future__ import annotations

import pytest

from aoftool.commands.effects import EffectTable, KeyEffect, Role, Scope
from aoftool.commands.modules import module_of

MAX = b"9223372036854775807"


def split(text: str) -> list[bytes]:
    return [word.encode() for word in text.split()]


def uses(text: str, **options: object) -> list[tuple[int, str, int | None]]:
    effect = EffectTable(**options).of(split(text))  # type: ignore[arg-type]
    return [(use.position, use.effect.value, use.db) for use in effect.keys]


def only(effect: str, *positions: int) -> list[tuple[int, str, int | None]]:
    return [(position, effect, None) for position in positions]


@pytest.mark.parametrize(
    "text",
    [
        "SET k v",
        "set k v",
        "SET k v PXAT 1",
        f"SET k v pxat {MAX.decode()}",
        "SET k v EXAT 9223372036854775",
        "SET k v EX 10",
        "SET k v PX 9000000000000000",
        "SETEX k 10 v",
        "PSETEX k 10 v",
        "DEL k",
        "UNLINK k",
        "DELEX k",
        "MSET k v",
    ],
)
def test_whole_value_writes_that_cannot_fail_replace(text: str) -> None:
    assert uses(text) == only("replaces", 1)


@pytest.mark.parametrize(
    "text",
    [
        "SET k v NX",
        "SET k v XX GET PXAT 1",
        "SET k v KEEPTTL",
        "SET k v PXAT 0",
        "SET k v PXAT -5",
        "SET k v PXAT 01",
        "SET k v PXAT 9223372036854775808",
        "SET k v EXAT 9223372036854776",
        "SET k v EX 9000000000000001",
        "SET k v EX ten",
        "SETEX k 0 v",
        "PSETEX k 1 v extra",
        "SET k v IFEQ old",
        "SET k v IFDNE digest PXAT 1",
        "DELEX k IFEQ v",
        "DELEX k IFEQ",
        "XDELEX k ACKED IDS 1 1-1",
        "XACKDEL k g IDS 1 1-1",
        "XCFGSET k IDMP-MAXSIZE 5",
        "XIDMPRECORD k p i 1-1",
        "SETNX k v",
        "GETSET k v",
        "GETDEL k",
        "INCR k",
        "HSET k f v",
        "PEXPIREAT k 1",
        "RESTORE k 0 payload REPLACE",
        "MSET k",
    ],
)
def test_forms_that_may_fail_or_build_on_the_old_value_change(text: str) -> None:
    assert uses(text) == only("changes", 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MSET a 1 b 2 a 3", only("replaces", 1, 3, 5)),
        ("MSET a 1 b", only("changes", 1, 3)),
        ("DEL a b c", only("replaces", 1, 2, 3)),
        ("MSETEX 2 a 1 b 2", only("replaces", 2, 4)),
        ("MSETEX 2 a 1 b 2 PXAT 99", only("replaces", 2, 4)),
        ("MSETEX 2 a 1 b 2 PXAT 0", only("changes", 2, 4)),
        ("MSETEX 2 a 1 b 2 NX", only("changes", 2, 4)),
        ("MSETEX 2 a 1 b 2 KEEPTTL", only("changes", 2, 4)),
        ("MSETEX 9 a 1 b 2", only("changes", 2, 4)),
        ("MSETEX x a 1", []),
        ("PFCOUNT a", only("changes", 1)),
        ("PFCOUNT a b", only("reads", 1, 2)),
        ("PFMERGE d a b", only("changes", 1) + only("reads", 2, 3)),
        ("BITOP AND d a b", only("changes", 2) + only("reads", 3, 4)),
        ("RENAME a b", only("moves", 1, 2)),
        ("BITOP DIFF d a b", only("changes", 2) + only("reads", 3, 4)),
        ("ZMOVE a b m", only("moves", 1, 2)),
        ("ARSET a 0 v", only("changes", 1)),
        ("BLESS SET a", only("changes", 2)),
        ("BLESS GET a", []),
        ("SMOVE a b m", only("moves", 1, 2)),
        ("BLPOP a b 0", only("changes", 1, 2)),
        ("LMPOP 2 a b LEFT", only("changes", 2, 3)),
        ("BLMPOP 0 2 a b LEFT", only("changes", 3, 4)),
        ("ZUNIONSTORE d 2 a b WEIGHTS 1 2", only("changes", 1) + only("reads", 3, 4)),
        ("ZRANGESTORE d s 0 -1", only("changes", 1) + only("reads", 2)),
        ("XGROUP CREATE s g 0", only("changes", 2)),
        ("XREADGROUP GROUP g c COUNT 1 STREAMS a b > >", only("changes", 7, 8)),
        ("XREADGROUP GROUP STREAMS c STREAMS a >", only("changes", 5)),
        ("PFDEBUG TODENSE k", only("changes", 2)),
    ],
)
def test_positions_follow_the_shape_of_the_command(
    text: str, expected: list[tuple[int, str, int | None]]
) -> None:
    assert uses(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SORT s", only("changes", 1)),
        ("SORT s STORE d", only("changes", 1, 3)),
        ("SORT s STORE a STORE b", only("changes", 1, 5)),
        ("SORT s BY STORE ALPHA STORE d", only("changes", 1, 6)),
        ("SORT s STORE", only("changes", 1)),
        ("SORT s LIMIT 0 STORE d", only("changes", 1)),
        ("GEORADIUS s 0 0 1 m STORE d", [(1, "reads", None), (7, "changes", None)]),
        ("GEORADIUS s 0 0 1 m COUNT 5 STOREDIST d", [(1, "reads", None), (9, "changes", None)]),
        ("GEORADIUS s 0 0 1 m STORE a STORE b", [(1, "reads", None), (9, "changes", None)]),
        ("GEORADIUS s 0 0 1 m", only("reads", 1)),
    ],
)
def test_the_last_destination_option_counts(text: str, expected: list[tuple[int, str, int | None]]) -> None:
    assert uses(text) == expected


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("SORT s BY w_* STORE d", True),
        ("SORT s GET # GET o_*->f STORE d", True),
        ("SORT s BY nosort GET # STORE d", False),
        ("SORT s BY w_*", False),
    ],
)
def test_stored_sort_with_a_pattern_reads_its_database(text: str, pattern: bool) -> None:
    assert EffectTable().of(split(text)).form.reads_database is pattern


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COPY a b", [(1, "reads", None), (2, "changes", None)]),
        ("COPY a b DB 3", [(1, "reads", None), (2, "changes", 3)]),
        ("COPY a b DB 3 REPLACE db 4", [(1, "reads", None), (2, "changes", 4)]),
        ("COPY a b DB 03", []),
        ("COPY a b DB x DB 1", []),
        ("COPY a b DB 16", []),
        ("MOVE k 5", [(1, "moves", None), (1, "moves", 5)]),
        ("MOVE k 16", []),
        ("MOVE k +1", []),
    ],
)
def test_database_numbers_inside_commands_resolve_as_select_does(
    text: str, expected: list[tuple[int, str, int | None]]
) -> None:
    assert uses(text) == expected


@pytest.mark.parametrize("name", ["ARSET", "INCREX", "XNACK", "ZMOVE", "BLESS", "SADDEX", "PHSET"])
def test_what_was_never_measured_is_carried_and_not_executed(name: str) -> None:
    argv = [name.encode(), b"SET", b"a", b"b"]

    effect = EffectTable(replay=True).of(argv)

    assert effect.scope is Scope.KEY
    assert effect.form.carried
    assert {use.effect for use in effect.keys} <= {KeyEffect.CHANGES, KeyEffect.MOVES}
    assert not EffectTable().of(argv).form.carried
    assert EffectTable(replay=True, opaque=frozenset(argv[:1])).of(argv).scope is Scope.OPAQUE


def test_databases_of_the_target_decide_which_numbers_are_refused() -> None:
    assert uses("MOVE k 16", databases=64) == [(1, "moves", None), (1, "moves", 16)]


@pytest.mark.parametrize(
    ("text", "scope", "role"),
    [
        ("SELECT 3", Scope.NONE, Role.SELECT),
        ("SELECT 03", Scope.NONE, Role.NONE),
        ("SELECT 16", Scope.NONE, Role.NONE),
        ("SELECT 1 2", Scope.NONE, Role.NONE),
        ("SWAPDB 0 1", Scope.NONE, Role.SWAPDB),
        ("SWAPDB 0 16", Scope.NONE, Role.NONE),
        ("FLUSHDB", Scope.DB, Role.FLUSH),
        ("FLUSHDB async", Scope.DB, Role.FLUSH),
        ("FLUSHDB ASYNC SYNC", Scope.NONE, Role.NONE),
        ("FLUSHALL FOO", Scope.NONE, Role.NONE),
        ("FLUSHALL SYNC", Scope.ALL, Role.FLUSH),
        ("MULTI", Scope.NONE, Role.MULTI),
        ("exec", Scope.NONE, Role.EXEC),
        ("DISCARD", Scope.NONE, Role.DISCARD),
        ("WATCH a", Scope.OPAQUE, Role.WATCH),
        ("FUNCTION LOAD x", Scope.NONE, Role.FUNCTIONS),
        ("FUNCTION LIST", Scope.NONE, Role.NONE),
        ("FUNCTION", Scope.NONE, Role.NONE),
        ("SCRIPT LOAD x", Scope.NONE, Role.SCRIPTS),
        ("EVALSHA x 0", Scope.OPAQUE, Role.EVALSHA),
        ("EVAL x 0", Scope.OPAQUE, Role.NONE),
        ("CLUSTER SYNCSLOTS x", Scope.NONE, Role.NONE),
        ("CLUSTER FLUSHSLOT 5", Scope.OPAQUE, Role.NONE),
        ("CLUSTER INFO", Scope.OPAQUE, Role.NONE),
        ("MINE.SET k . 1", Scope.OPAQUE, Role.NONE),
        ("GET k", Scope.NONE, Role.NONE),
        ("PUBLISH c m", Scope.NONE, Role.NONE),
    ],
)
def test_scope_and_role_tell_what_a_reader_must_obey(text: str, scope: Scope, role: Role) -> None:
    effect = EffectTable().of(split(text))

    assert (effect.scope, effect.role) == (scope, role)


def test_unknown_commands_leave_the_selected_database_in_doubt() -> None:
    table = EffectTable()

    assert table.of([b"FOO.BAR", b"k"]).form.loses_db
    assert not table.of([b"EVAL", b"x", b"0"]).form.loses_db


@pytest.mark.parametrize(
    ("text", "replaces"),
    [
        ("RESTORE k 0 good REPLACE", True),
        ("RESTORE k 0 good replace ABSTTL", True),
        ("RESTORE k 5 good ABSTTL IDLETIME 4 REPLACE", True),
        ("RESTORE-ASKING k 0 good REPLACE FREQ 255", True),
        ("RESTORE k 0 good", False),
        ("RESTORE k 0 bad REPLACE", False),
        ("RESTORE k -1 good REPLACE", False),
        ("RESTORE k 0 good REPLACE FREQ 300", False),
        ("RESTORE k 0 good REPLACE FREQ 3 IDLETIME 1", False),
        ("RESTORE k 0 good REPLACE IDLETIME", False),
        ("RESTORE k 0 good REPLACE FOO", False),
    ],
)
def test_restore_replaces_only_what_is_proved_to_load(text: str, replaces: bool) -> None:
    table = EffectTable(payload_loads=lambda payload: payload == b"good")

    (use,) = table.of(split(text)).keys

    assert (use.effect is KeyEffect.REPLACES) is replaces


def test_positions_never_point_beyond_the_arguments() -> None:
    table = EffectTable()
    words = [b"9", b"STORE", b"DB", b"3", b"STREAMS", b"k", b"GET", b"REPLACE"]

    for name in sorted(table.names()):
        for argc in range(1, len(words) + 1):
            argv = [name, *words[: argc - 1]]
            # A name stands for what a command of a module changes and nothing names: only there position 0.
            least = 0 if module_of(name) else 1
            assert all(least <= use.position < argc for use in table.of(argv).keys), argv


def test_every_name_ends_in_a_form_that_always_applies_or_is_opaque() -> None:
    table = EffectTable()

    for name in sorted(table.names()):
        last = table.forms(name)[-1]
        assert last.when is None or table.of([name, b"?"]).scope is Scope.OPAQUE, name
