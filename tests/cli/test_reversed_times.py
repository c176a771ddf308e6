"""A stretch of time that ends before it begins is a usage error in every verb."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.cli.app import run
from tests.builders import command, log, select, timestamp


@pytest.mark.parametrize("verb", ["log", "growth", "inspect"])
def test_since_after_until_is_refused(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(log(select(0)) + timestamp(1_700_000_000) + command("SET", "a", "1"))

    assert run([verb, str(path), "--since", "1700000100", "--until", "1700000000"]) == 2
    assert "is later than --until" in capsys.readouterr().err
    assert run([verb, str(path), "--since", "1700000000", "--until", "1700000000"]) == 0
