"""docs/json.md names every kind of JSON that a verb can print."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = re.compile(r'"(aoftool\.[a-z-]+/[0-9]+)"')


def test_every_schema_is_on_the_page() -> None:
    page = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    sources = (ROOT / "aoftool").rglob("*.py")

    used = {name for path in sources for name in SCHEMA.findall(path.read_text(encoding="utf-8"))}

    assert len(used) > 10
    assert sorted(name for name in used if f"`{name}`" not in page) == []
