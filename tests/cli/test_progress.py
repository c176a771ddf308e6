"""Progress that long work shows: honest when the input is read more than once."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from aoftool.cli.app import run
from aoftool.cli.options.common_options import ProgressMode
from aoftool.cli.progress import ProgressReporter
from tests.builders import log


def _lines(capsys: pytest.CaptureFixture[str], steps: list[int]) -> list[dict[str, int | None]]:
    with ProgressReporter("reading", 100, ProgressMode.json) as progress:
        for step in steps:
            progress(step)
            progress._next = 0.0
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_what_there_is_to_do_is_unknown_once_it_is_read_again(capsys: pytest.CaptureFixture[str]) -> None:
    lines = _lines(capsys, [60, 40, 1])

    assert [line["done_bytes"] for line in lines] == [60, 100, 101]
    assert [line["total_bytes"] for line in lines] == [100, 100, None]


@pytest.mark.parametrize(
    ("done", "words"),
    [
        (50, ["reading 50 B of 100 B (50 %)", "s left"]),
        (100, ["reading 100 B of 100 B (100 %)", "0 s left"]),
        (150, ["reading 150 B in more than one pass over 100 B"]),
    ],
)
def test_no_share_is_above_all(done: int, words: list[str]) -> None:
    progress = ProgressReporter("reading", 100, ProgressMode.never)
    progress(done)

    line = progress._line(10.0)

    assert all(word in line for word in words)
    assert ("%" in line) == (done <= 100)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch, *words: str, term: str = "xterm", width: int = 80) -> str:
    """Run a verb and return what both of its streams wrote to a terminal, in that order."""
    screen = _Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setattr("aoftool.cli.progress._FIRST_AFTER_S", 0.0)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", term)
    code = run(list(words))
    assert code == 0, screen.getvalue()
    return screen.getvalue()


@pytest.mark.parametrize("verb", ["inspect", "inspect --by db", "inspect --by db --csv", "growth", "check"])
def test_the_line_is_gone_before_results_are_shown(
    verb: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(*[("SET", f"k:{number}", "v" * 100) for number in range(2000)]))

    text = on_terminal(monkeypatch, *verb.split(), str(path))

    line, _, results = text.rpartition("\r\x1b[K")
    assert "B/s" in line
    assert "2,000 commands" in results or "2000" in results or "2,000" in results


@pytest.mark.parametrize("verb", ["inspect", "growth", "check", "rewrite -n", "keys --by bytes"])
@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_a_plain_terminal_gets_no_escapes(
    verb: str, term: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if term != "dumb":
        monkeypatch.setenv("NO_COLOR", "1")
    path = tmp_path / "a.aof"
    path.write_bytes(log(("SET", "k", "v"), ("SADD", "a long name of a key that takes room", "m")))

    text = on_terminal(monkeypatch, *verb.split(), "-q", str(path), term=term, width=50)

    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 50 + len(str(path))


def test_a_dumb_terminal_has_no_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(*[("SET", f"k:{number}", "v" * 100) for number in range(2000)]))

    assert "B/s" not in on_terminal(monkeypatch, "check", str(path), term="dumb")


@pytest.mark.parametrize(("width", "has_bar"), [(40, False), (75, False), (80, True), (120, True)])
def test_the_line_fits_and_has_a_bar_where_there_is_room(
    width: int, has_bar: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = _Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr("aoftool.cli.progress._FIRST_AFTER_S", 0.0)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")

    with ProgressReporter("reading", 12 << 30, ProgressMode.auto) as progress:
        progress(5 << 30)

    _, line, rest = screen.getvalue().split("\r\x1b[K")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", line)
    assert rest == ""
    assert len(plain) < width
    assert ("━" in plain) == has_bar
    assert "reading 5.00 GiB of 12.0 GiB (42 %)" in plain


def test_a_bar_has_no_colour_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = _Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr("aoftool.cli.progress._FIRST_AFTER_S", 0.0)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")

    with ProgressReporter("reading", 100, ProgressMode.auto) as progress:
        progress(50)

    assert "\x1b" not in screen.getvalue().replace("\r\x1b[K", "")
