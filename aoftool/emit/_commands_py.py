"""Reference implementation of writing commands in bulk; `_commands_cy.pyx` is its compiled twin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from aoftool.resp.encode import encode_commands

__all__ = ["encode_argvs", "encode_batches"]

encode_argvs = encode_commands


def encode_batches(head: Sequence[bytes], items: Iterable[bytes], count: int) -> bytes:
    """Return commands that begin with `head` and take `count` items each; the last may take fewer."""
    rest = iter(items)
    commands = []
    while batch := list(islice(rest, count)):
        commands.append((*head, *batch))
    return encode_commands(commands)
