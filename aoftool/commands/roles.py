"""Which arguments of a command are keys, which are data, and which only say how.

Serves the hiding of data, so it errs on one side: what the table below does not describe is data. Knows
the shape of commands; refuses to know what they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache

from aoftool.commands.table import lookup, lookup_argv

__all__ = ["ArgumentRole", "argument_roles", "entry_id_of", "key_arguments", "keys_of"]


class ArgumentRole(Enum):
    """What an argument is: a key, data, or part of the command's own language."""

    KEY = "key"
    DATA = "data"
    SYNTAX = "syntax"


_KEY, _DATA, _SYNTAX = ArgumentRole.KEY, ArgumentRole.DATA, ArgumentRole.SYNTAX

# One letter for each argument behind the name (and the subcommand): `s` syntax, `d` data; keys are told
# by the command table whatever stands here. The last letter goes for all that follow.
_SHAPES: dict[str, str] = {
    "s": "SELECT SWAPDB MULTI EXEC DISCARD WATCH FLUSHALL FLUSHDB DEL UNLINK EXPIRE PEXPIRE EXPIREAT"
    " PEXPIREAT PERSIST RENAME RENAMENX MOVE COPY INCR DECR GETDEL GETEX BITOP PFMERGE PFCOUNT PFDEBUG"
    " LTRIM LPOP RPOP RPOPLPUSH LMOVE BLMOVE BRPOPLPUSH BLPOP BRPOP LMPOP BLMPOP SPOP SINTERSTORE"
    " SUNIONSTORE SDIFFSTORE ZREMRANGEBYRANK ZPOPMIN ZPOPMAX BZPOPMIN BZPOPMAX ZMPOP BZMPOP ZUNIONSTORE"
    " ZINTERSTORE ZDIFFSTORE XTRIM XDEL XDELEX XSETID XCFGSET TOUCH CLUSTER TRIMSLOTS SFLUSH"
    " ARDEL ARDELRANGE ARSEEK",
    "d": "SETNX GETSET APPEND MSET MSETNX LPUSH RPUSH LPUSHX RPUSHX SADD SREM ZREM PFADD HSET HMSET HSETNX"
    " HDEL HINCRBY HINCRBYFLOAT ZINCRBY INCRBY DECRBY INCRBYFLOAT ZREMRANGEBYSCORE ZREMRANGEBYLEX SMOVE",
    "ssd": "DELEX SETEX PSETEX SETRANGE SETBIT LSET LREM LINSERT",
    "ssds": "RESTORE RESTORE-ASKING",
    "sdds": "XCLAIM XAUTOCLAIM XIDMPRECORD",
    "sddss": "GEORADIUS",
    "sds": "SET GEORADIUSBYMEMBER XACK XACKDEL XNACK",
}
_SHAPE_OF = {name.encode(): shape for shape, names in _SHAPES.items() for name in names.split()}
_SUBCOMMAND_SHAPES = {
    (b"XGROUP", b"CREATE"): "sds",
    (b"XGROUP", b"SETID"): "sds",
    (b"XGROUP", b"DESTROY"): "sd",
    (b"XGROUP", b"CREATECONSUMER"): "sd",
    (b"XGROUP", b"DELCONSUMER"): "sd",
    (b"FUNCTION", b"FLUSH"): "s",
    (b"SCRIPT", b"FLUSH"): "s",
}
# Words behind which arguments are data, though the shape says syntax.
_DATA_BEHIND = {
    b"IFEQ": 1,
    b"IFNE": 1,
    b"IFDEQ": 1,
    b"IFDNE": 1,
    b"IDMP": 2,
    b"IDMPAUTO": 1,
    b"FROMMEMBER": 1,
    b"FROMLONLAT": 2,
    b"GROUP": 2,
}
_KEYS_BEHIND = {b"SORT": (b"BY", b"GET")}
_OPENED_BY_FIELDS = frozenset(b"HEXPIRE HPEXPIRE HEXPIREAT HPEXPIREAT HPERSIST HSETEX HGETEX HGETDEL".split())
_ZADD_WORDS = frozenset(b"NX XX GT LT CH INCR".split())
_XADD_WORDS = {
    b"NOMKSTREAM": 0, b"KEEPREF": 0, b"DELREF": 0, b"ACKED": 0, b"MAXLEN": 1, b"MINID": 1, b"LIMIT": 1,
    b"IDMP": 2, b"IDMPAUTO": 1,
}  # fmt: skip
_RANGES_OF_DATA = frozenset((b"BYSCORE", b"BYLEX"))


def key_arguments(argv: Sequence[bytes]) -> list[int]:
    """Return the positions of the keys in a command, ascending; none for an unknown command."""
    spec = lookup_argv(argv)
    return [] if spec is None else spec.keys(argv)


def keys_of(argv: Sequence[bytes]) -> list[bytes]:
    """Return the keys of a command; of an unknown command any argument may be one."""
    if lookup(argv[0]) is None:
        return list(argv[1:])
    return [argv[at] for at in key_arguments(argv)]


