"""Independent copies of values, for COPY."""

from __future__ import annotations

from aoftool.dataclass import replace
from aoftool.keyspace.context import CannotFollow
from aoftool.keyspace.database import StoredValue
from aoftool.values import (
    ConsumerGroup,
    HashValue,
    ListValue,
    ModuleValue,
    SetValue,
    StreamValue,
    ZSetValue,
)

__all__ = ["copied"]


def copied(value: StoredValue, *, stands_in: bool = False) -> StoredValue:
    """Return a value that shares nothing that can change with the one given.

    Args:
        stands_in: values of modules are not looked at, and never change in their place.
    """
    if stands_in and isinstance(value, ModuleValue):
        return value
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, ListValue):
        return ListValue(value)
    if isinstance(value, SetValue):
        return SetValue(value)
    if isinstance(value, ZSetValue):
        return value.copy()
    if isinstance(value, HashValue):
        fields = HashValue(value)
        fields.expires = dict(value.expires)
        return fields
    if isinstance(value, StreamValue):
        return _copied_stream(value)
    raise CannotFollow("module", "only the server that knows the type can copy this value")


def _copied_stream(value: StreamValue) -> StreamValue:
    groups = {name: _copied_group(group) for name, group in value.groups.items()}
    idmp = None if value.idmp is None else value.idmp.copy()
    return replace(value, entries=dict(value.entries), groups=groups, idmp=idmp)


def _copied_group(group: ConsumerGroup) -> ConsumerGroup:
    return replace(
        group,
        consumers={name: replace(consumer) for name, consumer in group.consumers.items()},
        pel={entry_id: replace(pending) for entry_id, pending in group.pel.items()},
    )
