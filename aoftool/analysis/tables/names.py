"""What is known of the names of commands that a scan met, by their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from aoftool.analysis.commands.filter import CommandFilter
from aoftool.commands.framing import FRAMING
from aoftool.commands.roles import key_arguments
from aoftool.commands.table import lookup
from aoftool.escape import printable
from aoftool.redaction import Redactor
from aoftool.tables.batch import Texts, texts_of

__all__ = ["KINDS", "TYPES", "NameColumns", "has_searched_keys", "known_keys"]

KINDS = ("command", "framing")
TYPES = ("string", "list", "set", "zset", "hash", "stream")
_TYPE_OF_GROUP = {
    "string": "string", "bitmap": "string", "hyperloglog": "string", "list": "list", "set": "set",
    "sorted-set": "zset", "geo": "zset", "hash": "hash", "stream": "stream",
}  # fmt: skip

Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]


class NameColumns:
    """Names of one file by number; grows with it.

    Attributes:
        kinds, types: numbers in KINDS and TYPES, -1 for no type.
        wanted: whether the filter asks for it.
        searched: its keys stand behind words that must be looked for.
    """

    def __init__(self, wanted: CommandFilter, redactor: Redactor | None) -> None:
        self._filter, self._redactor = wanted, redactor
        self._labels: list[str] = []
        self._texts = texts_of([])
        self.kinds = self.types = np.zeros(0, np.int64)
        self.wanted = self.searched = np.zeros(0, np.bool_)

    def learn(self, names: list[tuple[bytes, bytes | None]]) -> None:
        """Take the names met so far."""
        new = names[len(self._labels) :]
        if not new:
            return
        self._labels += [self._label(*each) for each in new]
        self._texts = texts_of(self._labels)
        self.kinds = np.append(self.kinds, [int(name in FRAMING) for name, _ in new])
        self.types = np.append(self.types, [_type_of(name) for name, _ in new])
        self.wanted = np.append(self.wanted, [self._is_wanted(*each) for each in new]).astype(np.bool_)
        self.searched = np.append(self.searched, [has_searched_keys(*each) for each in new]).astype(np.bool_)

    @property
    def texts(self) -> Texts:
        """Return the names as they may be shown."""
        return self._texts

    def _label(self, name: bytes, subcommand: bytes | None) -> str:
        label = name if subcommand is None else name + b" " + subcommand
        if self._redactor is not None:
            # All that summaries are made of comes with it.
            from aoftool.analysis.redact.contents import redacted_name

            label = redacted_name(label, self._redactor)
        return printable(label)

    def _is_wanted(self, name: bytes, subcommand: bytes | None) -> bool:
        names = self._filter.names
        return not names or name in names or (subcommand is not None and name + b" " + subcommand in names)


def _type_of(name: bytes) -> int:
    spec = lookup(name)
    found = None if spec is None else _TYPE_OF_GROUP.get(spec.group)
    return -1 if found is None else TYPES.index(found)


@cache
def has_searched_keys(name: bytes, subcommand: bytes | None) -> bool:
    """Tell whether keys of a command are found, or not known, by looking through its arguments only."""
    spec = lookup(name)
    if spec is not None and subcommand is not None:
        spec = spec.find_subcommand(subcommand)
    if spec is None:
        # Any argument of an unknown command may be a key.
        return True
    return any(not rule.known or rule.index is None or rule.limit for rule in spec.key_rules)


def known_keys(argv: Sequence[bytes]) -> list[bytes]:
    """Return the keys of a command; none of an unknown one."""
    if not argv or lookup(argv[0].upper()) is None:
        return []
    return [argv[at] for at in key_arguments(argv)]
