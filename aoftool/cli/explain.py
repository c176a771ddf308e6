"""`aoftool explain`: what is at this byte."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Annotated

import typer

from aoftool.cli.console import Color, results_console
from aoftool.cli.ending import shown_path, tell_damage
from aoftool.cli.exit_codes import DONE, NOT_JUDGED, VERDICT, epilog
from aoftool.cli.options import ColorOption, JsonOption, PathArgument
from aoftool.cli.places import is_number
from aoftool.cli.redaction import RedactOption, SaltOption, make_redactor
from aoftool.errors import InputError, UsageError
from aoftool.escape import excerpt_key, printable, typed_name
from aoftool.next_step import next_step

if TYPE_CHECKING:
    from aoftool.aof.layout import Log
    from aoftool.rdb.explain_model import Explanation

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb to the application."""
    app.command(epilog=epilog(VERDICT, NOT_JUDGED))(explain)


def explain(
    path: PathArgument = None,
    offset: Annotated[
        str | None,
        typer.Option("--offset", help="The byte: N, or FILE:N where the log has several files."),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Show the record of this key, or the last command with it.")
    ] = None,
    db: Annotated[int | None, typer.Option("--db", min=0, help="Look for the key in this database.")] = None,
    redact: RedactOption = None,
    salt: SaltOption = None,
    as_json: JsonOption = False,
    color: ColorOption = Color.auto,
) -> None:
    """Show what stands at a byte of a log, down to the entry.

    Says which part of the file it is (RDB header, record, value, command,
    argument, annotation) and what each byte of it means, as labelled hex. A
    key may be typed with escapes, such as 'k\\x00\\xff'.

    \b
    Examples:
      aoftool explain dump.rdb --offset 4477
      aoftool explain appendonlydir --offset appendonly.aof.1.incr.aof:13063
      aoftool explain appendonlydir --key user:1
    """
    from aoftool.cli.inputs import find_input

    redactor = make_redactor(redact, salt)
    if (offset is None) == (key is None):
        raise UsageError(
            "explain needs either --offset or --key",
            hint=next_step("explain", path or os.curdir, "--offset 0"),
        )
    log = find_input(path)
    found = _at(log, offset) if offset is not None else _of_key(log, typed_name(key or ""), db)
    if redactor is not None:
        from aoftool.analysis.explain_redacting import redacted_explanation

        found = redacted_explanation(found)
    if as_json:
        from aoftool.report.hexview import explanation_json
        from aoftool.report.jsonout import print_json

        print_json(explanation_json(found))
    else:
        from aoftool.report.hexview import render_explanation

        render_explanation(results_console(color), found)
    if key is not None:
        raise typer.Exit(_unread(log))


def _unread(log: Log) -> int:
    """Say where a file is damaged, for a key may stand behind that; return the exit code."""
    from aoftool.aof.model import LogKind
    from aoftool.check.checker import check
    from aoftool.check.model import Level, Severity

    if log.kind is LogKind.STDIN:
        return DONE
    for finding in check(log, Level.QUICK, ()).findings:
        if finding.severity is Severity.DAMAGE:
            name = shown_path(os.path.basename(finding.path))
            return tell_damage(log, (name, finding.start or 0, finding.message))
    return DONE


def _paths(log: Log) -> list[str]:
    return [file.path for file in log.files if file.exists]


def _at(log: Log, place: str) -> Explanation:
    """Explain a byte given as `N` or `FILE:N`."""
    from aoftool.aof.log import need_files
    from aoftool.rdb.explain import explain as explain_file

    name, _, number = place.rpartition(":")
    if not is_number(number):
        raise UsageError(f"not an offset: {printable(os.fsencode(place))}", hint="use N or FILE:N")
    need_files(log)
    paths = _paths(log)
    if name:
        paths = [path for path in paths if os.path.basename(path) == os.path.basename(name)]
    if len(paths) != 1:
        names = ", ".join(printable(os.fsencode(os.path.basename(path))) for path in _paths(log))
        raise UsageError("the offset does not say in which file", hint=f"use FILE:N with one of {names}")
    return explain_file(paths[0], offset=int(number))


def _of_key(log: Log, key: bytes, db: int | None) -> Explanation:
    """Explain where a key stands: the newest file that has it wins."""
    from aoftool.aof.log import need_files
    from aoftool.rdb.explain import explain as explain_file

    paths = _paths(log)
    for path in reversed(paths[1:]):
        with contextlib.suppress(InputError):
            return explain_file(path, key=key, db=db)
    if not paths:
        need_files(log)
        raise InputError("no file of the log is there", path=log.path)
    try:
        return explain_file(paths[0], key=key, db=db)
    except InputError as error:
        # The more telling kinds of this error are about the file, not about the key.
        if len(paths) == 1 or type(error) is not InputError:
            raise
        message = f"no key {excerpt_key(key)} in any of the {len(paths)} files"
        raise InputError(message, path=log.path) from error
