"""Records of every type as bytes: cut from files of real servers, or made by hand where none writes them.

Each is type byte, key and value. `family` says whose numbers are meant.
"""

from __future__ import annotations

from typing import NamedTuple

from aoftool.values import HashValue, ListValue, SetValue, Value, ZSetValue

AT = 4102444800123


class Vector(NamedTuple):
    """A record and what it means."""

    name: str
    family: str
    hex: str
    key: bytes
    value: Value

    @property
    def record(self) -> bytes:
        """Return the bytes."""
        return bytes.fromhex(self.hex)


def expiring(pairs: dict[bytes, bytes], expires: dict[bytes, int]) -> HashValue:
    """Return a hash with expire times of fields."""
    value = HashValue(pairs)
    value.expires = expires
    return value


_ABC = ListValue([b"a", b"b", b"1", b"-7", b"300"])
_XYZ = (b"abc" * 11 + b"XYZ") * 3

VECTORS = [
    Vector("int8", "redis", "00 06 733a696e7438 c0fb", b"s:int8", b"-5"),
    Vector("int16", "redis", "00 07 733a696e743136 c12c01", b"s:int16", b"300"),
    Vector("int32", "redis", "00 07 733a696e743332 c270110100", b"s:int32", b"70000"),
    Vector("text", "redis", "00 07 733a696e743634 0a 35303030303030303030", b"s:int64", b"5000000000"),
    Vector("empty", "redis", "00 07 733a656d707479 00", b"s:empty", b""),
    Vector("lzf", "redis", "00 05 733a6c7a66 c309406401 6161e057000161 61", b"s:lzf", b"a" * 100),
    Vector(
        "lzf-two-copies",
        "redis",
        "00 06 733a6c7a6632 c317406c03 61626361e014020258595ae0152020 1de01c2301595a",
        b"s:lzf2",
        _XYZ,
    ),
    Vector(
        "list-listpack",
        "redis",
        "12 07 6c3a736d616c6c 01 02 15 15000000 0500 816102 816202 0101 dff902 c12c02 ff",
        b"l:small",
        _ABC,
    ),
    Vector(
        "list-three-nodes",
        "redis",
        "12 07 6c3a6e6f646573 03 02 0d 0d0000000200 816102 816202 ff 02 0d 0d0000000200 816302 816402 ff"
        " 02 0a 0a0000000100 816502 ff",
        b"l:nodes",
        ListValue([b"a", b"b", b"c", b"d", b"e"]),
    ),
    Vector(
        "list-plain-node",
        "redis",
        "12 01 70 03 02 0a 0a0000000100 816102 ff 01 10 30313233343536373839616263646566 02 0a 0a0000000100"
        " 816202 ff",
        b"p",
        ListValue([b"a", b"0123456789abcdef", b"b"]),
    ),
    Vector(
        "list-quicklist",
        "redis",
        "0e 07 6c3a736d616c6c 01 1a 1a000000 15000000 0500 000161 030162 03f2 02fef9 03c02c01 ff",
        b"l:small",
        _ABC,
    ),
    Vector(
        "set-intset-16",
        "redis",
        "0b 07 7365743a696e74 0e 02000000 03000000 fdff 0100 0200",
        b"set:int",
        SetValue.of([b"-3", b"1", b"2"]),
    ),
    Vector(
        "set-intset-64",
        "redis",
        "0b 09 7365743a696e743634 18 08000000 02000000 0100000000000000 00f2052a01000000",
        b"set:int64",
        SetValue.of([b"1", b"5000000000"]),
    ),
    Vector(
        "set-listpack",
        "redis",
        "14 07 7365743a737472 0f 0f000000 0300 816102 816202 0501 ff",
        b"set:str",
        SetValue.of([b"a", b"b", b"5"]),
    ),
    Vector(
        "set-plain",
        "redis",
        "02 07 7365743a737472 03 c005 0162 0161",
        b"set:str",
        SetValue.of([b"5", b"b", b"a"]),
    ),
    Vector(
        "zset-listpack",
        "redis",
        "11 07 7a3a736d616c6c 1d 1d000000 0600 816302 842d696e6605 816102 0101 816202 83322e3504 ff",
        b"z:small",
        ZSetValue({b"c": float("-inf"), b"a": 1.0, b"b": 2.5}),
    ),
    Vector(
        "zset-ziplist",
        "redis",
        "0c 07 7a3a736d616c6c 21 21000000 1b000000 0600 000163 03042d696e66 060161 03f2 020162 0303322e35 ff",
        b"z:small",
        ZSetValue({b"c": float("-inf"), b"a": 1.0, b"b": 2.5}),
    ),
    Vector(
        "zset-binary",
        "redis",
        "05 05 7a3a626967 03 016e 000000000000f07f c309404601 6d6de03900016d6d 000000000000f83f"
        " 0171 0000000000000080",
        b"z:big",
        ZSetValue({b"n": float("inf"), b"m" * 70: 1.5, b"q": -0.0}),
    ),
    Vector(
        "zset-text",
        "redis",
        "03 01 7a 05 0161 03312e35 0162 fe 0163 ff 0164 17 332e31343030303030303030303030303031652b323030"
        " 0165 022d32",
        b"z",
        ZSetValue(
            {b"a": 1.5, b"b": float("inf"), b"c": float("-inf"), b"d": 3.1400000000000001e200, b"e": -2.0}
        ),
    ),
    Vector(
        "hash-listpack",
        "redis",
        "10 07 683a736d616c6c 12 12000000 0400 816602 817602 816e02 0c01 ff",
        b"h:small",
        HashValue({b"f": b"v", b"n": b"12"}),
    ),
    Vector(
        "hash-ziplist",
        "redis",
        "0d 07 683a736d616c6c 16 16000000 13000000 0400 000166 030176 03016e 03fd ff",
        b"h:small",
        HashValue({b"f": b"v", b"n": b"12"}),
    ),
    Vector(
        "hash-plain",
        "redis",
        "04 05 683a626967 01 0166 c309404601 7777e03900017777",
        b"h:big",
        HashValue({b"f": b"w" * 70}),
    ),
    Vector(
        "hash-zipmap",
        "redis",
        "09 01 68 0d 02 0166 010076 0167 02003132 ff",
        b"h",
        HashValue({b"f": b"v", b"g": b"12"}),
    ),
    Vector(
        "hash-valkey-expiring",
        "valkey",
        "16 05 683a74746c 02 0166 0176 7bd8c32cbb030000 0167 0177 ffffffffffffffff",
        b"h:ttl",
        expiring({b"f": b"v", b"g": b"w"}, {b"f": AT}),
    ),
    Vector(
        "hash-redis-expiring-listpack",
        "redis",
        "19 05 683a74746c 7bd8c32cbb030000 1f 1f000000 0600 816602 817602 f47bd8c32cbb03000009 816702 817702"
        " 0001 ff",
        b"h:ttl",
        expiring({b"f": b"v", b"g": b"w"}, {b"f": AT}),
    ),
    Vector(
        "hash-redis-expiring",
        "redis",
        "18 05 683a626967 7bd8c32cbb030000 02 00 0166 c309404601 7777e03900017777 01 0167 0177",
        b"h:big",
        expiring({b"f": b"w" * 70, b"g": b"w"}, {b"g": AT}),
    ),
    Vector(
        "hash-redis-rc-expiring",
        "redis",
        "16 01 68 02 81000003bb2cc3d87b 0166 0176 00 0167 0177",
        b"h",
        expiring({b"f": b"v", b"g": b"w"}, {b"f": AT}),
    ),
    Vector(
        "hash-redis-rc-expiring-listpack",
        "redis",
        "17 01 68 1f 1f000000 0600 816602 817602 f47bd8c32cbb03000009 816702 817702 0001 ff",
        b"h",
        expiring({b"f": b"v", b"g": b"w"}, {b"f": AT}),
    ),
    Vector(
        "hash-template-listpack",
        "redis",
        "1d 01 68 00 17 17000000 0200 866669656c643107 866669656c643207 ff 0d 0d000000 0300 0001"
        " 0101 0201 ff",
        b"h",
        HashValue({b"field1": b"1", b"field2": b"2"}),
    ),
    Vector(
        "hash-template-array",
        "redis",
        "1f 01 68 01 02 06 6669656c6431 06 6669656c6432 c001 c002",
        b"h",
        HashValue({b"field1": b"1", b"field2": b"2"}),
    ),
    Vector(
        "list-old-plain",
        "redis",
        "01 01 6c 03 0161 c005 0162",
        b"l",
        ListValue([b"a", b"5", b"b"]),
    ),
    Vector(
        "list-old-quicklist-two",
        "redis",
        "0e 01 6c 02 11 11000000 0d000000 0200 000161 030162 ff 12 12000000 0d000000 0200 000163 03c0e803 ff",
        b"l",
        ListValue([b"a", b"b", b"c", b"1000"]),
    ),
]
