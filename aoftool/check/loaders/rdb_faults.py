"""What each server does with a fault inside an RDB part: one table, no code that decides.

Knows the default settings only (`sanitize-dump-payload no`, 16 databases) and reads no file. A part
meets the same loader as `dump.rdb` and as the base of an AOF, so one row serves both; what differs
between the two (bytes behind the end, the header) is known to `aoftool.check.loaders.simulate`.

Redis from 7.0 on and Valkey up to 8.1 look at the frames of blobs only; Valkey 9 looks into every value.
Measured on Redis 6.0.16, 6.2.5, 7.0.15, 7.4.1, 8.0.6, 8.2.3, 8.6.3 and Valkey 8.1.1, 9.1.2.
"""

from __future__ import annotations

from aoftool.check.codes import CODES, severity_of_code
from aoftool.check.model import Outcome, Severity
from aoftool.dataclass import dataclass
from aoftool.releases import NAMES, RELEASES

__all__ = ["LOADS", "Act", "code_of_fault", "fault_act", "fault_acts", "fault_severity", "stops_a_server"]


@dataclass(frozen=True)
class Act:
    """What a server does.

    Attributes:
        text: the message it logs, or for LOAD what happens in silence; may be empty.
    """

    outcome: Outcome
    text: str = ""


@dataclass(frozen=True)
class _Row:
    """The acts of Redis 6, of the servers between, and of Valkey 9.

    Attributes:
        types: type numbers of values it holds for, None for all.
    """

    codes: tuple[str, ...]
    types: frozenset[int] | None
    redis_6: Act
    between: Act
    valkey_9: Act


LOADS = Act(Outcome.LOAD)
_WRONG = Act(Outcome.LOAD, "loads and gives wrong answers")


def _refuse(text: str) -> Act:
    return Act(Outcome.REFUSE, f"Internal error in RDB reading offset 0 -> {text}")


def _same(codes: tuple[str, ...], types: frozenset[int] | None, act: Act) -> _Row:
    return _Row(codes, types, act, act, act)


def _types(*numbers: int) -> frozenset[int]:
    return frozenset(numbers)


_STREAMS = _types(15, 19, 21, 26, 27)
_SHORT = Act(Outcome.REFUSE, "Short read or OOM loading DB. Unrecoverable error, aborting now.")
_TWICE = Act(Outcome.CRASH, "Guru Meditation: Duplicated key found in RDB file")
_DATABASES = Act(
    Outcome.REFUSE,
    "FATAL: Data file was created with a Redis server configured to handle more than 16 databases. Exiting",
)
_FRAME = ("blob-size", "blob-header", "blob-short", "blob-end", "blob-trailing")
_ENTRIES = ("blob-count", "blob-encoding", "blob-backlink", "blob-tail")
_HIDDEN = Act(Outcome.LOAD, "loads; a command that reads the value can crash the server")
_SKIPS = Act(Outcome.LOAD, "rdbLoadObject skipping empty key")
_BLOB_CODES = frozenset({*_FRAME, *_ENTRIES, "zipmap-length", "intset-width"})
_NEWEST_TYPE_OF_6 = 15
_BAD_STREAM = "Stream listpack integrity check failed."
_CHECK = "integrity check failed."
_PEL_OWNER = "Stream CG PEL entry without consumer"
_IF_NEW = Act(Outcome.LOAD, "if no key or function of the RDB part behind other files is there already")
_FUNCTION = _refuse("Failed loading library")
_MAYBE_FUNCTION = Act(
    Outcome.LOAD, "a function library may use `server`, which Redis does not know: it ends if that fails"
)
_MODULE = _refuse("The RDB file contains module data I can't load: no matching module type 'NAME'")
_MODULE_AUX = Act(
    Outcome.REFUSE,
    "The RDB file contains AUX module data I can't load: no matching module 'NAME'",
)
_MUCH_ROOM = Act(
    Outcome.LOAD, "it reserves room for all keys that a RESIZEDB opcode announces, and ends where that fails"
)
_NO_ROOM = Act(Outcome.CRASH, "out of memory: room for all keys that a RESIZEDB opcode announces")
_NO_SLOT_NOTE = _refuse("Unknown RDB encoding type 244")
_NO_FUNCTION = _refuse("Unknown RDB encoding type 245")


