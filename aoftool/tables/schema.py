"""The tables of a log: their columns, types and meanings. Plain data, from which docs/export.md is made.

Columns are only ever added, at the end of a table. What fills them is `aoftool.api.tabling`.
"""

from __future__ import annotations

from enum import Enum

from aoftool.dataclass import dataclass

__all__ = ["TABLES", "Column", "Kind", "Table", "table_named"]


class Kind(str, Enum):
    """The type of a column, by the name of its Arrow type.

    Attributes:
        WORD: one of few words, text as well.
        TEXT: printable text: keys and arguments with everything else escaped, as the verbs show them.
        TIME: Unix time in UTC.
    """

    WORD = "utf8, a word"
    TEXT = "utf8"
    TEXTS = "list<utf8>"
    SHORT = "int32"
    LONG = "int64"
    FLAG = "bool"
    TIME = "timestamp[ms, UTC]"


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        meaning: one line, for people; says when the column is null.
    """

    name: str
    kind: Kind
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes:
        about: what a row is.
    """

    name: str
    about: str
    columns: tuple[Column, ...]

    def only(self, names: frozenset[str] | None) -> Table:
        """Return the table with some of its columns, in their order; None keeps all."""
        if names is None:
            return self
        return Table(self.name, self.about, tuple(c for c in self.columns if c.name in names))

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        return tuple(column.name for column in self.columns)


_TIMES = (
    Column("earliest", Kind.TIME, "not before this; null where nothing says"),
    Column("latest", Kind.TIME, "not after this; null where nothing says"),
    Column("earliest_from", Kind.WORD, "what tells it: `annotation`, `base`, `stream-id`, `expire-time`"),
    Column("latest_from", Kind.WORD, "likewise, or `file-time`"),
)

