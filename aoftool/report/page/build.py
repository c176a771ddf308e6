"""Make a page of what was gathered."""

from __future__ import annotations

from aoftool.api.postmortem.model import Postmortem
from aoftool.escape import printable
from aoftool.report.page.ahead import ahead
from aoftool.report.page.cells import path_text
from aoftool.report.page.closing import advice, measured
from aoftool.report.page.files import files
from aoftool.report.page.holdings import holdings
from aoftool.report.page.model import Page
from aoftool.report.page.story import story
from aoftool.report.page.timeline import timeline
from aoftool.report.page.verdict import figures_of, next_lines, servers, tone_of, verdict_of

__all__ = ["page_of"]

_TITLE = 200


def page_of(found: Postmortem) -> Page:
    """Return the page of a log, from the verdict to how it was measured."""
    title = printable(found.title.encode("utf-8", "surrogateescape"))[:_TITLE]
    return Page(
        title or f"Report on {path_text(found.path)}",
        path_text(found.path),
        verdict_of(found),
        tone_of(found),
        next_lines(found),
        figures_of(found),
        [
            servers(found),
            timeline(found),
            story(found),
            holdings(found),
            files(found),
            ahead(found),
            advice(found),
            measured(found),
        ],
    )
