"""Counting arguments behind damage: the answer of reading them one by one, and no byte read over and over."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.model import Level
from aoftool.check.stream.argument_runs import ArgumentRuns
from aoftool.check.stream.shapes import read_argument
from aoftool.check.stream.window import Reader
from aoftool.files import Source, open_source
from tests import builders


def _reader(path: Path, content: bytes) -> tuple[Source, Reader]:
    path.write_bytes(content)
    source = open_source(path)
    return source, Reader(source, len(content))


def _one_by_one(reader: Reader, at: int, end: int) -> int | None:
    count = 0
    while at < end:
        argument = read_argument(reader, at)
        if argument is None:
            return None
        at = argument.end
        count += 1
    return count if at == end else None


def test_counts_are_those_of_reading_one_by_one(tmp_path: Path) -> None:
    chance = random.Random(7)
    pieces = [
        b"$1\r\na\r\n",
        b"$3\r\n$1\r\r\n",
        b"$7\r\n$1\r\nb\r\n\r\n",
        b"$0\r\n\r\n",
        b"x",
        b"\r\n",
        b"*2\r\n",
    ]
    content = b"".join(chance.choices(pieces, weights=[6, 3, 3, 2, 1, 1, 1], k=60))
    source, reader = _reader(tmp_path / "args", content)
    places = [place for place in range(len(content)) if content[place : place + 1] in (b"$", b"*")]
    asked = [(at, end) for at in range(len(content)) for end in (*places, len(content))]
    chance.shuffle(asked)

    runs = ArgumentRuns(reader)
    with source:
        for at, end in asked:
            assert runs.count(at, end) == _one_by_one(reader, at, end), (at, end)


def _long_hset(pairs: int) -> bytes:
    """Return a log with a long HSET in the middle of which a line feed is lost, and a sound one before it."""

    def long(key: str) -> bytes:
        fields = [(f"f{number}", f"v{number:05}") for number in range(pairs)]
        return builders.command("HSET", key, *(word for pair in fields for word in pair))

    around = [("HSET", f"h:{number}", "f0", "v0") for number in range(30)]
    middle = b"v%05d\r" % (pairs // 2)
    return builders.log(*around, long("h:big2"), long("h:big").replace(middle + b"\n", middle), *around)


@pytest.mark.parametrize("level", [Level.FULL, Level.DEEP])
def test_a_long_command_that_lost_a_byte_is_not_read_over_and_over(
    level: Level, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = 0
    at = Reader.at

    def counted(self: Reader, place: int, size: int) -> bytes:
        nonlocal reads
        reads += 1
        return at(self, place, size)

    monkeypatch.setattr(Reader, "at", counted)
    needed = {}
    for pairs in (250, 1000):
        path = tmp_path / f"{pairs}.aof"
        path.write_bytes(_long_hset(pairs))
        reads = 0
        report = check(find_log(str(path)), level)
        assert report.findings
        needed[pairs] = reads

    # Four times the bytes; a search that looks at all of them from each of them needs sixteen times as many.
    assert needed[1000] < 6 * needed[250]
