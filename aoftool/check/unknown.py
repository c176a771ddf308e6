"""Commands that no known release has: what is damage, and what is only not known here.

A command in good framing with a name that could be one is written by something newer than, or other than,
what the command table knows: it is not judged, and kept. Damage it is where the name cannot be one, or
where everything speaks for one flipped bit: the name comes once, one bit away from a command that this log
uses with as many arguments. A name that can be none because of one byte is the one command of the table that
is as long, differs in that byte and takes as many arguments; of two such commands it is neither.

SELECT, MULTI and EXEC are told by their form alone, however often a log uses the name: no command of any
release is one byte away from them and takes as many arguments, and what they frame means something else
without them. Looks at names and counts alone; reads no file.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from aoftool.check.exam_model import FileExam, FormSpot, Spot, SpotKind
from aoftool.check.vocabulary import accepts, has_no_room, is_known, looks_like_module
from aoftool.commands.framing import FRAMING
from aoftool.commands.modules import engine_of_form
from aoftool.commands.table import all_commands, lookup
from aoftool.databases import DATABASE_DIGITS
from aoftool.dataclass import dataclass
from aoftool.regex import regex
from aoftool.resp.encode import SELECT_BYTES
from aoftool.resp.model import TailTally

__all__ = [
    "BEYOND",
    "Names",
    "Standing",
    "forms_of_no_release",
    "is_one_bit_off",
    "is_plausible",
    "may_be_select",
    "meant_mark",
]

BEYOND = "something newer than, or other than, aoftool knows"
"""Who wrote what is in good order and not known."""

# Names and numbers of arguments of what a server writes to frame others.
_SELECT = b"SELECT"
_MARKS = {_SELECT: 2, b"MULTI": 1, b"EXEC": 1}
_PLAUSIBLE = regex(rb"[A-Za-z_][A-Za-z0-9_.:|-]{0,63}")
_LETTER = regex(rb"[A-Za-z0-9_.:|-]")
_WORD = regex(rb"[A-Za-z0-9_.:|-]{1,64}")


class Standing(Enum):
    """How a questionable command stands.

    Attributes:
        SERVERS: some of the servers that are foretold run it.
        LATER: a release in the command table, or a related engine, has it, though none of those.
        NOT_JUDGED: nothing here knows it, and nothing says that it is damaged.
        FLIPPED: one bit of its name was flipped, or one byte of a name that frames other commands.
        NO_NAME: its name can be none.
        WRONG: known, and no release takes so few arguments of it, or it is a name with one bit flipped.
    """

    SERVERS = "servers"
    LATER = "later"
    NOT_JUDGED = "not-judged"
    FLIPPED = "flipped"
    NO_NAME = "no-name"
    WRONG = "wrong"


@dataclass(slots=True)
class _Use:
    """How often a command comes, and with how many arguments."""

    count: int = 0
    least: int = 1 << 62
    most: int = 0


def is_plausible(name: bytes) -> bool:
    """Tell whether a command of some server could have that name."""
    return _PLAUSIBLE.fullmatch(name) is not None


class Names:
    """What the names of one file say of those that are unknown.

    Args:
        tallies: of its healthy stretches.
    """

    def __init__(self, tallies: Iterable[TailTally]) -> None:
        self._uses: dict[tuple[bytes, bytes | None], _Use] = {}
        for tally in tallies:
            for key, row in tally.rows.items():
                for subcommand in {None, key.subcommand}:
                    use = self._uses.setdefault((key.name, subcommand), _Use())
                    use.count += row.commands
                    use.least = min(use.least, row.least_argc)
                    use.most = max(use.most, row.most_argc)

    @classmethod
    def of(cls, exam: FileExam) -> Names:
        """Return the names of a file that was taken apart."""
        return cls([] if exam.tail is None else [stretch.tally for stretch in exam.tail.stretches])

    def standing(self, spot: Spot, takers: frozenset[str]) -> Standing:
        """Return how a questionable command stands.

        Args:
            takers: the servers that run it in this form.
        """
        if takers or spot.kind == SpotKind.HURTFUL:
            return Standing.SERVERS
        if spot.kind == SpotKind.ARITY:
            if engine_of_form(spot.name, spot.argc):
                return Standing.LATER
            later = has_no_room(spot.name, spot.subcommand, spot.argc) and self.meant(spot) is None
            return Standing.NOT_JUDGED if later else Standing.WRONG
        word = spot.subcommand if spot.kind == SpotKind.SUBCOMMAND else spot.name
        if self._in_table(spot):
            return Standing.LATER
        if self.meant(spot) is not None:
            return Standing.FLIPPED
        named = word is not None and is_plausible(spot.name) and _WORD.fullmatch(word) is not None
        return Standing.NOT_JUDGED if named else Standing.NO_NAME

    def meant(self, spot: Spot) -> bytes | None:
        """Return the name, or subcommand, that this was before damage; None where it is not proved."""
        if (mark := meant_mark(spot)) is not None:
            return mark
        is_sub = spot.kind == SpotKind.SUBCOMMAND
        word = spot.subcommand if is_sub else spot.name
        if word is not None and (found := _only_one(spot, word)) is not None:
            return found
        own = self._uses.get((spot.name, spot.subcommand if is_sub else None))
        if word is None or own is None or own.count != 1 or looks_like_module(spot.name):
            return None
        fits = {
            candidate
            for candidate in _one_bit_away(word)
            if (
                self._is_used(spot.name, candidate, spot.argc)
                if is_sub
                else self._is_used(candidate, None, spot.argc)
            )
        }
        return next(iter(fits)) if len(fits) == 1 else None

    def _is_used(self, name: bytes, subcommand: bytes | None, argc: int) -> bool:
        use = self._uses.get((name, subcommand))
        if use is None or not use.least <= argc <= use.most:
            return False
        if subcommand is not None:
            return lookup(name, subcommand) is not None
        return is_known(name) and accepts(name, argc)

    @staticmethod
    def _in_table(spot: Spot) -> bool:
        if spot.kind == SpotKind.SUBCOMMAND:
            spec = None if spot.subcommand is None else lookup(spot.name, spot.subcommand)
        else:
            spec = lookup(spot.name)
        return spec is not None


def _only_one(spot: Spot, word: bytes) -> bytes | None:
    """Return the one name that a word was before one byte of it was hurt so that it can be none.

    None where several fit, or none does. What frames others is told by `meant_mark`.
    """
    hurt = [at for at, byte in enumerate(word) if not _LETTER.fullmatch(bytes([byte]))]
    if len(hurt) != 1 or spot.kind not in (SpotKind.UNKNOWN, SpotKind.SUBCOMMAND):
        return None
    if spot.kind == SpotKind.SUBCOMMAND:
        container = lookup(spot.name)
        inner = {} if container is None else container.subcommands
        names = {
            name
            for name, one in inner.items()
            if one.arity_ok(spot.argc) and not has_no_room(spot.name, name, spot.argc)
        }
    else:
        names = {
            one.name
            for one in all_commands()
            if accepts(one.name, spot.argc) and not has_no_room(one.name, None, spot.argc)
        }
    fits = [name for name in names - FRAMING if _one_byte_off(word.upper(), name)]
    return fits[0] if len(fits) == 1 else None


def meant_mark(spot: Spot) -> bytes | None:
    """Return the SELECT, MULTI or EXEC that a command is but for one byte of its name; None for others."""
    if spot.kind != SpotKind.UNKNOWN or is_known(spot.name) or looks_like_module(spot.name):
        return None
    for name, argc in _MARKS.items():
        if spot.argc == argc and _one_byte_off(spot.name, name):
            return name if name != _SELECT or _has_size_of_select(spot) else None
    return None


def may_be_select(spot: Spot) -> bool:
    """Tell whether an unknown command has the form of a SELECT, whatever its name."""
    is_unknown = spot.kind == SpotKind.UNKNOWN and len(spot.name) == len(_SELECT)
    return is_unknown and spot.argc == _MARKS[_SELECT] and _has_size_of_select(spot)


def _one_byte_off(one: bytes, other: bytes) -> bool:
    return len(one) == len(other) and sum(a != b for a, b in zip(one, other, strict=True)) == 1


def _has_size_of_select(spot: Spot) -> bool:
    return 1 <= spot.end - spot.start - SELECT_BYTES <= DATABASE_DIGITS


def forms_of_no_release(file: FileExam) -> list[FormSpot]:
    """Return the commands in a form that no release has, but for those that one flipped bit explains."""
    if not file.forms:
        return []
    names = Names.of(file)
    arities = file.census.of(SpotKind.ARITY)
    flipped = {
        spot.start
        for spot in arities
        if has_no_room(spot.name, spot.subcommand, spot.argc)
        and names.standing(spot, frozenset()) is Standing.WRONG
    }
    return [form for form in file.forms if form.start not in flipped]


def is_one_bit_off(written: bytes, meant: bytes) -> bool:
    """Tell whether one flipped bit made one name of another; their case aside."""
    return meant in _one_bit_away(written)


def _one_bit_away(word: bytes) -> set[bytes]:
    """Return what a word was before one bit of it was flipped, in upper case; its own case aside."""
    found = {
        (word[:at] + bytes([byte ^ (1 << bit)]) + word[at + 1 :]).upper()
        for written in {word.upper(), word.lower()}
        for at, byte in enumerate(written)
        for bit in range(8)
    }
    return found - {word.upper()}
