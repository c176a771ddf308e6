"""What a server records of every write command in every form is healthy, understood and rewritten whole."""

from __future__ import annotations

import base64
import functools
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from aoftool.aof.layout import find_log
from aoftool.aof.log import read_parts
from aoftool.cli.app import run
from aoftool.commands.forms import words_of
from aoftool.errors import UnsupportedError
from aoftool.releases import NAMES
from aoftool.replay.vocabulary import Vocabulary
from aoftool.rewrite.model import OutputFormat, RewriteOptions
from tests import builders
from tests.crossing import differences
from tests.every_form import Argv, Docs
from tests.oracle import State, assert_same_state, dump_state, freeze_expiry, keeps_field_times
from tests.reloading import live_file, reload
from tests.rewrite.rewriting import FORMATS, rewritten
from tests.servers import Build, Server, builds, find_builds

DATABASES = 64
# Before all others, because nothing outlives them.
FIRST: list[Argv] = [
    argv for word in ([], [b"ASYNC"], [b"SYNC"]) for argv in ([b"SET", b"gone", b"1"], [b"FLUSHALL", *word])
]
# Whole databases and functions, and what has no documentation that could be followed.
SPECIAL: list[Argv] = [
    [b"SELECT", b"5"],
    [b"MSET", b"a", b"1", b"b", b"2"],
    [b"SWAPDB", b"5", b"6"],
    [b"MULTI"],
    [b"INCR", b"a"],
    [b"DEL", b"b"],
    [b"EXEC"],
    [b"EVAL", b"return redis.call('SET', KEYS[1], ARGV[1])", b"1", b"script", b"v"],
    [b"SELECT", b"7"],
    [b"SET", b"gone", b"1"],
    [b"FLUSHDB"],
    [b"SET", b"gone", b"1"],
    [b"FLUSHDB", b"ASYNC"],
    [b"SET", b"gone", b"1"],
    [b"FLUSHDB", b"SYNC"],
    [b"PFADD", b"registers", b"a", b"b"],
    [b"PFDEBUG", b"TODENSE", b"registers"],
    [b"PFDEBUG", b"GETREG", b"registers"],
    [b"SET", b"short", b"1", b"PX", b"1"],
    [b"SELECT", b"0"],
]


@dataclass(frozen=True)
class Taken:
    """What a server took of a command: how many forms, which option words in these, and which in none."""

    forms: int
    words: frozenset[bytes]
    words_missed: frozenset[bytes]


def record(server: Server) -> dict[bytes, Taken]:
    """Let a server record every form; return what it took of each command."""
    helper = None
    if server.build.version < (7, 2):
        # There is no COMMAND DOCS before 7.0, and 7.0 leaves out words; a newer one names more than is there.
        ranks = {build: (build.version >= (7, 2), build.kind == "redis", build.version) for build in builds()}
        helper = Server(max(ranks, key=ranks.__getitem__))
        helper.start()
    taken: dict[bytes, Taken] = {}
    try:
        server.pipeline(FIRST)
        docs = Docs(server, helper)
        for name, doc in docs.writers().items():
            forms, words = 0, docs.words(doc)
            missed = set(words)
            for form in docs.forms(name, doc):
                if not isinstance(server.pipeline([*form.setup, form.argv])[-1], Exception):
                    forms += 1
                    missed -= {word.upper() for word in form.argv}
            taken[name] = Taken(forms, frozenset(words - missed), frozenset(missed))
        server.pipeline(SPECIAL)
    finally:
        if helper is not None:
            helper.remove()
    return taken


def copied(server: Server, directory: Path) -> Path:
    if server.build.multi_part:
        shutil.copytree(server.log_directory, directory)
        return directory
    directory.mkdir()
    return Path(shutil.copy(live_file(server), directory))


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = run(list(words))
    return code, capsys.readouterr().out


def reloaded(server: Server, content: bytes | None = None) -> State:
    """Return the state after loading the log as it is, or one file in its place."""
    if content is not None:
        live = live_file(server)
        files = [path for path in server.log_directory.iterdir() if path.suffix in (".aof", ".rdb")]
        for path in files if server.build.multi_part else [live]:
            path.write_bytes(content if path == live else b"")
    server.send("DEBUG", "LOADAOF")
    return dump_state(server)


@dataclass(frozen=True)
class Recorded:
    """What one server recorded: its log, what it holds after loading that, what it took of each command."""

    path: Path
    state: State
    taken: dict[bytes, Taken]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Build], Recorded]:
    """Give a function from a build to what it recorded; each records once."""

    @functools.cache
    def get(build: Build) -> Recorded:
        with Server(build, databases=DATABASES) as server:
            freeze_expiry(server)
            taken = record(server)
            path = copied(server, tmp_path_factory.mktemp(build.id) / "log")
            return Recorded(path, reloaded(server), taken)

    return get


