"""`--jobs`: so many work at once, and the answer is the same for any number."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from aoftool.cli.app import run
from aoftool.resp import scanner
from aoftool.resp.pieces import ranges
from tests.builders import log, select
from tests.kernels import needs

PROCESSORS = 3
VERBS = [["check"], ["inspect", "--no-contents"]]


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = tmp_path / "a.aof"
    path.write_bytes(log(select(0), *(("SET", f"k:{n}", "x" * (n % 97)) for n in range(1000))))
    return str(path)


@pytest.fixture
def at_work(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Return the threads that take ranges of a file, on a machine with three processors and small ranges."""
    seen: set[int] = set()
    work = ranges.RangeScan.work

    def watched(shared: ranges.RangeScan, *args: Any) -> None:
        seen.add(threading.get_ident())
        everybody.wait(timeout=30)  # so that nobody is done before the last one has begun
        work(shared, *args)

    everybody = threading.Barrier(PROCESSORS)
    monkeypatch.setattr(ranges.RangeScan, "work", watched)
    monkeypatch.setattr(scanner, "_SHARED_BYTES", 4096)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(PROCESSORS)))
    return seen


@needs("aoftool.resp._scan_cy")
@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_as_many_threads_work_as_there_are_processors(
    words: list[str], path: str, at_work: set[int], capsys: pytest.CaptureFixture[str]
) -> None:
    answers = []
    for more, workers in (([], PROCESSORS), (["--jobs", "3"], 3), (["--jobs", "1"], 0)):
        at_work.clear()
        assert run([*words, *more, "--json", path]) == 0
        assert len(at_work) == workers, more
        answers.append(capsys.readouterr().out)

    assert answers[0] == answers[1] == answers[2]
