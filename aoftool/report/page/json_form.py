"""The page as JSON, schema `aoftool.report/1`: the same sentences and numbers, rows by name of column."""

from __future__ import annotations

from typing import Any

from aoftool.report.page.model import (
    Bars,
    Block,
    Cell,
    Entry,
    Hex,
    Lanes,
    Lines,
    Page,
    Sentences,
    Stack,
    Strips,
    Table,
    Tiles,
    Words,
)

__all__ = ["page_json"]


def page_json(page: Page) -> dict[str, Any]:
    """Return the page as one JSON object."""
    return {
        "schema": "aoftool.report/1",
        "title": page.title,
        "subtitle": page.subtitle,
        "verdict": page.verdict,
        "tone": page.tone.value,
        "next": [{"for": what, "line": line} for what, line in page.next_lines],
        "hints": [{"for": what, "hint": words} for what, words in page.hints],
        "figures": {
            figure.name: {"label": figure.label, **_cell(figure.cell), "remark": figure.remark}
            for figure in page.figures
        },
        "sections": [
            {"id": section.id, "title": section.title, "blocks": [_block(block) for block in section.blocks]}
            for section in page.sections
        ],
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {"text": cell.text, "value": cell.value}


def _block(block: Block) -> dict[str, Any]:
    if isinstance(block, Table):
        return {"kind": "table", **_table(block)}
    if isinstance(block, Sentences):
        entries = [_entry(entry) for entry in block.entries]
        return {
            "kind": "sentences",
            "id": block.id,
            "caption": block.caption,
            "entries": entries,
            "left_out": block.left_out,
        }
    if isinstance(block, Words):
        return {"kind": "words", "text": block.text, "tone": block.tone.value}
    if isinstance(block, Lines):
        return {"kind": "lines", "heading": block.heading, "lines": list(block.lines)}
    if isinstance(block, Hex):
        return {
            "kind": "hex",
            "heading": block.heading,
            "lines": list(block.lines),
            "left_out": block.left_out,
        }
    return {
        "kind": "chart",
        "id": block.id,
        "title": block.title,
        "description": block.description,
        **_chart(block),
        "table": _table(block.table),
    }


def _chart(block: Stack | Lanes | Bars | Tiles | Strips) -> dict[str, Any]:
    if isinstance(block, Stack):
        rows = [{"name": row.name, "values": list(row.values)} for row in block.rows]
        return {"edges": block.edges, "rows": rows}
    if isinstance(block, Lanes):
        lanes = [
            {
                "name": name,
                "marks": [{"at": mark.at, "until": mark.until, "text": mark.text} for mark in marks],
            }
            for name, marks in block.lanes
        ]
        return {"edges": block.edges, "lanes": lanes}
    if isinstance(block, Strips):
        return {
            "files": [
                {
                    "name": strip.name,
                    "size_bytes": strip.size,
                    "segments": [_segment(segment) for segment in strip.segments],
                    "repaired": [_segment(segment) for segment in strip.repaired],
                }
                for strip in block.strips
            ]
        }
    return {}


def _segment(segment: Any) -> dict[str, Any]:
    return {"kind": segment.kind, "start": segment.start, "end": segment.end, "text": segment.text}


def _table(table: Table) -> dict[str, Any]:
    names = [column.name for column in table.columns]
    return {
        "id": table.id,
        "caption": table.caption,
        "columns": {column.name: column.heading for column in table.columns},
        "rows": [{name: _plain(cell) for name, cell in zip(names, row, strict=True)} for row in table.rows],
        "left_out": table.left_out,
    }


def _plain(cell: Cell) -> str | int | float | None:
    """Return the number of a cell; the text of one that has none, null for a dash."""
    if cell.value is not None:
        return cell.value
    return None if cell.text in ("–", "") else cell.text


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "severity": entry.badge,
        "when": entry.when,
        "text": entry.text,
        "facts": [{"label": label, "text": text} for label, text, _ in entry.facts],
        "around": list(entry.around),
    }
