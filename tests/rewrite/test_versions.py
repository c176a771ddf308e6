"""A rewritten base names the version that wrote the log, where it is for that release."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.cli.app import run
from aoftool.replay.log_writer import writer_of_log
from tests.builders import log, rdb, write_multi_part


@pytest.mark.parametrize(
    ("version", "target", "named"),
    [
        ("8.0.6", None, "8.0.6"),
        ("8.0.6", "redis-8.0", "8.0.6"),
        ("8.0.6", "redis-7.2", "7.2.0"),
        ("255.255.255", "redis-8.0", "8.0.0"),
        ("8.0.6\n\x1b[31m", "redis-8.0", "8.0.0"),
    ],
)
def test_a_rewrite_keeps_the_version_of_the_writer(
    version: str, target: str | None, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = rdb(aux={"redis-ver": version}, magic=b"REDIS0012")
    path = write_multi_part(tmp_path / "in", base=base, base_is_rdb=True, incrs=[log(("SET", "k", "v"))])
    out = tmp_path / "out"

    code = run(["rewrite", str(path), "-o", str(out), *(["--target", target] if target else [])])

    assert code == 0, capsys.readouterr().err
    assert writer_of_log(find_log(str(out))).version == named
