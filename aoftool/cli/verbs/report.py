"""`aoftool report`: one page with all that is known of a log, for a postmortem."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT
from aoftool.cli.options.moments import find_stretch, point_of, refuse_outside, typed_moment
from aoftool.cli.options.narrowing import narrowing
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.progress import end_progress, stages
from aoftool.cli.requests.report import ReportRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.dataclass import replace

if TYPE_CHECKING:
    from aoftool.redaction import Redactor

__all__ = ["register"]


def register(app: Application) -> None:
    """Add the verb to the application."""
    add_verb(app, report, ReportRequest, VERDICT, NOT_JUDGED)


def report(asked: ReportRequest) -> int:
    """Write one page with all that is known of a log, for a postmortem.

    One file that opens from a mail, without network: the verdict and what each
    server would do; bytes over time with what happened; events and the history
    of --key in sentences; where the bytes are; the files with their damage and
    what a repair would keep; expiry and rewrites ahead; with --captures what
    the server was doing; and how all of it was measured. --md and --json give
    the same, on standard output without -o. What was not looked at is told,
    with the line that would.

    \b
    Examples:
      aoftool report /var/lib/valkey -o incident.html
      aoftool report --since 14:00 --until 15:00 --key cart:17 -o incident.html
      aoftool report --captures bundle.tgz --title 'INC-204' -o incident.html
      aoftool report --redact all appendonlydir -o share.html
      aoftool report --md /var/lib/valkey             for a ticket
      aoftool report --compare before/ after/ -o difference.html
      aoftool report --compare 14:00 --compare 14:05 appendonlydir -o five.html
    """
    from aoftool.api.postmortem.gathering import gather
    from aoftool.cli.answers.report import write_page
    from aoftool.cli.choices.report import refuse_contradictions, refuse_inputs, wanted_page
    from aoftool.cli.inputs import find_input
    from aoftool.report.page.build import page_of

    refuse_contradictions(asked)
    redactor = make_redactor(asked.redact, asked.salt)
    if asked.compare:
        return _compared(asked, asked.compare, redactor)
    log = find_input(asked.path)
    refuse_inputs(asked, log)
    stretch = find_stretch(asked.since, asked.until, log)
    request = replace(
        wanted_page(asked, redactor), options=narrowing(stretch=stretch).options, stretch=stretch
    )
    found = gather(log, request, stage=stages(asked))
    if found.contents is not None and not found.contents.commands:
        refuse_outside(log, stretch)
    end_progress()
    write_page(page_of(found), asked)
    if not found.health.intact:
        return VERDICT
    return DONE if found.health.judged else NOT_JUDGED


def _compared(asked: ReportRequest, others: list[str], redactor: Redactor | None) -> int:
    """Write the page of a comparison."""
    from aoftool.api.postmortem.gathering import compared
    from aoftool.cli.answers.report import write_page
    from aoftool.cli.choices.report import is_log, refuse_inputs, wanted_page
    from aoftool.cli.inputs import find_input
    from aoftool.report.page.comparing import comparison_page

    if is_log(asked):
        left, right = find_input(others[0]), find_input(asked.path)
        refuse_inputs(asked, left, right)
        found = compared(left, right, [], wanted_page(asked, redactor), stage=stages(asked))
    else:
        log = find_input(asked.path)
        refuse_inputs(asked, log)
        points = [point_of(typed_moment(text, "--compare"), log, "--compare") for text in others]
        found = compared(log, None, points, wanted_page(asked, redactor), stage=stages(asked))
    end_progress()
    write_page(comparison_page(found), asked)
    return VERDICT if found.diff.changes or found.diff.libraries else DONE
