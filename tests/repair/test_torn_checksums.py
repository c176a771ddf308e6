"""An RDB part that ends inside its checksum, or just in front of it: every key is there, and is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import log, rdb, rdb_database, rdb_record, rdb_string, select, write_multi_part
from tests.servers.discovery import Build, server_params
from tests.servers.process import Server
from tests.verbs import ask

KEYS = 30
RECORDS = [rdb_record(0, f"key:{number}", rdb_string("x" * 20)) for number in range(KEYS)]
BASE = rdb(rdb_database(0, *RECORDS, keys=KEYS), magic=b"REDIS0010", aux={"redis-ver": "7.0.15"})


@pytest.mark.parametrize("cut", [1, 4, 7, 8, 9])
@pytest.mark.parametrize("server_build", server_params(since="7.0")[:1])
def test_no_key_is_lost(server_build: Build, cut: int, tmp_path: Path) -> None:
    manifest = write_multi_part(tmp_path / "set", base=BASE[:-cut], incrs=[log(select(0))], base_is_rdb=True)

    planned = ask(("fix", "--dry-run", "--salvage", "IN"), manifest.parent, tmp_path / "out")
    fixed = ask(("fix", "--salvage", "--yes", "IN"), manifest.parent, tmp_path / "out")

    assert f"{KEYS} kept, 0 lost" in planned.out
    assert fixed.code == 0
    assert ask(("check", "IN"), manifest.parent, tmp_path / "out").code == 0
    with Server(server_build, source=manifest.parent) as server:
        assert server.send("DBSIZE") == KEYS
