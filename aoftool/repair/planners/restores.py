"""Plans for RESTORE commands whose payload is damaged: put right what its own checksum proves.

A payload carries a checksum, so up to three damaged bytes in it can be told and put right. A payload
that stays broken is refused by every server, which skips the command while loading; a salvage sets it
aside, so that what is lost is on record.
"""

from __future__ import annotations

from aoftool.check.exam_model import FileExam
from aoftool.check.payloads.restore_model import RestoreSpot, Standing
from aoftool.check.rdb.syndrome import locate
from aoftool.check.stream.shapes import read_shape
from aoftool.check.stream.window import Reader
from aoftool.check.unknown import BEYOND
from aoftool.errors import InputError
from aoftool.escape import excerpt, excerpt_key
from aoftool.files.source import Source
from aoftool.rdb.encode.payload import FOOTER_BYTES, decode_functions, restore_refusal, split_payload
from aoftool.rdb.encode.targets import TARGETS
from aoftool.rdb.walk.checksum import CHECKSUM_BYTES
from aoftool.repair.choice import Choice
from aoftool.repair.draft import Draft

__all__ = ["plan_restores"]

_CODE = "restore-payload"
_FUNCTIONS = b"FUNCTION RESTORE"
# Where the payload stands among the arguments.
_VALUE_AT, _FUNCTIONS_AT = 3, 2


def plan_restores(exam: FileExam, source: Source, draft: Draft, choice: Choice) -> None:
    """Plan what becomes of one file's payloads that no server takes."""
    reader = Reader(source, exam.size_bytes)
    for spot in exam.restores:
        if spot.everywhere and spot.standing is Standing.NOT_JUDGED:
            text = f"{excerpt(spot.name)} with a payload of {BEYOND} is kept"
            if text not in draft.not_judged:
                draft.not_judged.append(text)
        if not spot.everywhere or spot.checksum_ok or _mend(spot, reader, draft):
            continue
        what = f"{excerpt(spot.name)} of {excerpt_key(spot.key)}" if spot.key else excerpt(spot.name)
        if choice.salvage:
            draft.drop(spot.start, spot.end, _CODE, f"{what}: its payload is damaged; no server takes it", 1)


def _mend(spot: RestoreSpot, reader: Reader, draft: Draft) -> bool:
    """Put the damaged bytes of a payload right if its checksum tells them."""
    shape = read_shape(reader, spot.start)
    at = _FUNCTIONS_AT if spot.name == _FUNCTIONS else _VALUE_AT
    if shape is None or len(shape.arguments) <= at:
        return False
    argument = shape.arguments[at]
    payload = reader.at(argument.payload_start, argument.length)
    if len(payload) < max(argument.length, FOOTER_BYTES):
        return False
    parts = split_payload(payload)
    found = locate(parts.stored_checksum, parts.computed_checksum, len(payload) - CHECKSUM_BYTES)
    if found is None:
        return False
    low, high = found.offset, found.offset + len(found.mask)
    data = bytes(a ^ b for a, b in zip(payload[low:high], found.mask, strict=True))
    if not _is_taken(payload[:low] + data + payload[high:], functions=at == _FUNCTIONS_AT):
        return False
    start = argument.payload_start + low
    text = "damaged bytes of a payload; its checksum proves it"
    draft.put(start, start + len(data), data, _CODE, text)
    return True


def _is_taken(payload: bytes, *, functions: bool) -> bool:
    """Tell whether some server takes a payload."""
    if not functions:
        return any(not restore_refusal(payload, target) for target in TARGETS.values())
    try:
        return bool(decode_functions(payload)) and split_payload(payload).checksum_ok
    except InputError:
        return False
