"""Files that a program treated as text come back exactly, or the command is given up."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.check.stream.textual import TextDamage, recognise, restore
from aoftool.check.stream.window import Reader
from aoftool.files.source import open_source
from tests.repair.damage import encode

PLAIN = [[b"SELECT", b"0"], *([b"SET", b"key:%d" % n, b"value \xe9\xff %d" % n] for n in range(50))]


def look(tmp_path: Path, data: bytes) -> tuple[TextDamage | None, bytes]:
    path = tmp_path / "f.aof"
    path.write_bytes(data)
    with open_source(path) as source:
        reader = Reader(source)
        found = recognise(reader)
        if found is None:
            return None, b""
        return found, b"".join(piece.data or b"" for piece in restore(reader, found.kind))


def log_of(commands: list[list[bytes]]) -> bytes:
    return b"".join(map(encode, commands))


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("cr-stripped", lambda data: data.replace(b"\r\n", b"\n")),
        ("lf-doubled", lambda data: data.replace(b"\n", b"\r\n")),
        ("utf8-doubled", lambda data: data.decode("latin-1").encode("utf-8")),
        ("utf-16", lambda data: data.decode("latin-1").encode("utf-16")),
        ("utf-16", lambda data: data.decode("latin-1").encode("utf-16-le")),
    ],
)
def test_a_text_conversion_is_undone(tmp_path: Path, kind: str, change: object) -> None:
    original = log_of(PLAIN)

    found, restored = look(tmp_path, change(original))  # type: ignore[operator]

    assert found is not None
    assert found.kind == kind
    assert restored == original
    assert found.lost_count == 0


def test_payloads_whose_line_ends_all_lost_a_cr_are_exact(tmp_path: Path) -> None:
    original = log_of([*PLAIN, [b"SET", b"k", b"a\r\nb\r\nc"], *PLAIN])

    found, restored = look(tmp_path, original.replace(b"\r\n", b"\n"))

    assert found is not None
    assert restored == original


def test_a_payload_with_both_line_ends_is_given_up_and_nothing_else(tmp_path: Path) -> None:
    ambiguous = [b"SET", b"k", b"one\r\ntwo\nthree"]
    original = log_of([*PLAIN, ambiguous, *PLAIN])

    found, restored = look(tmp_path, original.replace(b"\r\n", b"\n"))

    assert found is not None
    assert found.lost_count == 1
    assert restored == log_of([*PLAIN, *PLAIN])


def test_a_healthy_log_was_never_text(tmp_path: Path) -> None:
    found, _ = look(tmp_path, log_of(PLAIN))

    assert found is None
