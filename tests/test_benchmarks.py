"""The benchmark logs are the same bytes each time and are healthy for every server."""

from __future__ import annotations

import gzip
import hashlib
from functools import partial
from pathlib import Path

import pytest

from benchmarks.generate import PROFILES, blocks, parse_size, write_base_and_tail, write_log
from tests.servers import Build, Server

# One block of a profile is about 8 MiB; two show that blocks go together.
SMALL = 17 << 20


def checksum(profile: str, size: int) -> str:
    total = hashlib.sha256()
    for block in blocks(profile, size):
        total.update(block)
    return total.hexdigest()


@pytest.mark.parametrize("profile", [*PROFILES, "one-value"])
def test_profile_gives_the_same_bytes_each_time(profile: str) -> None:
    assert checksum(profile, SMALL) == checksum(profile, SMALL)


@pytest.mark.parametrize("profile", [*PROFILES, "one-value"])
def test_profile_loads_without_a_refused_command(profile: str, tmp_path: Path, newest_build: Build) -> None:
    path = tmp_path / "log.aof"
    size = write_log(path, profile, SMALL)

    with Server(newest_build, source=path) as server:
        assert server.outcome is not None
        assert server.outcome.loaded
        assert server.outcome.cut_bytes == {}
        # The word that servers log for a command that answers with an error while loading.
        assert "CRITICAL" not in server.log_text()
        assert server.send("DBSIZE") > 0

    assert path.stat().st_size == size


def _rename(source: Path, to: Path) -> None:
    source.rename(to)


def test_base_and_tail_are_made_from_the_same_commands_each_time(tmp_path: Path) -> None:
    sums = []
    for name in ("one", "other"):
        base, incr = tmp_path / f"{name}.rdb", tmp_path / f"{name}.aof"
        write_base_and_tail(base, incr, SMALL, partial(_rename, to=base))
        sums.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in (base, incr)])

    assert sums[0] == sums[1]


def test_gzip_holds_the_same_log(tmp_path: Path) -> None:
    plain, packed = tmp_path / "log.aof", tmp_path / "log.aof.gz"

    write_log(plain, "overwrite", 9 << 20)
    write_log(packed, "overwrite", 9 << 20, compress=True)

    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()


@pytest.mark.parametrize(("text", "size"), [("4096", 4096), ("64M", 64 << 20), ("1.5G", 3 << 29)])
def test_sizes_are_powers_of_1024(text: str, size: int) -> None:
    assert parse_size(text) == size
