"""The files of a log are read in order, each from a fresh state."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.aof.log import open_log_file, read_parts
from aoftool.errors import SourceError, UnsafePathError
from tests.corpus import FIXTURES, Case, case_params


def resp(*argv: str) -> bytes:
    return f"*{len(argv)}\r\n".encode() + b"".join(f"${len(a)}\r\n{a}\r\n".encode() for a in argv)


@pytest.fixture
def aof(tmp_path: Path) -> Path:
    (tmp_path / "a.manifest").write_bytes(
        b"file a.1.base.aof seq 1 type b\nfile a.1.incr.aof seq 1 type i\nfile a.2.incr.aof seq 2 type i\n"
    )
    (tmp_path / "a.1.base.aof").write_bytes(resp("SELECT", "3") + resp("SET", "k", "v"))
    (tmp_path / "a.1.incr.aof").write_bytes(resp("SET", "k", "w") + resp("MULTI") + resp("DEL", "k"))
    (tmp_path / "a.2.incr.aof").write_bytes(b"#TS:5\r\n" + resp("INCR", "n"))
    return tmp_path


def test_database_and_transaction_begin_anew_in_each_file(aof: Path) -> None:
    seen = [
        (part.file.sequence, command.name, command.db, bool(command.txn), command.time_s)
        for part in read_parts(find_log(aof))
        for command in part.commands()
    ]

    assert seen == [
        (1, b"SELECT", 3, False, -1),
        (1, b"SET", 3, False, -1),
        (1, b"SET", 0, False, -1),
        (1, b"MULTI", 0, True, -1),
        (1, b"DEL", 0, True, -1),
        (2, b"INCR", 0, False, 5),
    ]


def test_reader_says_how_each_file_ended(aof: Path) -> None:
    (aof / "a.2.incr.aof").write_bytes(resp("INCR", "n") + b"*2\r\n$3\r\nS")

    ends = []
    for part in read_parts(find_log(aof)):
        reader = part.commands(names=frozenset({b"INCR"}))
        names = [command.name for command in reader]
        ends.append((names, reader.tally().good_end))

    assert ends[2] == ([b"INCR"], len(resp("INCR", "n")))
    assert [names for names, _ in ends] == [[], [], [b"INCR"]]


def test_missing_and_unsafe_files_are_errors(aof: Path, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.write_bytes(resp("SET", "k", "v"))
    (aof / "a.1.incr.aof").unlink()
    (aof / "a.1.incr.aof").symlink_to(outside)
    (aof / "a.2.incr.aof").unlink()
    files = find_log(aof).files

    with pytest.raises(UnsafePathError):
        open_log_file(files[1])
    with pytest.raises(SourceError, match="which the manifest lists, is missing"):
        open_log_file(files[2])
    with pytest.raises(UnsafePathError):
        list(read_parts(find_log(aof)))


def test_damaged_rdb_part_hides_the_commands(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(b"REDIS0010\xfa\x08aof-base\xc0")

    [part] = read_parts(find_log(path))

    assert part.tail_start is None
    with pytest.raises(SourceError, match="where its commands begin is unknown"):
        part.commands()


def told(case: Case, path: str) -> dict[str, int]:
    counts: dict[str, int] = case.facts["files"][os.path.relpath(path, case.directory)][
        "tail_commands_by_name"
    ]
    return counts


def assert_commands_are_those_told(case: Case) -> None:
    for part in read_parts(find_log(case.directory)):
        counts = Counter(command.name.decode("latin-1") for command in part.commands())

        assert counts == told(case, part.file.path)


@pytest.mark.parametrize("case", case_params("recorded", root=FIXTURES))
def test_recorded_logs_give_their_commands(case: Case) -> None:
    assert_commands_are_those_told(case)


@pytest.mark.corpus
@pytest.mark.parametrize("case", case_params("recorded"))
def test_recorded_logs_of_the_corpus_give_their_commands(case: Case) -> None:
    assert_commands_are_those_told(case)
