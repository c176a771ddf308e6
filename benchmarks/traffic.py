"""Logs that no pool of ready commands gives: every command is drawn afresh, over many keys.

Three kinds: all types with long scores, the requests of the servers' own benchmark tool, and commands that
replace what earlier ones wrote. They hold what a server records: a pop from an empty set is in none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.words import Blocks, Words, command

# Commands drawn at once; the arrays of numbers behind them are small.
BATCH = 20_000
# 2 January 2026.
FIRST_MS = 1_767_312_000_000
TOOL_REQUESTS = 100_000
TOOL_RANGE = 100_000
TOOL_VALUE = b"x" * 32
REPLACED_KEYS = 300_000
SCORED_KEYS = 15_000


def _batches(words: Words, one: Callable[[int, int, float], bytes]) -> Blocks:
    """Yield blocks of commands made from (choice below 1000, number below 2**31, fraction), without end."""
    while True:
        choices = words.rng.randint(0, 1000, BATCH).tolist()
        numbers = words.rng.randint(0, 2**31 - 1, BATCH).tolist()
        fractions = words.rng.random_sample(BATCH).tolist()
        yield b"".join(map(one, choices, numbers, fractions))


def long_scores(words: Words) -> Blocks:
    """Yield SET, RPUSH, LPOP, ZADD with scores of 17 digits, HSET, SADD and XADD over 15,000 keys."""
    each = SCORED_KEYS // 6
    now_ms = FIRST_MS

    def one(choice: int, number: int, fraction: float) -> bytes:
        nonlocal now_ms
        key = b"%d" % (number % each)
        if choice < 250:
            return command(b"SET", b"s:" + key, words.value(8, 120))
        if choice < 400:
            return command(b"RPUSH", b"l:" + key, words.value(8, 60))
        if choice < 500:
            return command(b"LPOP", b"l:" + key)
        if choice < 700:
            return command(
                b"ZADD", b"z:" + key, b"%.17g" % (fraction * 1000), b"m%d" % (number // each % 400)
            )
        if choice < 850:
            return command(b"HSET", b"h:" + key, b"f%d" % (number // each % 60), words.value(8, 60))
        if choice < 950:
            return command(b"SADD", b"e:" + key, b"%d" % (number // each % 500))
        now_ms += 1 + number % 3
        entry_id = b"%d-0" % now_ms
        return command(b"XADD", b"x:" + key, entry_id, b"user", b"%d" % (number % 9973), b"at", key)

    yield from _batches(words, one)


def server_tool(words: Words) -> Blocks:
    """Yield what a server records of its benchmark tool: `-r 100000 -d 32 -t set,incr,lpush,...`.

    A round is 100,000 requests of each test, the tool's default; a log of several rounds is the tool run
    again and again.
    """
    members: dict[bytes, None] = {}
    ranked: set[int] = set()
    while True:
        yield from _tool_round(words, members, ranked)


def _in_list(name: bytes, *words: bytes) -> Callable[[int], bytes]:
    """Return what makes a command of the one list, whatever number was drawn."""
    return lambda _: command(name, b"mylist", *words)


def _tool_round(words: Words, members: dict[bytes, None], ranked: set[int]) -> Iterator[bytes]:
    yield from _requests(words, lambda n: command(b"SET", b"key:%012d" % n, TOOL_VALUE))
    yield from _requests(words, lambda n: command(b"INCR", b"counter:%012d" % n))
    for name in (b"LPUSH", b"RPUSH"):
        yield from _requests(words, _in_list(name, TOOL_VALUE))
    for name in (b"LPOP", b"RPOP"):
        yield from _requests(words, _in_list(name))
    yield from _requests(words, lambda n: _added(members, b"element:%012d" % n))
    yield from _requests(words, lambda n: command(b"HSET", b"myhash", b"element:%012d" % n, TOOL_VALUE))
    yield from _requests(words, lambda _: _spopped(members))
    yield from _requests(words, lambda n: _ranked(ranked, n, words.below(TOOL_RANGE)))
    yield from _requests(words, lambda _: _lowest_popped(ranked))
    yield from _requests(words, lambda n: _many_set(words, n))


def _requests(words: Words, one: Callable[[int], bytes]) -> Blocks:
    """Yield one test of the tool in a few blocks."""
    for _ in range(TOOL_REQUESTS // BATCH):
        yield b"".join(map(one, words.rng.randint(0, TOOL_RANGE, BATCH).tolist()))


def _added(members: dict[bytes, None], member: bytes) -> bytes:
    """Return a SADD, nothing when the member is there: a server records what changes something."""
    if member in members:
        return b""
    members[member] = None
    return command(b"SADD", b"myset", member)


def _spopped(members: dict[bytes, None]) -> bytes:
    """Return the SREM that a server records for a SPOP."""
    if not members:
        return b""
    member, _ = members.popitem()
    return command(b"SREM", b"myset", member)


def _ranked(ranked: set[int], member: int, score: int) -> bytes:
    ranked.add(member)
    return command(b"ZADD", b"myzset", b"%012d" % score, b"element:%012d" % member)


def _lowest_popped(ranked: set[int]) -> bytes:
    """Return a ZPOPMIN while members are left; which one it takes does not matter for that."""
    if not ranked:
        return b""
    ranked.pop()
    return command(b"ZPOPMIN", b"myzset")


def _many_set(words: Words, first: int) -> bytes:
    numbers = [first, *words.rng.randint(0, TOOL_RANGE, 9).tolist()]
    return command(b"MSET", *[part for n in numbers for part in (b"key:%012d" % n, TOOL_VALUE)])


def replacing(words: Words) -> Blocks:
    """Yield SET, MSET of ten, INCR, HSET, PEXPIREAT and DEL over 300,000 keys: most of it is dead."""
    strings = REPLACED_KEYS * 2 // 3
    counters = hashes = REPLACED_KEYS // 6

    def one(choice: int, number: int, fraction: float) -> bytes:
        key = b"s:%d" % (number % strings)
        if choice < 500:
            return command(b"SET", key, words.value(20, 160))
        if choice < 650:
            keys = ((number + np.arange(10) * int(fraction * strings)) % strings).tolist()
            return command(b"MSET", *[part for n in keys for part in (b"s:%d" % n, words.value(20, 120))])
        if choice < 750:
            return command(b"INCR", b"n:%d" % (number % counters))
        if choice < 850:
            return command(b"HSET", b"h:%d" % (number % hashes), b"f%d" % (choice % 8), words.value(8, 60))
        if choice < 930:
            return command(b"PEXPIREAT", key, b"%d" % (FIRST_MS + 2_000_000_000_000 + number))
        return command(b"DEL", key)

    yield from _batches(words, one)


TRAFFIC: dict[str, Callable[[Words], Blocks]] = {
    "long-scores": long_scores,
    "server-tool": server_tool,
    "replacing": replacing,
}
