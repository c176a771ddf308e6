"""Every command the servers know: its arity, where its keys are, its flags, who has it.

Data only, from `commands.json`, which `tools/measure_release.py` makes from what servers say about
themselves; the rest of the releases of `aoftool.releases` was read in their sources, or concluded from
the version that a command exists since. What a command does to its keys is told by
`aoftool.commands.effects`. An unknown command is nothing special here: `lookup` returns None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from aoftool.commands.keys import KeyRule, find_keys
from aoftool.commands.modules import module_command, module_names
from aoftool.commands.spans import split_releases
from aoftool.dataclass import dataclass, field
from aoftool.packaged import packaged_json
from aoftool.releases import RELEASES

__all__ = [
    "CONTAINERS",
    "MEASURED_ON",
    "CommandSpec",
    "all_commands",
    "all_module_commands",
    "lookup",
    "lookup_argv",
    "names_everywhere",
]

SCHEMA = "aoftool-commands/2"


@dataclass(frozen=True)
class CommandSpec:
    """Hold what servers say about one command, or one subcommand of a container.

    Attributes:
        name: in upper case; that of the container for a subcommand.
        subcommand: in upper case, None for a command.
        arity: number of arguments with the name, exactly; when negative, at least so many.
        group: such as `string` or `sorted-set`; `module` for what no server has by itself.
        flags: as the newest server that has it reports them, such as `write`, `admin`; `hidden` stands
            in the sources, but no server with default settings has it.
        since: first version by project, `redis` and `valkey`.
        available_on: names of the releases that have it, such as `redis-7.0`.
        key_rules: where its keys are.
        arity_on: releases that differ from `arity`.
        subcommands: by upper-case name; empty for all but containers.
    """

    name: bytes
    subcommand: bytes | None
    arity: int
    group: str
    flags: frozenset[str]
    since: Mapping[str, str]
    available_on: frozenset[str]
    key_rules: tuple[KeyRule, ...] = ()
    arity_on: Mapping[str, int] = field(default_factory=dict)
    subcommands: Mapping[bytes, CommandSpec] = field(default_factory=dict, repr=False)

    @property
    def full_name(self) -> bytes:
        """Name and, where there is one, subcommand: `XGROUP CREATE`."""
        return self.name if self.subcommand is None else self.name + b" " + self.subcommand

    @property
    def is_container(self) -> bool:
        """Tell whether the first argument names a subcommand."""
        return bool(self.subcommands)

    @property
    def is_write(self) -> bool:
        """Tell whether servers count it as changing data."""
        return "write" in self.flags

    def find_subcommand(self, name: bytes) -> CommandSpec | None:
        """Return a subcommand of a container, its case ignored."""
        return self.subcommands.get(name.upper())

    def keys(self, argv: Sequence[bytes]) -> list[int]:
        """Return the positions of the keys in a command, ascending; out-of-range rules give none.

        For a container give the spec of the subcommand, as `lookup_argv` finds it.
        """
        return find_keys(self.name, self.key_rules, argv)

    def arity_ok(self, argc: int, release: str | None = None) -> bool:
        """Tell whether a command may have so many arguments, its name counted.

        Args:
            argc: number of arguments.
            release: name of a release; None for the newest that was measured and has the command.
        """
        arity = self.arity if release is None else self.arity_on.get(release, self.arity)
        return argc == arity if arity >= 0 else argc >= -arity

    def exists_on(self, release: str) -> bool:
        """Tell whether a release, given by its name, has the command.

        Servers before 7.0 have no table of subcommands: they run the container and let it complain.
        """
        return release in self.available_on

    @property
    def of_module(self) -> bool:
        """Tell whether a module, or another engine, has the command, and no server by itself."""
        return self.group == "module"


def lookup(name: bytes, subcommand: bytes | None = None) -> CommandSpec | None:
    """Return a command, or one subcommand of a container; case is ignored; None when unknown."""
    spec = _spec(name.upper())
    if spec is None or subcommand is None:
        return spec
    return spec.find_subcommand(subcommand)


def lookup_argv(argv: Sequence[bytes]) -> CommandSpec | None:
    """Return what a server since 7.0 looks a command up as; None when it would call it unknown.

    A container alone is the container; with an argument it is that subcommand or nothing.
    Source: Valkey 8.0 src/server.c lookupCommandLogic.
    """
    spec = lookup(argv[0]) if argv else None
    if spec is None or not spec.is_container or len(argv) == 1:
        return spec
    return spec.find_subcommand(argv[1])


def all_module_commands() -> tuple[CommandSpec, ...]:
    """Return every command that only modules and related engines have, by name."""
    return tuple(spec for name in module_names() if (spec := _spec(name)) is not None)


def all_commands() -> tuple[CommandSpec, ...]:
    """Return every command by name, subcommands inside their containers."""
    found = (_spec(name.encode()) for name in _data()["commands"])
    return tuple(spec for spec in found if spec is not None)


def names_everywhere() -> frozenset[bytes]:
    """Return the names of the commands that every release has; makes none of them."""
    on = {name: entry["on"] for name, entry in _data()["commands"].items()}
    everywhere = {spans for spans in set(on.values()) if len(split_releases(spans)) == len(RELEASES)}
    return frozenset(name.encode() for name, spans in on.items() if spans in everywhere)


# Made when first asked for: a log holds a dozen of the 270 commands.
_specs: dict[bytes, CommandSpec] = {}


def _spec(name: bytes) -> CommandSpec | None:
    spec = _specs.get(name)
    if spec is None:
        text = name.decode("latin-1")
        entry = _data()["commands"].get(text)
        spec = _module_spec(name) if entry is None else _spec_of((text, entry))
        if spec is not None:
            _specs[name] = spec
    return spec


def _module_spec(name: bytes) -> CommandSpec | None:
    """Return a command that a module has, and no server by itself."""
    found = module_command(name)
    if found is None:
        return None
    flags = frozenset({"module", "write" if found.is_write else "readonly"})
    return CommandSpec(name, None, -1, "module", flags, {}, frozenset(), found.key_rules)


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = packaged_json(__file__, "commands.json", SCHEMA)
    return data


def _spec_of(row: tuple[str, dict[str, Any]], container: str | None = None) -> CommandSpec:
    name, entry = row
    inner = {sub.encode(): _spec_of((sub, held), name) for sub, held in entry.get("subcommands", {}).items()}
    return CommandSpec(
        (container or name).encode(),
        None if container is None else name.encode(),
        entry["arity"],
        entry["group"],
        frozenset(entry["flags"]),
        entry["since"],
        split_releases(entry["on"]),
        tuple(KeyRule.from_json(rule) for rule in entry["keys"]),
        {
            release: arity
            for spans, arity in entry.get("arity_on", {}).items()
            for release in split_releases(spans)
        },
        inner,
    )


MEASURED_ON: Mapping[str, str] = _data()["measured"]
"""Versions of the servers that the table was made from, by release; the others were not measured."""

CONTAINERS: frozenset[bytes] = frozenset(
    name.encode() for name, entry in _data()["commands"].items() if entry.get("subcommands")
)
"""Commands whose first argument names a subcommand, in upper case."""
