"""The labelled hex view: transcripts for every type, and nothing in it that could harm a terminal."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from aoftool.explain.explain import explain
from aoftool.explain.model import Explanation
from aoftool.rdb.grammar.span import Span
from aoftool.report.hexview import explanation_json, hex_lines, render_explanation
from aoftool.report.lines import LineConsole
from tests.golden_text import check_golden
from tests.rdb.explain_files import sample_files

FILES = sample_files()


def explained(name: str, directory: Path) -> Explanation:
    """Return the explanation of a sample under a name that does not change."""
    data, arguments = FILES[name]
    path = directory / "sample"
    path.write_bytes(data)
    found = explain(path, **arguments)  # type: ignore[arg-type]
    found.name = f"{name}.file"
    return found


def rendered(found: Explanation) -> str:
    """Return the view as plain text."""
    out = io.StringIO()
    render_explanation(LineConsole(out, color=False, width=100), found)
    return out.getvalue()


@pytest.mark.parametrize("name", sorted(FILES))
def test_view_of_a_sample(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    check_golden(request, f"explain/{name}.txt", rendered(explained(name, tmp_path)))


@pytest.mark.parametrize("name", ["hash-listpack", "inside-lzf", "command", "truncated"])
def test_json_of_a_sample(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    body = json.dumps(explanation_json(explained(name, tmp_path)), indent=1)

    check_golden(request, f"explain/{name}.json", body + "\n")


@pytest.mark.parametrize("name", sorted(FILES))
def test_view_holds_no_control_characters(name: str, tmp_path: Path) -> None:
    text = rendered(explained(name, tmp_path))

    assert all(char == "\n" or char.isprintable() for char in text)


@pytest.mark.parametrize("name", sorted(FILES))
def test_wanted_byte_is_marked_without_colour(name: str, tmp_path: Path) -> None:
    marks = [line[0] for line in rendered(explained(name, tmp_path)).splitlines() if line]

    assert ">" in marks


def test_damage_is_said_in_words() -> None:
    span = Span("length", 3, 5, "7", b"\x07\x00", 3, problem="should be 9", hit=True, wanted=4)
    found = Explanation("f", 4, "RDB record", spans=[span], problem="it ends early")

    lines = [line for line, _ in hex_lines(found)]

    assert lines[1] == "! it ends early"
    assert lines[3].startswith("> 3  07 00")
    assert lines[4].startswith("!")
    assert lines[4].endswith("should be 9")