def _blob_rows(types: frozenset[int], name: str, *, converted: bool, tail_6: Act = _HIDDEN) -> list[_Row]:
    """Return the rows of one kind of blob; those that are converted at load are always read through."""
    refuse = _refuse(f"{name} {_CHECK}")
    rows = [_same(("blob-size", "blob-end", "blob-header"), types, refuse)]
    if types & _types(10, 12, 13, 14):
        rows.append(_Row(("blob-tail",), types, tail_6, refuse, refuse))
    rows.append(_Row((*_FRAME, *_ENTRIES), types, _HIDDEN, refuse if converted else _HIDDEN, refuse))
    return rows


_ROWS = [
    _same(("rdb-length", "rdb-string", "lzf-invalid", "rdb-variant", "rdb-truncated"), None, _SHORT),
    # Blobs.
    *_blob_rows(_types(10), "List ziplist", converted=True),
    *_blob_rows(_types(14), "Ziplist", converted=True),
    *_blob_rows(_types(13), "Hash ziplist", converted=True),
    *_blob_rows(_types(12), "Zset ziplist", converted=True),
    *_blob_rows(_types(16, 23, 25), "Hash listpack", converted=False),
    *_blob_rows(_types(17), "Zset listpack", converted=False),
    *_blob_rows(_types(20), "Set listpack", converted=False),
    *_blob_rows(_types(18), "Listpack", converted=False),
    _same(("zipmap-length", *_FRAME, *_ENTRIES), _types(9), _refuse(f"Zipmap {_CHECK}")),
    _same(("intset-width", *_FRAME, *_ENTRIES, "value-empty"), _types(11), _refuse(f"Intset {_CHECK}")),
    _Row(("intset-order",), None, _WRONG, _WRONG, _refuse(f"Intset {_CHECK}")),
    # Elements.
    _same(("duplicate-element",), _types(2), _refuse("Duplicate set members detected")),
    _same(("duplicate-element",), _types(3, 5), _refuse("Duplicate zset fields detected")),
    _same(("duplicate-element",), _types(9), _refuse("Hash zipmap with dup elements, or big length")),
    _Row(
        ("duplicate-element", "hash-odd"),
        _types(13),
        _HIDDEN,
        _refuse("Hash ziplist integrity check failed."),
        _refuse("Hash ziplist integrity check failed."),
    ),
    _Row(
        ("duplicate-element", "hash-odd"),
        _types(12),
        _HIDDEN,
        _refuse("Zset ziplist integrity check failed."),
        _refuse("Zset ziplist integrity check failed."),
    ),
    _Row(
        ("duplicate-element",), _types(4, 22, 24), _WRONG, _WRONG, _refuse("Duplicate hash fields detected")
    ),
    _Row(("duplicate-element",), _types(16, 23, 25), _WRONG, _WRONG, _refuse(f"Hash listpack {_CHECK}")),
    _Row(("duplicate-element",), _types(17), _WRONG, _WRONG, _refuse(f"Zset listpack {_CHECK}")),
    _Row(("duplicate-element",), _types(20), _WRONG, _WRONG, _refuse(f"Set listpack {_CHECK}")),
    _Row(("hash-odd",), _types(16, 23, 25), _HIDDEN, _HIDDEN, _refuse(f"Hash listpack {_CHECK}")),
    _Row(("hash-odd",), _types(17), _HIDDEN, _HIDDEN, _refuse(f"Zset listpack {_CHECK}")),
    _Row(
        ("score-nan",),
        _types(3, 5),
        Act(Outcome.CRASH, "assertion failed: a score is not a number"),
        _refuse("Zset with NAN score detected"),
        _refuse("Zset with NAN score detected"),
    ),
    _Row(("score-nan",), _types(17), _WRONG, _WRONG, _refuse("Zset listpack with NAN score detected")),
    _Row(("score-nan",), _types(12), _WRONG, _WRONG, _refuse("Zset ziplist with NAN score detected")),
    _same(("score-text",), _types(3), _SHORT),
    _same(("score-text", "zset-order", "list-node"), None, _WRONG),
    _Row(("hash-ttl",), None, LOADS, LOADS, _SHORT),
    _Row(("hash-ttl-order",), None, LOADS, LOADS, LOADS),
    _Row(("value-empty",), None, LOADS, _SKIPS, _SKIPS),
    # Streams.
    _same(("stream-key",), None, _refuse("Stream node key entry is not the size of a stream ID")),
    _same(("blob-size", "blob-end", "blob-header"), _STREAMS, _refuse(_BAD_STREAM)),
    _Row(
        ("stream-node", *_FRAME, *_ENTRIES),
        _STREAMS,
        _HIDDEN,
        Act(Outcome.CRASH, "signal 11 or a failed assertion in the listpack of a stream"),
        _refuse(_BAD_STREAM),
    ),
    _Row(
        ("stream-length",),
        None,
        _WRONG,
        _WRONG,
        _refuse("Stream length inconsistent with the number of valid entries"),
    ),
    _Row(
        ("stream-no-nodes",),
        None,
        _WRONG,
        _refuse("Stream length inconsistent with rax entries"),
        _refuse("Stream length inconsistent with the number of valid entries"),
    ),
    _Row(("stream-node-count", "stream-entry-count"), None, _WRONG, _WRONG, _refuse(_BAD_STREAM)),
    _same(("stream-node-twice",), None, _refuse("Listpack re-added with existing key")),
    _same(("stream-node-key", "stream-order", "stream-last-id"), None, _WRONG),
    _Row(("stream-first-id", "stream-max-deleted", "stream-entries-added"), None, LOADS, LOADS, LOADS),
    _same(("stream-group",), None, _refuse("Duplicated consumer group name")),
    _same(("stream-consumer",), None, _refuse("Duplicate stream consumer detected.")),
    _same(("stream-pel-twice",), None, _refuse("Duplicated global PEL entry loading stream consumer group")),
    _same(("stream-pel-unknown",), None, _refuse("Consumer entry not found in group global PEL")),
    _Row(("stream-pel-owner",), None, _WRONG, _WRONG, _refuse(_PEL_OWNER)),
    # Between keys. NAME stands for the module.
    _same(("module", "vector-set"), None, _MODULE),
    _same(("module-aux",), None, _MODULE_AUX),
    _Row(("functions",), None, _NO_FUNCTION, LOADS, LOADS),
    _Row(("function-server",), None, _NO_FUNCTION, _FUNCTION, LOADS),
    _Row(("function-server-maybe",), None, _NO_FUNCTION, _MAYBE_FUNCTION, LOADS),
    _Row(
        ("functions-pre-ga",),
        None,
        _refuse("Unknown RDB encoding type 246"),
        _refuse("Pre-release function format not supported."),
        _refuse("Pre-release function format not supported."),
    ),
    _Row(("slot-note",), None, _NO_SLOT_NOTE, _NO_SLOT_NOTE, LOADS),
    _Row(
        ("slot-import-opcode",),
        None,
        _refuse("Unknown RDB encoding type 243"),
        _refuse("Unknown RDB encoding type 243"),
        Act(Outcome.CRASH, "assertion failed: a slot import, with cluster mode off"),
    ),
    _same(("duplicate-key", "duplicate-key-before"), None, _TWICE),
    _Row(("part-behind",), None, _IF_NEW, _IF_NEW, _IF_NEW),
    _Row(("database-range",), None, _DATABASES, _DATABASES, _DATABASES),
    _Row(("function-name", "function-again", "function-before"), None, _NO_FUNCTION, _FUNCTION, _FUNCTION),
    _Row(("slot-info",), None, LOADS, LOADS, _SHORT),
    _Row(
        ("slot-import",),
        None,
        _refuse("Unknown RDB encoding type 243"),
        _refuse("Unknown RDB encoding type 243"),
        _refuse("Invalid slot import"),
    ),
    _Row(("database-again", "resize-hint", "trailing-bytes"), None, LOADS, LOADS, LOADS),
    # Hints that no memory fulfils. Measured with powers of two from 2^28 to 2^63 on every server.
    _same(("resize-much",), None, _MUCH_ROOM),
    _same(("resize-room",), None, _NO_ROOM),
    _Row(("resize-overflow",), None, _NO_ROOM, _NO_ROOM, LOADS),
    _Row(("resize-wrap",), None, _NO_ROOM, LOADS, LOADS),
    _same(("resize-short",), None, _SHORT),
]


