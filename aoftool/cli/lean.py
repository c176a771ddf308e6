"""Read a well-formed command line without the framework: to load that takes longer than to check a small log.

Whatever is not well-formed, and every call for help, is left to the framework: so there is one home for
messages, and this reader need only know what it takes for granted. A test holds both to one answer.
"""

from __future__ import annotations

from enum import Enum
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar

from aoftool.cli.declared import Argument, Option
from aoftool.cli.verb import REQUIRED, Asked, asked_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["read_request"]

Request = TypeVar("Request")


class _Unclear(Exception):
    """Not for us to judge."""


class _Switch:
    """What one spelling of an option does.

    Attributes:
        field: that it sets.
        value: what a flag sets it to; None for an option that takes a value.
        convert: makes a value of a word; raises ValueError where the framework has something to say.
        repeats: whether values are gathered in a list.
    """

    __slots__ = ("convert", "field", "repeats", "value")

    def __init__(self, asked: Asked, value: bool | None) -> None:
        self.field = asked.name
        self.value = value
        self.repeats, self.convert = _converter(asked)


def read_request(request: type[Request], words: Sequence[str]) -> Request | None:
    """Return what a verb is asked by the words behind its name; None leaves it to the framework."""
    fields = list(asked_of(request))
    try:
        given, places = _sorted_out(_switches(fields), list(words))
        given |= _placed([asked for asked in fields if isinstance(asked.declared, Argument)], places)
    except (_Unclear, ValueError):
        return None
    values = {asked.name: given.get(asked.name, asked.default) for asked in fields}
    return None if REQUIRED in values.values() else request(**values)


def _switches(fields: list[Asked]) -> dict[str, _Switch]:
    """Return by each spelling what it does."""
    found: dict[str, _Switch] = {}
    for asked in fields:
        if not isinstance(asked.declared, Option):
            continue
        flag = asked.type is bool or asked.type == bool | None
        for name in asked.declared.names or ("--" + asked.name.replace("_", "-"),):
            yes, _, no = name.partition("/")
            found[yes] = _Switch(asked, True if flag else None)
            if no:
                found[no] = _Switch(asked, False)
    return found


def _sorted_out(switches: dict[str, _Switch], words: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Return the fields that options set, and the words that stand by their place."""
    given: dict[str, Any] = {}
    places: list[str] = []
    words.reverse()
    while words:
        word = words.pop()
        if word == "--":
            return given, [*places, *reversed(words)]
        if word[:1] != "-" or word == "-":
            places.append(word)
        elif word[:2] == "--":
            name, equals, value = word.partition("=")
            _set(given, _found(switches, name), value if equals else None, words)
        else:
            _set_cluster(given, switches, word, words)
    return given, places


def _set_cluster(given: dict[str, Any], switches: dict[str, _Switch], word: str, words: list[str]) -> None:
    """Take short options that stand in one word, the value of the last one included."""
    for index in range(1, len(word)):
        switch = _found(switches, "-" + word[index])
        rest = word[index + 1 :]
        if switch.value is None:
            if rest[:1] == "=":
                raise _Unclear
            _set(given, switch, rest or None, words)
            return
        _set(given, switch, None, words)


def _found(switches: dict[str, _Switch], name: str) -> _Switch:
    switch = switches.get(name)
    if switch is None:
        raise _Unclear
    return switch


def _set(given: dict[str, Any], switch: _Switch, value: str | None, words: list[str]) -> None:
    if switch.value is not None:
        if value is not None:
            raise _Unclear
        given[switch.field] = switch.value
        return
    if value is None:
        # What looks like a further option may be a slip.
        if not words or words[-1][:1] == "-":
            raise _Unclear
        value = words.pop()
    made = switch.convert(value)
    if switch.repeats:
        given.setdefault(switch.field, []).append(made)
    else:
        given[switch.field] = made


def _placed(arguments: list[Asked], places: list[str]) -> dict[str, Any]:
    """Return the fields that words set by their place; the last one may take several."""
    given: dict[str, Any] = {}
    for asked in arguments:
        if not places:
            break
        repeats, convert = _converter(asked)
        taken = len(places) if repeats else 1
        made = [convert(word) for word in places[:taken]]
        given[asked.name] = made if repeats else made[0]
        del places[:taken]
    if places:
        raise _Unclear
    return given


def _converter(asked: Asked) -> tuple[bool, Callable[[str], Any]]:
    """Return whether values of a field are gathered, and what makes one of a word."""
    kinds: tuple[Any, ...] = (asked.type,)
    if isinstance(asked.type, UnionType):
        kinds = tuple(kind for kind in asked.type.__args__ if kind is not NoneType)
    (kind,) = kinds
    repeats = getattr(kind, "__origin__", None) is list
    if repeats:
        (kind,) = kind.__args__
    if kind is str or kind is bool:
        return repeats, str
    if kind is int or kind is float:
        return repeats, _number(kind, asked.declared)
    if issubclass(kind, Enum):
        by_value = {str(member.value): member for member in kind}
        return repeats, lambda word: _member(by_value, word)
    raise _Unclear


def _number(kind: type[int] | type[float], declared: Argument | Option) -> Callable[[str], float]:
    low = getattr(declared, "min", None)
    high = getattr(declared, "max", None)

    def convert(word: str) -> float:
        number = kind(word)
        if (low is not None and number < low) or (high is not None and number > high):
            raise _Unclear
        return number

    return convert


def _member(by_value: dict[str, Enum], word: str) -> Enum:
    if word not in by_value:
        raise _Unclear
    return by_value[word]
