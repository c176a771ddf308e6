"""Payloads of DUMP and FUNCTION DUMP: what RESTORE and FUNCTION RESTORE take, and whether they will.

A payload is a type byte and a value (or function records), then the RDB version in two bytes and a
CRC64 over all before it. It has no magic, so from its bytes alone the numbers 22 to 25 are ambiguous:
the version in the footer decides (80 and up is Valkey's), unless the caller knows better.
Source: Valkey 9.1 src/cluster.c verifyDumpPayload; gates measured on Redis 6.2.5, 7.0.15 and 8.0.6 and
on Valkey 8.1.1 and 9.1.2, the others by their RDB version.
"""

from __future__ import annotations

from collections.abc import Iterable

from aoftool.dataclass import dataclass
from aoftool.errors import InputError, OverBudgetError, RdbError
from aoftool.rdb.damage import EncodingDamage, damage
from aoftool.rdb.decode.strings import read_length, read_string
from aoftool.rdb.encode.encode import encode_string
from aoftool.rdb.encode.targets import Limits, Target
from aoftool.rdb.encode.values import ValueEncoder
from aoftool.rdb.opcodes import FUNCTION2, REDIS_KEY_META, Family
from aoftool.rdb.walk.checksum import crc64
from aoftool.values import ModuleValue, StreamValue, Value

__all__ = [
    "FOOTER_BYTES",
    "FORMAT_REFUSED",
    "VERSION_REFUSED",
    "Payload",
    "decode_functions",
    "decode_payload",
    "encode_functions",
    "encode_payload",
    "restore_refusal",
    "split_payload",
]

FOOTER_BYTES = 10

VERSION_REFUSED = "DUMP payload version or checksum are wrong"
"""What servers answer to a payload whose footer does not hold."""

FORMAT_REFUSED = "Bad data format"
"""What servers answer to a payload whose footer holds but whose value does not."""

