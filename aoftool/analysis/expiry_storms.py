"""Past expiry storms: many keys that were due in the same second, deleted as their time was over.

Servers spread such deletions over a while and between other commands, so that a log shows them as several
runs; what makes them one event is the second in which they were due. Told by a replay, which knows the
expire time of a key that is deleted.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, field

from aoftool.analysis.audit_model import Audit, AuditCode, AuditEvent, Loss
from aoftool.analysis.listing import logged
from aoftool.analysis.time_clues import clue_of
from aoftool.analysis.time_model import TimeSource
from aoftool.aof.model import Log
from aoftool.escape import excerpt
from aoftool.resp.model import Command
from aoftool.units import counted, format_count, format_time_ms

__all__ = ["STORM_KEYS", "ExpiryStorms"]

STORM_KEYS = 200
"""So many keys due in one second are a storm."""

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
        clue = clue_of(file, command)
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
            audit.counts[AuditCode.EXPIRY_STORM] = audit.counts.get(AuditCode.EXPIRY_STORM, 0) + 1
            audit.events.append(self._event(second, found, log))
        runs = [event for event in audit.events if event.code is AuditCode.DELETE_RUN]
        told = [event for event in runs if _explained(event, list(storms.values()))]
        if told:
            audit.events = [event for event in audit.events if not any(event is run for run in told)]
            audit.counts[AuditCode.DELETE_RUN] -= len(told)
            if not audit.counts[AuditCode.DELETE_RUN]:
                del audit.counts[AuditCode.DELETE_RUN]

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


def _explained(event: AuditEvent, storms: list[_Second]) -> bool:
    """Tell whether storms explain a run of deletions."""
    first, last = event.command.offset, (event.last or event.command).offset
    inside = 0
    for storm in storms:
        places = storm.places.get(event.command.file_number, array("q"))
        inside += bisect_right(places, last) - bisect_left(places, first)
    return inside >= _EXPLAINED * event.commands
