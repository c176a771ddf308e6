"""Make random logs that a live server would never record: failing commands, past times, odd databases.

Few keys of every type in few databases, so that commands meet each other, wrong types and missing keys.
Every command is one that a loader of the given server executes or refuses without dying.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.servers import Build

Argv = list[bytes]

FUTURE_MS = 4_102_444_800_000
PAST_MS = 1_500_000_000_000
LIBRARY = b"#!lua name=%b\nredis.register_function('%b', function() return 1 end)"


@dataclass
class Mix:
    """What a random log may hold.

    Attributes:
        keys: number of key names.
        databases: database numbers used, refused ones aside.
        opaque: chance of a script among the commands.
        unfinished: chance that the log ends inside a transaction.
    """

    keys: int = 10
    databases: int = 4
    opaque: float = 0.0
    unfinished: float = 0.0


class Generator:
    """Draw commands for one server build."""

    def __init__(self, seed: int, build: Build, mix: Mix | None = None) -> None:
        self.random = random.Random(seed)
        self.build = build
        self.mix = mix or Mix()
        valkey9 = build.kind == "valkey" and build.version >= (9,)
        self.field_expiry = valkey9 or (build.kind == "redis" and build.version >= (7, 4))
        redis = build.kind == "redis"
        self.references = redis and build.version >= (8, 2)
        self.conditions = redis and build.version >= (8, 4)
        self.idmp = redis and build.version >= (8, 6)
        self.msetex = valkey9 or self.conditions
        self.since7 = build.version >= (7,)
        self.makers: list[Callable[[], Argv]] = [
            *[self.string] * 6,
            *[self.whole] * 5,
            *[self.expiry] * 3,
            *[self.listy] * 3,
            *[self.sety] * 3,
            *[self.zsety] * 3,
            *[self.hashy] * 4,
            *[self.streamy] * 4,
            *[self.between] * 5,
            self.reading,
            self.odd,
        ]

    def key(self) -> bytes:
        return b"k%d" % self.random.randrange(self.mix.keys)

    def word(self) -> bytes:
        return b"m%d" % self.random.randrange(6)

    def number(self) -> bytes:
        return b"%d" % self.random.randint(-3, 12)

    def value(self) -> bytes:
        pool = [b"v", b"", b"12", b"-7", b"x" * 30, b"9223372036854775807", b"3.25", bytes(range(7))]
        return self.random.choice(pool)

    def pick(self, *choices: Sequence[bytes]) -> Argv:
        return list(self.random.choice(choices))

    def time_ms(self) -> bytes:
        return b"%d" % (self.random.choice([FUTURE_MS, PAST_MS]) + self.random.randrange(1000) * 1000)

    def string(self) -> Argv:
        key = self.key()
        return self.pick(
            [b"SET", key, self.value()],
            [b"set", key, self.value()],
            [b"INCR", key],
            [b"INCRBY", key, self.number()],
            [b"APPEND", key, self.value()],
            [b"SETRANGE", key, b"3", self.value()],
            [b"SETNX", key, self.value()],
            [b"GETSET", key, self.value()],
            [b"SETBIT", key, b"%d" % self.random.randrange(40), b"1"],
            [b"BITFIELD", key, b"SET", b"u4", b"0", b"5"],
            [b"INCRBYFLOAT", key, b"0.5"],
            [b"PFADD", key, self.word(), self.word()],
            [b"PFCOUNT", key],
            [b"GETDEL", key],
        )

    def whole(self) -> Argv:
        key, other = self.key(), self.key()
        choices: list[Sequence[bytes]] = [
            [b"SET", key, self.value()],
            [b"SET", key, self.value(), b"PXAT", self.time_ms()],
            [b"SET", key, self.value(), self.random.choice([b"NX", b"XX", b"KEEPTTL", b"GET"])],
            [b"SET", key, self.value(), b"PXAT", self.random.choice([b"0", b"-5", b"x", b"01"])],
            [b"DEL", key],
            [b"UNLINK", key, other, self.key()],
            [b"MSET", key, self.value(), other, self.value(), self.key(), self.value()],
            [b"MSETNX", key, self.value(), other, self.value()],
        ]
        if self.msetex:
            choices.append([b"MSETEX", b"2", key, b"1", other, b"2"])
            choices.append([b"MSETEX", b"2", key, b"1", other, b"2", b"PXAT", self.time_ms()])
            choices.append([b"MSETEX", b"2", key, b"1", other, b"2", b"XX"])
        if self.conditions:
            word = self.random.choice([b"IFEQ", b"IFNE"])
            choices.append([b"SET", key, self.value(), word, self.value()])
            choices.append([b"SET", key, self.value(), b"IFDNE", b"9555e8555c62dcfd"])
            choices.append([b"DELEX", key])
            choices.append([b"DELEX", key, word, self.value()])
        return self.pick(*choices)

    def expiry(self) -> Argv:
        key = self.key()
        return self.pick(
            [b"PEXPIREAT", key, self.time_ms()],
            [b"PEXPIREAT", key, self.time_ms(), self.random.choice([b"NX", b"XX", b"GT", b"LT"])]
            if self.since7
            else [b"PEXPIREAT", key, self.time_ms()],
            [b"EXPIREAT", key, b"4102444800"],
            [b"PERSIST", key],
        )

    def listy(self) -> Argv:
        key = self.key()
        return self.pick(
            [b"RPUSH", key, self.word(), self.word()],
            [b"LPUSH", key, self.word()],
            [b"LPUSHX", key, self.word()],
            [b"LPOP", key],
            [b"RPOP", key, b"2"],
            [b"LSET", key, b"0", self.word()],
            [b"LINSERT", key, b"BEFORE", self.word(), self.word()],
            [b"LREM", key, b"0", self.word()],
            [b"LTRIM", key, b"0", b"3"],
        )

    def sety(self) -> Argv:
        key = self.key()
        return self.pick(
            [b"SADD", key, self.word(), self.word(), self.number()],
            [b"SADD", key, self.number(), self.number()],
            [b"SREM", key, self.word()],
        )

    def zsety(self) -> Argv:
        key = self.key()
        return self.pick(
            [b"ZADD", key, self.number(), self.word(), b"1.5", self.word()],
            [b"ZADD", key, b"GT", self.number(), self.word()],
            [b"ZADD", key, b"NX", self.number(), self.word()],
            [b"ZINCRBY", key, b"0.1", self.word()],
            [b"ZREM", key, self.word()],
            [b"ZREMRANGEBYRANK", key, b"0", b"0"],
            [b"ZREMRANGEBYSCORE", key, b"-inf", b"0"],
            [b"ZPOPMIN", key],
            [b"GEOADD", key, b"13.361389", b"38.115556", self.word()],
        )

    def hashy(self) -> Argv:
        key = self.key()
        choices: list[Sequence[bytes]] = [
            [b"HSET", key, self.word(), self.value(), self.word(), b"5"],
            [b"HMSET", key, self.word(), self.value()],
            [b"HDEL", key, self.word(), self.word()],
            [b"HINCRBY", key, self.word(), self.number()],
            [b"HSETNX", key, self.word(), self.value()],
        ]
        if self.field_expiry and self.build.kind == "valkey":
            future = b"%d" % (FUTURE_MS + self.random.randrange(9))
            choices.append([b"HPEXPIREAT", key, future, b"FIELDS", b"1", self.word()])
            choices.append([b"HPERSIST", key, b"FIELDS", b"1", self.word()])
            choices.append([b"HSETEX", key, b"PXAT", future, b"FIELDS", b"1", self.word(), b"9"])
        return self.pick(*choices)

    def streamy(self) -> Argv:
        key = self.key()
        entry = b"%d-%d" % (self.random.randrange(1, 40), self.random.randrange(3))
        group = self.random.choice([b"g1", b"g2"])
        counters = [b"ENTRIESREAD", b"1"] if self.since7 else []
        claim = [b"XCLAIM", key, group, b"c1", b"0", entry, b"TIME", b"1500000000000"]
        return self.pick(
            *self.newer_streams(key, group, entry),
            [b"XADD", key, entry, b"f", self.value()],
            [b"XADD", key, b"MAXLEN", b"3", entry, b"f", b"v"],
            [b"XADD", key, entry, b"f", self.value(), b"g", b"1"],
            [b"XDEL", key, entry],
            [b"XTRIM", key, b"MAXLEN", b"2"],
            [b"XSETID", key, b"50-0"],
            [b"XGROUP", b"CREATE", key, group, b"$", b"MKSTREAM"],
            [b"XGROUP", b"SETID", key, group, entry, *counters],
            [b"XGROUP", b"CREATECONSUMER", key, group, b"c2"],
            [b"XGROUP", b"DELCONSUMER", key, group, b"c1"],
            [b"XGROUP", b"DESTROY", key, group],
            [*claim, b"RETRYCOUNT", b"2", b"FORCE", b"JUSTID", b"LASTID", entry],
            [b"XACK", key, group, entry],
        )

    def newer_streams(self, key: bytes, group: bytes, entry: bytes) -> list[Argv]:
        """Return what streams of Redis 8.2 and 8.6 take beside the rest."""
        word = self.random.choice([b"KEEPREF", b"DELREF", b"ACKED"])
        found: list[Argv] = []
        if self.references:
            found += [
                [b"XDELEX", key, word, b"IDS", b"1", entry],
                [b"XACKDEL", key, group, word, b"IDS", b"1", entry],
                [b"XTRIM", key, b"MAXLEN", b"2", b"DELREF"],
                [b"XTRIM", key, word, b"MINID", entry],
                [b"XADD", key, b"DELREF", b"MAXLEN", b"3", entry, b"f", b"v"],
            ]
        if self.idmp:
            name = self.random.choice([b"i1", b"i2"])
            found += [
                [b"XADD", key, b"IDMP", b"p", name, entry, b"f", self.value()],
                [b"XADD", key, b"IDMPAUTO", b"p", entry, b"f", self.value()],
                [b"XIDMPRECORD", key, b"p", name, entry],
                [b"XCFGSET", key, b"IDMP-MAXSIZE", self.random.choice([b"2", b"100"])],
            ]
        return found

    def between(self) -> Argv:
        key, other, third = self.key(), self.key(), self.key()
        db = b"%d" % self.random.randrange(self.mix.databases)
        return self.pick(
            [b"RENAME", key, other],
            [b"RENAMENX", key, other],
            [b"COPY", key, other],
            [b"COPY", key, other, b"REPLACE"],
            [b"COPY", key, other, b"DB", db, b"REPLACE"],
            [b"MOVE", key, db],
            [b"MOVE", key, b"99"],
            [b"LMOVE", key, other, b"LEFT", b"RIGHT"],
            [b"RPOPLPUSH", key, other],
            [b"SMOVE", key, other, self.word()],
            [b"SUNIONSTORE", key, other, third],
            [b"SINTERSTORE", key, other, third],
            [b"SDIFFSTORE", key, other, third],
            [b"ZUNIONSTORE", key, b"2", other, third, b"WEIGHTS", b"1", b"2"],
            [b"ZINTERSTORE", key, b"2", other, third],
            [b"ZRANGESTORE", key, other, b"0", b"1"],
            [b"BITOP", b"XOR", key, other, third],
            [b"BITOP", b"ANDOR" if self.references else b"AND", key, other, third],
            [b"PFMERGE", key, other],
            [b"SORT", key, b"ALPHA", b"STORE", other],
            [b"SORT", key, b"BY", b"k*", b"ALPHA", b"GET", b"k*->m1", b"STORE", other],
            [b"GEOSEARCHSTORE", key, other, b"FROMLONLAT", b"13", b"38", b"BYRADIUS", b"99", b"km"],
        )

    def reading(self) -> Argv:
        return self.pick([b"GET", self.key()], [b"HGETALL", self.key()], [b"TOUCH", self.key()], [b"PING"])

    def odd(self) -> Argv:
        name = self.random.choice([b"f1", b"f2"])
        choices: list[Sequence[bytes]] = [
            [b"SELECT", self.random.choice([b"99", b"01", b"-1", b"x"])],
            [b"FLUSHDB"],
            [b"FLUSHDB", b"ASYNC", b"SYNC"],
            [b"SWAPDB", b"0", b"1"],
            [b"SWAPDB", b"2", b"%d" % self.random.randrange(self.mix.databases)],
            [b"SWAPDB", b"0", b"99"],
            [b"EXEC"],
            [b"PUBLISH", b"c", b"m"],
        ]
        if self.since7:
            choices += [[b"FUNCTION", b"LOAD", LIBRARY % (name, name)], [b"FUNCTION", b"DELETE", name]]
        if self.random.random() < 0.2:
            choices.append([b"FLUSHALL"])
        return self.pick(*choices)

    def opaque(self) -> Argv:
        body = b"return redis.pcall(unpack(ARGV)) and 1"
        call = self.random.choice([self.string, self.whole, self.sety, self.between])()
        return [b"EVAL", body, b"0", *call]

    def command(self) -> Argv:
        if self.random.random() < self.mix.opaque:
            return self.opaque()
        if self.random.random() < 0.06:
            return [b"SELECT", b"%d" % self.random.randrange(self.mix.databases)]
        return self.random.choice(self.makers)()

    def log(self, count: int) -> list[Argv]:
        """Draw a log of about `count` commands, some of them in transactions."""
        commands: list[Argv] = []
        while len(commands) < count:
            if self.random.random() < 0.04:
                inside = [self.command() for _ in range(self.random.randrange(5))]
                commands += [[b"MULTI"], *inside, [b"EXEC"]]
            else:
                commands.append(self.command())
        if self.random.random() < self.mix.unfinished:
            commands += [[b"MULTI"], [b"SELECT", b"2"], *(self.command() for _ in range(4))]
            commands = [*commands[:-4], *(c for c in commands[-4:] if c[0] != b"EXEC")]
        return commands


def random_log(seed: int, build: Build, count: int, mix: Mix | None = None) -> list[Argv]:
    """Return a random log that `build` loads; the same seed gives the same log."""
    return Generator(seed, build, mix).log(count)
