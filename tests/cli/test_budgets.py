"""Small logs that ask for much: every verb stops within its budget, says so, and can be allowed more."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aoftool.rdb.walk.checksum import crc64
from tests.builders import command, rdb, rdb_database, rdb_length, rdb_record

MEMBERS = [b"%x" % number for number in range(20_000)]
PAIRS = [word for member in MEMBERS for word in (b"1", member)]
MOST_BYTES = 500_000_000
VARIABLE = "AOFTOOL_REPLAY_BUDGET"
# Address space, not memory: shared libraries and what is reserved only are in it.
MOST_ADDRESSES = 2 << 30


def _literal(data: bytes) -> bytes:
    """Return bytes as LZF that packs nothing."""
    pieces = [data[at : at + 32] for at in range(0, len(data), 32)]
    return b"".join(bytes([len(piece) - 1]) + piece for piece in pieces)


def packed_listpack(elements: int) -> bytes:
    """Return an RDB string: a listpack of so many fives, in LZF of a 132nd of its size."""
    size = 2 * elements + 7
    count = elements if elements < 1 << 16 else 0xFFFF
    body = _literal(size.to_bytes(4, "little") + count.to_bytes(2, "little") + b"\x05\x01")
    left = 2 * elements - 2
    while left:
        step = left if left <= 264 else min(264, left - 4)
        body += bytes([7 << 5, step - 9, 1]) if step >= 9 else bytes([(step - 2) << 5, 1])
        left -= step
    body += _literal(b"\xff")
    return b"\xc3" + rdb_length(len(body)) + rdb_length(size) + body


def _packed_list(nodes: int) -> bytes:
    return rdb_length(nodes) + (b"\x02" + packed_listpack(60_001)) * nodes


def _restored() -> bytes:
    body = b"\x12" + _packed_list(400) + (11).to_bytes(2, "little")
    return body + crc64(body).to_bytes(8, "little")


def _repeated(*words: tuple[bytes, ...], times: int = 5_000) -> bytes:
    """Return commands again and again, `%d` in them replaced by the number of the turn."""
    return b"".join(
        command(*(part.replace(b"%d", b"%d" % turn) for part in parts))
        for turn in range(times)
        for parts in words
    )


SELECT = command(b"SELECT", b"0")
LOGS: dict[str, Callable[[], bytes]] = {
    "unions": lambda: command(b"ZADD", b"z", *PAIRS) + _repeated((b"ZUNIONSTORE", b"d%d", b"1", b"z")),
    "unions-in-place": lambda: (
        command(b"ZADD", b"z", *PAIRS) + _repeated((b"ZUNIONSTORE", b"d", b"2", b"z", b"d"))
    ),
    "set-unions": lambda: command(b"SADD", b"s", *MEMBERS) + _repeated((b"SUNIONSTORE", b"d%d", b"s")),
    "copies": lambda: command(b"HSET", b"h", *PAIRS) + _repeated((b"COPY", b"h", b"d%d")),
    "bits": lambda: _repeated((b"SETBIT", b"k%d", b"4294967295", b"1"), times=20),
    "ranges": lambda: _repeated((b"SETRANGE", b"k%d", b"60000", b"x")),
    "appended-copies": lambda: (
        command(b"SET", b"s", bytes(100_000)) + _repeated((b"COPY", b"s", b"d%d"), (b"APPEND", b"d%d", b"x"))
    ),
    "bit-operations": lambda: (
        command(b"SETBIT", b"b", b"800000000", b"1") + _repeated((b"BITOP", b"NOT", b"d", b"b"))
    ),
    "merges": lambda: (
        command(b"PFADD", b"h", *MEMBERS[:5_000]) + _repeated((b"PFMERGE", b"d", b"h", b"d", b"h", b"h"))
    ),
    "inserts": lambda: (
        command(b"RPUSH", b"l", *MEMBERS) + _repeated((b"LINSERT", b"l", b"AFTER", MEMBERS[-1], b"x"))
    ),
    "streams": lambda: (
        _repeated((b"XADD", b"s", b"%d-1", b"f", b"v"))
        + _repeated((b"XADD", b"s", b"7%d0000-1", b"f", b"v"), (b"COPY", b"s", b"d%d"))
    ),
    "restored": lambda: command(b"RESTORE", b"k", b"0", _restored()),
    "packed-list": lambda: rdb(rdb_database(0, rdb_record(18, b"l", _packed_list(400)))),
    "packed-lists": lambda: rdb(
        rdb_database(0, *(rdb_record(18, b"l%d" % number, _packed_list(1)) for number in range(60)))
    ),
    "vectors": lambda: command(b"VADD", b"v", b"REDUCE", b"1000000000", b"VALUES", b"1", b"1", b"e"),
}
VERBS = {
    "keys": ["keys", "--values"],
    "rewrite": ["rewrite", "-n"],
    "history": ["history", "--match", "*"],
    "check": ["check", "--level", "deep"],
    "audit": ["audit"],
    "inspect": ["inspect"],
}
MEASURED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
child = os.fork()
if not child:
    os.execv(sys.executable, [sys.executable, "-m", "aoftool", *sys.argv[2:]])
_, status, used = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), used.ru_maxrss * 1024)
"""


