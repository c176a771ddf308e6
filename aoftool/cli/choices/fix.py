"""What the options of `aoftool fix` mean, and which of them contradict each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.cli.options.moments import find_state, only_moment, typed_moment
from aoftool.dataclass import replace
from aoftool.errors import UsageError

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.aof.moment import Moment
    from aoftool.cli.requests.fix import FixRequest
    from aoftool.repair.choice import Choice

__all__ = ["repair_choice"]


def repair_choice(asked: FixRequest, log: Log) -> Choice:
    """Return which repair is asked for.

    Raises:
        UsageError: options contradict each other, or name nothing in the log.
    """
    from aoftool.repair.choice import AfterGap, Choice

    choice = Choice(
        salvage=asked.salvage,
        after_gap=AfterGap(asked.after_gap.value),
        drop_duplicates=asked.drop_duplicates,
        keep_unknown=asked.keep_unknown,
        allow_empty=asked.allow_empty,
    )
    choice = _with_moment(choice, only_moment(asked.to, "--to"), log)
    choice = _with_drops(choice, asked.drop or [], asked.drop_command, asked.match)
    if asked.server is not None and not asked.verify:
        raise UsageError("--server names the server of --verify", hint="add --verify")
    return choice


def _with_moment(choice: Choice, moment: Moment | None, log: Log) -> Choice:
    """Return a choice that ends the log at a moment."""
    from aoftool.aof.moment import MomentKind

    if moment is None:
        return choice
    if moment.kind is MomentKind.COMMAND:
        return replace(choice, before=moment.name, nth=moment.number or None)
    found = find_state(moment, log, "--to")
    return replace(choice, to_offset=found.place, to_timestamp=found.time_s)


def _with_drops(choice: Choice, places: list[str], name: str | None, match: str | None) -> Choice:
    from aoftool.escape import unprintable
    from aoftool.pattern import typed_pattern

    if match is not None and name is None:
        raise UsageError("--match needs --drop-command")
    if choice.point_in_time and (places or name is not None):
        raise UsageError(
            "going back to a moment and taking commands out are two repairs; do one after the other"
        )
    return replace(
        choice,
        drop_at=tuple(_place(place, "--drop") for place in places),
        drop_command=None if name is None else unprintable(name),
        match=None if match is None else typed_pattern(match),
    )


def _place(text: str, option: str) -> tuple[str, int]:
    moment = typed_moment(text, option)
    if not moment.file:
        raise UsageError(f"{option} takes FILE:OFFSET, such as appendonly.aof:1024")
    return moment.file, moment.number
