"""Replies of a server as its command line client prints them: raw, numbered, or JSON; as nested lists.

Raw output (a pipe) has one value a line and no structure; the readers of each reply find it by what
the values look like. Numbered output is `1) "port"`, nested by column, and `1# "port" => "6379"`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from aoftool.captures.lines import Text
from aoftool.dataclass import dataclass
from aoftool.regex import regex

__all__ = ["Item", "is_numbered", "items_of", "parse_json"]

_LABEL = regex(r"\s*(\d{1,9})([)#~]) ")
_STARTS_NUMBERED = regex(r"\s*1[)#~] ")
_STRING = regex(r'"((?:[^"\\]|\\.)*)"')
_TYPED = regex(r"\((integer|double|true|false|boolean|big number)\) ?")
_MAX_DEPTH = 16
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b"}
_ESCAPE = regex(r"\\(x[0-9a-fA-F]{2}|.)")


@dataclass(frozen=True, slots=True)
class Item:
    """One value: text, or a list of values. `where` is the line it stands in."""

    text: str | None
    items: tuple[Item, ...]
    where: str

    @property
    def flat(self) -> tuple[str, ...]:
        """Return all texts in it in order."""
        if self.text is not None:
            return (self.text,)
        return tuple(text for item in self.items for text in item.flat)


def is_numbered(lines: Sequence[str]) -> bool:
    """Tell whether lines are numbered output of the client."""
    return any(_STARTS_NUMBERED.match(line) for line in lines[:3])


def items_of(text: Text) -> tuple[Item, ...] | None:
    """Return the values of numbered output or JSON; None where the text is neither, as raw output is."""
    first = next((line.lstrip() for line in text.lines if line.strip()), "")
    if first[:1] in ("[", "{"):
        return parse_json(text)
    if is_numbered(text.lines):
        return _numbered(text)
    return None


def parse_json(text: Text) -> tuple[Item, ...] | None:
    """Return the values of JSON: those of a list, or names and values of an object, one after another."""
    try:
        value = json.loads("\n".join(text.lines))
    except (ValueError, RecursionError):
        return None
    return _from_json(value, text.where(0), 0).items


def _from_json(value: object, where: str, depth: int) -> Item:
    if depth > _MAX_DEPTH:
        return Item("", (), where)
    if isinstance(value, list):
        return Item(None, tuple(_from_json(item, where, depth + 1) for item in value), where)
    if isinstance(value, dict):
        pairs = [part for pair in value.items() for part in pair]
        return Item(None, tuple(_from_json(item, where, depth + 1) for item in pairs), where)
    if isinstance(value, bool) or value is None:
        return Item("yes" if value else "no", (), where)
    return Item(str(value), (), where)


class _List:
    """A list that is being filled, and the column its labels stand in."""

    def __init__(self, column: int) -> None:
        self.column = column
        self.items: list[_List | Item] = []


def _numbered(text: Text) -> tuple[Item, ...]:
    root = _List(-1)
    open_lists = [root]
    for index, line in enumerate(text.whole_lines):
        position = 0
        where = text.where(index)
        while (match := _LABEL.match(line, position)) and len(open_lists) <= _MAX_DEPTH:
            _enter(open_lists, match.end())
            position = match.end()
            if match[2] == "#" and (name := _STRING.match(line, position)):
                open_lists[-1].items.append(Item(_unescaped(name[1]), (), where))
                position = name.end() + 4 if line.startswith(" => ", name.end()) else name.end()
        value = _value(line[position:])
        if position and value is not None:
            open_lists[-1].items.append(Item(value, (), where))
    return tuple(_closed(item, 0) for item in _only_list(root).items)


def _enter(open_lists: list[_List], column: int) -> None:
    """Go to the list whose labels end in a column: one that is open, or a new one in the innermost."""
    while len(open_lists) > 1 and open_lists[-1].column > column:
        open_lists.pop()
    if open_lists[-1].column != column:
        inner = _List(column)
        open_lists[-1].items.append(inner)
        open_lists.append(inner)


def _only_list(root: _List) -> _List:
    first = root.items[0] if root.items else root
    return first if isinstance(first, _List) else root


def _closed(item: _List | Item, depth: int) -> Item:
    if isinstance(item, Item):
        return item
    inner = tuple(_closed(part, depth + 1) for part in item.items)
    return Item(None, inner, inner[0].where if inner else "")


def _value(text: str) -> str | None:
    """Return one printed value without quotes and type; None where there is none, as of an empty list."""
    text = text.strip()
    if match := _STRING.fullmatch(text):
        return _unescaped(match[1])
    if match := _TYPED.match(text):
        return text[match.end() :]
    if text in ("(nil)", "(empty array)", "(empty list or set)", "(empty hash)", "(empty set)"):
        return None
    return text


def _unescaped(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if len(code) == 3 else _ESCAPES.get(code, code)

    return _ESCAPE.sub(one, text)
