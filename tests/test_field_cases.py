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

from aoftool.dataclass import dataclass
from tests.corpus import absent, corpus_root, need_corpus
from tests.oracle import State, dump_state
from tests.servers import Build, Server, find_builds
from tests.test_every_form import name_of
from tests.verbs import ask

NO_LOG = 3
DESCRIPTION = "case.json"
LINKED = "datadir-symlinked"


@dataclass(frozen=True)
class Expected:
    """The right answer.

    Attributes:
        verdict: of a check; `no-log` for what is refused as none.
        keys: how many there are; None where that cannot be known without a repair or a server.
        fixed: how many there are after `fix --salvage`; None where nothing is to be repaired.
        loads: some server at hand, without modules, loads it as it is, or as it is repaired.
        server: its kind, where some that load it lose a part.
        drops: a rewrite must be told to leave out what only its writer keeps.
        gone: keys that a server removes as soon as they are asked for.
        why: beside what the reporter expected.
    """

    verdict: str = "ok"
    keys: int | None = None
    fixed: int | None = None
    loads: bool = True
    server: str = ""
    drops: bool = False
    gone: int = 0
    why: str = ""


HOLDS_424 = Expected(keys=424)
ODD = Expected(keys=2)
ODD_TO_RUN = Expected(why="only a server knows what it does")
REFUSED = Expected("no-log", loads=False)
TORN_RDB = Expected("rdb-damaged", loads=False, why="nothing in it can be kept")
CASES = {
    "alibaba-opinfo": Expected(keys=21, loads=False, why="OPINFO is no server's command; a rewrite drops it"),
    "aof-enabled-over-rdb": Expected(keys=1),
    "aof-odd-commands": ODD,
    "aof-odd-commands/00-CLUSTER": Expected("arity", fixed=2, why="a command with too few words, damage"),
    "aof-odd-commands/01-CLUSTER-SLOTS": Expected("arity", keys=2, fixed=2, why="so is this one"),
    "aof-odd-commands/04-SHUTDOWN-NOSAVE": ODD_TO_RUN,
    "aof-odd-commands/05-DEBUG-SLEEP": ODD_TO_RUN,
    "aof-odd-commands/09-CONFIG-SET": ODD_TO_RUN,
    "aof-odd-commands/10-REPLICAOF-127.0.0.1": ODD_TO_RUN,
    "aof-odd-commands/14-MONITOR": ODD_TO_RUN,
    "aof-odd-commands/16-RESET": ODD_TO_RUN,
    "aof-odd-commands/25-MODULE-LIST": ODD_TO_RUN,
    "aws-replconf-timestamp": Expected(keys=20),
    "datadir-cluster-six-nodes": HOLDS_424,
    "datadir-custom-dirname": HOLDS_424,
    "datadir-symlinked": HOLDS_424,
    "datadir-with-backup-dirs": HOLDS_424,
    "dragonfly-rdb-save": Expected("not-judged", loads=False),
    "empty-aof-beside-dump-62": Expected(keys=0),
    "empty-manifest-good-files": Expected("manifest-error", fixed=100),
    "fresh-aof-only-set-redis-7.0": Expected(keys=100),
    "garnet-binary-aof": REFUSED,
    "keydb-rdb-subexpire": Expected(keys=3, drops=True, why="no server but KeyDB keeps times of members"),
    "keydb-rreplay": Expected(keys=8, loads=False),
    "live-copy-during-rewrite": Expected("missing-file", fixed=3000),
    "live-copy-mid-rewrite": Expected(keys=3000),
    "lua-aux-evalsha-tail": Expected(why="only a server runs the script"),
    "module-aux-only-scdtype00": Expected(keys=3, loads=False),
    "nfs-all-empty": Expected("manifest-error", loads=False, why="all is gone, and nothing is repaired"),
    "partial-buffer-then-retry": Expected("corrupt-middle", fixed=61),
    "partial-write-then-retry": Expected("corrupt-middle", fixed=61),
    "rdb-function-prega": Expected(keys=1, why="Redis 7.0 loads it, and no other"),
    "rdb-lru-idle-opcode": Expected(keys=2),
    "rdb-missing-magic": Expected("rdb-damaged", fixed=2),
    "rdb-short-0": TORN_RDB,
    "rdb-short-1": TORN_RDB,
    "rdb-short-2": Expected("empty-base", loads=False),
    "rdb-short-3": TORN_RDB,
    "rdb-type200": Expected("not-judged", loads=False),
    "rdb-type22-old": Expected("rdb-damaged", fixed=199),
    "redis-stack-json-to-valkey": Expected(keys=5, loads=False),
    "redis7-to-rdb9": Expected(keys=502),
    "redis7-to-rdb9-no-functions": Expected(keys=402),
    "redis8-builtin-json-aof": Expected(keys=41, loads=False),
    "redis8-json-torn-tail": Expected("torn-tail", keys=41, fixed=41, loads=False),
    "redis80-aof-to-valkey8": HOLDS_424,
    "redis8x-new-commands": Expected(loads=False, why="no server of 8.8 is at hand; its stream is unknown"),
    "restore-in-plain-multipart-redis-8.0": Expected(keys=5, server="redis-8", why="others skip payloads"),
    "restore-in-plain-multipart-valkey-9.1": Expected(keys=5),
    "restore-payload-newer": Expected(keys=3),
    "script-load-evalsha": Expected(why="only a server runs the script"),
    "short-write-split-over-incrs": Expected("torn-tail", fixed=62),
    "stream-group-lastid": Expected(keys=1),
    "stream-maxlen-redis-7.0": Expected(keys=1),
    "stream-maxlen-valkey-9.1": Expected(keys=1),
    "stream-pel-deleted-valkey-9.1": Expected(keys=2),
    "tair-exhset": Expected(keys=15, loads=False),
    "two-servers-one-aofdir": Expected(keys=400),
    "unreadable-files": Expected(keys=424, why="test_permissions takes their modes away"),
    "valkey-aof-base-with-repl-aux": Expected(keys=1),
    "valkey-cluster-aof-multi": Expected(keys=2),
    "valkey9-hash-field-expiry-hdel": Expected(keys=3, gone=2, why="of two hashes all fields have expired"),
    "valkey9-slot-migration-a": Expected(keys=1505),
    "valkey9-slot-migration-failed": Expected(keys=497),
    "wrong-file-kinds": REFUSED,
}  # fmt: skip
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
    return CASES.get(name) or CASES[name.partition("/")[0]]


