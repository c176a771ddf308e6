"""Everything written is as readable as what it was made of, and no more, by every verb that writes."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aoftool.cli.app import run
from aoftool.errors import RefusedError
from aoftool.files.access import Access, give_access, narrowest_access
from aoftool.files.syscalls import SystemCalls
from aoftool.repair.apply import apply_plan
from aoftool.repair.reading import read_receipt
from aoftool.repair.undo import undo_repair
from tests import builders
from tests.repair.workbench import plan_for

SERVICE_USER, SERVICE_GROUP = 4242, 4243
COMMANDS = builders.log(*([b"SET", b"k%d" % n, b"v"] for n in range(20)))
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture(params=[0o077, 0o000])
def mask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def a_set(folder: Path, incr: bytes = COMMANDS) -> Path:
    record = builders.rdb_record(0, "b", builders.rdb_string("1"))
    base = builders.rdb(builders.rdb_database(0, record), magic=b"REDIS0010")
    builders.write_multi_part(folder, base=base, incrs=[incr], base_is_rdb=True)
    return folder


def a_file(folder: Path, content: bytes = COMMANDS) -> Path:
    folder.mkdir()
    (folder / "appendonly.aof").write_bytes(content)
    return folder / "appendonly.aof"


def restrict(path: Path, mode: int) -> None:
    """Give a file, or all files of a set, a mode, and, where this may be done, to a service."""
    for file in [path, *path.rglob("*")] if path.is_dir() else [path]:
        file.chmod(mode | 0o100 * 7 | (mode & 0o044) >> 2 if file.is_dir() else mode)
        if os.geteuid() == 0:
            os.chown(file, SERVICE_USER, SERVICE_GROUP)


def access(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)


def files_in(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]


MODES = [0o600, 0o640, 0o644]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("make", [a_set, a_file])
def test_a_rewrite_in_place_keeps_owner_and_mode(
    mask: int, mode: int, make: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = make(tmp_path / "log")
    restrict(path, mode)
    (expected,) = {access(file) for file in files_in(path)}

    assert run(["rewrite", "--in-place", "-q", str(path)]) == 0

    log = [file for file in files_in(path) if "aoftool-" not in str(file)]
    assert {access(file) for file in log} == {expected}
    (receipt,) = (path if path.is_dir() else path.parent).glob("aoftool-rewrite-*")
    assert access(receipt)[2] == 0o700
    assert access(receipt / "receipt.json")[2] == 0o600


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["cut", "several", "manifest"])
def test_a_repair_in_place_keeps_owner_and_mode(mask: int, mode: int, kind: str, tmp_path: Path) -> None:
    damaged = COMMANDS[:40] + b"?" + COMMANDS[41:]
    path = a_set(tmp_path / "log", COMMANDS[:-3] if kind == "cut" else damaged)
    if kind == "several":
        (path / "appendonly.aof.2.incr.aof").write_bytes(COMMANDS[:-3])
        with (path / "appendonly.aof.manifest").open("ab") as manifest:
            manifest.write(b"file appendonly.aof.2.incr.aof seq 2 type i\n")
    if kind == "manifest":
        (path / "appendonly.aof.manifest").unlink()
    restrict(path, mode)
    (expected,) = {access(file) for file in files_in(path)}

    run(["fix", "--salvage", "--yes", "-q", str(path)])

    log = [file for file in files_in(path) if "aoftool-" not in str(file)]
    assert any(file.name.endswith(".manifest") for file in log)
    assert {access(file) for file in log} == {expected}
    (receipt,) = path.glob("aoftool-fix-*")
    own = [receipt / "receipt.json", *receipt.glob("lost-and-found*")]
    assert {access(file)[2] for file in own} == {0o600}
    undo_repair(read_receipt(str(receipt)))
    assert {access(file) for file in files_in(path) if "aoftool-" not in str(file)} == {expected}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("make", [a_set, a_file])
@pytest.mark.parametrize(
    "words",
    [
        ["rewrite", "LOG", "-o", "OUT"],
        ["rewrite", "LOG", "--layout", "multi-part", "--target", "redis-7.0", "-o", "OUT"],
        ["rewrite", "LOG", "--layout", "single", "-o", "OUT"],
        ["fix", "LOG", "--yes", "-o", "OUT"],
        ["log", "LOG", "-o", "OUT"],
        ["log", "LOG", "--excerpt", "PLACE", "-o", "OUT"],
    ],
    ids=" ".join,
)
def test_a_new_output_is_as_readable_as_the_log(
    words: list[str], mask: int, mode: int, make: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = make(tmp_path / "log")
    restrict(path, mode)
    (expected,) = {access(file) for file in files_in(path)}
    out = tmp_path / "out"
    place = "appendonly.aof.1.incr.aof:0" if path.is_dir() else "0"

    given = [{"LOG": str(path), "OUT": str(out), "PLACE": place}.get(word, word) for word in words]
    assert run(given) == 0

    assert {access(file) for file in files_in(out)} == {expected}
    if out.is_dir():
        assert not access(out)[2] & 0o077 & ~(mode | (mode & 0o044) >> 2)


@pytest.mark.parametrize("mode", MODES)
def test_what_a_repair_elsewhere_takes_out_is_as_readable_as_the_log(
    mask: int, mode: int, tmp_path: Path
) -> None:
    path = a_file(tmp_path / "log", COMMANDS[:-3])
    restrict(path, mode)

    run(["fix", str(path), "--yes", "-o", str(tmp_path / "out")])

    folder = tmp_path / "out.lost-and-found"
    assert {access(file) for file in files_in(folder)} == {access(path)}
    assert access(folder)[2] == 0o700 | mode & 0o055 | (mode & 0o044) >> 2


def test_of_several_files_the_narrowest_access_counts(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for file, mode in ((first, 0o644), (second, 0o660)):
        file.write_bytes(b"")
        file.chmod(mode)

    found = narrowest_access([str(first), str(tmp_path / "none"), str(second)])

    assert found is not None
    assert found.mode == 0o640
    assert narrowest_access(["-", str(tmp_path / "none")]) is None


class Unprivileged(SystemCalls):
    """Refuse to give files away, as the system refuses it to a plain user."""

    def change_owner(self, descriptor: int, user: int, group: int) -> None:
        raise PermissionError(1, "Operation not permitted")


@AS_ROOT
def test_an_owner_that_cannot_be_kept_is_refused_before_anything_changes(tmp_path: Path) -> None:
    path = a_set(tmp_path / "log", COMMANDS[:40] + b"?" + COMMANDS[41:])
    restrict(path, 0o640)
    before = {file.name: file.read_bytes() for file in files_in(path)}
    plan = plan_for(path)

    with pytest.raises(RefusedError, match=f"uid {SERVICE_USER}, gid {SERVICE_GROUP}") as caught:
        apply_plan(plan, calls=Unprivileged())

    assert caught.value.hint is not None
    assert "--new-owner" in caught.value.hint
    assert {file.name: file.read_bytes() for file in files_in(path)} == before
    apply_plan(plan, calls=Unprivileged(), new_owner=True)
    new = [file for file in files_in(path) if "aoftool-" not in str(file) and file.stat().st_uid == 0]
    # A group of ours is another one: its members may only what everybody may.
    assert {access(file)[2] for file in new} == {0o600}


@AS_ROOT
@pytest.mark.parametrize(
    ("mode", "expected"), [(0o644, 0o644), (0o640, 0o600), (0o604, 0o600), (0o664, 0o644)]
)
def test_another_group_may_only_what_everybody_may(mode: int, expected: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    path.chmod(0o600)
    descriptor = os.open(path, os.O_RDWR)

    wanted = Access(SERVICE_USER, SERVICE_GROUP, mode)
    give_access(descriptor, wanted, str(path), keep_owner=False, calls=Unprivileged())

    os.close(descriptor)
    assert access(path)[2] == expected


def test_a_file_system_that_keeps_no_modes_is_refused(tmp_path: Path) -> None:
    class Careless(SystemCalls):
        def change_mode(self, descriptor: int, mode: int) -> None:
            super().change_mode(descriptor, 0o755)

    path = tmp_path / "file"
    path.write_bytes(b"")
    descriptor = os.open(path, os.O_RDWR)

    with pytest.raises(RefusedError, match="mode 0755 and not 0600"):
        give_access(descriptor, Access(None, None, 0o600), str(path), keep_owner=False, calls=Careless())

    os.close(descriptor)
