"""The memory of a rewrite under `--memory-limit`, all its processes together, as the kernel tells it."""

from __future__ import annotations

import filecmp
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import builders

LIMIT_BYTES = 256 << 20
KEYS = 4_000_000
STEP = 10_000
POLL_S = 0.02

Maker = Callable[[int], tuple[str, ...]]


def write_log(path: Path, maker: Maker, keys: int) -> None:
    with open(path, "wb") as file:
        for first in range(0, keys, STEP):
            file.write(builders.log(*[maker(number) for number in range(first, min(first + STEP, keys))]))


def rewrite(path: Path, out: Path, *options: str) -> int:
    """Run the command line and return the most memory that it and its workers had at once.

    The peak of each process alone is the kernel's own; their sum is looked at every now and then.
    """
    words = ["rewrite", str(path), "-o", str(out), "-q", "--now", "1800000000", *options]
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    command = [sys.executable, "-m", "aoftool", *words]
    child = os.posix_spawn(sys.executable, command, os.environ, file_actions=silent)
    peak = ended = 0
    while not ended:
        time.sleep(POLL_S)
        peak = max(peak, sum(map(memory_bytes, family(child))))
        ended, status, usage = os.wait4(child, os.WNOHANG)
    assert status == 0
    return max(peak, usage.ru_maxrss << 10)


def family(pid: int) -> Iterator[int]:
    """Yield a process and those that it started."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from family(int(child))


def memory_bytes(pid: int) -> int:
    """Return the memory of a process, what it shares with others counted once among them."""
    try:
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) << 10 if found else 0


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="the memory of processes is read from /proc")
@pytest.mark.parametrize(
    "maker",
    [
        lambda number: ("SET", f"user:{number}:profile", "x" * 220),
        lambda number: ("HSET", f"h:{number * 7919 % 1_000_000}", f"f{number % 8}", "x" * 220),
    ],
    ids=["strings", "hashes"],
)
def test_a_data_set_of_a_gigabyte_fits_into_the_limit(tmp_path: Path, maker: Maker) -> None:
    path, whole = tmp_path / "log.aof", tmp_path / "whole.aof"
    write_log(path, maker, KEYS)
    print(
        f"\n{path.stat().st_size >> 20} MiB of log, {rewrite(path, whole) >> 20} MiB without a limit", end=""
    )

    for jobs in ("1", "2", "4"):
        out = tmp_path / f"out-{jobs}.aof"
        peak = rewrite(path, out, "--memory-limit", "256MB", "--jobs", jobs)

        print(f", {peak >> 20} MiB with --jobs {jobs}", end="", flush=True)
        assert filecmp.cmp(out, whole, shallow=False)
        assert peak < LIMIT_BYTES
        out.unlink()
