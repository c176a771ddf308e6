"""How an RDB of a release would hold a value: type, encoding and size."""

from __future__ import annotations

from aoftool.rdb.encode.encode import encode_string
from aoftool.rdb.encode.targets import Target
from aoftool.rdb.encode.values import ValueEncoder
from aoftool.rdb.opcodes import Family, encoding_of, type_info
from aoftool.values import Value, length_of, type_name

__all__ = ["EXPIRE_BYTES", "Measure", "elements_of"]

EXPIRE_BYTES = 9
"""Bytes that an expire time takes in a record."""

_TYPE_BYTES = 1
_PACKED = 0xC0
_LZF = 0xC3


def elements_of(value: Value) -> int | None:
    """Return how many elements a value has; a string is one, and None where a module knows."""
    return 1 if isinstance(value, bytes) else length_of(value)


class Measure:
    """Say how an RDB of the target would hold a value."""

    def __init__(self, target: Target, compress: bool) -> None:
        self._target = target
        self._family = Family(target.flavour)
        self._compress = compress
        self._encoder = ValueEncoder(target, compress=compress)

    def of(self, key: bytes, value: Value) -> tuple[str, str, int, str | None]:
        """Return type, encoding, bytes of the record without an expire time, and what is wrong."""
        head = _TYPE_BYTES + len(encode_string(key, self._compress))
        if isinstance(value, bytes):
            stored = encode_string(value, self._compress)
            return "string", _string_form(stored), head + len(stored), None
        refusal = self._target.refusal(value)
        if refusal:
            return type_name(value), "", 0, f"{self._target.name} cannot hold {refusal}"
        type_id, data = self._encoder.encode(value)
        info = type_info(self._family, type_id)
        assert info is not None
        return info.type_name, encoding_of(self._family, type_id, 0), head + len(data), None


def _string_form(stored: bytes) -> str:
    if not stored or stored[0] < _PACKED:
        return "raw"
    return "lzf" if stored[0] == _LZF else "int"