@pytest.mark.corpus
def test_every_case_has_its_right_answer_here() -> None:
    root = need_corpus()
    there = {path.parent.name for path in (root / "field").glob(f"*/{DESCRIPTION}")}
    named = {name for name, _ in logs(root)}

    assert {name.partition("/")[0] for name in CASES} == there
    assert {name for name in CASES if "/" in name} <= named


@pytest.fixture
def copy(log: Path, tmp_path: Path) -> Path:
    """Return a copy of a log, free to be written to."""
    folder, name = (log.parent, log.name) if log.is_file() else (log, "")
    shutil.copytree(folder, tmp_path / "case", symlinks=True)
    if log.name == LINKED:
        # A link to another disk, for which another case stands; the corpus may hold its text alone.
        link = tmp_path / "case" / "appendonlydir"
        target = Path(os.readlink(link) if link.is_symlink() else link.read_text().strip())
        link.unlink()
        link.symlink_to(target)
        shutil.copytree(log.parent / target.parts[1], tmp_path / target.parts[1])
    (tmp_path / "case" / DESCRIPTION).unlink(missing_ok=True)
    for path in (tmp_path / "case").rglob("*"):
        if not path.is_symlink():
            path.chmod(0o700 if path.is_dir() else 0o600)
    return tmp_path / "case" / name


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
