"""Refuses what advice cannot be made of: nothing that is known, or captures of several servers at once.

Counters, settings and logs of two servers mixed would blame one for what the other did.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from aoftool.captures.captured import Captured
from aoftool.captures.info import read_info
from aoftool.captures.lines import Text
from aoftool.captures.model import Kind
from aoftool.dataclass import dataclass
from aoftool.errors import InputError
from aoftool.escape import excerpt, shown_path
from aoftool.units import and_more, counted

__all__ = ["need_known", "need_one_server"]

_SHOWN = 4
_WORD_SHOWN = 24
# A capture holds each of these once, as a rule; of INFO and the log there may be two.
_ONCE = frozenset((Kind.INFO, Kind.CONFIG, Kind.CONF, Kind.SERVER_LOG, Kind.LATENCY_LATEST, Kind.SLOWLOG))
_LEAST_IN_COMMON = 2


@dataclass(frozen=True, slots=True)
class _Identity:
    """What a reply of INFO says of which server it is of; empty where it does not say."""

    run_id: str
    process_id: str
    version: str

    @classmethod
    def of(cls, text: Text) -> _Identity:
        fields = read_info(text).fields

        def value(*names: str) -> str:
            return next((fields[name].value.strip() for name in names if name in fields), "")

        return cls(value("run_id"), value("process_id"), value("valkey_version", "redis_version"))

    def differs(self, other: _Identity) -> bool:
        """Tell whether both say something that cannot be of one run of one server."""
        pairs = (
            (self.run_id, other.run_id),
            (self.process_id, other.process_id),
            (self.version, other.version),
        )
        return any(mine and its and mine != its for mine, its in pairs)

    @property
    def words(self) -> str:
        run = self.run_id and f"run {self.run_id[:8]}"
        parts = (
            self.version and f"version {self.version}",
            self.process_id and f"pid {self.process_id}",
            run,
        )
        return excerpt(", ".join(filter(None, parts)).encode(), 4 * _WORD_SHOWN)


def need_known(captured: Captured) -> None:
    """Refuse what holds nothing that is known.

    Raises:
        InputError: it does.
    """
    if captured.kinds.keys() - {Kind.UNKNOWN}:
        return
    if any("FATAL CONFIG FILE ERROR" in line for text in captured.fatal for line in text.lines[:200]):
        return
    raise InputError(
        "nothing in it is known: it is no capture of a server",
        hint="give a bundle of `aoftool capture`, or INFO, CONFIG GET, a conf file, LATENCY, SLOWLOG, the"
        " server's log, strace, or what `aoftool advise --help` lists; --as KIND=FILE says what a file is",
    )


def need_one_server(texts: Sequence[Text], places: Sequence[str], kinds: Sequence[Kind]) -> None:
    """Refuse captures of several servers, of several runs of one, or from several moments.

    Args:
        places: for each text the folder or archive that it was found in; empty for one that was named.
        kinds: for each text what it is.

    Raises:
        InputError: they are.
    """
    rows = list(zip(texts, places, kinds, strict=True))
    told: list[tuple[_Identity, str]] = []
    for text, place, kind in rows:
        if kind is not Kind.INFO:
            continue
        identity = _Identity.of(text)
        # A part of INFO says nothing of its server.
        if identity != _Identity("", "", "") and all(identity.differs(other) for other, _ in told):
            told.append((identity, f"{_shown(place, text.name)} ({identity.words})"))
    if len(told) > 1:
        names = [name for _, name in told]
        raise _refusal(
            f"INFO is of {counted(len(told), 'server')}, or of {counted(len(told), 'run')} of one", names
        )
    several = _several(rows)
    if several:
        raise _refusal(f"a capture each is in {counted(len(several), 'folder')}", several)


def _several(rows: Iterable[tuple[Text, str, Kind]]) -> list[str]:
    """Return the folders of which each holds a capture of its own."""
    held: dict[str, set[Kind]] = {}
    for _, place, kind in rows:
        if place and kind in _ONCE:
            held.setdefault(place, set()).add(kind)
    own = [
        place
        for place, kinds in held.items()
        if any(len(kinds & its) >= _LEAST_IN_COMMON for other, its in held.items() if other != place)
    ]
    return [_shown(place, "") for place in own]


def _refusal(what: str, names: Sequence[str]) -> InputError:
    shown = "; ".join(names[:_SHOWN]) + and_more(len(names) - _SHOWN, "; ")
    return InputError(f"{what}: {shown}", hint="give one at a time: mixed, one is blamed for the other")


def _shown(place: str, name: str) -> str:
    path = posixpath.join(place, posixpath.basename(name)) if place else name
    return shown_path(path)
