"""What a server records of every write command in every form is healthy, understood and rewritten whole."""

from __future__ import annotations

import base64
import functools
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from aoftool.aof.layout import find_log
from aoftool.aof.log import read_parts
from aoftool.cli.app import run
from aoftool.errors import UnsupportedError
from aoftool.releases import NAMES
from aoftool.replay.vocabulary import Vocabulary
from aoftool.rewrite.model import RewriteOptions
from tests import builders
from tests.crossing import differences
from tests.every_form import Argv, Docs
from tests.oracle import State, assert_same_state, dump_state, freeze_expiry, keeps_field_times
from tests.reloading import live_file, reload
from tests.rewrite.rewriting import FORMATS, rewritten
from tests.servers import Build, Server, builds, server_params

DATABASES = 64
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
    [b"SET", b"short", b"1", b"PX", b"1"],
    [b"SELECT", b"0"],
]


def record(server: Server) -> Counter[bytes]:
    """Let a server record every form; return how many of each command it took."""
    helper = None
    if server.build.version < (7, 2):
        # There is no COMMAND DOCS before 7.0, and 7.0 leaves out words; a newer one names more than is there.
        ranks = {build: (build.version >= (7, 2), build.kind == "redis", build.version) for build in builds()}
        helper = Server(max(ranks, key=ranks.__getitem__))
        helper.start()
    taken: Counter[bytes] = Counter()
    try:
        docs = Docs(server, helper)
        for name, doc in docs.writers().items():
            taken[name] += 0
            for form in docs.forms(name, doc):
                replies = server.pipeline([*form.setup, form.argv])
                taken[name] += not isinstance(replies[-1], Exception)
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
    """What one server recorded: its log, what it holds after loading that, and how often it took what."""

    path: Path
    state: State
    taken: Counter[bytes]


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


@pytest.mark.parametrize("server_build", server_params(since="6.0"))
def test_every_form_of_every_command_survives(
    server_build: Build,
    recorded: Callable[[Build], Recorded],
    live_server: Server,
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = recorded(server_build)

    assert not [name for name, count in log.taken.items() if not count], "a command had no form that works"
    _is_healthy(capsys, log.path, server_build)
    _lists_the_same_keys(capsys, log.path, log.state)
    contents, _, _ = rewritten(log.path, RewriteOptions(target=server_build.id, databases=DATABASES))
    freeze_expiry(live_server)
    for form in FORMATS:
        assert_same_state(log.state, reloaded(live_server, contents[form]))


def crossings(*, everywhere: bool) -> list[Any]:
    """Return pairs of a server and another one that gets its data: the next one, or every other one."""
    found = builds(since="6.0")
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
    options = RewriteOptions(target=other.build.id, databases=DATABASES)
    lost = lacks_room(log.state, other.build)
    if lost:
        with pytest.raises(UnsupportedError, match="cannot hold") as refused:
            rewritten(log.path, options)
        assert "--drop-unsupported" in (refused.value.hint or "")
    contents, summary, _ = rewritten(log.path, replace(options, drop_unsupported=bool(lost)))

    assert bool(lost) == any(note.startswith("left out") for note in summary.notes)
    freeze_expiry(other)
    for form in FORMATS:
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
    options = RewriteOptions(target=other.id, written_by=one.id, databases=DATABASES)
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
    refused = [text for text in told if "is answered" in text or "skipped" in text]
    assert not [text for text in refused if build.release in text], refused
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
