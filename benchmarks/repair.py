"""Time `aoftool fix --salvage` on a large log with one flipped bit, beside `check` and beside a plain copy.

    python -m benchmarks.repair --size 1.5G --runs 5

Each run flips another bit in the framing of another command, chosen by seed. `check` reads the healthy log:
that is the speed of the scanner. The synced copy is the least that any repair costs which keeps the original:
it writes the log once and waits for the disk. Cold processes, warm files, in turns; the median counts.
Give a `--dir` in memory (`/dev/shm`) to time all but the disk.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path

from aoftool.files.source import open_source
from aoftool.resp.scanner import tally
from benchmarks.run import MIB, Contender, Result, make_log, measure, ours, plain

HEADER_BYTES = 14
"""Bytes at the start of a command that are framing, or its name: `*3\\r\\n$3\\r\\nSET\\r\\n$`."""


def flip(path: Path, rng: random.Random) -> tuple[int, int]:
    """Flip one bit in the head of a command; return its offset and the byte as it was."""
    with path.open("r+b", buffering=0) as file:
        somewhere = rng.randrange(path.stat().st_size - MIB)
        start = somewhere + os.pread(file.fileno(), MIB, somewhere).index(b"\r\n*") + 2
        at = start + rng.randrange(HEADER_BYTES)
        before = os.pread(file.fileno(), 1, at)[0]
        os.pwrite(file.fileno(), bytes([before ^ 1 << rng.randrange(8)]), at)
        os.fsync(file.fileno())
    return at, before


def put_back(path: Path, at: int, before: int) -> None:
    """Make a log healthy again."""
    with path.open("r+b", buffering=0) as file:
        os.pwrite(file.fileno(), bytes([before]), at)
        os.fsync(file.fileno())


def commands_in(path: Path) -> int:
    """Return how many whole commands a log has from its start on."""
    with open_source(path) as source:
        return tally(source, workers=2).commands


def one_run(log: Path, work: Path, rng: random.Random, results: dict[str, Result]) -> int:
    """Damage the log in `work`, repair it, take that back; return how many commands the repair lost."""
    victim, copy = work / "appendonly.aof", work / "copy"
    at, before = flip(victim, rng)
    measure(ours("check -q"), log, results["check, healthy log"])
    measure(ours("fix --salvage --dry-run -q"), victim, results["fix --dry-run: the plan"])
    measure(ours("fix --salvage --yes -q"), victim, results["fix --yes: plan and repair"])
    lost = commands_in(log) - commands_in(victim)
    folders = list(work.glob("aoftool-fix-*"))
    for folder in folders:
        measure(ours("undo"), folder, results["undo"])
        shutil.rmtree(folder)
    put_back(victim, at, before)
    os.sync()
    measure(_copy(copy, "conv=fsync"), log, results["dd, synced"])
    copy.unlink()
    os.sync()
    measure(_copy(copy, ""), log, results["dd, not synced"])
    copy.unlink()
    os.sync()
    return lost


def _copy(to: Path, how: str) -> Contender:
    return plain("sh", "-c", f'dd if="$0" of="{to}" bs=4M {how} 2>/dev/null')


def show(results: list[Result], lost: list[int]) -> None:
    """Print one table, the last column in times of `check`."""
    scan_s = results[0].median_s
    print(f"\n{results[0].file}: {results[0].size_bytes / MIB:.0f} MiB, median of {len(lost)} runs")
    print(f"{'step':28}{'wall s':>9}{'least':>8}{'MB/s':>8}{'cpu s':>8}{'peak MiB':>10}{'/ check':>9}")
    for entry in results:
        if not entry.elapsed_s:
            continue
        cpu_s = sorted(entry.cpu_s)[len(entry.cpu_s) // 2]
        print(
            f"{entry.name:28}{entry.median_s:9.2f}{min(entry.elapsed_s):8.2f}"
            f"{entry.size_bytes / entry.median_s / 1e6:8.0f}{cpu_s:8.2f}{entry.peak_kib / 1024:10.0f}"
            f"{entry.median_s / scan_s:9.1f}"
        )
    print(f"commands lost in each run: {' '.join(map(str, lost))}")


def main() -> None:
    """Run it and print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--profile", default="overwrite")
    parser.add_argument("--size", default="1.5G", help="of the log, such as 256M")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path, help="a healthy log to use instead of a generated one")
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()) / "aoftool-benchmarks")
    parser.add_argument("--json", type=Path, help="write every run to this file")
    options = parser.parse_args()
    options.dir.mkdir(parents=True, exist_ok=True)
    log = options.log or make_log(options.dir, options.profile, options.size)
    names = (
        "check, healthy log",
        "fix --dry-run: the plan",
        "fix --yes: plan and repair",
        "undo",
        "dd, synced",
        "dd, not synced",
    )
    results = {name: Result(name, log.name, log.stat().st_size) for name in names}
    rng = random.Random(options.seed)
    work = Path(tempfile.mkdtemp(dir=options.dir, prefix="repair-"))
    try:
        shutil.copyfile(log, work / "appendonly.aof")
        os.sync()
        lost = [one_run(log, work, rng, results) for _ in range(options.runs)]
    finally:
        shutil.rmtree(work)
    show(list(results.values()), lost)
    if options.json:
        options.json.write_text(json.dumps([asdict(entry) for entry in results.values()], indent=1) + "\n")


if __name__ == "__main__":
    main()
