"""The command line as it was typed, to be proposed again with other options.

Holds for one run of the program; knows no verb.
"""

from __future__ import annotations

from collections.abc import Sequence

from aoftool.next_step import quoted, shell_word

__all__ = ["keep_progress", "kept_progress", "remember", "typed_verb", "typed_with", "was_typed"]

STDIN = "-"
_typed: list[str] = []
_progress: list[tuple[str, bool]] = []
_DRY = ("-n", "--dry-run")
_YES = ("-y", "--yes")
_SAME = {"-o": ("-o", "--output")}


def remember(arguments: Sequence[str]) -> None:
    """Keep the words of this run."""
    _typed[:] = arguments
    _progress.clear()


def keep_progress(mode: str, *, quiet: bool) -> None:
    """Keep how this run shows progress, for work that no verb knows of."""
    _progress[:] = [(mode, quiet)]


def kept_progress() -> tuple[str, bool] | None:
    """Return how this run shows progress: mode, and whether nothing is to be said; None before any."""
    return _progress[0] if _progress else None


def typed_verb() -> str:
    """Return the verb of this run, empty where none was typed."""
    return _typed[0] if _typed and not _typed[0].startswith("-") else ""


def was_typed(option: str) -> bool:
    """Tell whether an option, such as `--salvage` or `-o OUT`, was typed; a value may differ."""
    name = option.split()[0]
    names = _SAME.get(name, (name,))
    return any(word == other or word.startswith(f"{other}=") for word in _typed for other in names)


def typed_with(path: str, given: str | None, *options: str, dry_run: bool = False) -> str:
    """Return the same command line with more options.

    Args:
        path: of the log, to be added where none was typed.
        given: the path as it was typed, None for none.
        options: words to add behind the verb, those that are there already left out.
        dry_run: whether it is to stop after the plan.
    """
    idle = (*_DRY, *(_YES if dry_run else ()))
    words = [word for word in _typed[1:] if word not in idle]
    more = [word for option in options for word in option.split() if word not in words]
    shown = [_word(word, given) for word in words]
    last = [] if given is not None else [quoted(path)]
    line = " ".join(["aoftool", *_typed[:1], *(["--dry-run"] if dry_run else []), *more, *shown, *last])
    return f"save standard input to a file, then: {line}" if given == STDIN else line


def _word(word: str, given: str | None) -> str:
    if word != given:
        return shell_word(word)
    return "FILE" if word == STDIN else quoted(word)
