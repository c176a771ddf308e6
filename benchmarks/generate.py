"""Write large append-only files, the same bytes each time, at several hundred megabytes a second.

    python -m benchmarks.generate --profile overwrite --size 1.5G big.aof

Every file is a healthy log of whole commands that all servers from 6.2 on load without an error. Sizes are
reached from below by at most one block, except for `one-value`, which has exactly the value size asked for.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.traffic import TRAFFIC
from benchmarks.words import SEED, Blocks, Words, command

BLOCK_BYTES = 8 << 20
POOL_COMMANDS = 1 << 16
PAGE_COMMANDS = 256
PAGES = 1024
# Far enough ahead that nothing expires while a server loads the file.
EXPIRE_AT_MS = 4_102_444_800_000


def parse_size(text: str) -> int:
    """Turn `1.5G`, `64M` or `4096` into bytes, in powers of 1024."""
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    unit = units.get(text[-1:].upper())
    return int(float(text[:-1]) * unit) if unit else int(text)


def overwrite(words: Words) -> Blocks:
    """Yield SET and MSET over few keys: nearly all of the log is dead."""

    def one() -> bytes:
        if words.below(8):
            return command(b"SET", words.key(b"s"), words.value(8, 300))
        pairs = [part for _ in range(4) for part in (words.key(b"s"), words.value(8, 300))]
        return command(b"MSET", *pairs)

    yield from _shuffled(words, [one() for _ in range(POOL_COMMANDS)])


def mixed(words: Words) -> Blocks:
    """Yield all types, deletes, expire times, transactions and two databases."""
    makers: list[Callable[[], bytes]] = [
        lambda: command(b"SET", words.key(b"s"), words.value(8, 200)),
        lambda: command(b"SET", words.key(b"s"), words.value(8, 200), b"PXAT", b"%d" % EXPIRE_AT_MS),
        lambda: command(b"DEL", words.key(b"s")),
        lambda: command(b"INCRBY", words.key(b"n"), b"%d" % words.below(100)),
        lambda: command(b"HSET", words.key(b"h"), words.value(3, 8), words.value(4, 60)),
        lambda: command(b"HDEL", words.key(b"h"), words.value(3, 8)),
        lambda: command(b"RPUSH", words.key(b"l"), words.value(4, 60)),
        lambda: command(b"LPOP", words.key(b"l")),
        lambda: command(b"SADD", words.key(b"e"), b"%d" % words.below(500)),
        lambda: command(b"SREM", words.key(b"e"), b"%d" % words.below(500)),
        lambda: command(b"ZADD", words.key(b"z"), b"%d" % words.below(10_000), b"m%d" % words.below(200)),
        lambda: command(b"PEXPIREAT", words.key(b"h"), b"%d" % EXPIRE_AT_MS),
        lambda: (
            command(b"MULTI")
            + command(b"SET", words.key(b"s"), words.value(8, 100))
            + command(b"RPUSH", words.key(b"l"), words.value(4, 60))
            + command(b"EXEC")
        ),
    ]
    pool = [makers[words.below(len(makers))]() for _ in range(POOL_COMMANDS)]
    stream_id = 0
    for number, block in enumerate(_shuffled(words, pool)):
        entries = []
        for _ in range(500):
            stream_id += 1
            entry = (b"XADD", b"events", b"MAXLEN", b"=", b"1000", b"%d-1" % stream_id, b"kind", b"view")
            entries.append(command(*entry))
        yield command(b"SELECT", b"%d" % (number % 2)) + block + b"".join(entries)


def _shuffled(words: Words, pool: list[bytes]) -> Blocks:
    """Yield blocks of commands drawn from a pool in random order, without end.

    Commands are drawn into pages first, and pages into blocks: that is as fast as copying memory.
    """
    pages = [
        b"".join(pool[at] for at in words.rng.randint(0, len(pool), PAGE_COMMANDS).tolist())
        for _ in range(PAGES)
    ]
    count = BLOCK_BYTES // (sum(map(len, pages)) // PAGES)
    while True:
        yield b"".join(pages[at] for at in words.rng.randint(0, PAGES, count).tolist())


def insert_only(words: Words) -> Blocks:
    """Yield SET of ever new keys: nothing is dead."""
    sample = (b"SET", b"key:0000000000", b"x" * 100)
    yield from _numbered(words, command(*sample), b"0000000000", b"x" * 100)


def small_hashes(words: Words) -> Blocks:
    """Yield one HSET of five fields for each of ever new small hashes."""
    fields = (b"name", b"x" * 12, b"mail", b"x" * 20, b"city", b"x" * 8, b"age", b"42", b"state", b"active")
    yield from _numbered(words, command(b"HSET", b"user:0000000000", *fields), b"0000000000", b"x")


def _numbered(words: Words, sample: bytes, digits: bytes, filler: bytes) -> Blocks:
    """Yield copies of one command, a running number in place of `digits`, text in place of `filler`."""
    row = np.frombuffer(sample, np.uint8)
    at = sample.index(digits)
    holes = np.flatnonzero(row == filler[0])
    rows = np.tile(row, (10_000, 1))
    rows[:, at + len(digits) - 4 : at + len(digits)] = _four_digits(np.arange(10_000))
    high = slice(at, at + len(digits) - 4)
    for number in itertools.count():
        rows[:, high] = np.frombuffer(b"%0*d" % (len(digits) - 4, number), np.uint8)
        start = words.below(len(words.letters) - rows.size)
        for hole in holes:
            rows[:, hole] = words.letters[start + hole : start + hole + rows.size : row.size]
        yield rows.tobytes()


def _four_digits(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Return the decimal digits of numbers below 10000 as a byte matrix of four columns."""
    digits: npt.NDArray[np.int64] = numbers[:, None] // np.array([1000, 100, 10, 1]) % 10
    return (digits + ord("0")).astype(np.uint8)


