"""Commands whose time grows with the data: what with, and what to use instead.

A command that is not here takes the same time whatever the data; where it is slow, something else is.
Source: the complexity that each page of https://valkey.io/commands/ gives.
"""

from __future__ import annotations

__all__ = ["BY_KEYS", "DELETES", "GROWING", "SENTENCES"]

_SCAN = "HSCAN, SSCAN or ZSCAN, a part at a time"
_STORE = "smaller sets, or keep ready what clients ask for"

GROWING: dict[str, tuple[str, str]] = {
    "KEYS": ("all keys", "SCAN"),
    "SORT": ("the elements it sorts", "a sorted set"),
    "SORT_RO": ("the elements it sorts", "a sorted set"),
    "SMEMBERS": ("members", _SCAN),
    "SUNION": ("members of all sets", _STORE),
    "SUNIONSTORE": ("members of all sets", _STORE),
    "SINTER": ("members of the smallest set", _STORE),
    "SINTERSTORE": ("members of the smallest set", _STORE),
    "SINTERCARD": ("members of the smallest set", "its LIMIT"),
    "SDIFF": ("members of all sets", _STORE),
    "SDIFFSTORE": ("members of all sets", _STORE),
    "SRANDMEMBER": ("the count", "a smaller count"),
    "SPOP": ("the count", "a smaller count"),
    "HGETALL": ("fields", _SCAN),
    "HKEYS": ("fields", _SCAN),
    "HVALS": ("fields", _SCAN),
    "HRANDFIELD": ("the count", "a smaller count"),
    "LRANGE": ("elements", "shorter ranges"),
    "LREM": ("the length of the list", "a set or sorted set"),
    "LINSERT": ("the length of the list", "a sorted set"),
    "LINDEX": ("the length of the list", "a sorted set"),
    "LSET": ("the length of the list", "a sorted set"),
    "LPOS": ("the length of the list", "its MAXLEN"),
    "LTRIM": ("elements removed", "trim more often"),
    "ZRANGE": ("elements", "shorter ranges"),
    "ZRANGEBYSCORE": ("elements", "its LIMIT"),
    "ZRANGEBYLEX": ("elements", "its LIMIT"),
    "ZREVRANGE": ("elements", "shorter ranges"),
    "ZREVRANGEBYSCORE": ("elements", "its LIMIT"),
    "ZRANGESTORE": ("elements", "shorter ranges"),
    "ZREMRANGEBYSCORE": ("elements removed", "smaller ranges"),
    "ZREMRANGEBYRANK": ("elements removed", "smaller ranges"),
    "ZREMRANGEBYLEX": ("elements removed", "smaller ranges"),
    "ZUNION": ("elements of all sets", _STORE),
    "ZUNIONSTORE": ("elements of all sets", _STORE),
    "ZINTER": ("elements of the smallest set", _STORE),
    "ZINTERSTORE": ("elements of the smallest set", _STORE),
    "ZDIFF": ("elements of all sets", _STORE),
    "ZDIFFSTORE": ("elements of all sets", _STORE),
    "XRANGE": ("entries", "its COUNT"),
    "XREVRANGE": ("entries", "its COUNT"),
    "XREAD": ("entries", "its COUNT"),
    "XREADGROUP": ("entries", "its COUNT"),
    "XTRIM": ("entries removed", "~ with MAXLEN"),
    "GEORADIUS": ("elements in the area", "its COUNT"),
    "GEOSEARCH": ("elements in the area", "its COUNT"),
    "GEOSEARCHSTORE": ("elements in the area", "its COUNT"),
    "BITCOUNT": ("bytes", "a range"),
    "BITOP": ("bytes", "shorter values"),
    "BITPOS": ("bytes", "a range"),
    "GETRANGE": ("bytes", "shorter ranges"),
    "SETRANGE": ("bytes", "a smaller offset"),
    "MGET": ("keys", "fewer at once"),
    "MSET": ("keys", "fewer at once"),
    "PFCOUNT": ("keys", "fewer at once"),
    "PFMERGE": ("keys", "fewer at once"),
    "COPY": ("elements", ""),
    "DUMP": ("elements", ""),
    "RESTORE": ("elements", ""),
    "MIGRATE": ("elements", ""),
    "LCS": ("bytes squared", "on the client"),
    "FLUSHALL": ("all keys", "its ASYNC"),
    "FLUSHDB": ("all keys", "its ASYNC"),
    "DEBUG": ("what it is asked to do", "DEBUG is for tests: keep it from servers in use"),
    "SCRIPT": ("what it runs", ""),
    "EVAL": ("what the script does", "shorter scripts: nothing else runs meanwhile"),
    "EVALSHA": ("what the script does", "shorter scripts: nothing else runs meanwhile"),
    "EVAL_RO": ("what the script does", "shorter scripts: nothing else runs meanwhile"),
    "EVALSHA_RO": ("what the script does", "shorter scripts: nothing else runs meanwhile"),
    "FCALL": ("what the function does", "shorter functions: nothing else runs meanwhile"),
    "FCALL_RO": ("what the function does", "shorter functions: nothing else runs meanwhile"),
}
"""By name: what its time grows with, and what to use instead."""

DELETES = frozenset(("DEL", "UNLINK", "EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT", "GETDEL"))
"""What can free a large value before it replies."""

BY_KEYS = frozenset(("MGET", "MSET", "MSETNX", "PFCOUNT", "PFMERGE"))
"""What takes long only when it is given many keys."""

SENTENCES = frozenset(("DEBUG", "EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO"))
"""Commands whose alternative is a sentence of its own."""
