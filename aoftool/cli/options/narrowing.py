"""The options that narrow what is counted, and say how keys are put together; shared by several verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from aoftool.cli.declared import Option
from aoftool.dataclass import dataclass
from aoftool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aoftool.analysis.census.model import CensusOptions
    from aoftool.aof.stretch import Stretch

__all__ = [
    "CmdOption",
    "DbOption",
    "DepthOption",
    "KeyOption",
    "MatchOption",
    "Narrowing",
    "RegexOption",
    "SeparatorOption",
    "narrowing",
]

DbOption = Annotated[
    list[int] | None, Option("--db", min=0, metavar="N", help="Only this database; may repeat.")
]
CmdOption = Annotated[
    list[str] | None, Option("--cmd", metavar="NAME", help="Only this command; may repeat.")
]
MatchOption = Annotated[
    str | None, Option("--match", metavar="GLOB", help="Only keys that match a glob, as for KEYS.")
]
KeyOption = Annotated[list[str] | None, Option("--key", metavar="KEY", help="Only this key; may repeat.")]
RegexOption = Annotated[
    str | None, Option("--regex", metavar="REGEX", help="Only keys in which a regex is found.")
]
DepthOption = Annotated[int, Option("--depth", min=1, max=16, help="Segments of a key in a prefix.")]
SeparatorOption = Annotated[str, Option("--separator", help="One character between segments of keys.")]


@dataclass(frozen=True)
class Narrowing:
    """What to count: options of the census, names of commands or None for all, and between which moments."""

    options: CensusOptions
    commands: frozenset[bytes] | None
    stretch: Stretch | None = None

    @property
    def narrows(self) -> bool:
        """Tell whether anything may be left out."""
        return self.options.filtered or self.commands is not None


def narrowing(
    *,
    stretch: Stretch | None = None,
    db: list[int] | None = None,
    cmd: list[str] | None = None,
    match: str | None = None,
    depth: int = 1,
    separator: str = ":",
) -> Narrowing:
    """Return what was asked for.

    Raises:
        UsageError: a separator of more than one byte.
    """
    from aoftool.analysis.census.model import CensusOptions
    from aoftool.analysis.census.templates import Template

    raw = separator.encode("utf-8", "surrogateescape")
    if len(raw) != 1:
        raise UsageError("--separator takes one ASCII character", hint="such as : or / or .")
    since_s, until_s = (None, None) if stretch is None else (stretch.since_s, stretch.until_s)
    options = CensusOptions(
        template=Template(raw, depth),
        since_s=since_s,
        until_s=None if until_s is None else until_s + 1,
        first=None if stretch is None else stretch.first,
        last=None if stretch is None else stretch.last,
        databases=frozenset(db) if db else None,
        admit=None if match is None else _key_filter(match),
    )
    names = frozenset(name.upper().encode("utf-8", "surrogateescape") for name in cmd) if cmd else None
    return Narrowing(options, names, stretch)


def _key_filter(match: str) -> Callable[[bytes], bool]:
    from aoftool.pattern import compile_glob, typed_pattern

    pattern = compile_glob(typed_pattern(match))
    return lambda key: pattern.match(key) is not None
