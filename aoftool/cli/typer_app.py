"""The application as typer knows it: for help, completion, and whatever is not typed as it should be.

typer reads the options of a verb from the signature of a function; here that signature is made from the
fields of its request.
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import Parameter, Signature
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from aoftool import __version__
from aoftool.cli.asked import asked_text
from aoftool.cli.declared import Option
from aoftool.cli.exit_codes import epilog
from aoftool.cli.options.old_spellings import current_spelling
from aoftool.cli.verb import REQUIRED, Asked, Verb, asked_of
from aoftool.cli.versions import describe

__all__ = ["application", "run_typer"]


class _Verbs(TyperGroup):
    """Shows each verb with its whole summary; the framework cuts what does not fit."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the table of verbs."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, (verb.help or "").partition("\n\n")[0]) for name, verb in found if verb is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class _Command(TyperCommand):
    """A verb that takes the spellings of earlier releases too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line."""
        return super().parse_args(ctx, current_spelling(self.name or "", args))


def application(verbs: Sequence[Verb]) -> typer.Typer:
    """Return the application with some of its verbs."""
    app = typer.Typer(
        name="aoftool",
        cls=_Verbs,
        help="Inspect, check, repair and rewrite the append-only files of Valkey and Redis, offline.",
        rich_markup_mode=None,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=f"{asked_text()}\n\nRun `aoftool help VERB` for a verb's options, examples and exit codes.",
    )
    app.callback()(_top)
    for verb in verbs:
        _add(app, verb)
    return app


def run_typer(arguments: list[str], verbs: Sequence[Verb]) -> object:
    """Run a command line and return its exit code; None where there is nothing to say about it."""
    command = typer.main.get_command(application(verbs))
    return command.main(args=arguments, prog_name="aoftool", standalone_mode=False)


def _add(app: typer.Typer, verb: Verb) -> None:
    asked = list(asked_of(verb.request))
    hints = {each.name: Annotated[each.type, _declared(each)] for each in asked}

    def command(**given: Any) -> None:
        raise typer.Exit(verb.do(verb.request(**given)))

    parameters = [
        Parameter(
            each.name,
            Parameter.POSITIONAL_OR_KEYWORD,
            default=Parameter.empty if each.default is REQUIRED else each.default,
            annotation=hints[each.name],
        )
        for each in asked
    ]
    command.__name__, command.__doc__ = verb.do.__name__, verb.do.__doc__
    command.__annotations__ = hints
    # inspect, by which typer reads it, takes a signature from the attributes of a function.
    vars(command)["__signature__"] = Signature(parameters)
    app.command(cls=_Command, epilog=epilog(*verb.codes))(command)


def _declared(asked: Asked) -> Any:
    """Return an argument or option as typer declares it."""
    own = asked.declared
    if isinstance(own, Option):
        return typer.Option(
            *own.names,
            help=own.help,
            metavar=own.metavar,
            min=own.min,
            max=own.max,
            rich_help_panel=own.rich_help_panel,
            show_default=own.show_default,
        )
    return typer.Argument(metavar=own.metavar, help=own.help, show_default=own.show_default)


def _show_version(wanted: bool) -> None:
    if wanted:
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
