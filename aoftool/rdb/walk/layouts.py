"""The layout of every value type and opcode, as small programs.

A layout is a flat list of steps: a length, a string, some fixed bytes, a loop. The structure walk
(`_walk_py`, `_walk_cy`) runs these programs over the input and knows nothing else of the types, so
both implementations share this one description and can stop and go on at any byte. Values are not
decoded here.

A compiled step is three integers: operation and two operands. Positions are indexes of steps.
Source: Valkey 9.1 and Redis 8.x src/rdb.c rdbLoadObject; types without a server to try them (26 and
up) follow published parsers.
"""

from __future__ import annotations

from collections.abc import Sequence

from aoftool.namedtuple import NamedTuple
from aoftool.rdb import opcodes
from aoftool.rdb.opcodes import Family

__all__ = [
    "CAPTURE",
    "KEY_RECORD",
    "NO_LAYOUT",
    "PREFIX",
    "STOP_CODES",
    "UNKNOWN",
    "Blob",
    "LayoutTable",
    "Op",
    "layout_table",
]


class Op:
    """Operations of a step; the operands are named `a` and `b`."""

    END_KEY = 0  # the record is complete
    END_OPCODE = 1  # the opcode is complete
    SKIP = 2  # a: fixed bytes
    LENGTH = 3  # one length, not looked at
    STRING = 4  # one string, stepped over
    KEY = 5  # the key
    VALUE = 6  # the value starts here
    LOOP = 7  # a length n, then n rounds; a: step after the loop, b: 1 when rounds are elements
    NEXT = 8  # a: first step of the round
    BLOB = 9  # a string holding a blob; a: Blob kind, b: entries per element, bias << 8
    ELEMENTS = 10  # a length that is the number of elements
    SCORE = 11  # a score as text
    READ = 12  # a length into the register
    CASE = 13  # go to b when the register is a
    FAIL = 14  # a: index in STOP_CODES
    JUMP = 15  # a: step to go to
    ADD = 16  # a: elements
    MODULE_ID = 17
    MODULE_ITEM = 18  # repeats itself until the end mark
    EXPIRE_MS = 19
    EXPIRE_S = 20
    IDLE = 21
    FREQ = 22
    SELECT = 23
    END_FILE = 24
    COUNT = 25  # a length into the count register
    COUNTED = 26  # a loop of as many rounds as the count register says; operands as LOOP
    TEMPLATE = 27  # a length naming a template; its field count into the count register
    BLOB_COUNT = 28  # a string holding a listpack; its entry count into the count register
    RESP_COUNT = 29  # "*n\r\n" into the count register
    RESP_BULK = 30  # "$n\r\n", n bytes and a line end
    STRING_VALUE = 31  # the value of a string key: its form is noted


class Blob:
    """Blob kinds whose header tells the number of entries."""

    ZIPLIST = 0
    LISTPACK = 1
    INTSET = 2
    ZIPMAP = 3


UNKNOWN = -1
NO_LAYOUT = -2
# Flags of a type or opcode.
CAPTURE = 1  # its bytes are kept for the driver
PREFIX = 2  # belongs to the key that follows
KEY_RECORD = 4  # a key

STOP_CODES = (
    "rdb-opcode",
    "rdb-opcode-layout",
    "rdb-length",
    "rdb-string",
    "rdb-variant",
    "rdb-module-item",
    "rdb-command",
)
_VARIANT = STOP_CODES.index("rdb-variant")


class LayoutTable(NamedTuple):
    """The compiled layouts of one family.

    Attributes:
        steps: three integers a step.
        entry: for each of 256 numbers the first step, `UNKNOWN` or `NO_LAYOUT`.
        flags: for each of 256 numbers `CAPTURE`, `PREFIX`, `KEY_RECORD` combined.
    """

    steps: tuple[int, ...]
    entry: tuple[int, ...]
    flags: tuple[int, ...]


class _Step(NamedTuple):
    op: int
    a: int = 0
    b: int = 0


class _Loop(NamedTuple):
    op: int
    body: tuple[_Node, ...]
    elements: bool


class _Choice(NamedTuple):
    """Read a tag, then follow the branch of its value; any other value is damage."""

    branches: dict[int, tuple[_Node, ...]]


_Node = _Step | _Loop | _Choice

_STR = _Step(Op.STRING)
_LEN = _Step(Op.LENGTH)
_MODULE_ITEMS = _Step(Op.MODULE_ITEM)


