"""The options that narrow what is counted, and say how keys are put together; shared by several verbs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from aoftool.cli.times import parse_time_ms, refuse_reversed
from aoftool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aoftool.analysis.census_model import CensusOptions

__all__ = [
    "CmdOption",
    "DbOption",
    "DepthOption",
    "MatchOption",
    "Narrowing",
    "SeparatorOption",
    "SinceOption",
    "UntilOption",
    "narrowing",
]

SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        help="Only from this time on, in UTC: Unix time, ISO 8601, HH:MM[:SS], or 10m before the end."
        " Needs #TS.",
    ),
]
UntilOption = Annotated[
    str | None, typer.Option("--until", help="Only up to this time, its second included.")
]
DbOption = Annotated[list[int] | None, typer.Option("--db", min=0, help="Only this database.")]
CmdOption = Annotated[list[str] | None, typer.Option("--cmd", help="Only this command, such as SET.")]
MatchOption = Annotated[str | None, typer.Option("--match", help="Only keys that match a glob, as for KEYS.")]
DepthOption = Annotated[int, typer.Option("--depth", min=1, max=16, help="Segments of a key in a prefix.")]
SeparatorOption = Annotated[str, typer.Option("--separator", help="One character between segments of keys.")]


@dataclass(frozen=True)
class Narrowing:
    """What to count: options of the census, names of commands or None for all, and times as given."""

    options: CensusOptions
    commands: frozenset[bytes] | None
    since: str | None = None
    until: str | None = None

    @property
    def narrows(self) -> bool:
        """Tell whether anything may be left out."""
        return self.options.filtered or self.commands is not None


def narrowing(
    *,
    since: str | None = None,
    until: str | None = None,
    db: list[int] | None = None,
    cmd: list[str] | None = None,
    match: str | None = None,
    depth: int = 1,
    separator: str = ":",
) -> Narrowing:
    """Return what was asked for.

    Raises:
        UsageError: a time that is none, or a separator of more than one byte.
    """
    from aoftool.analysis.census_model import CensusOptions
    from aoftool.analysis.templates import Template

    raw = separator.encode("utf-8", "surrogateescape")
    if len(raw) != 1:
        raise UsageError("--separator takes one ASCII character", hint="such as : or / or .")
    refuse_reversed(since, until)
    options = CensusOptions(
        template=Template(raw, depth),
        since_s=None if since is None else parse_time_ms(since) // 1000,
        until_s=None if until is None else parse_time_ms(until) // 1000 + 1,
        databases=frozenset(db) if db else None,
        admit=None if match is None else _key_filter(match),
    )
    names = frozenset(name.upper().encode("utf-8", "surrogateescape") for name in cmd) if cmd else None
    return Narrowing(options, names, since, until)


def _key_filter(match: str) -> Callable[[bytes], bool]:
    from aoftool.pattern import compile_glob, typed_pattern

    pattern = compile_glob(typed_pattern(match))
    return lambda key: pattern.match(key) is not None
