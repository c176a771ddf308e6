"""Files of 0 bytes: every verb says what is gone, and none takes it for an empty data set."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.builders import log, manifest_line, select
from tests.verbs import READING_ONCE, Call, ask

BASE, INCR = "appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof"
# `report` and `export` are of the findings where there is nothing else.
JUDGES = ("check", "inspect", "fix", "report", "export")
CALLS: tuple[Call, ...] = (
    *READING_ONCE,
    ("fix", "-n", "--salvage", "IN"),
    ("check", "--level", "quick", "IN"),
)


def write_set(folder: Path, manifest: bytes | None, base: bytes = b"", incr: bytes = b"") -> Path:
    if manifest is not None:
        (folder / "appendonly.aof.manifest").write_bytes(manifest)
    (folder / BASE).write_bytes(base)
    (folder / INCR).write_bytes(incr)
    return folder


def ending_of(call: Call) -> int:
    """Return the exit code for a log of which nothing is left; a copy of it is refused."""
    return 1 if call[0] in JUDGES else 4 if call[0] == "snapshot" else 3


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
@pytest.mark.parametrize("manifest", [b"", None, b"\0" * 60], ids=["empty", "none", "zeros"])
def test_a_set_of_which_nothing_is_left(tmp_path: Path, call: Call, manifest: bytes | None) -> None:
    write_set(tmp_path, manifest)

    answer = ask(call, tmp_path, tmp_path / "out")

    assert answer.problem() is None, answer
    assert answer.code == ending_of(call)
    if call[0] == "explain" and manifest is None:
        return
    # Markdown escapes the parentheses.
    said = (answer.out + answer.err).replace("\\", "")
    assert "every file of the set is empty (2 data files): its data are gone" in said
    assert "loses nothing" not in answer.out


def test_a_set_of_which_nothing_is_left_is_not_given_a_manifest(tmp_path: Path) -> None:
    write_set(tmp_path, b"")

    answer = ask(("fix", "--yes", "--salvage", "IN"), tmp_path, tmp_path / "out")

    assert answer.code == 1
    assert "put the set back: from a backup" in answer.out
    assert (tmp_path / "appendonly.aof.manifest").read_bytes() == b""


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
@pytest.mark.parametrize("manifest", [b"", None], ids=["empty", "none"])
def test_whole_files_beside_an_empty_manifest(tmp_path: Path, call: Call, manifest: bytes | None) -> None:
    write_set(tmp_path, manifest, incr=log(select(0), ("SET", "same", 1)))

    answer = ask(call, tmp_path, tmp_path / "out")

    assert answer.problem() is None, answer
    assert "data are gone" not in answer.out + answer.err


def test_whole_files_beside_an_empty_manifest_are_listed_again(tmp_path: Path) -> None:
    whole = log(select(0), ("SET", "same", 1))
    (tmp_path / "appendonly.aof.manifest").write_bytes(b"")
    (tmp_path / "appendonly.aof.1.base.aof").write_bytes(b"")
    (tmp_path / INCR).write_bytes(whole)

    assert ask(("fix", "--yes", "IN"), tmp_path, tmp_path / "out").code == 0

    assert ask(("check", "IN"), tmp_path, tmp_path / "out").code == 0
    assert (tmp_path / INCR).read_bytes() == whole


def test_an_empty_set_that_is_listed_is_no_loss_of_a_manifest(tmp_path: Path) -> None:
    write_set(tmp_path, (manifest_line(BASE, 1, "b") + manifest_line(INCR, 1, "i")).encode())

    found = json.loads(ask(("check", "--json", "IN"), tmp_path, tmp_path / "out").out)

    codes = {finding["code"] for finding in found["logs"][0]["findings"]}
    assert "empty-base" in codes
    assert "all-empty" not in codes


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_an_empty_dump_is_no_empty_data_set(tmp_path: Path, call: Call) -> None:
    (tmp_path / "dump.rdb").write_bytes(b"")

    answer = ask(call, tmp_path / "dump.rdb", tmp_path / "out")

    assert answer.problem() is None, answer
    assert answer.code == ending_of(call), answer
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"R", b"RE", b"V", b"VAL"])
@pytest.mark.parametrize("packed", [False, True])
def test_the_first_letters_of_a_dump_are_no_log(tmp_path: Path, content: bytes, packed: bool) -> None:
    path = tmp_path / ("dump.rdb.gz" if packed else "dump.rdb")
    stored = gzip.compress(content) if packed else content
    path.write_bytes(stored)

    for call in (
        ("check", "IN"),
        ("fix", "--yes", "IN"),
        ("fix", "--yes", "--salvage", "IN"),
        ("keys", "IN"),
    ):
        answer = ask(call, path, tmp_path / "out")
        assert answer.code in (1, 3), answer
        assert answer.problem() is None
    assert path.read_bytes() == stored
