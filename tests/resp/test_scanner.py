"""The driver: where it starts and ends, what it steps over, and that recorded logs count true."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from aoftool.errors import SourceError
from aoftool.files.source import open_source
from aoftool.resp import scanner
from aoftool.resp._native import NATIVE
from aoftool.resp.model import Reason
from aoftool.resp.scanner import tally
from tests.corpus import FIXTURES, Case, case_params
from tests.resp.conftest import load_scan
from tests.resp.streams import encode

GOOD = encode(b"SELECT", b"0") + encode(b"SET", b"a", b"1") * 50


@pytest.fixture(params=["py", "cy"], autouse=True)
def implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make the driver use one implementation."""
    monkeypatch.setattr(scanner, "Scan", load_scan(request.param))
    monkeypatch.setattr(scanner, "NATIVE", request.param == "cy")
    name: str = request.param
    return name


def test_the_kernel_is_used_when_it_is_there() -> None:
    load_scan("cy")

    assert (os.environ.get("AOFTOOL_PURE") == "1") != NATIVE


def test_a_scan_can_start_and_end_inside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(b"preamble" + GOOD + b"*1\r\n")

    with open_source(path) as source:
        found = tally(source, start=8, end=8 + len(GOOD))

    assert (found.start, found.good_end, found.commands, found.rest_bytes) == (8, 8 + len(GOOD), 51, 0)
    assert found.bytes_scanned == len(GOOD)


def test_a_compressed_stream_is_counted_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log.aof.gz"
    path.write_bytes(gzip.compress(GOOD + b"\xff" * 5000))

    with open_source(path) as source:
        found = tally(source)

    assert found.commands == 51
    assert found.rest_bytes == 5000
    assert found.bytes_scanned == len(GOOD) + 5000


def test_a_stream_cannot_go_back(tmp_path: Path) -> None:
    path = tmp_path / "log.aof.gz"
    path.write_bytes(gzip.compress(GOOD))

    with open_source(path) as source:
        source.skip(10)
        with pytest.raises(SourceError):
            tally(source, start=5)


def test_a_large_value_is_stepped_over_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    size = 1 << 30
    with path.open("wb") as file:
        file.write(GOOD + b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$%d\r\n" % size)
        file.seek(size, 1)
        file.write(b"\r\n" + GOOD)

    tracemalloc.start()
    with open_source(path) as source:
        found = tally(source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (found.commands, found.rest_bytes) == (103, 0)
    assert peak < 8 << 20


def test_progress_tells_offsets_that_grow(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(GOOD * 1000)
    told: list[int] = []

    with open_source(path) as source:
        tally(source, progress=told.append)

    assert told == sorted(told)
    assert told[-1] == len(GOOD) * 1000


def assert_counts_as_recorded(case: Case) -> None:
    for name, facts in case.facts["files"].items():
        if "tail_commands_by_name" not in facts:
            continue
        with open_source(case.directory / name) as source:
            found = tally(source, start=facts["bytes"] - facts["tail_bytes"])
        counts = {name.decode(): count for name, count in found.by_name().items()}
        assert counts == facts["tail_commands_by_name"]
        assert found.bytes_scanned == facts["tail_bytes"]
        assert not found.leniencies
        assert found.stop is not None
        torn = "parse_error" in facts
        assert found.stop.reason is (Reason.TORN_PAYLOAD if torn else Reason.END)
        assert found.good_end == (facts["last_good_end"] if torn else facts["bytes"])


@pytest.mark.parametrize("case", case_params("recorded", root=FIXTURES))
def test_fixtures_count_as_recorded(case: Case) -> None:
    assert_counts_as_recorded(case)


@pytest.mark.parametrize("case", case_params("recorded"))
def test_the_corpus_counts_as_recorded(case: Case) -> None:
    assert_counts_as_recorded(case)


def damaged_streams() -> list[Any]:
    """Return the damaged cases whose reference parser met an error in a command stream."""
    return [
        param
        for param in case_params("damaged")
        if param.values[0] is None or is_damaged_stream(param.values[0])
    ]


def is_damaged_stream(case: Case) -> bool:
    error = (case.facts.get("reference_parser") or {}).get("error")
    path = case.directory / str(case.facts.get("file", ""))
    return bool(error) and path.is_file() and path.read_bytes()[:5] not in (b"REDIS", b"VALKE")


@pytest.mark.parametrize("case", damaged_streams())
def test_damage_is_placed_at_or_before_the_reference(case: Case) -> None:
    reference = case.facts["reference_parser"]

    with open_source(case.directory / case.facts["file"]) as source:
        found = tally(source)

    assert found.stop is not None
    firsts = [seen.first_offset for seen in found.leniencies.values()]
    if not found.stop.clean:
        assert found.good_end == reference["last_good_end"]
        assert found.commands == reference["commands_before_first_error"]
        firsts.append(found.stop.offset)
    assert min(firsts) <= reference["error"]["offset"]
