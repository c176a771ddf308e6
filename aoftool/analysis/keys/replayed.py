"""The keys of a log in which plain keys stand beside those of modules, or whole slots are emptied.

Such commands can be followed command by command, and not by the fast replay, which looks at what is alive
only. The values of modules are not known: their keys are listed by name, type and expire time.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from itertools import islice

from aoftool.analysis.keys.measure import EXPIRE_BYTES, Measure, elements_of
from aoftool.analysis.keys.model import KNOWN_TO_MODULE, NOT_KNOWN, KeyRow
from aoftool.aof.model import Log
from aoftool.commands.table import lookup
from aoftool.databases import setting_words
from aoftool.errors import NotJudgedError, UnsupportedError
from aoftool.escape import excerpt, excerpt_key, printable, shown_base
from aoftool.keyspace.engine import Keyspace
from aoftool.keyspace.selection import KeySelection
from aoftool.next_step import next_step
from aoftool.progress import Progress, no_progress
from aoftool.rdb.losses import member_note
from aoftool.replay.log_replay import LogReplay
from aoftool.replay.writer import target_of
from aoftool.replay.writer_model import Writer
from aoftool.values import ModuleValue, Value, type_name
from aoftool.values.module import UnknownValue

__all__ = ["ReplayedKeys"]

_MEMBERS_SHOWN = 5
_Write = tuple[int, int, bytes, int]
"""Number of the file and offset of the last command that wrote a key, its name, and how many there were."""


class ReplayedKeys:
    """Iterate over the selected keys of a log, database by database; once.

    Args:
        until: (file number, offset): the data before the command there.
        until_s: the data at the end of that second of `#TS`.
        torn_bytes: of a last command that is torn, which a server drops.

    Raises:
        UnsupportedError: a command may do anything, so the keys behind it are not known.
    """

    is_stored = False
    has_tail = False
    stop = None

    def __init__(
        self,
        log: Log,
        selection: KeySelection,
        *,
        until: tuple[int, int] | None = None,
        until_s: int | None = None,
        written_by: str | None = None,
        min_size_bytes: int = 0,
        values: bool = False,
        limit: int | None = None,
        torn_bytes: int = 0,
        progress: Progress = no_progress,
    ) -> None:
        self._log, self._selection = log, selection
        self._replay = LogReplay(
            log,
            until=until,
            until_s=until_s,
            written_by=written_by,
            told_of=selection.may_admit,
            progress=progress,
        )
        self._min_size, self._with_values, self._limit = min_size_bytes, values, limit
        self._writes: dict[tuple[int, bytes], _Write] = {}
        self._at: tuple[int, int, bytes] = (0, 0, b"")
        self.shown = 0
        self.notes: list[str] = []
        self.empty = 0
        self.unknown = 0
        self.torn_bytes = torn_bytes

    @property
    def setting(self) -> str:
        """Say that the log needs more databases than servers have by default; empty where it does not."""
        return setting_words(len(self._replay.keyspace.databases), self._selection.databases)

    @property
    def writer(self) -> Writer:
        """Who wrote the log, as which it is replayed."""
        return self._replay.writer

    def keys_changed(self, command_index: int, db: int, keys: Sequence[bytes]) -> None:
        """Note which command wrote keys."""
        file, offset, name = self._at
        for key in dict.fromkeys(keys):
            count = self._writes[db, key][3] if (db, key) in self._writes else 0
            self._writes[db, key] = (file, offset, name, count + bool(name))

    def json_lines(self) -> None:
        """Return nothing: there is no faster way than row by row."""

    def __iter__(self) -> Iterator[KeyRow]:
        self._run()
        measure = Measure(target_of(self.writer.release), compress=True)
        for db, database in enumerate(self._replay.keyspace.databases):
            for key, entry in database.entries():
                row = self._row(db, key, entry.value, entry.expire_at_ms, measure)
                if row.size_bytes < self._min_size or not self._selection.admits(
                    db, key, row.type_name, row.expire_at_ms
                ):
                    continue
                self.shown += 1
                yield row
                if self.shown == self._limit:
                    return

    def _run(self) -> None:
        replay = self._replay
        replay.keyspace.observe(self)
        for file, command in replay:
            self._at = (file, command.offset, command.name)
        self.notes = [*replay.end.notes, *_member_notes(replay.keyspace, self._selection)]
        self.unknown = sum(self._selection.may_admit(*place) for place in replay.keyspace.unknown_keys)
        if replay.stopped is not None:
            self._refuse()

    def _refuse(self) -> None:
        assert self._replay.stopped_at is not None
        number, command = self._replay.stopped_at
        offset = command.offset
        path = self._log.files[number].path
        name = shlex.quote(shown_base(path))
        known = self._replay.unknown is None and lookup(command.argv[0]) is not None
        error = UnsupportedError if known else NotJudgedError
        before = next_step("keys", self._log.path, f"--at {name}:{offset}")
        run = next_step("rewrite", self._log.path, "--engine server", "-o OUT")
        raise error(
            f"the keys behind {self._replay.stopped} are not known",
            path=path,
            offset=offset,
            hint=f"{before}\n{run}",
        )

    def _row(self, db: int, key: bytes, value: Value, expire_at_ms: int | None, measure: Measure) -> KeyRow:
        file, offset, command, writes = self._writes.get((db, key), (0, 0, b"", 0))
        stands_in = isinstance(value, ModuleValue) and not value.is_known
        if stands_in:
            assert isinstance(value, ModuleValue)
            kind, encoding, size = type_name(value), value.module_name, 0
            problem: str | None = NOT_KNOWN if isinstance(value, UnknownValue) else KNOWN_TO_MODULE
        else:
            kind, encoding, size, problem = measure.of(key, value)
            size += 0 if expire_at_ms is None else EXPIRE_BYTES
        return KeyRow(
            db=db,
            key=key,
            type_name=kind,
            encoding=encoding,
            elements=elements_of(value),
            size_bytes=size,
            expire_at_ms=expire_at_ms,
            file=printable(self._log.files[file].name or os.fsencode(self._log.files[file].path)),
            offset=offset,
            value=value if self._with_values and not stands_in else None,
            problem=problem,
            command=command or None,
            writes=writes,
        )


def _member_notes(keyspace: Keyspace, selection: KeySelection) -> list[str]:
    """Tell of expire times of members, which only KeyDB keeps; the first few by name."""
    times = {place: at for place, at in keyspace.member_times.items() if selection.may_admit(*place[:2])}
    if not times:
        return []
    some = [
        (f"{excerpt(member)} of {excerpt_key(key)} (db {db})", at_ms)
        for (db, key, member), at_ms in islice(times.items(), _MEMBERS_SHOWN)
    ]
    return [member_note(len(times), some)]
