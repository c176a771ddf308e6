"""The application: exit codes and how errors are shown."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from aoftool.cli.app import run
from aoftool.cli.console import render_error
from aoftool.errors import AoftoolError, SourceError


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


def test_a_closed_pipe_is_not_a_verdict(tmp_path: Path) -> None:
    log = tmp_path / "many.aof"
    log.write_bytes(b"".join(b"*1\r\n$6\r\nX%05d\r\n" % number for number in range(3000)))
    command = f"{sys.executable} -m aoftool inspect --top 5000 {log} | head -n 1; echo ${{PIPESTATUS[0]}}"

    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)

    assert done.stdout.splitlines()[-1] == "141"
    assert "Traceback" not in done.stderr