TABLES = (
    Table(
        "commands",
        "One command of the log, as it stands in a file, up to the first that cannot be read there.",
        (
            Column("file", Kind.WORD, "name of the file"),
            Column("file_number", Kind.SHORT, "its number in load order, from 0"),
            Column("offset", Kind.LONG, "where the command starts in the (decompressed) file"),
            Column("size_bytes", Kind.LONG, "bytes with framing"),
            Column("index", Kind.LONG, "commands before it in the file"),
            Column("time", Kind.TIME, "the last `#TS` before it; null without one"),
            *_TIMES,
            Column("db", Kind.LONG, "database it runs in"),
            Column(
                "txn", Kind.LONG, "number of its transaction in the file, MULTI and EXEC included; 0 outside"
            ),
            Column("name", Kind.TEXT, "upper case, a subcommand behind a blank: `XGROUP CREATE`"),
            Column("kind", Kind.WORD, "`command`, or `framing` for SELECT, MULTI, EXEC and DISCARD"),
            Column("argc", Kind.SHORT, "number of arguments, the name included"),
            Column("key", Kind.TEXT, "its first key; null without one"),
            Column("key_bytes", Kind.LONG, "true length of that key; `key` holds at most 64 KiB of it"),
            Column("key_count", Kind.SHORT, "how many keys it names"),
            Column("other_keys", Kind.TEXTS, "the keys behind the first; null without any"),
            Column("type", Kind.WORD, "type of value that such commands are for; null for DEL and the like"),
            Column(
                "fate", Kind.WORD, "`live`, `trimmed` (some keys are dead) or `dead`; null where not found"
            ),
            Column("cause", Kind.WORD, "why it is dead: `overwritten`, `deleted`, `flushed`, ...; else null"),
            Column(
                "arguments", Kind.TEXTS, "behind the name; null where not asked for, or above 64 KiB together"
            ),
        ),
    ),
    Table(
        "keys",
        "One key of the data at a moment, by default the end of the log.",
        (
            Column("db", Kind.LONG, "database"),
            Column("key", Kind.TEXT, "its name"),
            Column("type", Kind.TEXT, "as TYPE gives it; `unknown` where it is not known"),
            Column("encoding", Kind.TEXT, "how an RDB stores it"),
            Column("elements", Kind.LONG, "members, fields or entries; bytes of a string; null: unknown"),
            Column("size_bytes", Kind.LONG, "as an RDB stores it, name and expire time included"),
            Column("expire_at", Kind.TIME, "when it expires; null for never"),
            Column("file", Kind.TEXT, "where its last write stands"),
            Column("offset", Kind.LONG, "likewise"),
            Column(
                "last_command",
                Kind.TEXT,
                "name of the command that wrote it last; null: a record of the RDB part",
            ),
            Column("writes", Kind.LONG, "commands that wrote it; null where commands were not read"),
        ),
    ),
    Table(
        "files",
        "One file of the log, in load order, then those that a rewrite replaced. No command is read for it.",
        (
            Column("number", Kind.SHORT, "in load order, from 0; null for a replaced one"),
            Column("file", Kind.TEXT, "its name"),
            Column("role", Kind.TEXT, "`base`, `incr`, `single`, `rdb` or `history`"),
            Column("sequence", Kind.LONG, "its number in the manifest; null without one"),
            Column("disk_bytes", Kind.LONG, "on disk, before decompression; null: unknown"),
            Column("written", Kind.TIME, "last write to it; null where it is not there"),
            Column("listed", Kind.FLAG, "whether a manifest names it; true for a file that needs none"),
            Column("exists", Kind.FLAG, "whether it is there and may be read"),
        ),
    ),
    Table(
        "findings",
        "One finding of `aoftool check` (docs/findings.md); no row for a log without any.",
        (
            Column("code", Kind.TEXT, "stable name"),
            Column("severity", Kind.TEXT, "`damage`, `warning` or `note`"),
            Column("path", Kind.TEXT, "the file it is about"),
            Column("start", Kind.LONG, "first byte concerned; null without a place"),
            Column("end", Kind.LONG, "byte behind the last one"),
            Column("command_index", Kind.LONG, "commands of the file before it; null: unknown"),
            Column("line", Kind.LONG, "line of the manifest; null for other files"),
            Column("message", Kind.TEXT, "what is wrong"),
            Column("evidence", Kind.TEXT, "what stands there, printable"),
            Column("remedy", Kind.TEXT, "what can be done first; null for nothing"),
            Column("loses_bytes", Kind.LONG, "what that loses; null for nothing to do"),
        ),
    ),
    Table(
        "events",
        "One event of `aoftool audit`, such as a flush or a mass deletion; 50 of each code at most.",
        (
            Column("code", Kind.TEXT, "such as `flush`"),
            Column("severity", Kind.TEXT, "`high`, `medium` or `info`"),
            Column("file", Kind.TEXT, "where the first command of it stands"),
            Column("offset", Kind.LONG, "likewise"),
            Column("last_offset", Kind.LONG, "where its last command starts; null for a single one"),
            Column("time", Kind.TIME, "the last `#TS` before it; null without one"),
            *(Column(c.name, Kind.TEXT if c.kind is Kind.WORD else c.kind, c.meaning) for c in _TIMES),
            Column("db", Kind.LONG, "null: unknown"),
            Column("name", Kind.TEXT, "of its first command"),
            Column("key", Kind.TEXT, "the first key of that; null without one"),
            Column("commands", Kind.LONG, "how many it is made of"),
            Column("size_bytes", Kind.LONG, "of all of them"),
            Column("common_prefix", Kind.TEXT, "what the keys of a group have in common; null: not asked"),
            Column("keys_lost", Kind.LONG, "what it removed; null where the log was not replayed"),
            Column("text", Kind.TEXT, "what it is, in words"),
        ),
    ),
    Table(
        "growth",
        "What one prefix wrote in one step of the log; rows of nothing are left out.",
        (
            Column("step", Kind.SHORT, "number of the step"),
            Column(
                "start",
                Kind.LONG,
                "Unix seconds where the log has `#TS`, else offset in all files end to end",
            ),
            Column("end", Kind.LONG, "likewise, not included"),
            Column("time", Kind.TIME, "when it begins; null without any time"),
            Column("bound_ms", Kind.LONG, "how far off that may be; null without any time"),
            Column("prefix", Kind.TEXT, "`(other)` for all beyond the first 200"),
            Column("commands", Kind.LONG, "commands"),
            Column("size_bytes", Kind.LONG, "bytes"),
        ),
    ),
)


def table_named(name: str) -> Table:
    """Return a table by its name.

    Raises:
        KeyError: there is none.
    """
    return next((table for table in TABLES if table.name == name), None) or _none(name)


def _none(name: str) -> Table:
    raise KeyError(name)
