"""What to type next: command lines that can be pasted as they stand, and advice that is a sentence.

The one home of every line that proposes a call of aoftool: the path is always in it and quoted for a
POSIX shell, also where its name holds bytes that no screen may show. It is told behind `next:`, and whatever
else helps behind `hint:`, so that nobody pastes a sentence. Knows no verb and judges nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from aoftool.escape import printable

__all__ = [
    "PROGRAMS",
    "Again",
    "again",
    "instead",
    "is_line",
    "next_step",
    "parted",
    "quoted",
    "shell_word",
    "told",
    "typed_again",
]

_STDIN = "-"
_NAMES_SHOWN = 5
PROGRAMS = frozenset({"aoftool", "aws", "az", "cp", "curl", "gcloud", "mv", "pip", "sudo"})
"""What a line may begin with; a sentence begins with none of these words."""


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
        return _saved(" ".join([*words, "FILE"]))
    return " ".join([*words, quoted(path)])


def _saved(line: str) -> str:
    return f"save standard input to a file, then: {line}"


def is_line(text: str) -> bool:
    """Tell whether a text is a command line, and not a sentence."""
    return text.partition(" ")[0] in PROGRAMS


def told(advice: str | None) -> list[str]:
    """Return the lines that say how to go on: what can be pasted behind `next:`, any other behind `hint:`.

    Args:
        advice: a line for each way to go on; None or empty for none.
    """
    lines = [line for line in (advice or "").split("\n") if line]
    return [f"{'next' if is_line(line) else 'hint'}: {line}" for line in lines]


def parted(advice: str | None) -> dict[str, str | None]:
    """Return the same as members of JSON: the lines that can be pasted, and the sentences."""
    lines = [line for line in (advice or "").split("\n") if line]
    pasted = "\n".join(line for line in lines if is_line(line))
    said = "\n".join(line for line in lines if not is_line(line))
    return {"next": pasted or None, "hint": said or None}


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
    """A hint that names options or other names; with any one of its choices the same call goes on.

    A room knows which option helps, and not what was typed: from Python these words are the hint, and on the
    command line `typed_again` makes whole lines of it.

    Attributes:
        choices: the words of each choice, an option and its value; or a name.
        replaced: what was typed where a name of the choices belongs; None for options.
        also: further lines, whatever was typed.
    """

    choices: tuple[tuple[str, ...], ...] = ()
    replaced: str | None = None
    also: tuple[str, ...] = ()


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


def instead(replaced: str, names: Sequence[str], *also: str) -> Again:
    """Return the hint to make the call once more with one of some names in place of what was typed.

    Args:
        replaced: what was typed, such as a folder that holds several logs.
        names: of them the first few are proposed.
        also: further lines.
    """
    shown = names[:_NAMES_SHOWN]
    hint = Again(f"name {'one of them' if len(names) > 1 else 'it'}: {', '.join(map(quoted, shown))}")
    hint.choices = tuple((name,) for name in shown)
    hint.replaced, hint.also = replaced, also
    return hint


def typed_again(hint: Again, arguments: Sequence[str]) -> list[str]:
    """Return whole command lines, one for each choice.

    Args:
        arguments: what was typed behind the name of the program, the verb first.
    """
    verb, *others = arguments
    if hint.replaced is not None:
        calls = [_renamed(others, hint.replaced, name) for (name,) in hint.choices]
    else:
        calls = [[*words, *_without(others, words[0])] if words else others for words in hint.choices]
    return [*(_typed(verb, words) for words in calls), *hint.also]


def _typed(verb: str, words: Sequence[str]) -> str:
    line = " ".join(["aoftool", verb, *map(_word, words)])
    at = [number for number, word in enumerate(words) if word == _STDIN]
    if not any(words[number - 1 : number] not in (["-o"], ["--output"]) for number in at):
        return line
    return _saved(" ".join(["aoftool", verb, *("FILE" if word == _STDIN else _word(word) for word in words)]))


def _renamed(words: Sequence[str], old: str, new: str) -> list[str]:
    """Return words with a name in place of another, which is added where none was typed."""
    found = [number for number, word in enumerate(words) if word == old or word.endswith(f"={old}")]
    if found:
        at = found[-1]
        return [*words[:at], words[at].removesuffix(old) + new, *words[at + 1 :]]
    # What was typed is a folder around it, or the same one otherwise spelled.
    around = [number for number, word in enumerate(words) if _is_around(word, old)]
    if not around:
        return [*words, new]
    at = max(around, key=lambda number: len(words[number]))
    return [*words[:at], new, *words[at + 1 :]]


def _is_around(word: str, path: str) -> bool:
    if word.startswith("-") or not os.path.exists(path):
        return False
    inner, outer = os.path.normpath(path), os.path.normpath(word)
    return inner == outer or inner.startswith(os.path.join(outer, "")) or outer == os.curdir


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
