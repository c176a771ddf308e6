"""A data set that obeys commands as a server's loader does."""

from aoftool.keyspace.database import Database, Entry
from aoftool.keyspace.engine import ChangeObserver, Keyspace
from aoftool.keyspace.flavour import FLAVOURS, Flavour, flavour_named
from aoftool.keyspace.libraries import Library
from aoftool.keyspace.refusal import OpaqueCommandError, Refusal, ReplayStopError

__all__ = [
    "FLAVOURS",
    "ChangeObserver",
    "Database",
    "Entry",
    "Flavour",
    "Keyspace",
    "Library",
    "OpaqueCommandError",
    "Refusal",
    "ReplayStopError",
    "flavour_named",
]
