"""What to type next: command lines that can be pasted as they stand.

The one home of every line that proposes a call of aoftool: the path is always in it and quoted for a
POSIX shell, also where its name holds bytes that no screen may show. Knows no verb and judges nothing.
"""

from __future__ import annotations

import os
import shlex

from aoftool.escape import printable

__all__ = ["next_step", "quoted"]

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
        return shlex.quote(text)
    return "$'" + shown.replace("'", "\\'") + "'"
