"""What `aoftool rewrite --jobs N` costs: processor time of the process that leads, and of those it starts.

    python -m benchmarks.jobs --size 96M --jobs 1 2 4 8

With as many idle processors as processes a rewrite cannot take less than the time of the leading process and
the Nth part of the others: the last column, which other work on the machine hardly changes.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import os
import sys
import tempfile
from pathlib import Path

from aoftool.cli.app import run
from benchmarks.generate import PROFILES, parse_size, write_log


def measure(path: Path, out: Path, jobs: int) -> tuple[float, float, str]:
    """Rewrite in a new process; return its seconds, those of its children, and a digest of the result."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        words = ["rewrite", "-q", "--now", "2026-01-01T00:00:00", "--written-by", "valkey-9.1"]
        with contextlib.redirect_stdout(io.StringIO()):
            code = run([*words, "--jobs", str(jobs), "-o", str(out), str(path)])
        used = os.times()
        own, others = used.user + used.system, used.children_user + used.children_system
        os.write(writing, f"{own} {others}".encode())
        os._exit(code)
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(f"the rewrite failed with {os.waitstatus_to_exitcode(status)}")
    own, others = map(float, os.read(reading, 100).split())
    os.close(reading)
    os.close(writing)
    return own, others, hashlib.sha256(out.read_bytes()).hexdigest()


def main() -> None:
    """Print a row for each number of processes; end with 1 where the bytes of the results differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--size", default="96M")
    parser.add_argument(
        "--profiles", nargs="+", default=["mixed", "insert-only", "small-hashes"], choices=sorted(PROFILES)
    )
    parser.add_argument("--jobs", nargs="+", type=int, default=[1, 2, 4, 8])
    options = parser.parse_args()
    same = True
    for profile in options.profiles:
        with tempfile.TemporaryDirectory(prefix="aoftool-bench-", dir="/var/tmp") as name:
            path, out = Path(name) / "log.aof", Path(name) / "out.aof"
            write_log(path, profile, parse_size(options.size))
            digests = set()
            for jobs in options.jobs:
                own, others, digest = measure(path, out, jobs)
                out.unlink()
                digests.add(digest)
                seconds = f"own {own:6.2f} s  others {others:6.2f} s  at least {own + others / jobs:6.2f} s"
                print(f"{profile:12} --jobs {jobs}  {seconds}", flush=True)
            same = same and len(digests) == 1
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
