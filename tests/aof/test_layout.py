"""A path becomes the log a server would see, with everything that is odd about it named."""

from __future__ import annotations

import gzip
import os
import random
import time
from collections.abc import Collection
from pathlib import Path

import pytest
import zstandard

from aoftool.aof.layout import FileRole, LayoutCode, Log, LogKind, find_log
from aoftool.aof.manifest import ManifestCode
from aoftool.errors import InputError, SourceError
from tests.builders import log, rdb, rdb_database, rdb_record, rdb_string
from tests.corpus import Case, case_params

RESP = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"
BASE_RDB = b"REDIS0010\xfa\x08aof-base\xc0\x01\xff" + bytes(8)
DUMP_RDB = b"REDIS0010\xfa\x09redis-ver\x056.2.5\xff" + bytes(8)
MANIFEST = (
    b"file appendonly.aof.2.base.rdb seq 2 type b\n"
    b"file appendonly.aof.1.incr.aof seq 1 type h\n"
    b"file appendonly.aof.2.incr.aof seq 2 type i\n"
    b"file appendonly.aof.3.incr.aof seq 3 type i\n"
)
FILES = {
    "appendonly.aof.2.base.rdb": BASE_RDB,
    "appendonly.aof.1.incr.aof": RESP,
    "appendonly.aof.2.incr.aof": RESP,
    "appendonly.aof.3.incr.aof": RESP,
}
B, I, H = FileRole.BASE, FileRole.INCR, FileRole.HISTORY  # noqa: E741


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Give a server's data directory with a whole multi-part log."""
    directory = tmp_path / "data"
    log = directory / "appendonlydir"
    log.mkdir(parents=True)
    (log / "appendonly.aof.manifest").write_bytes(MANIFEST)
    for name, content in FILES.items():
        (log / name).write_bytes(content)
    return directory


@pytest.fixture
def aof(data: Path) -> Path:
    return data / "appendonlydir"


def manifest_of(aof: Path, *lines: bytes) -> None:
    (aof / "appendonly.aof.manifest").write_bytes(b"".join(line + b"\n" for line in lines))


def codes(
    log: Log, *, but: Collection[LayoutCode | ManifestCode] = (LayoutCode.HISTORY_LISTED,)
) -> list[str]:
    return [problem.code.value for problem in log.problems if problem.code not in but]


def shape(log: Log) -> list[tuple[FileRole, int | None]]:
    return [(file.role, file.sequence) for file in log.files]


