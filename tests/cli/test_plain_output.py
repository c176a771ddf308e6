"""Where output is not UTF-8, as under an old locale, an answer is shown to its end."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from aoftool.cli.app import run
from aoftool.cli.plain_output import show_all
from tests.builders import log, select

# By encoding, what the name of a key and the rule of a table become.
SHOWN = {
    "ascii": ("caf\\xe9 \\u2603", "-----"),
    "latin-1": ("café \\u2603", "-----"),
    "utf-8": ("café ☃", "─────"),
}


@pytest.mark.parametrize("encoding", SHOWN)
@pytest.mark.parametrize("verb", ["growth", "inspect"])
def test_what_an_encoding_lacks_is_replaced(
    encoding: str, verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(log(select(0), ("SET", "café ☃", "v")))
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    show_all((stream, None))
    monkeypatch.setattr("sys.stdout", stream)

    assert run([verb, str(path)]) == 0

    stream.flush()
    shown = raw.getvalue().decode(encoding)
    assert all(part in shown for part in SHOWN[encoding])
    assert ("█" in shown) is (encoding == "utf-8")
