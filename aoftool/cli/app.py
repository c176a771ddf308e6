"""The application: the table of verbs, and the one place that turns errors into exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from aoftool import __version__
from aoftool.budget import HOW_TO_RAISE, VARIABLE, multiply_budgets
from aoftool.cli.exit_codes import CLOSED_PIPE, DONE, INTERRUPTED, OUR_BUG, USAGE
from aoftool.cli.lean import read_request
from aoftool.cli.options.old_spellings import current_spelling
from aoftool.cli.typed import remember, typed_verb, was_typed
from aoftool.cli.verb import Application, Verb
from aoftool.errors import AoftoolError, NotPermittedError, UsageError
from aoftool.escape import hide_excerpts
from aoftool.next_step import parted

if TYPE_CHECKING:
    import typer

__all__ = ["VERBS", "build_app", "run", "verbs_named"]

_MOST_TIMES = 1e9
# Set by shells that ask what a word may be completed to.
_COMPLETION = "_AOFTOOL_COMPLETE"
# Verbs whose JSON is one object a line.
_JSON_LINES = frozenset({"history", "keys", "log"})

VERBS = (
    "inspect",
    "check",
    "fix",
    "undo",
    "guard",
    "snapshot",
    "rewrite",
    "keys",
    "growth",
    "log",
    "history",
    "audit",
    "diff",
    "export",
    "sql",
    "fleet",
    "explain",
    "report",
    "simulate",
    "probe",
    "advise",
    "capture",
)
"""Every verb in the order of the help; each is a module of `verbs/` that can `register` itself."""


def verbs_named(names: Sequence[str]) -> list[Verb]:
    """Return verbs as they register themselves; only their modules are imported."""
    app = Application()
    for name in names:
        import_module(f"aoftool.cli.verbs.{name}").register(app)
    return app.verbs


def build_app(verbs: Sequence[str] = VERBS) -> typer.Typer:
    """Return the application as the framework knows it, with some of its verbs."""
    from aoftool.cli.typer_app import application

    return application(verbs_named(verbs))


def error_json(error: AoftoolError) -> dict[str, object]:
    """Return an error as one JSON object."""
    return {
        "schema": "aoftool.error/1",
        "error": type(error).__name__,
        "message": error.message,
        "path": error.path,
        "offset": error.offset,
        **parted(error.hint),
        "exit_code": error.exit_code,
    }


def _report_error(error: AoftoolError, as_json: bool) -> None:
    """Show an error on stderr for people; with --json as one object on stdout."""
    if as_json:
        from aoftool.report.jsonout import json_text

        # One line where the answer would be lines.
        print(json_text(error_json(error), indent=None if typed_verb() in _JSON_LINES else 2))
        return
    from aoftool.cli.console import render_error

    print(render_error(error), file=sys.stderr)


def _name_user(error: AoftoolError, arguments: list[str]) -> None:
    """Let what to type next be this very command line, run by a user who may."""
    if isinstance(error, NotPermittedError):
        from aoftool.next_step import quoted

        words = [word if word.startswith("-") and word.isascii() else quoted(word) for word in arguments]
        error.hint = " ".join([error.run_as, "aoftool", *words])


def _name_line(error: AoftoolError, arguments: list[str]) -> None:
    """Let an option that helps be a whole line, and have an error that knows none name the help."""
    from aoftool.next_step import Again, typed_again

    if isinstance(error.hint, Again):
        error.hint = "\n".join(typed_again(error.hint, arguments))
    elif not error.hint:
        error.hint = f"aoftool {typed_verb()} --help".replace("  ", " ")


def _usage_error(error: Exception, as_json: bool) -> int:
    """Show what typer found wrong with the arguments; anything else is not ours to judge."""
    show = getattr(error, "show", None)
    if show is None:
        raise error
    code = int(getattr(error, "exit_code", USAGE))
    said = getattr(error, "format_message", lambda: "")()
    if as_json and said:
        _report_error(UsageError(said, hint=f"aoftool {typed_verb()} --help".replace("  ", " ")), as_json)
    else:
        show()
    return code


def _system_error(error: Exception, as_json: bool) -> int:
    """Show what the machine refuses; anything else is a bug of ours."""
    if isinstance(error, OSError):
        from aoftool.files.failures import system_error

        refused = system_error(error)
        if refused is not None:
            _report_error(refused, as_json and error.filename is not None)
            return refused.exit_code
    return _report_bug()


def _report_bug() -> int:
    import traceback

    traceback.print_exc()
    print(
        "aoftool: this is a bug in aoftool, not in your file. Nothing was changed unless said above.",
        file=sys.stderr,
    )
    return OUR_BUG


def _main(arguments: list[str]) -> object:
    """Do what a command line asks; what is not plainly a call of a verb is for the framework to read.

    A call pays for its own verb alone; help, completion and typing errors need them all.
    """
    if arguments == ["--version"]:
        from aoftool.cli.versions import describe

        print(describe(__version__))
        return DONE
    names: Sequence[str] = arguments[:1] if arguments and arguments[0] in VERBS else VERBS
    verbs = verbs_named(names)
    if len(verbs) == 1 and _COMPLETION not in os.environ:
        words = current_spelling(arguments[0], arguments[1:])
        asked = read_request(verbs[0].request, words)
        if asked is not None:
            return verbs[0].do(asked)
    from aoftool.cli.typer_app import run_typer

    return run_typer(arguments, verbs)


def run(args: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    arguments = list(args)
    if arguments[:1] == ["help"]:
        arguments = [*(word for word in arguments[1:2] if word != "help"), "--help"]
    remember(arguments)
    try:
        _choose_budget()
        if "--json" in arguments:
            _name_generations()
        code = _main(arguments)
        sys.stdout.flush()
        code = _tell_inputs(code)
    except AoftoolError as error:
        from aoftool.cli.ending import placed

        _name_user(error, arguments)
        told = placed(error, arguments)
        _name_line(told, arguments)
        _report_error(told, "--json" in arguments)
        return told.exit_code
    except BrokenPipeError:
        return _leave_closed_pipe()
    except SystemExit as leaving:
        # What typer makes of a closed pipe, whatever it is told about exceptions: code 1, a verdict here.
        if isinstance(leaving.__context__, BrokenPipeError):
            return _leave_closed_pipe()
        raise
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if type(error).__name__ == "Abort":
            return INTERRUPTED
        if hasattr(error, "show"):
            return _usage_error(error, "--json" in arguments)
        return _system_error(error, "--json" in arguments)
    finally:
        hide_excerpts(None)
        _let_go()
    return code if isinstance(code, int) else 0


def _choose_budget() -> None:
    """Let a replay take as many times more as the environment says."""
    text = os.environ.get(VARIABLE, "")
    try:
        factor = float(text or 1)
    except ValueError:
        factor = 0.0
    if not 0 < factor < _MOST_TIMES:
        raise UsageError(f"{VARIABLE} is {text!a}", hint=f"a number, such as 10: {HOW_TO_RAISE}")
    multiply_budgets(factor)


def _tell_inputs(code: object) -> object:
    """Say on stderr how the logs were found, and which were replaced meanwhile; return the exit code."""
    inputs = sys.modules.get("aoftool.cli.inputs")
    if inputs is None:
        return code
    logs = inputs.logs_read()
    if logs:
        from aoftool.cli.sets import tell_keys_twice, tell_sets

        code = tell_sets(code, typed_verb(), logs, salvaged=was_typed("--salvage"))
        # What was asked for in part, or of a repaired copy, says nothing of all keys.
        if not was_typed("--salvage") and not was_typed("--limit"):
            code = tell_keys_twice(code, typed_verb(), logs)
    note = inputs.note_of_rewrites()
    if note:
        print(f"aoftool: note: {note}", file=sys.stderr)
    return code


def _name_generations() -> None:
    from aoftool.cli.inputs import generations
    from aoftool.report.jsonout import add_members

    add_members(generations)


def _let_go() -> None:
    temporary = sys.modules.get("aoftool.files.temporary")
    if temporary is not None:
        temporary.remove_unfinished()
    output = sys.modules.get("aoftool.report.jsonout")
    if output is not None:
        output.add_members(None)
    inputs = sys.modules.get("aoftool.cli.inputs")
    if inputs is not None:
        inputs.forget_inputs()


def _leave_closed_pipe() -> int:
    """Return the code for it; keep the interpreter from complaining about it once more at its end."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    return CLOSED_PIPE
