"""What a replay of a log showed, as data; knows nothing of how it was done."""

from __future__ import annotations

from aoftool.dataclass import dataclass, field

__all__ = ["Answered", "Replay"]


@dataclass
class Answered:
    """Commands of one name in one file that servers answer with one error while they load.

    Attributes:
        path: the file.
        name: in upper case.
        text: the error.
        counts: how many, by target.
        offsets: where the first few stand.
        inside: how many of them stand in transactions, by target.
    """

    path: str
    name: str
    text: str
    counts: dict[str, int] = field(default_factory=dict)
    offsets: list[int] = field(default_factory=list)
    inside: dict[str, int] = field(default_factory=dict)


@dataclass
class Replay:
    """What came of replaying a log as several servers would load it.

    Attributes:
        answered: errors, by file, name and text.
        idle: write commands that changed nothing, by file and name: how many, and where the first is;
            counted for one server.
        ended: by target, where the replay could not go on: file, offset, why.
        unknown: forms of commands that no release has, by file and what it is, in words: from where to where
            the first one stands. What it did is not known, so the replay ends there.
        expired: by target, keys at the end whose expire time has passed, and all keys.
        skipped: why nothing was replayed, empty when it was.
    """

    answered: dict[tuple[str, str, str], Answered] = field(default_factory=dict)
    idle: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    ended: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    unknown: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    expired: dict[str, tuple[int, int]] = field(default_factory=dict)
    skipped: str = ""
