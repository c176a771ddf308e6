"""What `aoftool advise` answers: the advice, a page of it, and whether a log is whole."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aoftool.cli.console import line_console, tell
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT

if TYPE_CHECKING:
    from aoftool.advise.model import Advice, DatedEvent
    from aoftool.cli.requests.advise import AdviseRequest
    from aoftool.simulate.model import Simulation

__all__ = ["show_advice", "write_page"]


def show_advice(advice: Advice, simulated: Simulation | None, why_not: str, asked: AdviseRequest) -> int:
    """Show what was found and return the exit code.

    Args:
        simulated: what other settings would do; `why_not` says why that is not known.
    """
    if asked.as_json:
        from aoftool.report.jsonout import print_json
        from aoftool.report.running.advise_json import advice_json

        print_json(advice_json(advice, simulated, why_not))
    else:
        from aoftool.report.running.advise import render_advice

        render_advice(line_console(asked.color), advice)
    return _code(advice)


def write_page(
    out: str, advice: Advice, happened: Sequence[DatedEvent], simulated: Simulation | None, why_not: str
) -> None:
    """Write the page; a line about it goes to stderr, as the answer itself is on standard output."""
    import platform

    from aoftool import __version__
    from aoftool.escape import shown_path
    from aoftool.files.sink import write_atomically
    from aoftool.report.page.advice import advice_page
    from aoftool.report.page.html import page_html
    from aoftool.units import format_bytes

    made = [
        ("aoftool", f"{__version__}, aoftool advise"),
        ("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
    ]
    page = advice_page(advice, happened, made, simulated, why_not)
    size = write_atomically(out, [page_html(page).encode("utf-8")])
    print(f"aoftool: {shown_path(out)}: {format_bytes(size)}", file=sys.stderr)


def _code(advice: Advice) -> int:
    """Say what to type next of a log that is not whole, and return the exit code."""
    health = None if advice.log is None else advice.log.health
    if health is not None and health.next and not (health.is_whole and health.is_judged):
        tell(health.next)
    if advice.is_log_damaged or (advice.worst is not None and advice.worst.is_bad):
        return VERDICT
    return DONE if health is None or health.is_judged else NOT_JUDGED
