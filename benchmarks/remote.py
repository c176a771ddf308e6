"""Time `aoftool check` of a log in a store against the store itself, side by side in one run.

    python -m benchmarks.remote --size 1G
    python -m benchmarks.remote --size 1G --latency 0.02

The store is a process of its own on the loopback interface that gives ranges of one file as S3 does, each
answer after a pause where one is asked for. Its own speed is that of boto3, which reads the object front to
back and drops it. Each reader is a cold process; they take turns, and medians count. `check` of the same log
on the disk stands beside: it is part of what is done from a store. Ends with 1 below 60 % of the slower one.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.generate import PROFILES, parse_size, write_log

GOAL = 0.6
_BOTO = """
import sys, boto3
body = boto3.client("s3").get_object(Bucket="bench", Key="log.aof")["Body"]
while body.read(1 << 20):
    pass
"""
_EMPTY = b"<?xml version='1.0'?><ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>"
_KEYS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_DEFAULT_REGION": "us-east-1"}


def _serve(path: str, latency_s: float, told: Connection) -> None:
    """Give ranges of one file, whatever is asked for, until the process is ended."""
    size = os.path.getsize(path)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16

        def _head(self) -> tuple[int, int]:
            asked = self.headers.get("Range")
            start, end = 0, size - 1
            if asked:
                first, _, last = asked.removeprefix("bytes=").partition("-")
                start, end = int(first), min(int(last or end), end)
            time.sleep(latency_s)
            self.send_response(206 if asked else 200)
            self.send_header("Content-Length", str(end + 1 - start))
            if asked:
                self.send_header("Content-Range", f"bytes {start}-{end}/{size}")
            self.send_header("ETag", '"0123456789abcdef0123456789abcdef"')
            self.send_header("Last-Modified", "Sat, 21 Nov 2026 10:00:00 GMT")
            self.end_headers()
            self.wfile.flush()
            return start, end + 1

        def do_HEAD(self) -> None:
            self._head()

        def do_GET(self) -> None:
            if "list-type" in self.path:
                self.send_response(200)
                self.send_header("Content-Length", str(len(_EMPTY)))
                self.end_headers()
                self.wfile.write(_EMPTY)
                return
            start, end = self._head()
            with open(path, "rb") as file:
                while start < end:
                    start += os.sendfile(self.connection.fileno(), file.fileno(), start, end - start)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.send(server.server_address[1])
    server.serve_forever()


def _timed(words: list[str], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(words, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> int:
    """Print the table; 1 where the goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="1G")
    parser.add_argument("--profile", default="overwrite", choices=sorted(PROFILES))
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()) / "aoftool-bench")
    asked = parser.parse_args()
    asked.dir.mkdir(parents=True, exist_ok=True)
    log = asked.dir / f"remote-{asked.profile}-{asked.size}.aof"
    if not log.exists():
        write_log(log, asked.profile, parse_size(asked.size))
    size = log.stat().st_size
    mine, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve, args=(str(log), asked.latency, theirs), daemon=True)
    server.start()
    environment = {**os.environ, **_KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{mine.recv()}"}
    aoftool = [sys.executable, "-m", "aoftool", "check", "--quiet"]
    contenders = {
        "the store, read by boto3": [sys.executable, "-c", _BOTO],
        "aoftool check, disk": [*aoftool, str(log)],
        "aoftool check, store": [*aoftool, "s3://bench/log.aof"],
    }
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    try:
        for _ in range(asked.runs):
            for name, words in contenders.items():
                taken[name].append(_timed(words, environment))
    finally:
        server.terminate()
    medians = {name: statistics.median(times) for name, times in taken.items()}
    for name, median in medians.items():
        print(f"{name:<26} {median:7.2f} s  {size / median / 1e6:7.0f} MB/s")
    store, disk, both = medians.values()
    ratio = max(store, disk) / both
    print(f"{'of the slower of the two':<26} {ratio:7.0%}  (of the store alone {store / both:.0%})")
    return 0 if ratio >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
