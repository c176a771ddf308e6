"""Instances of any dataclass of the package, filled with whatever its types allow.

For tests that hold what is made of such an instance to a promise: cases that no log at hand happens to give.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import importlib
import pkgutil
import random
import types
import typing
from functools import cache
from typing import Any

import aoftool
from aoftool.check.codes import Severity
from aoftool.check.model import Finding, ServerOutcome
from aoftool.fleet.model import LogRow, Totals
from aoftool.simulate.model import Measured, SizePoint
from aoftool.tables.export_model import Exported
from aoftool.values.array import ArrayValue
from aoftool.values.hash import HashValue
from aoftool.values.list import ListValue
from aoftool.values.set import SetValue
from aoftool.values.zset import ZSetValue

_BYTES = (b"", b"key:1", b"\xff\x00", b"<b>\x1b[31m", "ключ".encode())
_TEXTS = ("", "text", "ключ", "no text: \udcff")
_NUMBERS = (-1, 0, 1, 7, 1 << 40)
_DEEPEST = 7
# Of collections, which are no dataclasses, every element there is.
_COLLECTIONS: dict[Any, Any] = {
    ListValue: _BYTES,
    SetValue: dict.fromkeys(_BYTES),
    HashValue: dict.fromkeys(_BYTES, b"value"),
    ZSetValue: dict(zip(_BYTES, (0.0, -1.5, float("inf"), float("-inf"), float("nan")), strict=True)),
    ArrayValue: dict(enumerate((*_BYTES, 7, 0.5))),
}


WORDS: dict[tuple[type, str], tuple[Any, ...]] = {
    (LogRow, "state"): ("read", "unread", "timeout", "crashed", "lost"),
    (LogRow, "by_command"): ({}, {"SET": [1, 30]}),
    (Totals, "by_command"): ({}, {"SET": [1, 30], "<b>": [2, 60]}),
    (Exported, "form"): ("parquet", "arrow", "csv", "jsonl"),
    (Finding, "code"): ("torn-tail",),
    (Finding, "severity"): (Severity.DAMAGE,),
    (Measured, "sizes"): ([SizePoint(0, 1)], [SizePoint(0, 0), SizePoint(7, 1 << 40, 1, 0.5)]),
    (ServerOutcome, "target"): ("redis-7.0", "valkey-9.1"),
}


@cache
def _names() -> dict[str, Any]:
    """Return every public class of the package by its name: a type checker alone loads some of them."""
    found: dict[str, Any] = {**vars(typing), **vars(collections.abc)}
    for module in pkgutil.walk_packages(aoftool.__path__, "aoftool."):
        # Kernels have no annotations, and what an extra brings may not be there.
        if module.name.rpartition(".")[2].startswith("_"):
            continue
        try:
            names = vars(importlib.import_module(module.name))
        except ImportError:
            continue
        for name, value in names.items():
            if isinstance(value, type | types.GenericAlias | types.UnionType):
                found.setdefault(name, value)
    return found


def made_up(cls: Any, rng: random.Random, depth: int = 0) -> Any:
    """Return an instance of a dataclass or named tuple whose fields hold random values of their types.

    Of a field whose type says less than it keeps to, `WORDS` has what it may hold.
    """
    names = _names() | vars(importlib.import_module(cls.__module__))
    fields = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
    types_of = {field.name: field.type for field in fields if field.init} if fields else cls.__annotations__
    values = {
        name: rng.choice(WORDS[cls, name])
        if (cls, name) in WORDS
        else _value(eval(kind, names) if isinstance(kind, str) else kind, rng, depth + 1)
        for name, kind in types_of.items()
    }
    return cls(**values)


def _value(kind: Any, rng: random.Random, depth: int) -> Any:
    if isinstance(kind, typing.ForwardRef):
        kind = eval(kind.__forward_arg__, _names())
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _value(rng.choice(arguments), rng, depth)
    if origin is typing.Literal:
        return rng.choice(arguments)
    if origin is collections.abc.Callable:
        # What is found only when somebody asks for it.
        found = _value(arguments[-1], rng, depth)
        return lambda: found
    if origin is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):
        return tuple(_value(part, rng, depth) for part in arguments)
    if origin in (collections.abc.Mapping, dict):
        return {
            _value(arguments[0], rng, depth): _value(arguments[1], rng, depth)
            for _ in range(_few(rng, depth))
        }
    if origin is not None and issubclass(origin, collections.abc.Iterable):
        made = [_value(arguments[0], rng, depth) for _ in range(_few(rng, depth))]
        return (list if origin in (collections.abc.Sequence, collections.abc.Iterable) else origin)(made)
    return _plain(kind, rng, depth)


def _few(rng: random.Random, depth: int) -> int:
    return 0 if depth > _DEEPEST else rng.randrange(3)


def _plain(kind: Any, rng: random.Random, depth: int) -> Any:
    if kind in (None, types.NoneType):
        return None
    if kind in (bool, int, float, str, bytes):
        choices: dict[type, tuple[Any, ...]] = {
            bool: (False, True),
            int: _NUMBERS,
            float: (0.0, 0.5, 1e9),
            str: _TEXTS,
            bytes: _BYTES,
        }
        return rng.choice(choices[kind])
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return rng.choice(list(kind))
    if kind in _COLLECTIONS:
        return kind(_COLLECTIONS[kind])
    if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"):
        return made_up(kind, rng, depth)
    raise TypeError(f"no value is known for {kind!r}")
