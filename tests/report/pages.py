"""Read a page as a reader of HTML would: its tables by their ids, its key figures, its tags."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

__all__ = ["PageReader", "ReadCell", "ReadTable", "differing", "read_page", "tables_of"]

_VOID = frozenset(("meta", "br", "img", "input", "link", "hr", "line", "rect"))


@dataclass
class ReadCell:
    """One cell: its text, and its number as it is written."""

    text: str = ""
    value: str | None = None


@dataclass
class ReadTable:
    """One table: names of its columns, and its rows."""

    names: list[str] = field(default_factory=list)
    scopes: list[str | None] = field(default_factory=list)
    rows: list[list[ReadCell]] = field(default_factory=list)
    has_caption: bool = False


class PageReader(HTMLParser):
    """Takes a page apart.

    Attributes:
        tags: every tag with its attributes, in order.
        texts: (tag that holds it, text).
        faults: tags that were not closed in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.tables: dict[str, ReadTable] = {}
        self.figures: dict[str, ReadCell] = {}
        self.faults: list[str] = []
        self.open: list[str] = []
        self._table: ReadTable | None = None
        self._cell: ReadCell | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "table":
            self._table = self.tables[str(found["id"])] = ReadTable()
        elif tag == "caption" and self._table is not None:
            self._table.has_caption = True
        elif tag == "th" and self._table is not None:
            self._table.names.append(str(found["data-name"]))
            self._table.scopes.append(found.get("scope"))
        elif tag == "tr" and self._table is not None and self._table.names:
            self._table.rows.append([])
        elif tag == "td" and self._table is not None:
            self._cell = ReadCell(value=found.get("data-value"))
            self._table.rows[-1].append(self._cell)
        elif "data-figure" in found:
            self._cell = self.figures[str(found["data-figure"])] = ReadCell(value=found.get("data-value"))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> closes {self.open[-3:]}")
            return
        self.open.pop()
        if tag in ("td", "span"):
            self._cell = None
        if tag == "table":
            self._table = None

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))
        if self._cell is not None:
            self._cell.text += data


def read_page(text: str) -> PageReader:
    """Return a page taken apart."""
    reader = PageReader()
    reader.feed(text)
    reader.close()
    return reader


def tables_of(page: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the tables of a page's JSON by their ids, those of charts among them."""
    found = {}
    for section in page["sections"]:
        for block in section["blocks"]:
            if block["kind"] == "table":
                found[block["id"]] = block
            elif block["kind"] == "chart":
                found[block["table"]["id"]] = block["table"]
    return found


def differing(page: PageReader, found: dict[str, Any]) -> list[str]:
    """Return where tables and key figures of a page say something else than its JSON."""
    tables, wrong = tables_of(found), []
    if {name for name, table in tables.items() if table["rows"]} != page.tables.keys():
        wrong.append(f"tables: {sorted(page.tables)}")
    for name, table in page.tables.items():
        known = tables.get(name, {"columns": {}, "rows": []})
        if table.names != list(known["columns"]) or len(table.rows) != len(known["rows"]):
            wrong.append(f"columns or rows of {name}")
            continue
        for cells, row in zip(table.rows, known["rows"], strict=True):
            if row.get("what") in ("command line", "note"):
                continue
            for cell, (column, value) in zip(cells, row.items(), strict=True):
                if cell.value != _as_written(value) or (
                    cell.value is None and cell.text != (value or cell.text)
                ):
                    wrong.append(f"{name}, {column}: {cell} and not {value!r}")
    figures = {
        name: (figure["text"], _as_written(figure["value"])) for name, figure in found["figures"].items()
    }
    if figures != {name: (cell.text, cell.value) for name, cell in page.figures.items()}:
        wrong.append(f"key figures: {page.figures}")
    return wrong


def _as_written(value: object) -> str | None:
    return str(value) if isinstance(value, (int, float)) else None
