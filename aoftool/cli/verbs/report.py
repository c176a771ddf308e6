"""`aoftool report`: one page with all that is known of a log, for a postmortem."""

from __future__ import annotations

import os
import platform
import sys
from typing import TYPE_CHECKING

from aoftool.cli.console import line_console
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT
from aoftool.cli.options.moments import find_stretch, refuse_outside
from aoftool.cli.options.narrowing import narrowing
from aoftool.cli.options.redaction import make_redactor
from aoftool.cli.progress import end_progress
from aoftool.cli.requests.report import ReportRequest
from aoftool.cli.verb import Application, add_verb
from aoftool.errors import SourceError, UsageError
from aoftool.escape import printable, shown_path, typed_name
from aoftool.next_step import next_step, quoted

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.api.postmortem.gathering import PostmortemRequest
    from aoftool.captures.bundle import Texts
    from aoftool.progress import Stage
    from aoftool.redaction import Redactor
    from aoftool.report.page.model import Page

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
    from aoftool.cli.inputs import find_input

    if asked.markdown and asked.as_json:
        raise UsageError("--md and --json exclude each other", hint="use one of them")
    if asked.out is None and not (asked.markdown or asked.as_json):
        hint = next_step("report", asked.path or os.curdir, "-o report.html")
        raise UsageError("a page is written to a file", hint=hint)
    redactor = make_redactor(asked.redact, asked.salt)
    if asked.compare:
        return _compared(asked, redactor)
    log = find_input(asked.path)
    _refuse_inputs(asked, log)
    stretch = find_stretch(asked.since, asked.until, log)
    request = _request(asked, redactor)
    from aoftool.api.postmortem.gathering import gather
    from aoftool.dataclass import replace
    from aoftool.report.page.build import page_of

    wanted = narrowing(stretch=stretch)
    found = gather(log, replace(request, options=wanted.options, stretch=stretch), stage=_stage(asked))
    if found.contents is not None and not found.contents.commands:
        refuse_outside(log, stretch)
    end_progress()
    _write(page_of(found), asked)
    if not found.health.intact:
        return VERDICT
    return DONE if found.health.judged else NOT_JUDGED


def _stage(asked: ReportRequest) -> Stage:
    from aoftool.cli.progress import ProgressReporter

    return lambda name, total: ProgressReporter(name, total, asked.progress, asked.quiet)


def _request(asked: ReportRequest, redactor: Redactor | None) -> PostmortemRequest:
    from aoftool.api.postmortem.gathering import PostmortemRequest

    return PostmortemRequest(
        title=asked.title or "",
        keys=[typed_name(key) for key in asked.key or ()],
        captures=None if asked.captures is None else _texts(asked.captures),
        redactor=redactor,
        made=_made(asked, redactor),
    )


def _texts(path: str) -> Texts:
    from aoftool.captures.bundle import Texts, read_texts

    texts = Texts()
    read_texts(path, texts)
    return texts


def _made(asked: ReportRequest, redactor: Redactor | None) -> list[tuple[str, str]]:
    """Return versions and what was asked: without the salt, and with keys as they are shown."""
    from aoftool import __version__
    from aoftool.kernels import KERNELS, kernels_there

    return [
        ("command line", _command_line(asked, redactor)),
        ("aoftool", f"{__version__}, {kernels_there()} of {len(KERNELS)} kernels compiled"),
        ("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
    ]


def _command_line(asked: ReportRequest, redactor: Redactor | None) -> str:
    words = ["aoftool", "report"]
    for option, value in (
        ("-o", asked.out),
        ("--since", asked.since),
        ("--until", asked.until),
        ("--captures", asked.captures),
        ("--title", asked.title),
        ("--redact", None if asked.redact is None else asked.redact.value),
    ):
        words += [] if value is None else [option, quoted(value)]
    for key in asked.key or ():
        shown = typed_name(key) if redactor is None else redactor.key(typed_name(key))
        words += ["--key", quoted(printable(shown))]
    for other in asked.compare or ():
        words += ["--compare", quoted(other)]
    words += ["--md"] if asked.markdown else []
    words += ["--json"] if asked.as_json else []
    return " ".join([*words, *([] if asked.path is None else [quoted(asked.path)])])


def _compared(asked: ReportRequest, redactor: Redactor | None) -> int:
    """Write the page of a comparison."""
    from aoftool.api.postmortem.gathering import compared
    from aoftool.cli.inputs import find_input
    from aoftool.cli.options.moments import point_of, typed_moment
    from aoftool.report.page.comparing import comparison_page

    others = asked.compare or []
    if asked.since is not None or asked.until is not None or asked.key or asked.captures is not None:
        raise UsageError(
            "--compare goes without --since, --until, --key and --captures", hint="give two reports"
        )
    first = others[0]
    if os.path.lexists(first):
        if len(others) > 1:
            raise UsageError(
                "two logs are compared, and here are more", hint="name one with --compare, and one after it"
            )
        left, right = find_input(first), find_input(asked.path)
        _refuse_inputs(asked, left, right)
        found = compared(left, right, [], _request(asked, redactor), stage=_stage(asked))
    else:
        if os.sep in first:
            raise SourceError("nothing is there", path=first, hint="name a log, or a moment of one")
        if len(others) > 2:
            raise UsageError("two moments are compared, and here are more", hint="leave one out")
        log = find_input(asked.path)
        _refuse_inputs(asked, log)
        points = [point_of(typed_moment(text, "--compare"), log, "--compare") for text in others]
        found = compared(log, None, points, _request(asked, redactor), stage=_stage(asked))
    end_progress()
    _write(comparison_page(found), asked)
    return VERDICT if found.diff.changes or found.diff.libraries else DONE


def _write(page: Page, asked: ReportRequest) -> None:
    """Write the page where it is wanted, in the form that is."""
    if asked.as_json and asked.out is None:
        from aoftool.report.jsonout import print_json
        from aoftool.report.page.json_form import page_json

        print_json(page_json(page))
        return
    text = _form(page, asked)
    if asked.out is None:
        sys.stdout.write(text)
        return
    from aoftool.files.sink import write_atomically
    from aoftool.units import format_bytes

    size = write_atomically(asked.out, [text.encode("utf-8")], force=asked.force)
    told = f"{shown_path(asked.out)}: {format_bytes(size)}"
    line_console(asked.color).print(told, style="bold")


def _form(page: Page, asked: ReportRequest) -> str:
    if asked.as_json:
        from aoftool.report.jsonout import json_text
        from aoftool.report.page.json_form import page_json

        return json_text(page_json(page), indent=2) + "\n"
    if asked.markdown:
        from aoftool.report.page.markdown import page_markdown

        return page_markdown(page)
    from aoftool.report.page.html import page_html

    return page_html(page)


def _refuse_inputs(asked: ReportRequest, *logs: Log) -> None:
    """Refuse to write over a log."""
    from aoftool.files.sink import output_exists, refuse_same_file

    if asked.out is None:
        return
    refuse_same_file(asked.out, [file.path for log in logs for file in log.files])
    if os.path.lexists(asked.out) and not asked.force:
        # Not only when all the work is done.
        raise output_exists(asked.out)
