"""Numbers of arguments and names, command by command, against what real servers do with them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.loaders.targets import Target, target_named
from aoftool.check.model import Outcome, ServerOutcome, Severity
from aoftool.check.vocabulary import argument_limits, unknown_to
from aoftool.commands.table import CommandSpec, all_commands
from aoftool.releases import in_words
from tests.builders import command
from tests.servers.discovery import Build, server_params
from tests.servers.process import Server

# They end a loader or wait whatever their arguments are, or have tests of their own.
APART = frozenset(
    {b"SHUTDOWN", b"DEBUG", b"MULTI", b"EXEC", b"DISCARD", b"WAIT", b"WAITAOF", b"REPLICAOF", b"SLAVEOF"}
    | {b"MONITOR", b"SYNC", b"PSYNC", b"FAILOVER", b"QUIT", b"RESET", b"BGREWRITEAOF", b"BGSAVE", b"SAVE"}
)
TO_SPREAD = 12
"""One form in so many is tried in the default run."""


def all_specs() -> Iterator[CommandSpec]:
    for spec in all_commands():
        if spec.name not in APART:
            yield spec
            yield from spec.subcommands.values()


def wrong_forms(target: Target) -> Iterator[tuple[bytes, ...]]:
    """Yield commands that a target does not know, or with one argument too few or too many."""
    for spec in all_specs():
        words = [spec.name] if spec.subcommand is None else [spec.name, spec.subcommand]
        least, most = argument_limits(spec.name, spec.subcommand, target)
        unknown = target in unknown_to(spec.name, spec.subcommand)
        for count in {least - 1, most + 1} if not unknown else {abs(spec.arity)}:
            if len(words) <= count < 40:
                yield tuple(words + [b"1"] * (count - len(words)))


def aof(path: Path, argv: tuple[bytes, ...]) -> Path:
    file = path / "appendonly.aof"
    file.write_bytes(command("SET", "k", "v") + command(*argv) + command("SET", "l", "v"))
    return file


def reads_astray(foretold: ServerOutcome) -> bool:
    """Tell whether a server reads memory behind the arguments: mostly it crashes, not always."""
    return foretold.outcome is Outcome.CRASH and "not there" in foretold.message


def differences(build: Build, path: Path, forms: list[tuple[bytes, ...]]) -> list[str]:
    """Return the forms that a server did something else with than was foretold."""
    line = build.release
    found = []
    for argv in forms:
        file = aof(path, argv)
        foretold = check(find_log(file)).outcome(line)
        with Server(build, source=file, databases=16) as server:
            seen = server.outcome
        assert seen is not None
        what = Outcome.LOAD if seen.loaded else Outcome.CRASH if seen.signal else Outcome.REFUSE
        if what is not foretold.outcome and not reads_astray(foretold):
            found.append(f"{argv}: foretold {foretold.outcome.value}, was {what.value} {seen.log[-200:]}")
        # Wording is foretold for Valkey; the rest of a message names the file, another one in this log.
        if line.startswith("valkey") and foretold.message.rpartition("error: ")[2] not in seen.log:
            found.append(f"{argv}: foretold {foretold.message} {seen.log[-200:]}")
    return found


def target_of(build: Build) -> Target:
    return target_named(build.release)


@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(since="6.0"), ids=str)
def test_wrong_forms_end_a_loader_as_foretold(server_build: Build, tmp_path: Path) -> None:
    forms = sorted(wrong_forms(target_of(server_build)))
    chosen = random.Random(str(server_build)).sample(forms, len(forms) // TO_SPREAD)

    assert differences(server_build, tmp_path, chosen) == []


@pytest.mark.soak
@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(since="6.0"), ids=str)
def test_every_wrong_form_ends_a_loader_as_foretold(server_build: Build, tmp_path: Path) -> None:
    forms = sorted(wrong_forms(target_of(server_build)))

    assert differences(server_build, tmp_path, forms) == []


def test_a_form_that_one_server_does_not_have_is_a_warning(tmp_path: Path) -> None:
    file = aof(tmp_path, (b"PEXPIREAT", b"k", b"4102444800000", b"NX"))

    report = check(find_log(file))

    assert [(f.code, f.severity) for f in report.findings] == [("wrong-arity", Severity.WARNING)]
    assert {row.outcome for row in report.outcomes} == {Outcome.LOAD}
    assert report.outcome("redis-6.2").notes == ("PEXPIREAT at offset 27 has surplus arguments and is run",)
    assert report.outcome("redis-7.0").notes == ()


def test_a_form_that_nobody_takes_is_damage_though_one_server_lacks_the_command(tmp_path: Path) -> None:
    file = aof(tmp_path, (b"LMPOP", b"1"))

    report = check(find_log(file))

    damage = [f for f in report.findings if f.severity is Severity.DAMAGE]
    assert [f.code for f in damage] == ["wrong-arity"]
    refusing = [row.target for row in report.outcomes if row.outcome is Outcome.REFUSE]
    assert in_words(refusing) == "redis-6.0 to 6.2, valkey-8.1 to 9.2"


def test_redis_runs_what_has_arguments_to_spare_and_may_die_of_what_lacks_them(tmp_path: Path) -> None:
    surplus = check(find_log(aof(tmp_path, (b"INCR", b"n", b"1")))).outcome("redis-7.0")
    short = check(find_log(aof(tmp_path, (b"INCR",)))).outcome("redis-7.0")

    assert (surplus.outcome, surplus.notes) == (
        Outcome.LOAD,
        ("INCR at offset 27 has surplus arguments and is run",),
    )
    assert short.outcome is Outcome.CRASH
