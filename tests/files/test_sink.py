"""Writing leaves the old file or the new one, whole, whatever fails and whenever it is killed."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from aoftool.errors import (
    AoftoolError,
    OutputExistsError,
    PlanStaleError,
    ReadFailedError,
    RefusedError,
    SinkError,
    SourceError,
    UnsafePathError,
)
from aoftool.files.copying import CopyMethod
from aoftool.files.folder import Folder
from aoftool.files.inplace import append_tail, copy_file, cut_tail, move_file
from aoftool.files.sink import AtomicFile, write_atomically
from aoftool.files.syscalls import SystemCalls
from aoftool.files.temporary import is_leftover

OLD, NEW = b"old contents\n" * 10_000, b"new contents, other size\n" * 20_000
KILLED = 77


class Counting(SystemCalls):
    """Count the calls, and act at one of them."""

    def __init__(self, act_at: int = -1, act: Callable[[], None] = lambda: None) -> None:
        self.count = 0
        self.names: list[str] = []
        self._act_at = act_at
        self._act = act

    def __getattribute__(self, name: str) -> object:
        found = super().__getattribute__(name)
        if name.startswith("_") or name not in vars(SystemCalls):
            return found

        def counted(*arguments: object, **options: object) -> object:
            at = self.count
            self.count += 1
            self.names.append(name)
            if at == self._act_at:
                self._act()
            return found(*arguments, **options)

        return counted


def fail_with(number: int) -> Callable[[], None]:
    def fail() -> None:
        raise OSError(number, os.strerror(number))

    return fail


def die() -> None:
    os._exit(KILLED)


def calls_of(action: Callable[[SystemCalls], object]) -> int:
    counting = Counting()
    action(counting)
    return counting.count


def killed_at(at: int, action: Callable[[SystemCalls], object]) -> None:
    """Run an action in a child process that ends at one of its system calls."""
    child = os.fork()
    if not child:
        try:
            action(Counting(at, die))
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == KILLED


def leftovers(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if is_leftover(name.encode())]


def test_new_file_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "out"

    size = write_atomically(path, [NEW[:10], memoryview(NEW)[10:], b""])

    assert path.read_bytes() == NEW
    assert size == len(NEW)
    assert os.listdir(tmp_path) == ["out"]


def test_new_file_has_the_mode_that_the_mask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "out", [NEW])
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o640


def test_existing_file_is_refused_without_force_and_replaced_with_it(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(OLD)

    with pytest.raises(OutputExistsError):
        write_atomically(path, [NEW])
    assert path.read_bytes() == OLD

    write_atomically(path, [NEW], force=True)
    assert path.read_bytes() == NEW
    assert os.listdir(tmp_path) == ["out"]


def test_file_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "out"

    with AtomicFile(path) as file:
        file.write(NEW)
        path.write_bytes(OLD)
        with pytest.raises(OutputExistsError):
            file.commit()

    assert path.read_bytes() == OLD
    assert leftovers(tmp_path) == []


def test_file_without_commit_leaves_nothing(tmp_path: Path) -> None:
    with AtomicFile(tmp_path / "out") as file:
        file.write(NEW)
        assert leftovers(tmp_path) != []

    assert os.listdir(tmp_path) == []


def test_output_that_is_an_input_is_refused_under_any_name(tmp_path: Path) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_bytes(OLD)
    other.hardlink_to(path)

    for output in (path, other, tmp_path / "." / "a"):
        with pytest.raises(RefusedError, match="both input and output"):
            write_atomically(output, [NEW], force=True, inputs=[path])
    assert path.read_bytes() == OLD


def test_symbolic_links_and_special_files_are_refused_as_output(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(OLD)
    (tmp_path / "link").symlink_to(target)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "dir").mkdir()

    for name in ("link", "dangling", "dir"):
        with pytest.raises(UnsafePathError):
            write_atomically(tmp_path / name, [NEW], force=True)
    assert target.read_bytes() == OLD


def test_mode_owner_and_times_are_carried_over(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(OLD)
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 12345, 23456)
    os.utime(path, ns=(10**18, 10**18 + 123_456_789))
    before = path.stat()

    write_atomically(path, [NEW], force=True, like=str(path))

    after = path.stat()
    assert path.read_bytes() == NEW
    assert after.st_ino != before.st_ino
    for name in ("st_mode", "st_uid", "st_gid", "st_mtime_ns", "st_atime_ns"):
        assert getattr(after, name) == getattr(before, name), name


def test_long_names_have_room_for_the_temporary_name(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)

    write_atomically(path, [NEW])

    assert path.read_bytes() == NEW


def test_missing_directory_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="No such file or directory"):
        write_atomically(tmp_path / "no" / "out", [NEW])


def test_ranges_of_another_file_are_copied(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(OLD)

    with source.open("rb") as stream, AtomicFile(tmp_path / "out") as file:
        file.copy_from(stream.fileno(), 100, 5000, str(stream.name))
        file.write(b"between")
        file.copy_from(stream.fileno(), 7, 11, str(stream.name))
        with pytest.raises(ReadFailedError, match=f"offset {len(OLD)}: the file ends here"):
            AtomicFile(tmp_path / "other").copy_from(stream.fileno(), len(OLD) - 2, 5, str(stream.name))
        file.commit()

    assert (tmp_path / "out").read_bytes() == OLD[100:5100] + b"between" + OLD[7:18]


def replace(path: Path) -> Callable[[SystemCalls], object]:
    return lambda calls: write_atomically(path, [NEW[:99], NEW[99:]], force=True, like=str(path), calls=calls)


def create(path: Path) -> Callable[[SystemCalls], object]:
    return lambda calls: write_atomically(path, [NEW], calls=calls)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT], ids=["ENOSPC", "EIO", "EDQUOT"])
def test_failure_of_any_call_leaves_old_or_new_and_nothing_else(tmp_path: Path, number: int) -> None:
    path = tmp_path / "log"
    path.write_bytes(OLD)
    total = calls_of(replace(path))

    for at in range(total):
        path.write_bytes(OLD)
        counting = Counting(at, fail_with(number))
        with pytest.raises(SinkError) as caught:
            replace(path)(counting)

        assert caught.value.path == str(path)
        renamed = "rename" in counting.names[:at]
        assert path.read_bytes() == (NEW if renamed else OLD)
        assert leftovers(tmp_path) == []
    assert total >= 8


def test_failure_of_any_call_leaves_no_half_new_file(tmp_path: Path) -> None:
    for at in range(calls_of(create(tmp_path / "first"))):
        path = tmp_path / f"out{at}"
        with contextlib.suppress(AoftoolError):
            create(path)(Counting(at, fail_with(errno.ENOSPC)))

        assert not path.exists() or path.read_bytes() == NEW


def test_kill_at_any_call_leaves_old_or_new(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(OLD)
    total = calls_of(replace(path))

    for at in range(total):
        path.write_bytes(OLD)
        killed_at(at, replace(path))

        assert path.read_bytes() in (OLD, NEW)
        assert set(os.listdir(tmp_path)) - {"log"} == set(leftovers(tmp_path))
        for name in leftovers(tmp_path):
            (tmp_path / name).unlink()


def test_kill_at_any_call_never_leaves_half_of_a_new_file(tmp_path: Path) -> None:
    for at in range(calls_of(create(tmp_path / "first"))):
        path = tmp_path / f"out{at}"
        killed_at(at, create(path))

        assert not path.exists() or path.read_bytes() == NEW


class Short(SystemCalls):
    """Write a little at a time, and leave copying to the buffer."""

    def write(self, descriptor: int, data: memoryview) -> int:
        return super().write(descriptor, data[:1000])

    def copy_range(self, source: int, destination: int, offset: int, length: int) -> int:
        raise OSError(errno.EXDEV, "")

    def clone(self, source: int, destination: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "")

    def link(self, old: str, new: str, old_in: int | None = None, new_in: int | None = None) -> None:
        raise OSError(errno.EPERM, "")


def test_short_writes_and_poor_file_systems_are_served(tmp_path: Path) -> None:
    source, out, copied = tmp_path / "source", tmp_path / "out", tmp_path / "copied"
    source.write_bytes(OLD)

    with source.open("rb") as stream, AtomicFile(out, calls=Short()) as file:
        file.write(NEW)
        file.copy_from(stream.fileno(), 0, len(OLD), str(stream.name))
        file.commit()
    method = copy_file(str(source), str(copied), calls=Short())
    with Folder.open(str(tmp_path)) as folder:
        move_file(folder, "copied", folder, "moved", calls=Short())

    assert out.read_bytes() == NEW + OLD
    assert method is CopyMethod.COPY
    assert (tmp_path / "moved").read_bytes() == OLD
    assert sorted(os.listdir(tmp_path)) == ["moved", "out", "source"]
    with Folder.open(str(tmp_path)) as folder, pytest.raises(OutputExistsError):
        move_file(folder, "source", folder, "out", calls=Short())


def test_copy_keeps_contents_mode_and_times(tmp_path: Path) -> None:
    source, backup = tmp_path / "log", tmp_path / "log.backup"
    source.write_bytes(OLD)
    source.chmod(0o600)
    os.utime(source, ns=(5 * 10**17, 5 * 10**17))

    copy_file(str(source), str(backup))

    assert backup.read_bytes() == OLD
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert backup.stat().st_mtime_ns == 5 * 10**17
    with pytest.raises(OutputExistsError):
        copy_file(str(source), str(backup))
    with pytest.raises(SourceError, match="No such file"):
        copy_file(str(tmp_path / "none"), str(tmp_path / "x"))


def test_failure_while_copying_leaves_no_copy(tmp_path: Path) -> None:
    source = tmp_path / "log"
    source.write_bytes(OLD)
    total = calls_of(lambda calls: copy_file(str(source), str(tmp_path / "first"), calls=calls))

    for at in range(total):
        backup = tmp_path / f"backup{at}"
        with contextlib.suppress(SinkError):
            copy_file(str(source), str(backup), calls=Counting(at, fail_with(errno.ENOSPC)))

        assert not backup.exists() or backup.read_bytes() == OLD
        assert source.read_bytes() == OLD


def test_moving_never_overwrites_and_loses_nothing_when_killed(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(OLD)
    new.write_bytes(NEW)

    with Folder.open(str(tmp_path)) as folder, pytest.raises(OutputExistsError):
        move_file(folder, "old", folder, "new")
    new.unlink()

    def move(calls: SystemCalls) -> None:
        with Folder.open(str(tmp_path)) as folder:
            move_file(folder, "old", folder, "new", calls=calls)

    move(SystemCalls())
    assert (old.exists(), new.read_bytes()) == (False, OLD)
    total = 5
    for at in range(total):
        new.unlink(missing_ok=True)
        old.write_bytes(OLD)
        killed_at(at, move)

        assert OLD in [path.read_bytes() for path in (old, new) if path.exists()]


def test_tail_is_cut_in_place_and_put_back(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(OLD)
    inode = path.stat().st_ino

    (tmp_path / "kept").write_bytes(OLD)

    with Folder.open(str(tmp_path)) as folder, (tmp_path / "kept").open("rb") as kept:
        cut_tail(folder, "log", 1000, expected_bytes=len(OLD))
        assert path.read_bytes() == OLD[:1000]
        append_tail(folder, "log", kept.fileno(), 1000, len(OLD) - 1000, "kept", expected_bytes=1000)
    assert path.read_bytes() == OLD
    assert path.stat().st_ino == inode


def test_file_of_another_size_is_neither_cut_nor_extended(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(OLD)

    with Folder.open(str(tmp_path)) as folder, path.open("rb") as kept:
        with pytest.raises(PlanStaleError):
            cut_tail(folder, "log", 5, expected_bytes=len(OLD) + 1)
        with pytest.raises(PlanStaleError):
            append_tail(folder, "log", kept.fileno(), 0, 1, "kept", expected_bytes=5)
    assert path.read_bytes() == OLD


def test_links_are_not_followed_when_changing_in_place(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(OLD)
    (tmp_path / "link").symlink_to(target)

    with Folder.open(str(tmp_path)) as folder, pytest.raises(SinkError):
        cut_tail(folder, "link", 5, expected_bytes=len(OLD))
    assert target.read_bytes() == OLD


def test_disk_that_fills_up_while_a_tail_is_put_back_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(OLD)

    class Full(Short):
        written = 0

        def write(self, descriptor: int, data: memoryview) -> int:
            if self.written > 3000:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.written += 1000
            return super().write(descriptor, data)

    (tmp_path / "kept").write_bytes(NEW)
    with Folder.open(str(tmp_path)) as folder, (tmp_path / "kept").open("rb") as kept:
        with pytest.raises(SinkError, match="No space left"):
            append_tail(
                folder, "log", kept.fileno(), 0, len(NEW), "kept", expected_bytes=len(OLD), calls=Full()
            )
        with pytest.raises(SourceError, match="too short"):
            append_tail(folder, "log", kept.fileno(), 0, len(NEW) + 1, "kept", expected_bytes=len(OLD))
    assert path.read_bytes() == OLD


def test_an_interruption_right_behind_the_making_of_a_file_leaves_nothing(tmp_path: Path) -> None:
    class Interrupted(SystemCalls):
        def create(self, path: str, mode: int, within: int | None = None) -> int:
            super().create(path, mode, within)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        AtomicFile(tmp_path / "out", calls=Interrupted())

    assert list(tmp_path.iterdir()) == []