def every_server() -> list[Any]:
    """Return all builds of this machine, every patch release and those with modules: forms cost little."""
    found = [pytest.param(build, id=build.id, marks=pytest.mark.server) for build in find_builds()]
    none = pytest.mark.skip(reason="no server on this machine")
    return found or [pytest.param(None, id="no-server", marks=[pytest.mark.server, none])]


@pytest.mark.parametrize("server_build", every_server())
def test_every_form_of_every_command_survives(
    server_build: Build,
    recorded: Callable[[Build], Recorded],
    live_server: Server,
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = recorded(server_build)

    for name, took in log.taken.items():
        assert took.forms, f"no form of {name!r} works"
        untried = {word for word in took.words_missed if _has(server_build, name, word)}
        unforeseen = {word for word in took.words if not _has(server_build, name, word)}
        assert not untried | unforeseen, (name, untried, unforeseen)
    _is_healthy(capsys, log.path, server_build)
    _lists_the_same_keys(capsys, log.path, log.state)
    # What modules keep outside of keys no command makes, and here they keep nothing there.
    drops = server_build.has_modules
    options = RewriteOptions(target=named(server_build), databases=DATABASES, drop_unsupported=drops)
    contents, _, _ = rewritten(log.path, options)
    freeze_expiry(live_server)
    for form in FORMATS:
        assert_same_state(log.state, reloaded(live_server, contents[form]))


def named(build: Build) -> str:
    """Return the name of a server as options take it: of no use to them are its modules."""
    return f"{build.kind}-{build.number}"


def _has(build: Build, name: bytes, word: bytes) -> bool:
    """Tell whether a server has an option word that it, or a newer one that speaks for it, documents."""
    since = words_of(name.split(b" ", 1))[word]
    return NAMES[build.release].has(since.redis, since.valkey)


def crossings(*, everywhere: bool) -> list[Any]:
    """Return pairs of a server and another one that gets its data: the next one, or every other one."""
    found = find_builds()
    steps = range(1, len(found)) if everywhere else range(1, min(2, len(found)))
    pairs = [(one, found[(at + step) % len(found)]) for at, one in enumerate(found) for step in steps]
    params = [pytest.param(*pair, id=f"{pair[0]}-to-{pair[1]}", marks=pytest.mark.server) for pair in pairs]
    none = pytest.mark.skip(reason="fewer than two servers on this machine")
    return params or [pytest.param(None, None, id="no-pair", marks=[pytest.mark.server, none])]


@pytest.mark.parametrize(("one", "other"), crossings(everywhere=False))
def test_another_release_holds_what_it_can(
    one: Build, other: Build, recorded: Callable[[Build], Recorded], live_server_of: Callable[[Build], Server]
) -> None:
    crosses(recorded(one), one, live_server_of(other))


@pytest.mark.soak
@pytest.mark.parametrize(("one", "other"), crossings(everywhere=True))
def test_every_other_release_holds_what_it_can(
    one: Build, other: Build, recorded: Callable[[Build], Recorded], live_server_of: Callable[[Build], Server]
) -> None:
    crosses(recorded(one), one, live_server_of(other))


def crosses(log: Recorded, one: Build, other: Server) -> None:
    """Write a log for another release, load it there, and hold what both can tell against each other."""
    options = RewriteOptions(target=named(other.build), databases=DATABASES)
    lost = lacks_room(log.state, other.build) or one.has_modules
    # An RDB keeps module data for a later Redis, which may have the modules; the ones here have none.
    plain = one.has_modules and other.build.kind == "redis" and other.build.version > one.version
    forms = [OutputFormat.RESP] if plain else FORMATS
    if lost:
        with pytest.raises(UnsupportedError, match="cannot hold") as refused:
            rewritten(log.path, options)
        assert "--drop-unsupported" in (refused.value.hint or "")
    contents, summary, _ = rewritten(log.path, replace(options, drop_unsupported=bool(lost)))

    assert bool(lost) == any(note.startswith("left out") for note in summary.notes)
    freeze_expiry(other)
    for form in forms:
        assert not differences(log.state, one, reloaded(other, contents[form]), other.build), form


def lacks_room(state: State, other: Build) -> bool:
    """Tell whether another release lacks the room for some of the data."""
    keys = [key for held in state.databases.values() for key in held.values()]
    times = any(key.field_expire_at_ms for key in keys)
    producers = any(key.value.get("iids-added") for key in keys if key.type == "stream")
    return (
        (bool(state.functions) and not other.multi_part)
        or (times and not keeps_field_times(other))
        or (producers and not (other.kind == "redis" and other.version >= (8, 6)))
    )


@pytest.mark.parametrize(("one", "other"), crossings(everywhere=False))
def test_commands_that_stay_are_those_that_the_other_release_takes(
    one: Build,
    other: Build,
    recorded: Callable[[Build], Recorded],
    live_server_of: Callable[[Build], Server],
    tmp_path: Path,
) -> None:
    """Behind a script every command stays what it is, and a server dies of one that it does not know."""
    log = recorded_commands(recorded(one).path)
    server, vocabulary = live_server_of(other), Vocabulary(NAMES[other.release])
    for argv, reply in zip(log, server.pipeline(log), strict=True):
        told = str(reply).lower() if isinstance(reply, Exception) else ""
        assert bool(vocabulary.lacks(argv)) == any(word in told for word in _NOT_TAKEN), (argv, told)

    script = [b"EVAL", b"return 1", b"0"]
    taken = [argv for argv in log if not vocabulary.lacks(argv)]
    path = tmp_path / "log.aof"
    path.write_bytes(builders.log(script, *log))
    options = RewriteOptions(target=named(other), written_by=named(one), databases=DATABASES)
    if len(taken) < len(log):
        with pytest.raises(UnsupportedError, match=f"{len(log) - len(taken):,} of the commands"):
            rewritten(path, options)
    contents, _, _ = rewritten(path, replace(options, drop_unsupported=True))
    before = reload(server, builders.log(script, *taken))
    for form in FORMATS:
        assert_same_state(before, reload(server, contents[form]))


# What servers answer to a name, an option or a payload that they do not have, LIMIT without `~` aside, which
# they take from a log only.
_NOT_TAKEN = (
    "unknown command", "unknown subcommand", "wrong number", "syntax error", "payload version",
    "invalid stream id", "not a valid float", "unsupported", "unrecognized",
)  # fmt: skip


def recorded_commands(path: Path) -> list[Argv]:
    """Return the commands of a log, all but those that frame transactions."""
    framing = (b"MULTI", b"EXEC")
    parts = [part for part in read_parts(find_log(str(path))) if part.tail_start is not None]
    found = (list(item.argv) for part in parts for item in part.commands())
    return [argv for argv in found if argv[0].upper() not in framing and b"LIMIT" not in argv]


def _is_healthy(capsys: pytest.CaptureFixture[str], path: Path, build: Build) -> None:
    """Hold the log to be intact, nothing in it to need repair, and no command to be refused by its writer."""
    code, text = ask(capsys, "check", "--level", "deep", "--json", str(path))
    (report,) = json.loads(text)["logs"]
    told = [finding["message"] for finding in report["findings"]]
    assert (code, report["verdict"]) == (0, "ok"), told
    # Other releases do refuse some of it; named alone, its writer is who every finding is about.
    code, text = ask(capsys, "check", "--level", "deep", "--target", named(build), "--json", str(path))
    (report,) = json.loads(text)["logs"]
    refused = {"command-refused", "replay-ended"}
    assert not [finding for finding in report["findings"] if finding["code"] in refused]
    # What is foretold is what a server without modules does.
    assert [row["outcome"] for row in report["servers"]] == ["refuse" if build.has_modules else "load"]
    assert code == build.has_modules
    code, text = ask(capsys, "fix", "--salvage", "--dry-run", str(path))
    assert (code, text.strip()) == (0, "nothing to do")


def _lists_the_same_keys(capsys: pytest.CaptureFixture[str], path: Path, state: State) -> None:
    code, text = ask(capsys, "keys", "--json", str(path))
    assert code == 0, text
    # What has expired is in the log, and the server drops it as soon as it is asked for it.
    now_ms = time.time() * 1000
    rows = [json.loads(line) for line in text.splitlines()]
    held = [row for row in rows if row["expire_at_ms"] is None or row["expire_at_ms"] > now_ms]
    ours = {(row["db"], name_of(row["key"])): row["type"] for row in held}
    theirs = {(db, key): entry.type for db, keys in state.databases.items() for key, entry in keys.items()}
    assert ours == theirs


def name_of(key: str | dict[str, str]) -> bytes:
    """Return a name as the JSON form writes it."""
    return key.encode() if isinstance(key, str) else base64.b64decode(key["base64"])
