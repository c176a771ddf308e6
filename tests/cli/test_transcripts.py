"""Transcripts of the verbs that judge, repair, rewrite and explain, on copies of small logs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aoftool.cli.app import run
from tests.corpus import FIXTURES
from tests.golden_text import WIDTHS, check_transcript

FLUSHED = "recorded/redis-7.0.15/timestamps-flushall"
SHOP_TAIL = "appendonly.aof.2.incr.aof"
CASES = {
    "check-shop": ["check", "valkey-9/shop"],
    "check-torn": ["check", "damaged/torn-incr-last"],
    "check-torn-not-last": ["check", "damaged/torn-incr-not-last"],
    "check-gap": ["check", "damaged/manifest-seq-gap"],
    "check-broken-length": ["check", "damaged/bulk-length-beyond-eof"],
    "check-line-end": ["check", "damaged/payload-crlf-flipped"],
    "check-preamble": ["check", "damaged/preamble-truncated", "--target", "valkey-9.1"],
    "check-two": ["check", "damaged/only-zeros", "damaged/empty-file", "--target", "redis-8.0"],
    "fix-plan-torn": ["fix", "-n", "damaged/torn-incr-last"],
    "fix-plan-type-byte": ["fix", "-n", "damaged/star-byte-flipped"],
    "fix-plan-not-told": ["fix", "-n", "damaged/bulk-length-beyond-eof"],
    "fix-plan-salvage": ["fix", "-n", "--salvage", "damaged/bulk-length-beyond-eof"],
    "fix-plan-preamble": ["fix", "-n", "--salvage", "damaged/preamble-truncated"],
    "fix-plan-gap": ["fix", "-n", "damaged/manifest-seq-gap"],
    "fix-plan-before": ["fix", "-n", "--before", "FLUSHALL", FLUSHED],
    "fix-nothing": ["fix", "valkey-9/shop"],
    "fix-nobody-answers": ["fix", "damaged/torn-incr-last"],
    "fix-too-much": ["fix", "--yes", "--max-loss", "10", "damaged/torn-incr-last"],
    "fix-done": ["fix", "--yes", "damaged/torn-incr-last"],
    "fix-done-salvage": ["fix", "--yes", "--salvage", "damaged/bulk-length-beyond-eof"],
    "fix-elsewhere": ["fix", "--yes", "damaged/torn-mid-payload", "-o", "mended.aof"],
    "rewrite-dry-run": ["rewrite", "-n", "valkey-9/shop"],
    "rewrite-quick": ["rewrite", "--quick", "valkey-9/shop"],
    "rewrite-done": ["rewrite", "valkey-9/shop", "-o", "small"],
    "rewrite-before": ["rewrite", "--before", "FLUSHALL", FLUSHED, "-o", "rescued", "--format", "resp"],
    "rewrite-in-place": ["rewrite", "--in-place", "valkey-9/shop"],
    "rewrite-torn": ["rewrite", "damaged/torn-incr-last"],
    "explain-command": ["explain", "valkey-9/shop", "--at", f"{SHOP_TAIL}:500"],
    "explain-key": ["explain", "valkey-9/shop", "--key", "cart:0110"],
    "explain-record": ["explain", "valkey-9/shop", "--at", "appendonly.aof.2.base.rdb:300"],
    "explain-torn": ["explain", "damaged/torn-mid-payload", "--at", "25300"],
    "explain-which-file": ["explain", "valkey-9/shop", "--at", "appendonly.aof.9.incr.aof:500"],
    "explain-no-key": ["explain", "valkey-9/shop", "--key", "no-such-key"],
}  # fmt: skip


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Return a directory with copies of the logs, free to be written to."""
    for name in ("damaged", "valkey-9", FLUSHED):
        shutil.copytree(FIXTURES / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", CASES)
def test_transcript(name: str, width: str, logs: Path, request: pytest.FixtureRequest) -> None:
    check_transcript(request, logs, name, width, CASES[name])


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("case", ["done", "again", "written-since"])
def test_transcript_of_an_undo(
    case: str,
    width: str,
    logs: Path,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = logs / "damaged" / "torn-incr-last" / "appendonlydir"
    run(["fix", "--yes", str(folder)])
    (receipt,) = folder.glob("aoftool-fix-*")
    if case == "again":
        run(["undo", str(receipt)])
    if case == "written-since":
        with (folder / "appendonly.aof.3.incr.aof").open("ab") as stream:
            stream.write(b"*1\r\n$4\r\nPING\r\n")
    capsys.readouterr()

    check_transcript(request, logs, f"undo-{case}", width, ["undo", str(receipt)])
