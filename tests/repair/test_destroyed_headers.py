"""RDB parts whose first bytes are destroyed: the whole records behind them are kept."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.exam import examine_file
from aoftool.check.rdb.header import lost_its_header
from aoftool.check.stream.window import Reader
from aoftool.files.source import open_source
from aoftool.repair.apply import apply_plan
from aoftool.repair.choice import Choice
from aoftool.repair.undo import undo_repair
from tests.builders import command, log, select
from tests.oracle import assert_same_state, dump_state, freeze_expiry
from tests.repair.damaged_bases import Base, DamagedBase, bases
from tests.repair.test_damaged_bases import contents, judge, lone_base
from tests.repair.test_sound_bases import string
from tests.repair.workbench import copy_log, log_in, plan_for, snapshot
from tests.servers import server_params
from tests.servers.discovery import Build
from tests.servers.process import Server

HEADER = 9
# The header alone, the first field too, most fields, and the first records.
DAMAGES = [(16, "zeros"), (64, "noise"), (200, "zeros")]


def destroyed(data: bytes, size: int, fill: str) -> bytes:
    junk = bytes(size) if fill == "zeros" else random.Random(size).randbytes(size).replace(b"*", b"x")
    return junk + data[size:]


def bases_alone() -> list[Base]:
    """Return the bases that stand in files of their own."""
    return [base for base in bases() if base.name.endswith(".rdb")]


@pytest.mark.parametrize("fill", ["zeros", "noise"])
def test_a_header_that_the_checksum_proves_is_put_right_without_salvage(fill: str, tmp_path: Path) -> None:
    for number, base in enumerate(bases()):
        folder = lone_base(tmp_path / str(number), base, destroyed(base.data[: base.end], HEADER, fill))

        plan = plan_for(folder, Choice())
        apply_plan(plan)

        assert [edit.data for _, edit in plan.edits()] == [base.data[:HEADER]]
        assert (folder / "appendonly.aof.1.base.rdb").read_bytes() == base.data[: base.end]


@pytest.mark.parametrize("lost", range(1, HEADER + 1))
def test_a_start_that_is_missing_is_put_back_where_the_checksum_proves_it(lost: int, tmp_path: Path) -> None:
    for number, base in enumerate(bases()):
        whole = base.data[: base.end]
        folder = lone_base(tmp_path / str(number), base, whole[lost:])

        plan = plan_for(folder, Choice())
        apply_plan(plan)

        assert [(edit.start, edit.data) for _, edit in plan.edits()] == [(0, whole[:lost])]
        assert (folder / "appendonly.aof.1.base.rdb").read_bytes() == whole


def test_a_preamble_without_its_first_bytes_is_put_right_in_front_of_its_commands(tmp_path: Path) -> None:
    base = bases_alone()[0]
    whole = base.data[: base.end] + select(0) + log(*(command("SET", f"k:{n}", n) for n in range(9)))
    path = tmp_path / "appendonly.aof"
    path.write_bytes(whole[5:])

    apply_plan(plan_for(path, Choice()))

    assert path.read_bytes() == whole


def test_a_start_is_not_made_up_where_no_checksum_proves_it(tmp_path: Path) -> None:
    base = bases_alone()[0]
    data = bytearray(base.data[5 : base.end])
    data[len(data) // 2] ^= 0xFF
    data[len(data) // 2 + 9] ^= 0xFF
    folder = lone_base(tmp_path / "set", base, bytes(data))

    assert not list(plan_for(folder, Choice()).edits())


@pytest.mark.parametrize(("size", "fill"), DAMAGES)
def test_no_key_behind_a_destroyed_start_is_lost_and_none_made_up(
    size: int, fill: str, tmp_path: Path
) -> None:
    for number, base in enumerate(bases()):
        folder = tmp_path / str(number)
        folder.mkdir()
        data = destroyed(base.data, size, fill)

        verdict = judge(DamagedBase(number, "noise", base, data, ((0, size),)), folder)

        assert (verdict.lost, verdict.changed, verdict.made_up) == ([], [], []), base


@pytest.mark.parametrize("size", [16, 80])
def test_commands_behind_a_destroyed_preamble_stay(size: int, tmp_path: Path) -> None:
    base = bases_alone()[0]
    preamble, behind = (
        base.data[: base.end],
        select(0) + log(*(command("SET", f"k:{n}", n) for n in range(9))),
    )
    path = tmp_path / "appendonly.aof"
    path.write_bytes(preamble + behind)
    healthy = contents(path)
    path.write_bytes(destroyed(preamble, size, "zeros") + behind)
    before = snapshot(tmp_path)

    receipt = apply_plan(plan_for(path))

    assert path.read_bytes().endswith(behind)
    assert contents(path) == healthy
    undo_repair(receipt)
    assert snapshot(tmp_path) == before


def test_a_snapshot_without_a_header_stays_a_snapshot_and_the_plan_says_what_it_was_read_as(
    tmp_path: Path,
) -> None:
    base = bases_alone()[0]
    path = tmp_path / "dump.rdb"
    path.write_bytes(base.data)
    healthy = contents(path)
    path.write_bytes(destroyed(base.data, 64, "zeros"))

    plan = plan_for(path)
    apply_plan(plan)

    reasons = [edit.reason for _, edit in plan.edits() if edit.start == 0]
    assert path.read_bytes().startswith(b"REDIS00")
    assert reasons[0].startswith("the header is destroyed; read as REDIS00")
    assert contents(path) == healthy
    assert plan_for(path).empty


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 64 + log(*(command("SET", f"k:{n}", n) for n in range(9))),
        select(0) + command("SET", "dump", b"\xfa\x09redis-ver\x057.0.0"),
        b"\xff\xfe" + select(0) + command("SET", "k", "v"),
    ],
    ids=["zeros", "fields in a value", "stray bytes"],
)
def test_a_stream_of_commands_is_not_taken_for_an_rdb(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(data)

    with open_source(path) as source:
        exam = examine_file(find_log(path).files[0], source)

    assert exam.rdb is None


def test_a_file_that_forges_many_starts_of_records_is_looked_at_only_at_its_start(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(b"\x02\x04abcd\x41\x00" * 2048 + base_records())

    with open_source(path) as source:
        near = lost_its_header(Reader(source, path.stat().st_size), named_rdb=False)
    path.write_bytes(bytes(4096) + base_records())
    with open_source(path) as source:
        behind_a_page = lost_its_header(Reader(source, path.stat().st_size), named_rdb=False)

    assert (near, behind_a_page) == (False, True)


def base_records() -> bytes:
    return b"".join(string(b"key:%d" % n, b"value %d" % n) for n in range(20))


def test_of_a_base_that_is_all_zeros_nothing_is_kept(tmp_path: Path) -> None:
    folder = lone_base(tmp_path / "log", bases_alone()[0], bytes(5000))

    plan = plan_for(folder)

    assert plan.empty
    assert plan.left[0][0] == "rdb-magic"


def fill_server(server: Server) -> None:
    server.pipeline([("SET", f"string:{n}", f"value {n}" * (n % 40)) for n in range(400)])
    server.pipeline([("HSET", f"hash:{n}", "a", n, "b", "x" * n) for n in range(100)])
    server.pipeline([("RPUSH", "list", f"element {n}") for n in range(300)])
    server.pipeline([("ZADD", "zset", n / 7, f"member {n}") for n in range(200)])
    server.pipeline([("SADD", f"set:{n}", n, n + 1, n * 1000) for n in range(50)])
    server.pipeline([("XADD", "stream", f"{n + 1}-0", "field", n) for n in range(150)])
    server.send("XGROUP", "CREATE", "stream", "group", "0")
    server.pipeline([("SET", f"other:{n}", n, "PX", 10**9) for n in range(60)], db=3)


@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(), ids=str)
def test_a_server_loads_all_keys_of_its_base_whose_start_is_destroyed(
    server_build: Build, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    writer = start_server(server_build)
    freeze_expiry(writer)
    fill_server(writer)
    writer.rewrite()
    state = dump_state(writer)
    writer.stop()
    copy = tmp_path / "log"
    base = copy_base(writer, copy)
    for size in (HEADER, 70):
        base.write_bytes(destroyed(base.read_bytes(), size, "zeros"))
        apply_plan(plan_for(log_in(copy)))

        reader = start_server(server_build, source=log_in(copy))
        assert reader.outcome is not None
        assert reader.outcome.loaded, reader.outcome.log[-500:]
        assert_same_state(state, dump_state(reader))
        reader.stop()


def copy_base(server: Server, target: Path) -> Path:
    """Copy the log of a server that has stopped; return the file that begins with an RDB."""
    copy_log(server.data_directory, target)
    found = [path for path in target.rglob("*") if path.is_file() and path.suffix in (".rdb", ".aof")]
    return next(path for path in sorted(found) if path.read_bytes()[:5] in (b"REDIS", b"VALKE"))
