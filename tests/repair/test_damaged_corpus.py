"""Every damaged case repaired: nothing less than the best recovery, loaded by real servers, and undone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from aoftool.aof.layout import find_log
from aoftool.repair.apply import apply_plan
from aoftool.repair.choice import Choice
from aoftool.repair.elsewhere import write_elsewhere
from aoftool.repair.planner import make_plan
from aoftool.repair.reading import read_receipt
from aoftool.repair.undo import undo_repair
from tests.corpus import Case, case_params
from tests.oracle import digest
from tests.repair.workbench import SALVAGE, copy_log, log_in, plan_for, snapshot
from tests.servers.discovery import find_build
from tests.servers.process import Server

# More is kept here than the best recovery of the corpus has, and less than the undamaged log had; so
# its data are neither the one nor the other.
MORE_THAN_THE_BEST = {
    "dos2unix-binary": "commands are restored whose payloads leave one reading",
    "five-random-bit-flips": "four commands are put right; one flip in a value cannot be seen",
    "torn-between-cr-and-lf": "the last command lacks only its line feed and is completed",
    "preamble-missing-4k-block": "the whole keys of the preamble are kept",
    "preamble-truncated": "the whole keys of the preamble are kept",
    "preamble-truncated-in-checksum": "the whole keys of the preamble are kept",
}
# Nothing in the file shows the damage; it stays as it is.
UNSEEN = {"payload-bit-flip", "duplicated-commands-aligned"}


def best_digests(case: Case) -> set[str]:
    """Return the data sets that count as the best: that of the corpus, and that of the undamaged log."""
    best: dict[str, Any] = case.facts["best_recovery"]
    keys = ("result_on_redis_7.0.15", "undamaged_on_redis_7.0.15")
    return {best[key]["digest"] for key in keys if key in best}


@pytest.mark.corpus
@pytest.mark.parametrize("case", case_params("damaged"))
def test_salvage_keeps_at_least_the_best_recovery(case: Case, tmp_path: Path) -> None:
    folder = copy_log(case.directory, tmp_path / "log")

    plan = plan_for(folder)

    assert plan.statistics.commands_kept >= case.facts["best_recovery"]["commands_recoverable"]


@pytest.mark.corpus
@pytest.mark.parametrize("case", case_params("damaged"))
def test_repair_undo_and_a_second_repair_leave_no_trace(case: Case, tmp_path: Path) -> None:
    folder = copy_log(case.directory, tmp_path / "log")
    before = snapshot(folder)
    plan = plan_for(folder)
    if plan.empty:
        return

    receipt = apply_plan(plan)

    assert plan_for(folder).empty, "a second repair finds nothing to do"
    undo_repair(read_receipt(receipt.directory))
    assert snapshot(folder) == before


# Commands in good order that no release has: not judged, so no repair takes them out unasked.
UNKNOWN = {
    "unknown-command": Choice(salvage=True, drop_command=b"FROBOZZ"),
    "unknown-module-command": Choice(salvage=True, drop_command=b"JSON.SET"),
    "subcommand-unknown": Choice(salvage=True, drop_at=(("appendonly.aof", 33400),)),
}


@pytest.mark.corpus
@pytest.mark.parametrize("case", case_params("damaged"))
def test_what_is_unknown_stays(case: Case, tmp_path: Path) -> None:
    if case.scenario not in UNKNOWN:
        return
    folder = copy_log(case.directory, tmp_path / "log")

    plan = plan_for(folder)

    assert plan.empty
    assert len(plan.not_judged) == (case.scenario != "unknown-module-command")


@pytest.mark.corpus
@pytest.mark.server
@pytest.mark.parametrize("case", case_params("damaged"))
def test_what_was_repaired_loads_with_the_best_data(case: Case, tmp_path: Path) -> None:
    build = find_build("redis-7.0.15") or find_build("redis-7.0")
    if case.server.startswith("valkey-9"):
        build = find_build("valkey-9.1")
    if build is None:
        pytest.skip("no server of that line")
    folder = copy_log(case.directory, tmp_path / "log")
    plan = plan_for(folder, UNKNOWN.get(case.scenario, SALVAGE))
    if not plan.empty:
        apply_plan(plan)

    with Server(build, source=log_in(folder)) as server:
        assert server.outcome is not None
        assert server.outcome.loaded, server.outcome.log[-500:]
        cut = [name for name in server.outcome.cut_bytes if not name.endswith("manifest")]
        data = digest(server)

    assert cut == []
    wanted = best_digests(case)
    if wanted and case.scenario not in MORE_THAN_THE_BEST and case.scenario not in UNSEEN:
        assert data in wanted


@pytest.mark.corpus
@pytest.mark.parametrize("case", case_params("damaged"))
def test_a_plain_fix_never_loses_more_than_the_official_checker(case: Case, tmp_path: Path) -> None:
    official = case.facts.get("check_tools_fix", {}).get("redis-check-aof-7.0.15")
    if official is None or "bytes_left" not in official:
        pytest.skip("not measured")
    folder = copy_log(case.directory, tmp_path / "log")

    plan = plan_for(folder, Choice())

    # A byte that is put right counts as added, the one it takes the place of as set aside.
    assert plan.statistics.bytes_kept + plan.statistics.bytes_added >= official["bytes_left"]


@pytest.mark.corpus
@pytest.mark.parametrize("case", case_params("recorded"))
def test_a_healthy_log_is_never_touched(case: Case) -> None:
    for choice in (Choice(), SALVAGE):
        plan = plan_for(case.source, choice)

        if case.scenario == "sigkill-torn-tail":
            assert [edit.code for _, edit in plan.edits()] == ["torn-tail"] or plan.edits()
        elif case.scenario == "vector-sets-cas":
            # Its own server dies of it.
            assert {edit.code for _, edit in plan.edits()} == {"hurtful-command"}
            assert plan.lossless
        else:
            assert plan.empty, plan.to_dict()


@pytest.mark.corpus
@pytest.mark.parametrize("case", case_params("damaged"))
def test_writing_elsewhere_leaves_the_input_alone(case: Case, tmp_path: Path) -> None:
    folder = copy_log(case.directory, tmp_path / "log")
    before = snapshot(folder)
    plan = make_plan(find_log(os.fspath(folder)), SALVAGE, in_place=False)

    write_elsewhere(plan, os.fspath(tmp_path / "out"))

    assert snapshot(folder) == before
    out = tmp_path / "out"
    if plan.kind == "multi-part" and not any(out.glob("*.manifest")):
        return
    assert make_plan(find_log(os.fspath(out)), SALVAGE).empty
