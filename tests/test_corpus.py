"""The corpus and the fixtures are where the tests look, and facts and files agree."""

from __future__ import annotations

import hashlib

import pytest

from tests.corpus import FIXTURES, Case, PeerFile, case_params, cases, corpus_root, peer_params
from tests.oracle import dump_state
from tests.servers import Server, find_build

ALL_RECORDED = case_params("recorded") + case_params("recorded", root=FIXTURES)


@pytest.mark.parametrize("case", ALL_RECORDED)
def test_recorded_files_are_the_ones_that_were_measured(case: Case) -> None:
    measured = {name: facts["sha256"] for name, facts in case.facts["files"].items()}

    found = {
        path.relative_to(case.directory).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in case.files()
    }

    assert {name: found.get(name) for name in measured} == measured


@pytest.mark.parametrize("case", case_params("damaged") + case_params("damaged", root=FIXTURES))
def test_damaged_case_names_its_source_and_the_server_of_the_original(case: Case) -> None:
    assert case.source.exists()
    assert case.server.startswith(("redis-", "valkey-"))
    assert case.multi_part == (case.source.is_dir())


@pytest.mark.parametrize("entry", peer_params())
def test_peer_file_has_the_measured_bytes(entry: PeerFile) -> None:
    assert hashlib.sha256(entry.path.read_bytes()).hexdigest() == entry.facts["sha256"]


def test_fixtures_stay_small_and_hold_every_layout() -> None:
    recorded = cases("recorded", root=FIXTURES)

    total_bytes = sum(path.stat().st_size for path in FIXTURES.rglob("*") if path.is_file())

    assert total_bytes < 1_500_000
    assert {entry.multi_part for entry in recorded} == {True, False}


def test_absent_corpus_gives_one_skipped_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AOFTOOL_CORPUS", "/nonexistent")

    params = case_params("recorded")

    assert corpus_root() is None
    assert [param.id for param in params] == ["no-corpus"]


@pytest.mark.parametrize(
    "case", case_params("recorded", root=FIXTURES) + case_params("damaged", root=FIXTURES)
)
def test_fixture_has_its_line_in_the_readme(case: Case) -> None:
    readme = (FIXTURES / "README.md").read_text("utf-8")

    assert f"| {case.id} |" in readme


@pytest.mark.server
def test_shop_log_is_the_one_the_readme_of_the_fixtures_describes() -> None:
    build = find_build("valkey-9")
    if build is None:
        pytest.skip("no Valkey 9 on this machine")

    with Server(build, source=FIXTURES / "valkey-9" / "shop") as server:
        state = dump_state(server)

    assert state.digest in (FIXTURES / "README.md").read_text("utf-8")
    assert sum(state.sizes.values()) == 294
