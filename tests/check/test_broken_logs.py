"""Logs broken by seed: what each server was foretold to do with them, against what it does."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.model import Outcome, Report, ServerOutcome
from tests.check.broken_logs import AOF, Breaker
from tests.servers.discovery import Build, server_params
from tests.servers.process import Outcome as Seen
from tests.servers.process import Server

SEEDS = 12
"""Logs tried on each server in the default run; the soak tries `SOAK_SEEDS`."""

SOAK_SEEDS = int(os.environ.get("AOFTOOL_SOAK_SEEDS", "1000"))
FIRST_SEED = int(os.environ.get("AOFTOOL_SOAK_FIRST", "0"))
"""The soak starts here, so that it can be run on logs that nobody has seen."""
SOAK = range(FIRST_SEED, FIRST_SEED + SOAK_SEEDS)

# The handler of crashes takes long to describe one, and can hang; the outcome is the same without it.
SETTINGS = {"crash-log-enabled": "no"}
# Texts that only describe what a server says.
DESCRIBED = (
    "it knows no type or opcode",
    "Internal error in RDB reading: ",
    "assertion failed",
    "signal 11",
    "out of memory",
)


@dataclass(frozen=True)
class Difference:
    """A log that a server treated in another way than foretold."""

    seed: int
    ways: str
    what: str
    foretold: ServerOutcome
    log: str

    def __str__(self) -> str:
        return f"seed {self.seed} ({self.ways}): {self.what}; foretold {self.foretold}\n{self.log}"


def break_log(seed: int, directory: Path, *, multi_part: bool) -> tuple[Path, str]:
    """Write the log of a seed; return its path and what was done to it."""
    breaker = Breaker(seed)
    directory.mkdir(parents=True, exist_ok=True)
    if multi_part:
        path = directory / "appendonlydir"
        path.mkdir()
        breaker.multi_part(path)
    else:
        path = directory / AOF
        path.write_bytes(breaker.single())
    return path, "+".join(breaker.done)


def run(build: Build, path: Path) -> Seen:
    """Start a server on a copy of a log; a single file lies where servers before 7.0 keep it."""
    server = Server(build, settings=SETTINGS, databases=16, timeout_s=20)
    if path.is_dir():
        server.log_directory.mkdir(exist_ok=True)
        for file in path.iterdir():
            (server.log_directory / file.name).write_bytes(file.read_bytes())
    else:
        (server.data_directory / AOF).write_bytes(path.read_bytes())
    with server:
        assert server.outcome is not None
        return server.outcome


def compare(foretold: ServerOutcome, seen: Seen, path: Path) -> str:
    """Return what is different, empty for nothing."""
    sizes = {Path(name).name: size for name, size in seen.sizes_after.items()}
    before = {Path(name).name: size for name, size in seen.sizes_before.items()}
    cut = {
        name: sizes[name]
        for name in before
        if name.endswith((".aof", ".rdb")) and sizes.get(name, before[name]) < before[name]
    }
    if foretold.outcome is Outcome.LOAD:
        return "" if seen.loaded and not cut else f"loaded {seen.loaded}, cut {cut}"
    if foretold.cut_to is not None and cut != {Path(foretold.path).name: foretold.cut_to}:
        expected = before.get(Path(foretold.path).name) == foretold.cut_to and not cut
        if not expected:
            return f"cut {cut}"
    if foretold.outcome is Outcome.CUT:
        return "" if seen.loaded else "not loaded"
    if seen.loaded:
        return "" if "most times" in foretold.message else "loaded"
    if foretold.outcome is Outcome.CRASH:
        return "" if seen.signal is not None or "obeys" in foretold.message else f"exit {seen.exit_status}"
    if seen.exit_status != 1:
        return f"ended with {seen.exit_status}, signal {seen.signal}"
    return next((f"line {line!r}" for line in foretold.message.split("\n") if not _told(line, seen.log)), "")


def _told(line: str, log: str) -> bool:
    if line.startswith(">>> '") or "nknown command '" in line:
        # Names are printed in another way, and long ones are cut.
        return line.split("'")[0] in log
    if line.startswith("Internal error in RDB reading offset 0 -> "):
        # The line of the source stands between the two.
        return line.split(" -> ")[1] in log
    return any(text in line for text in DESCRIBED) or line in log


def differences(build: Build, directory: Path, seeds: range, *, multi_part: bool) -> list[Difference]:
    line = build.release
    found = []
    for seed in seeds:
        path, ways = break_log(seed, directory / f"{seed}", multi_part=multi_part)
        report: Report = check(find_log(path))
        foretold = report.outcome(line)
        seen = run(build, path)
        what = compare(foretold, seen, path)
        if what and not hangs_on_memory(foretold):
            found.append(Difference(seed, ways, what, foretold, seen.log[-1500:]))
    return found


def hangs_on_memory(foretold: ServerOutcome) -> bool:
    """Tell whether a crash is foretold only as likely: arguments are read that are not there."""
    return "not there" in foretold.message


@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(since="6.0"), ids=str)
def test_servers_do_with_broken_files_what_was_foretold(server_build: Build, tmp_path: Path) -> None:
    assert differences(server_build, tmp_path, range(SEEDS), multi_part=False) == []


@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(since="7.0"), ids=str)
def test_servers_do_with_broken_sets_what_was_foretold(server_build: Build, tmp_path: Path) -> None:
    assert differences(server_build, tmp_path, range(SEEDS), multi_part=True) == []


@pytest.mark.soak
@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(since="6.0"), ids=str)
def test_many_broken_files_end_as_foretold(server_build: Build, tmp_path: Path) -> None:
    assert differences(server_build, tmp_path, SOAK, multi_part=False) == []


@pytest.mark.soak
@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(since="7.0"), ids=str)
def test_many_broken_sets_end_as_foretold(server_build: Build, tmp_path: Path) -> None:
    assert differences(server_build, tmp_path, SOAK[: SOAK_SEEDS // 2], multi_part=True) == []
