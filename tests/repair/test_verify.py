"""The server's number of keys in each database against our own, and when there is none to hold it against."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.errors import VerifyError
from aoftool.servers import counting
from aoftool.servers.counting import KeyCounts, count_keys
from aoftool.servers.finding import ask_version
from aoftool.servers.load_log import verify_log
from tests.builders import command, log, select
from tests.servers.discovery import Build, server_params

TWO_DATABASES = log(
    select(0),
    *(command("SET", f"k{n}", "v") for n in range(5)),
    select(3),
    command("SADD", "s", "a"),
    command("DEL", "s"),
) + log(command("RPUSH", "l", "1"), command("SET", "m", "1"))


def write(folder: Path, data: bytes) -> Path:
    path = folder / "appendonly.aof"
    path.write_bytes(data)
    return path


def counts_of(folder: Path, data: bytes) -> KeyCounts:
    return count_keys(find_log(os.fspath(write(folder, data))))


def test_keys_are_counted_by_database(tmp_path: Path) -> None:
    counts = counts_of(tmp_path, TWO_DATABASES)

    assert counts.most == counts.least == {0: 5, 3: 2}
    assert counts.difference({0: 5, 3: 2}) == ""


@pytest.mark.parametrize("found", [{}, {0: 5}, {0: 5, 3: 3}, {0: 4, 3: 2}, {0: 5, 3: 2, 7: 1}], ids=str)
def test_any_other_number_is_a_difference(tmp_path: Path, found: dict[int, int]) -> None:
    assert "by our replay" in counts_of(tmp_path, TWO_DATABASES).difference(found)


def test_expire_times_and_libraries_are_compared_too(tmp_path: Path) -> None:
    library = "#!lua name=one\nredis.register_function('f', function() return 1 end)"
    data = log(command("SET", "a", "1", "PXAT", 4102444800000), command("SET", "b", "1"))
    counts = counts_of(tmp_path, data + command("FUNCTION", "LOAD", library))

    assert counts.difference({0: 2}, {0: 1}, [b"one"]) == ""
    assert "expire times on the server" in counts.difference({0: 2}, {0: 0}, [b"one"])
    assert "only our replay has the function library one" in counts.difference({0: 2}, {0: 1}, [])
    assert "only the server has" in counts.difference({0: 2}, {0: 1}, [b"one", b"two"])
    assert counts.difference({0: 2}, {0: 1}, None) == ""


@pytest.mark.server
def test_a_server_is_asked_for_times_and_libraries(newest_build: Build, tmp_path: Path) -> None:
    library = "#!lua name=one\nserver.register_function('f', function() return 1 end)"
    data = command("FUNCTION", "LOAD", library) + log(command("SET", "a", "1", "PXAT", 4102444800000))

    answer = verify_log(os.fspath(write(tmp_path, data)), ask_version(os.fspath(newest_build.path)))

    assert answer.compared


def test_keys_that_are_due_to_expire_may_be_gone(tmp_path: Path) -> None:
    data = log(command("SET", "a", "1"), command("SET", "b", "1"), command("PEXPIREAT", "b", 1_000_000))

    counts = counts_of(tmp_path, data)

    assert [bool(counts.difference({0: keys})) for keys in range(4)] == [True, False, False, True]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (command("SADD", "s", "a", "b") + command("SPOP", "s"), "at random"),
        (command("SET", "s", "a") + command("LPUSH", "s", "b"), "refused"),
        (command("EVAL", "return 1", "0"), "stops at"),
        (command("SET", "s", "a") + b"*3\r\n$3\r\nSE", "to its end"),
    ],
    ids=["random", "refused", "opaque", "torn"],
)
def test_what_cannot_be_replayed_gives_no_numbers(tmp_path: Path, data: bytes, why: str) -> None:
    counts = counts_of(tmp_path, data)

    assert why in counts.unknown
    assert counts.most == {}


def test_a_log_that_is_too_large_is_not_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MAX_REPLAYED_BYTES", 10)

    assert "larger than" in counts_of(tmp_path, TWO_DATABASES).unknown


@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(), ids=str)
def test_a_server_and_we_agree(server_build: Build, tmp_path: Path) -> None:
    server = ask_version(os.fspath(server_build.path))

    answer = verify_log(os.fspath(write(tmp_path, TWO_DATABASES)), server)

    assert answer.compared
    assert answer.keys == 7
    assert "as we count them" in answer.text


@pytest.mark.server
def test_other_numbers_of_keys_are_an_error(
    newest_build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, TWO_DATABASES)
    monkeypatch.setattr("aoftool.servers.load_log.count_keys", lambda _: KeyCounts({0: 6}, {0: 6}))

    with pytest.raises(VerifyError, match="database 0 has 5 keys on the server, 6 by our replay"):
        verify_log(os.fspath(path), ask_version(os.fspath(newest_build.path)))
