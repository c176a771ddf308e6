"""An RDB part behind other files of a log: servers read it, and end where what it holds is there already."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.model import Outcome, Severity
from tests.builders import command, log, rdb, rdb_database, rdb_record, rdb_string, select, write_multi_part
from tests.servers.discovery import Build, server_params
from tests.servers.process import Server
from tests.verbs import ask

LIBRARY = b"\xf5" + rdb_string("#!lua name=lib1\nredis.register_function('f1', function() return 1 end)")


def part(*keys: str, db: int = 0, front: bytes = b"") -> bytes:
    records = rdb_database(db, *(rdb_record(0, key, rdb_string("1")) for key in keys))
    return rdb(front + records, magic=b"REDIS0010")


def commands(*words: tuple[str, ...], db: int = 0) -> bytes:
    return log(select(db), *(command(*row) for row in words))


# Files in order, and the code of what ends every server; none where all go on.
CASES: dict[str, tuple[list[bytes], str]] = {
    "other-keys": ([part("a"), part("b")], ""),
    "commands-behind": ([part("a"), part("b") + commands(("SET", "c", "1"))], ""),
    "no-keys": ([part("a"), rdb(magic=b"REDIS0010")], ""),
    "other-database": ([commands(("SET", "a", "1"), db=1), part("a")], ""),
    "deleted-before": ([part("a"), commands(("SET", "q", "1"), ("DEL", "q")), part("q")], ""),
    "key-of-the-base": ([part("a"), part("a")], "duplicate-key-before"),
    "key-of-commands": ([part("a"), commands(("SET", "q", "1")), part("b", "q")], "duplicate-key-before"),
    "library-of-the-base": ([part("a", front=LIBRARY), part("b", front=LIBRARY)], "function-before"),
}


def put(folder: Path, case: str) -> Path:
    base, *incrs = CASES[case][0]
    return write_multi_part(folder, base=base, incrs=incrs, base_is_rdb=base.startswith(b"REDIS")).parent


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("server_build", server_params(since="7.0"))
def test_servers_do_as_foretold(server_build: Build, case: str, tmp_path: Path) -> None:
    folder, code = put(tmp_path / "appendonlydir", case), CASES[case][1]
    server = Server(server_build, source=folder)
    try:
        loaded = server.start().loaded
    finally:
        server.remove()

    report = check(find_log(str(folder)))

    assert loaded == (not code)
    assert (report.outcome(server_build.release).outcome is Outcome.LOAD) == loaded
    damage = [finding.code for finding in report.findings if finding.severity is Severity.DAMAGE]
    assert damage == ([code] if code else [])


@pytest.mark.parametrize("case", CASES)
def test_inspect_says_as_check(case: str, tmp_path: Path) -> None:
    folder = put(tmp_path / "appendonlydir", case)

    codes = [ask((verb, "IN"), folder, tmp_path / "out").code for verb in ("check", "inspect")]

    assert codes == [1 if CASES[case][1] else 0] * 2


def test_what_a_replay_cannot_tell_is_a_warning(tmp_path: Path) -> None:
    script = commands(("EVAL", "return redis.call('SET', KEYS[1], 1)", "1", "q"))
    folder = write_multi_part(tmp_path / "d", base=part("a"), incrs=[script, part("q")], base_is_rdb=True)

    report = check(find_log(str(folder.parent)))

    assert [finding.code for finding in report.findings if finding.severity is Severity.WARNING] == [
        "part-behind"
    ]
    assert any("is there already" in note for row in report.outcomes for note in row.notes)
