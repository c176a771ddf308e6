"""One vocabulary over all verbs: an option of one name has one meaning, one type and one text."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from aoftool.cli.app import VERBS, build_app, run
from aoftool.cli.options.old_spellings import OLD_SPELLINGS
from tests.builders import command, log, select, timestamp

# Options whose values are the verb's own, with the reason.
OWN = {
    "--format": "rewrite writes logs, export tables",
    "--by": "what rows can be by differs from verb to verb",
    "--now": "the clock of rewrite, and the settings of now of simulate",
    "--memory-limit": "what finds no room waits on disk for rewrite, and ends a query of sql",
    "--server": "a program to start, and for advise the address of one that runs",
    "--rate": "bytes a second that simulate reckons with, and that probe writes",
    "--target": "check foretells several releases, rewrite writes for one",
}
# Verbs that read what was collected of a server, or collect it, and no log: moments are times of the capture,
# and what is masked is not put in place of something of equal length.
OF_CAPTURES = {
    "advise": {"--since", "--until", "--for"},
    "capture": {"--for", "--redact", "--output", "-o", "--force"},
}
ROWS = ("inspect", "check", "keys", "growth", "log", "history", "audit", "diff", "sql", "fleet")


def options() -> dict[str, dict[str, Any]]:
    """Return the options of every verb, by verb and name."""
    group: Any = typer.main.get_command(build_app())
    return {
        verb: {
            name: option
            for option in group.commands[verb].params
            if option.param_type_name == "option"
            for name in option.opts
        }
        for verb in VERBS
    }


ALL = options()
SHARED = sorted(
    {name for own in ALL.values() for name in own if sum(name in other for other in ALL.values()) > 1}
)


@pytest.mark.parametrize("name", SHARED)
def test_an_option_of_one_name_is_one_option(name: str) -> None:
    if name in OWN:
        return
    found = {
        (str(own[name].type), own[name].multiple, own[name].metavar, own[name].help, tuple(own[name].opts))
        for verb, own in ALL.items()
        if name in own and name not in OF_CAPTURES.get(verb, ())
    }

    assert len(found) <= 1, found


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_what_all_have(verb: str) -> None:
    assert {"--json", "--color", "--redact"} <= ALL[verb].keys()
    assert "--salt" in ALL[verb] or verb == "capture"
    assert ("--csv" in ALL[verb]) is (verb in ROWS)
    assert "-n" not in ALL[verb] or "--dry-run" in ALL[verb]["-n"].opts
    assert not {"--top", "--from", "--to-offset", "--to-timestamp", "--before", "--nth"} & ALL[verb].keys()


@pytest.mark.parametrize("verb", VERBS)
def test_old_spellings_are_of_verbs_that_are_there_and_name_options_of_today(verb: str) -> None:
    for old, new in OLD_SPELLINGS.get(verb, {}).items():
        assert old not in ALL[verb]
        assert new in ALL[verb] or old == "--nth"


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = tmp_path / "a.aof"
    items = [command("SET", f"user:{number}", "x" * number) for number in range(12)]
    path.write_bytes(timestamp(1_700_000_000) + log(select(0), *items, ("DEL", "user:1"), ("FLUSHALL",)))
    return str(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (["inspect", "--by", "key", "--top", "3"], ["inspect", "--by", "key", "--limit", "3"]),
        (["inspect", "--by", "key", "-n", "3"], ["inspect", "--by", "key", "--limit", "3"]),
        (["growth", "-n3"], ["growth", "--limit=3"]),
        (["growth", "--top=3"], ["growth", "--limit", "3"]),
        (["check", "--top", "1"], ["check", "--limit", "1"]),
        (["rewrite", "-n", "--top", "1"], ["rewrite", "-n", "--limit", "1"]),
    ],
    ids=lambda words: " ".join(words),
)
def test_rows_are_limited_by_the_old_name_too(
    old: list[str], new: list[str], path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def shown(words: list[str]) -> tuple[int, str]:
        code, lines = run([*words, path]), capsys.readouterr().out.splitlines()
        # One line says how long it took.
        return code, "\n".join(line for line in lines if not line.startswith("time "))

    assert shown(old) == shown(new)


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_of_a_verb(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [verb] if verb else []
    texts = []
    for arguments in (["help", *words], [*words, "--help"]):
        assert run(arguments) == 0
        texts.append(capsys.readouterr().out)

    assert texts[0] == texts[1] != ""


def test_help_of_no_verb_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", "nosuch"]) == 2


@pytest.mark.parametrize(
    "words",
    [
        ["keys"],
        ["log"],
        ["history", "user:1"],
        ["audit"],
        ["check"],
        ["growth"],
        ["inspect"],
        ["explain", "--at", "0"],
    ],
    ids=" ".join,
)
def test_colour_repeats_what_words_say(
    words: list[str], path: str, capsys: pytest.CaptureFixture[str]
) -> None:

    texts = []
    for color in ("never", "always", "auto"):
        run([*words, "--color", color, path])
        texts.append(capsys.readouterr().out)

    assert texts[0] == texts[2]
    assert "\x1b" not in texts[0]
    assert re.sub(r"\x1b\[[0-9;]*m", "", texts[1]).split() == texts[0].split()


@pytest.mark.parametrize("words", [["history", "user:1"], ["audit"], ["check"]], ids=" ".join)
def test_colour_shows(words: list[str], path: str, capsys: pytest.CaptureFixture[str]) -> None:
    run([*words, "--color", "always", path])

    assert "\x1b[" in capsys.readouterr().out


def test_differences_have_colours(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(["diff", "--at", "before:FLUSHALL", "--color", "always", path])

    assert "\x1b[31m- " in capsys.readouterr().out


def test_findings_as_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(select(0), ("SET", "=k", "1")) + b"*3\r\n$3\r\nSE")

    assert run(["check", "--csv", str(path)]) == 1

    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["code"], row["severity"]) == ("torn-tail", "damage")
    assert int(row["start"]) < int(row["end"]) == path.stat().st_size


def test_several_databases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.aof"
    parts = [log(select(number), ("SET", "k", str(number))) for number in (0, 3, 5)]
    path.write_bytes(b"".join(parts))

    assert run(["history", "k", "--db", "0", "--db", "5", "--csv", str(path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 2
    assert run(["diff", "--at", "0", "--db", "3", "--db", "5", "--csv", str(path)]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 1 + 2
    assert run(["explain", "--key", "k", "--db", "3", str(path)]) == 0
    assert run(["explain", "--key", "k", "--db", "3", "--db", "5", str(path)]) == 2
