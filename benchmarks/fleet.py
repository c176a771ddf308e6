"""Time `aoftool fleet` over many logs against single runs of `check` and `inspect`, side by side in one run.

    python -m benchmarks.fleet --logs 1000 --size 1M

The logs are names of a few files, so that the disk holds little. Single runs are cold processes, one after
the other, `--singles` of them, from which the sum for all is reckoned. One process (`--jobs 1`) stands
beside: it tells what more processes bring, without what a start costs. Ends with 1 below 1.7 times.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.generate import PROFILES, parse_size, write_log

GOAL = 1.7


def _timed(words: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "aoftool", *words], check=False, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> int:
    """Print the table; 1 where the goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--logs", type=int, default=1000)
    parser.add_argument("--size", default="1M")
    parser.add_argument("--singles", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aoftool-fleet-") as name:
        folder = Path(name)
        made = []
        for profile in sorted(PROFILES):
            path = folder / f"{profile}.log"
            write_log(path, profile, parse_size(asked.size))
            made.append(path)
        logs = [folder / f"node-{number:04}.aof" for number in range(asked.logs)]
        for number, path in enumerate(logs):
            os.link(made[number % len(made)], path)
        total = sum(path.stat().st_size for path in logs)
        pattern = f"{folder}/node-*.aof"
        many = _timed(["fleet", "--json", "--quiet", "--jobs", str(asked.jobs), pattern])
        one = _timed(["fleet", "--json", "--quiet", "--jobs", "1", pattern])
        some = logs[: asked.singles]
        single = sum(
            _timed([verb, "--json", "--quiet", str(path)]) for path in some for verb in ("check", "inspect")
        )
    single *= asked.logs / len(some)
    rows = ((f"fleet, {asked.jobs} jobs", many), ("fleet, 1 job", one), ("single runs, reckoned", single))
    for label, seconds in rows:
        rates = f"{asked.logs / seconds:7.1f} logs/s  {total / seconds / 1e6:6.1f} MB/s"
        print(f"{label:<24} {seconds:8.1f} s  {rates}")
    print(f"{'against single runs':<24} {single / many:8.1f} times")
    print(f"{'against one job':<24} {one / many:8.1f} times")
    return 0 if single / many >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
