"""Boundaries are found again behind damage, and proved by the commands that follow."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from aoftool.files.source import open_source
from aoftool.resp.model import Reason
from aoftool.resp.pieces import resync as resync_module
from aoftool.resp.pieces.resync import Boundary, boundaries, boundary_behind, resync
from aoftool.resp.scanner import tally
from tests.resp.streams import encode

CHAIN = b"".join(encode(b"SET", b"key:%d" % i, b"value") for i in range(20))


def search(path: Path, data: bytes, offset: int, **options: object) -> Boundary | None:
    path.write_bytes(data)
    with open_source(path) as source:
        return resync(source, offset, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "gap", [b"", b"\0" * 600, b"garbage\r\n", b"\r\n*9\r\n$1\r\nx\r\n", b"*3\r\n$3\r\nSET\r\n$9\r\nke"]
)
def test_the_first_command_behind_a_gap_is_found(tmp_path: Path, gap: bytes) -> None:
    found = search(tmp_path / "log.aof", CHAIN + gap + CHAIN, len(CHAIN))

    assert found is not None
    assert (found.offset, found.name) == (len(CHAIN + gap), b"SET")
    assert (found.commands, found.chain_end, found.reaches_end) == (20, len(CHAIN + gap + CHAIN), True)


def test_a_short_chain_proves_nothing_unless_it_reaches_the_end(tmp_path: Path) -> None:
    two = encode(b"GET", b"a") * 2

    inside = search(tmp_path / "log.aof", two + b"\xff" * 10, 0)
    at_end = search(tmp_path / "log.aof", b"\xff" * 10 + two, 0)

    assert inside is None
    assert at_end is not None
    assert (at_end.offset, at_end.aligned, at_end.reaches_end) == (10, False, True)


def test_each_chain_is_found_once(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(CHAIN + b"??" + CHAIN + b"\r\n\r\n" + CHAIN)

    with open_source(path) as source:
        found = list(boundaries(source, 0))

    assert [boundary.offset for boundary in found] == [0, len(CHAIN) + 2, 2 * len(CHAIN) + 6]
    assert [boundary.reaches_end for boundary in found] == [False, False, True]


def test_the_caller_can_refuse_names(tmp_path: Path) -> None:
    unknown = b"".join(encode(b"NOSUCH", b"x") for _ in range(10))

    found = search(
        tmp_path / "log.aof", unknown + CHAIN, 0, accept=lambda name, argc: name == b"SET" and argc == 3
    )

    assert found is not None
    assert found.offset == len(unknown)


def test_a_start_across_two_reads_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resync_module, "_READ_BYTES", 128)

    for noise in range(100, 160):
        found = search(tmp_path / "log.aof", b"\xff" * noise + b"\r\n" + CHAIN, 0)
        assert found is not None
        assert (found.offset, found.aligned) == (noise + 2, True)


def test_noise_holds_no_boundary(tmp_path: Path) -> None:
    noise = random.Random(7).randbytes(200_000)

    assert search(tmp_path / "log.aof", noise, 0) is None


def guess(path: Path, data: bytes, cut: int = 0) -> int | None:
    path.write_bytes(data)
    with open_source(path) as source:
        return boundary_behind(source, cut, len(data))


def test_a_guess_skips_what_only_looks_like_a_start(tmp_path: Path) -> None:
    data = b"\r\n*3\r\n$9\r\nSET\r\n" + b"\r\n*x" + b"\r\n" + CHAIN

    assert guess(tmp_path / "log.aof", data) == data.index(CHAIN)
    assert guess(tmp_path / "log.aof", b"\r\n*3\r\n$3\r\nSE") is None


@pytest.mark.parametrize("place", [65_530, 65_536, 65_500, 131_000])
def test_a_guess_finds_a_start_that_lies_over_two_readings(tmp_path: Path, place: int) -> None:
    data = b"x" * place + b"\r\n" + CHAIN

    assert guess(tmp_path / "log.aof", data) == place + 2
    # Behind a large value nobody looks on without end.
    assert guess(tmp_path / "log.aof", b"x" * 600_000 + data) is None


def test_a_length_that_swallows_good_commands_is_not_called_torn(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    bad = b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$1000000000\r\n9\r\n"
    path.write_bytes(CHAIN + bad + CHAIN)

    with open_source(path) as source:
        stop = tally(source).stop

    assert stop is not None
    assert (stop.reason, stop.loader_reason) == (Reason.LENGTH_BEYOND_END, Reason.TORN_PAYLOAD)
    assert stop.resume_offset == len(CHAIN + bad)
    assert stop.offset == len(CHAIN) + bad.index(b"$1000000000")


def test_a_torn_value_that_holds_commands_stays_torn(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(CHAIN + encode(b"SET", b"x", CHAIN * 2)[:-300])

    with open_source(path) as source:
        stop = tally(source).stop

    assert stop is not None
    assert stop.reason is Reason.TORN_PAYLOAD


def test_a_file_full_of_false_starts_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resync_module, "_MAX_PROOFS", 5)
    false = encode(b"GET", b"a") + b"\xff"

    near = search(tmp_path / "log.aof", false * 4 + CHAIN, 0)
    far = search(tmp_path / "log.aof", false * 6 + CHAIN, 0)

    assert near is not None
    assert near.offset == 4 * len(false)
    assert far is None
