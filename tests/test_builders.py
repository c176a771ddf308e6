"""What the builders write is what servers read and write."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import builders
from tests.servers import Build, Server, server_params


def test_command_has_the_canonical_form() -> None:
    built = builders.command("SET", b"k\r\n\x00", 12)

    assert built == b"*3\r\n$3\r\nSET\r\n$4\r\nk\r\n\x00\r\n$2\r\n12\r\n"


def test_crc64_gives_the_published_check_value() -> None:
    assert builders.crc64(b"123456789") == 0xE9C6D914C4B8D9CA


@pytest.mark.parametrize(
    ("length", "encoded"),
    [
        (0, "00"),
        (63, "3f"),
        (64, "4040"),
        (16383, "7fff"),
        (16384, "8000004000"),
        (1 << 32, "810000000100000000"),
    ],
)
def test_rdb_length_takes_the_shortest_form(length: int, encoded: str) -> None:
    assert builders.rdb_length(length).hex() == encoded


def test_every_server_loads_a_built_log(server_build: Build) -> None:
    content = builders.log(("SET", "a", 1), builders.select(5), builders.transaction(("SET", "b", 2)))
    server = Server(server_build)
    server.place_aof(content)

    with server:
        assert server.send("GET", "a") == b"1"
        assert server.send("GET", "b", db=5) == b"2"


def test_every_server_loads_a_built_rdb(server_build: Build, tmp_path: Path) -> None:
    future_ms = 4_102_444_800_000
    records = [
        builders.rdb_record(0, "text", builders.rdb_string("v" * 100), expire_at_ms=future_ms),
        builders.rdb_record(0, "number", builders.rdb_integer(-30000)),
    ]
    path = tmp_path / "dump.rdb"
    path.write_bytes(
        builders.rdb(builders.rdb_database(3, *records, expires=1), magic=b"REDIS0009", aux={"a": "b"})
    )

    with Server(server_build, source=path) as server:
        assert server.send("GET", "text", db=3) == b"v" * 100
        assert server.send("GET", "number", db=3) == b"-30000"
        assert server.send("PTTL", "text", db=3) > 0


@pytest.mark.parametrize("server_build", server_params(since="7.0"))
def test_multi_part_log_with_timestamps_loads(server_build: Build, tmp_path: Path) -> None:
    incrs = [
        builders.timestamp(1700000000) + builders.log(("RPUSH", "l", "2")),
        builders.log(("RPUSH", "l", "3")),
    ]
    manifest = builders.write_multi_part(
        tmp_path / "appendonlydir", base=builders.command("RPUSH", "l", "1"), incrs=incrs, name="my log.aof"
    )

    with Server(server_build, source=manifest) as server:
        assert server.send("LRANGE", "l", "0", "-1") == [b"1", b"2", b"3"]
