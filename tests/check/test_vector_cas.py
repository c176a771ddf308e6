"""VADD with CAS for a set that has elements ends every Redis that has vector sets: said, mended, measured."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.model import Outcome, Severity
from tests.builders import command, log, select, transaction, write_multi_part
from tests.servers.discovery import Build, server_params
from tests.servers.process import Server
from tests.verbs import ask


def add(key: str, element: str, *options: str, numbers: tuple[int, ...] = (1, 2)) -> bytes:
    return command("VADD", key, "VALUES", len(numbers), *numbers, element, *options)


# Commands, and whether a server outlives them.
CASES = {
    "new-in-its-set": ((add("v", "a"), add("v", "b", "CAS")), False),
    "in-small-letters": ((add("v", "a"), add("v", "b", "cas")), False),
    "behind-an-option": ((add("v", "a"), add("v", "b", "EF", "50", "CAS")), False),
    "both-with-cas": ((add("v", "a", "CAS"), add("v", "b", "CAS")), False),
    "renamed": ((add("v", "a"), command("RENAME", "v", "w"), add("w", "b", "CAS")), False),
    "set-is-new": ((add("v", "a", "CAS"),), True),
    "other-database": ((add("v", "a"), select(1), add("v", "b", "CAS")), True),
    "key-deleted": ((add("v", "a"), command("DEL", "v"), add("v", "b", "CAS")), True),
    "flushed": ((add("v", "a"), command("FLUSHALL"), add("v", "b", "CAS")), True),
    "element-removed": ((add("v", "a"), command("VREM", "v", "a"), add("v", "b", "CAS")), True),
    "element-known": ((add("v", "a"), add("v", "a", "CAS")), True),
    "in-transaction": ((add("v", "a"), transaction(add("v", "b", "CAS"))), True),
    "element-of-that-name": ((add("v", "a"), add("v", "CAS")), True),
    "value-of-an-option": ((add("v", "a"), add("v", "b", "SETATTR", "CAS")), True),
}


def file_with(path: Path, *commands: bytes) -> Path:
    path.write_bytes(log(select(0), *commands, command("SET", "k", "v")))
    return path


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("server_build", server_params(kind="redis", since="8.0"))
def test_the_server_ends_as_foretold(server_build: Build, case: str, tmp_path: Path) -> None:
    commands, outlived = CASES[case]
    path = file_with(tmp_path / "appendonly.aof", *commands)
    server = Server(server_build)
    server.place_aof(path.read_bytes())
    try:
        loaded = server.start().loaded
    finally:
        server.remove()

    report = check(find_log(str(path)))

    assert loaded == outlived
    assert (report.outcome(server_build.release).outcome is Outcome.LOAD) == outlived
    assert report.intact == outlived


@pytest.mark.parametrize("server_build", server_params(kind="redis", since="8.0"))
def test_what_fix_leaves_loads_with_all_elements(server_build: Build, tmp_path: Path) -> None:
    adds = (add("v", str(number), *["CAS"] * (number % 2)) for number in range(20))
    path = file_with(tmp_path / "appendonly.aof", *adds)

    checked = ask(("check", "IN"), path, tmp_path / "out")
    fixed = ask(("fix", "--yes", "IN"), path, tmp_path / "out")
    again = ask(("check", "IN"), path, tmp_path / "out")

    assert (checked.code, fixed.code, again.code) == (1, 0, 0)
    assert f"next: aoftool fix --dry-run {path}" in checked.out
    assert "nothing that a server would have run is lost" in fixed.out
    with Server(server_build, source=path) as server:
        assert server.send("VCARD", "v") == 20
        assert server.send("GET", "k") == b"v"


@pytest.mark.parametrize("server_build", server_params(kind="redis", since="8.0"))
def test_a_set_in_the_base_or_in_an_earlier_file_has_elements(server_build: Build, tmp_path: Path) -> None:
    incrs = (log(select(0), add("v", "a")), log(select(0), add("v", "b", "CAS")))
    with Server(server_build) as server:
        server.send("VADD", "v", "VALUES", 2, 1, 2, "a")
        server.rewrite()
        base = next(server.log_directory.glob("*.base.rdb")).read_bytes()
    early = write_multi_part(tmp_path / "early", base=b"", incrs=incrs).parent
    based = write_multi_part(tmp_path / "based", base=base, incrs=incrs[1:], base_is_rdb=True).parent

    for path in (early, based):
        server = Server(server_build, source=path)
        try:
            assert not server.start().loaded
        finally:
            server.remove()
        report = check(find_log(str(path)))
        damage = [finding.code for finding in report.findings if finding.severity is Severity.DAMAGE]

        assert damage == ["hurtful-command"]
        assert report.outcome(server_build.release).outcome is Outcome.CRASH


@pytest.mark.parametrize(("verb", "rest"), list(itertools.product(("check", "inspect"), ((), ("--json",)))))
def test_verbs_agree_that_the_log_cannot_be_loaded(verb: str, rest: tuple[str, ...], tmp_path: Path) -> None:
    path = file_with(tmp_path / "appendonly.aof", *CASES["new-in-its-set"][0])

    answer = ask((verb, *rest, "IN"), path, tmp_path / "out")

    assert answer.code == 1
    assert "hurtful-command" in answer.out or "unloadable" in answer.out
