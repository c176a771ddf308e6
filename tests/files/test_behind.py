"""A sink that a thread writes to takes the same bytes in the same order, and fails as loudly."""

from __future__ import annotations

import io
import threading
from contextlib import suppress

import pytest

from aoftool.errors import SinkError
from aoftool.files.threads.behind import WriteBehind


class Full:
    """Take some pieces and refuse the next ones."""

    def __init__(self, room: int) -> None:
        self.taken: list[bytes] = []
        self._room = room

    def write(self, data: bytes, /) -> None:
        if len(self.taken) == self._room:
            raise SinkError("no space left")
        self.taken.append(data)


def writing() -> bool:
    return any(thread.name == "writing behind" for thread in threading.enumerate())


def write_many(sink: Full, count: int) -> None:
    with WriteBehind(sink) as behind:
        for at in range(count):
            behind.write(b"%d" % at)
        behind.finish()


def test_bytes_arrive_in_order() -> None:
    sink = io.BytesIO()
    with WriteBehind(sink) as behind:
        for at in range(1000):
            behind.write(b"%d " % at)
        behind.finish()
        sink.write(b"and behind them")

    assert sink.getvalue() == b"".join(b"%d " % at for at in range(1000)) + b"and behind them"
    assert not writing()


def test_a_failure_is_raised_and_nothing_is_written_behind_it() -> None:
    sink = Full(3)

    with pytest.raises(SinkError, match="no space left"):
        write_many(sink, 100)

    assert sink.taken == [b"0", b"1", b"2"]
    assert not writing()


def test_a_failure_of_the_last_piece_is_raised_by_the_end() -> None:
    with WriteBehind(Full(0)) as behind:
        behind.write(b"x")

        with pytest.raises(SinkError):
            behind.finish()


def test_a_block_that_is_left_early_writes_no_more() -> None:
    held = threading.Event()

    class Slow(Full):
        def write(self, data: bytes, /) -> None:
            held.wait(60)
            super().write(data)

    sink = Slow(1000)
    behind = WriteBehind(sink)
    with suppress(KeyboardInterrupt), behind:
        behind.write(b"0")
        behind.write(b"1")
        threading.Timer(0.05, held.set).start()
        raise KeyboardInterrupt

    assert len(sink.taken) <= 1
    assert not writing()


def test_nothing_written_needs_no_thread() -> None:
    with WriteBehind(io.BytesIO()) as behind:
        behind.finish()

        assert not writing()
