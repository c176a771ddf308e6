"""A fleet says of each log what `check` and `inspect` say of it alone, wherever it is gone over."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import signal
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from aoftool.cli.app import run
from aoftool.errors import InputError, SinkError, SourceError, UsageError
from aoftool.fleet import cluster
from aoftool.fleet.finding import fleet_paths, listed_paths
from aoftool.fleet.model import FleetReport, LogRow, RowState, Totals
from aoftool.fleet.ranges import LargeLog, Task
from aoftool.fleet.running import run_here
from aoftool.fleet.state import FleetState
from tests.builders import command, log
from tests.corpus import FIXTURES
from tests.fleet.work import misbehaving

KINDS = sorted(
    path
    for path in (*FIXTURES.glob("damaged/*"), *FIXTURES.glob("recorded/*/*"), *FIXTURES.glob("answers/*"))
    if path.is_dir()
)
LOGS = 200


def asked(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(words)
    return code, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make 200 names of logs of all kinds, every twentieth of them unreadable."""
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "images").mkdir()
    (folder / "images" / "picture.aof").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    (folder / "empty").mkdir()
    bad = (folder / "nowhere", folder / "images" / "picture.aof", folder / "empty")
    for number in range(LOGS):
        target = bad[number // 20 % 3] if number % 20 == 19 else KINDS[number % len(KINDS)]
        (folder / f"node-{number:03}").symlink_to(target)
    return folder


@pytest.fixture(scope="module")
def paths(many: Path) -> list[str]:
    return [str(many / f"node-{number:03}") for number in range(LOGS)]


@pytest.fixture(scope="module")
def rows(paths: list[str]) -> list[LogRow]:
    return list(run_here(paths, jobs=2))


def test_every_log_has_one_row(paths: list[str], rows: list[LogRow]) -> None:
    assert sorted(row.path for row in rows) == paths
    assert sum(row.state == RowState.UNREAD for row in rows) == LOGS // 20
    assert {row.state for row in rows} == {RowState.READ, RowState.UNREAD}


def test_a_row_says_what_check_and_inspect_say(rows: list[LogRow]) -> None:
    seen: dict[str, LogRow] = {}
    for row in sorted(rows, key=lambda row: row.path):
        seen.setdefault(os.path.realpath(row.path), row)

    for row in seen.values():
        code, checked, _ = asked("check", "--json", row.path)
        if row.state != RowState.READ:
            assert (code, json.loads(checked)["message"]) == (3, row.message)
            continue
        [told] = json.loads(checked)["logs"]
        assert (row.verdict, row.intact, row.judged) == (told["verdict"], told["intact"], told["judged"])
        assert row.next == (told["next"] or "")
        codes = [one["code"] for one in told["findings"] if one["severity"] != "note"]
        assert (row.code in codes) if codes else row.code == ""
        _compare_with_inspect(row)


def _compare_with_inspect(row: LogRow) -> None:
    _, text, _ = asked("inspect", "--json", row.path)
    shown = json.loads(text)
    contents = shown["contents"]
    assert row.size_bytes == shown["size_bytes"]
    assert row.commands == sum(file["commands"] for file in shown["files"])
    assert row.keys == sum(part["keys"] for part in shown["rdb_parts"])
    assert row.newest_ts_s == (shown["time_range"] or {}).get("latest_s")
    kinds = ("command", "framing")
    assert row.by_command == {
        one["name"]: [one["count"], one["size_bytes"]] for one in shown["commands"] if one["kind"] in kinds
    }
    savings = contents["savings"]
    if savings is not None and savings["reason"] is None:
        assert row.dead_bytes == savings["dead_bytes"] + savings["base_dead_bytes"]
        assert row.known_bytes == savings["live_bytes"] + savings["dead_bytes"] + savings["base_bytes"]
    else:
        assert row.dead_share is None
    assert (row.restart_most_s is None) == (contents["restart"] is None)
    assert (row.growth_bytes_per_s is None) == ((contents["next_rewrite"] or {}).get("bytes_per_s") is None)


def test_totals_are_the_sums_however_they_are_put_together(rows: list[LogRow]) -> None:
    whole = Totals.of(rows)
    draw = random.Random(5)
    parts = [Totals() for _ in range(7)]
    for row in draw.sample(rows, len(rows)):
        draw.choice(parts).add(row)
    merged = Totals()
    for part in draw.sample(parts, len(parts)):
        merged.merge(Totals.from_dict(json.loads(json.dumps(part.to_dict()))))

    assert merged.to_dict() == whole.to_dict()
    assert whole.logs == LOGS
    assert whole.size_bytes == sum(row.size_bytes for row in rows)
    assert whole.dead_bytes == sum(row.dead_bytes for row in rows)
    assert whole.verdicts == Counter(row.verdict for row in rows)
    assert whole.by_command["SET"] == [
        sum(row.by_command.get("SET", [0, 0])[at] for row in rows) for at in (0, 1)
    ]


def test_the_worst_come_first_and_the_order_is_always_the_same(rows: list[LogRow]) -> None:
    shuffled = random.Random(1).sample(rows, len(rows))
    found = FleetReport.of(shuffled)

    assert [row.path for row in found.rows] == [row.path for row in FleetReport.of(rows).rows]
    groups = [row.rank[0] for row in found.rows]
    assert groups == sorted(groups)
    assert not found.rows[0].intact
    assert found.rows[-1].intact


def test_rows_are_the_same_bytes_on_a_cluster_that_loses_a_worker(
    paths: list[str], rows: list[LogRow]
) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as workers:
        pids = [worker.pid for worker in workers.workers.values()]
        address = workers.scheduler_address.removeprefix("tcp://")
        found = []
        for row in cluster.run_on(f"dask://{address}", paths, timeout_s=120):
            found.append(row)
            if len(found) == LOGS // 3:
                os.kill(pids[0], signal.SIGKILL)

    texts = [json.dumps([row.to_dict() for row in FleetReport.of(of).rows]).encode() for of in (found, rows)]
    assert len(found) == LOGS
    assert texts[0] == texts[1]


def test_ranges_of_large_logs_give_the_same_bytes_on_a_cluster_that_loses_a_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    names = []
    for number in range(3):
        path = tmp_path / f"large-{number}.aof"
        # Large by holes, over which a scan steps: the row says what it says of a log of so many bytes.
        write_with_holes(path, number, size_bytes=300 << 20)
        names.append(str(path))
    ranges = 0
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as workers:
        pids = [worker.pid for worker in workers.workers.values()]
        take = LargeLog.take

        def taken(large: LargeLog, task: Task, counted: Any) -> list[Task]:
            nonlocal ranges
            ranges += 1
            if ranges == 30:
                os.kill(pids[0], signal.SIGKILL)
            return take(large, task, counted)

        monkeypatch.setattr(LargeLog, "take", taken)
        address = workers.scheduler_address.removeprefix("tcp://")
        found = list(cluster.run_on(f"dask://{address}", names, timeout_s=120, range_bytes=6 << 20))

    alone = list(run_here(names, jobs=1))
    texts = [json.dumps([row.to_dict() for row in FleetReport.of(of).rows]).encode() for of in (found, alone)]
    assert texts[0] == texts[1]
    assert ranges > 60
    assert {row.state for row in found} == {RowState.READ}
    assert sorted(row.verdict for row in found) == ["ok", "torn-tail", "zero-tail"]


def write_with_holes(path: Path, number: int, size_bytes: int) -> None:
    """Write a log of some large values, of which every third holds what looks like commands."""
    inner = command("SET", "inner", "1") * 500
    with path.open("wb") as file:
        while file.tell() < size_bytes:
            file.write(command("MULTI") + command("INCR", "n") * 500 + command("EXEC"))
            file.write(command("SELECT", str(file.tell() % 7)))
            length = (1 << 20) + file.tell() % 1000
            file.write(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" % length)
            end = file.tell() + length
            for at in range(0, length - len(inner) - 2, 1 << 18) if file.tell() % 3 == 0 else ():
                file.seek(end - length + at)
                file.write(b"\r\n" + inner)
            file.seek(end)
            file.write(b"\r\n")
        file.write((b"", b"*3\r\n$3\r\nSET\r\n$1", b"\0" * 4096)[number])


def test_a_cluster_without_workers_gives_rows_and_ends(paths: list[str]) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=0, dashboard_address=None, silence_logs=50) as workers:
        address = workers.scheduler_address.removeprefix("tcp://")
        found = list(cluster.run_on(f"dask://{address}", paths[:9], timeout_s=0.3))

    assert sorted(row.path for row in found) == paths[:9]
    assert {row.state for row in found} == {RowState.TIMEOUT, RowState.LOST}


def test_what_names_no_cluster_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "_CONNECT_S", 0.5)
    with pytest.raises(UsageError):
        list(cluster.run_on("kubernetes", []))
    with pytest.raises(SourceError, match="no Dask scheduler"):
        list(cluster.run_on("dask://127.0.0.1:9", []))


