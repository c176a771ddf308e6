"""What to type next: command lines that can be pasted as they stand.

The one home of every line that proposes a call of aoftool: the path is always in it and quoted for a
POSIX shell, also where its name holds bytes that no screen may show. Knows no verb and judges nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from aoftool.escape import printable

__all__ = ["Again", "again", "next_step", "quoted", "shell_word", "typed_again"]

_STDIN = "-"


def next_step(verb: str, path: str | os.PathLike[str], *options: str) -> str:
    """Return the line that runs a verb on a log.

    Standard input is gone when the line is read, so for that it is a sentence with the line in it.

    Args:
        verb: with what else stands in front of the options.
        path: the log as the user named it; `-` for standard input.
        options: words between verb and path, as they are typed; empty ones are left out.
    """
    words = ["aoftool", verb, *filter(None, options)]
    if os.fspath(path) == _STDIN:
        return f"save standard input to a file, then: {' '.join(words)} FILE"
    return " ".join([*words, quoted(path)])


def quoted(path: str | os.PathLike[str]) -> str:
    r"""Return a path as a word of a shell's command line.

    A name that is no printable text is spelled `$'...'`, which bash, zsh, ksh and POSIX 2024 read.
    """
    text = os.fspath(path)
    if text.startswith("-"):
        # Not an option, and not standard input.
        text = os.path.join(os.curdir, text)
    raw = os.fsencode(text)
    shown = printable(raw)
    if shown == text or "\\" not in shown.replace("\\\\", ""):
        return shell_word(text)
    return "$'" + shown.replace("'", "\\'") + "'"


def shell_word(word: str) -> str:
    """Return a word as a shell reads it back."""
    from shlex import quote  # loaded for a line that is shown: of a healthy log there is mostly none

    return quote(word)


class Again(str):
    """A hint that names options; with any one of its choices the same call goes on.

    A room knows which option helps, and not what was typed: from Python these words are the hint, and on the
    command line `typed_again` makes whole lines of it.

    Attributes:
        choices: the words of each choice, an option and its value.
    """

    choices: tuple[tuple[str, ...], ...] = ()


def again(*choices: Sequence[str]) -> Again:
    """Return the hint to make the call once more with an option added.

    Args:
        choices: an option and its value, for each way to go on; none for the same call.
    """
    if not choices:
        same = Again("run it again")
        same.choices = ((),)
        return same
    hint = Again(", or ".join(" ".join(words) for words in choices))
    hint.choices = tuple(map(tuple, choices))
    return hint


def typed_again(hint: Again, arguments: Sequence[str]) -> list[str]:
    """Return whole command lines, one for each choice.

    Args:
        arguments: what was typed behind the name of the program, the verb first.
    """
    verb, *others = arguments
    if hint.choices == ((),):
        return [" ".join(["aoftool", verb, *map(_word, others)])]
    return [
        " ".join(["aoftool", verb, *words, *map(_word, _without(others, words[0]))]) for words in hint.choices
    ]


def _without(words: Sequence[str], option: str) -> list[str]:
    """Return words without an option that takes a value."""
    kept: list[str] = []
    left = iter(words)
    for word in left:
        if word == option:
            next(left, None)
        elif not word.startswith(option + "="):
            kept.append(word)
    return kept


def _word(word: str) -> str:
    """Return a word as it was typed; what begins with a dash stays an option, or standard input."""
    return shell_word(word) if word.startswith("-") and word.isprintable() else quoted(word)
