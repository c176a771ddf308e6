"""Every RDB of the corpus: its end, its keys and its checksum are those of the facts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aoftool.files import open_source
from aoftool.rdb.records.reader import records
from aoftool.rdb.walk.checksum import ChecksumState
from aoftool.rdb.walk.walk import walk
from tests.corpus import FIXTURES, Case, PeerFile, case_params, peer_params

# Files that nobody can walk: a module value without tags, opcodes of Redis Enterprise.
NO_LAYOUT = {
    "leonchen83+redis-replicator/src/test/resources/module.rdb": 6,
    "redis+librdb/test/dumps/redis_ent_opcode_ram_lru.rdb": 107,
}
# Changed in its header without a new checksum; every server refuses it for its version alone.
WRONG_CHECKSUM = {"future_v19.rdb"}


def _parts(case: Case) -> list[tuple[Path, dict[str, Any]]]:
    facts = case.facts["files"]
    return [(case.directory / name, fact) for name, fact in facts.items() if fact.get("preamble_magic")]


@pytest.mark.parametrize("case", case_params("recorded") + case_params("recorded", root=FIXTURES))
def test_preamble_of_a_recorded_log_ends_where_the_facts_say(case: Case) -> None:
    for path, fact in _parts(case):
        with open_source(path) as source:
            found = walk(source)

        assert found.damage is None
        assert found.magic.decode() == fact["preamble_magic"]
        assert found.end_offset == fact["preamble_bytes"]
        assert found.checksum.state is ChecksumState.OK


@pytest.mark.parametrize("entry", peer_params())
def test_file_of_another_project_holds_the_keys_of_its_facts(entry: PeerFile) -> None:
    if not entry.path.read_bytes()[:6].startswith((b"REDIS", b"VALKEY")):
        pytest.skip("no RDB")
    with open_source(entry.path) as source:
        reader = records(source)
        keys = {(record.db, record.key) for record in reader}
        found = reader.summary

    damage = found.damage.code if found.damage else None
    # Their checksums are right: they are not known, not damaged.
    assert (found.unknown is not None) == (entry.id in NO_LAYOUT)
    expected = None
    if found.unknown is not None:
        assert found.unknown.proved
        assert found.unknown.number == NO_LAYOUT[entry.id]
        assert found.end_offset == entry.path.stat().st_size
    if entry.path.name in WRONG_CHECKSUM:
        expected = "rdb-checksum"
    assert damage == expected
    loads = [
        facts[role]["keys_total"]
        for facts in entry.facts["servers"].values()
        for role in ("as_replica", "as_replica_relaxed")
        if facts.get(role, {}).get("loads")
    ]
    if loads and damage is None:
        assert max(loads) == len(keys)
