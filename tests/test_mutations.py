"""Mutated logs of every kind through every verb: an answer, a finding or a clear error; never exit 70.

Each input is made from a number, so a failure names all that it takes to see it again. RESP, RDB parts of all
types, manifests and receipts are mutated in ways that keep some of their structure.
"""

from __future__ import annotations

import json
import random
import resource
import shutil
import time
from pathlib import Path

import pytest

from tests import builders
from tests.corpus import FIXTURES, cases
from tests.rdb.samples import SAMPLES
from tests.verbs import CALLS, Answer, ask

INPUTS = 500
SHARES = 10
SOAK_INPUTS = 10_000
_LARGEST_BYTES = 20_000
# For an input below 1 MB; these are far smaller.
MOST_S = 20
MOST_GROWTH_KIB = 500 << 10

Files = dict[str, bytes]

TAIL = builders.log(
    ("SELECT", 0),
    ("SET", "key:1", "v"),
    ("HSET", "h", "f", "1", "g", "2"),
    ("MULTI",),
    ("RPUSH", "key:1:l", "a", "b"),
    ("EXEC",),
    ("XADD", "s", "5-1", "a", "1"),
    ("PEXPIREAT", "key:1", "4102444800123"),
    ("DEL", "h"),
)


def _sources() -> list[Files]:
    """Return small logs as files by name: each RDB type alone and with commands behind, recorded logs."""
    found: list[Files] = []
    for sample in SAMPLES:
        found.append({"dump.rdb": sample.file})
        found.append({"appendonly.aof": sample.file + TAIL})
    found.append({"appendonly.aof": TAIL * 4})
    for case in cases("recorded", root=FIXTURES):
        files = {path.relative_to(case.directory).as_posix(): path.read_bytes() for path in case.files()}
        if sum(map(len, files.values())) <= _LARGEST_BYTES:
            found.append(files)
    return found


SOURCES = _sources()
# What a mutation puts in: lengths, counts and marks that mean something to a reader.
WORDS = [
    b"\r\n", b"*3\r\n", b"$-1\r\n", b"*-1\r\n", b"$9223372036854775807\r\n", b"*1000000\r\n", b"#TS:1\r\n",
    b"\xff", b"\xfe\x80\xff\xff\xff\xff", b"\xfe\x81" + b"\xff" * 8, b"\xfd\xff\xff\xff\xff", b"\xfa\x00\x00",
    b"\xfc" + b"\xff" * 8, b"\xc3\x40\xff\x80\x7f\xff\xff\xff", b"\x81" + b"\xff" * 8, b"\x00",
    b"\xf0\xff\xff\xff\x7f", b"REDIS0011", b"VALKEY080", b"*1\r\n$4\r\nEXEC\r\n",
    b"*2\r\n$6\r\nSELECT\r\n$10\r\n4294967296\r\n",
    b"file ", b" seq 99999999999999999999 ", b" type b\n", b"..", b"/", b"\xc0\x80", b"\x1b[31m",
]  # fmt: skip


def mutated(chance: random.Random, content: bytes) -> bytes:
    """Return the content with a few things changed: bytes, spans, words, numbers."""
    out = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4))):
        size = len(out)
        at, length = chance.randrange(size + 1), chance.choice((1, 2, 4, 9, 40, 200))
        kind = chance.randrange(8)
        if kind == 0 and size:
            out[at % size] ^= 1 << chance.randrange(8)
        elif kind == 1 and size:
            out[at % size] = chance.choice((0, 1, 2, 0x3F, 0x40, 0x7F, 0x80, 0x81, 0xC0, 0xC3, 0xFE, 0xFF))
        elif kind == 2:
            del out[at : at + length]
        elif kind == 3:
            out[at:at] = chance.choice(WORDS)
        elif kind == 4:
            out[at:at] = out[chance.randrange(size + 1) :][:length]
        elif kind == 5:
            out[at : at + length] = bytes(length)
        elif kind == 6:
            del out[at:]
        else:
            word = chance.choice(WORDS)
            out[at : at + len(word)] = word
    return bytes(out)


def _place(folder: Path, number: int) -> Path:
    """Write the input of a number and return the path to ask about."""
    chance = random.Random(number)
    files = dict(chance.choice(SOURCES))
    for name in chance.sample(sorted(files), k=min(len(files), chance.choice((1, 1, 2)))):
        files[name] = mutated(chance, files[name])
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    if len(files) == 1 or not (folder / "appendonlydir").is_dir():
        return folder / next(iter(files))
    return folder / "appendonlydir"


def _measured(call: tuple[str, ...], log: Path, out: Path) -> tuple[Answer, str | None]:
    """Make a call; the second is what it cost when that is too much."""
    started, peak = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = ask(call, log, out)
    elapsed = time.process_time() - started
    # The peak of the process: a call that stays below an earlier one shows no growth, and needs none.
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
    if elapsed > MOST_S or growth > MOST_GROWTH_KIB:
        return answer, f"it took {elapsed:.1f} s of processor time and {growth >> 10} MiB"
    return answer, None


def _problems(tmp_path: Path, numbers: range) -> list[str]:
    found = []
    for number in numbers:
        folder = tmp_path / "input"
        folder.mkdir()
        log = _place(folder, number)
        call = CALLS[number % len(CALLS)]
        answer, costs = _measured(call, log, tmp_path / "out")
        problem = answer.problem() or costs
        if problem is not None:
            found.append(f"input {number}, {' '.join(call)}: {problem}")
        shutil.rmtree(folder)
    return found


@pytest.mark.parametrize("share", range(SHARES))
def test_no_mutation_is_a_bug(share: int, tmp_path: Path) -> None:
    assert _problems(tmp_path, range(share, INPUTS, SHARES)) == []


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_no_mutation_of_many_is_a_bug(tmp_path: Path) -> None:
    assert _problems(tmp_path, range(INPUTS, INPUTS + SOAK_INPUTS)) == []


@pytest.mark.parametrize("share", range(4))
def test_no_mutated_receipt_is_a_bug(share: int, tmp_path: Path) -> None:
    log = tmp_path / "appendonly.aof"
    for number in range(share, 40, 4):
        log.write_bytes(TAIL[:-3])
        fixed = ask(("fix", "--yes", "--json", "IN"), log, tmp_path / "out")
        receipt = Path(json.loads(fixed.out)["receipt"])
        chance = random.Random(number)
        for path in sorted(receipt.iterdir()):
            if path.suffix == ".json":
                path.write_bytes(mutated(chance, path.read_bytes()))
        answer = ask(("undo", str(receipt)), log, tmp_path / "out")
        assert answer.problem() is None, (number, answer.problem())
        shutil.rmtree(receipt, ignore_errors=True)
