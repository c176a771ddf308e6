"""Time `aoftool rewrite` against a server that loads the log and rewrites it, side by side in one run.

    python -m benchmarks.rewrite --size 1.5G --runs 3
    python -m benchmarks.rewrite --size 64M --runs 1 --check

The server's time runs from the start of its process until BGREWRITEAOF has ended; ours is that of a cold
`aoftool rewrite LOG -o OUT`. They take turns on warm files; the median counts.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.generate import parse_size, write_base_and_tail, write_log
from benchmarks.run import MEASURE, ours
from tests.servers import Build, Server, require_build

WORKLOADS = ("overwrite", "mixed", "insert-only", "base-and-tail")
OTHER_WORKLOADS = ("long-scores", "server-tool", "replacing")
MIB = 1 << 20
POLL_S = 0.005


@dataclass
class Side:
    """Collect the runs of one contender on one log."""

    elapsed_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    peak_kib: int = 0
    size_bytes: int = 0

    def add(self, elapsed_s: float, cpu_s: float, peak_kib: int, size_bytes: int) -> None:
        """Add one run."""
        self.elapsed_s.append(elapsed_s)
        self.cpu_s.append(cpu_s)
        self.peak_kib = max(self.peak_kib, peak_kib)
        self.size_bytes = size_bytes


@dataclass
class Row:
    """One workload on both sides."""

    workload: str
    size_bytes: int
    server: Side = field(default_factory=Side)
    tool: Side = field(default_factory=Side)
    keys: int = 0
    equal: bool | None = None

    @property
    def ratio(self) -> float:
        """Return how many times longer the server takes."""
        return statistics.median(self.server.elapsed_s) / statistics.median(self.tool.elapsed_s)


def make_log(directory: Path, workload: str, size: str, build: Build) -> Path:
    """Return the data directory of a generated log, made when it is not there yet.

    It holds `appendonlydir` with a manifest. The base of `base-and-tail` is saved by a real server.
    """
    target = directory / f"{workload}-{size}"
    log = target / "appendonlydir"
    if (log / "appendonly.aof.manifest").exists():
        return target
    print(f"making {target}", file=sys.stderr)
    log.mkdir(parents=True, exist_ok=True)
    manifest = b""
    incr = log / "appendonly.aof.1.incr.aof"
    if workload == "base-and-tail":
        base = log / "appendonly.aof.1.base.rdb"
        write_base_and_tail(base, incr, parse_size(size), lambda source: save_base(build, source, base))
        manifest += f"file {base.name} seq 1 type b\n".encode()
    else:
        write_log(incr, workload, parse_size(size))
    (log / "appendonly.aof.manifest").write_bytes(manifest + f"file {incr.name} seq 1 type i\n".encode())
    return target


def save_base(build: Build, source: Path, base: Path) -> None:
    """Let a server load a log and keep the base file that its rewrite makes."""
    server = _server(build)
    server.log_directory.mkdir()
    os.link(source, server.log_directory / "appendonly.aof.1.base.aof")
    server.log_target.write_bytes(b"file appendonly.aof.1.base.aof seq 1 type b\n")
    with server:
        server.rewrite(600)
        (made,) = server.log_directory.glob("*.base.rdb")
        made.rename(base)


def _server(build: Build, data: Path | None = None) -> Server:
    """Return a server with its usual settings that is to load a log, without a copy of it."""
    server = Server(build, databases=16, timeout_s=600)
    if data is not None:
        server.log_directory.mkdir()
        for file in (data / "appendonlydir").iterdir():
            if file.name.endswith(".manifest"):
                shutil.copyfile(file, server.log_directory / file.name)
            else:
                os.link(file, server.log_directory / file.name)
    return server


def run_server(build: Build, data: Path, side: Side) -> None:
    """Load a log and rewrite it, from the start of the process to the end of the rewrite."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    server = _server(build, data)
    started = time.perf_counter()
    with server:
        server.send("BGREWRITEAOF")
        while server.info("persistence")["aof_rewrite_in_progress"] != "0":
            time.sleep(POLL_S)
        elapsed_s = time.perf_counter() - started
        peak_kib = _peak_kib(server.pid)
        (base,) = server.log_directory.glob("*.base.rdb")
        size_bytes = base.stat().st_size
        server.stop()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    side.add(elapsed_s, cpu_s, peak_kib, size_bytes)


