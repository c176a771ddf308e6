"""Advice is of one server: captures of several are refused, as is what is no capture."""

from __future__ import annotations

import io
import shutil
import sys
import tarfile
from pathlib import Path

import pytest

from aoftool.cli.app import run
from tests.captured import FEW, Capture, few_captures

STALL = FEW / "valkey-9.1.2" / "manifest-stall"
OTHER = FEW / "redis-7.0.15" / "slow-commands"
INFO = "# Server\nredis_version:{version}\nprocess_id:{pid}\nrun_id:{run}\nuptime_in_seconds:{up}\n"


def refused(capsys: pytest.CaptureFixture[str], *inputs: str | Path) -> str:
    code = run(["advise", *map(str, inputs)])
    out, err = capsys.readouterr()
    assert (code, out) == (3, "")
    return err


def taken(capsys: pytest.CaptureFixture[str], *inputs: str | Path) -> str:
    code = run(["advise", *map(str, inputs)])
    assert code in (0, 1)
    return capsys.readouterr().out


def info(run_id: str = "aaaa", pid: int = 7, version: str = "8.0.6", up: int = 10) -> str:
    return INFO.format(version=version, pid=pid, run=run_id, up=up)


def test_captures_of_two_servers_are_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    err = refused(capsys, OTHER, STALL)

    assert f"{OTHER}/info" in err
    assert f"{STALL}/info" in err
    assert "version 7.0.15, pid" in err
    assert "give one at a time" in err


@pytest.mark.parametrize(
    "other",
    [info(run_id="bbbb", up=40), info(pid=8, up=40), info(version="8.2.1", up=40)],
    ids=["run_id", "pid", "version"],
)
def test_what_tells_two_servers_apart(capsys: pytest.CaptureFixture[str], tmp_path: Path, other: str) -> None:
    (tmp_path / "info-before.txt").write_text(info())
    (tmp_path / "info.txt").write_text(other)

    assert "INFO is of 2 servers" in refused(capsys, tmp_path)


def test_two_replies_of_one_server_are_one_capture(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "info-before.txt").write_text(info())
    (tmp_path / "info.txt").write_text(info(up=40))
    (tmp_path / "info-debug.txt").write_text("# Debug\neventloop_duration_max:12\n")

    assert "INFO twice 30 s apart" in taken(capsys, tmp_path)


def test_a_folder_of_captures_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shutil.copytree(STALL, tmp_path / "before")
    shutil.copytree(STALL, tmp_path / "after")
    with tarfile.open(tmp_path / "both.tgz", "w:gz") as archive:
        archive.add(tmp_path / "before", "x/before")
        archive.add(tmp_path / "after", "x/after")

    for inputs in ((tmp_path,), (tmp_path / "before", tmp_path / "after"), (tmp_path / "both.tgz",)):
        err = refused(capsys, *inputs)
        assert "a capture each is in 2 folders" in err
        assert "before/" in err
        assert "after/" in err


@pytest.mark.parametrize("capture", few_captures(), ids=lambda capture: capture.name)
def test_one_capture_is_one(capsys: pytest.CaptureFixture[str], capture: Capture) -> None:
    taken(capsys, capture.path)


def test_what_is_no_capture_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stdin:
        buffer = io.BytesIO(b"hello\n")

    monkeypatch.setattr(sys, "stdin", Stdin())
    (tmp_path / "notes.md").write_text("# Notes\n\nSome words: and more.\n" * 9)

    for given in ("-", tmp_path / "notes.md", tmp_path):
        err = refused(capsys, given)
        assert "nothing in it is known" in err
        assert "INFO, CONFIG GET" in err


def test_what_a_server_said_when_it_did_not_start_is_enough(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "start.txt").write_text(
        "\n*** FATAL CONFIG FILE ERROR (Version 9.1.2) ***\nReading the configuration file, at line 10\n"
        ">>> 'append-direct yes'\nBad directive or wrong number of arguments\n"
    )

    assert "append-direct" in taken(capsys, tmp_path)


def test_a_folder_of_one_bundle_is_that_bundle(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "bundles"
    folder.mkdir()
    with tarfile.open(folder / "a.tgz", "w:gz") as archive:
        archive.add(STALL, "capture-1")

    assert "manifest sync" in taken(capsys, folder)

    shutil.copy(folder / "a.tgz", folder / "b.tgz")
    err = refused(capsys, folder)
    assert "2 archives and no text: a.tgz, b.tgz" in err
    assert f"name one of them, such as {folder}/a.tgz" in err

    (folder / "info.txt").write_text(info())
    assert "a.tgz is an archive: name it itself" in " ".join(taken(capsys, folder).split())
