"""Counts made the slow and obvious way: one Python object a command, dictionaries, no columns."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from aoftool.analysis.census.templates import Template, prefix_of
from aoftool.commands.table import lookup_argv
from aoftool.resp.model import Command

_FRAMING = {b"SELECT", b"MULTI", b"EXEC"}
# The places of these are found by words in the command; the census takes their first key for all.
_BY_WORD = {b"SORT", b"GEORADIUS", b"GEORADIUSBYMEMBER", b"MIGRATE"}


def keys_of(argv: list[bytes]) -> list[int]:
    """Return the positions of the keys of a command, as the servers' table tells them."""
    spec = lookup_argv(argv)
    if spec is None:
        return []
    found = spec.keys(argv)
    return found[:1] if argv[0].upper() in _BY_WORD else found


@dataclass
class Obvious:
    """Everything a census counts, recounted."""

    template: Template = field(default_factory=Template)
    commands: Counter[bytes] = field(default_factory=Counter)
    command_bytes: Counter[bytes] = field(default_factory=Counter)
    db_bytes: Counter[int] = field(default_factory=Counter)
    prefix_bytes: Counter[bytes] = field(default_factory=Counter)
    prefix_writes: Counter[bytes] = field(default_factory=Counter)
    key_bytes: Counter[tuple[int, bytes]] = field(default_factory=Counter)
    key_writes: Counter[tuple[int, bytes]] = field(default_factory=Counter)
    second_bytes: Counter[int] = field(default_factory=Counter)
    transactions: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    largest: int = 0
    deadlines: dict[tuple[int, bytes], int] = field(default_factory=dict)

    def count(self, commands: Iterable[Command]) -> None:
        """Count the commands of one stream."""
        for command in commands:
            name = command.name
            self.commands[name] += 1
            self.command_bytes[name] += command.length
            self.db_bytes[command.db] += command.length
            self.second_bytes[command.time_s] += command.length
            self.largest = max(self.largest, command.length)
            if command.txn:
                self.transactions[command.txn][0] += 1
                self.transactions[command.txn][1] += command.length
            self._count_keys(command)

    def _count_keys(self, command: Command) -> None:
        positions = keys_of(command.argv)
        if not positions:
            row = b"(framing)" if command.name in _FRAMING else b"(no key)"
            self.prefix_bytes[row] += command.length
            self.prefix_writes[row] += 1
            return
        starts = argument_starts(command.argv)
        edges = [0, *(starts[at] for at in positions[1:]), command.length]
        for number, at in enumerate(positions):
            key = command.argv[at]
            share = edges[number + 1] - edges[number]
            prefix = prefix_of(key, self.template)
            self.prefix_bytes[prefix] += share
            self.prefix_writes[prefix] += 1
            self.key_bytes[command.db, key] += share
            self.key_writes[command.db, key] += 1


def argument_starts(argv: list[bytes]) -> list[int]:
    """Return where in a canonical command each argument's bytes begin."""
    at = len(b"*%d\r\n" % len(argv))
    starts = []
    for argument in argv:
        at += len(b"$%d\r\n" % len(argument))
        starts.append(at)
        at += len(argument) + 2
    return starts


def times_of(data: bytes) -> list[int]:
    """Return the times of all `#TS` lines of a stream without values that look like one."""
    return [int(text) for text in re.findall(rb"#TS:([0-9]+)\r\n", data)]
