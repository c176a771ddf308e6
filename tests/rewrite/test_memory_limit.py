"""The memory of a whole process under `--memory-limit`, as the kernel tells it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import builders

LIMIT_BYTES = 256 << 20
KEYS = 4_000_000
STEP = 10_000

Maker = Callable[[int], tuple[str, ...]]


def write_log(path: Path, maker: Maker, keys: int) -> None:
    with open(path, "wb") as file:
        for first in range(0, keys, STEP):
            file.write(builders.log(*[maker(number) for number in range(first, min(first + STEP, keys))]))


def peak_bytes(*words: str) -> int:
    """Run the command line and return the most memory it had."""
    child = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-m", "aoftool", *words])
    _, status, usage = os.wait4(child, 0)
    assert status == 0
    return usage.ru_maxrss << 10


@pytest.mark.soak
@pytest.mark.parametrize(
    "maker",
    [
        lambda number: ("SET", f"user:{number}:profile", "x" * 220),
        lambda number: ("HSET", f"h:{number * 7919 % 1_000_000}", f"f{number % 8}", "x" * 220),
    ],
    ids=["strings", "hashes"],
)
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_data_set_of_a_gigabyte_fits_into_the_limit(tmp_path: Path, maker: Maker, jobs: int) -> None:
    path, out = tmp_path / "log.aof", tmp_path / "out.aof"
    write_log(path, maker, KEYS)

    peak = peak_bytes(
        "rewrite", str(path), "-o", str(out), "--memory-limit", "256MB", "--jobs", str(jobs), "-q"
    )

    print(f"{path.stat().st_size >> 20} MiB of log, {peak >> 20} MiB of memory")
    assert peak < LIMIT_BYTES
