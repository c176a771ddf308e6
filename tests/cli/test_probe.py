"""`aoftool probe` as a user meets it."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aoftool.cli.app import run
from aoftool.probe import probing
from aoftool.probe.model import Appended, Beside, Place, Probe, SyncTimes
from tests.golden_text import check_golden

MIB = 1 << 20


def of_slow_disk(place: Place, nameless: bool = True) -> Probe:
    found = Probe(Place("/var/lib/valkey", "ext4", "/dev/sdb", 70 << 30, 100 << 30), nameless)
    found.written_bytes, found.elapsed_s = 21 * MIB, 9.1
    found.syncs = [
        SyncTimes(512, 57, 0.0025, 0.061, 0.07),
        SyncTimes(4096, 183, 0.0006, 0.122, 0.15),
        SyncTimes(65536, 23, 0.012, 0.2, 0.2),
        SyncTimes(MIB, 3, 0.36, 0.37, 0.37),
    ]
    found.appended = Appended(3 * MIB, 3 * MIB, 0.0001, 1.07)
    found.beside = [Beside(0, 0.002, None), Beside(MIB, 0.35, 0.35), Beside(4 * MIB, 1.36, 1.37)]
    found.left_out = [8 * MIB]
    return found


def of_memory(place: Place) -> Probe:
    found = Probe(Place("/dev/shm", "tmpfs", "tmpfs", 1 << 33, 1 << 34), nameless=False)
    found.syncs = [SyncTimes(4096, 200, 1e-6, 2e-6, 3e-6)]
    found.beside = [Beside(0, 1e-6, None), Beside(8 * MIB, 1e-6, 1e-6)]
    found.unfinished, found.unfinished_s = "the sync of a manifest beside 8 MiB", 2.5
    return found


@pytest.fixture
def roomy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a directory on a disk that has room, as far as anybody can tell."""
    monkeypatch.setattr(
        os, "statvfs", lambda path: SimpleNamespace(f_bavail=1 << 20, f_frsize=4096, f_blocks=1 << 20)
    )
    return tmp_path


@pytest.mark.parametrize(("name", "made"), [("slow", of_slow_disk), ("memory", of_memory)])
def test_transcript(
    name: str,
    made: Any,
    roomy: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(probing, "probe_place", lambda place, rate: made(place))
    monkeypatch.setenv("COLUMNS", "80")

    code = run(["probe", str(roomy), "--yes"])

    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert max(map(len, lines)) <= 80
    check_golden(request, f"cli/probe-{name}-80.txt", "\n".join([*lines, f"exit {code}", ""]))


def test_json_has_every_figure(
    roomy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(probing, "probe_place", lambda place, rate: of_slow_disk(place))

    code = run(["probe", str(roomy), "--yes", "--json"])

    body = json.loads(capsys.readouterr().out)
    assert code == 1
    assert body["schema"] == "aoftool.probe/1"
    assert body["verdict"] == "poor"
    assert body["syncs"][1] == {
        "size_bytes": 4096, "count": 183, "p50_s": 0.0006, "p99_s": 0.122, "worst_s": 0.15
    }  # fmt: skip
    assert body["stall_s_per_mib"] == pytest.approx(0.3395)
    assert body["left_out_bytes"] == [8 * MIB]


def test_directory_of_an_aof_is_refused(roomy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain, named = roomy / "appendonlydir", roomy / "other"
    plain.mkdir()
    named.mkdir()
    (named / "appendonly.aof.manifest").write_bytes(b"")
    link = roomy / "link"
    link.symlink_to(plain)

    for folder in (plain, named, link):
        assert run(["probe", str(folder), "--yes"]) == 4
        assert f"next: aoftool probe {roomy}" in capsys.readouterr().err
        assert sorted(path.name for path in roomy.iterdir()) == ["appendonlydir", "link", "other"]


@pytest.mark.parametrize(("blocks_free", "blocks"), [((1 << 18) - 1, 1 << 19), (1 << 20, 1 << 25)])
def test_disk_with_little_room_is_refused(
    blocks_free: int, blocks: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = SimpleNamespace(f_bavail=blocks_free, f_frsize=4096, f_blocks=blocks)
    monkeypatch.setattr(os, "statvfs", lambda path: room)

    assert run(["probe", str(tmp_path), "--yes"]) == 4


def test_nobody_there_to_agree_is_refused(roomy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))

    assert run(["probe", str(roomy)]) == 4
    assert run(["probe", str(roomy), "--json"]) == 4


def test_what_is_no_directory_is_an_input_error(roomy: Path) -> None:
    file = roomy / "file"
    file.write_bytes(b"x")

    assert run(["probe", str(file), "--yes"]) == 3
    assert run(["probe", str(roomy / "none"), "--yes"]) == 3


@pytest.mark.parametrize("rate", ["0", "fast", "-1"])
def test_rate_that_is_none_is_wrong_usage(rate: str, roomy: Path) -> None:
    assert run(["probe", str(roomy), "--yes", "--rate", rate]) == 2
