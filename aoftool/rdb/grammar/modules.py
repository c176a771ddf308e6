"""The grammar of module data: tagged items that can be walked without the module."""

from __future__ import annotations

import io
from typing import Any

from construct import Computed, Float32l, Float64l, FocusedSeq, Struct, Switch, this

from aoftool.rdb.grammar.parts import Elements, Part, part, refuse
from aoftool.rdb.grammar.strings import LENGTH, STRING
from aoftool.rdb.modules import split_module_id

__all__ = ["MODULE", "MODULE_ITEMS", "no_tags", "show_module"]


def show_module(module_id: int) -> str:
    """Return the name and encoding version in a module id."""
    name, version = split_module_id(module_id)
    return f"{name}, encoding version {version}"


def _bad_item(context: Any) -> None:
    raise refuse(f"unknown module item {context.kind}")


def _last_item(stream: io.BytesIO) -> bool:
    at = stream.tell()
    head = stream.read(1)
    stream.seek(at)
    return head != b"\x00"


_ITEM_NAMES = {1: "signed integer", 2: "unsigned integer", 3: "float", 4: "double", 5: "string"}

_MODULE_ITEM = Struct(
    part("kind", LENGTH, show=lambda kind: _ITEM_NAMES.get(kind, str(kind))),
    "value"
    / Part(
        "data",
        Switch(
            this.kind,
            {1: LENGTH, 2: LENGTH, 3: Float32l, 4: Float64l, 5: STRING},
            default=Computed(_bad_item),
        ),
    ),
)

MODULE_ITEMS = FocusedSeq(
    "items",
    "items" / Elements(None, _MODULE_ITEM, "module item", more=_last_item),
    part("end", LENGTH, "module data ends", show=lambda value: ""),
)
"""Tagged items up to the closing 0. Source: Redis 7.0 src/module.c moduleRDBLoad"""

MODULE = Struct(
    part("module", LENGTH, show=show_module),
    "items" / MODULE_ITEMS,
)


def no_tags(context: Any) -> None:
    """Refuse a value that cannot be skipped."""
    raise refuse("module values of Redis 4.0 release candidates have no tags and cannot be skipped")
