"""What a server records of every write command in every form is healthy, understood and rewritten whole."""

from __future__ import annotations

import base64
import json
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest

from aoftool.check.targets import TARGETS
from aoftool.cli.app import run
from aoftool.releases import release_of
from aoftool.rewrite.model import RewriteOptions
from tests.every_form import Argv, Docs
from tests.oracle import State, assert_same_state, dump_state, freeze_expiry
from tests.reloading import live_file
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
        helper = Server(max(builds(), key=lambda build: (build.kind == "redis", build.version)))
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


@pytest.mark.parametrize("server_build", server_params(since="6.0"))
def test_every_form_of_every_command_survives(
    server_build: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server(server_build, databases=DATABASES) as server:
        server.send("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        if any(b"search" in module for module in server.send("MODULE", "LIST")):
            pytest.skip("modules write data of their own into every base")
        taken = record(server)
        freeze_expiry(server)
        path = copied(server, tmp_path / "log")
        before = reloaded(server)

        assert not [name for name, count in taken.items() if not count], "a command had no form that works"
        _is_healthy(capsys, path, server_build)
        _lists_the_same_keys(capsys, path, before)
        options = RewriteOptions(target=server_build.id, databases=DATABASES)
        contents, _, _ = rewritten(path, options)
        for form in FORMATS:
            assert_same_state(before, reloaded(server, contents[form]))


def _is_healthy(capsys: pytest.CaptureFixture[str], path: Path, build: Build) -> None:
    """Hold the log to be intact, nothing in it to need repair, and no command to be refused by its writer."""
    release = release_of(build.kind, ".".join(map(str, build.version))).name
    if release not in {target.name for target in TARGETS}:
        return  # no loader of that release is simulated
    code, text = ask(capsys, "check", "--level", "deep", "--json", str(path))
    (report,) = json.loads(text)["logs"]
    told = [finding["message"] for finding in report["findings"]]
    assert (code, report["verdict"]) == (0, "ok"), told
    refused = [text for text in told if "is answered" in text or "skipped" in text]
    assert not [text for text in refused if release in text], refused
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
