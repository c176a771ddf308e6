"""Hold the export of the commands of a log, and queries of them, against `inspect --contents`.

    python -m benchmarks.tables --size 1.5G --runs 3

Cold processes on a warm file, taking turns, by processor time. `export --table commands` in any format is to
be at least half as fast as `inspect --contents`; ends with 1 where it is not.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.generate import parse_size, write_log
from benchmarks.run import Contender, Result, measure

MOST_TIMES_SLOWER = 2.0
FORMATS = ("parquet", "arrow", "csv", "jsonl")
QUERIES = (
    "SELECT count(*) FROM commands",
    "SELECT name, count(*), sum(size_bytes) FROM commands GROUP BY name",
    "SELECT key, count(*) AS n FROM commands GROUP BY key ORDER BY n DESC LIMIT 10",
    "SELECT * FROM files",
)


def main() -> None:
    """Print a row for each way, and end with 1 where the commands are written too slowly."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--size", default="256M")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--profile", default="overwrite")
    parser.add_argument("--savings", action="store_true", help="find what becomes of commands, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aoftool-bench-") as name:
        path, out = Path(name) / "log.aof", Path(name) / "out"
        write_log(path, options.profile, parse_size(options.size))
        path.read_bytes()
        ways = contenders(path, out, savings=options.savings)
        results = {way.name: Result(way.name, path.name, path.stat().st_size) for way in ways}
        for _ in range(options.runs):
            for way in ways:
                measure(way, path, results[way.name])
                shutil.rmtree(out, ignore_errors=True)
    base = statistics.median(results["inspect"].cpu_s)
    print(f"{options.profile}, {parse_size(options.size) >> 20} MiB, medians of {options.runs} runs")
    slow = False
    for label, result in results.items():
        wall, taken = statistics.median(result.elapsed_s), statistics.median(result.cpu_s)
        slow = slow or (label in FORMATS and taken > MOST_TIMES_SLOWER * base)
        times = f"{wall:7.2f} s wall {taken:7.2f} s cpu {result.peak_kib >> 10:5} MiB"
        print(f"  {label:36} {times}  {base / taken:5.2f}x")
    sys.exit(1 if slow else 0)


def contenders(path: Path, out: Path, *, savings: bool) -> list[Contender]:
    """Return the ways; each is given the log behind its words."""
    told = ("--savings",) if savings else ("--no-savings",)
    aoftool = (sys.executable, "-m", "aoftool")
    found = [Contender("inspect", sys.executable, (*aoftool, "inspect", "--contents", *told))]
    for form in FORMATS:
        words = ("export", "-q", "--table", "commands", "--format", form, *told, "-o", str(out))
        found.append(Contender(form, sys.executable, (*aoftool, *words)))
    for number, query in enumerate(QUERIES, 1):
        # The query stands behind the path on a command line, so this one is put together here.
        code = f"import sys; from aoftool.cli.app import run; sys.exit(run(['sql', sys.argv[1], {query!r}]))"
        found.append(Contender(f"sql {number}: {query[:26]}", sys.executable, (sys.executable, "-c", code)))
    return found


if __name__ == "__main__":
    main()
