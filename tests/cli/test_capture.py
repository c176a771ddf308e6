"""`aoftool capture` as a user meets it, without a server."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from aoftool.cli.app import run


@pytest.mark.parametrize(
    "words",
    [
        ["--server", ""],
        ["--server", "host:"],
        ["--server", "host:0"],
        ["--server", "host:65536"],
        ["--server", "http://host"],
        ["--user", "reader"],
        ["--for", "0s"],
        ["--for", "soon"],
        ["--trace", "2h"],
        ["--when", "latency<5ms"],
        ["--when", "swap"],
    ],
)
def test_what_cannot_be_is_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["capture", *words]) == 2


def test_no_server_is_an_input_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "b.tgz"

    assert run(["capture", "--server", f"unix:{tmp_path / 'none'}", "-o", str(target)]) == 3

    assert "no server answers" in capsys.readouterr().err
    assert not target.exists()


def test_script_is_printed_and_is_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["capture", "--script"]) == 0

    text = capsys.readouterr().out
    assert text.startswith("#!/bin/sh\n")
    for shell in ("sh", "bash --posix"):
        subprocess.run([*shell.split(), "-n"], input=text, text=True, check=True)