def test_every_way_to_name_a_log_finds_the_same_files(
    data: Path, aof: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (aof / "appendonly.aof.manifest", aof, data, str(data)):
        log = find_log(path)

        assert log.kind is LogKind.MULTI_PART
        assert shape(log) == [(B, 2), (I, 2), (I, 3)]
        assert [(file.role, file.sequence) for file in log.history] == [(H, 1)]
        assert all(file.exists and file.listed for file in log.files)
        assert log.size_bytes == len(BASE_RDB) + 2 * len(RESP)
        assert (log.directory, log.prefix) == (str(aof), b"appendonly.aof")
        assert log.last_file is log.files[-1]
        assert codes(log) == []
    for here in (data, aof):
        monkeypatch.chdir(here)
        assert shape(find_log()) == [(B, 2), (I, 2), (I, 3)]
        assert shape(find_log(".")) == [(B, 2), (I, 2), (I, 3)]


def test_names_of_directory_and_files_are_free(tmp_path: Path) -> None:
    log = tmp_path / "any name"
    log.mkdir()
    (log / "my data.manifest").write_bytes(b'file "base of mine" seq 9 type b\n')
    (log / "base of mine").write_bytes(RESP)

    found = find_log(tmp_path)

    assert shape(found) == [(B, 9)]
    assert found.files[0].path == str(log / "base of mine")
    assert codes(found) == []


def test_manifest_is_told_by_content_not_name(data: Path, aof: Path) -> None:
    (aof / "appendonly.aof.manifest").rename(aof / "renamed.txt")

    assert shape(find_log(aof / "renamed.txt")) == [(B, 2), (I, 2), (I, 3)]


ENTRY = b"file appendonly.aof.1.base.rdb seq 1 type b\n"
NEXT = b"file appendonly.aof.1.incr.aof seq 1 type i\n"


@pytest.mark.parametrize(
    ("content", "is_one"),
    [
        (ENTRY, True),
        (ENTRY[:-1], True),
        (ENTRY + b"file appendonly", True),
        (b"# a comment\n\n" * 20 + ENTRY + b"garbage\n" + NEXT, True),
        (b"\0\0" + ENTRY + b"\0" + NEXT, True),
        (ENTRY.replace(b"file ", b"", 1) + NEXT, True),
        (b"The manifest says:\n" + ENTRY + b"and nothing else.\n", False),
        (b"# Title\n\nSome text.\n\n" + ENTRY + NEXT + b"More text.\n" * 3, False),
        (b"see appendonly.aof.1.base.rdb\n", False),
        (b"appendonly.aof.1.base.rdb\nappendonly.aof.1.incr.aof\n", False),
        (b"$ cat " + ENTRY + b"text\n" * 4, False),
    ],
)
def test_text_that_quotes_a_manifest_is_none(content: bytes, is_one: bool, tmp_path: Path) -> None:
    path = tmp_path / "backup.txt"
    path.write_bytes(content)

    assert (find_log(path).kind is LogKind.MULTI_PART) is is_one
    named = tmp_path / "appendonly.aof.manifest"
    path.rename(named)
    assert find_log(named).kind is LogKind.MULTI_PART


def test_log_named_like_a_manifest_is_a_log(tmp_path: Path) -> None:
    path = tmp_path / "odd.manifest"
    path.write_bytes(b"#TS:1795187548\r\n" + RESP)

    assert find_log(path).kind is LogKind.SINGLE


@pytest.mark.parametrize(("name", "kind"), [("dump.rdb", LogKind.RDB), ("a.aof", LogKind.SINGLE)])
def test_a_snapshot_says_that_it_is_no_base(tmp_path: Path, name: str, kind: LogKind) -> None:
    path = tmp_path / name
    path.write_bytes(BASE_RDB.replace(b"\xc0\x01", b"\xc0\x00"))

    assert find_log(path).kind is kind


def test_a_log_whose_fields_are_damaged_is_still_a_log(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(BASE_RDB.replace(b"aof-base", b"aof-\0\0se") + RESP)

    assert find_log(path).kind is LogKind.SINGLE


@pytest.mark.parametrize(
    ("content", "kind", "role"),
    [
        (RESP, LogKind.SINGLE, FileRole.SINGLE),
        (b"#TS:1795187548\r\n" + RESP, LogKind.SINGLE, FileRole.SINGLE),
        (BASE_RDB + RESP, LogKind.SINGLE, FileRole.SINGLE),
        (DUMP_RDB, LogKind.RDB, FileRole.RDB),
        (b"VALKEY080" + DUMP_RDB[9:], LogKind.RDB, FileRole.RDB),
        (b"\0" * 100, LogKind.SINGLE, FileRole.SINGLE),
        (random.Random(1).randbytes(5000), LogKind.SINGLE, FileRole.SINGLE),
    ],
    ids=["resp", "annotated", "preamble", "rdb", "valkey-rdb", "zeros", "noise"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gz", "zst"])
@pytest.mark.parametrize("name", ["appendonly.aof", "x.rdb", "y"])
def test_single_files_are_told_by_content(
    tmp_path: Path, content: bytes, kind: LogKind, role: FileRole, pack: type[bytes], name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(pack(content))

    log = find_log(path)

    assert log.kind is kind
    assert [(file.role, file.path) for file in log.files] == [(role, str(path))]
    assert log.size_bytes == path.stat().st_size


@pytest.mark.parametrize(
    ("name", "kind"),
    [("appendonly.aof", LogKind.SINGLE), ("y", LogKind.SINGLE), ("dump.rdb", LogKind.RDB)],
)
def test_an_empty_file_is_what_its_name_says(tmp_path: Path, name: str, kind: LogKind) -> None:
    path = tmp_path / name
    path.touch()

    assert find_log(path).kind is kind


def test_standard_input_is_a_log_of_unknown_size() -> None:
    log = find_log("-")

    assert log.kind is LogKind.STDIN
    assert [file.path for file in log.files] == ["-"]
    assert log.size_bytes is None


def test_compressed_manifest_finds_compressed_files(data: Path, aof: Path) -> None:
    for path in list(aof.iterdir()):
        Path(f"{path}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()

    log = find_log(aof)

    assert shape(log) == [(B, 2), (I, 2), (I, 3)]
    assert all(file.exists and file.path.endswith(".gz") for file in log.files)
    assert codes(log) == []


def test_old_style_file_is_found_in_its_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "appendonly.aof").write_bytes(RESP)
    (tmp_path / "dump.rdb").write_bytes(DUMP_RDB)
    write_old(tmp_path / "temp-rewriteaof-bg-77.aof")
    monkeypatch.chdir(tmp_path)

    for found in (find_log(), find_log(tmp_path)):
        assert found.kind is LogKind.SINGLE
        assert codes(found) == ["stale-temp", "dump-beside"]


def test_rdb_alone_is_found_only_when_the_directory_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dump.rdb").write_bytes(DUMP_RDB)
    monkeypatch.chdir(tmp_path)

    assert find_log(tmp_path).kind is LogKind.RDB
    assert codes(find_log(tmp_path)) == []
    with pytest.raises(SourceError, match="no append-only file"):
        find_log()


def test_nothing_and_too_much_are_errors(tmp_path: Path, data: Path, aof: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(SourceError, match="no append-only file"):
        find_log(empty)
    with pytest.raises(SourceError, match="No such file"):
        find_log(tmp_path / "none")

    (empty / "a.aof").write_bytes(RESP)
    (empty / "b.aof").write_bytes(RESP)
    with pytest.raises(InputError, match=r"2 files that may be meant: a\.aof, b\.aof"):
        find_log(empty)

    (aof / "other.manifest").write_bytes(MANIFEST)
    with pytest.raises(InputError, match="2 manifests"):
        find_log(aof)

    for name in ("one", "two"):
        (tmp_path / "many" / name).mkdir(parents=True)
        (tmp_path / "many" / name / "x.manifest").write_bytes(MANIFEST)
    with pytest.raises(InputError, match="2 AOF directories"):
        find_log(tmp_path / "many")


def test_missing_files_are_named_with_their_lines(aof: Path) -> None:
    (aof / "appendonly.aof.2.base.rdb").unlink()
    (aof / "appendonly.aof.2.incr.aof").unlink()
    (aof / "appendonly.aof.1.incr.aof").unlink()

    log = find_log(aof)

    assert [(p.code, p.line) for p in log.problems] == [
        (LayoutCode.MISSING_FILE, 1),
        (LayoutCode.MISSING_FILE, 3),
        (LayoutCode.MISSING_HISTORY, 2),
    ]
    assert [file.exists for file in log.files] == [False, False, True]


def test_orphans_are_told_apart_by_what_a_server_would_do(aof: Path) -> None:
    (aof / "appendonly.aof.4.incr.aof").write_bytes(RESP)
    (aof / "appendonly.aof.9.incr.aof").write_bytes(RESP)
    (aof / "appendonly.aof.3.base.rdb").write_bytes(BASE_RDB)
    (aof / "other.4.incr.aof").write_bytes(RESP)
    (aof / "notes.txt").write_bytes(b"mine")

    log = find_log(aof)

    found = {
        os.path.basename(p.path or ""): p.code for p in log.problems if p.path and "orphan" in p.code.value
    }
    assert found == {
        "appendonly.aof.4.incr.aof": LayoutCode.ORPHAN_NEXT,
        "appendonly.aof.9.incr.aof": LayoutCode.ORPHAN_FILE,
        "appendonly.aof.3.base.rdb": LayoutCode.ORPHAN_NEXT,
        "other.4.incr.aof": LayoutCode.ORPHAN_FILE,
    }
    assert len(log.unlisted) == 4
    assert not any(file.listed for file in log.unlisted)


def write_old(path: Path, size_bytes: int = 1, age_s: float = 3600) -> None:
    path.write_bytes(b"x" * size_bytes)
    os.utime(path, (time.time() - age_s,) * 2)


def test_temporary_files_are_summed_up_in_both_directories(data: Path, aof: Path) -> None:
    for name in ("temp-appendonly.aof.manifest", "temp-appendonly.aof.incr"):
        write_old(aof / name)
    for number in range(79):
        write_old(data / f"temp-{number + 10}.rdb", 1 << 20)
    for name in (
        "temp-rewriteaof-12.aof",
        "temp-rewriteaof-bg-12.aof",
        "temp-1700000000.7.rdb",
        "temp-my.aof",
    ):
        write_old(data / name)

    stale = [problem.message for problem in find_log(data).problems if problem.code is LayoutCode.STALE_TEMP]

    assert stale == [
        "2 temporary files, 2 B in all, are left from servers that stopped half-way; none is ever loaded,"
        " remove them to free the room: temp-appendonly.aof.incr, temp-appendonly.aof.manifest",
        "82 temporary files, 79.0 MiB in all, are left from servers that stopped half-way; none is ever"
        " loaded, remove them to free the room: temp-10.rdb, temp-11.rdb, temp-12.rdb and 79 more",
    ]


def test_a_former_log_under_a_temporary_name_is_told_apart(data: Path) -> None:
    write_old(data / "temp-rewriteaof-old-4711.aof", 2048)
    write_old(data / "temp-1.rdb")

    former, other = [p for p in find_log(data).problems if p.code is LayoutCode.STALE_TEMP]

    assert former.message.startswith("temp-rewriteaof-old-4711.aof (2.00 KiB) is a whole former log")
    assert other.path == str(data / "temp-1.rdb")


def test_a_temporary_file_that_is_written_now_may_be_of_a_server_at_work(data: Path) -> None:
    write_old(data / "temp-rewriteaof-12.aof", age_s=2)

    [found] = [p for p in find_log(data).problems if p.path and "temp-" in p.path]

    assert found.code is LayoutCode.FRESH_TEMP
    assert "a server is at work, or stopped a moment ago" in found.message


def test_gaps_in_the_incr_numbers_are_found_also_against_history(aof: Path) -> None:
    lines = MANIFEST.splitlines()
    manifest_of(aof, lines[0], lines[1], lines[3])

    log = find_log(aof)

    [gap] = [p for p in log.problems if p.code is LayoutCode.SEQ_GAP]
    assert (gap.line, gap.sequence) == (3, 2)
    assert "2 is not listed" in gap.message


def test_empty_files_are_told(aof: Path) -> None:
    for name in ("appendonly.aof.2.base.rdb", "appendonly.aof.2.incr.aof"):
        (aof / name).write_bytes(b"")

    assert codes(find_log(aof)) == ["empty-base", "empty-incr"]


def test_manifest_without_base_or_without_any_file(aof: Path) -> None:
    lines = MANIFEST.splitlines()
    manifest_of(aof, *lines[2:])
    assert codes(find_log(aof))[0] == "no-base"

    manifest_of(aof, b"# nothing")
    log = find_log(aof)
    assert codes(log)[0] == "no-files-listed"
    assert log.files == ()
    assert len(log.unlisted) == 4


def test_missing_manifest_still_shows_the_data_files(aof: Path) -> None:
    (aof / "appendonly.aof.manifest").unlink()

    log = find_log(aof)

    assert codes(log) == ["manifest-missing"]
    # What the incr file before the base held is in the base.
    assert shape(log) == [(B, 2), (I, 2), (I, 3)]
    assert (log.manifest, log.manifest_path, log.prefix) == (None, None, b"appendonly.aof")


def test_refused_manifest_gives_its_problem_and_what_can_be_read(aof: Path) -> None:
    (aof / "appendonly.aof.manifest").write_bytes(MANIFEST.replace(b"file", b"\nfile", 2)[:-1])

    log = find_log(aof)

    assert log.problems[0].code is ManifestCode.BLANK_LINE
    assert log.problems[0].line == 1
    assert shape(log) == [(B, 2), (I, 2), (I, 3)]


def test_same_file_listed_twice(aof: Path) -> None:
    manifest_of(
        aof, b"file appendonly.aof.2.incr.aof seq 2 type i", b"file appendonly.aof.2.incr.aof seq 3 type i"
    )

    assert "listed-twice" in codes(find_log(aof))


def test_names_never_lead_out_of_the_directory(tmp_path: Path, aof: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(RESP)
    (aof / "linked").symlink_to(secret)
    (aof / "inside").symlink_to(aof / "appendonly.aof.2.incr.aof")
    (aof / "loop").symlink_to(aof / "loop")
    os.mkfifo(aof / "fifo")
    (aof / "dir").mkdir()
    names = [b"linked", b"inside", b"loop", b"fifo", b"dir", b"..", b'""']
    manifest_of(aof, *(b"file %s seq %d type i" % (name, at) for at, name in enumerate(names, 1)))

    log = find_log(aof)

    state = {file.name: (file.exists, file.is_unsafe) for file in log.files}
    assert state == {
        b"linked": (False, True),
        b"inside": (True, False),
        b"loop": (False, False),
        b"fifo": (False, False),
        b"dir": (False, False),
        b"..": (False, True),
        b"": (False, True),
    }
    by_line = {p.line: p.code for p in log.problems if p.line}
    assert by_line == {
        1: LayoutCode.LINK_OUT,
        3: LayoutCode.NOT_A_FILE,
        4: LayoutCode.NOT_A_FILE,
        5: LayoutCode.NOT_A_FILE,
        6: LayoutCode.UNSAFE_NAME,
        7: LayoutCode.UNSAFE_NAME,
    }


def test_old_style_file_beside_a_manifest_is_told_from_both_sides(data: Path) -> None:
    (data / "appendonly.aof").write_bytes(RESP)
    (data / "dump.rdb").write_bytes(DUMP_RDB)

    assert codes(find_log(data)) == ["old-style-beside", "dump-beside"]
    [beside] = find_log(data / "appendonly.aof").problems
    assert beside.code is LayoutCode.MANIFEST_BESIDE


def test_interrupted_upgrade_reads_the_file_that_is_still_outside(data: Path, aof: Path) -> None:
    for path in aof.iterdir():
        path.unlink()
    manifest_of(aof, b"file appendonly.aof seq 1 type b")
    (data / "appendonly.aof").write_bytes(RESP)

    log = find_log(data)

    assert codes(log) == ["upgrade-pending"]
    assert [(file.role, file.exists) for file in log.files] == [(B, True)]
    assert Path(log.files[0].path).read_bytes() == RESP


def test_finished_upgrade_is_a_plain_log(data: Path, aof: Path) -> None:
    for path in aof.iterdir():
        path.unlink()
    manifest_of(aof, b"file appendonly.aof seq 1 type b", b"file appendonly.aof.1.incr.aof seq 1 type i")
    (aof / "appendonly.aof").write_bytes(RESP)
    (aof / "appendonly.aof.1.incr.aof").write_bytes(RESP)

    assert codes(find_log(data)) == []


def test_huge_manifest_is_bounded(aof: Path) -> None:
    line = b"# " + b"x" * 900 + b"\n"
    (aof / "appendonly.aof.manifest").write_bytes(MANIFEST + line * 20_000)

    log = find_log(aof / "appendonly.aof.manifest")

    assert "manifest-too-large" in codes(log)
    assert shape(log) == [(B, 2), (I, 2), (I, 3)]


def test_hostile_manifest_is_survived(aof: Path) -> None:
    rng = random.Random(5)
    for _ in range(200):
        broken = bytearray(MANIFEST)
        for _ in range(rng.randrange(1, 8)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        (aof / "appendonly.aof.manifest").write_bytes(bytes(broken))

        log = find_log(aof / "appendonly.aof.manifest")

        assert all(problem.message.isprintable() for problem in log.problems)
        assert all(Path(file.path).parent == aof for file in log.files)


DAMAGED = {
    "manifest-absent": {"manifest-missing"},
    "manifest-bad-line": {"manifest-missing-field"},
    "manifest-bad-type": {"manifest-bad-type"},
    "manifest-blank-line": {"manifest-blank-line"},
    "manifest-comment-and-blank": set(),
    "manifest-crlf": set(),
    "manifest-duplicate-seq": {"manifest-sequence-order"},
    "manifest-empty": {"manifest-empty"},
    "manifest-garbage-line": {"manifest-too-few-fields"},
    "manifest-history-file-gone": {"missing-history"},
    "manifest-no-base": {"no-base", "orphan-file"},
    "manifest-no-final-newline": {"manifest-no-final-newline"},
    "manifest-odd-fields": {"manifest-odd-fields"},
    "manifest-path-in-name": {"manifest-name-is-path"},
    "manifest-quoted-name": set(),
    "manifest-reordered-keys": set(),
    "manifest-seq-gap": {"seq-gap", "orphan-file"},
    "manifest-seq-not-increasing": {"manifest-sequence-order"},
    "manifest-torn": {"manifest-no-final-newline", "orphan-next"},
    "manifest-two-bases": {"manifest-duplicate-base"},
    "missing-base": {"missing-file", "other-generation"},
    "missing-first-incr": {"missing-file"},
    "missing-last-incr": {"missing-file"},
    "orphan-incr": {"orphan-next"},
    "empty-base-rdb": {"empty-base"},
    "empty-incr-last": {"empty-incr"},
    "empty-incr-not-last": {"empty-incr"},
}


@pytest.mark.corpus
@pytest.mark.parametrize("case", case_params("damaged"))
def test_damaged_layouts_of_the_corpus_are_named(case: Case) -> None:
    log = find_log(case.directory)

    expected = DAMAGED.get(case.id, set())
    assert set(codes(log, but=(LayoutCode.HISTORY_LISTED, LayoutCode.DUMP_BESIDE))) == expected
    if log.manifest is not None and log.manifest.problem is not None:
        found = case.after_load("redis-7.0.15")
        assert found["loads"] is False
        assert set(found["log"]) <= set(log.manifest.problem.server_log)


@pytest.mark.corpus
@pytest.mark.parametrize("case", case_params("recorded"))
def test_recorded_layouts_of_the_corpus_are_clean(case: Case) -> None:
    log = find_log(case.directory)

    found = set(codes(log))
    assert found <= ({"stale-temp", "fresh-temp"} if case.scenario == "sigkill-during-rewrite" else set())
    assert log.kind is (LogKind.MULTI_PART if case.multi_part else LogKind.SINGLE)
    assert all(file.exists for file in log.files)


@pytest.mark.parametrize("name", ["backup", "appendonly.aof", "dump.rdb"])
@pytest.mark.parametrize("tail", [b"", b"*3\r\n$3\r\nSET\r\n$1\r\nm\r\n$5\r\nxy"], ids=["whole", "torn"])
def test_commands_behind_an_rdb_that_says_nothing_make_a_log_of_it(
    name: str, tail: bytes, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(rdb() + log(("SET", "k", "v"), ("SET", "l", "w")) + tail)

    assert find_log(str(path)).kind is LogKind.SINGLE


@pytest.mark.parametrize("behind", [b"", b"\0" * 40, b"garbage\r\n" * 9])
def test_other_bytes_behind_a_snapshot_make_no_log_of_it(behind: bytes, tmp_path: Path) -> None:
    path = tmp_path / "dump.rdb"
    path.write_bytes(rdb(rdb_database(0, rdb_record(0, "k", rdb_string(b"v")))) + behind)

    assert find_log(str(path)).kind is LogKind.RDB


INCR = log(("SELECT", 0), ("SET", "k", "v"))
PLAIN = "appendonly.aof"


@pytest.mark.parametrize(
    ("names", "read", "wrong"),
    [
        # The base of a set that was an old-style file has no number.
        ([PLAIN, f"{PLAIN}.1.incr.aof"], [PLAIN, f"{PLAIN}.1.incr.aof"], []),
        ([f"{PLAIN}.2.incr.aof"], [f"{PLAIN}.2.incr.aof"], ["no-base"]),
        (
            [f"{PLAIN}.1.base.rdb", f"{PLAIN}.1.incr.aof", f"{PLAIN}.3.incr.aof"],
            [f"{PLAIN}.1.base.rdb", f"{PLAIN}.1.incr.aof", f"{PLAIN}.3.incr.aof"],
            ["seq-gap"],
        ),
        # The newest base holds all that was written before it; older files may be of an earlier copy.
        (
            [f"{PLAIN}.1.base.rdb", f"{PLAIN}.2.base.rdb", f"{PLAIN}.1.incr.aof", f"{PLAIN}.2.incr.aof"],
            [f"{PLAIN}.2.base.rdb", f"{PLAIN}.2.incr.aof"],
            [],
        ),
        (
            [f"{PLAIN}.1.base.rdb", f"{PLAIN}.1.incr.aof", "old.aof.1.base.rdb"],
            [f"{PLAIN}.1.base.rdb", f"{PLAIN}.1.incr.aof"],
            ["orphan-file"],
        ),
    ],
)
def test_without_a_manifest_names_make_the_set(
    names: list[str], read: list[str], wrong: list[str], tmp_path: Path
) -> None:
    for name in names:
        (tmp_path / name).write_bytes(INCR if "incr" in name else rdb())

    found = find_log(tmp_path)

    assert [Path(file.path).name for file in found.files] == read
    assert codes(found) == ["manifest-missing", *wrong]


def test_two_whole_sets_without_a_manifest_are_not_mixed(tmp_path: Path) -> None:
    for name in ("one.aof", "two.aof"):
        (tmp_path / f"{name}.1.base.rdb").write_bytes(rdb())
        (tmp_path / f"{name}.1.incr.aof").write_bytes(INCR)

    with pytest.raises(InputError, match="files of 2 sets and no manifest"):
        find_log(tmp_path)


def test_a_file_of_a_set_says_so_when_it_is_named_alone(data: Path, aof: Path) -> None:
    for name in ("appendonly.aof.2.base.rdb", "appendonly.aof.2.incr.aof"):
        (found,) = (p for p in find_log(aof / name).problems if p.code is LayoutCode.PART_OF_SET)
        assert found.message.endswith("appendonly.aof.manifest lists the others")