@lru_cache(1024)
def begins_with_key(name: bytes) -> bool:
    """Tell whether the first argument of a command, its name in upper case, is a key wherever it has any."""
    spec = lookup(name)
    if spec is None or spec.is_container or len(spec.key_rules) != 1:
        return False
    (rule,) = spec.key_rules
    return rule.known and rule.keyword is None and rule.count_at is None and rule.index == 1


def argument_roles(argv: Sequence[bytes]) -> list[ArgumentRole]:
    """Return the role of every argument, the name first; all of an unknown command is data."""
    if not argv:
        return []
    name, count = argv[0].upper(), len(argv)
    spec = lookup(name)
    if spec is None:
        return [_DATA] * count
    roles = [_SYNTAX, *_shaped(name, argv)]
    sub = spec.find_subcommand(argv[1]) if spec.is_container and count > 1 else None
    if sub is not None:
        roles[1] = _SYNTAX
    for at in key_arguments(argv):
        roles[at] = _KEY
    _mark_behind_words(name, argv, roles)
    return roles


def _shaped(name: bytes, argv: Sequence[bytes]) -> list[ArgumentRole]:
    """Return the roles of the arguments behind the name, keys aside."""
    count = len(argv)
    if name == b"MSETEX":
        return _pairs_and_words(argv)
    special = _SPECIAL.get(name)
    if special is not None:
        first = special(argv)
        return [_SYNTAX] * (min(first, count) - 1) + [_DATA] * (count - first)
    shape = _SHAPE_OF.get(name, "d")
    if count > 2 and (found := _SUBCOMMAND_SHAPES.get((name, argv[1].upper()))):
        shape = "s" + found
    letters = shape[: count - 1].ljust(count - 1, shape[-1])
    return [_SYNTAX if letter == "s" else _DATA for letter in letters]


def _mark_behind_words(name: bytes, argv: Sequence[bytes], roles: list[ArgumentRole]) -> None:
    """Mark what an option word says the role of."""
    for at, word in enumerate(argv):
        if roles[at] is not _SYNTAX or not at:
            continue
        upper = word.upper()
        for behind in range(at + 1, min(at + 1 + _DATA_BEHIND.get(upper, 0), len(argv))):
            roles[behind] = _DATA
        if upper in _KEYS_BEHIND.get(name, ()) and at + 1 < len(argv):
            roles[at + 1] = _KEY


def _behind_fields(argv: Sequence[bytes]) -> int:
    """Return where the fields of a hash begin: behind FIELDS and their number."""
    at = next((at for at, word in enumerate(argv) if at > 1 and word.upper() == b"FIELDS"), len(argv))
    return min(at + 2, len(argv))


def _behind_flags(argv: Sequence[bytes]) -> int:
    at = 2
    while at < len(argv) and argv[at].upper() in _ZADD_WORDS:
        at += 1
    return at


def entry_id_of(argv: Sequence[bytes]) -> bytes:
    """Return the entry ID of an XADD; empty when there is none."""
    at = _behind_entry_id(argv) - 1
    return argv[at] if at < len(argv) else b""


def _behind_entry_id(argv: Sequence[bytes]) -> int:
    """Return where the fields of XADD begin: behind its options and the entry ID."""
    at = 2
    while at < len(argv) and (taken := _XADD_WORDS.get(argv[at].upper())) is not None:
        trims = argv[at].upper() in (b"MAXLEN", b"MINID")
        at += 1 + taken
        if trims and at < len(argv) and argv[at - 1] in (b"=", b"~"):
            at += 1
    return at + 1


def _range_ends(argv: Sequence[bytes]) -> int:
    """Return where data begins in ZRANGESTORE: only scores and members are data, ranks are not."""
    return 3 if _RANGES_OF_DATA & {word.upper() for word in argv} else len(argv)


def _pairs_and_words(argv: Sequence[bytes]) -> list[ArgumentRole]:
    """Return the roles in MSETEX: a number of pairs, the pairs, then words about time."""
    pairs = int(argv[1]) if len(argv) > 1 and argv[1].isdigit() and len(argv[1]) < 10 else len(argv)
    behind = min(2 * pairs, len(argv) - 2) if len(argv) > 2 else 0
    return ([_SYNTAX] + [_DATA] * behind + [_SYNTAX] * len(argv))[: len(argv) - 1]


def _words_only(argv: Sequence[bytes]) -> int:
    return len(argv)


_SPECIAL = {
    b"ZADD": _behind_flags,
    b"GEOADD": _behind_flags,
    b"XADD": _behind_entry_id,
    b"ZRANGESTORE": _range_ends,
    b"SORT": _words_only,
    b"GEOSEARCHSTORE": _words_only,
    b"XREADGROUP": _words_only,
    **dict.fromkeys(_OPENED_BY_FIELDS, _behind_fields),
}