def large_values(words: Words) -> Blocks:
    """Yield SET of binary values from 64 KiB to 2 MiB over 200 keys."""
    noise = words.rng.bytes(16 << 20)
    while True:
        length = (64 << 10) + words.below((2 << 20) - (64 << 10))
        at = words.below(len(noise) - length)
        yield command(b"SET", words.key(b"blob", 200), noise[at : at + length])


def data_set(words: Words) -> Blocks:
    """Yield two million keys for a big RDB: 1.4 M strings, 0.6 M hashes and a block of all types."""
    yield from itertools.islice(insert_only(words), 140)
    yield from itertools.islice(small_hashes(words), 60)
    yield from itertools.islice(mixed(words), 1)


PROFILES: dict[str, Callable[[Words], Blocks]] = {
    "overwrite": overwrite,
    "mixed": mixed,
    "insert-only": insert_only,
    "large-values": large_values,
    "small-hashes": small_hashes,
    "data-set": data_set,
    **TRAFFIC,
}


def one_value(words: Words, size: int) -> Blocks:
    """Yield one SET of a single value of exactly `size` bytes, with a small command on both sides."""
    block = words.rng.bytes(BLOCK_BYTES)
    yield command(b"SET", b"before", b"1") + b"*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$%d\r\n" % size
    for start in range(0, size, BLOCK_BYTES):
        yield block[: min(BLOCK_BYTES, size - start)]
    yield b"\r\n" + command(b"SET", b"after", b"1")


def blocks(profile: str, size: int, seed: int = SEED) -> Blocks:
    """Yield the blocks of a log of about `size` bytes."""
    if profile == "one-value":
        yield from one_value(Words(seed), size)
        return
    yield (written := command(b"SELECT", b"0"))
    total = len(written)
    for block in PROFILES[profile](Words(seed)):
        if total + len(block) > size and total > len(written):
            return
        yield block
        total += len(block)


def write_log(path: Path, profile: str, size: int, *, compress: bool = False, seed: int = SEED) -> int:
    """Write a log and return its bytes before compression; level 1 keeps gzip bearable."""
    total = 0
    partial = path.with_name(path.name + ".part")
    with gzip.open(partial, "wb", compresslevel=1) if compress else open(partial, "wb") as file:
        for block in blocks(profile, size, seed):
            file.write(block)
            total += len(block)
    partial.replace(path)
    return total


def write_base_and_tail(base: Path, incr: Path, size: int, save: Callable[[Path], None]) -> None:
    """Write a large base and a tail of a hundredth of its size that touches few of its keys.

    Args:
        save: makes the base of the log at a path, which may be gone then.
        size: of both together, about; what a base holds takes a quarter more as commands.
    """
    source = base.with_name(base.name + ".source")
    with source.open("wb") as file:
        words = Words()
        commands = size * 5 // 4
        parts = (insert_only(words), commands * 2 // 3), (small_hashes(words), commands // 3)
        for profile, limit in parts:
            file.writelines(_at_most(profile, limit))
        file.writelines(itertools.islice(mixed(words), 1))
    save(source)
    source.unlink(missing_ok=True)
    write_log(incr, "mixed", max(size // 100, 2 * BLOCK_BYTES))


def _at_most(profile: Blocks, limit: int) -> Blocks:
    """Yield blocks up to a number of bytes, at least one."""
    total = 0
    for block in profile:
        yield block
        total += len(block)
        if total >= limit:
            return


def main() -> None:
    """Write one log as the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path)
    parser.add_argument("--profile", choices=[*PROFILES, "one-value"], default="overwrite")
    parser.add_argument("--size", type=parse_size, default=parse_size("256M"), help="such as 64M or 1.5G")
    parser.add_argument("--gzip", action="store_true", help="compress; the size counts before that")
    parser.add_argument("--seed", type=int, default=SEED, help="another log of the same kind")
    options = parser.parse_args()
    started = time.perf_counter()
    total = write_log(options.path, options.profile, options.size, compress=options.gzip, seed=options.seed)
    rate = total / (time.perf_counter() - started) / 1e6
    print(f"{options.path}: {total} bytes of profile {options.profile}, {rate:.0f} MB/s")


if __name__ == "__main__":
    main()
