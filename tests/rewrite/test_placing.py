"""Where the result goes: new files, new directories, the log itself, and what a failure leaves."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from aoftool.aof.layout import find_log
from aoftool.aof.model import LayoutCode
from aoftool.errors import OutputExistsError, PlanStaleError, RefusedError, SinkError, UsageError
from aoftool.files.syscalls import SystemCalls
from aoftool.repair.reading import read_receipt
from aoftool.repair.receipt import Receipt
from aoftool.repair.undo import undo_repair
from aoftool.rewrite.model import Layout, RewriteOptions, RewriteResult
from aoftool.rewrite.planner import plan_rewrite
from aoftool.rewrite.runner import Sinks, write_rewrite
from aoftool.rewrite.write.in_place import rewrite_in_place, stamps_of
from aoftool.rewrite.write.placing import write_new
from tests import builders

COMMANDS = builders.log([b"SET", b"a", b"1"], [b"SET", b"a", b"2"], [b"RPUSH", b"l", b"x"])


@pytest.fixture
def multi_part(tmp_path: Path) -> Path:
    record = builders.rdb_record(0, "b", builders.rdb_string("1"))
    base = builders.rdb(builders.rdb_database(0, record))
    builders.write_multi_part(tmp_path / "log", base=base, incrs=[COMMANDS], base_is_rdb=True, sequence=3)
    return tmp_path / "log"


@pytest.fixture
def single(tmp_path: Path) -> Path:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(COMMANDS)
    return path


class Failing(SystemCalls):
    """Fail at the n-th call that changes something."""

    def __init__(self, at: int) -> None:
        self.left = at

    def step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(28, "No space left on device")

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name in ("create", "write", "sync", "rename", "link"):

            def counted(*args: Any, **options: Any) -> Any:
                self.step()
                return found(*args, **options)

            return counted
        return found


def snapshot(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def new(path: Path, out: Path, **options: Any) -> RewriteResult:
    log = find_log(str(path))
    force = options.pop("force", False)
    calls = options.pop("calls", SystemCalls())
    with plan_rewrite(log, RewriteOptions(target="redis-7.2", **options)) as plan:
        return write_new(
            plan, log, str(out), lambda sinks: write_rewrite(plan, sinks), force=force, calls=calls
        )


def replaced(path: Path, calls: SystemCalls | None = None) -> tuple[RewriteResult, Receipt]:
    log = find_log(str(path))
    before = stamps_of(log)
    with plan_rewrite(log, RewriteOptions(target="redis-7.2")) as plan:
        return rewrite_in_place(
            plan, log, before, lambda sinks: write_rewrite(plan, sinks), calls=calls or SystemCalls()
        )


def test_a_new_directory_holds_a_base_an_empty_incr_and_a_manifest(multi_part: Path, tmp_path: Path) -> None:
    before = snapshot(multi_part)

    result = new(multi_part, tmp_path / "out")

    names = ["appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof", "appendonly.aof.manifest"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert [Path(file.path).name for file in result.files] == names
    assert all(Path(file.path).stat().st_size == file.size_bytes for file in result.files)
    problems = find_log(str(tmp_path / "out")).problems
    assert [problem.code for problem in problems] == [LayoutCode.EMPTY_INCR]
    assert snapshot(multi_part) == before


def test_a_single_file_can_be_written_from_any_log(multi_part: Path, tmp_path: Path) -> None:
    result = new(multi_part, tmp_path / "out.aof", layout=Layout.SINGLE)

    assert [file.path for file in result.files] == [str(tmp_path / "out.aof")]
    assert (tmp_path / "out.aof").read_bytes().startswith(b"REDIS0011")


def test_an_existing_output_is_refused(multi_part: Path, single: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out.aof").write_bytes(b"precious")

    with pytest.raises(OutputExistsError):
        new(multi_part, tmp_path / "out")
    with pytest.raises(OutputExistsError):
        new(single, tmp_path / "out.aof", layout=Layout.SINGLE)

    assert (tmp_path / "out.aof").read_bytes() == b"precious"
    new(single, tmp_path / "out.aof", layout=Layout.SINGLE, force=True)
    assert (tmp_path / "out.aof").read_bytes() != b"precious"


def test_the_log_itself_is_no_output(single: Path) -> None:
    with pytest.raises(RefusedError):
        new(single, single, layout=Layout.SINGLE, force=True)

    assert single.read_bytes() == COMMANDS


def test_a_target_without_multi_part_logs_gets_none(single: Path, tmp_path: Path) -> None:
    log = find_log(str(single))
    with plan_rewrite(log, RewriteOptions(target="redis-6.2")) as plan, pytest.raises(UsageError):
        write_new(plan, log, str(tmp_path / "out"), lambda sinks: write_rewrite(plan, sinks))


@pytest.mark.parametrize("layout", list(Layout))
def test_a_failure_at_any_step_leaves_nothing_behind(single: Path, tmp_path: Path, layout: Layout) -> None:
    before = snapshot(tmp_path)
    for at in range(60):
        try:
            new(single, tmp_path / "out", layout=layout, calls=Failing(at))
        except SinkError:
            assert snapshot(tmp_path) == before, at
        else:
            break
    else:
        pytest.fail("never came through")
    assert at > 3


def test_in_place_the_new_files_get_the_next_numbers_and_the_old_ones_stay(multi_part: Path) -> None:
    before = snapshot(multi_part)

    result, receipt = replaced(multi_part)

    after = snapshot(multi_part)
    log = find_log(str(multi_part))
    assert [Path(file.path).name for file in log.files] == [
        "appendonly.aof.4.base.rdb",
        "appendonly.aof.4.incr.aof",
    ]
    assert before.items() - after.items() == {("appendonly.aof.manifest", before["appendonly.aof.manifest"])}
    assert result.summary.tail.commands == 3
    assert read_receipt(receipt.directory).steps


@pytest.mark.parametrize("kind", ["multi_part", "single"])
def test_undo_takes_a_rewrite_in_place_back(kind: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(kind)
    where = path if path.is_dir() else path.parent
    before = snapshot(where)
    _, receipt = replaced(path)
    assert snapshot(where) != before

    undo_repair(read_receipt(receipt.directory))

    after = snapshot(where)
    assert before.items() <= after.items()
    assert all("aoftool-rewrite-" in name for name in after.keys() - before.keys())


@pytest.mark.parametrize("kind", ["multi_part", "single"])
def test_in_place_a_failure_at_any_step_leaves_the_old_log_or_the_new(
    kind: str, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(kind)
    where = path if path.is_dir() else path.parent
    before = snapshot(where)
    for at in range(80):
        try:
            replaced(path, Failing(at))
        except SinkError:
            after = snapshot(where)
            if after != before:
                # The switch was made; only the notes about it failed.
                assert before.items() - after.items()
                break
        else:
            break
    else:
        pytest.fail("never came through")
    assert at > 3
    with plan_rewrite(find_log(str(path)), RewriteOptions(target="redis-7.2")) as plan:
        assert write_rewrite(plan, [_nowhere()]).sizes[0].key_count == (3 if kind == "multi_part" else 2)


def _nowhere() -> Sinks:
    from aoftool.rdb.encode.writer import ByteCounter
    from aoftool.rewrite.model import OutputFormat

    return Sinks(OutputFormat.RDB, ByteCounter(), ByteCounter())


def test_a_log_that_changes_while_it_is_rewritten_is_left_alone(single: Path, tmp_path: Path) -> None:
    log = find_log(str(single))
    before = stamps_of(log)
    with plan_rewrite(log, RewriteOptions(target="redis-7.2")) as plan:
        single.write_bytes(COMMANDS + builders.command("SET", "late", "1"))

        with pytest.raises(PlanStaleError):
            rewrite_in_place(plan, log, before, lambda sinks: write_rewrite(plan, sinks))

    assert [path.name for path in tmp_path.iterdir()] == [single.name]


def test_an_rdb_alone_is_no_log_to_replace(tmp_path: Path) -> None:
    path = tmp_path / "dump.rdb"
    path.write_bytes(builders.rdb(builders.rdb_database(0, builders.rdb_record(0, "a", b"\x011"))))

    with pytest.raises(UsageError):
        replaced(path)
