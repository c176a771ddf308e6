"""Commands whose time grows with the data: what with, and what to use instead.

A command that is not here takes the same time whatever the data; where it is slow, something else is.
Source: the complexity that each page of https://valkey.io/commands/ gives.
"""

from __future__ import annotations

__all__ = ["BY_KEYS", "DELETES", "GROWING", "SENTENCES", "grows", "grows_with"]

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
    "ZREVRANGEBYLEX": ("elements", "its LIMIT"),
    "ZRANGESTORE": ("elements", "shorter ranges"),
    "ZRANDMEMBER": ("the count", "a smaller count"),
    "ZINTERCARD": ("elements of the smallest set", "its LIMIT"),
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
    "GEORADIUSBYMEMBER": ("elements in the area", "its COUNT"),
    "GEORADIUS_RO": ("elements in the area", "its COUNT"),
    "GEORADIUSBYMEMBER_RO": ("elements in the area", "its COUNT"),
    "BITCOUNT": ("bytes", "a range"),
    "BITOP": ("bytes", "shorter values"),
    "BITPOS": ("bytes", "a range"),
    "GETRANGE": ("bytes", "shorter ranges"),
    "SETRANGE": ("bytes", "a smaller offset"),
    "MGET": ("keys", "fewer at once"),
    "MSET": ("keys", "fewer at once"),
    "MSETNX": ("keys", "fewer at once"),
    "PFCOUNT": ("keys", "fewer at once"),
    "PFMERGE": ("keys", "fewer at once"),
    "COPY": ("elements", ""),
    "DUMP": ("elements", ""),
    "RESTORE": ("elements", ""),
    "MIGRATE": ("elements", ""),
    "LCS": ("bytes squared", "on the client"),
    "SAVE": ("all data, which it writes", "BGSAVE: a child then writes"),
    "FLUSHALL": ("all keys", "its ASYNC"),
    "FLUSHDB": ("all keys", "its ASYNC"),
    "DEBUG": ("what it is asked to do", "DEBUG is for tests: keep it from servers in use"),
    "SCRIPT": ("what it runs", ""),
    "EVAL": ("what the script does", "shorter scripts: nothing else runs meanwhile"),
    "EVALSHA": ("what the script does", "shorter scripts: nothing else runs meanwhile"),
    "EVAL_RO": ("what the script does", "shorter scripts: nothing else runs meanwhile"),
    "EVALSHA_RO": ("what the script does", "shorter scripts: nothing else runs meanwhile"),
    "EXEC": ("the commands of the transaction", "shorter transactions: nothing else runs meanwhile"),
    "FCALL": ("what the function does", "shorter functions: nothing else runs meanwhile"),
    "FCALL_RO": ("what the function does", "shorter functions: nothing else runs meanwhile"),
}
"""By name: what its time grows with, and what to use instead."""

DELETES = frozenset(("DEL", "UNLINK", "EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT", "GETDEL"))
"""What can free a large value before it replies."""

_ELEMENTS = ("the elements it is given", "fewer at once")
_VARIADIC = (
    "SADD", "SREM", "SMISMEMBER", "HSET", "HMSET", "HMGET", "HDEL", "ZADD", "ZREM", "ZMSCORE", "LPUSH",
    "RPUSH", "XADD", "XDEL", "XACK", "XCLAIM", "PFADD", "GEOADD",
)  # fmt: skip
GROWING |= dict.fromkeys(_VARIADIC, _ELEMENTS)

BY_KEYS = frozenset(("MGET", "MSET", "MSETNX", "PFCOUNT", "PFMERGE", *_VARIADIC))
"""What takes long only when it is given many keys or elements."""

SENTENCES = frozenset(("DEBUG", "EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "EXEC", "FCALL", "FCALL_RO"))
"""Commands whose alternative is a sentence of its own."""

_OF_MODULES = ("what its module does", "")


def grows_with(command: str) -> tuple[str, str] | None:
    """Return what the time of a command grows with, and what to use instead; None for constant time.

    A command of a module has a dot in its name, and nobody knows here what it does.
    """
    return GROWING.get(command) or (_OF_MODULES if "." in command else None)


def grows(command: str) -> bool:
    """Tell whether its time grows with the data whatever it is given: not only with its arguments."""
    return command not in BY_KEYS and grows_with(command) is not None
