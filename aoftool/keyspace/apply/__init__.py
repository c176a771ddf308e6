"""One module of command handlers for each value type; `TABLES` lists them all."""

from aoftool.keyspace.apply import (
    bitmaps,
    conditions,
    functions,
    geo,
    hash_expiry,
    hashes,
    hyperloglog,
    keys,
    lists,
    server,
    sets,
    sort,
    stream_claims,
    stream_groups,
    stream_idmp,
    stream_refs,
    streams,
    strings,
    zset_stores,
    zsets,
)

__all__ = ["TABLES"]

TABLES = (
    strings.TABLE,
    conditions.TABLE,
    bitmaps.TABLE,
    hyperloglog.TABLE,
    lists.TABLE,
    sets.TABLE,
    zsets.TABLE,
    zset_stores.TABLE,
    geo.TABLE,
    hashes.TABLE,
    hash_expiry.TABLE,
    streams.TABLE,
    stream_groups.TABLE,
    stream_refs.TABLE,
    stream_idmp.TABLE,
    stream_claims.TABLE,
    keys.TABLE,
    sort.TABLE,
    functions.TABLE,
    server.TABLE,
)
