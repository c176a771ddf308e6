"""Tables for notebooks: HTML in which every text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["rows_html"]


def rows_html(caption: str, names: Sequence[str], rows: Iterable[Sequence[object]], left: int = 0) -> str:
    """Return rows as one HTML table.

    Args:
        left: rows that are not shown.
    """
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape('' if cell is None else str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    more = f"<tfoot><tr><td colspan={len(names)}>and {left:,} more</td></tr></tfoot>" if left > 0 else ""
    head = f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
    return f"<table>{head}<tbody>{body}</tbody>{more}</table>"