def _skip(size: int) -> _Step:
    return _Step(Op.SKIP, size)


def _loop(*body: _Node, elements: bool = False) -> _Loop:
    return _Loop(Op.LOOP, body, elements)


def _counted(*body: _Node, elements: bool = False) -> _Loop:
    return _Loop(Op.COUNTED, body, elements)


def _blob(kind: int, per_element: int = 1, bias: int = 0) -> _Step:
    return _Step(Op.BLOB, kind, per_element | bias << 8)


def _stream(version: int) -> tuple[_Node, ...]:
    """Return the layout of a stream of version 1 to 5 (types 15, 19, 21, 26, 27)."""
    counters = (_LEN,) * 5 if version >= 2 else ()
    consumer = (_STR, _skip(16 if version >= 3 else 8), _loop(_skip(16)))
    nacked = (_loop(_skip(16)),) if version >= 5 else ()
    group = (
        _STR,
        *(_LEN,) * (3 if version >= 2 else 2),
        _loop(_skip(24), _LEN),
        _loop(*consumer),
        *nacked,
    )
    idempotence = (_LEN, _LEN, _loop(_STR, _loop(_STR, _LEN, _LEN)), _LEN, _LEN) if version >= 4 else ()
    nodes = _loop(_STR, _STR)
    return (nodes, _Step(Op.ELEMENTS), _LEN, _LEN, *counters, _loop(*group), *idempotence)


_TEMPLATE_LISTPACK = _blob(Blob.LISTPACK, bias=1)
_VALUES: dict[int, tuple[_Node, ...]] = {
    0: (_Step(Op.STRING_VALUE), _Step(Op.ADD, 1)),
    1: (_loop(_STR, elements=True),),
    2: (_loop(_STR, elements=True),),
    3: (_loop(_STR, _Step(Op.SCORE), elements=True),),
    4: (_loop(_STR, _STR, elements=True),),
    5: (_loop(_STR, _skip(8), elements=True),),
    7: (_Step(Op.MODULE_ID), _MODULE_ITEMS, _Step(Op.ADD, 1)),
    9: (_blob(Blob.ZIPMAP),),
    10: (_blob(Blob.ZIPLIST),),
    11: (_blob(Blob.INTSET),),
    12: (_blob(Blob.ZIPLIST, 2),),
    13: (_blob(Blob.ZIPLIST, 2),),
    14: (_loop(_blob(Blob.ZIPLIST)),),
    15: _stream(1),
    16: (_blob(Blob.LISTPACK, 2),),
    17: (_blob(Blob.LISTPACK, 2),),
    18: (_loop(_Choice({1: (_STR, _Step(Op.ADD, 1)), 2: (_blob(Blob.LISTPACK),)})),),
    19: _stream(2),
    20: (_blob(Blob.LISTPACK),),
    21: _stream(3),
}
_REDIS_VALUES: dict[int, tuple[_Node, ...]] = {
    22: (_loop(_LEN, _STR, _STR, elements=True),),
    23: (_blob(Blob.LISTPACK, 3),),
    24: (_skip(8), _loop(_LEN, _STR, _STR, elements=True)),
    25: (_skip(8), _blob(Blob.LISTPACK, 3)),
    26: _stream(4),
    27: _stream(5),
    28: (
        _Step(Op.COUNT),
        _Choice({0: (), 1: (_LEN,)}),
        _counted(_LEN, _Choice({0: (_STR,), 1: (_skip(8),), 2: (_skip(8),), 3: (_STR,)}), elements=True),
    ),
    29: (_Choice({0: (_STR,), 1: (_loop(_STR),)}), _TEMPLATE_LISTPACK),
    30: (_TEMPLATE_LISTPACK,),
    31: (
        _Choice({0: (_Step(Op.BLOB_COUNT),), 1: (_Step(Op.COUNT), _counted(_STR))}),
        _counted(_STR, elements=True),
    ),
    32: (_Step(Op.TEMPLATE), _counted(_STR, elements=True)),
    # A roaring bitmap: its logical length, then the portable form of CRoaring as one string.
    33: (_LEN, _STR, _Step(Op.ADD, 1)),
}
_VALKEY_VALUES: dict[int, tuple[_Node, ...]] = {
    22: (_loop(_STR, _STR, _skip(8), elements=True),),
    23: (_loop(_STR, _loop(_STR, _STR, elements=True)),),
}

