"""Commands that Redis runs unharmed although arguments are missing.

Loaders of Redis, up to the newest known, hand a command to its code without counting the arguments. Code that
counts for itself answers with an error, which a loader ignores; other code reads what lies behind the last
argument, which mostly ends in signal 11 and now and then in an error, as the memory there has it.

Source: measured on Redis 6.2.14, 7.0.15, 8.0.6 and 8.6.3, each command in up to six valid forms with every
argument, every two and every tail left out, its keys present. What any of them did not outlive is not here.
"""

from __future__ import annotations

__all__ = ["LEAST", "answers_with_error"]

# By the least number of arguments, the names counted, from which on the code answers whatever is missing.
_NAMES = {
    1: """
        BLPOP BRPOP BZPOPMAX BZPOPMIN DEL EXISTS GEOADD HMSET HSET MGET MSET MSETNX PSUBSCRIBE
        SPUBLISH SSUBSCRIBE SUBSCRIBE SUNION TOUCH UNLINK WATCH XADD XPENDING XREAD XREADGROUP XTRIM
        ZADD ZINCRBY
    """,
    2: """
        ACL|DELUSER ACL|DRYRUN ACL|GETUSER ACL|SETUSER CLIENT|CACHING CLIENT|KILL CLIENT|NO-EVICT
        CLIENT|PAUSE CLIENT|REPLY CLIENT|SETNAME CLIENT|TRACKING CLIENT|UNBLOCK CLUSTER|ADDSLOTS
        CLUSTER|ADDSLOTSRANGE CLUSTER|COUNT-FAILURE-REPORTS CLUSTER|COUNTKEYSINSLOT CLUSTER|DELSLOTS
        CLUSTER|DELSLOTSRANGE CLUSTER|FORGET CLUSTER|GETKEYSINSLOT CLUSTER|KEYSLOT CLUSTER|MEET
        CLUSTER|REPLICAS CLUSTER|REPLICATE CLUSTER|SET-CONFIG-EPOCH CLUSTER|SETSLOT CLUSTER|SLAVES
        CONFIG|GET CONFIG|SET EVALSHA EVALSHA_RO FCALL FCALL_RO FUNCTION|LOAD GEOSEARCH HDEL HMGET
        LATENCY|GRAPH LATENCY|HISTORY LMPOP LPUSH LPUSHX MEMORY|USAGE MODULE|LOAD MODULE|LOADEX
        MODULE|UNLOAD OBJECT|ENCODING OBJECT|FREQ OBJECT|IDLETIME OBJECT|REFCOUNT PUBLISH RPUSH
        RPUSHX SCRIPT|DEBUG SCRIPT|EXISTS SCRIPT|LOAD SINTERCARD SMISMEMBER SREM SUNIONSTORE XDEL
        XGROUP|CREATE XGROUP|CREATECONSUMER XGROUP|DELCONSUMER XGROUP|DESTROY XGROUP|SETID ZDIFF
        ZINTER ZINTERCARD ZMPOP ZMSCORE ZREM ZUNION
    """,
    3: """
        BITOP BLMPOP BZMPOP GEOSEARCHSTORE HEXPIRETIME HGETDEL HGETEX HPERSIST HPEXPIRETIME HPTTL
        HTTL XACK XINFO|CONSUMERS ZDIFFSTORE ZINTERSTORE ZUNIONSTORE
    """,
    4: """
        HSETEX XCLAIM
    """,
}

LEAST = {name: least for least, names in _NAMES.items() for name in names.split()}
"""The same by name."""


def answers_with_error(name: str, argc: int) -> bool:
    """Tell whether the code of a command certainly notices that arguments are missing.

    Args:
        name: in upper case, a subcommand behind a bar: `XGROUP|CREATE`.
        argc: number of arguments that are there, its names counted.
    """
    least = LEAST.get(name)
    return least is not None and argc >= least
