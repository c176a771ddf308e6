"""What the options of `aoftool report` mean: what goes on the page, and what it says of how it was made."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING

from aoftool.errors import SourceError, UsageError
from aoftool.escape import printable, typed_name
from aoftool.next_step import next_step, quoted

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.api.postmortem.gathering import PostmortemRequest
    from aoftool.captures.bundle import Texts
    from aoftool.cli.requests.report import ReportRequest
    from aoftool.redaction import Redactor

__all__ = ["is_log", "refuse_contradictions", "refuse_inputs", "wanted_page"]


def refuse_contradictions(asked: ReportRequest) -> None:
    """Refuse options that contradict each other.

    Raises:
        UsageError: some do.
    """
    if asked.markdown and asked.as_json:
        raise UsageError("--md and --json exclude each other", hint="use one of them")
    if asked.out is None and not (asked.markdown or asked.as_json):
        hint = next_step("report", asked.path or os.curdir, "-o report.html")
        raise UsageError("a page is written to a file", hint=hint)


def is_log(asked: ReportRequest) -> bool:
    """Tell whether what is compared with is another log; else it is a moment, or two, of the same one.

    Raises:
        UsageError: it goes with no other option, or there is too much of it.
        SourceError: it is no moment, and no log is there.
    """
    others = asked.compare or []
    if asked.since is not None or asked.until is not None or asked.key or asked.captures is not None:
        raise UsageError(
            "--compare goes without --since, --until, --key and --captures", hint="give two reports"
        )
    if os.path.lexists(others[0]):
        if len(others) > 1:
            raise UsageError(
                "two logs are compared, and here are more", hint="name one with --compare, and one after it"
            )
        return True
    if os.sep in others[0]:
        raise SourceError("nothing is there", path=others[0], hint="name a log, or a moment of one")
    if len(others) > 2:
        raise UsageError("two moments are compared, and here are more", hint="leave one out")
    return False


def refuse_inputs(asked: ReportRequest, *logs: Log) -> None:
    """Refuse to write over a log, or over another file without being told to.

    Raises:
        RefusedError, OutputExistsError: so it would.
    """
    from aoftool.files.sink import output_exists, refuse_same_file

    if asked.out is None:
        return
    refuse_same_file(asked.out, [file.path for log in logs for file in log.files])
    if os.path.lexists(asked.out) and not asked.force:
        # Not only when all the work is done.
        raise output_exists(asked.out)


def wanted_page(asked: ReportRequest, redactor: Redactor | None) -> PostmortemRequest:
    """Return what goes on the page.

    Raises:
        InputError: what was captured cannot be read.
    """
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
