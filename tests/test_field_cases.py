"""What people met in the field: one row a case with its right answer, by every verb and by a real server."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.corpus import absent, corpus_root, need_corpus
from tests.field_cases import EXPECTED, OWED, Expected
from tests.oracle import State, dump_state
from tests.servers import Build, Server, find_builds
from tests.test_every_form import name_of
from tests.verbs import ask

NO_LOG = 3
DESCRIPTION = "case.json"
LINKED = "datadir-symlinked"
# Folders that hold one log each, or one file.
_OF_SEVERAL = ("aof-odd-commands", "datadir-cluster-six-nodes", "wrong-file-kinds")


def logs(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name of every log of every case, and where it is."""
    for folder in sorted(path for path in (root / "field").iterdir() if path.is_dir()):
        inner = sorted(path for path in folder.iterdir() if path.name != DESCRIPTION)
        if folder.name in _OF_SEVERAL:
            yield from ((f"{folder.name}/{path.name}", _named(path)) for path in inner)
        else:
            yield folder.name, _named(folder)


def _named(path: Path) -> Path:
    """Return what a user would name: a file that lies alone, else the data directory."""
    if path.name == LINKED:
        return path
    inner = [found for found in path.iterdir() if found.name != DESCRIPTION] if path.is_dir() else []
    return inner[0] if len(inner) == 1 and inner[0].is_file() else path


def params() -> list[Any]:
    root = corpus_root()
    if root is None:
        return absent(2)
    return [pytest.param(name, path, id=name, marks=pytest.mark.corpus) for name, path in logs(root)]


def expected(name: str) -> Expected:
    return EXPECTED.get(name) or EXPECTED[name.partition("/")[0]]


@pytest.mark.corpus
def test_every_case_has_its_right_answer_here() -> None:
    root = need_corpus()
    there = {path.parent.name for path in (root / "field").glob(f"*/{DESCRIPTION}")}
    named = {name for name, _ in logs(root)}

    assert {name.partition("/")[0] for name in EXPECTED} == there
    assert {name for name in EXPECTED if "/" in name} <= named


@pytest.fixture
def copy(log: Path, tmp_path: Path) -> Path:
    """Return a copy of a log, free to be written to."""
    folder, name = (log.parent, log.name) if log.is_file() else (log, "")
    return copied(folder, tmp_path) / name


def copied(folder: Path, into: Path) -> Path:
    """Return a copy of the folder of a case, free to be written to."""
    made = into / "case"
    shutil.copytree(folder, made, symlinks=True)
    if folder.name == LINKED:
        # A link to another disk, for which another case stands; the corpus may hold its text alone.
        link = made / "appendonlydir"
        target = Path(os.readlink(link) if link.is_symlink() else link.read_text().strip())
        link.unlink()
        link.symlink_to(target)
        shutil.copytree(folder.parent / target.parts[1], into / target.parts[1])
    (made / DESCRIPTION).unlink(missing_ok=True)
    for path in (made, *made.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o700 if path.is_dir() else 0o600)
    return made


@pytest.mark.parametrize(("name", "log"), params())
def test_a_case_is_answered_rightly(name: str, log: Path, copy: Path, tmp_path: Path) -> None:
    right, out = expected(name), tmp_path / "out"
    checked = ask(("check", "--json", "IN"), copy, out)
    if right.verdict == "no-log":
        assert checked.code == NO_LOG
        assert ask(("fix", "--yes", "--salvage", "IN"), copy, out).code == NO_LOG
        assert copy.read_bytes() == log.read_bytes()
        return
    (report,) = json.loads(checked.out)["logs"]

    assert report["verdict"] == right.verdict
    assert checked.code == {"ok": 0, "not-judged": 6}.get(right.verdict, 1)
    if right.keys is not None:
        assert len(keys_of(copy)) == right.keys
    else:
        assert ask(("keys", "--json", "IN"), copy, out).code in (1, 3, 6)
    if right.fixed is not None:
        assert ask(("fix", "--yes", "--salvage", "IN"), copy, out).code == 0
        assert len(keys_of(copy)) == right.fixed
        assert ask(("check", "IN"), copy, out).code == 0
    elif checked.code != 1 and name != "live-copy-mid-rewrite":
        assert "nothing to do" in ask(("fix", "--salvage", "--dry-run", "IN"), copy, out).out


def keys_of(log: Path) -> set[tuple[int, str]]:
    """Return the keys that a log ends with, by database, those whose time is past too."""
    return {(row["db"], json.dumps(row["key"])) for row in _rows(log)}


def _rows(log: Path) -> list[dict[str, Any]]:
    answer = ask(("keys", "--json", "IN"), log, log.with_name("none"))
    return [row for row in map(json.loads, answer.out.splitlines()) if "key" in row]


