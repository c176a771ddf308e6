"""Write the tables of docs/export.md from their schemas; run it after a change of one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from aoftool.tables.schema import TABLES, Kind, Table

PAGE = Path(__file__).resolve().parent.parent / "docs" / "export.md"
_BEGIN, _END = "<!-- tables -->", "<!-- end of tables -->"


def page(text: str) -> str:
    """Return the page with its tables made anew."""
    made = "\n".join(line for table in TABLES for line in _lines(table))
    return re.sub(f"{_BEGIN}.*{_END}", lambda found: f"{_BEGIN}\n{made}\n{_END}", text, flags=re.DOTALL)


def _lines(table: Table) -> Iterator[str]:
    yield from (f"### `{table.name}`", "", table.about, "", "| column | type | meaning |", "|---|---|---|")
    for column in table.columns:
        kind = "utf8" if column.kind is Kind.WORD else column.kind.value
        yield f"| `{column.name}` | {kind} | {column.meaning} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
