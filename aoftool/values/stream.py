"""A stream value with its consumer groups and pending entries."""

from __future__ import annotations

from collections import deque
from itertools import islice

from aoftool.dataclass import dataclass, field, replace
from aoftool.namedtuple import NamedTuple

__all__ = [
    "IDMP_DURATION_S",
    "IDMP_MAX_ENTRIES",
    "Consumer",
    "ConsumerGroup",
    "PendingEntry",
    "StreamId",
    "StreamIdmp",
    "StreamValue",
]

IDMP_DURATION_S = 100
"""What a stream of Redis 8.6 starts with: stream-idmp-duration as it is shipped, in seconds."""

IDMP_MAX_ENTRIES = 100
"""What a stream of Redis 8.6 starts with: stream-idmp-maxsize as it is shipped."""


class StreamId(NamedTuple):
    """An entry ID: milliseconds and sequence, both unsigned 64 bit; tuples compare as IDs do."""

    ms: int
    seq: int

    def encode(self) -> bytes:
        """Return the text form, such as `b"1526919030474-55"`."""
        return b"%d-%d" % self


_ZERO_ID = StreamId(0, 0)


@dataclass(slots=True)
class PendingEntry:
    """An entry delivered to a consumer and not yet acknowledged (one row of the PEL)."""

    consumer: bytes
    delivery_time_ms: int
    delivery_count: int


@dataclass(slots=True)
class Consumer:
    """A consumer of a group. Times are Unix ms; `active_time_ms` is -1 for never, None when the
    format it came from does not have the field."""

    seen_time_ms: int = 0
    active_time_ms: int | None = None


@dataclass(slots=True)
class ConsumerGroup:
    """A consumer group.

    Attributes:
        last_id: last delivered ID.
        entries_read: logical read counter; None when unknown (the server's -1).
        consumers: name to consumer, in order of creation.
        pel: ID to pending entry; `PendingEntry.consumer` names a key of `consumers`.
    """

    last_id: StreamId = _ZERO_ID
    entries_read: int | None = None
    consumers: dict[bytes, Consumer] = field(default_factory=dict)
    pel: dict[StreamId, PendingEntry] = field(default_factory=dict)


@dataclass(slots=True)
class StreamIdmp:
    """What a stream of Redis 8.6 and later knows of producers that may send an entry twice.

    Attributes:
        duration_s: seconds that an idempotent ID is remembered.
        max_entries: idempotent IDs remembered for one producer at most; the oldest leaves first.
        producers: producer ID to its idempotent IDs, oldest first, each with the ID of its entry, which may
            be gone by now.
        iids_added: idempotent IDs ever remembered.
        iids_duplicates: entries refused for an idempotent ID that was there.
    """

    duration_s: int = IDMP_DURATION_S
    max_entries: int = IDMP_MAX_ENTRIES
    producers: dict[bytes, dict[bytes, StreamId]] = field(default_factory=dict)
    iids_added: int = 0
    iids_duplicates: int = 0

    def is_plain(self) -> bool:
        """Tell whether this is how every stream starts, so that None says the same."""
        return self == StreamIdmp()

    def copy(self) -> StreamIdmp:
        """Return a copy that shares nothing that can change."""
        return replace(self, producers={name: dict(ids) for name, ids in self.producers.items()})


@dataclass(slots=True)
class StreamValue:
    """A stream.

    Who takes entries from the front uses `first_id_held`, `count_below` and `drop_first`: finding
    the first key of a dict whose front was emptied costs more each time. Once they were used,
    entries are added by `append`; removing single entries from `entries` stays allowed.

    Attributes:
        entries: live entries, ascending by ID; each is a tuple of (field, value) pairs, fields may
            repeat.
        last_id: greatest ID ever added.
        max_deleted_id: greatest ID removed by XDEL (0-0 when none).
        entries_added: entries added in the stream's life.
        first_id: the ID the RDB names as first entry, only for checking; None when not known.
        groups: name to group, in order of creation.
        idmp: idempotent producers; None where nothing of it differs from how a stream starts, and wherever
            the server knows none.
        tail: raw bytes of parts that are not held here (IDs given back in a group, RDB type 27): whoever
            writes the value refuses it then; empty otherwise.
    """

    entries: dict[StreamId, tuple[tuple[bytes, bytes], ...]] = field(default_factory=dict)
    last_id: StreamId = _ZERO_ID
    max_deleted_id: StreamId = _ZERO_ID
    entries_added: int = 0
    first_id: StreamId | None = None
    groups: dict[bytes, ConsumerGroup] = field(default_factory=dict)
    idmp: StreamIdmp | None = None
    tail: bytes = b""
    _front: deque[StreamId] | None = field(default=None, init=False, repr=False, compare=False)

    def append(self, entry_id: StreamId, fields: tuple[tuple[bytes, bytes], ...]) -> None:
        """Add an entry whose ID is above all others; the counters are the caller's business."""
        self.entries[entry_id] = fields
        if self._front is not None:
            self._front.append(entry_id)

    def first_id_held(self) -> StreamId | None:
        """Return the ID of the first entry, None when there is none."""
        if not self.entries:
            return None
        front = self._ids()
        while front[0] not in self.entries:
            front.popleft()
        return front[0]

    def count_below(self, entry_id: StreamId) -> int:
        """Return how many entries have smaller IDs; cheap when these are few."""
        count = 0
        for held in self._ids():
            if held >= entry_id:
                break
            count += held in self.entries
        return count

    def ids_up_to(self, entry_id: StreamId, count: int) -> list[StreamId]:
        """Return at most that many IDs, the last of them the first that is not below `entry_id`.

        Empty when all are below.
        """
        found: deque[StreamId] = deque(maxlen=count)
        for held in self._ids():
            if held in self.entries:
                found.append(held)
                if held >= entry_id:
                    return list(found)
        return []

    def drop_first(self, count: int) -> None:
        """Remove that many entries from the front."""
        if count * 2 > len(self.entries):
            self.entries = dict(islice(self.entries.items(), count, None))
            self._front = None
            return
        front = self._ids()
        while count:
            if self.entries.pop(front.popleft(), None) is not None:
                count -= 1

    def _ids(self) -> deque[StreamId]:
        """Return the IDs of all entries in order, with some that are gone among them."""
        if self._front is None:
            self._front = deque(self.entries)
        return self._front
