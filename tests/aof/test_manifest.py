"""Manifests are read as the servers read them, and written as they write them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aoftool.aof.manifest import (
    FileType,
    ManifestCode,
    ManifestEntry,
    encode_entry,
    encode_manifest,
    parse_manifest,
    split_lines,
)
from aoftool.errors import ManifestError
from aoftool.escape import unprintable
from aoftool.quoting import Quoting, split_words
from tests.servers import Build, Server, builds

BASE = b"file appendonly.aof.2.base.rdb seq 2 type b\n"
INCR = b"file appendonly.aof.4.incr.aof seq 4 type i\n"
NEXT = b"file appendonly.aof.5.incr.aof seq 5 type i\n"
HIST = b"file appendonly.aof.1.base.rdb seq 1 type h\n"

BASE_T, HIST_T, INCR_T = FileType.BASE, FileType.HISTORY, FileType.INCR


def entry(name: bytes, sequence: int, type_: FileType, **more: object) -> ManifestEntry:
    return ManifestEntry(name, sequence, type_, **more)  # type: ignore[arg-type]


def both_ends() -> list[object]:
    """Return the oldest and the newest server that know manifests."""
    found = builds(since="7.0")
    ends = [found[0], (builds(kind="valkey", since="7.0") or found)[-1]] if found else []
    absent = pytest.param(None, id="no-server", marks=pytest.mark.skip(reason="no server with manifests"))
    return [pytest.param(b, id=b.id, marks=pytest.mark.server) for b in dict.fromkeys(ends)] or [absent]


def test_manifest_of_a_server_is_read_and_written_back() -> None:
    raw = BASE + HIST + INCR + NEXT

    manifest = parse_manifest(raw)

    assert manifest.problem is None
    assert manifest.base == entry(b"appendonly.aof.2.base.rdb", 2, BASE_T, line=1)
    assert [e.sequence for e in manifest.incrs] == [4, 5]
    assert [e.name for e in manifest.history] == [b"appendonly.aof.1.base.rdb"]
    assert [e.line for e in manifest.load_order] == [1, 3, 4]
    assert encode_manifest(manifest.entries) == raw


def test_further_keys_are_kept_in_order() -> None:
    raw = BASE + b'file a.1.incr.aof seq 1 type i startoffset 20 endoffset 75 color "light blue"\n'

    manifest = parse_manifest(raw)
    [incr] = manifest.incrs

    assert incr.extras == ((b"startoffset", b"20"), (b"endoffset", b"75"), (b"color", b"light blue"))
    assert (incr.extra(b"startoffset"), incr.extra(b"nothing")) == (b"20", None)
    assert encode_manifest(manifest.entries) == raw


ACCEPTED = {
    "comment": (b"# made by hand\n" + BASE, 1),
    "comment without newline at the end": (BASE + b"# end", 1),
    "comment whose rest is a comment": (b"#" + b"x" * 1023 + b"# more\n" + BASE, 1),
    "only comments": (b"# nothing\n", 0),
    "crlf": ((BASE + INCR).replace(b"\n", b"\r\n"), 2),
    "tabs and leading blanks": (b" \t file\tx  seq\t7 type b \t\n", 1),
    "vertical tab between words": (b"file x \vseq 7 type b\n", 1),
    "upper case keys in any order": (b"TYPE b SEQ 2 FILE x\n", 1),
    "1024 bytes with newline": (b"file x seq 1 type b pad ".ljust(1023, b"p") + b"\n", 1),
    "base after incr": (INCR + BASE, 2),
    "gap between incr files": (INCR + b"file z seq 900 type i\n", 2),
    "sequence that the name denies": (b"file a.9.incr.aof seq 1 type i\n", 1),
    "same name twice": (b"file a seq 1 type i\nfile a seq 2 type i\n", 2),
    "empty name": (b'file "" seq 1 type i\n', 1),
    "dots": (b"file .. seq 1 type b\n", 1),
    "negative base": (b"file a seq -5 type b\n", 1),
    "history in any order": (b"file a seq 5 type h\nfile b seq 5 type h\n", 2),
}


@pytest.mark.parametrize("case", ACCEPTED, ids=str)
def test_server_accepts(case: str) -> None:
    raw, count = ACCEPTED[case]

    manifest = parse_manifest(raw)

    assert manifest.problem is None
    assert len(manifest.entries) == count
    assert manifest.require_valid() is manifest


REFUSED = {
    "empty": (b"", ManifestCode.EMPTY, 0, 0),
    "no final newline": (BASE + INCR[:-1], ManifestCode.NO_FINAL_NEWLINE, 2, 1),
    "1025 bytes": (b"file x seq 1 type b pad ".ljust(1024, b"p") + b"\n", ManifestCode.LINE_TOO_LONG, 1, 0),
    "nul": (BASE + b"file x\0 seq 1 type i\n", ManifestCode.NUL_BYTE, 2, 1),
    "blank line": (BASE + b"\n" + INCR, ManifestCode.BLANK_LINE, 2, 1),
    "blanks only": (BASE + b" \t\r\n" + INCR, ManifestCode.BLANK_LINE, 2, 1),
    "indented comment": (b"  # note\n" + BASE, ManifestCode.TOO_FEW_FIELDS, 1, 0),
    "rest of a long comment": (b"#" + b"x" * 1100 + b"\n" + BASE, ManifestCode.ODD_FIELDS, 2, 0),
    "odd number of words": (b"file a seq 1 type\n", ManifestCode.ODD_FIELDS, 1, 0),
    "four words": (b"file a seq 1\n", ManifestCode.TOO_FEW_FIELDS, 1, 0),
    "unclosed quote": (b'file "a seq 1 type b\n', ManifestCode.UNBALANCED_QUOTES, 1, 0),
    "closing quote in a word": (b'file "a"b seq 1 type b\n', ManifestCode.UNBALANCED_QUOTES, 1, 0),
    "escaped single quote": (b"file 'a\\' seq 1 type b\n", ManifestCode.UNBALANCED_QUOTES, 1, 0),
    "misspelt key": (b"file a sqe 1 type b\n", ManifestCode.MISSING_FIELD, 1, 0),
    "no name": (b"seq 1 type b x y\n", ManifestCode.MISSING_FIELD, 1, 0),
    "empty type": (b'file a seq 1 type ""\n', ManifestCode.MISSING_FIELD, 1, 0),
    "sequence zero": (b"file a seq 0 type b\n", ManifestCode.MISSING_FIELD, 1, 0),
    "sequence in words": (b"file a seq abc type b\n", ManifestCode.MISSING_FIELD, 1, 0),
    "path": (b"file ../a seq 1 type b\n", ManifestCode.NAME_IS_PATH, 1, 0),
    "backslash": (b'file "a\\\\b" seq 1 type b\n', ManifestCode.NAME_IS_PATH, 1, 0),
    "path of a repeated key": (b"file a/b file c seq 1 type b\n", ManifestCode.NAME_IS_PATH, 1, 0),
    "unknown type": (BASE + b"file a seq 1 type x\n", ManifestCode.BAD_TYPE, 2, 1),
    "upper case type": (b"file a seq 1 type I\n", ManifestCode.BAD_TYPE, 1, 0),
    "two bases": (BASE + INCR + BASE, ManifestCode.DUPLICATE_BASE, 3, 2),
    "same sequence": (INCR + INCR, ManifestCode.SEQUENCE_ORDER, 2, 1),
    "falling sequence": (BASE + NEXT + INCR, ManifestCode.SEQUENCE_ORDER, 3, 2),
    "negative incr": (b"file a seq -5 type i\n", ManifestCode.SEQUENCE_ORDER, 1, 0),
    "old history hides no incr": (INCR + HIST + INCR, ManifestCode.SEQUENCE_ORDER, 3, 2),
}


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_server_refuses(case: str) -> None:
    raw, code, line, kept = REFUSED[case]

    manifest = parse_manifest(raw, "some/manifest")

    assert manifest.problem is not None
    assert (manifest.problem.code, manifest.problem.line) == (code, line)
    assert len(manifest.entries) == kept
    assert raw[manifest.problem.offset :].lstrip().startswith(manifest.problem.found)
    with pytest.raises(ManifestError) as caught:
        manifest.require_valid()
    assert caught.value.path == "some/manifest"


@pytest.mark.parametrize("build", both_ends())
@pytest.mark.parametrize("case", [*ACCEPTED, *REFUSED], ids=str)
def test_a_real_server_says_the_same(
    case: str, build: Build, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    raw = ACCEPTED[case][0] if case in ACCEPTED else REFUSED[case][0]
    joins = build.kind == "valkey" and build.version >= (9,)
    manifest = parse_manifest(raw, quoting=Quoting.JOINED if joins else Quoting.SEPARATE)
    log = tmp_path / "appendonlydir"
    log.mkdir()
    (log / "appendonly.aof.manifest").write_bytes(raw)
    for listed in manifest.entries:
        if listed.name not in (b"", b".."):
            (log / os.fsdecode(listed.name)).touch()

    outcome = start_server(build, source=tmp_path).outcome
    assert outcome is not None

    if manifest.problem is not None:
        assert not outcome.loaded
        for line in manifest.problem.server_log:
            assert unprintable(line).decode() in outcome.log
    elif case in ("empty name", "dots"):  # the name is legal, but it is a directory
        assert "FATAL AOF MANIFEST" not in outcome.log
    else:
        assert outcome.loaded


def test_what_a_server_logs_names_line_and_text() -> None:
    problem = parse_manifest(BASE + b"  file a/b seq 1 type i \n").problem

    assert problem is not None
    assert problem.server_log == (
        "*** FATAL AOF MANIFEST FILE ERROR ***",
        "Reading the manifest file, at line 2",
        ">>> 'file a/b seq 1 type i'",
        "File can't be a path, just a filename",
    )
    assert "a/b" in problem.message
    assert "line 2" in problem.message


@pytest.mark.parametrize("raw", [b"", BASE[:-1], b"#x\nfile a\0b seq 1 type i\n"])
def test_what_a_server_logs_has_no_text_of_a_line_it_did_not_decode(raw: bytes) -> None:
    problem = parse_manifest(raw).problem

    assert problem is not None
    assert len(problem.server_log) == 2


@pytest.mark.parametrize(
    ("text", "sequence"),
    [(b"+1", 1), (b"1abc", 1), (b'"1"', 1), (b'" 7"', 7), (b"007", 7), (b"9" * 5000, 2**63 - 1)],
)
def test_sequence_is_what_atoll_makes_of_it(text: bytes, sequence: int) -> None:
    manifest = parse_manifest(b"file a seq %s type i\n" % text)

    assert manifest.problem is None or len(text) > 900
    if manifest.entries:
        assert manifest.entries[0].sequence == sequence


def test_huge_sequences_clamp_to_64_bits() -> None:
    high = parse_manifest(b"file a seq 99999999999999999999999 type b\n")
    low = parse_manifest(b"file a seq -99999999999999999999999 type b\n")

    assert high.entries[0].sequence == 2**63 - 1
    assert low.entries[0].sequence == -(2**63)


@pytest.mark.parametrize(
    ("word", "type_"),
    [(b"incremental", INCR_T), (b"base", BASE_T), (b"hist", HIST_T), (b'"i"', INCR_T), (b"'b'", BASE_T)],
)
def test_only_the_first_letter_of_a_type_counts(word: bytes, type_: FileType) -> None:
    assert parse_manifest(b"file a seq 1 type %s\n" % word).entries[0].type is type_


@pytest.mark.parametrize(
    ("word", "name"),
    [
        (b"plain", b"plain"),
        (b'"a b"', b"a b"),
        (b"'a b'", b"a b"),
        (b"'a\\'b'", b"a'b"),
        (b"'a\\nb'", None),
        (b'"a\\"b"', b'a"b'),
        (b'"\\xc3\\xa9\\n\\r\\t\\a\\b\\q"', b"\xc3\xa9\n\r\t\a\bq"),
        (b'"\\x4"', b"x4"),
        (b'"a\\x00b"', b"a"),
        (b'ab"c d"', b"abc d"),
        (b"a\vb", b"a\vb"),
        (b"\xff\xfe", b"\xff\xfe"),
    ],
)
def test_quoting_is_the_servers(word: bytes, name: bytes | None) -> None:
    manifest = parse_manifest(b"file %s seq 1 type b\n" % word)

    if name is None:  # a backslash that survives single quotes is a path to the server
        assert manifest.problem is not None
        assert manifest.problem.code is ManifestCode.NAME_IS_PATH
    else:
        assert manifest.entries[0].name == name


def test_last_of_repeated_keys_wins() -> None:
    [only] = parse_manifest(b"file a file b seq 1 seq 3 type i type h\n").entries

    assert (only.name, only.sequence, only.type) == (b"b", 3, HIST_T)


def test_name_is_quoted_as_the_server_quotes_it() -> None:
    line = encode_entry(entry('my file"é.aof.1.base.rdb'.encode(), 1, BASE_T))

    assert line == b'file "my file\\"\\xc3\\xa9.aof.1.base.rdb" seq 1 type b\n'


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [entry(b"a", 1, BASE_T), entry(b"b", 2, BASE_T)],
        [entry(b"a", 1, INCR_T), entry(b"b", 1, INCR_T)],
        [entry(b"a", 0, BASE_T)],
        [entry(b"a/b", 1, BASE_T)],
        [entry(b"a\0b", 1, BASE_T)],
        [entry(b"a" * 1100, 1, BASE_T)],
        [entry(b"a", 1, BASE_T, extras=((b"seq", b"7"),))],
    ],
    ids=["none", "two-bases", "same-sequence", "zero", "path", "nul", "long", "extra-seq"],
)
def test_manifest_that_no_server_reads_is_not_written(entries: list[ManifestEntry]) -> None:
    with pytest.raises(ManifestError):
        encode_manifest(entries)


def test_writing_puts_base_first_and_sorts_incr_files() -> None:
    entries = [entry(b"c", 9, INCR_T), entry(b"d", 3, INCR_T), entry(b"h", 1, HIST_T), entry(b"b", 1, BASE_T)]

    lines = encode_manifest(entries).splitlines()

    assert [line.split()[1] for line in lines] == [b"b", b"h", b"d", b"c"]


names = st.binary(min_size=0, max_size=60).filter(lambda name: not set(name) & set(b"/\\\0"))
words = st.binary(min_size=0, max_size=12).filter(lambda word: word.lower() not in (b"file", b"seq", b"type"))
extras = st.lists(st.tuples(words.filter(lambda word: b"\0" not in word), words), max_size=3).map(tuple)
sequences = st.integers(1, 2**63 - 1)


@given(
    base=st.none() | st.tuples(names, sequences),
    history=st.lists(st.tuples(names, sequences, extras), max_size=3),
    incrs=st.lists(st.tuples(names, sequences, extras), max_size=5, unique_by=lambda row: row[1]),
)
def test_what_is_written_reads_back(
    base: tuple[bytes, int] | None,
    history: list[tuple[bytes, int, tuple[tuple[bytes, bytes], ...]]],
    incrs: list[tuple[bytes, int, tuple[tuple[bytes, bytes], ...]]],
) -> None:
    entries = [] if base is None else [entry(*base, BASE_T)]
    entries += [entry(name, number, HIST_T, extras=more) for name, number, more in history]
    entries += [
        entry(name, number, INCR_T, extras=more) for name, number, more in sorted(incrs, key=lambda r: r[1])
    ]
    if not entries:
        return

    manifest = parse_manifest(encode_manifest(entries))

    assert manifest.problem is None
    assert [replace(back, line=0) for back in manifest.entries] == entries


line_parts = st.sampled_from(
    [
        b"file ",
        b"seq ",
        b"type ",
        b"b",
        b"i ",
        b"h ",
        b"1 ",
        b"-",
        b"2 ",
        b"a.1.base.rdb ",
        b"\n",
        b"\r\n",
        b"#",
        b'"',
        b"'",
        b"\\",
        b"\\x41",
        b"\0",
        b" ",
        b"\t",
        b"x" * 1020,
        b"startoffset 0 ",
        BASE,
        INCR,
        NEXT,
        HIST,
    ]
)


@given(st.binary(max_size=300) | st.lists(line_parts, max_size=30).map(b"".join))
@example(b"file '" + b"\\" * 1000 + b"\n")
@example(b'file "' + b"\\" * 1000 + b"\n")
def test_any_bytes_give_entries_or_a_problem(raw: bytes) -> None:
    manifest = parse_manifest(raw)

    assert b"".join(line.raw for line in split_lines(raw)) == raw
    if manifest.problem is None and manifest.entries:
        bare = [replace(e, line=0) for e in manifest.entries]
        if all(
            k.partition(b"\0")[0].lower() not in (b"file", b"seq", b"type") for e in bare for k, _ in e.extras
        ):
            try:
                again = encode_manifest(bare)
            except ManifestError:
                assert max(map(len, map(encode_entry, bare))) > 1024
            else:
                assert {replace(e, line=0) for e in parse_manifest(again).entries} == set(bare)
    if manifest.problem is not None:
        assert manifest.problem.message.isprintable()
        assert all(line.isprintable() for line in manifest.problem.server_log)


@pytest.mark.parametrize(
    ("text", "separate", "joined"),
    [
        (b'"a"b', None, [b"ab"]),
        (b"'a''b' c", None, [b"ab", b"c"]),
        (b'a"b c"d', None, [b"ab cd"]),
        (b'""b', None, [b"b"]),
        (b'"a"\vb', [b"a", b"b"], [b"a\vb"]),
        (b'"a" b', [b"a", b"b"], [b"a", b"b"]),
        (b'"a', None, None),
    ],
)
def test_what_follows_a_closing_quote_depends_on_the_server(
    text: bytes, separate: list[bytes] | None, joined: list[bytes] | None
) -> None:
    assert split_words(text, Quoting.SEPARATE) == separate
    assert split_words(text, Quoting.JOINED) == joined
