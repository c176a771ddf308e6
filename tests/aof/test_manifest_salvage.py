"""What can be read of a manifest is read, whatever stands beside it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aoftool.aof.manifest import FileType, ManifestCode, ManifestEntry, encode_manifest, parse_manifest
from aoftool.aof.manifest_salvage import parse_file_name, salvage_manifest

BASE = b"file appendonly.aof.2.base.rdb seq 2 type b\n"
INCR = b"file appendonly.aof.4.incr.aof seq 4 type i startoffset 7\n"
NEXT = b"file appendonly.aof.5.incr.aof seq 5 type i\n"
WHOLE = BASE + INCR + NEXT


def names(raw: bytes) -> list[bytes]:
    return [found.entry.name for found in salvage_manifest(raw).entries]


def test_whole_manifest_is_read_whole() -> None:
    salvaged = salvage_manifest(WHOLE)

    assert tuple(found.entry for found in salvaged.entries) == parse_manifest(WHOLE).entries
    assert (salvaged.problems, salvaged.lost_lines) == ((), 0)
    assert all(not found.inferred for found in salvaged.entries)


def test_spoiled_surroundings_do_not_hide_entries() -> None:
    expected = names(WHOLE)

    assert names(WHOLE[:-1]) == expected
    assert names(WHOLE.replace(b"\n", b"\r\n")) == expected
    assert names(WHOLE.replace(b"\n", b"\n\n")) == expected
    assert names(b"\xef\xbb\xbf" + WHOLE) == expected
    assert names(b"#" + b"x" * 3000 + b"\n" + WHOLE) == expected
    assert names(WHOLE[:-1] + b"\0" * 4096) == expected
    assert names(WHOLE + b"\0" * 4096) == expected
    assert names(b"  # note\n" + WHOLE) == expected


def test_line_that_is_no_entry_is_a_problem_and_the_rest_is_kept() -> None:
    salvaged = salvage_manifest(BASE + b"what is this\n" + NEXT)

    assert [found.entry.sequence for found in salvaged.entries] == [2, 5]
    assert [(p.line, p.code) for p in salvaged.problems] == [(2, ManifestCode.MISSING_FIELD)]
    assert salvaged.lost_lines == 1


def test_rules_between_lines_do_not_drop_entries() -> None:
    assert len(salvage_manifest(NEXT + INCR + BASE + BASE).entries) == 4


def test_lost_fields_come_from_the_name() -> None:
    for line, inferred in [
        (b"file a.7.incr.aof sqe 7 type i\n", {"seq"}),
        (b"file a.7.incr.aof seq 7 type x\n", {"type"}),
        (b"file a.7.incr.aof seq 7 ty", {"type"}),
        (b"file a.7.incr.aof s", {"seq", "type"}),
        (b"fiel a.7.incr.aof seq 7 type i\n", {"file"}),
    ]:
        [found] = salvage_manifest(line).entries

        assert found.entry == ManifestEntry(b"a.7.incr.aof", 7, FileType.INCR, 1)
        assert found.inferred == inferred


def test_of_a_path_only_the_last_part_is_taken() -> None:
    [found] = salvage_manifest(b"file ../../a.7.incr.aof seq 7 type i\n").entries
    refused = salvage_manifest(b"file ../../secret seq 7 type i\n")

    assert (found.entry.name, found.inferred) == (b"a.7.incr.aof", frozenset({"file"}))
    assert refused.entries == ()
    assert refused.problems[0].code is ManifestCode.NAME_IS_PATH


def test_names_of_servers_are_understood() -> None:
    parts = parse_file_name(b"my.log.12.base.rdb")

    assert parts is not None
    assert (parts.prefix, parts.sequence, parts.type, parts.suffix) == (b"my.log", 12, FileType.BASE, b"rdb")
    for other in (b"appendonly.aof", b"a.0.base.rdb", b"a.1.base.txt", b".1.base.rdb", b"a.x.incr.aof"):
        assert parse_file_name(other) is None


@given(st.binary(max_size=400))
def test_any_bytes_are_survived(raw: bytes) -> None:
    salvaged = salvage_manifest(raw)

    assert all(b"/" not in found.entry.name for found in salvaged.entries)
    assert len(salvaged.problems) == salvaged.lost_lines


@given(st.integers(0, len(WHOLE)))
def test_every_cut_keeps_the_lines_before_it(cut: int) -> None:
    whole_lines = WHOLE[:cut].count(b"\n")

    assert len(salvage_manifest(WHOLE[:cut]).entries) >= whole_lines


def test_salvaged_entries_can_be_written() -> None:
    entries = [found.entry for found in salvage_manifest(WHOLE.replace(b"\n", b"\r\n\r\n")).entries]

    assert encode_manifest(entries) == WHOLE
