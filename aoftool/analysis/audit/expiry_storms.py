"""Past expiry storms: many keys that were due in the same second, deleted as their time was over.

Servers spread such deletions over a while and between other commands, so that a log shows them as several
runs; what makes them one event is the second in which they were due. Told by a replay, which knows the
expire time of a key that is deleted.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter

from aoftool.analysis.audit.model import Audit, AuditCode, AuditEvent, Loss, Run, run_of
from aoftool.analysis.clock.clues import clue_of
from aoftool.analysis.clock.model import TimeSource
from aoftool.analysis.commands.listing import logged
from aoftool.aof.model import Log
from aoftool.dataclass import dataclass, field
from aoftool.escape import excerpt
from aoftool.resp.model import Command
from aoftool.units import counted, format_count, format_time_ms

__all__ = ["STORM_KEYS", "ExpiryStorms"]

STORM_KEYS = 200
"""So many keys due in one second are a storm."""

# Give times to fields of a hash, whose end deletes no key that had a time of its own.
_OF_FIELDS = frozenset({b"HPEXPIREAT", b"HEXPIREAT"})
_SECONDS = 100_000
_PREFIXES = 5
# A run of deletions that a storm explains to this share is no event of its own.
_EXPLAINED = 0.9


@dataclass(slots=True)
class _Second:
    """Deletions of keys that were due in one second."""

    first: tuple[int, Command] | None = None
    last: tuple[int, Command] | None = None
    keys: int = 0
    early: int = 0
    size_bytes: int = 0
    prefixes: Counter[bytes] = field(default_factory=Counter)
    places: dict[int, array[int]] = field(default_factory=dict)


class ExpiryStorms:
    """Gather deletions by the second in which their keys were due."""

    def __init__(self) -> None:
        self._seconds: dict[int, _Second] = {}
        self._given: dict[int, Counter[bytes]] = {}

    def see(self, file: int, command: Command) -> None:
        """Look at a command that may give an expire time."""
        clue = None if command.name in _OF_FIELDS else clue_of(file, command)
        if clue is None or clue.kind is not TimeSource.DEADLINE:
            return
        second = clue.time_ms // 1000
        if second in self._given or len(self._given) < _SECONDS:
            self._given.setdefault(second, Counter())[command.name] += 1

    def delete(self, file: int, command: Command, key: bytes, expire_at_ms: int) -> None:
        """Note that a key with an expire time is deleted by a command that names no other."""
        second = expire_at_ms // 1000
        found = self._seconds.get(second)
        if found is None:
            if len(self._seconds) >= _SECONDS:
                return
            found = self._seconds[second] = _Second()
        found.first = found.first or (file, command)
        found.last = (file, command)
        found.keys += 1
        found.early += 0 <= command.time_s < second
        found.size_bytes += command.length
        head, colon, _ = key.partition(b":")
        if colon and (head in found.prefixes or len(found.prefixes) < STORM_KEYS):
            found.prefixes[head + colon] += 1
        found.places.setdefault(file, array("q")).append(command.offset)

    def tell(self, audit: Audit, log: Log) -> None:
        """Add an event for each storm, in the place of the runs of deletions that it is made of."""
        storms = {
            second: found
            for second, found in self._seconds.items()
            # A client that deletes keys before their time makes no storm.
            if found.keys >= STORM_KEYS and found.early * 2 < found.keys
        }
        for second, found in sorted(storms.items()):
            audit.add(self._event(second, found, log))
        _without_explained_runs(audit, list(storms.values()))

    def _event(self, second: int, found: _Second, log: Log) -> AuditEvent:
        assert found.first is not None
        assert found.last is not None
        text = f"{counted(found.keys, 'key')} due within one second, {format_time_ms(second * 1000)}, deleted"
        text += " one by one as they expired" + self._cause(second, found.keys)
        first, last = (logged(command, log.files[file], file) for file, command in (found.first, found.last))
        ranked = sorted(found.prefixes.items(), key=lambda item: (-item[1], item[0]))
        loss = Loss(found.keys, tuple(ranked[:_PREFIXES]))
        return AuditEvent(AuditCode.EXPIRY_STORM, first, text, found.keys, found.size_bytes, last, loss=loss)

    def _cause(self, second: int, keys: int) -> str:
        """Return in words where the expire times came from."""
        given = self._given.get(second, Counter())
        if not given:
            return ": their expire times came with the RDB part"
        name, count = given.most_common(1)[0]
        text = f": {format_count(count)} {excerpt(name)} gave that same second"
        return text + ("; spread times to live a little" if count * 2 >= keys else "")


def _without_explained_runs(audit: Audit, storms: list[_Second]) -> None:
    """Take out the runs of deletions that storms are made of, those too that are only counted."""
    if AuditCode.DELETE_RUN not in audit.counts:
        return
    audit.events = [
        event
        for event in audit.events
        if event.code is not AuditCode.DELETE_RUN or not _explained(run_of(event), storms)
    ]
    audit.beyond = [run for run in audit.beyond if not _explained(run, storms)]
    kept = sum(event.code is AuditCode.DELETE_RUN for event in audit.events)
    audit.counts[AuditCode.DELETE_RUN] = kept + len(audit.beyond)
    if not audit.counts[AuditCode.DELETE_RUN]:
        del audit.counts[AuditCode.DELETE_RUN]


def _explained(run: Run, storms: list[_Second]) -> bool:
    """Tell whether storms explain a run of deletions."""
    inside = 0
    for storm in storms:
        places = storm.places.get(run.file, array("q"))
        inside += bisect_right(places, run.last) - bisect_left(places, run.first)
    return inside >= _EXPLAINED * run.commands
