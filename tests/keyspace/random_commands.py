"""Random command streams over every type, with failing commands, wrong types and odd arguments.

Wider than `tests.random_logs`, which serves liveness: here each command comes in all its forms. Left out is
only what no two loads agree on: random choices, relative times, and what kills a loader.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from aoftool.keyspace.algorithms.xxh3 import hash_64
from aoftool.keyspace.flavour import Flavour

Argv = list[bytes]

FUTURE_MS = 4_102_444_800_000
PAST_MS = 1_500_000_000_000
_INT_TEXTS = [
    b"0",
    b"1",
    b"-1",
    b"7",
    b"007",
    b"-0",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"x",
    b"",
]
# Not 1e400: its refusal leaves an error number behind that a later SORT of older servers stumbles over.
_SCORES = [
    b"0",
    b"-0",
    b"1",
    b"-1.5",
    b"inf",
    b"-inf",
    b"0.1",
    b"0.2",
    b"1e3",
    b"3",
    b"nan",
    b"x",
    b".5",
    b"+7",
]
_WORDS = [b"", b"a", b"b", b"c", b"12", b"-3", b"\x00\xff", b"x" * 70, b"3.0e3", b"10.5", b"z" * 20]
# Inside the class `list` is a command.
Argvs = list[Argv]


class Commands:
    """Draw commands for one flavour."""

    def __init__(self, seed: int, flavour: Flavour, *, kinds: str = "") -> None:
        self.random = random.Random(seed)
        self.flavour = flavour
        self.makers: dict[str, Callable[[], Argv]] = {
            "string": self.string,
            "counter": self.counter,
            "bits": self.bits,
            "hll": self.hll,
            "list": self.list,
            "set": self.set,
            "zset": self.zset,
            "zstore": self.zstore,
            "geo": self.geo,
            "hash": self.hash,
            "field": self.field,
            "stream": self.stream,
            "group": self.group,
            "key": self.key_command,
            "sort": self.sort,
            "server": self.server,
        }
        if flavour.field_expiry is None:
            del self.makers["field"]
        if flavour.has((8, 6), None):
            self.makers["idmp"] = self.idmp
        if kinds:
            # Results of these depend on the clock of each side, so nobody gets them unasked.
            self.makers |= {"relative": self.relative, "delivery": self.delivery}
            self.makers = {kind: self.makers[kind] for kind in kinds.split() if kind in self.makers}
        self.clock = 1
        self.started_ms = int(time.time() * 1000) - 20_000

    def has(self, redis: tuple[int, int], valkey: tuple[int, int] | None = (7, 2)) -> bool:
        return self.flavour.has(redis, valkey)

    # -- arguments -----------------------------------------------------------------------------

    def one(self, *choices: bytes) -> bytes:
        return self.random.choice(choices)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def key(self, kind: str = "") -> bytes:
        """Return a key that mostly holds one type, and now and then any."""
        if kind and self.chance(0.85):
            return b"%b%d" % (kind.encode(), self.random.randrange(3))
        kinds = ["s", "n", "l", "e", "z", "g", "h", "x", "p"]
        return b"%b%d" % (self.random.choice(kinds).encode(), self.random.randrange(3))

    def word(self) -> bytes:
        return self.random.choice(_WORDS) if self.chance(0.4) else b"m%d" % self.random.randrange(8)

    def int_text(self) -> bytes:
        if self.chance(0.1):
            return self.random.choice(_INT_TEXTS)
        return b"%d" % self.random.randint(-5, 12)

    def small(self) -> bytes:
        return self.one(b"x", b"-1", b"0") if self.chance(0.1) else b"%d" % self.random.randrange(12)

    def index(self) -> bytes:
        return self.random.choice(_INT_TEXTS) if self.chance(0.03) else b"%d" % self.random.randint(-6, 6)

    def score(self) -> bytes:
        if self.chance(0.3):
            return self.random.choice(_SCORES)
        return (
            b"%r" % round(self.random.uniform(-9, 9), 2)
            if self.chance(0.3)
            else b"%d" % self.random.randint(-9, 9)
        )

    def time_ms(self) -> bytes:
        base = self.random.choice([FUTURE_MS, FUTURE_MS, PAST_MS])
        if self.chance(0.06):
            return self.one(b"-1", b"-5", b"x", b"9223372036854775807", b"1")
        return b"%d" % (base + self.random.randrange(5) * 100_000)

    def case(self, name: bytes) -> bytes:
        return name.lower() if self.chance(0.1) else name

    def some(self, make: Callable[[], bytes], most: int = 4) -> Argv:
        return [make() for _ in range(self.random.randint(1, most))]

    # -- one maker for each group --------------------------------------------------------------

    def string(self) -> Argv:
        key = self.key("s")
        options: Argv = []
        known = [b"NX", b"XX", b"GET", b"KEEPTTL", b"PXAT", b"EXAT", b"IFEQ", b"BAD"]
        if self.has((8, 4), None):
            known += [b"IFNE", b"IFDEQ", b"IFDNE"]
        for word in self.random.sample(known, 2):
            if self.chance(0.35):
                options.append(self.case(word))
                if word == b"PXAT":
                    options.append(self.time_ms())
                elif word == b"EXAT":
                    options.append(
                        self.one(b"4102444800", b"1500000000", b"9223372036854775", b"9223372036854776")
                    )
                elif word.startswith(b"IF"):
                    options.append(self.match(word))
        choices: list[Argv] = [
            [b"SET", key, self.word(), *options],
            [b"SET", key, self.word()],
            [b"SET", key, self.word(), b"PXAT", self.time_ms()],
            [b"SETNX", key, self.word()],
            [b"GETSET", key, self.word()],
            [b"GETDEL", key],
            [
                b"GETEX",
                key,
                *self.random.choice(
                    [[b"PXAT", self.time_ms()], [b"PERSIST"], [], [b"PERSIST", b"PXAT", b"5"]]
                ),
            ],
            [b"APPEND", key, self.word()],
            [b"APPEND", key, b"y" * 600],
            [b"SETRANGE", key, self.index(), self.word()],
            [b"MSET", *self.some(lambda: self.key("s")), self.word()],
            [b"MSET", key, self.word(), self.key("s"), self.word(), key, self.word()],
            [b"MSETNX", key, self.word(), self.key("s"), self.word()],
        ]
        if self.has((8, 4), (9, 2)):
            word = self.one(b"IFEQ", b"ifne", b"IFDEQ", b"IFDNE", b"BAD")
            choices += [[b"DELEX", key], [b"DELEX", key, word, self.match(word.upper())]]
        if self.has((9, 0), (9, 0)):
            choices.append([b"DELIFEQ", key, self.word()])
        if self.has((8, 4), (9, 1)):
            choices += [
                [
                    b"MSETEX",
                    b"2",
                    key,
                    b"1",
                    self.key("s"),
                    b"2",
                    *self.random.choice([[], [b"NX"], [b"XX"], [b"KEEPTTL"], [b"PXAT", self.time_ms()]]),
                ],
            ]
        return self.random.choice(choices)

    def match(self, condition: bytes) -> bytes:
        """Return what a string is compared with: a value, or the digest of one."""
        if condition not in (b"IFDEQ", b"IFDNE") or self.chance(0.1):
            return self.word()
        digest = b"%016x" % hash_64(self.word())
        return digest.upper() if self.chance(0.2) else digest

    def counter(self) -> Argv:
        key = self.key("n")
        return self.random.choice(
            [
                [b"INCR", key],
                [b"DECR", key],
                [b"INCRBY", key, self.int_text()],
                [b"DECRBY", key, self.int_text()],
                [
                    b"INCRBYFLOAT",
                    key,
                    self.one(b"0.1", b"-3.25", b"1e20", b"3e-9", b"5", b"x", b"1e400", b" 1"),
                ],
                [b"SET", key, self.one(b"5", b"9223372036854775806", b"0.1", b"-0", b"01", b"1e5")],
            ]
        )

    def bits(self) -> Argv:
        key = self.key("s")
        width = self.one(b"u4", b"i5", b"u63", b"i64", b"u1", b"i8", b"u64", b"x8", b"i65")
        offset = self.one(b"0", b"3", b"#1", b"#2", b"17", b"100", b"-1", b"#x")
        number = self.one(b"1", b"-1", b"9", b"300", b"9223372036854775807", b"-9223372036854775808")
        if not self.has((7, 0)) and number.startswith(b"-9"):
            # How 6.2 adds the least number to an i64 is undefined in C, and builds differ.
            number = b"-128"
        extra = [b"DIFF", b"diff1", b"ANDOR", b"ONE"] if self.has((8, 2), None) else [b"AND"]
        operations: Argv = []
        for _ in range(self.random.randint(1, 4)):
            operations += self.random.choice(
                [
                    [b"GET", width, offset],
                    [b"SET", width, offset, number],
                    [b"INCRBY", width, offset, number],
                    [b"OVERFLOW", self.one(b"WRAP", b"SAT", b"FAIL", b"sat", b"BAD")],
                    [b"INCRBY", b"i8", b"0", number],
                    [b"SET", b"u8", b"#1", number],
                ]
            )
        return self.random.choice(
            [
                [b"SETBIT", key, b"%d" % self.random.randrange(200), self.one(b"0", b"1", b"1", b"2")],
                [b"SETBIT", key, self.one(b"5000", b"-1", b"x"), b"1"],
                [b"BITFIELD", key, *operations],
                [
                    b"BITOP",
                    self.one(b"AND", b"or", b"XOR", b"NOT", b"BAD", *extra),
                    self.key("s"),
                    *self.some(lambda: self.key("s"), 3),
                ],
                [b"BITOP", b"NOT", self.key("s"), key],
            ]
        )

    def hll(self) -> Argv:
        key = self.key("p")
        many = [b"e%d" % self.random.randrange(5000) for _ in range(self.random.choice([1, 3, 30, 300]))]
        return self.random.choice(
            [
                [b"PFADD", key],
                [b"PFADD", key, self.word(), self.word()],
                [b"PFADD", key, *many],
                [b"PFADD", key, *many],
                [b"PFCOUNT", key],
                [b"PFCOUNT", key, self.key("p")],
                [b"PFMERGE", key, *self.some(lambda: self.key("p"), 2)],
                [b"PFMERGE", key],
                [b"PFDEBUG", self.one(b"TODENSE", b"ENCODING", b"DECODE"), key],
                [
                    b"SETRANGE",
                    key,
                    self.one(b"0", b"4", b"15", b"20", b"40"),
                    self.one(b"H", b"\x00", b"\x80", b"\x55"),
                ],
            ]
        )

    def list(self) -> Argv:
        key, other = self.key("l"), self.key("l")
        side = [self.one(b"LEFT", b"RIGHT", b"left", b"X"), self.one(b"LEFT", b"RIGHT")]
        choices: list[Argv] = [
            [self.case(self.one(b"RPUSH", b"LPUSH")), key, *self.some(self.word)],
            [self.case(self.one(b"RPUSH", b"LPUSH")), key, *self.some(self.word)],
            [self.one(b"RPUSHX", b"LPUSHX"), key, *self.some(self.word, 2)],
            [self.one(b"LPOP", b"RPOP"), key],
            [self.one(b"LPOP", b"RPOP"), key, self.index()],
            [b"LINSERT", key, self.one(b"BEFORE", b"after", b"X"), self.word(), self.word()],
            [b"LSET", key, self.index(), self.word()],
            [b"LREM", key, self.index(), self.word()],
            [b"LTRIM", key, self.index(), self.index()],
            [b"LMOVE", key, other, *side],
            [b"RPOPLPUSH", key, other],
            [b"BRPOPLPUSH", key, other, self.one(b"0", b"0.5", b"-1", b"x")],
            [b"BLMOVE", key, other, *side, b"0"],
            [self.one(b"BLPOP", b"BRPOP"), key, other, self.one(b"0", b"1", b"-1", b"x")],
        ]
        if self.has((7, 0)):
            count = self.random.choice([[], [b"COUNT", self.index()], [b"BAD"]])
            choices += [
                [b"LMPOP", b"2", key, other, self.one(b"LEFT", b"RIGHT"), *count],
                [b"BLMPOP", b"0", self.one(b"2", b"1", b"0", b"9"), key, other, b"LEFT", *count],
            ]
        return self.random.choice(choices)

    def set(self) -> Argv:
        key, other = self.key("e"), self.key("e")
        return self.random.choice(
            [
                [b"SADD", key, *self.some(self.word)],
                [b"SADD", key, *self.some(self.int_text)],
                [b"SREM", key, *self.some(self.word)],
                [b"SMOVE", key, other, self.word()],
                [
                    self.one(b"SUNIONSTORE", b"SINTERSTORE", b"SDIFFSTORE"),
                    key,
                    *self.some(lambda: self.key("e"), 3),
                ],
                [
                    self.one(b"SUNIONSTORE", b"SINTERSTORE", b"SDIFFSTORE"),
                    key,
                    *self.some(lambda: self.key("e"), 3),
                ],
                [b"SPOP", key, self.one(b"1000", b"0", b"-1")],
            ]
        )

    def zset(self) -> Argv:
        key = self.key("z")
        flags = self.random.sample([b"NX", b"XX", b"GT", b"LT", b"CH", b"INCR"], self.random.randint(1, 2))
        many: Argv = []
        for number in range(self.random.choice([1, 3, 140])):
            many += [b"%d" % self.random.randint(-5, 5), b"w%d" % number]
        lex = [self.one(b"-", b"[a", b"(m1", b"[m5", b"bad"), self.one(b"+", b"[m4", b"(z", b"-")]
        bounds = [
            self.one(b"-inf", b"(1", b"0", b"-3", b"", b" 2", b"x"),
            self.one(b"+inf", b"(5", b"3", b"1e2"),
        ]
        choices: list[Argv] = [
            [b"ZADD", key, self.score(), self.word()],
            [b"ZADD", key, self.score(), self.word(), self.score(), self.word()],
            [b"ZADD", key, *flags, self.score(), self.word()],
            [b"ZADD", key, *flags[:1], self.score(), self.word(), self.score(), self.word()],
            [b"ZINCRBY", key, self.score(), self.word()],
            [b"ZREM", key, *self.some(self.word)],
            [b"ZREMRANGEBYRANK", key, self.index(), self.index()],
            [b"ZREMRANGEBYSCORE", key, *bounds],
            [b"ZREMRANGEBYLEX", key, *lex],
            [self.one(b"ZPOPMIN", b"ZPOPMAX"), key],
            [self.one(b"ZPOPMIN", b"ZPOPMAX"), key, self.index()],
            [self.one(b"BZPOPMIN", b"BZPOPMAX"), key, self.key("z"), self.one(b"0", b"x")],
        ]
        if self.chance(0.1):
            choices.append([b"ZADD", key, *many])
        if self.has((7, 0)):
            choices.append(
                [b"ZMPOP", b"2", key, self.key("z"), self.one(b"MIN", b"MAX", b"X"), b"COUNT", self.index()]
            )
        return self.random.choice(choices)

    def zstore(self) -> Argv:
        key, one, two = self.key("z"), self.key(self.one(b"z", b"e").decode()), self.key("z")
        weights = [b"WEIGHTS", self.score(), self.score()]
        aggregate = [b"AGGREGATE", self.one(b"SUM", b"MIN", b"max", b"BAD")]
        extra = self.random.choice([[], weights, aggregate, weights + aggregate, [b"BAD"]])
        bounds = [self.one(b"-inf", b"(1", b"-3"), self.one(b"+inf", b"(5", b"3")]
        limit = self.random.choice([[], [b"LIMIT", self.index(), self.index()]])
        rev = self.random.choice([[], [b"REV"]])
        if rev:
            bounds.reverse()
        return self.random.choice(
            [
                [self.one(b"ZUNIONSTORE", b"ZINTERSTORE"), key, b"2", one, two, *extra],
                [self.one(b"ZUNIONSTORE", b"ZINTERSTORE"), key, b"2", one, two, *extra],
                [b"ZUNIONSTORE", key, b"3", one, two, self.key("z")],
                [b"ZDIFFSTORE", key, self.one(b"2", b"1", b"0", b"5", b"x"), one, two],
                [b"ZRANGESTORE", key, two, self.index(), self.index(), *rev],
                [b"ZRANGESTORE", key, two, *bounds, b"BYSCORE", *rev, *limit],
                [b"ZRANGESTORE", key, two, self.index(), self.index(), *limit],
            ]
        )

    def geo(self) -> Argv:
        key = self.key("g")
        place = [b"%.6f" % self.random.uniform(-180, 180), b"%.6f" % self.random.uniform(-85, 85)]
        near = [b"%.6f" % self.random.uniform(12, 14), b"%.6f" % self.random.uniform(37, 39)]
        unit = self.one(b"m", b"km", b"mi", b"ft", b"KM", b"x")
        radius = [self.one(b"100", b"1000", b"5000", b"0", b"-1", b"20000"), unit]
        count = self.random.choice([[], [b"COUNT", b"3"], [b"COUNT", b"2", b"ANY"], [b"COUNT", b"0"]])
        order = self.random.choice([[], [b"ASC"], [b"DESC"]])
        store = [self.one(b"STORE", b"STOREDIST"), self.key("z")]
        origin = self.random.choice([[b"FROMLONLAT", *near], [b"FROMMEMBER", self.word()], []])
        shape = self.random.choice(
            [[b"BYRADIUS", *radius], [b"BYBOX", b"400", b"300", b"km"], [b"BYBOX", b"9000", b"8000", unit]]
        )
        dist = self.random.choice([[], [b"STOREDIST"], [b"WITHDIST"]])
        if self.flavour.has(None, (9, 0)) and self.chance(0.2):
            polygon = [*self.random.choice([[], [], [], origin]), *self.polygon(), *count, *order, *dist]
            return [b"GEOSEARCHSTORE", self.key("z"), key, *polygon]
        return self.random.choice(
            [
                [b"GEOADD", key, *near, self.word()],
                [b"GEOADD", key, *near, self.word(), *place, self.word()],
                [b"GEOADD", key, self.one(b"NX", b"XX", b"CH"), *near, self.word()],
                [b"GEOADD", key, self.one(b"181", b"x", b"13"), b"38", self.word()],
                [b"GEORADIUS", key, *near, *radius, *count, *order, *store],
                [b"GEORADIUSBYMEMBER", key, self.word(), *radius, *count, *order, *store],
                [b"GEOSEARCHSTORE", self.key("z"), key, *origin, *shape, *count, *order, *dist],
                [b"GEOSEARCHSTORE", self.key("z"), key, b"FROMLONLAT", *near, *shape, *count],
            ]
        )

    def polygon(self) -> Argv:
        """Return a polygon that may cross itself: near the places that `geo` adds, or over the earth."""
        corners = self.random.choice([3, 3, 4, 7])
        wide = self.random.choice([1, 1, 160])
        east, north = (13, 38) if wide == 1 else (0, 0)
        found = []
        for _ in range(corners):
            found.append(b"%.6f" % (east + wide * self.random.uniform(-1.1, 1.1)))
            found.append(b"%.6f" % (north + wide / 2 * self.random.uniform(-1, 1)))
        return [b"BYPOLYGON", self.random.choice([b"%d" % corners] * 9 + [b"2", b"x"]), *found]

    def hash(self) -> Argv:
        key = self.key("h")
        return self.random.choice(
            [
                [self.one(b"HSET", b"HMSET"), key, self.word(), self.word(), self.word(), self.word()],
                [b"HSET", key, self.word(), self.int_text()],
                [b"HSET", key, self.word(), self.word(), self.word()],
                [b"HSETNX", key, self.word(), self.word()],
                [b"HDEL", key, *self.some(self.word)],
                [b"HINCRBY", key, self.word(), self.int_text()],
                [b"HINCRBYFLOAT", key, self.word(), self.one(b"0.1", b"5", b"-2.5", b"x", b"1e19")],
            ]
        )

    def field(self) -> Argv:
        key = self.key("h")
        names = self.some(self.word, 3)
        if self.has((8, 2), None):
            names = list(dict.fromkeys(names))  # HSETEX of a field twice ends Redis 8.6.3
        count = b"%d" % len(names) if self.chance(0.93) else self.one(b"0", b"9", b"x", b"-1")
        fields = [b"FIELDS", count, *names]
        pairs = [part for name in names for part in (name, self.word())]
        condition = self.random.choice([[], [], [b"NX"], [b"XX"], [b"GT"], [b"lt"], [b"BAD"]])
        time = self.random.choice(
            [[b"PXAT", self.time_ms()], [b"PXAT", self.time_ms()], [b"EXAT", b"4102444800"], [b"KEEPTTL"], []]
        )
        choices: list[Argv] = [
            [b"HPEXPIREAT", key, self.time_ms(), *condition, *fields],
            [b"HPEXPIREAT", key, self.time_ms(), *fields],
            [b"HEXPIREAT", key, self.one(b"4102444800", b"1500000000", b"-1"), *condition, *fields],
            [b"HPERSIST", key, *fields],
        ]
        if self.has((8, 0), (9, 0)):
            words = [b"FNX", b"FXX"] if self.flavour.family == "redis" else [b"FNX", b"FXX", b"NX", b"XX"]
            only = self.random.choice([[], [], [self.random.choice(words)], [b"BAD"]])
            choices += [
                [b"HSETEX", key, *only, *time, b"FIELDS", count, *pairs],
                [b"HSETEX", key, *time, *only, b"FIELDS", count, *pairs],
                [b"HGETEX", key, *self.random.choice([[b"PXAT", self.time_ms()], [b"PERSIST"], []]), *fields],
                [b"HGETDEL", key, *fields],
            ]
        return self.random.choice(choices)

    def entry_id(self) -> bytes:
        if self.chance(0.05):
            return self.one(
                b"0-0", b"5-", b"x", b"5-x", b"-", b"+", b"18446744073709551615-1", b"007-1", b"$"
            )
        return b"%d-%d" % (
            self.random.randint(max(self.clock - 15, 0), self.clock + 1),
            self.random.randrange(3),
        )

    def stream(self) -> Argv:
        key = self.key("x")
        self.clock += self.random.randrange(2)
        new = self.one(b"%d-1" % self.clock, b"%d" % self.clock, self.entry_id())
        if self.chance(0.1) and self.has((7, 0)):
            new = b"%d-*" % self.clock
        trim = self.random.choice(
            [
                [],
                [],
                [b"MAXLEN", self.one(b"3", b"0", b"-1", b"1000")],
                [b"MAXLEN", b"=", b"4", b"LIMIT", b"10"],
                [b"MAXLEN", b"~", b"1000"],
                [b"MINID", self.entry_id()],
                [b"NOMKSTREAM"],
                [b"LIMIT", b"5"],
            ]
        )
        if self.has((8, 2), None) and self.chance(0.5):
            trim = [*self.references(), *trim]
            if self.chance(0.2):
                trim.reverse()
        counters = self.random.choice(
            [[], [b"ENTRIESADDED", self.small()], [b"MAXDELETEDID", self.entry_id()]]
        )
        return self.random.choice(
            [
                [b"XADD", key, *trim, new, b"f", self.word()],
                [b"XADD", key, *trim, new, b"f", self.word(), b"f", b"2"],
                [b"XADD", key, new, b"f", self.word()],
                [b"XADD", key, new, b"f", self.word(), b"odd"],
                [b"XDEL", key, *self.some(self.entry_id)],
                [b"XDEL", key, *self.some(self.entry_id)],
                [b"XTRIM", key, b"MAXLEN", self.one(b"3", b"=", b"0", b"5")],
                [b"XTRIM", key, b"MINID", b"=", self.entry_id(), *self.references()],
                [b"XTRIM", key, *self.references(), b"MAXLEN", self.one(b"3", b"0", b"5")],
                [b"XSETID", key, self.entry_id(), *counters],
                [b"XSETID", key, b"%d-5" % self.clock],
            ]
        )

    def references(self) -> Argv:
        """Return what becomes of references to entries that go, where that can be said."""
        if not self.has((8, 2), None) or self.chance(0.3):
            return []
        return [self.one(b"KEEPREF", b"DELREF", b"delref", b"ACKED", b"ACKED")]

    def counted_ids(self) -> Argv:
        ids = self.some(self.entry_id)
        count = b"%d" % len(ids) if self.chance(0.95) else self.one(b"0", b"x", b"9")
        parts = [self.references(), [b"IDS", count, *ids]]
        if self.chance(0.2):
            parts.reverse()
        return [word for part in parts for word in part]

    def idmp(self) -> Argv:
        """Return what idempotent producers send, with IDs of now: older ones are forgotten at once."""
        key, producer = self.one(b"y0", b"y1"), self.one(b"p1", b"p2", b"")
        self.clock += 1
        entry = b"%d-1" % (self.started_ms + self.clock)
        old = b"%d-1" % (self.started_ms + self.random.randint(max(self.clock - 9, 0), self.clock))
        name = self.one(b"i1", b"i2", b"i3", b"\x00\xff", b"")
        pairs = [b"f", self.word(), *self.random.choice([[], [b"g", b"1"], [b"f", self.word()]])]
        by_name, by_hash = [b"IDMP", producer, name], [b"IDMPAUTO", producer]
        settings = [
            [b"IDMP-DURATION", self.one(b"86400", b"5000", b"0", b"x")],
            [b"IDMP-MAXSIZE", self.one(b"2", b"3", b"10000", b"10001")],
        ]
        if self.chance(0.5):
            settings.reverse()
        return self.random.choice(
            [
                [b"XADD", key, *by_name, entry, *pairs],
                [b"XADD", key, *by_name, entry, *pairs],
                [b"XADD", key, *by_hash, entry, *pairs],
                [b"XADD", key, *by_hash, b"MAXLEN", b"=", b"3", b"KEEPREF", entry, *pairs],
                [b"XADD", key, entry, *pairs],
                [b"XADD", key, *by_name, *by_hash, entry, *pairs],
                [b"XADD", key, *by_name, old, *pairs],
                [b"XIDMPRECORD", key, producer, name, self.one(entry, old)],
                [b"XIDMPRECORD", key, producer, name, old],
                [b"XCFGSET", key, *self.random.choice([settings[0], [*settings[0], *settings[1]], []])],
                [b"XDEL", key, old],
                [b"COPY", key, self.one(b"y0", b"y2"), b"REPLACE"],
                [b"RENAME", key, self.one(b"y0", b"y2")],
            ]
        )

    def group(self) -> Argv:
        key, group, consumer = self.key("x"), self.one(b"g1", b"g2"), self.one(b"c1", b"c2", b"c3")
        read = self.random.choice([[], [b"ENTRIESREAD", self.int_text()]]) if self.has((7, 0)) else []
        at = self.one(b"$", b"0", self.entry_id())
        claim = [
            b"XCLAIM",
            key,
            group,
            consumer,
            self.one(b"0", b"0", b"1000", b"x"),
            *self.some(self.entry_id),
        ]
        time = [b"TIME", self.one(b"1500000000000", b"1600000000000")]
        rest = self.random.choice(
            [
                [b"RETRYCOUNT", b"2"],
                [b"RETRYCOUNT", b"0", b"FORCE"],
                [b"FORCE", b"JUSTID"],
                [b"FORCE"],
                [b"BAD"],
            ]
        )
        choices: list[Argv] = []
        if self.has((8, 2), None):
            choices += [
                [b"XDELEX", key, *self.counted_ids()],
                [b"XDELEX", key, *self.counted_ids()],
                [b"XACKDEL", key, group, *self.counted_ids()],
                [b"XACKDEL", key, group, *self.counted_ids()],
            ]
        return self.random.choice(
            [
                *choices,
                [b"XGROUP", b"CREATE", key, group, at, *self.random.choice([[], [b"MKSTREAM"]]), *read],
                [b"XGROUP", b"CREATE", key, group, b"0"],
                [b"XGROUP", b"SETID", key, group, at, *read],
                [b"XGROUP", b"CREATECONSUMER", key, group, consumer],
                [b"XGROUP", b"DELCONSUMER", key, group, consumer],
                [b"XGROUP", b"DESTROY", key, self.one(b"g1", b"g2", b"g3")],
                [b"XACK", key, group, *self.some(self.entry_id)],
                [*claim, *time, *rest, *self.random.choice([[], [b"LASTID", self.entry_id()]])],
                [*claim, *time, *rest],
                [*claim, *time, b"FORCE", b"JUSTID"],
            ]
        )

    def delivery(self) -> Argv:
        key, group, consumer = self.key("x"), self.one(b"g1", b"g2"), self.one(b"c1", b"c2", b"c3")
        after = self.one(b">", b">", b">", b"0", self.entry_id())
        count = self.random.choice([[], [b"COUNT", self.small()]])
        idle = self.one(b"0", b"0", b"1000", b"x", b"-1")
        start = self.one(b"0", b"-", self.entry_id(), b"(" + self.entry_id())
        ack = self.random.choice([[], [b"NOACK"]])
        streams = [b"STREAMS", key, after]
        if self.chance(0.2):
            streams = [b"STREAMS", key, self.key("x"), after, b">"]
        return self.random.choice(
            [
                [b"XREADGROUP", b"GROUP", group, consumer, *count, *ack, *streams],
                [b"XREADGROUP", b"GROUP", group, consumer, *count, *streams],
                [b"XREADGROUP", b"GROUP", group, consumer, b"BLOCK", self.one(b"0", b"5", b"x"), *streams],
                [
                    b"XAUTOCLAIM",
                    key,
                    group,
                    consumer,
                    idle,
                    start,
                    *count,
                    *self.random.choice([[], [b"JUSTID"]]),
                ],
                [
                    b"XCLAIM",
                    key,
                    group,
                    consumer,
                    idle,
                    *self.some(self.entry_id),
                    b"IDLE",
                    self.one(b"0", b"-5"),
                ],
                [b"XCLAIM", key, group, consumer, idle, *self.some(self.entry_id)],
            ]
        )

    def relative(self) -> Argv:
        key, seconds = self.key("s"), self.one(b"100000", b"0", b"-1", b"x", b"9223372036854775")
        ms = self.one(b"100000000", b"0", b"-1000000", b"x", b"9223372036854775807")
        condition = self.random.choice([[], [b"NX"], [b"XX"], [b"GT"], [b"LT"]])
        if not self.has((7, 0)) or self.flavour.negative_expiry_harms:
            condition, seconds, ms = [], self.one(b"100000", b"0", b"x"), self.one(b"100000000", b"0", b"x")
        choices: list[Argv] = [
            [b"SETEX", key, seconds, self.word()],
            [b"PSETEX", key, ms, self.word()],
            [b"SET", key, self.word(), b"EX", seconds],
            [b"SET", key, self.word(), b"PX", ms, b"XX"],
            [b"GETEX", key, b"EX", seconds],
            [b"EXPIRE", key, seconds, *condition],
            [b"PEXPIRE", key, ms, *condition],
        ]
        if self.flavour.field_expiry:
            fields = [b"FIELDS", b"1", self.word()]
            choices += [
                [b"HEXPIRE", self.key("h"), self.one(b"100000", b"-1", b"x"), *fields],
                [b"HPEXPIRE", self.key("h"), self.one(b"100000000", b"-1", b"x"), *fields],
            ]
        return self.random.choice(choices)

    def key_command(self) -> Argv:
        key, other = self.key(), self.key()
        db = self.one(b"0", b"1", b"2", b"99", b"01", b"x")
        condition = self.random.choice(
            [[], [], [b"NX"], [b"XX"], [b"GT"], [b"LT"], [b"XX", b"GT"], [b"NX", b"XX"], [b"BAD"]]
        )
        if not self.has((7, 0)):
            condition = []
        same = self.key(self.one(b"s", b"l", b"h", b"z", b"x").decode())
        return self.random.choice(
            [
                [self.one(b"DEL", b"UNLINK"), *self.some(self.key, 2)],
                [b"PEXPIREAT", key, self.time_ms(), *condition],
                [b"PEXPIREAT", same, self.time_ms(), *condition],
                [
                    b"EXPIREAT",
                    key,
                    self.one(b"4102444800", b"1500000000", b"-1", b"9223372036854775807"),
                    *condition,
                ],
                [b"PERSIST", key],
                [b"RENAME", key, other],
                [b"RENAMENX", key, other],
                [b"MOVE", key, db],
                [
                    b"COPY",
                    key,
                    other,
                    *self.random.choice([[], [b"REPLACE"], [b"DB", db], [b"DB", db, b"REPLACE"]]),
                ],
                [b"COPY", same, other, b"REPLACE"],
            ]
        )

    def sort(self) -> Argv:
        key = self.key(self.one(b"l", b"e", b"z").decode())
        by = self.random.choice(
            [[], [], [b"BY", b"nosort"], [b"BY", b"n*"], [b"BY", b"h0->*"], [b"BY", b"h*->m1"], [b"BY", b"*"]]
        )
        get = self.random.choice([[], [], [b"GET", b"#"], [b"GET", b"s*", b"GET", b"#"], [b"GET", b"h*->m2"]])
        options = self.random.choice([[], [b"ALPHA"], [b"DESC"], [b"ALPHA", b"DESC"], [b"BAD"]])
        limit = self.random.choice([[], [], [b"LIMIT", self.index(), self.index()]])
        store = self.random.choice([[b"STORE", self.key("l")], [b"STORE", self.key()], []])
        return [b"SORT", key, *by, *limit, *get, *options, *store]

    def server(self) -> Argv:
        name = self.one(b"f1", b"f2")
        code = b"#!lua name=%b\nredis.register_function('%b', function() return 1 end)" % (
            name,
            self.one(b"f1", b"f2"),
        )
        choices: list[Argv] = [
            [b"SELECT", self.one(b"0", b"0", b"1", b"2", b"99", b"01", b"-1")],
            [b"SELECT", b"0"],
            [b"SWAPDB", self.one(b"0", b"1", b"99"), self.one(b"1", b"2", b"0")],
            [b"FLUSHDB", *self.random.choice([[], [b"ASYNC"], [b"BAD"]])],
            [b"EXEC"],
            [b"PING"],
            [b"GET", self.key()],
            [b"PUBLISH", b"c", b"m"],
            [b"SCRIPT", b"LOAD", b"return 1"],
        ]
        if self.has((7, 0)):
            choices += [
                [b"FUNCTION", b"LOAD", *self.random.choice([[], [b"REPLACE"]]), code],
                [b"FUNCTION", b"DELETE", name],
                [b"FUNCTION", b"FLUSH", *self.random.choice([[], [b"BAD"]])],
            ]
        if self.chance(0.1):
            choices.append([b"FLUSHALL"])
        return self.random.choice(choices)

    # -- whole streams -------------------------------------------------------------------------

    def command(self) -> Argv:
        maker = self.random.choice(list(self.makers))
        if maker == "server" and self.chance(0.5):
            maker = self.random.choice(list(self.makers))
        return self.makers[maker]()

    def stream_of(self, count: int) -> Argvs:
        """Return about that many commands, some of them in transactions."""
        commands: Argvs = []
        while len(commands) < count:
            if self.chance(0.03):
                inside = [self.command() for _ in range(self.random.randrange(6))]
                commands += [[b"MULTI"], *inside, [b"EXEC"]]
            else:
                commands.append(self.command())
        return commands
