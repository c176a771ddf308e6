"""The codes of damage are documented, and each is one that some check gives."""

from __future__ import annotations

from pathlib import Path

from aoftool.rdb.damage import MESSAGES, EncodingDamage
from aoftool.rdb.walk.layouts import STOP_CODES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "rdb-damage.md"
SOURCES = Path(__file__).resolve().parents[2] / "aoftool" / "rdb"


def test_every_code_is_documented_with_its_wording() -> None:
    page = PAGE.read_text("utf-8")

    assert [code for code, text in MESSAGES.items() if f"| `{code}` | {text} |" not in page] == []
    assert page.count("\n| `") == len(MESSAGES)


def test_every_code_is_given_somewhere() -> None:
    code_text = "".join(path.read_text("utf-8") for path in SOURCES.rglob("*.py") if path.name != "damage.py")

    assert [code for code in MESSAGES if f'"{code}"' not in code_text] == []
    assert set(STOP_CODES) <= set(MESSAGES)


def test_damage_in_a_blob_is_placed_at_its_value() -> None:
    assert EncodingDamage("blob-short", 7).in_value(100).offset == 100
    assert EncodingDamage("lzf-invalid", 7).in_value(100).offset == 107
    assert EncodingDamage("rdb-length", 7).issue(1).offset == 8
