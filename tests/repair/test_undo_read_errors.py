"""An undo on a disk that fails: exit code 3, nothing is changed, and it is done once the disk is well."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from aoftool.cli.app import run
from aoftool.repair.lost import BYTES_NAME
from tests.builders import log, select
from tests.faults import ALWAYS, ONCE, Fault

WHOLE = select(0) + log(*(("SET", f"k{n}", "v" * 50) for n in range(40)))
HURT = WHOLE[:600] + b"garbage\r\n" + WHOLE[600:]
TORN = WHOLE + b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500\r\nabc"


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.aof*")}


@pytest.mark.parametrize("times", [ONCE, ALWAYS], ids=["once", "always"])
def test_an_undo_that_cannot_read_changes_nothing(
    times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(TORN)
    assert run(["fix", "--yes", "--json", str(path)]) == 0
    receipt = Path(json.loads(capsys.readouterr().out)["receipt"])
    after = snapshot(tmp_path)
    lost = receipt / BYTES_NAME

    with monkeypatch.context() as patched:
        fault = Fault(lost, 0, lost.stat().st_size, times=times)
        fault.install(patched)
        code = run(["undo", str(receipt)])

    assert fault.failed
    assert code == 3
    assert os.strerror(errno.EIO) in capsys.readouterr().err
    assert snapshot(tmp_path) == after

    assert run(["undo", str(receipt)]) == 0
    assert path.read_bytes() == TORN


@pytest.mark.parametrize(
    "line", [("fix", "--yes", "--salvage"), ("rewrite", "--in-place")], ids=lambda line: line[0]
)
def test_an_original_with_other_bytes_is_not_put_back(
    line: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "appendonly.aof"
    before = HURT if line[0] == "fix" else WHOLE
    path.write_bytes(before)
    assert run([*line, "--json", str(path)]) == 0
    receipt = Path(json.loads(capsys.readouterr().out)["receipt"])
    (kept,) = (receipt / "originals").iterdir()
    status, after = kept.stat(), path.read_bytes()
    kept.write_bytes(before.replace(b"vvv", b"www", 1))
    os.utime(kept, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert run(["undo", str(receipt)]) == 3
    assert "does not hold what was kept" in capsys.readouterr().err
    assert path.read_bytes() == after

    kept.write_bytes(before)
    os.utime(kept, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert run(["undo", str(receipt)]) == 0
    assert path.read_bytes() == before
