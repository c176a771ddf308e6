"""An undo believes no receipt: those that are forged, altered or malformed change nothing anywhere."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aoftool.aof.layout import find_log
from aoftool.cli.app import run
from aoftool.errors import AoftoolError, RefusedError, UnsafePathError
from aoftool.files.syscalls import SystemCalls
from aoftool.repair.apply import apply_plan
from aoftool.repair.reading import read_receipt
from aoftool.repair.receipt import receipt_digest
from aoftool.repair.undo import undo_repair
from aoftool.rewrite.model import RewriteOptions
from aoftool.rewrite.planner import plan_rewrite
from aoftool.rewrite.runner import write_rewrite
from aoftool.rewrite.write.in_place import rewrite_in_place, stamps_of
from tests.builders import command
from tests.repair.hurt_logs import LOGS, contents, hurt_single, torn_single
from tests.repair.workbench import plan_for

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
Members = dict[str, Any]


def everything(folder: Path) -> dict[str, tuple[str, bytes, int]]:
    """Return every file below a folder, with its kind, content and inode."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        data = os.fsencode(os.readlink(path)) if path.is_symlink() else b""
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
        found[str(path.relative_to(folder))] = (oct(status.st_mode), data, status.st_ino)
    return found


def forge(folder: Path, change: Callable[[Members], object], *, signed: bool = True) -> None:
    """Change a receipt, and let its digest fit."""
    path = folder / "receipt.json"
    members = json.loads(path.read_text())
    change(members)
    if signed:
        members["sha256"] = receipt_digest(members)
    path.write_text(json.dumps(members))


def first(members: Members, **values: Any) -> None:
    members["steps"][0].update(values)


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "precious").write_bytes(b"precious")
    return folder / "precious"


@pytest.fixture
def log_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "log"
    folder.mkdir()
    return folder


FORGERIES: dict[str, Callable[[Members, Path], object]] = {
    "path-elsewhere": lambda m, v: first(m, path=str(v), becomes=str(v)),
    "becomes-elsewhere": lambda m, v: first(m, becomes=str(v)),
    "path-above": lambda m, v: first(m, path=f"{m['steps'][0]['path']}/../../elsewhere/precious"),
    "path-relative": lambda m, v: first(m, path="../elsewhere/precious", becomes="../elsewhere/precious"),
    "kept-elsewhere": lambda m, v: first(m, kept=str(v)),
    "kept-above": lambda m, v: first(m, kept="../../elsewhere/precious"),
    "kept-is-the-receipt": lambda m, v: first(m, kept="receipt.json"),
    "created": lambda m, v: first(m, kind="create", path=str(v), becomes=str(v)),
    "removed": lambda m, v: first(m, kind="remove", path=str(v), becomes=""),
    "replaced": lambda m, v: first(m, kind="replace", becomes=str(v)),
    "grown-tail": lambda m, v: first(m, tail=[0, 1 << 40]),
    "another-digest": lambda m, v: first(m, tail_sha256="0" * 64),
}


@pytest.mark.parametrize("forgery", FORGERIES)
@pytest.mark.parametrize("make", [torn_single, hurt_single])
def test_a_forged_receipt_changes_nothing_anywhere(
    forgery: str, make: Callable[[Path], Path], victim: Path, log_folder: Path, tmp_path: Path
) -> None:
    folder = Path(apply_plan(plan_for(make(log_folder))).directory)
    if make is hurt_single and forgery in ("grown-tail", "another-digest"):
        pytest.skip("nothing was cut here")
    forge(folder, lambda members: FORGERIES[forgery](members, victim))
    before = everything(tmp_path)

    assert run(["undo", str(folder)]) in (3, 4)

    assert everything(tmp_path) == before


