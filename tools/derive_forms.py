"""Derive `aoftool/commands/forms.json`, the option words of commands, from running servers.

    python tools/derive_forms.py SERVER_BINARY... > aoftool/commands/forms.json

Each server since 7.0 is asked for COMMAND DOCS. A word is known since the version its documentation
names; where it names none and the next older server asked lacks the word, since the server that has it.
Words of releases without a server at hand, and words whose documentation leaves out when they came, are in
`READ`, from the public documentation and sources.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from measure_release import ask

Version = tuple[int, int]
Words = dict[str, dict[str, dict[str, Version]]]
Found = dict[str, tuple[str | None, bool]]
Documented = tuple[str, Found]

# Words behind which an argument of their own stands.
TAKING: set[tuple[str, str]] = set()
# Valkey began as Redis 7.2: what that had, all of Valkey has.
FIRST = {"redis": (1, 0), "valkey": (7, 2)}
# Word, command, family, first version. Source: src/commands/*.json of each project.
READ: tuple[tuple[str, str, str, Version], ...] = (
    ("IFEQ", "DELEX", "valkey", (9, 2)),
    ("IFNE", "DELEX", "valkey", (9, 2)),
    ("CLAIM", "XREADGROUP", "redis", (8, 4)),
    # Measured: Redis 6.2.5 and 6.2.14 refuse it.
    ("ENTRIESREAD", "XGROUP CREATE", "redis", (7, 0)),
    ("ENTRIESREAD", "XGROUP SETID", "redis", (7, 0)),
    # Measured: Redis 6.0.16 refuses it.
    ("ANY", "GEORADIUSBYMEMBER", "redis", (6, 2)),
)


def version_of(text: str) -> Version:
    """Turn `8.4.0` into `(8, 4)`."""
    major, minor = text.split(".")[:2]
    return int(major), int(minor)


def words_of(arguments: list[Any], since: str | None) -> Found:
    """Return every option word below some arguments: the version its documentation names, and whether an
    argument of its own follows it."""
    found: Found = {}
    for argument in arguments:
        fields = (
            argument if isinstance(argument, dict) else dict(zip(argument[::2], argument[1::2], strict=True))
        )
        named = fields.get("since", since)
        if fields.get("token"):
            found[fields["token"].upper()] = named, fields["type"] != "pure-token"
        found.update(words_of(fields.get("arguments", []), named))
    return found


def documented(docs: dict[str, Any]) -> dict[str, Documented]:
    """Return the first version and the option words of every command and subcommand."""
    found: dict[str, Documented] = {}
    for name, flat in docs.items():
        fields = flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))
        inner = fields.get("subcommands", {})
        subcommands = inner if isinstance(inner, dict) else dict(zip(inner[::2], inner[1::2], strict=True))
        words = words_of(fields.get("arguments", []), None)
        found[name.upper().replace("|", " ")] = fields.get("since", "1.0.0"), words
        found.update(documented(subcommands))
    return found


def enter(table: Words, family: str, version: Version, older: set[str], docs: dict[str, Documented]) -> None:
    """Add what one server documents; servers of a family come oldest first.

    Args:
        older: commands of which the server before documented words: what it left out is new.
    """
    for command, (command_since, words) in docs.items():
        for word, (since, takes) in words.items():
            if takes:
                TAKING.add((command, word))
            known = table.setdefault(command, {}).setdefault(word, {})
            if family in known:
                continue
            first = version_of(since or command_since)
            if since is None and command in older:
                first = version
            known[family] = min(max(first, FIRST[family]), version)


def derive(binaries: list[Path]) -> Words:
    """Return the words of all commands that some server flags as writing, by family."""
    asked = sorted(ask(binary) for binary in binaries)
    table: Words = {}
    writes: set[str] = set()
    older: dict[str, set[str]] = {}
    for family, version, commands, docs in asked:
        writes |= {row[0].upper() for row in commands if "write" in row[2]}
        if docs:
            found = documented(docs)
            enter(table, family, version_of(version), older.get(family, set()), found)
            older[family] = {name for name, (_, words) in found.items() if words}
    for word, command, family, first in READ:
        table.setdefault(command, {}).setdefault(word, {})[family] = first
        writes.add(command)
    kept = {
        name: words for name, words in table.items() if name.split()[0] in writes | {"FUNCTION", "XGROUP"}
    }
    return {name: words for name, words in sorted(kept.items()) if words}


def main() -> None:
    """Print the table."""
    table = derive([Path(name) for name in sys.argv[1:]])
    print('{"schema": "aoftool-forms/1", "commands": {')
    rows = []
    for name, words in table.items():
        shown = {
            word: {family: ".".join(map(str, first)) for family, first in sorted(known.items())}
            | ({"takes": True} if (name, word) in TAKING else {})
            for word, known in sorted(words.items())
        }
        rows.append(f"{json.dumps(name)}: {json.dumps(shown)}")
    print(",\n".join(rows))
    print("}}")


if __name__ == "__main__":
    main()
