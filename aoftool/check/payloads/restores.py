"""RESTORE commands whose payload a server will not take: the key is lost, and nothing stops.

A server that refuses a RESTORE while it loads a log goes on without the key; only its own log tells.
Looks at the footer and the type of every payload, at the level DEEP also at its value. Makes no
findings: `aoftool.check.detectors.restores` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aoftool.check.loaders.targets import TARGETS
from aoftool.check.payloads.restore_model import RestoreSpot, Standing
from aoftool.check.stream.wounds import Stretch
from aoftool.check.suspicion import holds_restores
from aoftool.commands.table import CONTAINERS
from aoftool.errors import InputError
from aoftool.files.source import Source
from aoftool.rdb.encode.payload import (
    FOOTER_BYTES,
    FORMAT_REFUSED,
    VERSION_REFUSED,
    Payload,
    decode_functions,
    decode_payload,
    restore_refusal,
    split_payload,
)
from aoftool.rdb.encode.targets import Target, find_target
from aoftool.rdb.opcodes import FUNCTION2
from aoftool.releases import RELEASES
from aoftool.resp.commands import commands
from aoftool.resp.model import Command

__all__ = ["MAX_PAYLOAD_BYTES", "MAX_RESTORES", "find_restores"]

MAX_RESTORES = 10_000
"""Refused payloads kept for one file; the search ends there."""

MAX_PAYLOAD_BYTES = 256 << 20
"""Payloads above this are not looked at: one has to be held whole to be judged."""

# May carry a DUMP payload.
_NAMES = frozenset({b"RESTORE", b"RESTORE-ASKING", b"FUNCTION"})
_READERS: tuple[tuple[str, Target], ...] = tuple((row.name, find_target(row.name)) for row in TARGETS)
# Where the payload stands among the arguments.
_VALUE_AT, _FUNCTIONS_AT = 3, 2
Answer = Callable[[Target], str]


def find_restores(source: Source, stretches: list[Stretch], *, deep: bool) -> list[RestoreSpot]:
    """Return the commands with a payload that some server refuses, by offset, at most `MAX_RESTORES`.

    Args:
        source: a plain file; its place is moved.
        stretches: its sound parts.
        deep: decode the values too.
    """
    found: list[RestoreSpot] = []
    for stretch in (one for one in stretches if holds_restores(one.tally)):
        for spot in _in_stretch(source, stretch, deep):
            found.append(spot)
            if len(found) >= MAX_RESTORES:
                return found
    return found


def _in_stretch(source: Source, stretch: Stretch, deep: bool) -> Iterator[RestoreSpot]:
    for command in commands(
        source,
        stretch.start,
        end=stretch.end,
        containers=CONTAINERS,
        names=_NAMES,
        limit=MAX_PAYLOAD_BYTES,
    ):
        at = _payload_place(command)
        if at is None or (command.lengths and command.lengths[at] > MAX_PAYLOAD_BYTES):
            continue
        answers = _answers(command.argv[at], functions=at == _FUNCTIONS_AT, deep=deep)
        if any(answers.values()):
            yield _spot(command, at, answers)


def _spot(command: Command, at: int, answers: dict[str, str]) -> RestoreSpot:
    functions, payload = at == _FUNCTIONS_AT, command.argv[at]
    sound = len(payload) >= FOOTER_BYTES and split_payload(payload).checksum_ok
    refused = {name: answer for name, answer in answers.items() if answer}
    return RestoreSpot(
        command.offset,
        command.offset + command.length,
        command.index,
        name=b"FUNCTION RESTORE" if functions else command.name,
        key=b"" if functions else command.argv[1],
        targets=frozenset(refused),
        everywhere=len(refused) == len(answers),
        checksum_ok=sound,
        answer=next(iter(refused.values())),
        standing=_standing(payload, functions=functions) if sound else Standing.DAMAGED,
    )


def _standing(payload: bytes, *, functions: bool) -> Standing:
    """Return what a refusal by all servers that are foretold means for a payload with a right checksum."""
    parts = split_payload(payload)
    versions = [row.rdb_version for row in RELEASES if row.family == parts.family.value]
    measured = [row.rdb_version for row in RELEASES if row.family == parts.family.value and row.is_measured]
    if parts.version > max(versions):
        return Standing.NOT_JUDGED
    known = functions or any(target.reads_type(parts.type_id, target.flavour) for _, target in _READERS)
    if known and parts.version <= max(measured):
        return Standing.DAMAGED
    try:
        _ = decode_functions(payload) if functions else decode_payload(payload)
    except InputError:
        return Standing.NOT_JUDGED
    return Standing.LATER


def _payload_place(command: Command) -> int | None:
    """Return which argument is the payload; a command with too few is another finding."""
    if command.name == b"FUNCTION":
        named = len(command.argv) > 2 and command.argv[1].upper() == b"RESTORE"
        return _FUNCTIONS_AT if named else None
    return _VALUE_AT if len(command.argv) > _VALUE_AT else None


def _answers(payload: bytes, *, functions: bool, deep: bool) -> dict[str, str]:
    """Return what each server that knows the command answers, empty where it takes the payload."""
    judge = _judge_functions(payload, deep) if functions else _judge_value(payload, deep)
    return {name: judge(target) for name, target in _READERS if target.functions or not functions}


def _judge_value(payload: bytes, deep: bool) -> Answer:
    if len(payload) < FOOTER_BYTES:
        return lambda _: VERSION_REFUSED
    parts = split_payload(payload)

    def judge(target: Target) -> str:
        refused = _footer_refusal(parts, target)
        if refused or deep:
            return refused or restore_refusal(payload, target)
        return "" if target.reads_type(parts.type_id, target.flavour) else FORMAT_REFUSED

    return judge


def _judge_functions(payload: bytes, deep: bool) -> Answer:
    if len(payload) < FOOTER_BYTES:
        return lambda _: VERSION_REFUSED
    parts = split_payload(payload)
    broken = bool(parts.body) and parts.type_id != FUNCTION2
    if deep and not broken and parts.checksum_ok:
        try:
            decode_functions(payload)
        except InputError:
            broken = True
    return lambda target: _footer_refusal(parts, target) or (FORMAT_REFUSED if broken else "")


def _footer_refusal(parts: Payload, target: Target) -> str:
    holds = parts.checksum_ok and target.restores_version(parts.version)
    return "" if holds else VERSION_REFUSED