def loading_build(log: Path, out: Path, prefix: str) -> Build | None:
    """Return a server at hand that is foretold to load a log, the newest of them."""
    (report,) = json.loads(ask(("check", "--json", "IN"), log, out).out)["logs"]
    loads = {row["target"] for row in report["servers"] if row["outcome"] == "load"}
    plain = [build for build in find_builds() if not build.has_modules and build.id.startswith(prefix)]
    return next((build for build in reversed(plain) if build.release in loads), None)


def owing() -> list[Any]:
    if corpus_root() is None:
        return absent()
    return [pytest.param(name, id=name, marks=pytest.mark.corpus) for name in OWED]


@pytest.mark.parametrize("name", owing())
def test_verbs_say_of_a_case_what_they_owe(name: str, tmp_path: Path) -> None:
    folder = copied(need_corpus() / name, tmp_path)
    for one in OWED[name]:
        words = tuple(word.replace("IN", str(folder), 1) if word[:2] == "IN" else word for word in one.words)
        answer = ask(words, folder, tmp_path / "out")
        shown = " ".join((answer.out + answer.err).split())

        assert answer.code == one.code, (one.words, shown)
        assert [text for text in one.said if " ".join(text.split()) not in shown] == [], (one.words, shown)
        assert [text for text in one.never if text in answer.out + answer.err] == [], (one.words, shown)


@pytest.mark.corpus
def test_every_case_owes_an_answer() -> None:
    root = need_corpus()
    there = {
        f"{part}/{path.parent.name}": "exit 70" in json.loads(path.read_text("utf-8")).get("came", "")
        for part in ("field", "breakage")
        for path in (root / part).glob("*/case.json")
    }
    # What ended with exit code 70 is run as it was typed, by the test of every verb.
    assert {name for name, is_bug in there.items() if not is_bug} - OWED.keys() == set()
    assert OWED.keys() - there.keys() == set()


@pytest.mark.server
@pytest.mark.parametrize(("name", "log"), params())
def test_a_case_is_to_a_server_what_it_is_here(name: str, log: Path, copy: Path, tmp_path: Path) -> None:
    right, out = expected(name), tmp_path / "out"
    if right.verdict == "no-log":
        pytest.skip("no log")
    if right.fixed is not None:
        assert ask(("fix", "--yes", "--salvage", "IN"), copy, out).code == 0
    build = loading_build(copy, out, right.server)
    if build is None:
        pytest.skip("no server at hand is said to load it")
    assert right.loads
    held = load(build, copy)
    if right.keys is None and right.fixed is None:
        return

    now_ms = time.time() * 1000
    ours = {
        (row["db"], name_of(row["key"]))
        for row in _rows(copy)
        if row["expire_at_ms"] is None or row["expire_at_ms"] > now_ms
    }
    theirs = {(db, name) for db, keys in held.databases.items() for name in keys}
    assert (theirs - ours, len(ours - theirs)) == (set(), right.gone)
    for form in ("rdb", "resp"):
        result = tmp_path / f"{form}.aof"
        options = ["--layout", "single", "--target", f"{build.kind}-{build.number}"]
        options += ["--drop-unsupported"] if right.drops else []
        answer = ask(("rewrite", "--format", form, *options, "-o", str(result), "IN"), copy, out)
        assert answer.code == 0, answer.err
        found = load(build, result)
        # Servers remove what has expired at their own pace, and digests with it.
        assert (found.databases, found.functions) == (held.databases, held.functions)


def load(build: Build, log: Path) -> State:
    with Server(build, source=log) as server:
        return dump_state(server)


# Where arguments are missing a loader reads what lies there; of WAIT and of what blocks, the value and the
# data decide. No server writes any of them.
_NOT_FORETOLD = {
    "00-CLUSTER": ("redis-6.0", "redis-6.2"),
    "11-WAIT-0": ("redis-6.0", "redis-6.2", "redis-7.0"),
    "19-BLPOP-nokey": ("redis-6.0",),
    "20-XREAD-BLOCK": ("redis-6.0",),
}


@pytest.mark.soak
@pytest.mark.server
@pytest.mark.parametrize(("name", "log"), [param for param in params() if "odd" in str(param.id)])
def test_odd_commands_are_foretold_as_every_server_takes_them(name: str, log: Path, tmp_path: Path) -> None:
    (report,) = json.loads(ask(("check", "--json", "IN"), log, tmp_path / "out").out)["logs"]
    foretold = {row["target"]: row["outcome"] for row in report["servers"]}
    for build in find_builds():
        if not build.has_modules and build.release not in _NOT_FORETOLD.get(log.parent.name, ()):
            with Server(build, source=log) as server:
                outcome = server.outcome
            assert outcome is not None
            assert outcome.loaded == (foretold[build.release] == "load"), (build.id, outcome.log[-300:])
