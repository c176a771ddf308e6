"""What a loader sees of a log, as data: the facts that `aoftool.check.loaders.simulate` simulates over.

Made by `aoftool.check.loaders.view`; nothing here knows what a server does with it.
"""

from __future__ import annotations

from enum import Enum

from aoftool.check.exam_model import RdbFault
from aoftool.databases import DEFAULT_DATABASES
from aoftool.dataclass import dataclass

__all__ = ["NEVER", "Ending", "Event", "EventKind", "LoaderFile", "LoaderLog", "RdbFacts"]

NEVER = 1 << 62
"""Where a queued command runs that no EXEC follows."""


class EventKind(str, Enum):
    """Name what a loader meets in the command stream before its end."""

    ANNOTATION = "annotation"
    LONG_LINE = "long-line"
    UNKNOWN_COMMAND = "unknown-command"
    UNKNOWN_SUBCOMMAND = "unknown-subcommand"
    WRONG_ARITY = "wrong-arity"
    DISCARD_IN_MULTI = "discard-in-multi"
    HURTFUL = "hurtful"
    SCRIPT = "script"


@dataclass(frozen=True)
class Event:
    """The first place where something of its kind and name happens.

    Attributes:
        offset: start of the command.
        name: command name as it stands in the file, printable.
        arguments: its further arguments, printable and short, for the message.
        targets: names of the targets it concerns; empty for all.
        detail: more for the message.
        short: arguments are missing, where a wrong number of them is the matter.
        runs_at: start of the EXEC that runs it, `NEVER` without one; None outside transactions.
        afterwards: what it leads to comes when everything is loaded.
        answered: the command's own code answers with an error when so many arguments are missing.
    """

    kind: EventKind
    offset: int
    name: str = ""
    arguments: tuple[str, ...] = ()
    targets: frozenset[str] = frozenset()
    detail: str = ""
    short: bool = False
    runs_at: int | None = None
    afterwards: bool = False
    answered: bool = False


class Ending(str, Enum):
    """Say how the command stream of one file ends for a loader."""

    CLEAN = "clean"
    SHORT = "short"
    BAD_FORMAT = "bad-format"
    NULL_BULK = "null-bulk"
    HUGE = "huge"


@dataclass(frozen=True)
class RdbFacts:
    """What the RDB part of a file looks like to a loader.

    Attributes:
        magic: `REDIS` or `VALKEY`.
        version: its number.
        truncated: the file ends inside it.
        broken: it cannot be read to its end; the text says where and why.
        checksum: stored and computed, when they differ.
        unknown_to: targets that do not know a type or opcode in it, with its number and where it comes first.
        keys: keys it holds.
        expiring: keys in it have an expire time.
        faults: what else a loader meets in it, by offset.
        values_read: its values were looked into; else some of the faults may have been missed.
    """

    magic: str
    version: int
    truncated: bool = False
    broken: str = ""
    checksum: tuple[int, int] | None = None
    unknown_to: tuple[tuple[str, int, int], ...] = ()
    keys: int = 0
    expiring: bool = False
    faults: tuple[RdbFault, ...] = ()
    values_read: bool = True


@dataclass(frozen=True)
class LoaderFile:
    """One file of the log, as far as a loader looks.

    Attributes:
        name: file name in messages.
        path: where it is.
        size_bytes: 0 for an empty file, which loaders skip.
        head: its first 9 bytes.
        rdb: its RDB part, None when it has none.
        enveloped: that part is compressed whole, as Valkey 9.2 writes it.
        events: what happens on the way, by offset.
        ending: how the stream ends.
        ends_at: offset of the command that could not be read, or the end of the file.
        valid_up_to: end of the last command a loader runs, before it fails or ends.
        declared: the argument length that was torn, else 0.
        open_multi: start of the transaction that is open there, else None.
        rdb_part: it was taken apart as an RDB, so that its start is no command.
        command_stream: there is a command stream at all.
        directory: there is a directory of that name.
        old_style: it has the name that the server is configured with, without number or kind.
    """

    name: str
    path: str
    size_bytes: int
    head: bytes = b""
    rdb: RdbFacts | None = None
    enveloped: bool = False
    events: tuple[Event, ...] = ()
    ending: Ending = Ending.CLEAN
    ends_at: int = 0
    valid_up_to: int = 0
    declared: int = 0
    open_multi: int | None = None
    rdb_part: bool = False
    command_stream: bool = True
    directory: bool = False
    old_style: bool = True


@dataclass(frozen=True)
class LoaderLog:
    """What a loader sees of a log.

    Attributes:
        multi_part: there is a manifest, or a directory that should have one.
        files: base and incr files in load order.
        manifest_error: message and line (0: none) of the first fault in the manifest.
        manifest_path: the manifest.
        missing: names of listed files that are absent.
        starts_empty: no manifest entry names a file, although data files may be there.
        notes: what every server does in silence.
        dump: it is a snapshot, which servers load as `dump.rdb`.
        databases: the `databases` setting of the server.
    """

    multi_part: bool
    files: tuple[LoaderFile, ...] = ()
    manifest_error: tuple[str, int, str] | None = None
    manifest_path: str = ""
    missing: tuple[str, ...] = ()
    starts_empty: str = ""
    notes: tuple[str, ...] = ()
    dump: bool = False
    databases: int = DEFAULT_DATABASES
