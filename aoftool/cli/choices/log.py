"""What the options of `aoftool log` mean together, and which of them contradict each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aoftool.errors import UsageError
from aoftool.escape import typed_name
from aoftool.files.remote.names import refuse_remote
from aoftool.next_step import next_step
from aoftool.pattern import typed_pattern

if TYPE_CHECKING:
    from aoftool.aof.stretch import Stretch
    from aoftool.api.listing import Listing
    from aoftool.cli.requests.log import LogRequest

__all__ = ["refuse_contradictions", "wanted_commands"]

# Of an argument on a screen.
_SHOWN_BYTES = 256


def refuse_contradictions(asked: LogRequest) -> None:
    """Refuse options that exclude each other, or have no effect beside another one.

    Raises:
        UsageError: some do.
    """
    if sum((asked.as_json, asked.as_csv, asked.output is not None)) > 1:
        raise UsageError("--json, --csv and --output exclude each other", hint="use one of them")
    if asked.tail is not None and asked.context:
        raise UsageError("--tail and --context exclude each other", hint="use one of them")
    if asked.tail is not None and asked.limit is not None:
        raise UsageError("--tail and --limit exclude each other", hint="use one of them")
    if asked.follow:
        line = next_step("log", asked.path or ".", "--tail 20")
        refuse_remote(asked.path, "followed: nothing grows in a store", line)
    if asked.follow and (asked.context or asked.as_csv or asked.output is not None):
        raise UsageError("--follow gives text or JSON lines only", hint="leave the other options out")
    chosen = {
        "--cmd": asked.cmd, "--key": asked.key, "--match": asked.match, "--regex": asked.regex,
        "--db": asked.db, "--since": asked.since, "--until": asked.until, "--txn": asked.txn,
        "--min-size": asked.min_size, "--limit": asked.limit, "--tail": asked.tail,
        "--context": asked.context, "--follow": asked.follow, "--json": asked.as_json,
        "--csv": asked.as_csv,
    }  # fmt: skip
    if asked.hex_at is not None:
        _refuse_idle("--hex", {**chosen, "--excerpt": asked.excerpt, "--output": asked.output})
    if asked.excerpt is not None:
        _refuse_idle("--excerpt", chosen)
    if asked.follow:
        _refuse_idle("--follow", {"--until": asked.until})
    if asked.force and asked.output is None:
        _refuse_idle("--force", {"no --output": True})


def wanted_commands(asked: LogRequest, stretch: Stretch, *, whole: bool) -> Listing:
    """Return which commands are asked for.

    Args:
        whole: their arguments are needed whole.
    """
    from aoftool.analysis.commands.filter import CommandFilter
    from aoftool.api.listing import Listing
    from aoftool.keyspace.selection import key_selection

    has_pattern = asked.match is not None or asked.regex is not None
    wanted = CommandFilter(
        names=frozenset(_raw(" ".join(name.upper().split())) for name in asked.cmd or ()),
        keys=frozenset(map(typed_name, asked.key or ())),
        selection=key_selection(match=asked.match, regex=asked.regex) if has_pattern else None,
        glob=None if asked.match is None else typed_pattern(asked.match),
        dbs=frozenset(asked.db) if asked.db else None,
        stretch=stretch,
        txn=asked.txn,
        min_size=asked.min_size,
    )
    whole = whole or asked.as_json or asked.as_csv or asked.output is not None
    keep = None if whole else _SHOWN_BYTES
    return Listing(wanted, asked.tail, asked.limit, asked.context, keep)


def _refuse_idle(what: str, given: Mapping[str, object]) -> None:
    """Refuse options that would have no effect beside another one.

    Raises:
        UsageError: one of them was given.
    """
    names = [name for name, value in given.items() if value not in (None, False, 0)]
    if names:
        raise UsageError(f"{what} does nothing with {', '.join(names)}", hint=f"leave out {', '.join(names)}")


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
