"""The simulated loaders against the real ones, on small files made for each rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.loaders.targets import TARGETS, Target, target_named
from aoftool.check.model import Outcome
from aoftool.errors import UsageError
from aoftool.releases import in_words
from tests.builders import command, rdb, rdb_string
from tests.servers.discovery import Build, find_builds, server_params
from tests.servers.process import Server

BLOCK = (
    b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"
    b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"
    b"*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$2\r\n22\r\n"
)
GOOD = b"*3\r\n$3\r\nSET\r\n$1\r\nc\r\n$3\r\n333\r\n"
MULTI = b"*1\r\n$5\r\nMULTI\r\n"
EXEC = b"*1\r\n$4\r\nEXEC\r\n"
IN_MULTI = b"*3\r\n$3\r\nSET\r\n$2\r\nm1\r\n$1\r\n1\r\n"

VECTORS = {
    "whole": b"",
    "torn-star": b"*",
    "torn-header": b"*3\r\n",
    "torn-name": b"*3\r\n$3\r\nSE",
    "no-final-crlf": GOOD[:-2],
    "cr-only": GOOD[:-1],
    "open-multi": MULTI + IN_MULTI,
    "torn-in-multi": MULTI + IN_MULTI + b"*3\r\n$3\r\nSET\r\n$2\r\nm2\r\n$1\r\n",
    "nul-1": b"\0",
    "nl-1": b"\n",
    "torn-ts": b"#TS:17000",
    "glued-ts": b"#TS:17000" + BLOCK,
    "huge-len": b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$1000000000\r\n9\r\n" + GOOD,
    "wrap-argc": b"*4294967299\r\n$3\r\nSET\r\n$1\r\nx\r\n$1\r\n9\r\n",
    "bad-crlf": b"*3\r\n$3\r\nSETzz$1\r\nxzz$1\r\n9zz",
    "zero-argc": b"*0\r\n",
    "nul-value": b"*3\r\n$3\r\nSET\r\n$1\r\nc\r\n$3\r\n3\0\0\0\0",
    "null-bulk": b"*3\r\n$3\r\nSET\r\n$1\r\nc\r\n$-1\r\n",
    "unknown": b"*2\r\n$4\r\nBLAH\r\n$1\r\nx\r\n" + GOOD,
    "unknown-in-multi": MULTI + b"*2\r\n$4\r\nBLAH\r\n$1\r\nx\r\n" + EXEC,
    "subcommand": b"*2\r\n$6\r\nXGROUP\r\n$4\r\nNOPE\r\n" + GOOD,
    "arity": b"*2\r\n$3\r\nSET\r\n$1\r\nx\r\n" + GOOD,
    "lone-exec": EXEC + GOOD,
    "nested-multi": MULTI + IN_MULTI + MULTI + IN_MULTI + EXEC,
    "discard-in-multi": MULTI + b"*1\r\n$7\r\nDISCARD\r\n" + IN_MULTI + EXEC,
    "lone-discard": b"*1\r\n$7\r\nDISCARD\r\n" + GOOD,
    "bad-select": b"*2\r\n$6\r\nSELECT\r\n$1\r\nx\r\n" + GOOD,
    "inline": b"SET x 9\r\n" + GOOD,
    "long-line": b"*" + b"0" * 130 + b"3\r\n$3\r\nSET\r\n$1\r\nc\r\n$1\r\n1\r\n",
    "annotation": b"#hello\n" + GOOD,
    "lf-header": b"*3\n$3\r\nSET\r\n$1\r\nc\r\n$1\r\n1\r\n" + GOOD,
}
# These take the process down slowly or need a debugger's patience on some builds.
CRASHES = {"null-bulk", "discard-in-multi"}


def foretell(tmp_path: Path, tail: bytes, target: str) -> tuple[Outcome, int | None]:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(BLOCK + tail)
    row = check(find_log(path)).outcome(target)
    return row.outcome, row.cut_to


def each_vector_on_one_server() -> list[Any]:
    """Return (vector, build) so that every vector and every server has its turn."""
    found = list(find_builds())
    names = [name for name in VECTORS if name not in CRASHES]
    if not found:
        return [pytest.param("", None, marks=pytest.mark.skip("no server on this machine"))]
    return [(name, found[number % len(found)]) for number, name in enumerate(names)]


@pytest.mark.server
@pytest.mark.parametrize(("vector", "build"), each_vector_on_one_server(), ids=str)
def test_a_real_server_does_what_was_foretold(vector: str, build: Build, tmp_path: Path) -> None:
    assert_foretold(vector, build, tmp_path)


@pytest.mark.soak
@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(since="6.0"), ids=str)
@pytest.mark.parametrize("vector", [name for name in VECTORS if name not in CRASHES])
def test_every_server_does_what_was_foretold(vector: str, server_build: Build, tmp_path: Path) -> None:
    assert_foretold(vector, server_build, tmp_path)


def assert_foretold(vector: str, server_build: Build, tmp_path: Path) -> None:
    line = server_build.release
    foretold, cut_to = foretell(tmp_path, VECTORS[vector], line)

    with Server(server_build, source=tmp_path / "appendonly.aof") as server:
        outcome = server.outcome

    assert outcome is not None
    cuts = [size for name, size in outcome.cut_bytes.items() if not name.endswith("manifest")]
    if foretold is Outcome.CUT:
        assert outcome.loaded
        assert cuts == [len(BLOCK + VECTORS[vector]) - (cut_to or 0)]
    elif foretold is Outcome.LOAD:
        assert outcome.loaded
        assert cuts == []
    elif foretold is Outcome.CRASH and vector == "arity" and outcome.loaded:
        pass  # What stands in memory behind the arguments decides.
    elif foretold is Outcome.CRASH:
        assert not outcome.loaded
        assert outcome.signal is not None
    else:
        assert not outcome.loaded
        assert outcome.exit_status == 1


def test_a_tear_inside_a_transaction_is_cut_at_its_multi_by_one_server_only(tmp_path: Path) -> None:
    cuts = {t.name: foretell(tmp_path, VECTORS["torn-in-multi"], t.name)[1] for t in TARGETS}

    assert in_words([name for name, cut in cuts.items() if cut == 78]) == "valkey-9.0 to 9.2"
    assert (
        in_words([name for name, cut in cuts.items() if cut == 121]) == "redis-6.0 to 8.12, valkey-7.2 to 8.1"
    )


def test_an_annotation_stops_only_redis_6(tmp_path: Path) -> None:
    outcomes = {t.name: foretell(tmp_path, b"#TS:1700000000\r\n", t.name)[0] for t in TARGETS}

    refusing = [name for name, outcome in outcomes.items() if outcome is not Outcome.LOAD]
    assert in_words(refusing) == "redis-6.0 to 6.2"


def test_a_longer_version_names_its_line() -> None:
    assert target_named("redis-7.0.15").name == "redis-7.0"


def test_an_unknown_target_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        target_named("redis-1.0")


def multi_part(tmp_path: Path, manifest: bytes, names: tuple[str, ...]) -> Path:
    directory = tmp_path / "appendonlydir"
    directory.mkdir()
    for name in names:
        (directory / name).write_bytes(BLOCK)
    (directory / "appendonly.aof.manifest").write_bytes(manifest)
    return directory


def test_a_quote_in_the_middle_of_a_word_is_read_by_valkey_9_only(tmp_path: Path) -> None:
    manifest = b'file "appendonly.aof.1.base".aof seq 1 type b\n'
    path = multi_part(tmp_path, manifest, ("appendonly.aof.1.base.aof",))

    report = check(find_log(path))

    foretold = {row.target: row.outcome for row in report.outcomes}
    words = {outcome: in_words([n for n, o in foretold.items() if o is outcome]) for outcome in Outcome}
    assert words[Outcome.LOAD] == "valkey-9.0 to 9.2"
    assert words[Outcome.UNSUPPORTED] == "redis-6.0 to 6.2"
    assert words[Outcome.REFUSE] == "redis-7.0 to 8.12, valkey-7.2 to 8.1"
    assert not report.intact


def test_a_file_that_only_valkey_9_reads_from_the_manifest_may_be_missing(tmp_path: Path) -> None:
    report = check(find_log(multi_part(tmp_path, b'file "a"b seq 1 type b\n', ())))

    assert report.outcome("valkey-9.1").message.startswith("Unable to obtain the AOF file ab length")
    assert report.outcome("redis-7.0").message.endswith("Invalid AOF manifest file format")


# HSET on a string.
FAILING = command("EVAL", "return redis.call('HSET', 'a', 'f', 'v')", 0)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_script_outside_a_transaction_has_a_note_where_its_failure_would_kill(
    target: Target, tmp_path: Path
) -> None:
    path = tmp_path / "appendonly.aof"

    path.write_bytes(BLOCK + FAILING)
    bare = check(find_log(path)).outcome(target.name).notes
    path.write_bytes(BLOCK + MULTI + FAILING + EXEC)
    queued = check(find_log(path)).outcome(target.name).notes

    noted = [note for note in bare if note.startswith(f"EVAL at offset {len(BLOCK)} runs a script")]
    assert len(noted) == (target.name not in ("redis-6.0", "redis-6.2"))
    assert not any("script" in note for note in queued)


@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(since="6.0"), ids=str)
def test_a_command_that_fails_in_a_script_kills_where_the_note_says_so(
    server_build: Build, tmp_path: Path
) -> None:
    line = server_build.release
    path = tmp_path / "appendonly.aof"
    path.write_bytes(BLOCK + FAILING)
    noted = any("script" in note for note in check(find_log(path)).outcome(line).notes)

    with Server(server_build, source=path, settings={"crash-log-enabled": "no"}) as server:
        seen = server.outcome

    assert seen is not None
    assert (seen.signal is not None) == noted


SYNC = b"*1\r\n$4\r\nSYNC\r\n"


@pytest.mark.parametrize("tail", [b"", b"*2\r\n$3\r\nDEL\r\n$1"], ids=["whole", "torn"])
def test_the_oldest_server_loads_and_cuts_a_log_with_sync_before_it_dies_of_it(
    tail: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(BLOCK + SYNC + BLOCK + tail)

    report = check(find_log(path))

    oldest = report.outcome("redis-6.2")
    assert oldest.outcome is Outcome.CRASH
    assert oldest.cut_to == (len(BLOCK + SYNC + BLOCK) if tail else None)
    others = {row.outcome for row in report.outcomes if not row.target.startswith("redis-6")}
    assert others == {Outcome.CUT if tail else Outcome.LOAD}


def test_a_refusal_comes_before_the_death_that_sync_leads_to(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(BLOCK + SYNC + b"x" + BLOCK)

    assert check(find_log(path)).outcome("redis-6.2").outcome is Outcome.REFUSE


@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(since="6.0"), ids=str)
def test_sync_in_a_log_kills_the_oldest_server_only_and_not_each_time(
    server_build: Build, tmp_path: Path
) -> None:
    line = server_build.release
    path = tmp_path / "appendonly.aof"
    path.write_bytes(BLOCK + SYNC + BLOCK)
    foretold = check(find_log(path)).outcome(line).outcome

    signals = set()
    for _ in range(8 if foretold is Outcome.CRASH else 1):
        with Server(server_build, source=path, settings={"crash-log-enabled": "no"}) as server:
            assert server.outcome is not None
            signals.add(server.outcome.signal)

    assert (11 in signals) == (foretold is Outcome.CRASH)
    assert signals <= {None, 11}


def test_a_command_pending_in_a_torn_transaction_kills_no_server(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    auth = b"*3\r\n$4\r\nAUTH\r\n$1\r\na\r\n$1P\r\nb\r\n"
    path.write_bytes(BLOCK + MULTI + IN_MULTI + auth + b"x" + EXEC)

    report = check(find_log(path))

    assert {row.outcome for row in report.outcomes} == {Outcome.REFUSE}


@pytest.mark.parametrize("build", server_params(since="6.0"), ids=str)
@pytest.mark.parametrize(
    ("body", "certain"),
    [
        ("server.register_function('f',function() return 1 end)", True),
        ("redis.register_function('f',function() return server.call('PING') end)", False),
    ],
)
def test_a_library_on_the_server_object_is_foretold(
    tmp_path: Path, build: Build, body: str, certain: bool
) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(rdb(b"\xf5" + rdb_string("#!lua name=l\n" + body), magic=b"REDIS0010"))
    foretold = check(find_log(path)).outcome(build.release)

    with Server(build, source=path) as server:
        seen = server.outcome

    assert seen is not None
    assert seen.loaded == (foretold.outcome is Outcome.LOAD)
    if build.kind == "redis" and build.multi_part and not certain:
        assert any("`server`" in note for note in foretold.notes)
