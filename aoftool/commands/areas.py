"""Where in writing commands an option may stand: what a sieve needs to find forms that no release has.

A sieve looks at every command and so asks little: whether a word that the table of forms lacks stands where
options stand, or more arguments than any release takes. It hands back too much rather than too little;
`aoftool.replay.doubt` says what a command that it found is.
"""

from __future__ import annotations

from functools import cache

from aoftool.commands.counts import GROUPED, NO_LIMIT, most_arguments
from aoftool.commands.forms import words_by_command
from aoftool.commands.table import CommandSpec, all_commands
from aoftool.resp.model import OTHER_NAMES, TailTally
from aoftool.resp.watch import Area, AreaEnd

__all__ = ["areas", "may_hold_unknown_forms"]

# Options in front of scores, of entry IDs, of fields: what follows is data.
_ENDS = {
    b"ZADD": (AreaEnd.PLAIN, 2),
    b"GEOADD": (AreaEnd.PLAIN, 3),
    b"XADD": (AreaEnd.ENTRY_ID, 2),
    **dict.fromkeys(
        b"HEXPIRE HPEXPIRE HEXPIREAT HPEXPIREAT HPERSIST HSETEX HGETEX HGETDEL".split(),
        (AreaEnd.FIELDS, 0),
    ),
}
# Where options begin behind data; in other commands they may begin behind the name.
_STARTS = {
    name.encode(): start
    for start, names in (
        (2, "BITFIELD GETEX XTRIM ZADD GEOADD XADD HEXPIRE HPEXPIRE HEXPIREAT HPEXPIREAT HPERSIST HSETEX"),
        (2, "HGETEX HGETDEL DELEX XSETID XCFGSET SORT LINSERT XDELEX"),
        (3, "SET EXPIRE PEXPIRE EXPIREAT PEXPIREAT COPY LMOVE BLMOVE"),
        (4, "RESTORE RESTORE-ASKING XACKDEL"),
        (5, "XCLAIM XAUTOCLAIM GEORADIUSBYMEMBER"),
        (6, "GEORADIUS"),
    )
    for name in names.split()
}
# Types of BITFIELD are data of the form of a word.
_TYPES = frozenset(b"%c%d" % (sign, bits) for sign in b"IU" for bits in range(1, 65))


@cache
def areas() -> dict[bytes, Area]:
    """Return the area of every writing command that has options, or room for so many arguments only."""
    options: dict[bytes, frozenset[bytes]] = {}
    for full, words in words_by_command().items():
        name, _, inner = full.partition(b" ")
        known = {*words, *_TYPES} if name == b"BITFIELD" else set(words)
        options[name] = options.get(name, frozenset()) | known | ({inner} if inner else set())
    found = {}
    for spec in all_commands():
        area = None if spec.of_module else _area(spec, options.get(spec.name, frozenset()))
        if area is not None:
            found[spec.name] = area
    return found


def _area(spec: CommandSpec, words: frozenset[bytes]) -> Area | None:
    if spec.is_container:
        # Few come in a log, and what is right differs by subcommand.
        writes = any(inner.is_write for inner in spec.subcommands.values())
        return Area(1) if writes else None
    if not spec.is_write:
        return None
    if spec.name in GROUPED:
        start, size = GROUPED[spec.name]
        return Area(start, end=AreaEnd.AT_ONCE, size=size)
    if words:
        end, size = _ENDS.get(spec.name, (AreaEnd.NEVER, 0))
        return Area(_STARTS.get(spec.name, 1), words, end, size)
    most = most_arguments(spec)
    return None if most == NO_LIMIT else Area(most)


def may_hold_unknown_forms(tally: TailTally) -> bool:
    """Tell whether commands are among those counted that have room for an option, or too many arguments."""
    for key, row in tally.rows.items():
        if key.name == OTHER_NAMES:
            return True
        area = areas().get(key.name)
        if area is None or row.most_argc <= area.start:
            continue
        if area.end is not AreaEnd.AT_ONCE or row.least_argc != row.most_argc:
            return True
        if (row.most_argc - area.start) % area.size:
            return True
    return False
