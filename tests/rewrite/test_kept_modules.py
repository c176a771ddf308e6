"""What becomes of module data where a target may have the modules, and nobody knows whether a server has."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.rewrite.model import OutputFormat, RewriteOptions
from tests.rewrite.rewriting import rewritten

LOG = Path(__file__).parents[1] / "fixtures" / "redis-stack-7.4.1" / "appendonlydir"
WORDS = {OutputFormat.RDB: "does not load the result", OutputFormat.RESP: "skips their keys"}


@pytest.mark.parametrize("form", WORDS)
def test_what_drops_says_that_it_keeps_what_a_server_may_lack(form: OutputFormat) -> None:
    options = RewriteOptions(target="redis-8.0", drop_unsupported=True)

    _, summary, _ = rewritten(LOG, options, [form])

    (note,) = [note for note in summary.notes if note.startswith("module data is kept")]
    assert "redis-8.0 may have the modules (" in note
    assert note.endswith(WORDS[form])


def test_for_another_project_it_is_left_out() -> None:
    options = RewriteOptions(target="valkey-9.1", drop_unsupported=True)

    _, summary, _ = rewritten(LOG, options, [OutputFormat.RDB])

    assert not [note for note in summary.notes if note.startswith("module data is kept")]
    assert any(note.startswith("left out") and "module" in note for note in summary.notes)


@pytest.mark.parametrize(("target", "count"), [("redis-8.0", 1), ("redis-7.4", 0), (None, 0)])
def test_a_server_of_another_release_may_lack_what_the_writer_had(target: str | None, count: int) -> None:
    _, summary, _ = rewritten(LOG, RewriteOptions(target=target), [OutputFormat.RDB])

    assert len([note for note in summary.notes if note.startswith("module data is kept")]) == count
