"""The application: the table of verbs, and the one place that turns errors into exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from aoftool import __version__
from aoftool.cli.exit_codes import CLOSED_PIPE, INTERRUPTED, OUR_BUG, USAGE
from aoftool.cli.typed import remember, typed_verb
from aoftool.errors import AoftoolError, NotPermittedError, UsageError
from aoftool.escape import hide_excerpts

__all__ = ["VERBS", "build_app", "run"]

# Verbs whose JSON is one object a line.
_JSON_LINES = frozenset({"history", "keys", "log"})

VERBS = (
    "inspect",
    "check",
    "fix",
    "undo",
    "rewrite",
    "keys",
    "growth",
    "log",
    "history",
    "audit",
    "diff",
    "explain",
)
"""Every verb in the order of the help; each is a module of this room that can `register` itself."""


class _Verbs(TyperGroup):
    """Shows each verb with its whole summary; the framework cuts what does not fit."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the table of verbs."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, (verb.help or "").partition("\n\n")[0]) for name, verb in found if verb is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def build_app(verbs: Sequence[str] = VERBS) -> typer.Typer:
    """Return the application with some of its verbs; only their modules are imported."""
    app = typer.Typer(
        name="aoftool",
        cls=_Verbs,
        help="Inspect, check, repair and rewrite the append-only files of Valkey and Redis, offline.",
        rich_markup_mode=None,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog="Run `aoftool VERB --help` for a verb's options, examples and exit codes.",
    )
    app.callback()(_top)
    for verb in verbs:
        import_module(f"aoftool.cli.{verb}").register(app)
    return app


def _verbs_for(arguments: Sequence[str]) -> Sequence[str]:
    """Return the one verb that is meant, or all of them where that cannot be told.

    A run then pays for its own verb alone; help, completion and typing errors need them all.
    """
    first = arguments[0] if arguments else ""
    return (first,) if first in VERBS else VERBS


def _show_version(wanted: bool) -> None:
    if not wanted:
        return
    from aoftool.cli.versions import describe

    print(describe(__version__))
    raise typer.Exit


def _top(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show versions and which scanner is in use.",
            callback=_show_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    pass


def error_json(error: AoftoolError) -> dict[str, object]:
    """Return an error as one JSON object."""
    return {
        "schema": "aoftool.error/1",
        "error": type(error).__name__,
        "message": error.message,
        "path": error.path,
        "offset": error.offset,
        "hint": error.hint,
        "exit_code": error.exit_code,
    }


def _report_error(error: AoftoolError, as_json: bool) -> None:
    """Show an error on stderr for people; with --json as one object on stdout."""
    if as_json:
        import json

        # One line where the answer would be lines.
        print(json.dumps(error_json(error), indent=None if typed_verb() in _JSON_LINES else 2))
        return
    from aoftool.cli.console import render_error

    print(render_error(error), file=sys.stderr)


def _name_user(error: AoftoolError, arguments: list[str]) -> None:
    """Let what to type next be this very command line, run by a user who may."""
    if isinstance(error, NotPermittedError):
        from aoftool.next_step import quoted

        words = [word if word.startswith("-") and word.isascii() else quoted(word) for word in arguments]
        error.hint = " ".join([error.run_as, "aoftool", *words])


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
    command = typer.main.get_command(build_app(_verbs_for(arguments)))
    return command.main(args=arguments, prog_name="aoftool", standalone_mode=False)


def run(args: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    arguments = list(args)
    remember(arguments)
    try:
        if "--json" in arguments:
            _name_generations()
        code = _main(arguments)
        sys.stdout.flush()
        _tell_rewrites()
    except AoftoolError as error:
        from aoftool.cli.ending import placed

        _name_user(error, arguments)
        _report_error(placed(error, arguments), "--json" in arguments)
        return error.exit_code
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


def _tell_rewrites() -> None:
    """Say on stderr which generation was read, where a server has replaced it meanwhile."""
    inputs = sys.modules.get("aoftool.cli.inputs")
    note = inputs.note_of_rewrites() if inputs is not None else ""
    if note:
        print(f"aoftool: note: {note}", file=sys.stderr)


def _name_generations() -> None:
    from aoftool.cli.inputs import generations
    from aoftool.report.jsonout import add_members

    add_members(generations)


def _let_go() -> None:
    output = sys.modules.get("aoftool.report.jsonout")
    if output is not None:
        output.add_members(None)
    inputs = sys.modules.get("aoftool.cli.inputs")
    if inputs is not None:
        inputs.forget_inputs()


def _leave_closed_pipe() -> int:
    """Return the code for it; keep the interpreter from complaining about it once more at its end."""
    import os

    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    return CLOSED_PIPE
