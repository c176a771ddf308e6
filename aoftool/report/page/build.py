"""Make a page of what was gathered."""

from __future__ import annotations

from aoftool.api.postmortem.model import Postmortem
from aoftool.escape import shown_text
from aoftool.report.page.ahead import ahead
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
    title = shown_text(found.title)[:_TITLE]
    return Page(
        title or f"Report on {shown_text(found.path)}",
        shown_text(found.path),
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
