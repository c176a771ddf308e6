"""Commands of modules and of related engines: whose they are, where their keys are, what they touch.

Data only, from `modules.json`. The families of Redis Stack were measured: what Redis 7.4.1 with its modules
says about them by COMMAND, but for the places that it states wrongly (sources of a merge, the index of a
search as a key), which follow the documents of the modules. The others, marked as `read`, follow the public
documents and sources of their projects. `tools/measure_modules.py` holds the table against a server. What
a value of a module looks like is nothing that is known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from aoftool.commands.keys import KeyRule
from aoftool.dataclass import dataclass
from aoftool.packaged import packaged_json

__all__ = [
    "ENGINES",
    "SHAPES",
    "TILE38",
    "ModuleCommand",
    "effect_rows",
    "engine_of_form",
    "harmless_names",
    "is_of_tile38",
    "module_command",
    "module_names",
    "module_of",
]

ENGINES = frozenset(("KeyDB", "Tile38"))
"""Families that are servers of their own, and no modules."""

TILE38 = "Tile38"
_SHAPES = (b"POINT", b"OBJECT", b"BOUNDS", b"HASH", b"STRING", b"FIELD")
SHAPES = frozenset((*_SHAPES, *(word.lower() for word in _SHAPES)))
"""Words of which one stands behind key and id in a SET of Tile38."""

# Commands of Redis that a related engine runs with another number of arguments.
# Source: KeyDB src/expire.cpp persistCommand, which takes a member.
_FORMS = {(b"PERSIST", 3): "KeyDB"}

SCHEMA = "aoftool-modules/1"
# Writes to one time series may, by a compaction rule, reach another that the command does not name. So these
# commands also change something that nothing ever replaces: they stay, whatever becomes of their key.
_COUPLED = "TS."


@dataclass(frozen=True, slots=True)
class ModuleCommand:
    """One command.

    Attributes:
        module: whose it is, such as `RedisJSON` or `KeyDB`.
        key_rules: where its keys are.
        is_write: it may change data.
        is_measured: a server with the module told of it; others come from documents and sources.
        effect: how far it reaches: `keys` that it names, `stays` (touches no key, and is kept in its place),
            `none`, `opaque` (anything).
    """

    module: str
    key_rules: tuple[KeyRule, ...]
    is_write: bool
    effect: str
    is_measured: bool


def module_command(name: bytes) -> ModuleCommand | None:
    """Return a command by its upper-case name; None when no known module has it."""
    found = _table().get(name)
    if found is None:
        return None
    module, entry = found
    rules = tuple(KeyRule.from_json(rule) for rule in entry["keys"])
    effect, measured = entry.get("effect", "keys"), not entry.get("read", False)
    return ModuleCommand(module, rules, entry.get("write", False), effect, measured)


def module_of(name: bytes) -> str:
    """Return whose command a name is; empty when no known module has it. Case does not matter."""
    found = _table().get(name.upper())
    return "" if found is None else found[0]


def engine_of_form(name: bytes, argc: int | None = None) -> str:
    """Return which related engine has a form of its own of a command of Redis; empty for none.

    Args:
        name: in upper case.
        argc: number of arguments, its name included; None for any form.
    """
    found = (engine for (own, count), engine in _FORMS.items() if own == name and argc in (None, count))
    return next(found, "")


def is_of_tile38(argv: Sequence[bytes]) -> bool:
    """Tell whether a command is a SET of Tile38: `SET key id POINT 33.5 -112.2`."""
    return len(argv) > 4 and argv[3] in SHAPES and argv[0].upper() == b"SET"


def module_names() -> tuple[bytes, ...]:
    """Return every name, in upper case."""
    return tuple(_table())


def harmless_names() -> tuple[bytes, ...]:
    """Return the commands that leave every key as it is: questions, and what only informs."""
    return tuple(
        name
        for name, (_, entry) in _table().items()
        if entry.get("effect", "keys") == "none" or not entry.get("write", False)
    )


def effect_rows() -> Iterator[dict[str, Any]]:
    """Yield the effects of all commands as rows of the shape that `effects.json` has."""
    for name, (module, entry) in _table().items():
        text = name.decode()
        row: dict[str, Any] = {
            "command": text,
            "form": f"{text} of {module}",
            "scope": "key",
            "carried": True,
        }
        effect = entry.get("effect", "keys")
        write = entry.get("write", False)
        keys = [row for rule in entry["keys"] for row in _key_rows(rule, write=write)]
        if effect in ("opaque", "none"):
            row.update(scope=effect, keys=[], carried=False)
        elif effect == "stays":
            row.update(keys=[], stays=True)
        else:
            coupled = [{"at": 0, "effect": "changes"}] if text.startswith(_COUPLED) and keys else []
            row.update(keys=[*keys, *(coupled if write else [])])
        if text.endswith(("DROPINDEX", "DROPINDEXIFX")) and effect == "stays":
            # With DD the documents of the index go too, and nothing says which.
            yield {**row, "when": {"argc": 2}}
            row.update(scope="opaque", carried=False, stays=False)
        yield row


def _key_rows(rule: list[Any], *, write: bool) -> list[dict[str, Any]]:
    begin, find, access = rule
    effect = "changes" if write and access == "RW" else "reads"
    if find[0] == "count":
        return [{"numkeys": begin + find[1], "step": find[3], "effect": effect}]
    last, step, _ = find
    if last >= 0:
        return [{"at": at, "effect": effect} for at in range(begin, begin + last + 1, step)]
    return [{"first": begin, "last": last, "step": step, "effect": effect}]


@cache
def _table() -> dict[bytes, tuple[str, dict[str, Any]]]:
    data = packaged_json(__file__, "modules.json", SCHEMA)
    return {
        name.encode(): (module, entry)
        for module, commands in data["modules"].items()
        for name, entry in commands.items()
    }
