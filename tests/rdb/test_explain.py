"""Explaining bytes: the right part is found, the wanted byte stays in view, nothing makes it fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aoftool.errors import InputError, UsageError
from aoftool.explain.explain import explain
from aoftool.explain.model import Explanation
from aoftool.rdb.grammar.span import Span
from tests.rdb.explain_files import sample_files
from tests.rdb.vectors import VECTORS

FILES = sample_files()
WHOLE = FILES["aux"][0]


def leaves(spans: list[Span]) -> Iterator[Span]:
    """Yield the spans without parts."""
    for span in spans:
        if span.children:
            yield from leaves(span.children)
        else:
            yield span


def hits(found: Explanation) -> list[Span]:
    """Return the innermost spans that hold the wanted byte."""
    return [span for span in leaves(found.spans) if span.hit]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give a place for a file."""
    return tmp_path / "file"


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_every_byte_of_a_record_has_a_meaning(vector: object, place: Path) -> None:
    data = FILES[vector.name][0]  # type: ignore[attr-defined]
    place.write_bytes(data)

    for offset in range(len(data)):
        found = explain(place, offset=offset)

        assert not found.problem
        (first, *_) = hits(found)
        assert first.start <= offset < first.end or first.unpacked


def test_every_byte_of_a_whole_file_has_a_meaning(place: Path) -> None:
    place.write_bytes(WHOLE)

    for offset in [*range(0, len(WHOLE), 211), *range(150), *range(len(WHOLE) - 200, len(WHOLE))]:
        found = explain(place, offset=offset)

        assert not found.problem, offset
        assert hits(found), offset


def test_parts_of_a_file_are_named(place: Path) -> None:
    place.write_bytes(WHOLE)
    wanted = {0: "RDB header", 10: "RDB opcode", WHOLE.index(b"packed-list"): "RDB record"}
    wanted |= {len(WHOLE) - 9: "RDB opcode", len(WHOLE) - 8: "RDB checksum"}

    assert {offset: explain(place, offset=offset).part for offset in wanted} == wanted


def test_byte_inside_a_packed_string_leads_to_its_element(place: Path) -> None:
    place.write_bytes(WHOLE)

    found = explain(place, offset=FILES["inside-lzf"][1]["offset"])  # type: ignore[arg-type]

    packed, element = hits(found)
    assert packed.label == "LZF stream"
    assert element.unpacked
    assert element.label.startswith("element ")


def test_long_run_is_folded_around_the_wanted_element(place: Path) -> None:
    place.write_bytes(WHOLE)

    found = explain(place, offset=FILES["long-hash"][1]["offset"])  # type: ignore[arg-type]

    labels = [span.label for span in found.spans if span.label.startswith("pair ")]
    gaps = [span.skipped for span in found.spans if span.skipped]
    assert labels == [f"pair {i}" for i in (0, 1, 2, 3, 298, 299, 300, 301, 302)]
    assert gaps == [294, 297]
    assert sum(gaps) + len(labels) == 600


def test_key_is_found_in_its_record_before_commands(place: Path) -> None:
    data, _ = FILES["command-by-key"]
    place.write_bytes(data)

    record = explain(place, key=b"text")
    command = explain(place, key=b"restored")

    assert record.part == "RDB record"
    assert ("expires", "2100-01-01 00:00:00.123Z") in record.facts
    assert command.part == "command"
    assert dict(command.facts)["database"] == "2"


def test_database_narrows_the_search(place: Path) -> None:
    place.write_bytes(WHOLE)

    assert explain(place, key=b"text", db=0).part == "RDB record"
    with pytest.raises(InputError, match="no key text"):
        explain(place, key=b"text", db=1)


def test_every_byte_of_commands_has_a_meaning(place: Path) -> None:
    data, _ = FILES["command"]
    place.write_bytes(data)

    for offset in range(len(data)):
        found = explain(place, offset=offset)

        assert hits(found), offset
        assert bool(found.problem) == (offset >= data.index(b"garbage"))


def test_payload_of_restore_is_taken_apart(place: Path) -> None:
    data, arguments = FILES["restore-payload"]
    place.write_bytes(data)

    (hit,) = hits(explain(place, **arguments))  # type: ignore[arg-type]

    assert hit.label == "field 0"


@pytest.mark.parametrize(
    "head", [b"R", b"REDIS", b"REDIS001", b"REDISXXXX", b"VALKEY0", b"VKCS\x01\x01\x00\x00rest", b"REDIS0009"]
)
def test_header_without_more_is_explained(head: bytes, place: Path) -> None:
    place.write_bytes(head)

    for offset in range(len(head)):
        assert hits(explain(place, offset=offset))


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_cut_file_is_explained_up_to_the_cut(cut: int, place: Path) -> None:
    place.write_bytes(WHOLE[: 20 + cut])

    for offset in range(0, 20 + cut, 5):
        assert hits(explain(place, offset=offset))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_flipped_bytes_never_make_it_fail(vector: object, place: Path) -> None:
    data = FILES[vector.name][0]  # type: ignore[attr-defined]

    for at in range(len(data)):
        flipped = bytearray(data)
        flipped[at] ^= 0x81
        place.write_bytes(flipped)
        assert explain(place, offset=at).spans


@pytest.mark.parametrize("type_id", range(1, 33))
def test_huge_count_ends_with_the_bytes(type_id: int, place: Path) -> None:
    place.write_bytes(b"REDIS0012" + bytes([type_id]) + b"\x01k" + b"\x81" + b"\x7f" * 8 + b"\x01a" * 300)

    for offset in (12, 40, 500):
        assert explain(place, offset=offset).spans


def test_huge_count_of_fixed_size_elements_ends_with_the_bytes(place: Path) -> None:
    # A stream without nodes, with one group whose pending entries are said to be 2**62.
    group = b"\x01g\x00\x00" + b"\x81\x40" + bytes(7) + bytes(800)
    place.write_bytes(b"REDIS0009\x0f\x01k\x00\x00\x00\x00\x01" + group)

    found = explain(place, offset=300)

    assert found.problem


def test_questions_that_make_no_sense_are_refused(place: Path) -> None:
    place.write_bytes(WHOLE)

    with pytest.raises(UsageError):
        explain(place)
    with pytest.raises(UsageError):
        explain(place, offset=1, key=b"k")
    with pytest.raises(InputError, match=r"has [\d,]+ bytes"):
        explain(place, offset=len(WHOLE))
