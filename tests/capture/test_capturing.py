"""A capture of real servers: the least rights are enough, nothing else is asked, and no secret gets out."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aoftool.capture.script import script_text
from aoftool.captures.lines import text_of
from aoftool.captures.strace import read_strace
from aoftool.cli.app import run
from tests.capture.asked import (
    ALLOWED,
    PASSWORD,
    SECRETS,
    called,
    captured,
    has_command_log,
    prepare,
    unpacked,
)
from tests.servers import Build, Server

Start = Callable[..., Server]


@pytest.fixture
def server(server_build: Build, start_server: Start) -> Server:
    """Give a server with a log file, passwords and a reader."""
    made = start_server(server_build, settings={"logfile": "server.log", "appendonly": "yes"})
    prepare(made)
    return made


def test_least_rights_are_enough_and_no_other_command_is_asked(server: Server, tmp_path: Path) -> None:
    bundle = tmp_path / "b.tgz"

    assert captured(server, bundle) == 0

    files = unpacked(bundle)
    table = json.loads(files["manifest.json"])
    expected = {"info-before.txt", "info.txt", "config.txt", "latency-latest.txt", "slowlog.txt"}
    expected |= {"latency-doctor.txt", "memory-stats.txt", "memory-doctor.txt", "proc/status", "server.log"}
    expected |= {"commandlog-slow.txt"} if has_command_log(server.build) else set()
    assert expected <= set(files)
    assert any(name.startswith("latency-history/") for name in files)
    refused = [reason for reason in table["missing"].values() if "NOPERM" in reason]
    assert not refused
    assert called(server) <= ALLOWED
    assert server.send("ACL", "LOG") == []


def test_advice_is_given_from_a_bundle(
    newest_build: Build, start_server: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = start_server(newest_build, settings={"logfile": "server.log", "appendonly": "yes"})
    prepare(server)
    bundle = tmp_path / "b.tgz"
    assert captured(server, bundle) == 0
    capsys.readouterr()

    assert run(["advise", str(bundle), "--json"]) in (0, 1)

    advice = json.loads(capsys.readouterr().out)
    assert advice["schema"] == "aoftool.advice/1"
    # The sleep that `prepare` asked for; what had no readable form would be named.
    assert any("DEBUG" in json.dumps(row) for row in advice["ledger"])
    assert not [text for text in advice["not_looked"] if "no text" in json.dumps(text)]


@pytest.mark.skipif(shutil.which("strace") is None, reason="no strace on this machine")
def test_a_trace_has_the_calls_of_every_thread_and_no_data(
    newest_build: Build, start_server: Start, tmp_path: Path
) -> None:
    settings = {"appendfsync": "everysec", "logfile": "server.log"}
    server = start_server(newest_build, settings=settings, appendonly=True)
    prepare(server)
    ended = threading.Event()

    def write() -> None:
        while not ended.wait(0.02):
            server.send("SET", SECRETS["key"], SECRETS["argument"])

    server.send("CONFIG", "SET", "requirepass", "")
    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert captured(server, tmp_path / "b.tgz", "--for", "4s", "--trace", "3s") == 0
    finally:
        ended.set()
        writer.join()

    raw = unpacked(tmp_path / "b.tgz").get("strace.txt")
    if raw is None:
        pytest.skip("this machine lets nobody trace")
    trace = read_strace(text_of("strace.txt", raw))
    assert trace.names_threads
    ours = server.pid
    assert any(call.tid == ours and call.name == "write" and ".incr.aof" in call.path for call in trace.calls)
    assert any(call.tid != ours and call.name == "fdatasync" and ".aof" in call.path for call in trace.calls)
    assert not any(secret.encode() in raw for secret in SECRETS.values())


def test_planted_secrets_are_in_no_bundle(server: Server, tmp_path: Path) -> None:
    bundle = tmp_path / "b.tgz"

    assert captured(server, bundle, as_reader=False) == 0

    files = unpacked(bundle)
    for name, content in files.items():
        for what, secret in {**SECRETS, "reader": PASSWORD}.items():
            assert secret.encode() not in content, f"{what} is in {name}"
    assert b"masterauth\n***\n" in files["config.txt"] or b"primaryauth\n***\n" in files["config.txt"]
    assert b'"SET"' in files["slowlog.txt"]
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600


def test_without_masking_arguments_are_there_and_passwords_are_not(server: Server, tmp_path: Path) -> None:
    bundle = tmp_path / "b.tgz"

    assert captured(server, bundle, "--redact", "none", as_reader=False) == 0

    everything = b"".join(unpacked(bundle).values())
    assert SECRETS["key"].encode() in everything
    for name in ("requirepass", "masterauth"):
        assert SECRETS[name].encode() not in everything


def test_user_without_rights_gets_what_there_is(server: Server, tmp_path: Path) -> None:
    server.send("ACL", "SETUSER", "reader", "-@all", "+ping", "+info", "+slowlog|get")
    bundle = tmp_path / "b.tgz"

    assert captured(server, bundle) == 0

    files = unpacked(bundle)
    missing = json.loads(files["manifest.json"])["missing"]
    assert "info.txt" in files
    assert "NOPERM" in missing["config.txt"]
    assert "config.txt" not in files


def test_user_who_may_not_ask_at_all_is_refused(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.send("ACL", "SETUSER", "reader", "-@all")

    assert captured(server, tmp_path / "b.tgz") == 4
    assert "NOPERM" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_wrong_password_is_an_input_error(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.send("ACL", "SETUSER", "reader", "resetpass", ">another")

    assert captured(server, tmp_path / "b.tgz") == 3
    said = capsys.readouterr().err
    assert "does not take the password" in said
    assert PASSWORD not in said


def test_event_that_does_not_come_is_a_verdict(server: Server, tmp_path: Path) -> None:
    assert captured(server, tmp_path / "b.tgz", "--when", "latency>500ms") == 1
    assert not list(tmp_path.iterdir())


def test_event_that_comes_is_waited_for(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Ten seconds lie between its two replies of INFO else.
    monkeypatch.setattr("aoftool.cli.verbs.capture.FOR", "1s")
    bundle = tmp_path / "b.tgz"
    timer = threading.Timer(1.5, lambda: server.send("DEBUG", "SLEEP", "0.3"))
    timer.start()

    assert captured(server, bundle, "--when", "latency>200ms", "--for", "30s") == 0

    timer.join()
    assert json.loads(unpacked(bundle)["manifest.json"])["event"] == "command"


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_script_does_the_same(
    server: Server, newest_build: Build, shell: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if shell == "bash" and server.build != newest_build and not request.config.getoption("--soak"):
        pytest.skip("one server is enough for a second shell")
    client = shutil.which("valkey-cli") or shutil.which("redis-cli")
    if client is None or shutil.which(shell) is None:
        pytest.skip(f"no client of a server, or no {shell}")
    script, bundle = tmp_path / "capture.sh", tmp_path / "b.tgz"
    script.write_text(script_text())
    words = [shell, str(script), "-o", str(bundle), "-t", "2", "-s", str(server.socket_path)]

    done = subprocess.run(
        [*words, "--user", "reader"],
        env={**os.environ, "REDISCLI_AUTH": PASSWORD, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    files = unpacked(bundle)
    ours = tmp_path / "ours.tgz"
    asked = called(server)
    assert captured(server, ours) == 0
    theirs = {name for name in unpacked(ours) if name not in ("manifest.json", "iostat.txt", "strace.txt")}
    assert theirs - set(files) <= {"info-debug.txt"}
    for name, content in files.items():
        for what, secret in {**SECRETS, "reader": PASSWORD}.items():
            assert secret.encode() not in content, f"{what} is in {name}"
    assert asked <= ALLOWED
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tgz", "capture.sh", "ours.tgz"]


def test_script_hides_what_settings_and_files_give_away(server: Server, tmp_path: Path) -> None:
    if shutil.which("valkey-cli") is None and shutil.which("redis-cli") is None:
        pytest.skip("no client of a server")
    script, bundle = tmp_path / "capture.sh", tmp_path / "b.tgz"
    script.write_text(script_text())

    done = subprocess.run(
        ["sh", str(script), "-o", str(bundle), "-t", "1", "-s", str(server.socket_path)],
        env={**os.environ, "REDISCLI_AUTH": SECRETS["requirepass"]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    for name, content in unpacked(bundle).items():
        for what, secret in {**SECRETS, "reader": PASSWORD}.items():
            assert secret.encode() not in content, f"{what} is in {name}"


def test_script_that_is_stopped_leaves_nothing_running(tmp_path: Path) -> None:
    """A client that answers INFO is enough: the script waits between two of them."""
    (tmp_path / "bin").mkdir()
    started = tmp_path / "started"
    tools = {
        "valkey-cli": "echo redis_version:7.2.4",
        "sleep": f"echo $$ >{started}; exec {shutil.which('sleep')} 60",
    }
    for name, script in tools.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "capture.sh").write_text(script_text())
    (tmp_path / "tmp").mkdir()
    path = f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}"

    process = subprocess.Popen(
        ["sh", str(tmp_path / "capture.sh"), "-o", str(tmp_path / "b.tgz")],
        env={**os.environ, "PATH": path, "TMPDIR": str(tmp_path / "tmp")},
    )
    while process.poll() is None and not (started.exists() and started.read_text()):
        time.sleep(0.02)
    process.terminate()

    assert process.wait(30) == 130
    while Path(f"/proc/{int(started.read_text())}").exists():  # or the timeout of the test ends it
        time.sleep(0.02)
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not (tmp_path / "b.tgz").exists()
