"""A fleet as one HTML page that needs nothing else: no script, no font, no picture; every text is escaped."""

from __future__ import annotations

from html import escape

from aoftool.fleet.model import FleetReport, LogRow, RowState
from aoftool.report.fleet.table import COLUMNS, cells_of, totals_lines

__all__ = ["fleet_page"]

_WRONG = "what is wrong"
_STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem; color: #1c1c1c; background: #fff; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .25rem .75rem; text-align: left; border-bottom: 1px solid #ddd; vertical-align: top; }
td.right, th.right { text-align: right; font-variant-numeric: tabular-nums; }
tr.bad td:first-child { color: #b00020; font-weight: 600; }
tr.odd td:first-child { color: #7a3ea8; font-weight: 600; }
code { font: 13px ui-monospace, monospace; }
td { overflow-wrap: anywhere; }
@media (max-width: 60rem) {
  body { margin: 1rem; }
  .logs thead { display: none; }
  .logs tr, .logs td { display: block; }
  .logs tr { border-bottom: 1px solid #999; padding: .5rem 0; }
  .logs td { border: 0; padding: .1rem 0; }
  .logs td.right { text-align: left; }
  .logs td::before { content: attr(data-name) ": "; color: #767676; font-weight: 400; }
  .logs td:empty { display: none; }
}
@media (prefers-color-scheme: dark) {
  body { color: #e6e6e6; background: #161616; }
  th, td { border-color: #444; }
}
"""


def fleet_page(found: FleetReport) -> str:
    """Return the page."""
    head = "".join(f"<th scope=col{_side(side)}>{escape(name)}</th>" for name, side in COLUMNS)
    totals = "".join(
        f"<tr><th scope=row>{escape(name)}</th><td>{escape(text)}</td></tr>"
        for name, text in totals_lines(found.totals)
    )
    return (
        "<!doctype html>\n<html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'><title>Logs of a fleet</title>"
        f"<style>{_STYLE}</style>\n<h1>Logs of a fleet</h1>\n<table>{totals}</table>\n"
        f"<table class=logs><thead><tr>{head}<th scope=col>{_WRONG}</th></tr></thead><tbody>\n"
        + "\n".join(map(_row, found.rows))
        + "\n</tbody></table>\n</html>\n"
    )


def _row(row: LogRow) -> str:
    is_bad = row.state != RowState.READ or not row.intact
    kind = " class=bad" if is_bad else "" if row.judged else " class=odd"
    cells = "".join(
        f"<td{_side(side)} data-name='{escape(name)}'>{escape(text)}</td>"
        for text, (name, side) in zip(cells_of(row), COLUMNS, strict=True)
    )
    told = escape(row.message + (f" [{row.code}]" if row.code else ""))
    line = (
        f"<br><code>{escape(row.next)}</code>" if row.next else f"<br>{escape(row.hint)}" if row.hint else ""
    )
    return f"<tr{kind}>{cells}<td data-name='{_WRONG}'>{told}{line}</td></tr>"


def _side(side: str) -> str:
    return " class=right" if side == "right" else ""