@pytest.mark.parametrize("kind", LOGS)
def test_a_receipt_that_was_altered_is_refused(
    kind: str, log_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(apply_plan(plan_for(LOGS[kind](log_folder))).directory)
    forge(folder, lambda members: members.update(created="yesterday"), signed=False)
    before = everything(log_folder)

    assert run(["undo", str(folder)]) == 3

    assert "was altered" in capsys.readouterr().err
    assert everything(log_folder) == before


MALFORMED: dict[str, Callable[[Members], object]] = {
    "no-steps": lambda m: m.pop("steps"),
    "steps-are-words": lambda m: m.update(steps="many"),
    "step-is-a-number": lambda m: m.update(steps=[3]),
    "state": lambda m: m.update(state="done?"),
    "state-is-a-list": lambda m: m.update(state=[]),
    "kind": lambda m: first(m, kind="burn"),
    "no-kind": lambda m: m["steps"][0].pop("kind"),
    "path-is-a-number": lambda m: first(m, path=7),
    "path-is-empty": lambda m: first(m, path=""),
    "path-with-a-zero": lambda m: first(m, path="/a\0b", becomes="/a\0b"),
    "path-is-a-folder": lambda m: first(m, path="/", becomes="/"),
    "path-ends-in-dots": lambda m: first(m, path="/x/..", becomes="/x/.."),
    "no-before": lambda m: first(m, before=None),
    "no-after": lambda m: first(m, after=None),
    "stamp-is-a-list": lambda m: first(m, before=[1, 2, 3]),
    "stamp-with-words": lambda m: first(m, before={"size_bytes": "x", "mtime_ns": 1, "inode": 1}),
    "stamp-is-negative": lambda m: first(m, before={"size_bytes": -1, "mtime_ns": 1, "inode": 1}),
    "stamp-is-huge": lambda m: first(m, before={"size_bytes": 1 << 70, "mtime_ns": 1, "inode": 1}),
    "stamp-is-true": lambda m: first(m, before={"size_bytes": True, "mtime_ns": 1, "inode": 1}),
    "tail-is-a-word": lambda m: first(m, kind="cut", tail="x"),
    "tail-is-short": lambda m: first(m, kind="cut", tail=[1]),
    "tail-is-not-cut": lambda m: first(m, kind="cut", tail=[0, 0]),
    "no-tail": lambda m: first(m, kind="cut", tail=None),
    "plan": lambda m: m.update(plan=[]),
    "log": lambda m: m.update(log=None),
    "schema": lambda m: m.update(schema="aoftool.receipt/9"),
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_a_malformed_receipt_is_an_input_error(
    fault: str, log_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(apply_plan(plan_for(torn_single(log_folder))).directory)
    forge(folder, MALFORMED[fault])
    before = everything(log_folder)

    assert run(["undo", str(folder)]) in (3, 4)

    said = capsys.readouterr().err
    assert "receipt" in said
    assert "Traceback" not in said
    assert everything(log_folder) == before


def says(text: bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def test_receipts_of_random_bytes_are_input_errors(log_folder: Path) -> None:
    folder = Path(apply_plan(plan_for(torn_single(log_folder))).directory)
    path = folder / "receipt.json"
    whole = path.read_bytes()
    draw = random.Random(7)
    texts = [b"", b"{", b"[]", b"null", b"\xff" * 40, b"[" * 200_000, b'{"a":' * 100_000, whole[:-3]]
    for _ in range(150):
        at = draw.randrange(len(whole))
        texts.append(whole[:at] + bytes([draw.randrange(256)]) + whole[at + 1 :])
    for text in texts:
        if says(text) == says(whole):
            continue  # a blank became another one
        path.write_bytes(text)
        before = everything(log_folder)

        assert run(["undo", str(folder)]) == 3

        assert everything(log_folder) == before


def test_a_fifo_in_place_of_a_receipt_is_refused_at_once(log_folder: Path) -> None:
    folder = Path(apply_plan(plan_for(torn_single(log_folder))).directory)
    (folder / "receipt.json").unlink()
    os.mkfifo(folder / "receipt.json")

    for path in (folder, folder / "receipt.json"):
        done = subprocess.run(
            [sys.executable, "-m", "aoftool", "undo", str(path)],
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert done.returncode == 4
        assert "no regular file" in done.stderr


@pytest.mark.parametrize("name", ["receipt.json", "lost-and-found.bin"])
def test_links_in_a_folder_are_not_followed(
    name: str, victim: Path, log_folder: Path, tmp_path: Path
) -> None:
    folder = Path(apply_plan(plan_for(torn_single(log_folder))).directory)
    shutil.move(folder / name, victim.parent / name)
    (folder / name).symlink_to(victim.parent / name)
    before = everything(tmp_path)

    assert run(["undo", str(folder)]) == 4

    assert everything(tmp_path) == before


def test_a_link_to_a_folder_is_no_folder_of_a_receipt(log_folder: Path, tmp_path: Path) -> None:
    folder = Path(apply_plan(plan_for(torn_single(log_folder))).directory)
    (log_folder / "aoftool-fix-link").symlink_to(folder)
    before = everything(tmp_path)

    with pytest.raises(UnsafePathError, match="symbolic link"):
        read_receipt(str(log_folder / "aoftool-fix-link"))

    assert everything(tmp_path) == before


def test_a_link_in_place_of_the_log_is_refused(victim: Path, log_folder: Path, tmp_path: Path) -> None:
    path = torn_single(log_folder)
    receipt = apply_plan(plan_for(path))
    shutil.move(path, victim.parent / "moved")
    path.symlink_to(victim.parent / "moved")
    before = everything(tmp_path)

    with pytest.raises(UnsafePathError, match="no regular file"):
        undo_repair(receipt)

    assert everything(tmp_path) == before


def test_a_fifo_in_place_of_an_original_is_refused(log_folder: Path) -> None:
    path = hurt_single(log_folder)
    receipt = apply_plan(plan_for(path))
    kept = Path(receipt.directory) / "originals" / path.name
    kept.unlink()
    os.mkfifo(kept)

    with pytest.raises(UnsafePathError, match="no regular file"):
        undo_repair(receipt)


def test_an_original_that_changed_is_not_put_back(log_folder: Path) -> None:
    path = hurt_single(log_folder)
    receipt = apply_plan(plan_for(path))
    now = path.read_bytes()
    (Path(receipt.directory) / "originals" / path.name).write_bytes(b"other")

    with pytest.raises(AoftoolError, match="changed"):
        undo_repair(receipt)

    assert path.read_bytes() == now


def test_a_tail_that_changed_is_not_put_back(log_folder: Path) -> None:
    path = torn_single(log_folder)
    receipt = apply_plan(plan_for(path))
    now = path.read_bytes()
    lost = Path(receipt.directory) / "lost-and-found.bin"
    lost.write_bytes(bytes(len(lost.read_bytes())))

    with pytest.raises(AoftoolError, match="does not hold what was cut off"):
        undo_repair(receipt)

    assert path.read_bytes() == now


@pytest.mark.parametrize("kind", LOGS)
def test_a_log_that_was_moved_with_its_receipt_is_undone(kind: str, log_folder: Path, tmp_path: Path) -> None:
    path = LOGS[kind](log_folder)
    before = contents(path)
    receipt = apply_plan(plan_for(path))
    log_folder.rename(tmp_path / "moved")
    folder = tmp_path / "moved" / Path(receipt.directory).relative_to(log_folder)

    assert run(["undo", str(folder)]) == 0

    assert contents(tmp_path / "moved" / path.relative_to(log_folder)) == before


# -- receipts of somebody else ---------------------------------------------------------------------


def give_away(folder: Path, user: int) -> None:
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, user, user)


@AS_ROOT
def test_the_owner_of_a_receipt_is_told(log_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = torn_single(log_folder)
    before = path.read_bytes()
    receipt = apply_plan(plan_for(path))
    give_away(log_folder, 4242)

    assert run(["undo", "--json", receipt.directory]) == 0

    said = capsys.readouterr()
    assert "this receipt was written by uid 4242, not by you" in said.err
    assert json.loads(said.out)["receipt_owner"] == 4242
    assert path.read_bytes() == before


@AS_ROOT
def test_a_receipt_of_somebody_else_does_not_reach_files_of_a_third(log_folder: Path, victim: Path) -> None:
    """A hard link to a file of root, under the name of the log, and a receipt that says it was cut."""
    path = torn_single(log_folder)
    receipt = apply_plan(plan_for(path))
    give_away(log_folder, 4242)
    path.unlink()
    os.link(victim, path)
    status = path.stat()
    lost = (Path(receipt.directory) / "lost-and-found.bin").read_bytes()
    stamp = {"size_bytes": status.st_size, "mtime_ns": status.st_mtime_ns, "inode": status.st_ino}
    forge(
        Path(receipt.directory),
        lambda m: first(m, after=stamp, before={**stamp, "size_bytes": status.st_size + len(lost)}),
    )
    os.chown(Path(receipt.directory) / "receipt.json", 4242, 4242)

    with pytest.raises(RefusedError, match="belongs to uid 0, and the receipt to uid 4242"):
        undo_repair(receipt)

    assert victim.read_bytes() == b"precious"


# -- folders that are exchanged --------------------------------------------------------------------


class Swapping(SystemCalls):
    """Put a link to another place where the repair's folder is, at a call that creates a file."""

    def __init__(self, log_folder: Path, target: Path, at: int) -> None:
        self._log_folder = log_folder
        self._target = target
        self._left = at

    def create(self, path: str, mode: int, within: int | None = None) -> int:
        self._left -= 1
        if self._left == 0:
            (folder,) = self._log_folder.rglob("aoftool-*-*Z-*")
            folder.rename(folder.with_name("stolen"))
            folder.symlink_to(self._target)
        return super().create(path, mode, within)


def repaired(path: Path, calls: SystemCalls) -> None:
    apply_plan(plan_for(path), calls=calls)


def rewritten(path: Path, calls: SystemCalls) -> None:
    log = find_log(str(path))
    before = stamps_of(log)
    with plan_rewrite(log, RewriteOptions(target="redis-7.0", now_ms=1)) as plan:
        rewrite_in_place(plan, log, before, lambda sinks: write_rewrite(plan, sinks), calls=calls)


@pytest.mark.parametrize("at", range(1, 6))
@pytest.mark.parametrize("kind", LOGS)
def test_a_folder_that_is_exchanged_during_a_repair_takes_nothing_along(
    kind: str, at: int, victim: Path, log_folder: Path
) -> None:
    assert_nothing_follows(repaired, LOGS[kind](log_folder), at, victim, log_folder)


@pytest.mark.parametrize("at", range(1, 5))
def test_a_folder_that_is_exchanged_during_a_rewrite_takes_nothing_along(
    at: int, victim: Path, log_folder: Path
) -> None:
    path = log_folder / "appendonly.aof"
    path.write_bytes(command("SET", "a", "1") * 20)
    assert_nothing_follows(rewritten, path, at, victim, log_folder)


def assert_nothing_follows(
    work: Callable[[Path, SystemCalls], None], path: Path, at: int, victim: Path, log_folder: Path
) -> None:
    before = contents(path)
    elsewhere = everything(victim.parent)
    calls = Swapping(log_folder, victim.parent, at)
    said = ""
    try:
        work(path, calls)
    except UnsafePathError as error:
        said = error.message

    swapped = bool(said)
    struck = any(entry.is_symlink() for entry in log_folder.rglob("*"))
    assert not swapped or "is not the folder any more" in said
    assert everything(victim.parent) == elsewhere
    if swapped:
        assert contents(path) == before
    # What is written last is the receipt, behind the switch: then the log is the new one.
    assert swapped or not struck or contents(path) != before


def test_a_log_folder_that_is_exchanged_is_refused(log_folder: Path, tmp_path: Path) -> None:
    path = hurt_single(log_folder)
    before = path.read_bytes()

    class Moving(SystemCalls):
        moved = False

        def create(self, name: str, mode: int, within: int | None = None) -> int:
            if not self.moved:
                self.moved = True
                log_folder.rename(tmp_path / "moved")
                log_folder.mkdir()
                (log_folder / path.name).write_bytes(b"precious")
            return super().create(name, mode, within)

    with pytest.raises(UnsafePathError, match="is not the folder any more"):
        apply_plan(plan_for(path), calls=Moving())

    assert path.read_bytes() == b"precious"
    assert (tmp_path / "moved" / path.name).read_bytes() == before
    assert os.listdir(tmp_path / "moved") == [path.name]


def test_a_folder_of_somebody_else_in_the_place_of_ours_is_refused(tmp_path: Path) -> None:
    from aoftool.files.folder import Folder

    class Replacing(SystemCalls):
        def make_directory(self, path: str, mode: int, within: int | None = None) -> None:
            super().make_directory(path, mode, within)
            (tmp_path / path / "theirs").write_bytes(b"x")

    with Folder.open(str(tmp_path)) as folder, pytest.raises(UnsafePathError, match="somebody else"):
        folder.make("ours", calls=Replacing())
