"""Write share/man/man1/aoftool.1 and a page for each verb from the help texts; run it after changing a verb.

Source of the macros: groff's man(7); `mandoc -T lint` finds nothing wrong with the pages.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from verb_tree import Argument, Option, Verb, program_help, read_verbs

FOLDER = Path(__file__).resolve().parent.parent / "share" / "man" / "man1"


def pages() -> dict[str, str]:
    """Return the text of every page by its file name."""
    verbs = read_verbs()
    found = {"aoftool.1": _program(verbs)}
    for verb in verbs:
        found[f"aoftool-{verb.name}.1"] = _page(verb)
    return found


def roff(text: str) -> str:
    """Return plain text as it stands in a page: nothing in it is a request, every hyphen can be pasted."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha")
    return re.sub(r"^(?=[.'])", r"\\&", escaped, flags=re.M)


def _filled(text: str) -> str:
    """Return text in lines of a page's source; a line break there is a blank."""
    return roff(textwrap.fill(text, 70, break_long_words=False, break_on_hyphens=False))


def _head(name: str) -> str:
    from aoftool import __version__

    # No date: the same sources give the same bytes.
    return f'.TH {roff(name).upper()} 1 "" "aoftool {__version__}" "aoftool"\n'


def _program(verbs: list[Verb]) -> str:
    from aoftool.cli.asked import ASKED

    lines = [
        _head("aoftool"),
        ".SH NAME\naoftool \\- inspect, check, repair and rewrite append\\-only files\n",
    ]
    lines.append(".SH SYNOPSIS\n.B aoftool\n.I VERB\n.RI [ OPTIONS ]\n.RI [ PATH ]\n")
    lines.append(f".SH DESCRIPTION\n{_filled(program_help())}\nEach verb has a page of its own.\n.SH VERBS\n")
    lines += [f".TP\n.BR aoftool\\-{verb.name} (1)\n{_filled(verb.summary)}\n" for verb in verbs]
    lines.append(".SH EXAMPLES\n")
    lines += [f".TP\n{roff(question)}\n.B aoftool {roff(words)}\n" for question, words in ASKED]
    return "".join(lines)


def _page(verb: Verb) -> str:
    name = f"aoftool-{verb.name}"
    summary = verb.summary.rstrip(".")
    parts = [
        _head(name),
        f".SH NAME\n{roff(name)} \\- {roff(summary[0].lower() + summary[1:])}\n",
        f".SH SYNOPSIS\n.B aoftool {verb.name}\n.RI [ OPTIONS ]\n{''.join(map(_synopsis, verb.arguments))}",
        f".SH DESCRIPTION\n{_filled(verb.summary)}\n" + "".join(map(_paragraph, verb.paragraphs)),
    ]
    if verb.arguments:
        parts.append(".SH ARGUMENTS\n")
        parts += [f".TP\n.I {item.name}\n{_filled(item.help)}\n" for item in verb.arguments]
    panels = dict.fromkeys(option.panel for option in verb.options)
    for panel in panels:
        parts.append(f".SH {_quoted(panel.upper())}\n")
        parts += [_option(option) for option in verb.options if option.panel == panel]
    parts.append(".SH EXIT STATUS\n")
    parts += [f".TP\n.B {code}\n{roff(text)}\n" for code, text in verb.exit_codes]
    if verb.examples:
        parts.append(".SH EXAMPLES\n.nf\n" + "".join(f"{roff(line)}\n" for line in verb.examples) + ".fi\n")
    parts.append(".SH SEE ALSO\n.BR aoftool (1)\n")
    return "".join(parts)


def _quoted(text: str) -> str:
    return f'"{roff(text)}"' if " " in text else roff(text)


def _synopsis(argument: Argument) -> str:
    dots = " ..." if argument.repeats else ""
    return f".I {argument.name}{dots}\n" if argument.required else f".RI [ {argument.name}{dots.strip()} ]\n"


def _paragraph(text: str) -> str:
    first, *more = text.splitlines()
    if not more:
        return f".PP\n{_filled(first)}\n"
    return f".PP\n{roff(first)}\n.nf\n" + "".join(f"{roff(line)}\n" for line in more) + ".fi\n"


def _option(option: Option) -> str:
    names = ", ".join(f"\\fB{roff(name)}\\fR" for name in option.names)
    value = f" \\fI{roff(option.metavar)}\\fR" if option.metavar else ""
    notes = [option.help]
    if option.repeats and "repeat" not in option.help:
        notes.append("May repeat.")
    if option.default:
        notes.append(f"Default: {option.default}.")
    return f".TP\n{names}{value}\n{_filled(' '.join(notes))}\n"


def write() -> None:
    """Write the pages, and remove those of verbs that are gone."""
    made = pages()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.1"):
        old.unlink()
    for file_name, page in made.items():
        (FOLDER / file_name).write_text(page, encoding="utf-8")


if __name__ == "__main__":
    write()
