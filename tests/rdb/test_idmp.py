"""Streams of RDB 13: what idempotent producers sent is read, written and refused where it cannot be kept."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from aoftool.errors import UnsupportedError
from aoftool.files import open_source
from aoftool.rdb.decode.stream import decode_stream
from aoftool.rdb.encode.payload import decode_payload, encode_payload, restore_refusal, split_payload
from aoftool.rdb.encode.targets import TARGETS, Target
from aoftool.rdb.encode.writer import RdbWriter
from aoftool.rdb.records.reader import records
from aoftool.values import StreamId, StreamIdmp, StreamValue
from aoftool.values.json_form import value_json
from tests.corpus import FIXTURES
from tests.rdb.samples import stream_value
from tests.servers import Server, require_build

RECORDED = FIXTURES / "redis-8.6.3" / "idempotent-producers.rdb"
REDIS_8_6 = TARGETS.get("redis-8.6") or replace(
    TARGETS["redis-8.0"], name="redis-8.6", header=b"REDIS0013", rdb_version=13, stream_version=4
)


def streams_of(path: Path) -> dict[bytes, StreamValue]:
    with open_source(path) as source:
        found = {record.key: record.value() for record in records(source)}
    assert all(isinstance(value, StreamValue) for value in found.values())
    return found  # type: ignore[return-value]


def written(streams: dict[bytes, StreamValue], target: Target) -> bytes:
    out = io.BytesIO()
    with RdbWriter(out, target, 1_700_000_000) as writer:
        writer.select(0, len(streams))
        for key, value in streams.items():
            writer.key(key, value)
    return out.getvalue()


def test_state_of_a_recorded_file_is_what_the_server_told() -> None:
    found = streams_of(RECORDED)

    assert found[b"plain"].idmp is None
    assert found[b"set"].idmp == StreamIdmp(77, 55)
    sent = found[b"sent"].idmp
    assert sent is not None
    assert (sent.duration_s, sent.max_entries, sent.iids_added, sent.iids_duplicates) == (100, 100, 4, 1)
    assert list(sent.producers) == [b"a\xff\x00", b"other", b"prod"]
    assert sent.producers[b"prod"] == {
        b"i1": StreamId(1795993715236, 0),
        b"i2": StreamId(1795993715237, 0),
    }
    assert found[b"sent"].groups[b"g"].entries_read == 2
    assert [value.tail for value in found.values()] == [b""] * 4


def test_what_is_written_reads_back_and_is_written_alike() -> None:
    found = streams_of(RECORDED)

    for value in found.values():
        payload = encode_payload(value, REDIS_8_6)
        assert payload[0] == 26
        assert split_payload(payload).version == 13
        assert restore_refusal(payload, REDIS_8_6) == ""
        assert decode_payload(payload) == replace(value, first_id=next(iter(value.entries)))


def test_records_of_a_recorded_file_are_written_byte_for_byte() -> None:
    with open_source(RECORDED) as source:
        recorded = {record.key: bytes(record.value_bytes()) for record in records(source)}

    for key, value in streams_of(RECORDED).items():
        assert encode_payload(value, REDIS_8_6)[1:-10] == recorded[key]


@pytest.mark.parametrize(
    "name", ["redis-6.2", "redis-7.0", "redis-7.2", "redis-8.0", "valkey-8.0", "valkey-9.0"]
)
def test_older_targets_refuse_and_name_the_loss(name: str) -> None:
    found = streams_of(RECORDED)

    with pytest.raises(UnsupportedError) as caught:
        written(found, TARGETS[name])

    assert "cannot hold 3 of the items" in caught.value.message
    assert "idempotent producers of a stream: sent" in caught.value.message
    assert "plain" not in caught.value.message
    written({b"plain": found[b"plain"]}, TARGETS[name])


def test_payload_of_version_13_is_refused_by_older_targets() -> None:
    payload = encode_payload(streams_of(RECORDED)[b"sent"], REDIS_8_6)

    assert "version" in restore_refusal(payload, TARGETS["redis-8.0"])
    assert not TARGETS["redis-8.0"].reads_type(26, "redis")
    assert not TARGETS["valkey-9.0"].reads_type(26, "redis")
    assert REDIS_8_6.reads_type(26, "redis")


def test_ids_given_back_keep_a_stream_from_being_written() -> None:
    entry = bytes(15) + b"\x01"
    # No nodes; a group with one pending entry that no consumer holds, given back.
    raw = bytes(9) + b"\x01\x01g" + bytes(3) + b"\x01" + entry + bytes(8) + b"\x01\x00"
    raw += b"\x01" + entry + bytes(5)

    value = decode_stream(27, raw)

    assert value.tail == entry
    assert decode_stream(27, stream_value(5)).tail == b""
    assert "newer servers" in REDIS_8_6.refusal(value)


def test_state_is_in_the_json_form_where_there_is_some() -> None:
    found = streams_of(RECORDED)

    assert "idempotence" not in value_json(found[b"plain"])
    state = value_json(found[b"sent"])["idempotence"]
    assert state["producers"][2] == {
        "name": "prod",
        "ids": [{"iid": "i1", "id": "1795993715236-0"}, {"iid": "i2", "id": "1795993715237-0"}],
    }


@pytest.mark.server
def test_server_loads_what_is_written_and_saves_it_alike(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    found = streams_of(RECORDED)
    path = tmp_path / "written.rdb"
    path.write_bytes(written(found, REDIS_8_6))

    server = start_server(require_build("redis-8.6"), source=path)
    server.send("SAVE")
    saved = server.data_directory / "dump.rdb"

    with open_source(path) as source:
        ours = {record.key: bytes(record.value_bytes()) for record in records(source)}
    with open_source(saved) as source:
        theirs = {record.key: bytes(record.value_bytes()) for record in records(source)}
    # IDs older than their duration are forgotten when the server saves or looks at them.
    for key in (b"plain", b"set"):
        assert theirs[key] == ours[key]
    assert {key: value.entries for key, value in streams_of(saved).items()} == {
        key: value.entries for key, value in found.items()
    }


@pytest.mark.server
def test_server_restores_a_payload_with_producers_and_dumps_it_alike(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = start_server(require_build("redis-8.6"))
    server.send("XADD", "s", "1-1", "f", "v")
    # Long enough that nothing is forgotten while the test runs.
    server.send("XCFGSET", "s", "IDMP-DURATION", "86400", "IDMP-MAXSIZE", "3")
    for number in range(5):
        server.send("XADD", "s", "IDMP", "prod", f"iid{number % 4}", "*", "f", "v")
        server.send("XADD", "s", "IDMP", f"p{number}", "1", "*", "f", "v")
    theirs = server.client().dump("s")
    assert isinstance(theirs, bytes)

    value = decode_payload(theirs)
    assert isinstance(value, StreamValue)
    assert value.idmp is not None
    assert len(value.idmp.producers) == 6
    ours = encode_payload(value, REDIS_8_6)

    assert ours == theirs
    server.send("RESTORE", "copy", "0", ours)
    assert server.client().dump("copy") == theirs
