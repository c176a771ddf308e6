"""Hold `aoftool simulate` against live servers: rewrites, their bytes and their base files.

    python -m benchmarks.simulate --seconds 60 --servers valkey-9 redis-8

A log is recorded by a server that never rewrites, with times (`#TS`). It is then played at its own pace to
fresh servers with other settings, which keep every base file (`aof-disable-auto-gc`). What they did stands
beside what the simulation says of the recorded log: with the time that each child took by the server's log
("each d"), with the bytes a second that all of them wrote ("mean d"), and with nothing known ("default d").

A rewrite that is due as the log ends counts on one side and not on the other. So bytes are compared twice:
all, and of as many rewrites as both have. Ends with 1 where, by "each d" or "mean d", counts are more than
one and 8 % off, bytes of those that both have more than 5 %, or bases more than 2 % in the mean.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import socket
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from aoftool.aof.layout import find_log
from aoftool.files import open_source
from aoftool.resp.encode import encode_command
from aoftool.resp.sieve import SieveReader
from aoftool.resp.watch import Watch
from aoftool.simulate.measuring import measure_log
from aoftool.simulate.model import ChildTime, Measured, Row, Settings
from aoftool.simulate.running import run, size_at
from tests.servers import Build, Server, require_build

MIB = 1 << 20
SETTINGS = (
    (32, 100),
    (16, 100),
    (16, 50),
    (8, 200),
    (8, 100),
    (8, 50),
    (4, 100),
    (4, 25),
    (2, 50),
    (1, 25),
)
"""min-size in MiB, percentage."""
STEP_S = 0.02
AT_ONCE = 5
MOST_COUNT_OFF, MOST_BYTES_OFF, MOST_BASE_OFF = 0.08, 0.05, 0.02
_LINE = re.compile(r"^\d+:[MC] (\d+ \w{3} \d{4} [\d:.]{12}) \S (.*)$", re.MULTILINE)


@dataclass
class Played:
    """What a live server did with one pair of settings.

    Attributes:
        places: bytes appended before each fork.
        bases: sizes of the base files, in order.
        lives_s: how long each child took.
    """

    server: str
    settings: Settings
    places: list[int] = field(default_factory=list)
    bases: list[int] = field(default_factory=list)
    lives_s: list[float] = field(default_factory=list)


def workload(rng: random.Random, count: int, numbers: list[int]) -> bytes:
    """Return commands of a shop: sessions, carts, counters, a board, a trimmed queue, a log that grows."""
    parts: list[tuple[bytes, ...]] = []
    for _ in range(count):
        numbers[0] += 1
        kind, who = rng.randrange(20), int(20_000 * rng.random() ** 2)
        if kind < 9:
            text = rng.randbytes(rng.randrange(60, 400)).hex()
            parts.append((b"SET", b"session:%d" % who, text.encode()))
        elif kind < 13:
            cart = rng.randbytes(40).hex().encode()
            parts.append((b"HSET", b"cart:%d" % who, b"item%d" % rng.randrange(8), cart))
        elif kind < 15:
            parts.append((b"INCR", b"hits:%d" % who))
        elif kind < 17:
            parts.append((b"ZADD", b"board:%d" % (who % 50), b"%d" % rng.randrange(10**6), b"user%d" % who))
        elif kind < 18:
            parts += [
                (b"LPUSH", b"queue", rng.randbytes(60).hex().encode()),
                (b"LTRIM", b"queue", b"0", b"999"),
            ]
        elif kind < 19:
            parts.append((b"SET", b"event:%d" % numbers[0], rng.randbytes(50).hex().encode()))
        else:
            parts.append((b"DEL", b"session:%d" % who))
    return b"".join(map(encode_command, parts))


class Feed:
    """Send bytes to a server and throw its replies away."""

    def __init__(self, server: Server) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(server.socket_path))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while self._socket.recv(1 << 20):
            pass

    def send(self, data: bytes) -> None:
        """Send."""
        self._socket.sendall(data)

    def close(self) -> None:
        """End, once the server has answered all."""
        self._socket.shutdown(socket.SHUT_WR)
        self._reader.join()
        self._socket.close()


def record(build: Build, seconds: float, rate: float, into: Path) -> None:
    """Let a server that never rewrites write a log, and copy it."""
    rng, numbers = random.Random(1), [0]
    settings = {"aof-timestamp-enabled": "yes", "appendfsync": "everysec"}
    with Server(build, settings=settings) as server:
        feed = Feed(server)
        started, sent = time.monotonic(), 0
        while (now := time.monotonic() - started) < seconds:
            # A pace that changes: half to one and a half of the rate, in waves of 20 s.
            due = rate * (now + (now % 20) ** 2 / 40 - now % 20 / 2)
            while sent < due:
                data = workload(rng, 50, numbers)
                feed.send(data)
                sent += len(data)
            time.sleep(STEP_S)
        feed.close()
        server.stop()
        into.write_bytes(
            b"".join(path.read_bytes() for path in sorted(server.log_directory.glob("*.incr.aof")))
        )


def by_second(log: Path) -> list[tuple[int, list[bytes]]]:
    """Return the commands of a log by their `#TS`, as they stand there."""
    content = log.read_bytes()
    found: list[tuple[int, list[bytes]]] = []
    with open_source(log) as source:
        for command in SieveReader(source, Watch(min_length=1), start=0):
            if not found or found[-1][0] != command.time_s:
                found.append((command.time_s, []))
            found[-1][1].append(content[command.offset : command.offset + command.length])
    return found


def play(build: Build, settings: Settings, seconds: list[tuple[int, list[bytes]]], played: Played) -> None:
    """Play a log at its pace to a fresh server and note what it did."""
    wanted = {
        "aof-timestamp-enabled": "yes",
        "appendfsync": "everysec",
        "aof-disable-auto-gc": "yes",
        "auto-aof-rewrite-min-size": str(settings.min_size_bytes),
        "auto-aof-rewrite-percentage": str(settings.percentage),
    }
    with Server(build, settings=wanted) as server:
        feed = Feed(server)
        started, first = time.monotonic(), seconds[0][0]
        for second, commands in seconds:
            steps = round(1 / STEP_S)
            for step in range(steps):
                wait = started + second - first + step * STEP_S - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
                part = commands[len(commands) * step // steps : len(commands) * (step + 1) // steps]
                feed.send(b"".join(part))
        feed.close()
        ended = datetime.now()
        while server.info("persistence")["aof_rewrite_in_progress"] != "0":
            time.sleep(STEP_S)
        time.sleep(1)
        _note(server, played, ended)


def _note(server: Server, played: Played, ended: datetime) -> None:
    """Take the rewrites that were begun before the log had ended."""
    incrs = _numbered(server, "*.incr.aof")
    bases = _numbered(server, "*.base.rdb")
    done = 0
    for number in sorted(incrs):
        if number > 1:
            played.places.append(done)
        done += incrs[number]
    played.bases = [bases[number] for number in sorted(bases) if number > 1]
    begun = None
    for when, text in _LINE.findall(server.log_text()):
        moment = datetime.strptime(when, "%d %b %Y %H:%M:%S.%f")
        if "rewriting started by pid" in text:
            begun = moment if moment <= ended else None
        elif "rewrite terminated with success" in text and begun is not None:
            played.lives_s.append((moment - begun).total_seconds())
    del played.places[len(played.lives_s) :], played.bases[len(played.lives_s) :]


def _numbered(server: Server, pattern: str) -> dict[int, int]:
    paths = server.log_directory.glob(pattern)
    return {int(path.name.split(".")[2]): path.stat().st_size for path in paths}


def compare(measured: Measured, played: Played) -> dict[str, object]:
    """Return a row of the table."""
    lives = played.lives_s
    mean = ChildTime(0.0, sum(played.bases) / sum(lives)) if lives else ChildTime()
    each = run(measured, played.settings, mean, observed_s=lives)
    by_mean = run(measured, played.settings, mean)
    default = run(measured, played.settings, ChildTime())
    pairs = zip(played.places, played.bases, strict=False)
    errors = [abs(size_at(measured, place).size_bytes - size) / size for place, size in pairs]
    return {
        "server": played.server,
        "min_size_mib": played.settings.min_size_bytes // MIB,
        "percentage": played.settings.percentage,
        "real": len(played.places),
        "each_d": each.count,
        "mean_d": by_mean.count,
        "default_d": default.count,
        "mean_d_s": round(statistics.fmean(lives), 3) if lives else None,
        "real_mb": sum(played.bases) / 1e6,
        "each_off": _off(each, played),
        "mean_off": _off(by_mean, played),
        "each_mb": each.rewritten_bytes / 1e6,
        "mean_mb": by_mean.rewritten_bytes / 1e6,
        "worst_base": max(errors, default=0.0),
        "mean_base": statistics.fmean(errors) if errors else 0.0,
    }


def _off(simulated: Row, played: Played) -> float:
    """Return how far off the bytes are of as many rewrites as both have."""
    both = min(simulated.count, len(played.bases))
    real = sum(played.bases[:both])
    return abs(sum(each.base_bytes for each in simulated.rewrites[:both]) - real) / real if real else 0.0


def misses(row: dict[str, Any]) -> list[str]:
    """Return what of a row is further off than it may be."""
    most = max(1, MOST_COUNT_OFF * row["real"])
    found = [name for name in ("each_d", "mean_d") if abs(row[name] - row["real"]) > most]
    found += [name for name in ("each_off", "mean_off") if row[name] > MOST_BYTES_OFF]
    return found + (["mean_base"] if row["mean_base"] > MOST_BASE_OFF else [])


def show(rows: list[dict[str, Any]]) -> None:
    """Print the table."""
    heads = "real | each d | mean d | default d | MB real / each d / mean d | of both, off"
    heads += " | base off, mean / worst"
    print(f"| server, min-size MiB, % | {heads} |\n|---|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['server']}, {row['min_size_mib']}, {row['percentage']} | {row['real']} |"
            f" {row['each_d']} | {row['mean_d']} | {row['default_d']} |"
            f" {row['real_mb']:.1f} / {row['each_mb']:.1f} / {row['mean_mb']:.1f} |"
            f" {100 * row['each_off']:.1f} / {100 * row['mean_off']:.1f} % |"
            f" {100 * row['mean_base']:.2f} / {100 * row['worst_base']:.2f} % |"
        )


def main() -> None:
    """Run it and print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--rate", type=float, default=1.2e6, help="bytes a second")
    parser.add_argument("--servers", nargs="+", default=["valkey-9", "redis-8"])
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.servers:
            build = require_build(name)
            log = Path(folder) / f"{build.id}.aof"
            record(build, options.seconds, options.rate, log)
            measured, _ = measure_log(find_log(str(log)), written_by=build.release)
            seconds = by_second(log)
            runs = [Played(build.id, Settings(size * MIB, percentage)) for size, percentage in SETTINGS]
            for at in range(0, len(runs), AT_ONCE):
                threads = [
                    threading.Thread(target=play, args=(build, played.settings, seconds, played))
                    for played in runs[at : at + AT_ONCE]
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
            rows += [{**compare(measured, played), "run": asdict(played)} for played in runs]
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    show(rows)
    missed = [
        (row["server"], row["min_size_mib"], row["percentage"], misses(row)) for row in rows if misses(row)
    ]
    print(*missed, sep="\n", file=sys.stderr)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
