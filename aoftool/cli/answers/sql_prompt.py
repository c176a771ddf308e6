"""The prompt of `aoftool sql`: queries as they are typed, each answered when it ends."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aoftool.cli.answers.sql import answer
from aoftool.cli.console import render_error
from aoftool.errors import AoftoolError

if TYPE_CHECKING:
    from aoftool.cli.options.common_options import Form
    from aoftool.cli.requests.sql import SqlRequest
    from aoftool.tables.sql import Database

__all__ = ["prompt"]

_PROMPT, _MORE = "sql> ", "...> "
_HELP = """\
A query ends with a semicolon. SHOW TABLES lists the tables, DESCRIBE commands its columns.
.quit or the end of input leaves."""


def prompt(database: Database, form: Form, asked: SqlRequest) -> None:
    """Read queries until the end of input; an error ends a query, and not the prompt."""
    is_terminal = sys.stdin.isatty()
    if is_terminal:
        _complete(database)
        print("Queries end with a semicolon; .help tells more.", file=sys.stderr)
    held: list[str] = []
    while True:
        try:
            line = input((_MORE if held else _PROMPT) if is_terminal else "")
        except EOFError:
            break
        except KeyboardInterrupt:
            held = []
            print(file=sys.stderr)
            continue
        word = line.strip().lower()
        if not held and word in (".quit", ".exit", "quit", "exit"):
            return
        if not held and word == ".help":
            print(_HELP, file=sys.stderr)
            continue
        held.append(line)
        if word.endswith(";"):
            _one(database, "\n".join(held), form, asked, go_on=is_terminal)
            held = []
    if "".join(held).strip():
        _one(database, "\n".join(held), form, asked, go_on=is_terminal)


def _one(database: Database, query: str, form: Form, asked: SqlRequest, *, go_on: bool) -> None:
    try:
        answer(database, query, form, asked)
    except AoftoolError as error:
        if not go_on:
            raise
        print(render_error(error), file=sys.stderr)
    except KeyboardInterrupt:
        if not go_on:
            raise
        print("aoftool: interrupted", file=sys.stderr)


def _complete(database: Database) -> None:
    """Let TAB complete names, where Python has a line editor."""
    try:
        import readline
    except ImportError:
        return
    names = database.words()

    def complete(text: str, state: int) -> str | None:
        found = [name for name in names if name.startswith(text.lower())]
        return found[state] if state < len(found) else None

    readline.set_completer_delims(" \t\n(),;=<>+-*/'\"")
    readline.set_completer(complete)
    readline.parse_and_bind("tab: complete")
