"""Damage that is in no list: what a salvage must keep, and what it must never make up."""

from __future__ import annotations

import bisect
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from aoftool.repair.model import EditKind, Plan
from aoftool.repair.writing import planned_pieces
from tests.repair.damage import Damaged, damaged_log
from tests.repair.workbench import plan_for
from tests.servers.discovery import Build, builds
from tests.servers.process import Server

# The share of seeds in which commands outside the damage and its transaction may be lost, or commands
# appear that never were in the log: a value cut by chance so that it parses, and the like.
ALLOWED = 0.005


@dataclass
class Parsed:
    commands: list[tuple[int, list[bytes]]] = field(default_factory=list)
    whole: bool = True


def parse(data: bytes) -> Parsed:
    """Read the canonical form, with nothing of the code under test."""
    result = Parsed()
    at = 0
    try:
        while at < len(data):
            start, argv = at, []
            if data[at : at + 1] != b"*":
                raise ValueError(at)
            line = data.index(b"\r\n", at)
            count = int(data[at + 1 : line])
            at = line + 2
            for _ in range(count):
                if data[at : at + 1] != b"$":
                    raise ValueError(at)
                line = data.index(b"\r\n", at)
                length = int(data[at + 1 : line])
                at = line + 2 + length + 2
                argv.append(data[line + 2 : line + 2 + length])
                if at > len(data):
                    raise ValueError(at)
            result.commands.append((start, argv))
    except ValueError:
        result.whole = False
    return result


@dataclass
class Repaired:
    """The repaired bytes, and where each of them came from."""

    data: bytes
    starts: list[int]
    sources: list[int | None]

    def source_of(self, offset: int) -> int | None:
        at = bisect.bisect_right(self.starts, offset) - 1
        source = self.sources[at]
        return None if source is None else source + offset - self.starts[at]


def repair(damaged: Damaged, path: Path) -> tuple[Plan, Repaired]:
    path.write_bytes(damaged.data)
    plan = plan_for(path)
    if plan.empty:
        return plan, Repaired(damaged.data, [0], [0])
    pieces: list[bytes] = []
    result = Repaired(b"", [], [])
    size = 0
    for piece in planned_pieces(plan.files[0]):
        result.starts.append(size)
        result.sources.append(None if isinstance(piece, bytes) else piece[0])
        data = piece if isinstance(piece, bytes) else damaged.data[piece[0] : piece[1]]
        pieces.append(data)
        size += len(data)
    result.data = b"".join(pieces)
    return plan, result if result.starts else Repaired(b"", [0], [None])


def lost_commands(damaged: Damaged, parsed: Parsed) -> int:
    """Count commands that are gone although neither they nor their transaction were damaged."""
    touched = damaged.touched()
    needed = Counter(
        tuple(argv) for number, argv in enumerate(damaged.healthy.commands) if number not in touched
    )
    missing = needed - Counter(tuple(argv) for _, argv in parsed.commands)
    return sum(count for argv, count in missing.items() if argv[0] != b"SELECT")


def made_up(damaged: Damaged, plan: Plan, repaired: Repaired, parsed: Parsed) -> list[list[bytes]]:
    """Return commands that never were in the log and that the file did not plainly hold.

    A value that was altered without hurting any framing is plainly there: no reader of the file can
    know better. The same holds for whole commands that were put in between two others.
    """
    known = {tuple(argv) for argv in damaged.healthy.commands}
    replaced = [edit.start for _, edit in plan.edits() if edit.kind is EditKind.REPLACE]
    found = []
    for offset, argv in parsed.commands:
        source = repaired.source_of(offset)
        if tuple(argv) in known or argv[0] == b"SELECT":
            continue
        if damaged.kind == "splice" and damaged.low in damaged.healthy.starts:
            continue
        plain = source is not None and damaged.is_true_start(source)
        size = sum(map(len, argv)) + 32 * len(argv)
        healed = source is not None and any(source <= start < source + size for start in replaced)
        if not plain or healed:
            found.append(argv)
    return found


def flaws(seed: int, folder: Path) -> tuple[list[str], list[str]]:
    """Return what must never happen, and what may happen rarely."""
    damaged = damaged_log(seed)
    path = folder / "appendonly.aof"
    plan, repaired = repair(damaged, path)
    parsed = parse(repaired.data)
    never, rarely = [], []
    lost = lost_commands(damaged, parsed)
    if lost:
        rarely.append(f"seed {seed} ({damaged.kind}): {lost} commands lost")
    wrong = made_up(damaged, plan, repaired, parsed)
    if wrong:
        rarely.append(f"seed {seed} ({damaged.kind}): {wrong[0]!r} was never in the log")
    path.write_bytes(repaired.data)
    if not plan_for(path).empty:
        never.append(f"seed {seed} ({damaged.kind}): a second repair finds something to do")
    return never, rarely


def test_salvage_of_fresh_damage_keeps_what_was_not_hit(tmp_path: Path) -> None:
    results = [flaws(seed, tmp_path) for seed in range(98)]

    assert [text for never, _ in results for text in never] == []
    assert len([text for _, rarely in results for text in rarely]) <= 1


@pytest.mark.soak
def test_salvage_keeps_its_promises_over_two_thousand_seeds(tmp_path: Path) -> None:
    seeds = range(2000)
    results = [flaws(seed, tmp_path) for seed in seeds]

    assert [text for never, _ in results for text in never] == []
    rarely = [text for _, texts in results for text in texts]
    assert len(rarely) <= ALLOWED * len(seeds), rarely


def servers_for_loading() -> list[Build]:
    return builds(kind="valkey")[-1:] + [build for build in builds(kind="redis") if build.multi_part][:1]


@pytest.mark.server
@pytest.mark.parametrize("seed", range(14))
def test_a_repaired_log_loads_on_real_servers(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    _, repaired = repair(damaged_log(seed), path)
    path.write_bytes(repaired.data)

    for build in servers_for_loading():
        with Server(build, source=path) as server:
            assert server.outcome is not None
            assert server.outcome.loaded, server.outcome.log[-500:]
            assert not [name for name in server.outcome.cut_bytes if not name.endswith("manifest")]
