"""What a change of a log keeps can be given up, and what a killed run left is found and cleared."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.cli.app import run
from aoftool.errors import AoftoolError, PlanStaleError, RefusedError, UnsafePathError
from aoftool.files.syscalls import SystemCalls
from aoftool.repair.apply import apply_plan
from aoftool.repair.forget import forget_repair, room_of
from aoftool.repair.reading import read_receipt
from aoftool.repair.receipt import receipt_digest
from aoftool.repair.undo import undo_repair
from aoftool.rewrite.model import RewriteOptions
from aoftool.rewrite.planner import plan_rewrite
from aoftool.rewrite.runner import write_rewrite
from aoftool.rewrite.write.in_place import rewrite_in_place, stamps_of
from aoftool.units import format_bytes
from tests import builders
from tests.builders import command
from tests.repair.hurt_logs import LOGS, contents, hurt_single, torn_single
from tests.repair.test_crashes import Interrupted, run_in_child
from tests.repair.workbench import plan_for


def a_set(folder: Path) -> Path:
    record = builders.rdb_record(0, "b", builders.rdb_string("1"))
    base = builders.rdb(builders.rdb_database(0, record), magic=b"REDIS0010")
    incr = builders.log(*([b"SET", b"k%d" % (n % 5), b"v"] for n in range(100)))
    builders.write_multi_part(folder, base=base, incrs=[incr], base_is_rdb=True)
    return folder


def rewrite(path: Path, calls: SystemCalls | None = None) -> Path:
    log = find_log(str(path))
    before = stamps_of(log)
    with plan_rewrite(log, RewriteOptions(target="redis-7.0", now_ms=1)) as plan:
        made = rewrite_in_place(
            plan, log, before, lambda sinks: write_rewrite(plan, sinks), calls=calls or SystemCalls()
        )
    return Path(made[1].directory)


def ours(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if "aoftool-" in path.name]


def total(folder: Path) -> int:
    """Return the bytes of all files but the accounts of what was done."""
    files = [
        path for path in folder.rglob("*") if path.is_file() and not path.name.endswith((".json", ".jsonl"))
    ]
    return sum(path.stat().st_size for path in files)


# -- forgetting ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LOGS)
def test_forgetting_a_repair_removes_what_it_kept_and_nothing_else(kind: str, tmp_path: Path) -> None:
    path = LOGS[kind](tmp_path)
    folder = Path(apply_plan(plan_for(path)).directory)
    now = contents(path)
    before, room = total(tmp_path), room_of(str(folder))

    gone = forget_repair(str(folder))

    assert gone.size_bytes == room == before - total(tmp_path)
    assert ours(tmp_path) == []
    assert contents(path) == now
    assert run(["undo", str(folder)]) == 3


def test_forgetting_a_rewrite_removes_the_old_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = a_set(tmp_path / "log")
    old = total(path)

    assert run(["rewrite", "--in-place", "-q", str(path)]) == 0

    said = capsys.readouterr().out
    line = next(line for line in said.splitlines() if "--forget" in line)
    (folder,) = path.glob("aoftool-rewrite-*")
    assert line.split() == ["aoftool", "undo", "--forget", str(folder)]
    room = room_of(str(folder))
    assert room == old
    assert f"That takes {format_bytes(room)}." in said
    log = find_log(str(path))
    assert run(shlex.split(line)[1:]) == 0
    assert sorted(file.name for file in path.iterdir()) == sorted(
        [*(os.fsdecode(file.name) for file in log.files), "appendonly.aof.manifest"]
    )
    assert find_log(str(path)).unlisted == ()


def test_the_room_is_in_the_json_of_fix_and_rewrite(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = torn_single(tmp_path)
    assert run(["fix", "--yes", "--json", str(path)]) in (0, 1)
    fixed = json.loads(capsys.readouterr().out)
    assert run(["rewrite", "--in-place", "--json", "-q", str(path)]) == 0
    rewritten = json.loads(capsys.readouterr().out)

    for body in (fixed, rewritten):
        assert body["kept_bytes"] == room_of(body["receipt"]) > 0
    assert run(["undo", "--forget", "--json", rewritten["receipt"]]) == 0
    forgotten = json.loads(capsys.readouterr().out)["forgotten"]
    assert forgotten["size_bytes"] == rewritten["kept_bytes"]


def test_a_rewrite_is_not_undone_onto_files_that_are_gone(tmp_path: Path) -> None:
    path = a_set(tmp_path / "log")
    folder = rewrite(path)
    (path / "appendonly.aof.1.incr.aof").unlink()
    now = contents(path)

    with pytest.raises(AoftoolError, match="the old manifest names is gone"):
        undo_repair(read_receipt(str(folder)))

    assert contents(path) == now


def test_after_an_undo_the_old_files_stay(tmp_path: Path) -> None:
    path = a_set(tmp_path / "log")
    before = contents(path)
    folder = rewrite(path)
    undo_repair(read_receipt(str(folder)))

    forget_repair(str(folder))

    assert contents(path) == before
    assert ours(path) == []
    assert len(list(path.iterdir())) == 3


def listed_again(path: Path, _: Path) -> None:
    with (path / "appendonly.aof.manifest").open("ab") as manifest:
        manifest.write(b"file appendonly.aof.1.incr.aof seq 9 type i\n")


def written_again(path: Path, _: Path) -> None:
    with (path / "appendonly.aof.1.incr.aof").open("ab") as file:
        file.write(command("SET", "late", "1"))


def strange_file(path: Path, folder: Path) -> None:
    (folder / "mine.txt").write_text("precious")


def strange_original(path: Path, folder: Path) -> None:
    (folder / "originals" / "mine.txt").write_text("precious")


def strange_folder(path: Path, folder: Path) -> None:
    (folder / "mine").mkdir()


def link_for_originals(path: Path, folder: Path) -> None:
    (folder / "originals").rename(path.parent / "moved")
    (folder / "originals").symlink_to(path.parent / "moved")


def forged(path: Path, folder: Path) -> None:
    (path / "dump.rdb").write_bytes(b"precious")
    status = (path / "dump.rdb").stat()
    receipt = folder / "receipt.json"
    members = json.loads(receipt.read_text())
    members["steps"].append(
        {
            "kind": "left",
            "path": str(path / "dump.rdb"),
            "becomes": "",
            "kept": "",
            "before": {"size_bytes": 8, "mtime_ns": status.st_mtime_ns, "inode": status.st_ino},
            "after": None,
            "tail": None,
            "tail_sha256": "",
        }
    )
    members["sha256"] = receipt_digest(members)
    receipt.write_text(json.dumps(members))


def new_file_gone(path: Path, _: Path) -> None:
    (path / "appendonly.aof.2.base.rdb").unlink()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (listed_again, PlanStaleError),
        (written_again, PlanStaleError),
        (strange_file, UnsafePathError),
        (strange_original, UnsafePathError),
        (strange_folder, UnsafePathError),
        (link_for_originals, UnsafePathError),
        (forged, UnsafePathError),
        (new_file_gone, RefusedError),
    ],
)
def test_forgetting_removes_nothing_that_may_be_wanted(
    change: Callable[[Path, Path], None], error: type[AoftoolError], tmp_path: Path
) -> None:
    path = a_set(tmp_path / "log")
    folder = rewrite(path)
    change(path, folder)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(error):
        forget_repair(str(folder))

    assert sorted(tmp_path.rglob("*")) == before


def test_a_kill_while_forgetting_is_finished_by_the_next_try(tmp_path: Path) -> None:
    for at in range(1, 40):
        path = a_set(tmp_path / f"n{at}" / "log")
        folder = rewrite(path)
        now = contents(path)
        finished = run_in_child(
            lambda folder=folder, at=at: forget_repair(  # type: ignore[misc]
                str(folder), Interrupted(at, lambda: os._exit(77))
            )
        )

        assert contents(path) == now
        if folder.exists():
            forget_repair(str(folder))
        assert len(list(path.iterdir())) == 3
        if finished:
            break

    assert finished


# -- what a killed run left --------------------------------------------------------------------------


def next_lines(path: Path, capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """Return the commands that check names for what was left."""
    capsys.readouterr()
    run(["check", "--json", str(path)])
    body = json.loads(capsys.readouterr().out)
    found = []

    def look(value: object) -> None:
        if isinstance(value, dict):
            if value.get("code") == "stale-temp":
                found.append(shlex.split(str(value["message"]).rpartition(": aoftool ")[2]))
            for part in value.values():
                look(part)
        if isinstance(value, list):
            for part in value:
                look(part)

    look(body)
    return found


def is_done(folder: Path) -> bool:
    receipt = folder / "receipt.json"
    return receipt.exists() and json.loads(receipt.read_text())["state"] == "done"


MAKERS: dict[str, Callable[[Path], Path]] = {"multi-part": lambda p: a_set(p / "log"), "single": hurt_single}


@pytest.mark.parametrize("kind", MAKERS)
def test_what_a_kill_leaves_is_found_by_check_and_cleared_by_undo(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = set()
    for at in range(1, 80, 3):
        (tmp_path / f"n{at}").mkdir()
        path = MAKERS[kind](tmp_path / f"n{at}")
        old = contents(path)
        work = rewrite if kind == "multi-part" else lambda p, c: apply_plan(plan_for(p), calls=c)
        finished = run_in_child(
            lambda path=path, at=at, work=work: work(path, Interrupted(at, lambda: os._exit(77)))  # type: ignore[misc]
        )
        if finished:
            break
        home = path if path.is_dir() else path.parent
        found = next_lines(path, capsys)
        state = contents(path) == old
        seen.add((bool(found), state))

        # A receipt that says done is the last thing that is written.
        open_work = [folder for folder in home.glob("aoftool-*") if not is_done(folder)]
        assert len(found) == len(open_work), f"killed at call {at}"
        for words in found:
            assert run(words) == 0
        if not found and list(home.glob("aoftool-*")):
            continue
        assert contents(path) == old
        for folder in home.glob("aoftool-*"):
            assert run(["undo", "--forget", str(folder)]) == 0
        assert ours(home) == []

    assert finished
    assert {(True, True), (True, False)} <= seen


def test_a_temporary_file_of_a_killed_run_is_found_and_cleared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = a_set(tmp_path / "log")
    dead = path / ".appendonly.aof.2.base.rdb.aoftool-4194305-0a1b2c3d.tmp"
    alive = path / f".appendonly.aof.2.base.rdb.aoftool-{os.getpid()}-0a1b2c3d.tmp"
    dead.write_bytes(b"half")
    alive.write_bytes(b"half")

    found = next_lines(path, capsys)

    assert sorted(words[-1] for words in found) == sorted([str(dead), str(alive)])
    assert run(["undo", "--forget", str(dead)]) == 0
    assert run(["undo", "--forget", str(alive)]) == 4
    assert not dead.exists()
    assert alive.exists()


@pytest.mark.parametrize("name", ["appendonly.aof.1.incr.aof", ".hidden.tmp"])
def test_no_other_file_is_forgotten(name: str, tmp_path: Path) -> None:
    path = a_set(tmp_path / "log")
    (path / name).touch()

    assert run(["undo", "--forget", str(path / name)]) in (3, 4)
    assert run(["undo", "--forget", str(path)]) in (3, 4)

    assert (path / name).exists()
    assert len(contents(path)) > 0


def test_an_undo_of_a_cut_that_was_killed_is_found_and_finished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = 0
    for at in range(1, 60):
        folder = tmp_path / f"n{at}"
        folder.mkdir()
        path = torn_single(folder)
        before = path.read_bytes(), path.stat().st_mtime_ns
        receipt = apply_plan(plan_for(path))
        finished = run_in_child(
            lambda receipt=receipt, at=at: undo_repair(  # type: ignore[misc]
                receipt, calls=Interrupted(at, lambda: os._exit(77))
            )
        )
        if finished:
            break
        found = next_lines(path, capsys)
        seen += len(found)

        for words in found or [["undo", receipt.directory]]:
            assert run(words) == 0
        assert (path.read_bytes(), path.stat().st_mtime_ns) == before, f"killed at call {at}"

    assert finished
    assert seen > 3


# -- hard links --------------------------------------------------------------------------------------


def test_a_hard_linked_backup_is_not_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = torn_single(tmp_path)
    backup = tmp_path / "backup"
    backup.hardlink_to(path)
    before = path.read_bytes()

    assert run(["fix", "--yes", str(path)]) in (0, 1)

    said = " ".join(capsys.readouterr().out.split())
    assert "has 2 names (hard links)" in said
    assert backup.read_bytes() == before
    assert before.startswith(path.read_bytes())
    assert len(path.read_bytes()) < len(before)
    (folder,) = tmp_path.glob("aoftool-fix-*")
    assert run(["undo", str(folder)]) == 0
    assert path.samefile(backup)
    assert path.read_bytes() == before


def test_a_hard_link_that_was_made_after_the_plan_is_refused(tmp_path: Path) -> None:
    path = torn_single(tmp_path)
    plan = plan_for(path)
    (tmp_path / "backup").hardlink_to(path)
    before = path.read_bytes()

    with pytest.raises(PlanStaleError, match="another name"):
        apply_plan(plan)

    assert path.read_bytes() == before
    assert ours(tmp_path) == []
