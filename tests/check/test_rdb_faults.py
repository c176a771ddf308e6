"""What is wrong in an RDB, and what servers were foretold to do with it, against real servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.loaders.rdb_faults import fault_severity
from aoftool.check.loaders.targets import target_named
from aoftool.check.model import Level, Outcome, Severity
from aoftool.cli.app import run
from tests.check.rdb_vectors import VECTORS
from tests.corpus import PeerFile, peer_params
from tests.servers.discovery import Build, find_builds, server_params
from tests.servers.process import Server

DAMAGED = {
    "duplicate-key": "duplicate-key",
    "resize-room": "resize-room",
    "resize-wrap": "resize-room",
    "hash-twice": "duplicate-element",
    "nan": "score-nan",
    "ziplist-tail": "blob-tail",
    "listpack-odd": "hash-odd",
    "intset-order": "intset-order",
    "stream-length": "stream-length",
    "stream-pel-owner": "stream-pel-owner",
}


def dump(tmp_path: Path, name: str) -> Path:
    path = tmp_path / "dump.rdb"
    path.write_bytes(VECTORS[name])
    return path


def is_peer_dump(entry: PeerFile) -> bool:
    return entry.path.suffix == ".rdb" and entry.path.exists()


def assert_foretold(path: Path, build: Build) -> None:
    line = build.release
    foretold = check(find_log(path), Level.DEEP).outcome(line)

    with Server(build, source=path, databases=16) as server:
        seen = server.outcome

    assert seen is not None
    if foretold.outcome is Outcome.LOAD:
        assert seen.loaded, seen.log[-2000:]
        return
    assert not seen.loaded, foretold
    assert (seen.signal is not None) == (foretold.outcome is Outcome.CRASH), seen.log[-2000:]


def each_vector_on_one_server() -> list[Any]:
    """Return (vector, build) so that every vector and every server has its turn."""
    found = find_builds()
    if not found:
        return [pytest.param("", None, marks=pytest.mark.skip("no server on this machine"))]
    return [(name, found[number % len(found)]) for number, name in enumerate(VECTORS)]


@pytest.mark.server
@pytest.mark.parametrize(("vector", "build"), each_vector_on_one_server(), ids=str)
def test_a_real_server_does_what_was_foretold(vector: str, build: Build, tmp_path: Path) -> None:
    assert_foretold(dump(tmp_path, vector), build)


@pytest.mark.soak
@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(since="6.0"), ids=str)
@pytest.mark.parametrize("vector", VECTORS)
def test_every_server_does_what_was_foretold(vector: str, server_build: Build, tmp_path: Path) -> None:
    assert_foretold(dump(tmp_path, vector), server_build)


@pytest.mark.parametrize("peer", peer_params())
def test_dumps_of_other_projects_do_what_was_recorded(peer: PeerFile) -> None:
    if not is_peer_dump(peer) or not peer.facts.get("servers"):
        pytest.skip("no dump that was given to servers")
    report = check(find_log(peer.path), Level.DEEP)

    for build, facts in peer.facts["servers"].items():
        seen = facts.get("as_primary", facts)
        ended = Outcome.CRASH if seen.get("exit", 1) < 0 else Outcome.REFUSE
        assert report.outcome(target_named(build).name).outcome is (
            Outcome.LOAD if seen["loads"] else ended
        ), build


@pytest.mark.parametrize(("vector", "code"), DAMAGED.items())
def test_a_deep_check_finds_damage_and_its_place(vector: str, code: str, tmp_path: Path) -> None:
    report = check(find_log(dump(tmp_path, vector)), Level.DEEP)

    found = {f.code: f for f in report.findings}
    assert found[code].severity is Severity.DAMAGE
    assert 0 < (found[code].start or 0) < len(VECTORS[vector])
    assert not report.intact
    assert report.verdict.value == "rdb-damaged"


def test_bytes_behind_a_dump_are_a_note_and_every_server_loads(tmp_path: Path) -> None:
    report = check(find_log(dump(tmp_path, "trailing-bytes")))

    assert [(f.code, f.severity) for f in report.findings] == [("rdb-trailing-bytes", Severity.NOTE)]
    assert report.findings[0].start == len(VECTORS["trailing-bytes"]) - 4
    assert {row.outcome for row in report.outcomes} == {Outcome.LOAD}


def test_a_database_out_of_range_has_the_place_where_it_is_selected(tmp_path: Path) -> None:
    report = check(find_log(dump(tmp_path, "database-range")))

    (finding,) = report.findings
    assert (finding.code, finding.severity) == ("database-range", Severity.WARNING)
    assert VECTORS["database-range"][finding.start or 0] == 0xFE
    assert {row.outcome for row in report.outcomes} == {Outcome.REFUSE}
    assert all("setting `databases`" in row.notes[-1] for row in report.outcomes)


@pytest.mark.parametrize("vector", ["database-range", "duplicate-key"])
def test_faults_are_foretold_behind_a_version_that_is_written_oddly(vector: str, tmp_path: Path) -> None:
    path = dump(tmp_path, vector)
    path = path.rename(tmp_path / "appendonly.aof")
    content = path.read_bytes()
    digits = content[5:9].lstrip(b"0").rjust(4)
    well = check(find_log(path)).outcome("redis-8.0")
    path.write_bytes(content[:5] + digits + content[9:])

    report = check(find_log(path))

    assert vector in {finding.code for finding in report.findings}
    assert report.outcome("redis-8.0") == well
    assert well.outcome is not Outcome.LOAD


def test_a_key_that_comes_a_thousand_times_is_counted_and_not_listed(tmp_path: Path) -> None:
    from tests.builders import rdb, rdb_database, rdb_record, rdb_string

    path = tmp_path / "dump.rdb"
    records = [rdb_record(2, f"k{n}", b"\2\1a\1a") for n in range(500)]
    path.write_bytes(rdb(rdb_database(0, *records, rdb_record(0, "s", rdb_string("v"))), magic=b"REDIS0009"))

    report = check(find_log(path), Level.DEEP)

    assert sum(f.code == "duplicate-element" for f in report.findings) == 100
    assert report.omitted == {"duplicate-element": 400}


def test_room_that_some_machine_may_have_is_said_and_not_foretold(tmp_path: Path) -> None:
    from tests.builders import rdb, rdb_database, rdb_record, rdb_string

    record = rdb_record(0, "k", rdb_string("v"))
    path = tmp_path / "dump.rdb"
    path.write_bytes(rdb(rdb_database(0, record, keys=1 << 40), magic=b"REDIS0009"))

    report = check(find_log(path))

    assert {row.outcome for row in report.outcomes} == {Outcome.LOAD}
    assert all("ends where that fails" in row.notes[0] for row in report.outcomes)


@pytest.mark.parametrize("databases", [16, 20, 21])
def test_a_database_that_is_only_selected_counts(databases: int, tmp_path: Path) -> None:
    report = check(find_log(dump(tmp_path, "database-without-keys")), databases=databases)

    assert {row.outcome for row in report.outcomes} == {Outcome.LOAD if databases > 20 else Outcome.REFUSE}


@pytest.mark.parametrize("behind", [b"", b"*2\r\n$3\r\nDEL\r\n$1\r\nx\r\n"], ids=["dump", "base"])
def test_a_hint_that_ends_servers_is_taken_out_and_the_keys_stay(behind: bytes, tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(VECTORS["resize-room"] + behind)

    assert {f.code for f in check(find_log(path)).findings if f.remedies} == {"resize-room"}
    assert run(["fix", "--yes", "--salvage", str(path)]) == 0

    report = check(find_log(path), Level.DEEP)
    assert report.intact
    assert {row.outcome for row in report.outcomes} == {Outcome.LOAD}
    assert b"v" in path.read_bytes()


def test_hints_are_notes() -> None:
    assert fault_severity("resize-hint", None) is Severity.NOTE


def test_sound_dumps_of_the_vectors_have_no_finding(tmp_path: Path) -> None:
    for name in ("sound", "stream-sound"):
        report = check(find_log(dump(tmp_path, name)), Level.DEEP)

        assert [f for f in report.findings if f.severity is not Severity.NOTE] == []
