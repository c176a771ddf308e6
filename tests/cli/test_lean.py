"""Both readers of command lines give one answer, and the lean one reads all that is well-formed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any

import pytest
import typer

from aoftool.cli.app import VERBS, verbs_named
from aoftool.cli.declared import Argument, Option
from aoftool.cli.lean import read_request
from aoftool.cli.options.old_spellings import current_spelling
from aoftool.cli.typer_app import application
from aoftool.cli.verb import REQUIRED, Asked, Verb, asked_of
from aoftool.errors import UsageError

REFUSED = "refused"


@cache
def by_typer(name: str) -> Callable[[list[str]], object]:
    """Return what reads the words of a verb as the framework does."""
    (verb,) = verbs_named([name])
    found: list[object] = []

    def keep(asked: object) -> int:
        found.append(asked)
        return 0

    keep.__name__ = name
    command = typer.main.get_command(application([Verb(keep, verb.request, verb.codes)]))

    def read(words: list[str]) -> object:
        found.clear()
        try:
            command.main(args=[name, *words], prog_name="aoftool", standalone_mode=False)
        except UsageError:
            return REFUSED
        except Exception as error:
            if not hasattr(error, "show"):
                raise
            return REFUSED
        return found[0] if found else REFUSED

    return read


def by_lean(name: str, words: list[str]) -> object:
    (verb,) = verbs_named([name])
    try:
        return read_request(verb.request, current_spelling(name, words))
    except UsageError:
        return REFUSED


def kind_of(asked: Asked) -> Any:
    kind = asked.type
    if isinstance(kind, UnionType):
        (kind,) = (each for each in kind.__args__ if each is not NoneType)
    return kind.__args__[0] if getattr(kind, "__origin__", None) is list else kind


def good_values(asked: Asked) -> list[str]:
    kind = kind_of(asked)
    if issubclass(kind, Enum):
        return [str(member.value) for member in kind]
    low = getattr(asked.declared, "min", None) or 0
    return {
        int: [str(low), str(low + 1)],
        float: ["0.5", "2"],
        str: ["a", "user:*", "ключ", "a b", "\udcff"],
    }[kind]


def names_of(asked: Asked) -> list[str]:
    assert isinstance(asked.declared, Option)
    return [
        part
        for name in asked.declared.names or [f"--{asked.name.replace('_', '-')}"]
        for part in name.split("/")
    ]


def typings(asked: Asked) -> Iterator[list[str]]:
    """Yield ways to type an option, all well-formed."""
    for name in names_of(asked):
        if kind_of(asked) is bool:
            yield [name]
            yield [name, name]
            continue
        for value in good_values(asked):
            yield [name, value]
            yield [f"{name}={value}"] if name.startswith("--") else [f"{name}{value}"]
        first, last = good_values(asked)[0], good_values(asked)[-1]
        yield [name, first, name, last]


def needed(request: type) -> list[str]:
    """Return words without which a verb cannot be called."""
    found = list[str]()
    for asked in asked_of(request):
        if asked.default is REQUIRED:
            found += (
                ["PLACE"]
                if isinstance(asked.declared, Argument)
                else [names_of(asked)[0], good_values(asked)[0]]
            )
    return found


def well_formed() -> Iterator[tuple[str, list[str]]]:
    for name in VERBS:
        (verb,) = verbs_named([name])
        least = needed(verb.request)
        fields = list(asked_of(verb.request))
        yield name, least
        yield name, [*least, "--"]
        yield name, ["--", *least] if not any(word.startswith("-") for word in least) else least
        for asked in fields:
            if isinstance(asked.declared, Option):
                for words in typings(asked):
                    yield name, [*least, *words]
                    yield name, [*words, *least]
        places = [asked for asked in fields if isinstance(asked.declared, Argument)]
        for count in range(len(least), len(places) + 1):
            yield name, [*least, *("-" if index else "a b" for index in range(count - len(least)))]
        flags = [
            n for a in fields if isinstance(a.declared, Option) and kind_of(a) is bool for n in names_of(a)
        ]
        short = "".join(flag[1] for flag in flags if not flag.startswith("--"))
        if short:
            yield name, [*least, f"-{short}"]
            yield name, [*least, f"-{short}{short}"]


WELL_FORMED = [(name, words) for name, words in well_formed()]


@pytest.mark.parametrize("name", VERBS)
def test_both_readers_give_one_answer_for_every_option_in_every_form(name: str) -> None:
    lines = [words for verb, words in WELL_FORMED if verb == name]
    assert lines

    for words in lines:
        read = by_lean(name, words)
        assert read is not None, words
        assert read == by_typer(name)(words), words


@pytest.mark.parametrize("name", VERBS)
def test_the_lean_reader_takes_nothing_that_the_framework_reads_otherwise(name: str) -> None:
    (verb,) = verbs_named([name])
    draw = random.Random(name)
    pieces = [word for verb_name, words in WELL_FORMED if verb_name == name for word in words]
    pieces += [
        "--",
        "-",
        "",
        "--nope",
        "-x",
        "-=",
        "--=",
        "=",
        "-h",
        "--help",
        "--json=1",
        "-qz",
        "-1",
        "0",
        "--limit=0",
    ]
    pieces += [
        name[:-1]
        for asked in asked_of(verb.request)
        if isinstance(asked.declared, Option)
        for name in names_of(asked)
    ]
    agreed = 0

    for _ in range(250):
        words = [draw.choice(pieces) for _ in range(draw.randint(1, 5))]
        read = by_lean(name, words)
        if read is None:
            continue
        agreed += read == by_typer(name)(words)
        assert read == by_typer(name)(words), words

    assert agreed


@pytest.mark.parametrize(
    "words",
    [
        ["--nope"],
        ["--limit"],
        ["--limit", "x"],
        ["--limit=0"],
        ["--json=yes"],
        ["--color", "pink"],
        ["-o=x"],
        ["--help"],
    ],
    ids=" ".join,
)
def test_what_is_not_well_formed_is_left_to_the_framework(words: list[str]) -> None:
    assert by_lean("rewrite", words) is None


def test_surroundings_set_no_option(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AOFTOOL_LIMIT", "AOFTOOL_CHECK_LIMIT", "LIMIT"):
        monkeypatch.setenv(name, "7")

    assert by_lean("check", []) == by_typer("check")([])
