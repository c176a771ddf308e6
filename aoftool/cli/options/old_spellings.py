"""Options as earlier releases spelled them: accepted for one more release, and shown nowhere."""

from __future__ import annotations

import re

from aoftool.errors import UsageError

__all__ = ["OLD_SPELLINGS", "current_spelling"]

_STATE = {"--to-timestamp": "--to", "--to-offset": "--to", "--before": "--to", "--nth": ""}
_ROWS = {"--top": "--limit"}
_SHORT = "-n"

OLD_SPELLINGS: dict[str, dict[str, str]] = {
    "check": _ROWS,
    "explain": {"--offset": "--at"},
    "fix": _STATE,
    "growth": {**_ROWS, _SHORT: "--limit"},
    "inspect": {**_ROWS, _SHORT: "--limit"},
    "log": {"--from": "--since", "--to": "--until"},
    "rewrite": {**_STATE, **_ROWS},
}
"""By verb that has some, the option of today for each old one; `--nth` became a part of `--to`."""


def current_spelling(verb: str, args: list[str]) -> list[str]:
    """Return the words of a command line with the options of today.

    Raises:
        UsageError: an old option is typed beside the one that it became, or `--nth` without `--before`.
    """
    old = OLD_SPELLINGS.get(verb, {})
    if not old:
        return args
    words, nth = _without_nth(args) if "--nth" in old else (args, "")
    found: list[str] = []
    renamed: dict[str, str] = {}
    pending = ""
    for place, word in enumerate(words):
        if word == "--":
            return found + words[place:]
        if pending:
            found.append(_value(pending, word, nth))
            pending = ""
            continue
        name, equals, value = word.partition("=")
        if _SHORT in old and re.fullmatch(r"-n[0-9]+", word):
            name, equals, value = _SHORT, "=", word[2:]
        new = old.get(name)
        if new is None:
            found.append(word)
            continue
        renamed[new] = name
        found.append(f"{new}={_value(name, value, nth)}" if equals else new)
        pending = "" if equals else name
    _refuse_both(renamed, found)
    return found


def _refuse_both(renamed: dict[str, str], words: list[str]) -> None:
    for new, name in renamed.items():
        typed = [word for word in words if word == new or word.startswith(f"{new}=")]
        if len(typed) > 1:
            raise UsageError(f"{name} is {new}, which is there too; give one", hint=f"use {new} alone")


def _without_nth(args: list[str]) -> tuple[list[str], str]:
    """Return the words without `--nth N`, and N."""
    words, nth, takes = list[str](), "", False
    stop = args.index("--") if "--" in args else len(args)
    for word in args[:stop]:
        if takes:
            nth, takes = word, False
        elif word == "--nth":
            takes = True
        elif word.startswith("--nth="):
            nth = word[6:]
        else:
            words.append(word)
    if nth and not any(word == "--before" or word.startswith("--before=") for word in words):
        raise UsageError("--nth needs --before", hint="use --to before:NAME:NTH")
    if takes or (nth and not re.fullmatch("[1-9][0-9]{0,8}", nth)):
        raise UsageError("--nth takes a number from 1 on", hint="use --to before:NAME:NTH")
    return words + args[stop:], nth


def _value(name: str, value: str, nth: str) -> str:
    """Return what an old option was given, as today's takes it."""
    if name == "--before":
        # Colons of the name itself part nothing.
        escaped = value.replace(":", "\\x3a")
        return f"before:{escaped}:{nth}" if nth else f"before:{escaped}"
    if name == "--to-timestamp" and re.fullmatch("-?[0-9]{1,16}", value):
        return f"@{value}"
    return value
