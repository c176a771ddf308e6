"""A set of more files than a process may open is read, and told of in a few lines."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aoftool.aof import holding
from aoftool.files import held
from tests.builders import command, log, manifest_line, put_generation, select
from tests.verbs import READING_ONCE, ask

FILES = 150
ALLOWED = 120
LIVE_FILES = 80


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("many")
    lines = manifest_line("appendonly.aof.1.base.aof", 1, "b")
    (made / "appendonly.aof.1.base.aof").write_bytes(b"")
    for number in range(1, FILES + 1):
        name = f"appendonly.aof.{number}.incr.aof"
        (made / name).write_bytes(log(select(0), ("SET", "same", number), ("SET", f"key:{number}", "v")))
        lines += manifest_line(name, number, "i")
    (made / "appendonly.aof.manifest").write_text(lines)
    for call in READING_ONCE:
        # All of the program is loaded before the limit holds: that takes descriptors too.
        ask(call, made, made / "out")
    return made


@pytest.fixture
def few_descriptors(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(ALLOWED, used + 60), before[1]))
    # As where the system grants no more; a limit that was lowered for good could not be taken back.
    monkeypatch.setattr(held, "_has_room", lambda files: False)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("few_descriptors")
@pytest.mark.parametrize("call", READING_ONCE, ids=" ".join)
def test_more_files_than_may_be_open(folder: Path, tmp_path: Path, call: tuple[str, ...]) -> None:
    answer = ask(call, folder, tmp_path / "out")

    assert answer.code == 0, answer.err
    assert "Too many open files" not in answer.err


@pytest.fixture
def large_live_set(tmp_path: Path) -> Iterator[Path]:
    """A set of many files, and the limits of a shell."""
    made, lines = tmp_path / "appendonlydir", manifest_line("appendonly.aof.1.base.aof", 1, "b")
    made.mkdir()
    (made / "appendonly.aof.1.base.aof").write_bytes(log(select(0), ("SET", "same", "v")))
    for number in range(1, LIVE_FILES + 1):
        name = f"appendonly.aof.{number}.incr.aof"
        (made / name).write_bytes(log(select(0), ("SET", f"key:{number}", "v")))
        lines += manifest_line(name, number, "i")
    (made / "appendonly.aof.manifest").write_text(lines)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, before[1]))
    yield made
    resource.setrlimit(resource.RLIMIT_NOFILE, before)
    held.release_files()


@pytest.mark.parametrize("call", READING_ONCE, ids=" ".join)
def test_a_large_set_that_is_replaced_while_it_is_read(
    large_live_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: tuple[str, ...]
) -> None:
    hold = holding.hold_log

    def hold_then_rewrite(*words: Any, **more: Any) -> Any:
        found = hold(*words, **more)
        put_generation(large_live_set, LIVE_FILES + 1)
        for number in range(1, LIVE_FILES + 1):
            (large_live_set / f"appendonly.aof.{number}.incr.aof").unlink(missing_ok=True)
        (large_live_set / "appendonly.aof.1.base.aof").unlink(missing_ok=True)
        monkeypatch.setattr(holding, "hold_log", hold)
        return found

    monkeypatch.setattr(holding, "hold_log", hold_then_rewrite)

    answer = ask(call, large_live_set, tmp_path / "out")

    assert answer.problem() is None
    assert answer.code == (call[0] == "diff"), answer.err
    assert f"it was read as it was at the start: base 1, incr 1 to {LIVE_FILES}" in answer.err


@pytest.mark.parametrize("verb", ["check", "inspect"])
def test_the_lines_of_many_files_are_folded(folder: Path, tmp_path: Path, verb: str) -> None:
    said = ask((verb, "IN"), folder, tmp_path / "out").out

    assert said.count(".incr.aof") < 12
    assert "appendonly.aof.1.incr.aof" in said
    assert f"appendonly.aof.{FILES}.incr.aof" in said
    assert f"and {FILES + 1 - 8} more files" in said


def test_what_is_wrong_is_not_folded(folder: Path, tmp_path: Path) -> None:
    path = folder / "appendonly.aof.77.incr.aof"
    whole = path.read_bytes()
    path.write_bytes(whole + command("SET", "x", "y")[:-4])
    try:
        answer = ask(("check", "IN"), folder, tmp_path / "out")
    finally:
        path.write_bytes(whole)

    assert answer.code == 1
    assert "torn-tail       " in answer.out
    assert "appendonly.aof.77.incr.aof" in answer.out.partition("damage:")[0]
    assert f"and {FILES + 1 - 9} more files" in answer.out


@pytest.mark.parametrize("lines", [3_000, pytest.param(60_000, marks=pytest.mark.soak)])
def test_thousands_of_lines_without_files_take_a_screen(tmp_path: Path, lines: int) -> None:
    listed = "".join(manifest_line(f"appendonly.aof.{n}.incr.aof", n, "i") for n in range(1, lines))
    (tmp_path / "appendonly.aof.manifest").write_text(listed)

    answer = ask(("check", "IN"), tmp_path, tmp_path / "out")

    assert answer.code == 1
    assert len(answer.out) < 20_000
    assert "more file" in answer.out or "more finding" in answer.out


def test_thousands_of_unlisted_files_are_summed_up(folder: Path, tmp_path: Path) -> None:
    made = tmp_path / "set"
    made.mkdir()
    for number in range(1, 250):
        (made / f"appendonly.aof.{number}.incr.aof").write_bytes(b"")
    (made / "appendonly.aof.manifest").write_text(manifest_line("appendonly.aof.1.incr.aof", 1, "i"))

    found = json.loads(ask(("check", "--json", "IN"), made, tmp_path / "out").out)["logs"][0]["findings"]

    orphans = [finding["message"] for finding in found if finding["code"] == "orphan-file"]
    assert len(orphans) == 101
    assert orphans[-1].startswith("the same of 147 more files; the last: appendonly.aof.249.incr.aof")
