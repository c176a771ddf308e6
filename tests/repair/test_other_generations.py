"""A copy made during a rewrite holds files of one generation and the manifest of another."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.builders import log, manifest_line, put_generation, select
from tests.verbs import READING_ONCE, ask

BASE, INCR = "appendonly.aof.{}.base.rdb", "appendonly.aof.{}.incr.aof"
PREFIX = "appendonly.aof"


def copy(folder: Path, listed: tuple[list[int], list[int]], there: tuple[list[int], list[int]]) -> Path:
    """Make a set whose manifest lists some bases and incr files, and where others lie."""
    source, made = folder / "source", folder / "appendonlydir"
    source.mkdir()
    made.mkdir()
    for number in sorted({*there[0], *there[1]}):
        put_generation(source, number)
        for kind, numbers in ((BASE, there[0]), (INCR, there[1])):
            if number in numbers:
                shutil.copy(source / kind.format(number), made)
    lines = [manifest_line(BASE.format(n), n, "b") for n in listed[0]]
    lines += [manifest_line(INCR.format(n), n, "i") for n in listed[1]]
    (made / f"{PREFIX}.manifest").write_text("".join(lines))
    return made


def listed_in(folder: Path) -> list[str]:
    text = (folder / f"{PREFIX}.manifest").read_text()
    return [name.removeprefix(PREFIX + ".") for name in re.findall(r"^file (\S+)", text, re.MULTILINE)]


def codes(folder: Path) -> set[str]:
    found = json.loads(ask(("check", "--json", "IN"), folder, folder / "none").out)
    return {finding["code"] for finding in found["logs"][0]["findings"] if finding["severity"] == "damage"}


@pytest.mark.parametrize(
    ("listed", "there", "result"),
    [
        pytest.param(([2], [2]), ([1], [1, 2]), ["1.base.rdb", "1.incr.aof", "2.incr.aof"], id="older base"),
        pytest.param(([1], [1, 2]), ([2], [2]), ["2.base.rdb", "2.incr.aof"], id="newer base"),
        pytest.param(([1], [1]), ([2], [2]), ["2.base.rdb", "2.incr.aof"], id="newer files"),
        pytest.param(
            ([1], [1]), ([1, 2], [2]), ["2.base.rdb", "2.incr.aof"], id="newer, the base still there"
        ),
        pytest.param(([3], [3]), ([2], [2, 3]), ["2.base.rdb", "2.incr.aof", "3.incr.aof"], id="third"),
    ],
)
def test_files_that_hold_the_same_are_listed_by_a_plain_fix(
    tmp_path: Path,
    listed: tuple[list[int], list[int]],
    there: tuple[list[int], list[int]],
    result: list[str],
) -> None:
    folder = copy(tmp_path, listed, there)
    before = (folder / f"{PREFIX}.manifest").read_bytes()
    assert "other-generation" in codes(folder)

    answer = ask(("fix", "--yes", "IN"), folder, tmp_path / "out")

    assert answer.code == 0, answer.out
    assert listed_in(folder) == result
    assert codes(folder) == set()
    receipt = next(folder.glob("aoftool-fix-*"))
    assert ask(("undo", str(receipt)), folder, tmp_path / "out").code == 0
    assert (folder / f"{PREFIX}.manifest").read_bytes() == before


def test_files_before_the_listed_ones_are_listed_when_that_is_asked_for(tmp_path: Path) -> None:
    folder = copy(tmp_path, ([2], [2]), ([1], [1]))
    assert "other-generation-part" in codes(folder)

    refused = ask(("fix", "--yes", "IN"), folder, tmp_path / "out")
    shown = ask(("check", "IN"), folder, tmp_path / "out").out
    done = ask(("fix", "--yes", "--salvage", "IN"), folder, tmp_path / "out")

    assert refused.code == 1
    assert "--salvage lists them" in refused.out
    assert f"next: aoftool fix --dry-run --salvage {folder}" in shown
    assert "loses nothing" not in shown
    assert done.code == 0, done.out
    assert "what only the missing files held (base 2, incr 2) is not here" in done.out
    assert listed_in(folder) == ["1.base.rdb", "1.incr.aof"]
    assert codes(folder) == set()


@pytest.mark.parametrize(
    ("listed", "there"),
    [
        pytest.param(([2], [2]), ([1], [2]), id="the incr file between is missing"),
        pytest.param(([5], [5]), ([1], [3, 5]), id="a gap"),
        pytest.param(([2], [2]), ([2], []), id="only the incr file is missing"),
    ],
)
def test_what_is_no_whole_generation_is_not_proposed(
    tmp_path: Path, listed: tuple[list[int], list[int]], there: tuple[list[int], list[int]]
) -> None:
    folder = copy(tmp_path, listed, there)

    assert codes(folder) >= {"missing-file"}
    assert not {code for code in codes(folder) if code.startswith("other-generation")}


def test_numbers_that_do_not_go_together_are_doubted(tmp_path: Path) -> None:
    folder = copy(tmp_path, ([4], [4]), ([1], [2]))

    answer = ask(("fix", "--yes", "--salvage", "IN"), folder, tmp_path / "out")

    assert answer.code == 0, answer.out
    assert "do not tell whether these files belong together" in answer.out
    assert listed_in(folder) == ["1.base.rdb", "2.incr.aof"]


@pytest.mark.parametrize(
    ("listed", "there", "result"),
    [
        pytest.param(([1], [1]), ([1], [2]), ["1.base.rdb", "2.incr.aof"], id="the next one"),
        pytest.param(
            ([1], [1, 2]), ([1], [1, 3]), ["1.base.rdb", "1.incr.aof", "3.incr.aof"], id="behind a gap"
        ),
    ],
)
def test_files_behind_a_missing_one_are_not_set_aside(
    tmp_path: Path,
    listed: tuple[list[int], list[int]],
    there: tuple[list[int], list[int]],
    result: list[str],
) -> None:
    folder = copy(tmp_path, listed, there)
    assert codes(folder) >= {"other-generation-part", "missing-file"}

    plain = ask(("fix", "--yes", "IN"), folder, tmp_path / "out")
    done = ask(("fix", "--yes", "--salvage", "IN"), folder, tmp_path / "out")

    assert plain.code == 1
    assert "do not tell whether these files belong together" in done.out
    assert listed_in(folder) == result


@pytest.mark.parametrize(("numbers", "missing"), [([1], 1), ([1, 2], 2), ([1, 2], 1)])
def test_later_files_are_named_where_there_are_some(tmp_path: Path, numbers: list[int], missing: int) -> None:
    folder = copy(tmp_path, ([1], numbers), ([1], [number for number in numbers if number != missing]))

    told = " ".join(ask(("fix", "--dry-run", "--salvage", "IN"), folder, tmp_path / "out").out.split())

    assert f"what {INCR.format(missing)} held is lost" in told
    assert "if it can still be had, put it back instead" in told
    assert ("commands in later files" in told) is (missing < numbers[-1])


@pytest.mark.parametrize("option", [(), ("--salvage",)])
def test_a_manifest_of_which_nothing_is_there_is_not_called_empty(
    tmp_path: Path, option: tuple[str, ...]
) -> None:
    folder = copy(tmp_path, ([2], [2]), ([], []))

    answer = ask(("fix", "--yes", *option, "IN"), folder, tmp_path / "out")

    assert answer.code == 1, answer
    assert "put them back" in answer.out
    assert "0 bytes" not in answer.out + answer.err
    assert listed_in(folder) == ["2.base.rdb", "2.incr.aof"]


def test_files_listed_as_history_are_a_generation_too(tmp_path: Path) -> None:
    folder = copy(tmp_path, ([2], [2]), ([1], [1, 2]))
    with (folder / f"{PREFIX}.manifest").open("a") as manifest:
        manifest.write(manifest_line(BASE.format(1), 1, "h") + manifest_line(INCR.format(1), 1, "h"))

    elsewhere = ask(("fix", "--yes", "-o", str(tmp_path / "whole"), "IN"), folder, tmp_path / "out")
    here = ask(("fix", "--yes", "IN"), folder, tmp_path / "out")

    assert (elsewhere.code, here.code) == (0, 0)
    for made in (tmp_path / "whole", folder):
        assert listed_in(made) == ["1.base.rdb", "1.incr.aof", "2.incr.aof"]
        assert codes(made) == set()


def test_the_base_may_hold_no_command(tmp_path: Path) -> None:
    folder = tmp_path / "appendonlydir"
    folder.mkdir()
    (folder / "appendonly.aof.1.base.aof").write_bytes(b"")
    (folder / "appendonly.aof.1.incr.aof").write_bytes(log(select(0), ("SET", "a", 1)))
    lines = manifest_line("appendonly.aof.2.base.aof", 2, "b") + manifest_line(INCR.format(2), 2, "i")
    (folder / f"{PREFIX}.manifest").write_text(lines)

    assert ask(("fix", "--yes", "--salvage", "IN"), folder, tmp_path / "out").code == 0
    assert codes(folder) == set()


@pytest.mark.parametrize(
    ("listed", "there", "result"),
    [
        pytest.param(([1], [1]), ([1, 2], [1, 2]), ["2.base.rdb", "2.incr.aof"], id="the next"),
        pytest.param(([1], [1]), ([1, 4], [1, 4, 5]), ["4.base.rdb", "4.incr.aof", "5.incr.aof"], id="later"),
        pytest.param(([1], [1, 2]), ([1, 3], [1, 2, 3]), ["3.base.rdb", "3.incr.aof"], id="rewriting then"),
        pytest.param(([2], [3]), ([2, 3], [3, 4]), ["3.base.rdb", "4.incr.aof"], id="incr files ahead"),
    ],
)
def test_a_manifest_older_than_the_files_is_not_started_on(
    tmp_path: Path,
    listed: tuple[list[int], list[int]],
    there: tuple[list[int], list[int]],
    result: list[str],
) -> None:
    folder = copy(tmp_path, listed, there)
    before = (folder / f"{PREFIX}.manifest").read_bytes()
    assert codes(folder) == {"newer-generation"}

    checked = ask(("check", "IN"), folder, tmp_path / "out")
    guarded = ask(("guard", "IN", "--", "echo", "STARTED"), folder, tmp_path / "out")
    plain = ask(("fix", "--yes", "IN"), folder, tmp_path / "out")

    assert (checked.code, guarded.code, plain.code) == (1, 4, 1)
    assert f"next: aoftool fix --dry-run --salvage {folder}" in checked.out
    assert "loses nothing" not in checked.out
    assert "STARTED" not in guarded.out
    assert "to keep what is listed, move the files that are not listed" in " ".join(plain.out.split())
    assert (folder / f"{PREFIX}.manifest").read_bytes() == before

    done = ask(("fix", "--yes", "--salvage", "IN"), folder, tmp_path / "out")

    assert done.code == 0, done
    assert "nothing that a server would have run is lost" not in done.out
    assert listed_in(folder) == result
    assert codes(folder) == set()


@pytest.mark.parametrize(
    ("listed", "there", "empty"),
    [
        pytest.param(([1], [1, 2]), ([1, 2], [1, 2]), None, id="a base that is not listed yet"),
        pytest.param(([1], [1]), ([1], [1, 2]), None, id="a copy during a rewrite"),
        pytest.param(([1], [1]), ([1, 2], [1, 2]), 2, id="an incr file that is not listed yet"),
        pytest.param(([2], [2]), ([1, 2], [1, 2]), None, id="history that is not removed yet"),
        pytest.param(([2], []), ([2], [1]), None, id="rewritten while switched off"),
    ],
)
def test_what_a_server_at_work_leaves_for_a_moment_is_no_newer_generation(
    tmp_path: Path, listed: tuple[list[int], list[int]], there: tuple[list[int], list[int]], empty: int | None
) -> None:
    folder = copy(tmp_path, listed, there)
    if empty is not None:
        (folder / INCR.format(empty)).write_bytes(b"")

    assert codes(folder) == set()


@pytest.mark.parametrize("call", READING_ONCE, ids=" ".join)
def test_every_verb_has_an_answer(tmp_path: Path, call: tuple[str, ...]) -> None:
    folder = copy(tmp_path, ([2], [2]), ([1], [1]))

    answer = ask(call, folder, tmp_path / "out")

    assert answer.problem() is None, answer
