"""Mutated logs on real servers: they end as foretold, or it was said that this cannot be known."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.model import Level, Outcome, ServerOutcome
from aoftool.errors import AoftoolError
from tests.builders import command, select, write_multi_part
from tests.rdb.samples import SAMPLES
from tests.servers.discovery import Build, find_builds
from tests.servers.process import Outcome as Seen
from tests.servers.process import Server
from tests.test_mutations import TAIL, mutated

INPUTS = 18
SOAK_INPUTS = 1000
START_S = 15.0
# What `check` says where something beyond the log decides.
_UNCERTAIN = re.compile(r"\b(most times|may|might|can|if|builds with|depends|is answered|loads and gives)\b")


_ENDING_BYTES = 9
_COMMANDS = [
    ("SET", "key:2", "w", "EX", "100"),
    ("INCR", "n"),
    ("LPUSH", "list", "a", "b"),
    ("ZADD", "z", "1", "m", "2", "o"),
    ("SETBIT", "bits", "7", "1"),
    ("XGROUP", "CREATE", "s", "g", "0"),
    ("EVAL", "return 1", "0"),
    ("SWAPDB", "0", "1"),
    ("COPY", "z", "z2"),
    ("FUNCTION", "FLUSH"),
    ("FLUSHDB",),
]
_WRITES = [
    ("RPUSH", "l", "a", "b", "c"),
    ("LMOVE", "l", "m", "LEFT", "RIGHT"),
    ("HSET", "h", "f", "1"),
    ("SADD", "set", "a"),
    ("SMOVE", "set", "other", "a"),
    ("ZUNIONSTORE", "u", "1", "z"),
    ("RESTORE", "r", "0", "x"),
    ("XADD", "s", "9-9", "f", "v"),
    ("PFADD", "p", "a"),
    ("BITOP", "NOT", "b", "bits"),
    ("GETEX", "key:2", "PERSIST"),
    ("RENAME", "h", "h2"),
]


_MARKS = [("MULTI",), ("EXEC",), ("DISCARD",), ("SELECT", "20"), ("SELECT", "x"), ("NONE", "a"), ("PING",)]


def _changed_commands(chance: random.Random) -> bytes:
    """Return commands in sound framing: arguments lost or doubled, marks put in, the order changed."""
    commands = [list(words) for words in chance.choices([*_COMMANDS, *_WRITES], k=6)]
    for _ in range(chance.choice((1, 1, 2, 3))):
        at = chance.randrange(len(commands))
        words = commands[at]
        kind = chance.randrange(4)
        if kind == 0 and len(words) > 1:
            del words[chance.randrange(1, len(words))]
        elif kind == 1:
            words.insert(chance.randrange(1, len(words) + 1), chance.choice(["", "0", "-1", "x", "LEFT"]))
        elif kind == 2:
            commands.insert(at, list(chance.choice(_MARKS)))
        else:
            commands[at : at + 2] = commands[at : at + 2][::-1]
    return select(0) + b"".join(command(*words) for words in commands)


def place_mutated(folder: Path, number: int) -> Path:
    """Write the log of a number and return its path.

    RDB parts lose their checksum, or it would be all that any server looks at.
    """
    chance = random.Random(number)
    tail = TAIL + b"".join(command(*words) for words in chance.sample(_COMMANDS, k=4))
    kind = chance.randrange(10)
    if kind < 5:
        path = folder / "appendonly.aof"
        path.write_bytes(mutated(chance, tail) if kind < 2 else _changed_commands(chance))
        return path
    sample = chance.choice(SAMPLES).file[:-_ENDING_BYTES]
    part = (mutated(chance, sample) if kind < 8 else sample) + b"\xff" + bytes(8)
    if kind < 8:
        path = folder / chance.choice(("dump.rdb", "appendonly.aof"))
        path.write_bytes(part + (b"" if path.suffix == ".rdb" else tail))
        return path
    incrs = [mutated(chance, tail) if kind == 8 else tail, TAIL]
    write_multi_part(folder / "appendonlydir", base=part, base_is_rdb=True, incrs=incrs)
    if kind == 9:
        manifest = next((folder / "appendonlydir").glob("*.manifest"))
        manifest.write_bytes(mutated(chance, manifest.read_bytes()))
    return folder / "appendonlydir"


def disagreement(log: Path, build: Build) -> str | None:
    """Return how a server differs from what was foretold; None when it does not, or that was left open."""
    try:
        report = check(find_log(str(log)), Level.DEEP)
    except AoftoolError:
        return None  # it is no log, or is of another product
    foretold = report.outcome(build.release)
    if foretold.outcome is Outcome.UNSUPPORTED:
        return None
    server = Server(build, databases=16, timeout_s=START_S)
    try:
        if log.is_dir() or log.suffix == ".rdb":
            server.place(log)
        else:
            server.place_aof(log.read_bytes())
        seen = server.start()
    except TimeoutError:
        return f"{build}: foretold {foretold.outcome.value}, and nothing came within {START_S} s"
    finally:
        server.remove()
    if _agrees(foretold, seen) or _UNCERTAIN.search(" ".join((foretold.message, *foretold.notes))):
        return None
    came = "load" if seen.loaded else f"signal {seen.signal}" if seen.signal else f"exit {seen.exit_status}"
    words = seen.log.strip().splitlines()[-1:] if not seen.loaded else []
    said = f"{foretold.outcome.value} ({foretold.message[:80]})"
    return f"{build}: foretold {said}, came {came} {seen.cut_bytes} {words}"


def _agrees(foretold: ServerOutcome, seen: Seen) -> bool:
    cuts = {name: size for name, size in seen.cut_bytes.items() if not name.endswith("manifest")}
    if foretold.outcome is Outcome.LOAD:
        return seen.loaded and not cuts
    if foretold.outcome is Outcome.CUT:
        left = [size for name, size in seen.sizes_after.items() if name in cuts]
        return seen.loaded and (left == [foretold.cut_to] or foretold.cut_to is None)
    if foretold.outcome is Outcome.CRASH:
        return seen.signal is not None
    # Redis looks at a part that it refused with its checker, and ends with what that says: 0 as well as 1.
    return not seen.loaded and seen.signal is None


def run_inputs(tmp_path: Path, numbers: range, builds: list[Build], *, each_on_all: bool) -> list[str]:
    found = []
    for number in numbers:
        folder = tmp_path / str(number)
        folder.mkdir()
        log = place_mutated(folder, number)
        for build in builds if each_on_all else [builds[number % len(builds)]]:
            if build.multi_part or not log.is_dir():
                problem = disagreement(log, build)
                if problem is not None:
                    found.append(f"input {number}: {problem}")
    return found


@pytest.mark.server
@pytest.mark.parametrize("share", range(6))
def test_mutated_logs_end_as_foretold(share: int, tmp_path: Path) -> None:
    builds = list(find_builds())
    if not builds:
        pytest.skip("no server on this machine")

    assert run_inputs(tmp_path, range(share, INPUTS, 6), builds, each_on_all=False) == []


@pytest.mark.soak
@pytest.mark.server
@pytest.mark.timeout(7200)
def test_many_mutated_logs_end_as_foretold_on_every_server(tmp_path: Path) -> None:
    assert run_inputs(tmp_path, range(INPUTS, SOAK_INPUTS), list(find_builds()), each_on_all=True) == []