_VALKEY_SINCE = 80
_SET_INTSET, _LIST_OF_NODES, _PLAIN_NODE = 11, 18, 1


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload taken apart; nothing of the value is decoded.

    Attributes:
        body: everything before the footer.
        type_id: the first byte: the value type, or an opcode (key metadata, function).
        version: RDB version of the writer.
        stored_checksum: the CRC64 in the footer.
        computed_checksum: the CRC64 of the bytes before it.
    """

    body: bytes
    type_id: int
    version: int
    stored_checksum: int
    computed_checksum: int

    @property
    def checksum_ok(self) -> bool:
        """Tell whether the checksums agree; 0 is no exception for RESTORE before Redis 8.6."""
        return self.stored_checksum == self.computed_checksum

    @property
    def family(self) -> Family:
        """Whose numbers the writer used, as far as its version tells."""
        return Family.VALKEY if self.version >= _VALKEY_SINCE else Family.REDIS


def split_payload(payload: bytes) -> Payload:
    """Return the parts of a payload.

    Raises:
        EncodingDamage: `rdb-truncated`: it is shorter than its footer.
    """
    if len(payload) < FOOTER_BYTES:
        raise damage("rdb-truncated", len(payload))
    body, footer = payload[:-FOOTER_BYTES], payload[-FOOTER_BYTES:]
    version = int.from_bytes(footer[:2], "little")
    return Payload(body, payload[0], version, int.from_bytes(footer[2:], "little"), crc64(payload[:-8]))


def decode_payload(payload: bytes, family: Family | None = None) -> Value:
    """Return the value in a DUMP payload. The checksum is not looked at: see `restore_refusal`.

    Bytes between the value and the footer are ignored, as all servers do.

    Args:
        payload: value type, value, footer.
        family: whose numbers are meant; by default what the version in the footer says.

    Raises:
        EncodingDamage: the payload or the value breaks the format.
        UnsupportedError: the type is known by name only.
        OverBudgetError: its packed elements would take too much memory.
    """
    # Here: who writes payloads reads none.
    from aoftool.rdb.decode.decode import decode_value

    parts = split_payload(payload)
    if parts.type_id == REDIS_KEY_META:
        raise RdbError("the payload starts with key metadata, whose classes only modules know", offset=0)
    try:
        # Servers read on into the footer when a value does not end before it, and so do we.
        value = decode_value(family or parts.family, parts.type_id, payload[1:])
    except EncodingDamage as found:
        raise found.moved(1) from None
    return _without_footer(value, parts)


def _without_footer(value: Value, parts: Payload) -> Value:
    """Take the footer off what is kept as raw bytes up to the end."""
    if isinstance(value, ModuleValue):
        value.raw = value.raw[:-FOOTER_BYTES]
    return value


def restore_refusal(payload: bytes, target: Target) -> str:
    """Return what a target answers to RESTORE of this payload, empty when it takes it.

    A server that refuses a RESTORE while it loads a log goes on without the key, and only its own log
    tells: so every payload in a log is worth this question.
    """
    if len(payload) < FOOTER_BYTES:
        return VERSION_REFUSED
    parts = split_payload(payload)
    unchecked = target.zero_checksum and not parts.stored_checksum
    if not (parts.checksum_ok or unchecked) or not target.restores_version(parts.version):
        return VERSION_REFUSED
    if not target.reads_type(parts.type_id, target.flavour):
        return FORMAT_REFUSED
    try:
        value = decode_payload(payload, Family(target.flavour))
    except OverBudgetError:
        # Nothing speaks against it but its size, which is a server's business.
        return ""
    except InputError:
        return FORMAT_REFUSED
    refused = _is_refused(value, parts.type_id, target) or _has_empty_plain_node(payload)
    return FORMAT_REFUSED if refused else ""


def _is_refused(value: Value, type_id: int, target: Target) -> bool:
    if isinstance(value, ModuleValue):
        return value.module_name == "vectorset" and not target.vector_sets
    if isinstance(value, (bytes, StreamValue)):
        return False
    # Redis 6 takes most aggregates without elements; nobody else takes any.
    return not value and (target.listpacks or type_id == _SET_INTSET)


def _has_empty_plain_node(payload: bytes) -> bool:
    """Tell whether a list has a plain node without bytes, which no server takes."""
    if payload[0] != _LIST_OF_NODES:
        return False
    count, at = read_length(payload, 1)
    for _ in range(count):
        container, at = read_length(payload, at)
        text, at = read_string(payload, at)
        if container == _PLAIN_NODE and not text:
            return True
    return False


def encode_payload(value: Value, target: Target, limits: Limits | None = None) -> bytes:
    """Return the payload that DUMP on the target would give for the value.

    Raises:
        ValueError: the target cannot hold the value (`ValueEncoder.refusal` says why).
    """
    encoder = ValueEncoder(target, limits)
    problem = encoder.refusal(value)
    if problem:
        raise ValueError(f"{target.name} cannot hold {problem}")
    type_id, data = encoder.encode(value)
    return _with_footer(bytes([type_id]) + data, target)


def decode_functions(payload: bytes) -> list[bytes]:
    """Return the sources of the libraries in a FUNCTION DUMP payload.

    Raises:
        EncodingDamage: `rdb-truncated`, `rdb-opcode` or what is wrong with a string.
    """
    body = split_payload(payload).body
    out: list[bytes] = []
    at = 0
    while at < len(body):
        if body[at] != FUNCTION2:
            raise damage("rdb-opcode", at)
        code, at = read_string(body, at + 1)
        out.append(code)
    return out


def encode_functions(codes: Iterable[bytes], target: Target) -> bytes:
    """Return the payload that FUNCTION DUMP on the target would give for these libraries."""
    return _with_footer(b"".join([b"\xf5" + encode_string(code, True) for code in codes]), target)


def _with_footer(body: bytes, target: Target) -> bytes:
    body += target.rdb_version.to_bytes(2, "little")
    return body + crc64(body).to_bytes(8, "little")
