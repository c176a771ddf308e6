"""Rewrite logs held in memory and hand back what was written."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.errors import AoftoolError
from aoftool.rewrite.model import OutputFormat, OutputSize, RewriteOptions, RewriteResult, RewriteSummary
from aoftool.rewrite.planner import RewritePlan, with_plan
from aoftool.rewrite.replay import _texts_py, replaying, texts
from aoftool.rewrite.runner import Sinks, write_rewrite
from aoftool.rewrite.shares.plan import open_bounded

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


def assert_same_both_ways(path: Path, release: str) -> None:
    """Assert that a log gives the same result in compiled code and by the reference.

    Args:
        release: reads the log and is its target.
    """
    options = RewriteOptions(target=release, written_by=release, now_ms=1)
    compiled = _outcome(path, options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replaying, "Runner", None)
        patch.setattr(replaying, "HOT", {})
        patch.setattr(texts, "split_rows", _texts_py.split_rows)
        patch.setattr(texts, "split_sets", _texts_py.split_sets)
        patch.setattr(texts, "encode_sets", _texts_py.encode_sets)
        reference = _outcome(path, options)

    assert compiled == reference


def _outcome(path: Path, options: RewriteOptions) -> object:
    """Return what was written and counted, or why nothing was."""
    try:
        contents, _, sizes = rewritten(path, options)
    except AoftoolError as error:
        # Not its text: a command that stops is counted among those that the keyspace has seen.
        return type(error), error.path, error.offset
    return contents, sizes
