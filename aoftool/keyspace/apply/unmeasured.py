"""Writes of releases that no server was at hand for: known by name, never executed.

Who replays a log stops at them by name, and a rewrite carries them as they are. Source: the public command
reference of Redis 8.8 to 8.12 and of Valkey 9.2.
"""

from __future__ import annotations

from aoftool.keyspace.context import Argv, CannotFollow, Context
from aoftool.keyspace.flavour import Version
from aoftool.keyspace.registry import CommandTable

__all__ = ["TABLE"]

TABLE = CommandTable()

_REDIS: dict[Version, str] = {
    (8, 8): "INCREX XNACK ARDEL ARDELRANGE ARINSERT ARMSET ARRING ARSEEK ARSET",
    (8, 10): "HIMPORT LMOVEM BLMOVEM",
    (8, 12): "BLESS BZMOVE ZMOVE ZMOVEMEMBER SADDEX SEXPIRE SEXPIREAT SPEXPIRE SPEXPIREAT SPERSIST",
}
_VALKEY: dict[Version, str] = {(9, 2): "PHDEL PHDELPREFIX PHMSET PHSET"}


def _stop(ctx: Context, argv: Argv) -> None:
    raise CannotFollow("opaque", "what it does was not measured on a server, so it is not executed")


for _since, _names in _REDIS.items():
    for _name in _names.split():
        TABLE.command(_name.encode(), -1, redis=_since, valkey=None)(_stop)
for _since, _names in _VALKEY.items():
    for _name in _names.split():
        TABLE.command(_name.encode(), -1, redis=None, valkey=_since)(_stop)