def _peak_kib(pid: int) -> int:
    """Return the greatest resident size the server itself had; that of its child is not counted."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def run_tool(data: Path, out: Path, side: Side) -> None:
    """Rewrite a log from a cold process."""
    contender = ours("rewrite")
    shutil.rmtree(out, ignore_errors=True)
    command = [contender.program, contender.program, "rewrite", str(data / "appendonlydir"), "-o", str(out)]
    done = subprocess.run(
        [sys.executable, "-I", "-S", MEASURE, *command, "--target", "valkey-9", "-q"],
        stdout=subprocess.PIPE,
        check=True,
    )
    taken = json.loads(done.stdout)
    if taken["exit"]:
        raise SystemExit(f"aoftool rewrite ended with {taken['exit']} on {data}")
    size_bytes = sum(file.stat().st_size for file in out.rglob("*") if file.suffix in (".rdb", ".aof"))
    side.add(taken["elapsed_s"], taken["cpu_s"], taken["peak_kib"], size_bytes)


def state(build: Build, data: Path) -> tuple[int, bytes]:
    """Return the number of keys and the digest of all databases that a server has after loading a log."""
    with _server(build, data) as server:
        server.send("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        keys = sum(int(text.split(",")[0].removeprefix("keys=")) for text in server.info("keyspace").values())
        return keys, server.send("DEBUG", "DIGEST")


def as_data_directory(out: Path, directory: Path) -> Path:
    """Return a data directory whose `appendonlydir` is the rewritten log."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    out.rename(directory / "appendonlydir")
    return directory


def compete(options: argparse.Namespace, build: Build, workload: str) -> Row:
    """Let server and tool take turns on one workload."""
    data = make_log(options.dir, workload, options.size, build)
    files = [file for file in (data / "appendonlydir").iterdir() if file.suffix in (".aof", ".rdb")]
    row = Row(workload, sum(file.stat().st_size for file in files))
    out = Path(options.dir) / "rewritten"
    for _ in range(options.runs):
        for file in files:
            _warm(file)
        run_tool(data, out, row.tool)
        if not options.no_server:
            run_server(build, data, row.server)
    if options.check:
        result = as_data_directory(out, Path(options.dir) / "rewritten-data")
        row.keys, digest = state(build, data)
        row.equal = (row.keys, digest) == state(build, result)
        shutil.rmtree(result)
    shutil.rmtree(out, ignore_errors=True)
    return row


def _warm(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        while file.read(8 * MIB):
            pass


COLUMNS: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("log", lambda row: row.workload),
    ("MiB", lambda row: f"{row.size_bytes / MIB:.0f}"),
    ("server s", lambda row: f"{statistics.median(row.server.elapsed_s):.2f}"),
    ("ours s", lambda row: f"{statistics.median(row.tool.elapsed_s):.2f}"),
    ("times", lambda row: f"{row.ratio:.2f}"),
    ("server cpu s", lambda row: f"{statistics.median(row.server.cpu_s):.2f}"),
    ("ours cpu s", lambda row: f"{statistics.median(row.tool.cpu_s):.2f}"),
    ("server peak MiB", lambda row: f"{row.server.peak_kib / 1024:.0f}"),
    ("ours peak MiB", lambda row: f"{row.tool.peak_kib / 1024:.0f}"),
    ("server base MiB", lambda row: f"{row.server.size_bytes / MIB:.1f}"),
    ("ours MiB", lambda row: f"{row.tool.size_bytes / MIB:.1f}"),
    ("equal", lambda row: "-" if row.equal is None else f"{'yes' if row.equal else 'NO'}, {row.keys} keys"),
)


def show(rows: list[Row]) -> None:
    """Print one table."""
    cells = [[name for name, _ in COLUMNS]] + [[cell(row) for _, cell in COLUMNS] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))


def main() -> None:
    """Run the workloads and print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS + OTHER_WORKLOADS, default=WORKLOADS)
    parser.add_argument("--size", default="1.5G", help="of each log, such as 64M")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--check", action="store_true", help="load both on a server and compare the data")
    parser.add_argument("--no-server", action="store_true", help="time ours alone")
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()) / "aoftool-benchmarks")
    parser.add_argument("--json", type=Path, help="write every run to this file")
    options = parser.parse_args()
    if options.no_server:
        for workload in options.workloads:
            row = compete(options, require_build("valkey-9"), workload)
            print(workload, asdict(row.tool))
        return
    rows = [compete(options, require_build("valkey-9"), workload) for workload in options.workloads]
    show(rows)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
