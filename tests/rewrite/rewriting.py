"""Rewrite logs held in memory and hand back what was written."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from aoftool.aof.layout import find_log
from aoftool.rewrite.bounded import open_bounded
from aoftool.rewrite.model import OutputFormat, OutputSize, RewriteOptions, RewriteResult, RewriteSummary
from aoftool.rewrite.planner import RewritePlan, with_plan
from aoftool.rewrite.runner import Sinks, write_rewrite

FORMATS = (OutputFormat.RDB, OutputFormat.RESP)


def rewritten(
    path: Path, options: RewriteOptions, formats: Sequence[OutputFormat] = FORMATS
) -> tuple[dict[OutputFormat, bytes], RewriteSummary, list[OutputSize]]:
    """Return the content of a single-file result for each format, and what was counted."""
    parts: dict[OutputFormat, tuple[io.BytesIO, io.BytesIO]] = {}

    def run(plan: RewritePlan) -> RewriteResult:
        parts.update({form: (io.BytesIO(), io.BytesIO()) for form in formats})
        return write_rewrite(plan, [Sinks(form, *parts[form]) for form in formats])

    result = with_plan(find_log(str(path)), options, run)
    contents = {form: base.getvalue() + tail.getvalue() for form, (base, tail) in parts.items()}
    return contents, result.summary, result.sizes


def rewritten_in_shares(
    path: Path,
    options: RewriteOptions,
    shares: int,
    formats: Sequence[OutputFormat] = FORMATS,
    out: Path | None = None,
) -> tuple[dict[OutputFormat, bytes], RewriteSummary, list[OutputSize]] | str:
    """Return what `rewritten` does, by way of that many shares; or why the log is not cut."""
    with open_bounded(find_log(str(path)), options, least_shares=shares) as plan:
        if isinstance(plan, str):
            return plan
        parts = {form: (io.BytesIO(), io.BytesIO()) for form in formats}
        result = plan.write(
            [Sinks(form, *parts[form]) for form in formats], out=str(out or path.with_name("result"))
        )
    contents = {form: base.getvalue() + tail.getvalue() for form, (base, tail) in parts.items()}
    return contents, result.summary, result.sizes
