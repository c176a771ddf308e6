"""Damaged logs salvaged and rewritten in one go, against the two steps and against real servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.errors import AoftoolError
from aoftool.repair.choice import Choice
from aoftool.repair.elsewhere import write_elsewhere
from aoftool.repair.planner import make_plan
from aoftool.rewrite.model import OutputFormat, RewriteOptions
from aoftool.rewrite.salvaging import salvaged_log
from tests.corpus import FIXTURES, Case, case_params
from tests.oracle import diff_states, dump_state
from tests.rewrite.rewriting import FORMATS, rewritten
from tests.servers import Server, find_build

Contents = dict[OutputFormat, bytes]


def fixed(case: Case, directory: Path) -> Path:
    """Return where `fix --salvage -o` puts the log."""
    plan = make_plan(find_log(str(case.source)), Choice(salvage=True, databases=64), in_place=False)
    write_elsewhere(plan, str(directory / "fixed"))
    return directory / "fixed"


def outcome(path: Path, written_by: str | None = None) -> Contents | str:
    """Return what a rewrite gives, or why it is refused."""
    try:
        options = RewriteOptions(written_by=written_by, databases=64, now_ms=1_800_000_000_000)
        return rewritten(path, options)[0]
    except AoftoolError as error:
        return error.message


def salvaged_outcome(case: Case, out: Path, written_by: str | None = None) -> Contents | str:
    with salvaged_log(find_log(str(case.source)), 64, str(out)) as found:
        return outcome(Path(found.log.path), written_by)


@pytest.mark.parametrize("case", case_params("damaged", root=FIXTURES) + case_params("damaged"))
def test_one_go_gives_what_the_two_steps_give(case: Case, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in case.files()}
    (tmp_path / "place").mkdir()

    one_go = salvaged_outcome(case, tmp_path / "place" / "out")

    assert one_go == outcome(fixed(case, tmp_path))
    assert {path: path.read_bytes() for path in case.files()} == before
    assert not list((tmp_path / "place").iterdir())


@pytest.mark.server
@pytest.mark.parametrize("case", case_params("damaged", root=FIXTURES))
def test_the_result_is_what_a_server_loads_from_the_salvaged_log(case: Case, tmp_path: Path) -> None:
    build = find_build(case.server)
    if build is None:
        pytest.skip(f"no {case.server} on this machine")
    contents = salvaged_outcome(case, tmp_path / "out", case.server)
    assert isinstance(contents, dict), contents
    with Server(build, source=fixed(case, tmp_path)) as server:
        before = dump_state(server)

    for form in FORMATS:
        result = Server(build)
        result.place_aof(contents[form])
        with result:
            assert not diff_states(before, dump_state(result))
