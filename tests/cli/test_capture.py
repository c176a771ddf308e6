"""`aoftool capture` as a user meets it, without a server."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import threading
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


def test_a_server_that_dies_is_asked_again_by_the_same_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, target = tmp_path / "socket", tmp_path / "b.tgz"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(path))
        listener.listen(1)

        def hang_up() -> None:
            peer, _ = listener.accept()
            peer.recv(1 << 16)
            peer.close()

        threading.Thread(target=hang_up, daemon=True).start()
        words = ["capture", "--server", f"unix:{path}", "-o", os.fspath(target)]
        code = run(words)

    said = capsys.readouterr().err
    assert code == 3
    assert "gave no answer to" in said
    assert "it closed the connection" in said
    assert f"next: {shlex.join(['aoftool', *words])}\n" in said
    assert "--help" not in said
    assert not target.exists()


def test_script_is_printed_and_is_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["capture", "--script"]) == 0

    text = capsys.readouterr().out
    assert text.startswith("#!/bin/sh\n")
    for shell in ("sh", "bash --posix"):
        subprocess.run([*shell.split(), "-n"], input=text, text=True, check=True)
