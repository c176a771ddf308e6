"""Every verb reads logs whose RDB part holds one value of megabytes: every type, both layouts."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

import aoftool
from aoftool.cli.app import run
from tests import builders

# Far above what a window of the walk holds, so that one record arrives in many pieces.
MEMBERS = 20_000
LARGE_BYTES = 1_940_000


def _member(number: int) -> bytes:
    """Return a member of 97 bytes that does not pack; no two are alike."""
    return hashlib.shake_128(b"%d" % number).digest(97)


def _batches(command: str, key: str, arguments: Callable[[int], tuple[builders.Word, ...]]) -> bytes:
    """Return commands that write all members, a hundred a command."""
    out = bytearray()
    for first in range(0, MEMBERS, 100):
        words: list[builders.Word] = [command, key]
        for number in range(first, first + 100):
            words.extend(arguments(number))
        out += builders.command(*words)
    return bytes(out)


def _stream() -> bytes:
    added: Iterable[bytes] = (
        builders.command("XADD", "k", f"{number + 1}-1", "f", _member(number)) for number in range(MEMBERS)
    )
    group = builders.log(
        ("XGROUP", "CREATE", "k", "g", "0"),
        ("XCLAIM", "k", "g", "c", "0", "7-1", "TIME", "1700000000000", "RETRYCOUNT", "1", "FORCE", "JUSTID"),
    )
    return b"".join(added) + group


def _hash() -> bytes:
    return _batches("HSET", "k", lambda number: (b"f%d" % number, _member(number)))


VALUES: dict[str, Callable[[], bytes]] = {
    "string": lambda: builders.command("SET", "k", b"".join(map(_member, range(MEMBERS)))),
    "list": lambda: _batches("RPUSH", "k", lambda number: (_member(number),)),
    "set": lambda: _batches("SADD", "k", lambda number: (_member(number),)),
    "zset": lambda: _batches("ZADD", "k", lambda number: (number, _member(number))),
    "hash": _hash,
    "hash-with-field-times": lambda: (
        _hash() + builders.command("HPEXPIREAT", "k", 4_102_444_800_123, "FIELDS", 1, "f7")
    ),
    "stream": _stream,
}
TAIL = builders.log(
    ("SELECT", 0), ("SET", "after", "1"), ("SET", "dead", "1"), ("DEL", "dead"), ("APPEND", "behind", "x")
)


@pytest.fixture(scope="module", params=list(VALUES))
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Give an RDB part: the large value between two small keys."""
    folder = tmp_path_factory.mktemp("large")
    log = folder / "in.aof"
    log.write_bytes(
        builders.log(("SELECT", 0), ("SET", "before", "1"), VALUES[request.param](), ("SET", "behind", "1"))
    )
    target = "valkey-9" if request.param == "hash-with-field-times" else "redis-7.2"
    written = ["rewrite", "--target", target, "--format", "rdb", str(log), "-o", str(folder / "out.aof")]
    assert run(written) == 0
    content = (folder / "out.aof").read_bytes()
    assert content.startswith((b"REDIS", b"VALKEY"))
    assert len(content) > LARGE_BYTES
    return content


def _place(folder: Path, base: bytes, layout: str) -> Path:
    if layout == "multi-part":
        return builders.write_multi_part(folder / "appendonlydir", base=base, incrs=[TAIL], base_is_rdb=True)
    path = folder / "appendonly.aof"
    path.write_bytes(base + TAIL)
    return path


KEYS = {"before", "k", "behind", "after"}


@pytest.mark.parametrize("layout", ["preamble", "multi-part"])
def test_every_verb_reads_it(
    base: bytes, layout: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = str(_place(tmp_path, base, layout))

    def answer(*args: str) -> str:
        code = run(list(args))
        shown = capsys.readouterr()
        assert code == 0, (args, shown.err)
        return shown.out

    def names(*args: str) -> set[str]:
        return {json.loads(line)["key"] for line in answer("keys", "--json", *args).splitlines()}

    assert names(log) == KEYS
    assert json.loads(answer("inspect", "--json", "--contents", "--savings", log))["schema"]
    answer("rewrite", "--dry-run", log)
    for form in ("rdb", "resp"):
        out = str(tmp_path / f"out-{form}.aof")
        answer("rewrite", "--format", form, log, "-o", out)
        assert names(out) == KEYS
        answer("diff", log, out)
    for verb in ("check", "audit", "growth", "log"):
        answer(verb, log)
    answer("check", "--level", "deep", log)
    answer("fix", "--dry-run", log)
    answer("history", "behind", log)
    answer("explain", "--key", "behind", log)


@pytest.mark.parametrize("base", ["set"], indirect=True)
@pytest.mark.parametrize("verb", [("inspect",), ("keys",), ("rewrite", "--dry-run")], ids=" ".join)
def test_the_references_and_a_pipe_read_it_too(base: bytes, verb: tuple[str, ...], tmp_path: Path) -> None:
    log = _place(tmp_path, base, "preamble")

    def answer(pure: str, name: str) -> tuple[int, str]:
        found = subprocess.run(
            [sys.executable, "-m", "aoftool", *verb, "--json", name],
            env={**os.environ, "PYTHONPATH": str(Path(aoftool.__file__).parents[1]), "AOFTOOL_PURE": pure},
            stdin=log.open("rb"),
            capture_output=True,
            text=True,
            check=False,
        )
        return found.returncode, found.stderr

    assert answer("1", str(log)) == (0, "")
    assert answer("0", "-") == (0, "")
