"""One connection to whatever is there: bounded answers, and nothing sent but what is on the list."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aoftool.collecting.address import Address
from aoftool.collecting.talking import Refusal, Talk
from aoftool.errors import InputError, SourceError

Serve = Callable[[bytes], Address]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Give a function that lets a server give one answer to everything."""
    listeners: list[socket.socket] = []

    def start(answer: bytes) -> Address:
        path = str(tmp_path / f"s{len(listeners)}")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(4)
        listeners.append(listener)

        def run() -> None:
            try:
                peer, _ = listener.accept()
                with peer:
                    while peer.recv(1 << 16):
                        if answer == b"":
                            return
                        peer.sendall(answer)
            except OSError:
                return

        threading.Thread(target=run, daemon=True).start()
        return Address(socket=path)

    yield start
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"+PONG\r\n", b"PONG"),
        (b":12\r\n", 12),
        (b"$-1\r\n", None),
        (b"*-1\r\n", None),
        (b"$5\r\na\r\nbc\r\n", b"a\r\nbc"),
        (b"*2\r\n*1\r\n$1\r\nx\r\n:7\r\n", [[b"x"], 7]),
        (b"*0\r\n", []),
    ],
)
def test_answers_are_read(answer: bytes, expected: object, serve: Serve) -> None:
    with Talk(serve(answer)) as connection:
        assert connection.ask("PING") == expected


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"$99999999999999999999999\r\n",
        b"$900000000\r\n",
        b"*100000000\r\n",
        b"*1\r\n" * 12,
        b"$x\r\n",
        b":\r\n",
        b"x" * 200_000,
        b"",
        b"$5\r\nab",
        b"*2\r\n+a\r\n",
    ],
)
def test_answers_that_are_none_are_errors(answer: bytes, serve: Serve) -> None:
    with Talk(serve(answer), limit_s=0.5) as connection, pytest.raises(SourceError):
        connection.ask("INFO")


def test_error_of_the_server_is_told_escaped(serve: Serve) -> None:
    address = serve(b"-NOPERM no \x1b[31m rights\r\n")
    with Talk(address) as connection, pytest.raises(Refusal) as caught:
        connection.ask("INFO")

    assert "\x1b" not in str(caught.value)


def test_password_is_in_no_error(serve: Serve) -> None:
    where = serve(b"-WRONGPASS invalid\r\n").socket

    with pytest.raises(InputError) as caught:
        Talk(Address(socket=where, user="reader", password="hunter22"))

    assert "hunter22" not in caught.value.message


@pytest.mark.parametrize(
    "words",
    [
        ("CONFIG", "SET", "a", "b"),
        ("MONITOR",),
        ("DEBUG", "SLEEP", "1"),
        ("LATENCY", "RESET"),
        ("CLIENT", "LIST"),
    ],
)
def test_nothing_else_is_ever_sent(words: tuple[str, ...], serve: Serve) -> None:
    with Talk(serve(b"+OK\r\n")) as connection, pytest.raises(ValueError, match="never sent"):
        connection.ask(*words)


def test_nobody_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no server answers"):
        Talk(Address(socket=str(tmp_path / "none")))
