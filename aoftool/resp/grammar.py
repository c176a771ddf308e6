"""The forms of the command stream that a scan accepts, and the limits it works within.

Knows which bytes may stand where; refuses to know how they are walked (the scanners) and what a stop
is called (`stops`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from aoftool.dataclass import dataclass, field

__all__ = ["Grammar", "KeyRule", "KeyRules", "Limits", "ScanOptions"]


@dataclass(frozen=True, slots=True)
class Grammar:
    """What a reader of the stream lets pass.

    Attributes:
        name: for messages.
        strict: only the canonical form: decimals without sign or padding, CRLF everywhere.
        line_max: most bytes of one header line or annotation, its terminator included; a longer line
            is split there and the rest is read as the next line.
        annotations: lines that begin with `#` may stand where a command could start.

    Source: measured on Valkey 9.1.2, Redis 7.0.15 (buffer of 1024 bytes) and Redis 6.2.5 (buffer of
    128 bytes, no annotations).
    """

    name: str
    strict: bool = False
    line_max: int = 1023
    annotations: bool = True

    STRICT: ClassVar[Grammar]
    LENIENT: ClassVar[Grammar]
    LENIENT_6_2: ClassVar[Grammar]


Grammar.STRICT = Grammar("strict", strict=True)
Grammar.LENIENT = Grammar("lenient")
Grammar.LENIENT_6_2 = Grammar("lenient 6.2", line_max=127, annotations=False)


class Limits:
    """Bounds on what a scan keeps, so that memory does not depend on the input.

    The numbers are far above what honest logs hold: servers know some 250 commands, and 16
    databases by default.
    """

    NAMES = 4096
    DBS = 1024
    ROWS = 32768
    NAME_BYTES = 64
    FOUND_BYTES = 64
    KINDS = 16
    KIND_BYTES = 16
    KEYS_PER_COMMAND = 1 << 20
    KEY_BYTES = 64 * 1024
    KEY_BYTES_PER_COMMAND = 16 << 20


@dataclass(frozen=True, slots=True)
class KeyRule:
    """Where the keys of a command are.

    Attributes:
        first: index of the first key in argv.
        last: index of the last; negative counts from the end, -1 being the last argument.
        step: distance from key to key.
        count_at: index of an argument that holds the number of keys, which then replaces `last`;
            0 when there is none.
    """

    first: int
    last: int
    step: int = 1
    count_at: int = 0


KeyRules = Mapping[tuple[bytes, bytes | None], tuple[KeyRule, ...]]
"""Rules by (name, subcommand or None), both in upper case. At most four rules a command."""


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """Everything a scan is told before its first byte.

    Attributes:
        start: absolute offset of the first byte.
        limit: the scan ends on the first boundary at or behind this offset; None for the end of
            input.
        grammar: what to accept.
        containers: names, in upper case, whose first argument is a subcommand.
        known_state: database 0 and no open transaction at `start`; else both are inherited.
        rows: also keep one row for each command, to be taken after every feed.
        key_rules: with `rows`, where keys are; commands without rule have none.
    """

    start: int = 0
    limit: int | None = None
    grammar: Grammar = Grammar.LENIENT
    containers: frozenset[bytes] = frozenset()
    known_state: bool = True
    rows: bool = False
    key_rules: KeyRules = field(default_factory=dict)
