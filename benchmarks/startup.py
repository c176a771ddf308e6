"""What a verb costs before it does anything: processor time on a tiny file against an empty interpreter.

    python -m benchmarks.startup --runs 15

The ratio is that of the medians of processes that take turns, so that a slow moment of the machine meets all
of them. `python3 -c pass` is the interpreter that runs this.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.run import Contender, Result, measure

GOALS = {"check": 5.0, "fix": 8.0, "inspect": 12.0, "rewrite": 12.0}
OPTIONS = {"fix": ("--dry-run",)}
TINY = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"


def contenders(compiled: Path) -> list[Contender]:
    """Return the empty program and the verbs; modules are compiled once, as an install does it."""
    environment = (("PYTHONDONTWRITEBYTECODE", ""), ("PYTHONPYCACHEPREFIX", str(compiled)))
    words = {"pass": ("-c", "pass")}
    words |= {verb: ("-m", "aoftool", verb, *OPTIONS.get(verb, ())) for verb in GOALS}
    return [
        Contender(name, sys.executable, (sys.executable, *argv), environment) for name, argv in words.items()
    ]


def main() -> None:
    """Print a row for each verb and end with 1 where one misses its goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aoftool-bench-") as name:
        path = Path(name) / "appendonly.aof"
        path.write_bytes(TINY)
        everyone = contenders(Path(name) / "compiled")
        results = {entry.name: Result(entry.name, path.name, len(TINY)) for entry in everyone}
        for entry in everyone:
            measure(entry, path, Result(entry.name, path.name, len(TINY)))
        for _ in range(options.runs):
            for entry in everyone:
                measure(entry, path, results[entry.name])
    median_s = {name: statistics.median(result.cpu_s) for name, result in results.items()}
    missed = 0
    print(f"python3 -c pass: {median_s['pass'] * 1000:.0f} ms of processor time")
    for verb, goal in GOALS.items():
        ratio = median_s[verb] / median_s["pass"]
        missed += ratio > goal
        print(f"  {verb:8} {median_s[verb] * 1000:5.0f} ms  {ratio:5.1f}x  (goal {goal:.0f}x)")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
