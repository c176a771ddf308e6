"""Every write command of a server in every form that its own documentation names, against prepared keys.

The forms come from COMMAND DOCS: each choice once, each option alone and with each other one, all options
together, and repetitions twice. What makes no sense together is refused by the server and stays out of its
log; `Docs.words` says which option words a server must have taken in some form.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aoftool.keyspace.algorithms.xxh3 import hash_64
from tests.servers import Server
from tests.servers.discovery import parse_version

Argv = list[bytes]

FUTURE_MS = 4_102_444_800_000
LIBRARY = b"#!lua name=%b\nredis.register_function('%b', function() return 1 end)"
# XXH3 of what every string holds before it is written; a wrong one has the server answer twice to SET .. GET.
_DIGEST_OF_7 = b"%016x" % hash_64(b"7")
# These end the server, wait for another one, look at it from outside, act on more than their keys, or are for
# clusters (`test_slots_on_servers.py`); vector sets have tests of their own.
LEFT_OUT = frozenset(
    b"SHUTDOWN MIGRATE DEBUG REPLICAOF SLAVEOF FAILOVER PFDEBUG PFSELFTEST FLUSHALL FLUSHDB SWAPDB CLUSTER"
    b" SFLUSH TRIMSLOTS MODULE VADD VREM VSETATTR".split()
)
# Three corners around both places that a prepared key holds.
_TRIANGLE = b"3 10 35 20 35 15 45".split()
_UNITS = frozenset({"M", "KM", "FT", "MI"})
_QUESTIONS = frozenset(b"HELP STATS KILL LIST DUMP".split())
_OF_ENTRIES = frozenset(b"XACK XCLAIM XACKDEL XDEL XDELEX XIDMPRECORD".split())
_KIND_OF_GROUP = {
    "string": "s",
    "bitmap": "s",
    "list": "l",
    "set": "e",
    "sorted-set": "z",
    "sorted_set": "z",
    "geo": "g",
    "hash": "h",
    "stream": "x",
    "hyperloglog": "p",
    "generic": "s",
}
_BY_NAME: dict[str, list[bytes]] = {
    "numfields": [b"1"],
    "numids": [b"1"],
    "increment": [b"2"],
    "decrement": [b"3"],
    "milliseconds": [b"5000000"],
    "seconds": [b"5000"],
    "timeout": [b"0.01"],
    "score": [b"1.5"],
    "longitude": [b"13.361389"],
    "latitude": [b"38.115556"],
    "radius": [b"200"],
    "width": [b"400"],
    "height": [b"400"],
    "weight": [b"2"],
    "offset": [b"1"],
    "count": [b"1"],
    "limit": [b"1"],
    "start": [b"0"],
    "stop": [b"0"],
    "min": [b"-inf"],
    "max": [b"+inf"],
    "index": [b"0"],
    "bit": [b"1"],
    "encoding": [b"u8"],
    "id": [b"5-1"],
    "id-selector": [b"9-1"],
    "auto-id": [b"*"],
    "lastid": [b"5-1"],
    "last-id": [b"9-9"],
    "threshold": [b"3"],
    "group": [b"g"],
    "consumer": [b"c2"],
    "newconsumer": [b"c2"],
    "min-idle-time": [b"0"],
    "destination-db": [b"1"],
    "db": [b"1"],
    "member": [b"m1", b"m2"],
    "element": [b"m1", b"m9"],
    "field": [b"m1", b"m2"],
    "pivot": [b"m1"],
    "unix-time-seconds": [b"4102444800"],
    "unix-time-milliseconds": [b"4102444800123"],
    "entries-read": [b"1"],
    "entriesadded": [b"20"],
    "entries-added": [b"20"],
    "max-deleted-id": [b"1-1"],
    "ifeq-value": [b"7"],
    "ifne-value": [b"other"],
    "pattern": [b"w*"],
    "duration": [b"500"],
    "maxsize": [b"50"],
    "pid": [b"p1"],
    "iid": [b"i1"],
    "function-code": [LIBRARY % (b"f3", b"f3")],
    "library-name": [b"f1"],
    "reduce": [b"2"],
    "ttl": [b"5000000"],
}
_BY_TYPE: dict[str, list[bytes]] = {
    "string": [b"v1", b"v2"],
    "integer": [b"1"],
    "double": [b"1.5"],
    "unix-time": [b"4102444800"],
    "pattern": [b"w*"],
}


@dataclass
class Written:
    """A command in one form, with the keys that it is to work on."""

    name: bytes
    argv: Argv
    setup: list[Argv]


class Docs:
    """What a server says about its commands.

    Args:
        server: runs; before 7.0 servers have no COMMAND DOCS, and `docs` of another one serves.
    """

    def __init__(self, server: Server, docs: Server | None = None) -> None:
        self._server = server
        told = (docs or server).send("COMMAND", "DOCS")
        self._docs = {bytes(name).upper(): _tree(doc) for name, doc in _pairs(told)}
        server.send("RPUSH", "payload", "a", "b")
        self.payload = bytes(server.send("DUMP", "payload"))
        self.library = b""
        if server.build.multi_part:
            server.send("FUNCTION", "LOAD", LIBRARY % (b"f1", b"f1"))
            self.library = bytes(server.send("FUNCTION", "DUMP"))
        self._number = itertools.count()

    def writers(self) -> dict[bytes, dict[str, Any]]:
        """Return the documentation of every write command, subcommands as `NAME SUB`."""
        flags = {
            bytes(row[0]).upper(): {bytes(flag) for flag in row[2]} for row in self._server.send("COMMAND")
        }
        found: dict[bytes, dict[str, Any]] = {}
        for name, doc in sorted(self._docs.items()):
            if name in LEFT_OUT or name not in flags or b"." in name:
                continue
            for sub, inner in doc.get("subcommands", {}).items():
                full = sub.replace("|", " ").upper().encode()
                wanted = name in (b"XGROUP", b"FUNCTION") and full.partition(b" ")[2] not in _QUESTIONS
                if wanted and parse_version(inner.get("since", "0")) <= self._server.build.version:
                    found[full] = inner
            if b"write" in flags[name] and not doc.get("subcommands"):
                found[name] = doc
        return found

    def words(self, doc: dict[str, Any]) -> set[bytes]:
        """Return the option words that the documentation of a command names, in upper case."""
        return set(_words(doc.get("arguments", [])))

    def forms(self, name: bytes, doc: dict[str, Any]) -> Iterator[Written]:
        """Yield the forms of a command, each with keys of its own."""
        arguments = doc.get("arguments", [])
        seen: set[tuple[tuple[str, ...], ...]] = set()
        for chosen in _variants(arguments):
            if chosen in seen:
                continue
            seen.add(chosen)
            yield self._written(name, doc, chosen)

    def _written(self, name: bytes, doc: dict[str, Any], parts: Sequence[tuple[str, ...]]) -> Written:
        number = next(self._number)
        kind = _KIND_OF_GROUP.get(doc.get("group", ""), "s")
        used: list[bytes] = []

        def key(place: int) -> bytes:
            kinds = kind
            if name in (b"ZUNIONSTORE", b"ZINTERSTORE", b"ZDIFFSTORE") and place == 2:
                kinds = "e"
            if name == b"RESTORE":
                kinds = "r"
            if name == b"SORT":
                kinds = "n" if not place else "d"
            if name in (b"COPY", b"RENAME", b"RENAMENX") or (b"NX" in name and kind == "s"):
                kinds = kind if not place else "d"
            found = b"%b%d:%d" % (kinds.encode(), number, place)
            used.append(found)
            return found

        argv = list(name.split(b" "))
        repeated = 0
        for what, value in parts:
            if what == "word":
                # Redis 6.2 knows units of length in lower case only.
                argv.append(value.lower().encode() if value in _UNITS else value.encode())
            elif what == "key":
                argv.append(key(len(used)))
                repeated = 0
            elif name == b"ZRANGESTORE" and value in ("min", "max"):
                argv.append(_bound(value, [word for kind, word in parts if kind == "word"]))
            else:
                argv.append(self._value(name, what, value, repeated))
                repeated += 1
        _count(argv, parts, len(name.split(b" ")))
        if b"BYPOLYGON" in argv:
            at, corners = argv.index(b"BYPOLYGON") + 1, sum(value == "longitude" for _, value in parts)
            corners -= b"FROMLONLAT" in argv
            argv[at : at + 1 + 2 * corners] = _TRIANGLE
        setup = [command for used_key in used for command in _prepared(used_key)]
        if name.startswith(b"FUNCTION"):
            # A dump holds f1, and is taken beside a library of that name only where a word says so.
            there = b"f2" if name == b"FUNCTION RESTORE" and b"REPLACE" not in argv else b"f1"
            setup = [[b"FUNCTION", b"FLUSH"], [b"FUNCTION", b"LOAD", LIBRARY % (there, there)]]
        return Written(name, argv, setup)

    def _value(self, command: bytes, what: str, name: str, repeated: int) -> bytes:
        if name == "serialized-value":
            return self.library if command.startswith(b"FUNCTION") else self.payload
        if name == "ttl" and not self._server.build.multi_part:
            return b"0"  # Redis 6.2 records other times as they are given, and each load counts them anew
        if "digest" in name:
            return _DIGEST_OF_7
        if command in _OF_ENTRIES and name.lower() in ("id", "ids", "streamid", "stream-id"):
            return b"%d-1" % (2 + repeated % 2)
        if command == b"XGROUP CREATE" and name == "group":
            return b"new"
        if command == b"FUNCTION RESTORE" and name != "serialized-value":
            return self.library
        if command == b"ZREMRANGEBYLEX":
            return b"-" if name == "min" else b"[m1"
        if name == "value" and command in (b"SETBIT", b"BITFIELD"):
            return b"1"
        if command in (b"PSETEX", b"PEXPIRE", b"HPEXPIRE") and what == "integer":
            return b"5000000"
        choices = _BY_NAME.get(name) or _BY_TYPE.get(what, [b"v1"])
        if what == "unix-time" and "milli" in name:
            return b"%d" % (FUTURE_MS + 123)
        return choices[repeated % len(choices)]


def _bound(which: str, words: Sequence[str]) -> bytes:
    """Return a bound of a range, which is by rank, score or member, and from behind where it is reversed."""
    low, high = b"0", b"1"
    if "BYLEX" in words:
        low, high = b"[m1", b"+"
    elif "BYSCORE" in words:
        low, high = b"-inf", b"2"
    from_behind = "REV" in words and low != b"0"
    return low if (which == "min") != from_behind else high


def _count(argv: Argv, parts: Sequence[tuple[str, ...]], at: int) -> None:
    """Put right the number of keys, fields or IDs that follow a count."""
    for place, (what, name) in enumerate(parts):
        if what == "integer" and name in ("numkeys", "numfields", "num-fields", "numids", "count-fields"):
            following = parts[place + 1 :]
            if name == "numkeys" and argv[0] == b"MSETEX":
                number = sum(kind == "key" for kind, _ in following)
            elif name == "numkeys":
                number = sum(1 for _ in itertools.takewhile(lambda part: part[0] == "key", following))
            else:
                values = sum(1 for _ in itertools.takewhile(lambda part: part[0] == "string", following))
                number = values // 2 if argv[0] == b"HSETEX" else values
            argv[at + place] = b"%d" % max(number, 1)


def _prepared(key: bytes) -> list[Argv]:
    """Return what gives a key a value of the kind that its first letter names."""
    kind = key[:1]
    made: dict[bytes, list[Argv]] = {
        b"s": [[b"SET", key, b"7"]],
        b"l": [[b"RPUSH", key, b"m1", b"m2", b"m3", b"m1"]],
        b"n": [[b"RPUSH", key, b"3", b"1", b"2"]],
        b"e": [[b"SADD", key, b"m1", b"m2", key]],
        b"z": [[b"ZADD", key, b"1", b"m1", b"2", b"m2", b"3", b"m3"]],
        b"g": [[b"GEOADD", key, b"13.361389", b"38.115556", b"m1", b"15.087269", b"37.502669", b"m2"]],
        b"h": [[b"HSET", key, b"m1", b"4", b"m2", b"5"]],
        b"p": [[b"PFADD", key, b"m1", key]],
        b"x": [
            *([b"XADD", key, b"%d-1" % number, b"f", b"v"] for number in (1, 2, 3, 4)),
            [b"XGROUP", b"CREATE", key, b"g", b"0"],
            [b"XREADGROUP", b"GROUP", b"g", b"c1", b"COUNT", b"3", b"STREAMS", key, b">"],
        ],
    }
    return made.get(kind, [])


# -- documentation -----------------------------------------------------------------------------


def _pairs(reply: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(reply, dict):
        return iter(reply.items())
    return zip(reply[::2], reply[1::2], strict=True)


def _tree(reply: Any) -> dict[str, Any]:
    """Return a reply of COMMAND DOCS as dicts of text."""
    found: dict[str, Any] = {}
    for name, value in _pairs(reply):
        text = name.decode() if isinstance(name, bytes) else name
        if text == "arguments":
            found[text] = [_tree(argument) for argument in value]
        elif text == "subcommands":
            found[text] = {bytes(sub).decode(): _tree(doc) for sub, doc in _pairs(value)}
        elif text == "flags":
            found[text] = {flag.decode() for flag in value}
        else:
            found[text] = value.decode() if isinstance(value, bytes) else value
    return found


def _words(arguments: list[dict[str, Any]]) -> Iterator[bytes]:
    for argument in arguments:
        if "token" in argument:
            yield argument["token"].upper().encode()
        yield from _words(argument.get("arguments", []))


Part = tuple[str, str]


def _variants(arguments: list[dict[str, Any]]) -> Iterator[tuple[Part, ...]]:
    """Yield the forms of a list of arguments: bare, each option in each of its forms alone, all at once."""
    choices = [_forms(argument) for argument in arguments]
    optional = ["optional" in argument.get("flags", ()) for argument in arguments]
    base = [() if skip else forms[0] for forms, skip in zip(choices, optional, strict=True)]
    yield _joined(base)
    for place, forms in enumerate(choices):
        for form in forms if optional[place] else forms[1:]:
            yield _joined([form if at == place else part for at, part in enumerate(base)])
    yield _joined([forms[0] for forms in choices])
    # Where a word is chosen, and something may come twice, a choice may ask for it twice.
    yield from (
        (_joined([form, *(forms[-1] for forms in choices[1:])]) for form in choices[0]) if choices else ()
    )
    others = [forms if skip else forms[1:] for forms, skip in zip(choices, optional, strict=True)]
    for one, other in itertools.combinations(range(len(choices)), 2):
        for left, right in itertools.product(others[one], others[other]):
            chosen = {one: left, other: right}
            yield _joined([chosen.get(at, part) for at, part in enumerate(base)])


def _joined(parts: Sequence[tuple[Part, ...]]) -> tuple[Part, ...]:
    return tuple(itertools.chain.from_iterable(parts))


def _forms(argument: dict[str, Any]) -> list[tuple[Part, ...]]:
    """Return the forms of one argument, with its word and repetitions."""
    kind, name = argument.get("type", "string"), argument.get("name", "")
    flags = argument.get("flags", set())
    if kind == "pure-token":
        inner: list[tuple[Part, ...]] = [(("word", argument["token"]),)]
        return inner
    if kind == "oneof":
        inner = [form for choice in argument["arguments"] for form in _forms(choice)]
    elif kind == "block":
        inner = list(dict.fromkeys(_variants(argument["arguments"])))
    else:
        inner = [((kind, name),)]
    word: tuple[Part, ...] = (("word", argument["token"]),) if "token" in argument else ()
    found = [(*word, *form) for form in inner]
    if "multiple" in flags:
        again = word if "multiple-token" in flags or "multiple_token" in flags else ()
        found += [(*word, *form, *again, *form) for form in inner[:4]]
    return found
