"""A live log is followed across rewrites: every command once, none twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aoftool.analysis.commands.filter import CommandFilter
from aoftool.analysis.commands.following import LogFollower
from aoftool.analysis.commands.model import LoggedCommand
from tests.builders import command, log, manifest_line, select, write_multi_part
from tests.servers import Build, Server, server_params


def followed(path: Path, is_over: Callable[[], bool]) -> tuple[list[LoggedCommand], LogFollower]:
    follower = LogFollower(str(path), CommandFilter(), poll_s=0.001, is_over=is_over)
    return list(follower), follower


class Steps:
    """Change the files whenever the follower has nothing to do; then end it."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self._steps = list(steps)

    def __call__(self) -> bool:
        if not self._steps:
            return True
        self._steps.pop(0)()
        return False


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def test_commands_come_when_they_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(log(select(2), ("SET", "a", 1)))
    torn = command("SET", "b", "x" * 100)

    found, follower = followed(
        path,
        Steps(
            lambda: append(path, torn[:40]),
            lambda: append(path, torn[40:] + torn[:3]),
            lambda: append(path, torn[3:]),
        ),
    )

    assert [(row.argv[1], row.db, row.index) for row in found] == [
        (b"2", 2, 0),
        (b"a", 2, 1),
        (b"b", 2, 2),
        (b"b", 2, 3),
    ]
    assert follower.end.damage is None


def test_the_next_file_is_read_behind_the_rest_of_the_one_before(tmp_path: Path) -> None:
    directory = tmp_path / "d"
    manifest = write_multi_part(directory, base=b"", incrs=[log(("SET", "a", 1))])
    old, new = directory / "appendonly.aof.1.incr.aof", directory / "appendonly.aof.2.incr.aof"

    def rotate() -> None:
        append(old, log(("SET", "b", 2)))
        new.write_bytes(log(("SET", "c", 3)))
        manifest.write_text(
            manifest_line("appendonly.aof.1.base.aof", 1, "b")
            + manifest_line(old.name, 1, "i")
            + manifest_line(new.name, 2, "i")
        )

    def finish() -> None:
        old.unlink()
        manifest.write_text(
            manifest_line("appendonly.aof.1.base.aof", 1, "b") + manifest_line(new.name, 2, "i")
        )

    found, follower = followed(manifest, Steps(rotate, finish, lambda: append(new, log(("SET", "d", 4)))))

    assert [row.argv[1] for row in found] == [b"a", b"b", b"c", b"d"]
    assert follower.end.notes == []


def test_a_file_that_came_and_went_is_reported(tmp_path: Path) -> None:
    directory = tmp_path / "d"
    manifest = write_multi_part(directory, base=b"", incrs=[log(("SET", "a", 1))])

    def jump() -> None:
        (directory / "appendonly.aof.4.incr.aof").write_bytes(log(("SET", "d", 1)))
        manifest.write_text(
            manifest_line("appendonly.aof.1.base.aof", 1, "b")
            + manifest_line("appendonly.aof.4.incr.aof", 4, "i")
        )

    found, follower = followed(manifest, Steps(jump, lambda: None))

    assert [row.argv[1] for row in found] == [b"a", b"d"]
    assert "incr 2 to 3 came and went" in follower.end.notes[0]


def test_damage_ends_the_following(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(log(("SET", "a", 1)))

    found, follower = followed(path, Steps(*[lambda: append(path, b"garbage\r\n")] * 3))

    assert len(found) == 1
    assert follower.end.damage is not None


@pytest.mark.parametrize("server_build", server_params(since="9.0", kind="valkey"))
def test_twenty_rewrites_under_load_lose_and_double_nothing(
    server_build: Build, start_server: Callable[..., Server]
) -> None:
    server = start_server(server_build)
    over = threading.Event()
    count = 0

    def write() -> None:
        nonlocal count
        client = server.client()
        while not over.is_set():
            with client.pipeline(transaction=False) as pipe:
                for _ in range(50):
                    pipe.set(b"key:%d" % (count % 1000), count)
                    count += 1
                pipe.execute()
        client.close()

    def rewrite() -> None:
        for _ in range(20):
            server.rewrite()
        over.set()
        writer.join()
        time.sleep(0.2)
        done.set()

    done = threading.Event()
    follower = LogFollower(str(server.log_target), CommandFilter(), is_over=done.is_set)
    writer, rewriter = threading.Thread(target=write), threading.Thread(target=rewrite)
    writer.start()
    rewriter.start()

    seen = [int(row.argv[2]) for row in follower if row.name == b"SET"]

    rewriter.join()
    assert seen == list(range(count))
    assert count > 0
    assert follower.end.notes == []
    assert follower.end.damage is None