# Source of what holds for several releases: src/rdb.c, src/script_lua.c. Slot notes came with Redis 7.4,
# vector sets are a part of it since 8.0, every Valkey has the object `server`; others were measured.
_SPECIAL = {
    ("slot-info", "valkey-8.1"): _SHORT,
    **{("function-server", release.name): LOADS for release in RELEASES if release.has(None, (7, 2))},
    **{("function-server-maybe", release.name): LOADS for release in RELEASES if release.has(None, (7, 2))},
    ("functions-pre-ga", "redis-7.0"): LOADS,
    **{
        (case, name): LOADS
        for case in ("resize-room", "resize-overflow")
        for name in ("redis-7.4", "redis-8.0", "redis-8.2")
    },
    **{("resize-overflow", release.name): LOADS for release in RELEASES if release.has(None, (8, 0))},
    **{("slot-note", release.name): LOADS for release in RELEASES if release.has((7, 4), None)},
    **{("vector-set", release.name): LOADS for release in RELEASES if release.has((8, 0), None)},
}


def _row(code: str, type_id: int | None) -> _Row | None:
    for row in _ROWS:
        if code in row.codes and (row.types is None or type_id in row.types):
            return row
    return None


def fault_act(code: str, type_id: int | None, target: str) -> Act:
    """Return what a target does with an issue of `aoftool.rdb` at load.

    Args:
        code: of the issue.
        type_id: type number of the value it is in, None between keys.
        target: name of a release.
    """
    row = _row(code, type_id)
    if row is None:
        return LOADS
    special = _SPECIAL.get((code, target))
    if special is not None:
        return special
    release = NAMES[target]
    if release.version < (6, 2):
        return _unchecked(code, type_id) or row.redis_6
    if release.version < (7, 0):
        return row.redis_6
    return row.valkey_9 if release.has(None, (9, 0)) else row.between


