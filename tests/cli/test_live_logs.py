"""A log that a server rewrites is a normal log: every verb reads one generation of it, whatever happens."""

from __future__ import annotations

import importlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aoftool.aof import holding
from aoftool.aof.layout import find_log
from aoftool.cli import inputs
from aoftool.files.held import held_file
from aoftool.repair import inuse, switch
from tests.builders import command, log, put_generation, rdb, rdb_database, rdb_record, rdb_string, select
from tests.oracle import assert_same_state, dump_state
from tests.servers import Build, Server, server_params
from tests.verbs import READING, READING_ONCE, Answer, Call, ask

JUDGES: tuple[Call, ...] = (
    ("check", "IN"),
    ("inspect", "IN"),
    ("keys", "IN"),
    ("fix", "-n", "IN"),
    ("growth", "IN"),
    ("history", "same", "IN"),
    ("audit", "IN"),
    ("diff", "IN", "IN"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "appendonlydir"
    made.mkdir()
    put_generation(made, 1)
    return made


def fair(answer: Answer, *, may_differ: bool = False) -> str:
    """Check that an answer speaks of no damage and of no error; return all of it."""
    said = answer.out + answer.err
    assert answer.problem() is None, said
    assert answer.code == 0 or (may_differ and answer.code == 1), f"{answer.call}: {answer.code}\n{said}"
    assert '"severity": "damage"' not in said
    assert '"severity": "warning"' not in said
    assert "left from" not in said
    return said


@pytest.mark.parametrize("call", READING, ids=" ".join)
def test_what_is_replaced_behind_the_open_files_changes_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    still = ask(call, folder, tmp_path / "out")
    fair(still)
    hold, number = holding.hold_log, 1

    def hold_then_rewrite(path: str | None) -> object:
        nonlocal number
        found = hold(path)
        if number == 1:
            put_generation(folder, number := 2)
        return found

    monkeypatch.setattr(holding, "hold_log", hold_then_rewrite)

    answer = ask(call, folder, tmp_path / "out")

    fair(answer, may_differ=call[0] == "diff")
    assert number == 2
    assert "read as it was at the start: base 1, incr 1" in answer.err
    if call[0] in ("history", "explain"):
        assert answer.out == still.out
    if "--json" in call:
        generations = json.loads(answer.out)["generations"]
        assert [(row["base"], row["last_incr"], row["replaced"]) for row in generations] == [(1, 1, True)]
    assert not held_file(str(folder / "appendonly.aof.1.base.rdb"))


def rewrite_when_found(folder: Path, times: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Replace a set, so many times, when it was found and before it is opened; return its generations."""
    generations: list[int] = []

    def find_then_rewrite(path: str | None) -> object:
        found = find_log(path)
        if len(generations) < times:
            generations.append(len(generations) + 2)
            put_generation(folder, generations[-1])
        return found

    monkeypatch.setattr(holding, "find_log", find_then_rewrite)
    return generations


@pytest.mark.parametrize("call", READING_ONCE, ids=" ".join)
def test_what_is_replaced_before_the_files_are_open_is_looked_for_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    generations = rewrite_when_found(folder, 3, monkeypatch)

    answer = ask(call, folder, tmp_path / "out")

    fair(answer)
    assert generations == [2, 3, 4]
    assert "at the start" not in answer.err
    if call[0] == "history":
        assert answer.out.count("SET") == 5


def test_json_names_the_generation(folder: Path, tmp_path: Path) -> None:
    put_generation(folder, 2)

    found = json.loads(ask(("check", "--json", "IN"), folder, tmp_path / "out").out)

    assert found["generations"] == [
        {"path": str(folder), "base": 2, "first_incr": 2, "last_incr": 2, "replaced": False}
    ]


@pytest.mark.parametrize(
    "call", [("check", "IN"), ("inspect", "IN"), ("keys", "IN"), ("fix", "-n", "IN")], ids=" ".join
)
def test_a_listed_file_that_is_gone_is_told(folder: Path, tmp_path: Path, call: Call) -> None:
    (folder / "appendonly.aof.1.base.rdb").unlink()

    answer = ask(call, folder, tmp_path / "out")

    assert answer.code in (1, 3), answer
    assert "appendonly.aof.1.base.rdb" in answer.out + answer.err
    assert "check the name" not in answer.err


def test_a_file_that_is_removed_while_it_is_read_is_damage_if_it_is_listed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = holding.hold_log

    def hold_then_remove(path: str | None) -> object:
        found = hold(path)
        (folder / "appendonly.aof.1.incr.aof").unlink()
        return found

    monkeypatch.setattr(holding, "hold_log", hold_then_remove)

    answer = ask(("check", "IN"), folder, tmp_path / "out")

    assert answer.code == 1
    assert "was removed while it was read" in answer.out


IN_PLACE: tuple[Call, ...] = (
    ("fix", "--yes", "IN"),
    ("fix", "--salvage", "--yes", "IN"),
    ("fix", "--drop-command", "SET", "--match", "same", "--yes", "IN"),
    ("rewrite", "--in-place", "IN"),
    ("rewrite", "--in-place", "--memory-limit", "64MB", "IN"),
)


@pytest.mark.parametrize("torn", [b"", b"*3\r\n$3\r\nSET\r\n$4\r\nsa"], ids=["sound", "torn"])
@pytest.mark.parametrize("moment", ["before it is read", "while it is read"])
@pytest.mark.parametrize("call", IN_PLACE, ids=" ".join)
def test_no_set_is_changed_in_place_that_a_server_rewrites(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call, moment: str, torn: bytes
) -> None:
    # Nobody has a file open for writing, as on a network disk: only the files tell.
    if call[0] == "fix":
        with (folder / "appendonly.aof.1.incr.aof").open("ab") as file:
            file.write(torn)
    if moment == "before it is read":
        hold = holding.hold_log

        def hold_then_rewrite(path: str | None) -> object:
            found = hold(path)
            put_generation(folder, 2)
            return found

        monkeypatch.setattr(holding, "hold_log", hold_then_rewrite)
    else:
        refuse = switch.refuse_other_set

        def rewrite_then_refuse(path: str, listed: Any) -> None:
            refuse(path, listed)
            put_generation(folder, 2)

        for module in ("aoftool.repair.apply", "aoftool.rewrite.write.in_place"):
            monkeypatch.setattr(importlib.import_module(module), "refuse_other_set", rewrite_then_refuse)

    answer = ask(call, folder, tmp_path / "out")

    said = answer.out + answer.err
    idle = call[0] == "fix" and "--drop-command" not in call and not torn
    assert answer.code == (0 if idle else 4), said
    assert answer.problem() is None
    assert "[read-" not in said
    if not (idle and moment == "while it is read"):
        names = {f"appendonly.aof.2.{kind}" for kind in ("base.rdb", "incr.aof")}
        assert {path.name for path in folder.iterdir()} == names | {"appendonly.aof.manifest"}
        assert ask(("check", "IN"), folder, tmp_path / "out").code == 0


@pytest.mark.parametrize("call", IN_PLACE, ids=" ".join)
def test_no_single_file_is_changed_in_place_that_a_server_renames_another_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    path = tmp_path / "appendonly.aof"
    torn = b"*3\r\n$3" if call[0] == "fix" else b""
    path.write_bytes(log(select(0), *([("SET", "same", "x" * 100)] * 30)) + torn)
    hold = holding.hold_log

    def hold_then_rename(name: str | None) -> object:
        found = hold(name)
        fresh = tmp_path / "temp-rewriteaof-1.aof"
        fresh.write_bytes(rdb(rdb_database(0, rdb_record(0, "same", rdb_string("y")))))
        fresh.rename(path)
        return found

    monkeypatch.setattr(holding, "hold_log", hold_then_rename)

    answer = ask(call, path, tmp_path / "out")

    assert answer.code == 4, answer.out + answer.err
    assert os.listdir(tmp_path) == [path.name]
    assert path.read_bytes().startswith(b"REDIS")


@pytest.mark.parametrize("call", READING_ONCE, ids=" ".join)
def test_an_old_style_log_is_renamed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(log(select(0), *([("SET", "same", "x" * 100)] * 30)))
    hold = holding.hold_log

    def hold_then_rename(name: str | None) -> object:
        found = hold(name)
        fresh = tmp_path / "temp-rewriteaof-1.aof"
        fresh.write_bytes(rdb(rdb_database(0, rdb_record(0, "same", rdb_string("y")))))
        fresh.rename(path)
        return found

    monkeypatch.setattr(holding, "hold_log", hold_then_rename)

    fair(ask(call, path, tmp_path / "out"), may_differ=True)


def test_a_command_that_is_being_written_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "appendonly.aof"
    whole = log(select(0), ("MULTI",), ("SET", "a", "x" * 5000), ("EXEC",))
    path.write_bytes(whole[:3000])
    sleep = time.sleep

    def write_on(seconds: float) -> None:
        size = path.stat().st_size
        path.write_bytes(whole[: size + 1500])
        sleep(seconds)

    monkeypatch.setattr("aoftool.aof.holding.time.sleep", write_on)

    answer = ask(("check", "IN"), path, tmp_path / "out")

    assert answer.code == 0, answer.out


def test_nothing_stays_open(folder: Path, tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(5):
        ask(("check", "IN"), folder, tmp_path / "out")
        ask(("check", "IN"), folder / "none", tmp_path / "out")

    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert inputs.note_of_rewrites() == ""


class Load:
    """Write to a server and let it rewrite its log, again and again, until it is stopped."""

    def __init__(self, server: Server) -> None:
        self._server, self._over = server, threading.Event()
        self._threads = [threading.Thread(target=self._write), threading.Thread(target=self._rewrite)]
        self.rewrites = 0

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _write(self) -> None:
        client, count = self._server.client(), 0
        while not self._over.is_set():
            with client.pipeline(transaction=count % 3 == 0) as pipe:
                pipe.set("same", count)
                for _ in range(40):
                    pipe.set(f"key:{count % 1000}", "x" * (count * 37 % 3000))
                    count += 1
                pipe.execute()
            time.sleep(0.005)
        client.close()

    def _rewrite(self) -> None:
        while not self._over.is_set():
            self._server.rewrite()
            self.rewrites += 1
            time.sleep(0.2)


@pytest.fixture
def loaded(server_build: Build, start_server: Callable[..., Server]) -> Iterator[tuple[Server, Load]]:
    server = start_server(server_build)
    server.send("SET", "same", "0")
    with Load(server) as load:
        time.sleep(0.5)
        yield server, load


def ask_often(loaded: tuple[Server, Load], tmp_path: Path, times: int) -> None:
    server, load = loaded
    for call in READING:
        before, asked = load.rewrites, 0
        # A fast verb asks on until a rewrite has ended meanwhile: one of a slow server takes seconds.
        while asked < times or (times >= 50 and load.rewrites == before and asked < 100 * times):
            fair(ask(call, server.log_target, tmp_path / "out"), may_differ=call[0] == "diff")
            asked += 1
        assert times < 50 or load.rewrites > before


@pytest.mark.parametrize("server_build", server_params(since="9.0", kind="valkey")[:1])
def test_no_false_alarm_while_a_server_rewrites(loaded: tuple[Server, Load], tmp_path: Path) -> None:
    ask_often(loaded, tmp_path, 2)


@pytest.mark.soak
@pytest.mark.parametrize("server_build", server_params(since="6.2"))
def test_no_false_alarm_in_two_hundred_runs(loaded: tuple[Server, Load], tmp_path: Path) -> None:
    ask_often(loaded, tmp_path, 200)


def test_following_starts_in_the_middle_of_a_rewrite(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewrite_when_found(folder, 2, monkeypatch)

    answer = ask(("log", "--follow", "--limit", "5", "IN"), folder, tmp_path / "out")

    assert answer.code == 0, answer.err
    assert answer.out.count("SET same 3") == 4


def test_following_goes_on_behind_the_place_that_tail_found(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The set that --tail looked at is the one that following begins with.
    from aoftool.analysis.commands import tailing

    last = tailing.last_commands

    def last_then_rewrite(*words: Any, **more: Any) -> object:
        found = last(*words, **more)
        put_generation(folder, 2)
        return found

    monkeypatch.setattr(tailing, "last_commands", last_then_rewrite)
    seen: list[str] = []

    def stop(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("aoftool.analysis.commands.following.time.sleep", stop)

    answer = ask(("log", "--follow", "--tail", "1", "IN"), folder, tmp_path / "out")

    assert answer.code == 0, seen
    assert answer.out.count("SET same 1") == 1
    assert answer.out.count("SET same 2") == 3


def test_a_torn_log_that_nobody_writes_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(log(select(0), ("SET", "a", "1")) + command("SET", "b", "2")[:-3])

    assert ask(("check", "IN"), path, tmp_path / "out").code == 1


@pytest.mark.parametrize("server_build", server_params(since="9.0", kind="valkey")[:1])
def test_a_live_log_is_rewritten_and_verified_elsewhere_and_never_changed(
    loaded: tuple[Server, Load], tmp_path: Path
) -> None:
    server, _ = loaded
    program = str(server.build.path)
    folder = Path(server.log_target)
    calls = (
        ("rewrite", "--verify", "--server", program),
        ("rewrite", "--engine", "server", "--server", program),
        ("rewrite", "--salvage"),
        ("rewrite", "--memory-limit", "64MB"),
    )
    for number, call in enumerate(calls * 2):
        written, unused = tmp_path / f"out{number}", tmp_path / "unused"

        fair(ask((*call, "-o", str(written), "IN"), folder, unused))
        fair(ask(("check", "IN"), written, unused))
        in_place = ask(("rewrite", "--in-place", "IN"), folder, unused)
        mended = ask(("fix", "--salvage", "--yes", "IN"), folder, unused)

        assert in_place.code == 4, in_place.err
        assert mended.code in (0, 4), mended.out + mended.err

    assert server.send("PING")
    assert not [path for path in folder.parent.rglob("*") if "aoftool" in path.name]


@pytest.mark.parametrize("leases", [True, False])
@pytest.mark.parametrize(
    "server_build", [*server_params(before="7.0")[:1], *server_params(since="9.0", kind="valkey")[:1]]
)
def test_a_log_whose_server_cannot_be_seen_is_never_changed(
    loaded: tuple[Server, Load], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leases: bool
) -> None:
    # As in a container of its own; without leases as on a disk of the network.
    server, load = loaded
    folder = Path(server.log_target)
    monkeypatch.setattr(inuse, "_processes", list)
    if not leases:
        monkeypatch.setattr(inuse, "is_written_to", lambda *_: False)

    for call in IN_PLACE * 2:
        answer = ask(call, folder, tmp_path / "out")

        said = answer.out + answer.err
        # A repair that finds nothing to do changes nothing.
        idle = call[0] == "fix" and ("nothing to do" in said or "the log holds no SET" in said)
        assert answer.code in ((0, 2) if idle else (4,)), said
        assert answer.problem() is None
        if leases and call[0] == "rewrite":
            assert "cannot be seen from here" in said

    load.stop()
    assert not [path for path in folder.parent.rglob("*") if "aoftool" in path.name]
    before = dump_state(server)
    server.stop()
    assert server.restart().loaded
    assert_same_state(before, dump_state(server))
