"""Where in writing commands an option may stand: what a sieve needs to find forms that no release has.

A sieve looks at every command and so asks little: whether a word that the table of forms lacks stands where
options stand, or more arguments than any release takes. It hands back too much rather than too little;
`aoftool.replay.doubt` says what a command that it found is.
"""

from __future__ import annotations

from functools import cache, lru_cache

from aoftool.commands.counts import GROUPED, NO_LIMIT, most_arguments
from aoftool.commands.forms import words_by_command
from aoftool.commands.table import CommandSpec, all_commands, lookup
from aoftool.resp.model import OTHER_NAMES, TailTally
from aoftool.resp.watch import Area, AreaEnd

__all__ = ["STARTS", "areas", "may_hold_unknown_forms"]

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
STARTS = {
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
"""Where options begin behind data, by name; in other commands they may begin behind the name."""
# Types of BITFIELD are data of the form of a word.
_TYPES = frozenset(b"%c%d" % (sign, bits) for sign in b"IU" for bits in range(1, 65))


@cache
def areas() -> dict[bytes, Area]:
    """Return the area of every writing command that has options, or room for so many arguments only."""
    found = ((spec.name, _area_of(spec.name)) for spec in all_commands())
    return {name: area for name, area in found if area is not None}


# More names than servers have commands: unknown ones are asked for too.
@lru_cache(maxsize=2048)
def _area_of(name: bytes) -> Area | None:
    spec = lookup(name)
    return None if spec is None or spec.of_module else _area(spec)


def _area(spec: CommandSpec) -> Area | None:
    if spec.is_container:
        # Few come in a log, and what is right differs by subcommand.
        writes = any(inner.is_write for inner in spec.subcommands.values())
        return Area(1) if writes else None
    if not spec.is_write:
        return None
    if spec.name in GROUPED:
        start, size = GROUPED[spec.name]
        return Area(start, end=AreaEnd.AT_ONCE, size=size)
    words = _words().get(spec.name)
    if words:
        end, size = _ENDS.get(spec.name, (AreaEnd.NEVER, 0))
        return Area(STARTS.get(spec.name, 1), words, end, size)
    most = most_arguments(spec)
    return None if most == NO_LIMIT else Area(most)


@cache
def _words() -> dict[bytes, frozenset[bytes]]:
    """Return by name of the command what may stand where its options do."""
    found: dict[bytes, frozenset[bytes]] = {}
    for full, words in words_by_command().items():
        name, _, inner = full.partition(b" ")
        known = {*words, *_TYPES} if name == b"BITFIELD" else set(words)
        found[name] = found.get(name, frozenset()) | known | ({inner} if inner else set())
    return found


def may_hold_unknown_forms(tally: TailTally) -> bool:
    """Tell whether commands are among those counted that have room for an option, or too many arguments."""
    for key, row in tally.rows.items():
        if key.name == OTHER_NAMES:
            return True
        if row.most_argc <= STARTS.get(key.name, 0):
            continue  # known without the table of words, which takes as long to read as a small log
        area = _area_of(key.name)
        if area is None or row.most_argc <= area.start:
            continue
        if area.end is not AreaEnd.AT_ONCE or row.least_argc != row.most_argc:
            return True
        if (row.most_argc - area.start) % area.size:
            return True
    return False
