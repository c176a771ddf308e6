"""The verbs and their options as plain records, read from the application itself.

For what is generated from the verbs: man pages and completions. Knows no format of either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

__all__ = ["Argument", "Option", "Verb", "program_help", "read_verbs"]


@dataclass(frozen=True)
class Argument:
    """One positional argument.

    Attributes:
        takes_path: it is the name of a file or folder.
        repeats: several may be given.
        required: one must be given.
    """

    name: str
    help: str
    takes_path: bool
    repeats: bool
    required: bool


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
        names: every spelling that help shows, short ones first.
        metavar: what stands for its value; empty for a flag.
        choices: the values that it takes, where they are few.
        takes_path: its value is the name of a file or folder.
        repeats: it may be given several times.
        panel: the heading under which help shows it.
        default: as help shows it; empty where there is none to show.
    """

    names: tuple[str, ...]
    metavar: str
    help: str
    choices: tuple[str, ...]
    takes_path: bool
    repeats: bool
    panel: str
    default: str


@dataclass(frozen=True)
class Verb:
    """One verb.

    Attributes:
        summary: its first sentence.
        paragraphs: what the help says behind it; lines that are to stay as they are begin with two blanks.
        examples: command lines.
        exit_codes: code and meaning.
    """

    name: str
    summary: str
    paragraphs: tuple[str, ...]
    examples: tuple[str, ...]
    arguments: tuple[Argument, ...]
    options: tuple[Option, ...]
    exit_codes: tuple[tuple[int, str], ...]


# What stands for a file or folder in the help: of arguments and of values.
_PATHS = frozenset(
    [
        "A",
        "B",
        "BUNDLE",
        "DIR",
        "DIRECTORY",
        "FILE",
        "FOLDER",
        "INPUT",
        "LOG",
        "OUT",
        "PATH",
        "PATTERN",
        "PROGRAM",
        "RECEIPT",
    ]
)


def read_verbs() -> list[Verb]:
    """Return every verb in the order of the help, with what help shows of it."""
    from aoftool.cli.app import VERBS

    return [_verb(name, _group().commands[name]) for name in VERBS]


def program_help() -> str:
    """Return the sentence that tells what the program does."""
    return str(_group().help)


@cache
def _group() -> Any:
    import typer

    from aoftool.cli.app import build_app

    return typer.main.get_command(build_app())


def _verb(name: str, command: Any) -> Verb:
    summary, *rest = _paragraphs(command.help or "")
    examples: list[str] = []
    others: list[str] = []
    for paragraph in rest:
        if paragraph.startswith("Examples:"):
            examples += [line.strip() for line in paragraph.splitlines()[1:]]
        else:
            others.append(paragraph)
    context = command.make_context(name, [], resilient_parsing=True, help_option_names=["-h", "--help"])
    return Verb(
        name,
        summary,
        tuple(others),
        tuple(examples),
        tuple(_argument(item) for item in command.params if item.param_type_name == "argument"),
        tuple(
            _option(item, context)
            for item in (*command.params, command.get_help_option(context))
            if item.param_type_name == "option" and not item.hidden
        ),
        tuple((int(code), text) for code, text in re.findall(r"^ +(\d+)  (.+)$", command.epilog or "", re.M)),
    )


def _paragraphs(text: str) -> list[str]:
    """Return paragraphs, filled to one line each; one behind a \\b line keeps its lines."""
    found = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        lines = paragraph.splitlines()
        if lines[0].strip() == "\b":
            first, *more = lines[1:]
            found.append("\n".join([first.strip(), *(f"  {line.strip()}" for line in more)]))
        else:
            found.append(" ".join(line.strip() for line in lines))
    return found


def _argument(item: Any) -> Argument:
    name = re.sub(r"[\[\].]", "", item.metavar or item.name).upper()
    return Argument(name, item.help or "", name in _PATHS, item.nargs == -1, bool(item.required))


def _option(item: Any, context: Any) -> Option:
    choices = tuple(map(str, getattr(item.type, "choices", ())))
    metavar = "" if item.is_flag or item.count else item.metavar or _metavar(item, choices)
    record = item.get_help_record(context)
    default = re.search(r"\[default: ([^;\]]+)", record[1] if record else "")
    names = sorted((*item.opts, *item.secondary_opts), key=lambda name: (name.startswith("--"), name))
    return Option(
        tuple(names),
        metavar,
        item.help or "",
        choices,
        metavar.partition("|")[0].partition(":")[0] in _PATHS,
        bool(item.multiple),
        getattr(item, "rich_help_panel", None) or "Options",
        default[1] if default else "",
    )


def _metavar(item: Any, choices: tuple[str, ...]) -> str:
    if choices:
        return "|".join(choices)
    return {"integer": "N", "integer range": "N", "float": "X", "float range": "X"}.get(
        item.type.name, "TEXT"
    )
