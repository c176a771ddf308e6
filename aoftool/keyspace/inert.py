"""Commands that a loader runs and that leave the data set as it is: reads, questions, messages.

Knows names, numbers of arguments and first releases, taken from COMMAND on Redis 6.2.5, 7.0.15,
8.0.6, 8.2.3 and 8.6.3 and on Valkey 8.1.1 and 9.1.2; those of later releases from
their public command reference. A name that is neither here nor among the
handlers is unknown.
"""

from __future__ import annotations

from aoftool.commands.modules import harmless_names
from aoftool.keyspace.context import Argv, Context
from aoftool.keyspace.flavour import Version
from aoftool.keyspace.registry import CommandTable

__all__ = ["TABLE"]

TABLE = CommandTable()

_EVERYWHERE = """
ACL -2 ASKING 1 AUTH -2 BGREWRITEAOF 1 BGSAVE -1 BITCOUNT -2 BITFIELD_RO -2 BITPOS -3 CLIENT -2
COMMAND -1 DBSIZE 1 DUMP 2 ECHO 2 EXISTS -2 FAILOVER -1 GEODIST -4 GEOHASH -2 GEOPOS -2
GEORADIUSBYMEMBER_RO -5 GEORADIUS_RO -6 GEOSEARCH -7 GET 2 GETBIT 3 GETRANGE 4 HELLO -1 HEXISTS 3
HGET 3 HGETALL 2 HKEYS 2 HLEN 2 HMGET -3 HRANDFIELD -2 HSCAN -3 HSTRLEN 3 HVALS 2 INFO -1 KEYS 2
LASTSAVE 1 LATENCY -2 LINDEX 3 LLEN 2 LOLWUT -1 LPOS -3 LRANGE 4 MEMORY -2 MGET -2 MONITOR 1
OBJECT -2 PFSELFTEST 1 PING -1 PSUBSCRIBE -2 PSYNC -3 PTTL 2 PUBLISH 3 PUBSUB -2 PUNSUBSCRIBE -1
RANDOMKEY 1 READONLY 1 READWRITE 1 REPLCONF -1 ROLE 1 SAVE 1 SCAN -2 SCARD 2 SDIFF -2 SINTER -2
SISMEMBER 3 SLOWLOG -2 SMEMBERS 2 SMISMEMBER -3 SRANDMEMBER -2 SSCAN -3 STRLEN 2 SUBSCRIBE -2
SUBSTR 4 SUNION -2 SYNC 1 TIME 1 TOUCH -2 TTL 2 TYPE 2 UNSUBSCRIBE -1 UNWATCH 1 XINFO -2 XLEN 2
XPENDING -3 XRANGE -4 XREAD -4 XREVRANGE -4 ZCARD 2 ZCOUNT 4 ZDIFF -3 ZINTER -3 ZLEXCOUNT 4
ZMSCORE -3 ZRANDMEMBER -2 ZRANGE -4 ZRANGEBYLEX -4 ZRANGEBYSCORE -4 ZRANK -3 ZREVRANGE -4
ZREVRANGEBYLEX -4 ZREVRANGEBYSCORE -4 ZREVRANK -3 ZSCAN -3 ZSCORE 3 ZUNION -3
"""
_SINCE_REDIS_70 = """
EVALSHA_RO -3 EVAL_RO -3 EXPIRETIME 2 FCALL_RO -3 LCS -3 PEXPIRETIME 2 QUIT -1 SINTERCARD -3
SPUBLISH 3 SSUBSCRIBE -2 SUNSUBSCRIBE -1 ZINTERCARD -3
"""
_SINCE_REDIS_72 = "WAITAOF 4"
_SINCE_REDIS_80 = """
VCARD -1 VDIM -1 VEMB -1 VGETATTR -1 VINFO -1 VISMEMBER -1 VLINKS -1 VRANDMEMBER -1 VSIM -1
"""
_SINCE_REDIS_84 = "DIGEST 2 VRANGE -4"
_SINCE_REDIS_86 = "HOTKEYS -2"
_SINCE_REDIS_88 = """
ARCOUNT 2 ARGET 3 ARGETRANGE 4 ARGREP -6 ARINFO -2 ARLASTITEMS -3 ARLEN 2 ARMGET -3 ARNEXT 2 AROP -5
ARSCAN -4
"""
_SINCE_REDIS_810 = "BACKUP 2 SDIFFCARD -3 SUNIONCARD -3"
_SINCE_REDIS_812 = "BITRANGEINTARRAY -4 SEXPIRETIME -5 SPEXPIRETIME -5 SPTTL -5 STTL -5"
_VALKEY_92 = """
PHCARD 2 PHEXISTS 3 PHGET -4 PHGETALL 3 PHLONGEST -3 PHMGET -6 PHPREFIXES -3 PHSCAN -3
"""
_FIELD_TIMES = "HEXPIRETIME -5 HPEXPIRETIME -5 HPTTL -5 HTTL -5"
_VALKEY_81 = "COMMANDLOG -2"
_VALKEY_91 = "CLUSTERSCAN -2"
_REDIS_62_ONLY = "STRALGO -2"


def _do_nothing(ctx: Context, argv: Argv) -> None:
    """Leave everything as it is."""


def _enter(rows: str, redis: Version | None, valkey: Version | None) -> None:
    words = rows.split()
    for name, arity in zip(words[::2], words[1::2], strict=True):
        TABLE.command(name.encode(), int(arity), redis=redis, valkey=valkey)(_do_nothing)


_enter(_EVERYWHERE, (1, 0), (7, 2))
_enter(_SINCE_REDIS_70, (7, 0), (7, 2))
_enter(_SINCE_REDIS_72, (7, 2), (7, 2))
_enter(_SINCE_REDIS_80, (8, 0), None)
_enter(_SINCE_REDIS_84, (8, 4), None)
_enter(_SINCE_REDIS_86, (8, 6), (9, 2))
_enter(_SINCE_REDIS_88, (8, 8), None)
_enter(_SINCE_REDIS_810, (8, 10), None)
_enter(_SINCE_REDIS_812, (8, 12), None)
_enter(_VALKEY_92, None, (9, 2))
_enter(_FIELD_TIMES, (7, 4), (9, 0))
_enter(_VALKEY_81, None, (8, 1))
_enter(_VALKEY_91, None, (9, 1))
_enter(_REDIS_62_ONLY, (1, 0), None)
for _name in harmless_names():
    # A server without the module would stop at them; whoever has them loaded the log past them.
    TABLE.command(_name, -1, redis=(1, 0), valkey=(7, 2))(_do_nothing)
