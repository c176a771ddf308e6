"""What live rows touch is the same in compiled code and in the reference."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from aoftool.columns import column_of, zeros
from aoftool.commands.effects import EffectTable
from aoftool.liveness.native import mark_dead
from aoftool.liveness.reading import Tail, trace_tails
from aoftool.rewrite.decide import _touches_py, touches
from tests import builders
from tests.kernels import needs
from tests.random_logs import Mix, random_log
from tests.servers import Build

NEWEST = Build("valkey", (9, 1, 2), Path())

needs_kernel = needs("touches")


@needs_kernel
@pytest.mark.parametrize("seed", range(40))
def test_random_logs(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(builders.log(*random_log(seed, NEWEST, 300, Mix(keys=5 + seed % 9))))
    trace, _ = trace_tails([Tail(str(path))], EffectTable(64))
    mark_dead(trace)
    size, draw = len(trace.keys), random.Random(seed)
    copied = bytearray(draw.randrange(2) for _ in range(size))
    shares = column_of("H", (draw.randrange(3) for _ in range(size)))
    answers = []

    for module in (touches, _touches_py):
        columns = [bytearray(size) for _ in range(4)]
        answer = []
        for chunk in trace.chunks:
            stop = len(chunk) * (seed % 4 + 1) // 4
            module.count_touches(chunk, stop, *columns[:3])
            rows, keys = module.first_rows(chunk, stop, columns[3])
            answer += [rows.tolist(), keys.tolist()]
            answer.append(module.needed_rows(chunk, stop, copied, None, 0, True).tolist())
            answer.append(module.needed_rows(chunk, stop, copied, shares, 0, True).tolist())
            answer.append(module.needed_rows(chunk, stop, copied, shares, 1, False).tolist())
        counts = [zeros("q", cells) for cells in (9 * len(trace.names),) * 2 + (16, len(trace.names))]
        for chunk in trace.chunks:
            module.count_rows(chunk, 9, *counts)
        answer += [column.tolist() for column in counts]
        answers.append([*answer, *columns])

    assert answers[0] == answers[1]
