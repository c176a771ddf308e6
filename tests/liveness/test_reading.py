"""However a log is cut into pieces while it is read, its trace is the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.commands.effects import EffectTable
from aoftool.errors import SourceError
from aoftool.files.threads import ahead as read_ahead
from aoftool.files.threads.ahead import ReadAhead
from aoftool.liveness import reading
from aoftool.liveness.model import Trace
from aoftool.liveness.reading import Tail, TailEnd, trace_tails
from tests import builders
from tests.random_logs import Mix, random_log
from tests.servers import Build

NEWEST = Build("valkey", (9, 1, 2), Path())


def rows(trace: Trace) -> list[list[int]]:
    return [
        column.tolist()
        for chunk in trace.chunks
        for column in (chunk.offsets, chunk.names, chunk.ops, chunk.keys, chunk.ref_keys, chunk.ref_effects)
    ]


def traced(path: Path, piece: int, margin: int, monkeypatch: pytest.MonkeyPatch) -> tuple[object, TailEnd]:
    with monkeypatch.context() as patch:
        patch.setattr(reading, "_PIECE_BYTES", piece)
        for module in (reading, read_ahead):
            patch.setattr(module, "MARGIN_BYTES", margin)
        trace, (end,) = trace_tails([Tail(str(path))], EffectTable(16))
    return rows(trace), end


@pytest.mark.parametrize("piece", [1, 7, 64, 1000])
@pytest.mark.parametrize("margin", [0, 5, 100, 65536])
def test_pieces_of_any_size(piece: int, margin: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.aof"
    log = builders.log(*random_log(piece, NEWEST, 40, Mix(keys=5)), [b"SET", b"k", b"v" * 3000])
    path.write_bytes(log + b"#TS:1\r\n" + builders.command("DEL", "k") + b"*2\r\n$3\r\nDEL\r\n$1")

    whole = traced(path, 1 << 20, 1 << 16, monkeypatch)
    found = traced(path, piece, margin, monkeypatch)

    assert found == whole
    assert found[1].torn_bytes == len(b"*2\r\n$3\r\nDEL\r\n$1")


def test_a_failure_while_reading_ahead_reaches_the_reader() -> None:
    class Broken:
        def read_into(self, buffer: memoryview) -> int:
            raise SourceError("gone")

    with pytest.raises(SourceError, match="gone"), ReadAhead(Broken(), 10, None) as pieces:  # type: ignore[arg-type]
        next(iter(pieces))