def fault_acts(code: str) -> dict[str, frozenset[Outcome]]:
    """Return, by release, what it may do with an issue of a code, whatever type it is in."""
    types = {number for row in _ROWS if code in row.codes for number in row.types or (None,)}
    return {
        name: frozenset(fault_act(code, type_id, name).outcome for type_id in types or {None})
        for name in NAMES
    }


def _unchecked(code: str, type_id: int | None) -> Act | None:
    """Return what Redis 6.0 does with what it looks at nowhere: bytes of a blob, elements that stand twice.

    Measured on Redis 6.0.16. Source: Redis 6.0 src/rdb.c rdbLoadObject.
    """
    if type_id is None or type_id > _NEWEST_TYPE_OF_6:
        return None
    if code in _BLOB_CODES:
        return _HIDDEN
    return _WRONG if code == "duplicate-element" else None


# An empty intset is refused by all; codes that mean another thing in a command stream.
_GRAVE = frozenset({("value-empty", 11)})
_OWN_CODES = {"trailing-bytes": "rdb-trailing-bytes"}


def code_of_fault(code: str) -> str:
    """Return the code of the finding that an issue of `aoftool.rdb` becomes."""
    return _OWN_CODES.get(code, code)


def fault_severity(code: str, type_id: int | None) -> Severity:
    """Return how bad a finding of that issue is: damage where a server refuses it or answers wrongly."""
    if (code, type_id) in _GRAVE or code not in CODES:
        return Severity.DAMAGE
    return severity_of_code(code_of_fault(code))


def stops_a_server(code: str, act: str, type_id: int | None) -> bool:
    """Tell whether an issue is damage that some release does not load.

    Args:
        act: its name here where loaders tell cases of one code apart, else empty.
    """
    if fault_severity(code, type_id) is not Severity.DAMAGE:
        return False
    return any(fault_act(act or code, type_id, name).outcome is not Outcome.LOAD for name in NAMES)
