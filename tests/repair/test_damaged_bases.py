"""Damage to RDB bases that is in no list: which keys a salvage must keep, and none it may make up."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from aoftool.aof.layout import find_log
from aoftool.files.source import open_source
from aoftool.rdb.header import HEADER_BYTES, is_rdb
from aoftool.rdb.walk.walk import walk
from aoftool.repair.apply import apply_plan
from aoftool.repair.model import Plan
from aoftool.repair.undo import undo_repair
from aoftool.replay.log_replay import LogReplay
from aoftool.replay.log_writer import writer_of_log
from aoftool.values import ModuleValue, StreamValue
from aoftool.values.stream import Consumer
from tests.oracle import dump_state
from tests.repair.damaged_bases import Base, DamagedBase, Place, bases, damaged_base
from tests.repair.workbench import copy_log, log_in, plan_for, snapshot
from tests.servers.discovery import Build, find_build
from tests.servers.process import Server

# The share of seeds in which a key outside the damage may be lost. Bases of 1 to 50 KB: damage stands
# next to everything there.
ALLOWED = 0.02
# The share in which a key may be made up: bytes of a value that read like a record, to the last one.
ALLOWED_MADE_UP = 0.002

# After everything in the logs was recorded: a replay clips times that lie ahead of its clock.
NOW_MS = 1_900_000_000_000

# What our replay does not run: RESTORE of module values.
UNREPLAYED = ("vector-sets",)

Contents = dict[Place, tuple[Any, int | None]]


def sayable(value: Any) -> Any:
    """Return a value without what no command says: when consumers were last seen."""
    if isinstance(value, StreamValue):
        for group in value.groups.values():
            group.consumers = {name: Consumer() for name in group.consumers}
        return replace(value, first_id=None)
    return value


def contents(path: Path) -> Contents:
    """Return keys, values and expire times that a log gives."""
    replay = LogReplay(find_log(os.fspath(path)), now_ms=NOW_MS).run()
    return {
        (db, key): (sayable(entry.value), entry.expire_at_ms)
        for db, database in enumerate(replay.keyspace.databases)
        for key, entry in database.entries()
        # Our replay does not run RESTORE of module values.
        if not isinstance(entry.value, ModuleValue)
    }


def lone_base(folder: Path, base: Base, data: bytes) -> Path:
    """Put a base without commands behind it into a directory of its own."""
    folder.mkdir()
    (folder / "appendonly.aof.1.base.rdb").write_bytes(data)
    (folder / "appendonly.aof.manifest").write_text("file appendonly.aof.1.base.rdb seq 1 type b\n")
    return folder


def repaired(path: Path) -> Plan:
    plan = plan_for(path)
    if not plan.empty:
        apply_plan(plan)
    return plan


@dataclass
class Verdict:
    lost: list[Place]
    changed: list[Place]
    made_up: list[Place]


def judge(damaged: DamagedBase, folder: Path) -> Verdict:
    """Repair a damaged base and hold what it gives against the healthy one."""
    end = damaged.base.end
    cut = damaged.kind == "cut"
    behind = 0 if cut else len(damaged.base.data) - end
    before = lone_base(folder / "healthy", damaged.base, damaged.base.data[:end])
    data = damaged.data[: len(damaged.data) - behind]
    after = lone_base(folder / "damaged", damaged.base, data)
    repaired(after)
    healthy, found = contents(before), contents(after)
    unhurt = damaged.unhurt() & healthy.keys()
    return Verdict(
        sorted(unhurt - found.keys()),
        sorted(place for place in unhurt & found.keys() if found[place] != healthy[place]),
        sorted(found.keys() - healthy.keys()),
    )


def is_plainly_there(damaged: DamagedBase, place: Place) -> bool:
    """Tell whether a key that was not in the base is one whose name the damage altered."""
    if damaged.kind not in ("flips", "noise", "lost", "doubled"):
        return False
    near = [key for (db, key), span in damaged.base.records.items() if db == place[0]]
    return any(
        len(key) == len(place[1]) and sum(a != b for a, b in zip(key, place[1], strict=True)) <= 2
        for key in near
    )


@pytest.fixture(autouse=True)
def some_bases() -> None:
    assert bases()


def results(seeds: range, folder: Path) -> tuple[list[str], list[str]]:
    lost, made_up = [], []
    for seed in seeds:
        damaged = damaged_base(seed)
        place = folder / str(seed)
        place.mkdir()
        verdict = judge(damaged, place)
        if verdict.lost or verdict.changed:
            lost.append(f"seed {seed} ({damaged.kind}): {verdict.lost[:3]}, {verdict.changed[:3]}")
        invented = [key for key in verdict.made_up if not is_plainly_there(damaged, key)]
        if invented:
            made_up.append(f"seed {seed} ({damaged.kind}): {invented[:3]}")
    return lost, made_up


def test_keys_outside_the_damage_are_kept_and_none_is_made_up(tmp_path: Path) -> None:
    lost, made_up = results(range(90), tmp_path)

    assert len(lost) <= 2, lost
    assert made_up == []


@pytest.mark.soak
def test_keys_outside_the_damage_are_kept_over_two_thousand_seeds(tmp_path: Path) -> None:
    seeds = range(2000)
    lost, made_up = results(seeds, tmp_path)

    assert len(lost) <= ALLOWED * len(seeds), lost
    assert len(made_up) <= ALLOWED_MADE_UP * len(seeds), made_up


def damaged_log(seed: int, folder: Path) -> tuple[DamagedBase, Path]:
    """Copy the whole log a damaged base belongs to, with the damage in it."""
    damaged = damaged_base(seed)
    copy = copy_log(damaged.base.case.directory, folder / "log")
    (target,) = copy.rglob(damaged.base.name)
    target.write_bytes(damaged.data)
    return damaged, copy


def keys_in_rdb(path: Path) -> int:
    """Return how many keys an RDB part in front holds, 0 where there is none."""
    with open_source(str(path)) as source:
        return walk(source, 0).keys if is_rdb(source.peek(HEADER_BYTES)) else 0


@pytest.mark.parametrize("seed", range(18))
def test_the_writer_of_a_base_stays_known(seed: int, tmp_path: Path) -> None:
    """Commands alone leave many releases that may have written them, which may load them otherwise."""
    _, folder = damaged_log(seed, tmp_path)
    before = writer_of_log(find_log(str(log_in(folder))))
    plan = plan_for(log_in(folder))

    apply_plan(plan)

    if any(file.rebuild is not None for file in plan.files):
        after = writer_of_log(find_log(str(log_in(folder))))
        assert (after.release, after.version, after.certainty) == (
            before.release,
            before.version,
            before.certainty,
        )


@pytest.mark.parametrize("seed", range(18))
def test_a_base_becomes_commands_under_its_proper_name_and_comes_back(seed: int, tmp_path: Path) -> None:
    damaged, folder = damaged_log(seed, tmp_path)
    before = snapshot(folder)
    plan = plan_for(log_in(folder))

    receipt = apply_plan(plan)

    rebuilt = [file for file in plan.files if file.rebuild is not None]
    multi_part = damaged.base.case.multi_part
    for file in rebuilt:
        left = Path(file.becomes or file.path)
        assert left.stat().st_size == file.size_after
        assert keys_in_rdb(left) == 0
        if multi_part:
            assert left.name.endswith(".base.aof")
            assert not Path(file.path).exists()
            assert left.name in next(left.parent.glob("*.manifest")).read_text()
    assert plan_for(log_in(folder)).empty
    undo_repair(receipt)
    assert snapshot(folder) == before


def build_of(base: Base) -> Build | None:
    return find_build(base.case.server)


@pytest.mark.server
@pytest.mark.parametrize("seed", range(24))
def test_a_repaired_base_loads_on_the_server_that_wrote_it(seed: int, tmp_path: Path) -> None:
    damaged, folder = damaged_log(seed, tmp_path)
    build = build_of(damaged.base)
    if build is None:
        pytest.skip("no server of that line")
    repaired(log_in(folder))
    wanted = contents(log_in(folder))

    with Server(build, source=log_in(folder)) as server:
        assert server.outcome is not None
        assert server.outcome.loaded, server.outcome.log[-500:]
        assert not [name for name in server.outcome.cut_bytes if not name.endswith("manifest")]
        state = dump_state(server)

    found = {(db, key) for db, keys in state.databases.items() for key in keys}
    if any(case_name in damaged.base.case.scenario for case_name in UNREPLAYED):
        return
    assert found <= wanted.keys()
    # What is missing has expired meanwhile.
    assert all(wanted[place][1] is not None for place in wanted.keys() - found)
