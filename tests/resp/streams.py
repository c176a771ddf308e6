"""Random command streams: whole, spelled oddly, annotated, damaged; and ways to feed them.

Knows how streams are written, so that random input reaches deep into the grammar; refuses to know what
a scanner should make of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from aoftool.resp.grammar import Grammar, KeyRule, ScanOptions

CONTAINERS = frozenset((b"XGROUP", b"CONFIG"))
KEY_RULES = {
    (b"SET", None): (KeyRule(1, 1),),
    (b"DEL", None): (KeyRule(1, -1),),
    (b"MSET", None): (KeyRule(1, -1, 2),),
    (b"ZUNIONSTORE", None): (KeyRule(1, 1), KeyRule(3, 0, 1, count_at=2)),
    (b"XGROUP", b"CREATE"): (KeyRule(2, 2),),
}
NAMES = (
    b"SET", b"set", b"SeT", b"DEL", b"MSET", b"SELECT", b"select", b"MULTI", b"multi", b"EXEC", b"DISCARD",
    b"XGROUP", b"xgroup", b"CONFIG", b"ZUNIONSTORE", b"PEXPIREAT", b"ZREMRANGEBYSCORE", b"X" * 17, b"",
    b"n" * 64, b"n" * 65, b"n" * 200, b"...", b"EXEC\0junk", b"\xff\xfe",
)  # fmt: skip
PAYLOADS = (
    b"", b"0", b"1", b"15", b"2147483647", b"2147483648", b"007", b"-1", b"+1", b"CREATE", b"create", b"2",
    b"key", b"k" * 70, b"\r\n", b"*1\r\n$4\r\nEXEC\r\n", b"\0\0\0", b"v" * 300,
)  # fmt: skip
GRAMMARS = (Grammar.LENIENT, Grammar.STRICT, Grammar.LENIENT_6_2)

_PREFIXES = ("{}", "+{}", " {}", "00{}", "\t\v{}", "{}abc", "{}\0", "{}\0zz", "{}\r")


def encode(*argv: bytes) -> bytes:
    """Return a command in canonical form."""
    return b"*%d\r\n" % len(argv) + b"".join(b"$%d\r\n%s\r\n" % (len(arg), arg) for arg in argv)


payloads = st.one_of(st.sampled_from(PAYLOADS), st.binary(max_size=40))
argvs = st.builds(lambda name, rest: [name, *rest], st.sampled_from(NAMES), st.lists(payloads, max_size=6))


@st.composite
def odd_commands(draw: st.DrawFn) -> bytes:
    """Draw a command that the lenient grammar accepts, or nearly."""
    argv = draw(argvs)
    pieces = [_odd_header(draw, b"*", len(argv))]
    for argument in argv:
        pieces.append(_odd_header(draw, b"$", len(argument)))
        pieces.append(argument)
        pieces.append(draw(st.sampled_from((b"\r\n",) * 8 + (b"\0\0", b"zz", b"\r\0", b"\n\n"))))
    return b"".join(pieces)


def _odd_header(draw: st.DrawFn, prefix: bytes, number: int) -> bytes:
    spelling = draw(st.sampled_from(("{}",) * 12 + _PREFIXES))
    if draw(st.integers(0, 30)) == 0:
        number += draw(st.sampled_from((2**32, 2**31, 1, -1, 2**63, 2**64)))
    end = draw(st.sampled_from((b"\r\n",) * 12 + (b"\n", b"\r\r\n")))
    if draw(st.integers(0, 40)) == 0:
        spelling = "0" * draw(st.sampled_from((120, 125, 126, 1019, 1020, 1022, 1030))) + "{}"
    return prefix + str(spelling).format(number).encode() + bytes(end)


annotation_lines = st.one_of(
    st.integers(0, 10**12).map(lambda t: b"#TS:%d\r\n" % t),
    st.sampled_from(
        (
            b"#\n", b"#\r\n", b"#TS:\r\n", b"#TS:12\n", b"#TS:-5\r\n", b"#TS:1234567890123456789\r\n",
            b"#hello\n", b"#HDR:v1;len:3;\r\n", b"#TS:5*2\r\n", b"#TS:5*0\r\n", b"#*1\r\n",
            b"#" + b"x" * 1021 + b"\n", b"#" + b"x" * 1022, b"#" + b"x" * 1023 + b"\n",
            b"#" + b"x" * 126, b"#TS:5\0\r\n",
        )
    ),
    st.integers(0, 40).map(lambda n: b"#kind%d:x\n" % n),
)  # fmt: skip

canonical = argvs.map(lambda argv: encode(*argv))
items = st.one_of(canonical, canonical, canonical, odd_commands(), annotation_lines, st.binary(max_size=12))
whole_streams = st.lists(
    st.one_of(canonical, canonical, annotation_lines.filter(lambda a: a.endswith(b"\n"))), max_size=25
).map(b"".join)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Draw a stream of items, damaged in up to three places and perhaps torn."""
    data = bytearray(b"".join(draw(st.lists(items, max_size=12))))
    for _ in range(draw(st.integers(0, 3))):
        _damage(draw, data)
    return bytes(data)


def _damage(draw: st.DrawFn, data: bytearray) -> None:
    if not data:
        return
    at = draw(st.integers(0, len(data) - 1))
    kind = draw(st.integers(0, 5))
    if kind == 0:
        data[at] ^= 1 << draw(st.integers(0, 7))
    elif kind == 1:
        del data[at : at + draw(st.integers(1, 20))]
    elif kind == 2:
        data[at:at] = draw(st.sampled_from((b"\r", b"\n", b"\0", b"9", b"$", b"*", b"SET a b\r\n")))
    elif kind == 3:
        del data[at:]
    elif kind == 4:
        count = draw(st.sampled_from((1, 2, 8, 70)))
        data[at : at + count] = bytes(count)
    else:
        data[at:] = bytes(draw(st.sampled_from((1, 2, 3, 100, 1100))))


def scan_in_pieces(scan_type: Any, options: ScanOptions, data: bytes, cuts: Iterable[int]) -> Any:
    """Feed a new scan the stream cut at the given places; return it finished."""
    scan = scan_type(options)
    edges = [0, *sorted(cuts), len(data)]
    for begin, end in itertools.pairwise(edges):
        scan.feed(data[begin:end])
    scan.finish()
    return scan
