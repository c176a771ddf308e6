"""Hold the Python API against the verbs: how fast it iterates over the same log, by processor time.

    python -m benchmarks.api --size 64M --runs 3

`log --json` without a filter by name or key is not among them: it makes lines of bytes, and no rows.

Both are cold processes on a warm file that throw their output away. A ratio of 1 means that a program gets
the rows as fast as the verb prints them; 0.5 is what docs/api.md promises at least.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.generate import parse_size, write_log
from benchmarks.run import Contender, Result, measure

MOST_TIMES_SLOWER = 2.0


@dataclass(frozen=True)
class Pair:
    """One verb, and the loop of a program that gets the same rows."""

    verb: tuple[str, ...]
    loop: str


ON_LOG = (
    Pair(("log", "--json", "--cmd", "SET"), "for row in aoftool.commands(log, names=['SET']): pass"),
    Pair(("keys", "--json"), "for row in aoftool.keys(log): pass"),
    Pair(
        ("history", "--json", "--match", "*001"),
        "for row in aoftool.history(log, pattern=aoftool.Pattern.glob('*001')): pass",
    ),
)
ON_RDB = (
    Pair(("keys", "--json"), "for row in aoftool.keys(log): pass"),
    Pair(("keys", "--json", "--values"), "for row in aoftool.keys(log, values=True): pass"),
)


def contenders(pair: Pair) -> tuple[Contender, Contender]:
    """Return the verb and the program."""
    program = f"import sys, aoftool\nlog = aoftool.open_log(sys.argv[1])\n{pair.loop}"
    verb = (sys.executable, "-m", "aoftool", *pair.verb)
    return (
        Contender(" ".join(pair.verb), sys.executable, verb),
        Contender(pair.loop, sys.executable, (sys.executable, "-c", program)),
    )


def compared(pair: Pair, path: Path, runs: int) -> tuple[float, float]:
    """Return the median processor times of the verb and of the program, taking turns."""
    both = contenders(pair)
    results = [Result(entry.name, path.name, path.stat().st_size) for entry in both]
    for _ in range(runs):
        for contender, result in zip(both, results, strict=True):
            measure(contender, path, result)
            assert result.exit == 0, contender.name
    verb_s, program_s = (statistics.median(result.cpu_s) for result in results)
    return verb_s, program_s


def main() -> None:
    """Print a row for each pair and end with 1 where a program is too slow."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--size", default="64M")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--profile", default="mixed")
    options = parser.parse_args()
    slow = 0
    with tempfile.TemporaryDirectory(prefix="aoftool-bench-") as name:
        log, rdb = Path(name) / "log.aof", Path(name) / "data.rdb"
        write_log(log, options.profile, parse_size(options.size))
        words = ("rewrite", "--quiet", "--layout", "single", "-o", str(rdb), str(log))
        subprocess.run([sys.executable, "-m", "aoftool", *words], check=True, stdout=subprocess.DEVNULL)
        for path, pairs in ((log, ON_LOG), (rdb, ON_RDB)):
            print(f"{path.name}: {path.stat().st_size / (1 << 20):.0f} MiB, processor seconds")
            for pair in pairs:
                verb_s, program_s = compared(pair, path, options.runs)
                slow += program_s > MOST_TIMES_SLOWER * verb_s
                words_shown = " ".join(pair.verb)
                print(
                    f"  {words_shown:28} {verb_s:6.2f}  program {program_s:6.2f}  {verb_s / program_s:5.2f}x"
                )
    sys.exit(1 if slow else 0)


if __name__ == "__main__":
    main()