def _run(arguments: list[str], folder: Path, **environment: str) -> tuple[int, int, str]:
    """Return exit code, most bytes of memory, and what was said on stderr."""
    said = folder / "said"
    with said.open("wb") as errors, (folder / "out").open("wb") as output:
        wrapper = [sys.executable, "-c", MEASURED, str(MOST_ADDRESSES), *arguments]
        done = subprocess.run(
            wrapper, stdout=subprocess.PIPE, stderr=errors, env={**os.environ, **environment}, check=True
        )
        output.write(done.stdout)
    code, peak = done.stdout.split()[-2:]
    return int(code), int(peak), said.read_text()


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    for name, content in LOGS.items():
        data = content()
        assert len(data) < 1_000_000
        (folder / name).write_bytes(data if data.startswith(b"REDIS") else SELECT + data)
    return folder


@pytest.mark.parametrize("name", LOGS)
def test_a_small_log_takes_no_verb_past_its_budget(
    name: str, logs: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """One verb for each log, in turn, and every verb with `--soak`."""
    turn = list(LOGS).index(name) % len(VERBS)
    verbs = list(VERBS) if request.config.getoption("--soak") else [list(VERBS)[turn]]
    for verb in verbs:
        code, peak, said = _run([*VERBS[verb], str(logs / name)], tmp_path)

        assert code in (0, 1, 3), (verb, said)
        assert "Traceback" not in said, (verb, said)
        assert peak < MOST_BYTES, (verb, peak)


@pytest.mark.parametrize("name", ["unions", "bits", "restored", "packed-list"])
def test_what_is_too_much_is_said_with_what_allows_it(name: str, logs: Path, tmp_path: Path) -> None:
    code, _, said = _run(["rewrite", "-n", str(logs / name)], tmp_path)

    assert code == 3
    assert f"; {VARIABLE}=10 in front of the command allows ten times as much" in said


def test_more_can_be_allowed(tmp_path: Path) -> None:
    log = tmp_path / "appendonly.aof"
    log.write_bytes(SELECT + _repeated((b"SETRANGE", b"k%d", b"20000000", b"x"), times=8))

    assert _run(["rewrite", "-n", str(log)], tmp_path)[0] == 3
    assert _run(["rewrite", "-n", str(log)], tmp_path, **{VARIABLE: "2"})[0] == 0


@pytest.mark.parametrize("text", ["ten", "0", "-1", "nan", "inf"])
def test_a_budget_that_is_no_number_is_a_usage_error(text: str, logs: Path, tmp_path: Path) -> None:
    code, _, said = _run(["keys", str(logs / "bits")], tmp_path, **{VARIABLE: text})

    assert code == 2
    assert said.startswith(f"aoftool: {VARIABLE} is '{text}'")