_OPCODES: dict[int, tuple[tuple[_Node, ...], int]] = {
    opcodes.SLOT_INFO: ((_LEN, _LEN, _LEN), CAPTURE),
    opcodes.FUNCTION2: ((_STR,), CAPTURE),
    # Redis 7.0 release candidates: name, engine, optional description, code.
    opcodes.FUNCTION_PRE_GA: ((_STR, _STR, _Choice({0: (), 1: (_STR,)}), _STR), CAPTURE),
    opcodes.MODULE_AUX: ((_Step(Op.MODULE_ID), _LEN, _LEN, _MODULE_ITEMS), CAPTURE),
    opcodes.IDLE: ((_Step(Op.IDLE),), PREFIX),
    opcodes.FREQ: ((_Step(Op.FREQ),), PREFIX),
    opcodes.AUX: ((_STR, _STR), CAPTURE),
    opcodes.RESIZEDB: ((_LEN, _LEN), CAPTURE),
    opcodes.EXPIRETIME_MS: ((_Step(Op.EXPIRE_MS),), PREFIX),
    opcodes.EXPIRETIME: ((_Step(Op.EXPIRE_S),), PREFIX),
    opcodes.SELECTDB: ((_Step(Op.SELECT),), CAPTURE),
    opcodes.EOF: ((_Step(Op.END_FILE),), 0),
}
_REDIS_OPCODES: dict[int, tuple[tuple[_Node, ...], int]] = {
    opcodes.REDIS_HASH_TEMPLATE: ((_LEN, _loop(_STR)), CAPTURE),
    opcodes.REDIS_KEY_META: ((_loop(_skip(4), _MODULE_ITEMS),), PREFIX | CAPTURE),
}
_VALKEY_OPCODES: dict[int, tuple[tuple[_Node, ...], int]] = {
    opcodes.VALKEY_UPDATE: ((_Step(Op.RESP_COUNT), _counted(_Step(Op.RESP_BULK))), CAPTURE),
    opcodes.VALKEY_SLOT_IMPORT: ((_STR, _loop(_LEN, _LEN)), CAPTURE),
}
# Known by name, but nobody can step over it: no tags inside.
_NO_LAYOUT = (6,)


def layout_table(family: Family) -> LayoutTable:
    """Return the compiled layouts of a family."""
    return _TABLES[family]


def _compile(family: Family) -> LayoutTable:
    redis = family is Family.REDIS
    steps: list[_Step] = []
    entry = [UNKNOWN] * 256
    flags = [0] * 256
    for type_id, value in (_VALUES | (_REDIS_VALUES if redis else _VALKEY_VALUES)).items():
        entry[type_id] = len(steps)
        flags[type_id] = KEY_RECORD
        _emit(steps, (_Step(Op.KEY), _Step(Op.VALUE), *value, _Step(Op.END_KEY)))
    for number, (body, flag) in (_OPCODES | (_REDIS_OPCODES if redis else _VALKEY_OPCODES)).items():
        entry[number] = len(steps)
        flags[number] = flag
        _emit(steps, (*body, _Step(Op.END_OPCODE)))
    for number in _NO_LAYOUT:
        entry[number] = NO_LAYOUT
    return LayoutTable(tuple(part for step in steps for part in step), tuple(entry), tuple(flags))


def _emit(steps: list[_Step], nodes: Sequence[_Node]) -> None:
    for node in nodes:
        if isinstance(node, _Step):
            steps.append(node)
        elif isinstance(node, _Loop):
            _emit_loop(steps, node)
        else:
            _emit_choice(steps, node)


def _emit_loop(steps: list[_Step], loop: _Loop) -> None:
    head = len(steps)
    steps.append(_Step(loop.op))
    _emit(steps, loop.body)
    steps.append(_Step(Op.NEXT, head + 1))
    steps[head] = _Step(loop.op, len(steps), int(loop.elements))


def _emit_choice(steps: list[_Step], choice: _Choice) -> None:
    steps.append(_Step(Op.READ))
    first = len(steps)
    steps.extend([_Step(Op.CASE)] * len(choice.branches))
    steps.append(_Step(Op.FAIL, _VARIANT))
    jumps = []
    for place, (value, body) in enumerate(choice.branches.items()):
        steps[first + place] = _Step(Op.CASE, value, len(steps))
        _emit(steps, body)
        jumps.append(len(steps))
        steps.append(_Step(Op.JUMP))
    for jump in jumps:
        steps[jump] = _Step(Op.JUMP, len(steps))


_TABLES = {family: _compile(family) for family in Family}
