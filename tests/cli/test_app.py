"""The application: exit codes and how errors are shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aoftool.cli.app import run
from aoftool.cli.console import render_error
from aoftool.errors import AoftoolError, SourceError
from tests.builders import log


def test_an_unknown_verb_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["nope"])

    assert code == 2
    assert "nope" in capsys.readouterr().err


def test_a_missing_file_is_an_input_error_with_a_hint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "gone.aof"

    code = run(["inspect", str(missing)])

    shown = capsys.readouterr()
    assert code == 3
    assert "gone.aof" in shown.err
    assert shown.out == ""


def test_with_json_an_error_is_one_object_on_stdout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["inspect", "--json", str(tmp_path / "gone.aof")])

    body = json.loads(capsys.readouterr().out)
    assert next(iter(body.items())) == ("schema", "aoftool.error/1")
    assert body["exit_code"] == code == 3


def test_an_error_never_shows_a_raw_control_character() -> None:
    error = SourceError("cannot read \x1b[31mred", path="a\x07b", offset=12, hint="type \u202ethis")

    text = render_error(error)

    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text
    assert "offset 12" in text


def test_every_error_class_has_a_documented_exit_code() -> None:
    from aoftool.cli.exit_codes import EXIT_CODES

    found = [AoftoolError]
    for cls in found:
        found.extend(cls.__subclasses__())

    assert len(found) > 10
    assert {cls.exit_code for cls in found} <= set(EXIT_CODES)


def test_python_dash_m_runs_the_same_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aoftool", "--version"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0
    assert "scanner: " in done.stdout


CHATTY = [
    "inspect LOG --by key --limit 50000",
    "inspect LOG --by key --csv --limit 50000",
    "keys LOG",
    "keys LOG --json",
    "keys LOG --csv",
    "keys LOG --by writes --csv --limit 50000",
    "log LOG",
    "log LOG --json",
    "log LOG --csv",
    "history s LOG",
    "history s LOG --json",
    "history s LOG --csv",
    "diff LOG EMPTY --limit 50000",
    "diff LOG EMPTY --json",
]
# Text at once, lines of text, and bytes.
UNBUFFERED = ["diff LOG EMPTY --json", "keys LOG", "log LOG --json"]


@pytest.mark.parametrize(
    ("line", "unbuffered"), [*((line, "") for line in CHATTY), *((line, "1") for line in UNBUFFERED)]
)
def test_a_closed_pipe_is_not_a_verdict(
    tmp_path: Path, line: str, unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    many, empty = tmp_path / "many.aof", tmp_path / "empty.aof"
    many.write_bytes(
        log(*(("SET", f"key:{n:05d}", n) for n in range(5000)), *(("SADD", "s", n) for n in range(5000)))
    )
    empty.write_bytes(log(("SELECT", 0)))
    words = line.replace("LOG", str(many)).replace("EMPTY", str(empty))
    command = f"{sys.executable} -m aoftool {words} | head -n 1; echo ${{PIPESTATUS[0]}}"

    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)

    assert done.stdout.splitlines()[-1] == "141"
    assert done.stderr == ""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_fits_in_part_is_told(
    tmp_path: Path, unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = tmp_path / "many.aof"
    many.write_bytes(log(*(("SET", f"key:{n:05d}", n) for n in range(5000)), ("SELECT", 0)))
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    command = f"ulimit -f 100; {sys.executable} -m aoftool diff {many} --at 27 --json > {tmp_path}/out"

    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)

    assert done.returncode == 3
    assert "File too large" in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device on this system")
@pytest.mark.parametrize("verb", ["inspect", "check", "keys", "growth", "log", "audit"])
def test_an_output_that_is_full_is_no_bug(tmp_path: Path, verb: str) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(("SET", "k", 1)))

    with open("/dev/full", "wb") as full:
        words = [sys.executable, "-m", "aoftool", verb, str(path)]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert done.returncode == 3
    assert done.stderr.splitlines()[0] == "aoftool: cannot write the output: No space left on device"
    assert "hint: free some space" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", ["keys CUT", "growth CUT", "log CUT", "audit CUT", "history k CUT"])
def test_what_is_said_beside_an_answer_comes_behind_it(
    words: str, unbuffered: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    (tmp_path / "CUT").write_bytes(log(("SET", "k", "v"), ("SET", "k", "v"))[:-3])
    asked = [sys.executable, "-m", "aoftool", *words.split()]

    def said(stderr: int) -> str:
        done = subprocess.run(
            asked, cwd=tmp_path, stdout=subprocess.PIPE, stderr=stderr, text=True, check=False
        )
        return done.stdout

    answer = said(subprocess.DEVNULL)
    assert answer
    assert said(subprocess.STDOUT).startswith(answer)
    assert len(said(subprocess.STDOUT)) > len(answer)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device on this system")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("check LOG", 0),
        ("check LOG --progress json", 0),
        ("check NONE", 3),
        ("check --nonsense", 2),
        ("fix CUT --yes --progress json", 0),
        ("keys CUT", 1),
        ("rewrite LOG --in-place --progress json", 0),
    ],
)
def test_messages_that_cannot_be_written_change_nothing(
    words: str, code: int, unbuffered: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    whole = log(("SET", "k", "v"), ("SET", "k", "v"))
    (tmp_path / "LOG").write_bytes(whole)
    (tmp_path / "CUT").write_bytes(whole[:-3])

    with open("/dev/full", "wb") as full:
        asked = [sys.executable, "-m", "aoftool", *words.split()]
        done = subprocess.run(asked, cwd=tmp_path, stdout=subprocess.PIPE, stderr=full, check=False)

    assert done.returncode == code
    if words.startswith("fix"):
        assert len((tmp_path / "CUT").read_bytes()) == len(whole) // 2
    if words.startswith("rewrite"):
        assert len((tmp_path / "LOG").read_bytes()) != len(whole)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_lead_nowhere(closed: str, tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(("SET", "k", "v")))

    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m aoftool check {path} {closed}"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert (done.stdout == "") == (">&-" in closed.split())