def test_processes_that_die_or_hang_cost_their_log_alone(tmp_path: Path) -> None:
    good = tmp_path / "good.aof"
    good.write_bytes(log(command("SET", "a", "1")))
    names = [str(tmp_path / "killed"), str(tmp_path / "hangs"), str(tmp_path / "leaves"), *[str(good)] * 3]

    found = {row.path: row for row in run_here(names, jobs=2, timeout_s=5, summarize=misbehaving)}

    assert {Path(path).name: row.state for path, row in found.items()} == {
        "killed": RowState.CRASHED,
        "hangs": RowState.TIMEOUT,
        "leaves": RowState.CRASHED,
        "good.aof": RowState.READ,
    }
    assert "signal 9" in found[names[0]].message
    assert "exit code 7" in found[names[2]].message
    assert found[names[1]].next == f"aoftool check {names[1]}"


@pytest.fixture
def three(tmp_path: Path) -> list[str]:
    folder = tmp_path / "three"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.aof").write_bytes(
            log(*(command("SET", f"k{n}", "v") for n in range(number + 1)))
        )
    return sorted(map(str, folder.iterdir()))


def test_a_run_that_was_ended_goes_on_where_it_was(three: list[str], tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    first = asked("fleet", "--json", "--jobs", "1", "--state", state, *three[:2])
    with open(state, "r+b") as file:
        lines = file.read().splitlines(keepends=True)
        assert len(lines) == 3
        file.truncate(sum(map(len, lines[:2])) + 20)  # killed while it wrote the second

    with FleetState(state) as kept:
        known = [kept.known(path) is not None for path in three]
    assert sum(known) == 1
    second = asked("fleet", "--json", "--jobs", "1", "--state", state, *three[:2])
    assert second == first

    Path(three[0]).write_bytes(log(command("SET", "other", "1"), command("DEL", "other")))
    with FleetState(state) as kept:
        assert [kept.known(path) is not None for path in three] == [False, True, False]


@pytest.mark.parametrize("name", ["/dev/full", "/dev/zero", "", "gone/state"])
def test_a_state_that_cannot_be_kept_is_told_with_what_to_type(name: str, tmp_path: Path) -> None:
    # Of an empty name: a folder. A device would be read without end.
    path = name if name.startswith("/") else str(tmp_path / name)

    with pytest.raises(SinkError, match="the state cannot be kept") as told:
        FleetState(path)

    assert told.value.hint


def test_what_is_no_state_is_not_written_to(three: list[str]) -> None:
    before = Path(three[0]).read_bytes()

    with pytest.raises(InputError, match="no state of a fleet"):
        FleetState(three[0])

    assert Path(three[0]).read_bytes() == before


def test_names_come_from_patterns_lists_and_folders(three: list[str], tmp_path: Path) -> None:
    nodes = tmp_path / "nodes"
    for name in ("a", "b"):
        (nodes / name).mkdir(parents=True)
        (nodes / name / "appendonly.aof").write_bytes(log(command("SET", "k", "v")))
    listed = tmp_path / "list"
    listed.write_text(f"# nodes\n\n{nodes}\n{tmp_path}/three/*.aof\n", encoding="utf-8")

    assert fleet_paths(listed_paths(str(listed))) == [str(nodes / "a"), str(nodes / "b"), *three]
    assert fleet_paths([three[0], three[0], "nothing-*"]) == [three[0], "nothing-*"]


def test_what_a_change_left_beside_a_log_is_no_log_of_a_pattern(tmp_path: Path) -> None:
    a, b = tmp_path / "a.aof", tmp_path / "b.aof"
    whole = log(command(b"SET", b"k", b"1"))
    a.write_bytes(whole + b"junk!\n" + whole)
    assert asked("fix", "--yes", "--salvage", str(a), "-o", str(b))[0] == 0
    assert asked("fix", "--yes", "--salvage", str(a))[0] == 0
    beside = sorted(path for path in tmp_path.iterdir() if path.is_dir())
    assert [path.name[:12] for path in beside] == ["aoftool-fix-", "b.aof.lost-a"]
    (tmp_path / "c.aoftool-1f2e3d4c.tmp").mkdir()
    (tmp_path / "c.aoftool-1f2e3d4c.tmp" / "c.aof").write_bytes(whole[:-3])

    assert asked("fleet", f"{tmp_path}/*")[0] == 0
    assert fleet_paths([f"{tmp_path}/*"]) == [str(a), str(b)]
    assert fleet_paths([f"{tmp_path}/*/*"]) != []
    assert fleet_paths(sorted(map(str, tmp_path.iterdir()))) == [str(a), str(b)]
    # Named alone, or to the end, they are meant.
    originals = str(beside[0] / "originals")
    assert fleet_paths([originals, str(a)]) == [originals, str(a)]
    assert fleet_paths([str(path) for path in beside]) == [originals, str(beside[1])]
    assert fleet_paths([f"{tmp_path}/*.lost-and-found"]) == [str(beside[1])]


def test_the_verb_shows_tables_pages_and_codes(three: list[str], tmp_path: Path) -> None:
    hostile = tmp_path / "<script>alert(1)<"
    hostile.write_bytes(log(command("SET", "a", "1"))[:-3])
    page = tmp_path / "page.html"
    words = ("--jobs", "1", *three, str(hostile))

    code, out, _ = asked("fleet", "--html", str(page), "--limit", "2", *words)
    assert code == 1
    assert out.count("torn-tail") >= 2
    assert "and 2 more logs" in out
    assert "4 logs, 1 damaged" in out
    assert f"next: aoftool fix --dry-run '{hostile}'" in out
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;" in text

    code, out, _ = asked("fleet", "--csv", *words)
    table = list(csv.DictReader(io.StringIO(out)))
    assert [row["verdict"] for row in table] == ["torn-tail", "ok", "ok", "ok"]
    assert asked("fleet", "--jobs", "1", *three)[0] == 0
    code, out, _ = asked("fleet", "--json", *three, str(tmp_path / "nowhere"))
    shown: dict[str, Any] = json.loads(out)
    assert (code, shown["schema"], shown["totals"]["states"]) == (
        3,
        "aoftool.fleet/1",
        {"read": 3, "unread": 1},
    )
    assert asked("fleet")[0] == 2
    assert asked("fleet", "--jobs", "2", "--on", "local:2", *three)[0] == 2


@pytest.mark.parametrize("is_there", [False, True])
def test_a_state_is_not_written_through_a_link_out_of_its_folder(is_there: bool, tmp_path: Path) -> None:
    other, here = tmp_path / "other", tmp_path / "here"
    other.mkdir()
    here.mkdir()
    if is_there:
        (other / "state").write_bytes(b"")
    (here / "state").symlink_to(other / "state")
    (here / "beside").symlink_to("kept")

    with pytest.raises(SinkError, match="symbolic link out of its folder"):
        FleetState(str(here / "state"))
    with FleetState(str(here / "beside")):
        pass

    assert [path.stat().st_size for path in other.iterdir()] == [0] * is_there
    assert b"aoftool.fleet-state/1" in (here / "kept").read_bytes()
