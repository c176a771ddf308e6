"""Commands that lack arguments: which of them servers without a count answer, and which end them."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.loaders.short_forms import LEAST
from aoftool.check.model import Outcome
from aoftool.commands.table import lookup
from tests.builders import command, select
from tests.servers.discovery import Build, server_params
from tests.servers.process import Server

NOTHING = b"nothing"
# A command may not lack an argument on every server; these may not be in a log at all.
UNTRIED = {"PSUBSCRIBE", "SUBSCRIBE", "SSUBSCRIBE"}


def shortest(name: str) -> list[bytes]:
    """Return a command with as many arguments as its code needs to notice that some are missing."""
    words = [word.encode() for word in name.split("|")]
    return words + [NOTHING] * (LEAST[name] - len(words))


def lacks_arguments(name: str, release: str) -> bool:
    words = shortest(name)
    spec = lookup(words[0], words[1] if "|" in name else None)
    return spec is not None and spec.exists_on(release) and not spec.arity_ok(len(words), release)


@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(kind="redis"), ids=str)
def test_what_is_said_to_be_answered_is_answered(server_build: Build, tmp_path: Path) -> None:
    names = [name for name in LEAST if lacks_arguments(name, server_build.release) and name not in UNTRIED]
    path = tmp_path / "appendonly.aof"
    path.write_bytes(select(0) + b"".join(command(*shortest(name)) for name in names))

    with Server(server_build, source=path) as server:
        assert server.outcome is not None
        assert server.outcome.loaded, server.outcome.log[-2000:]

    assert len(names) > 50
    assert check(find_log(str(path))).outcome(server_build.release).outcome is Outcome.LOAD


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        (("LMOVE", "b", "LEFT", "RIGHT"), Outcome.CRASH),
        (("BLMOVE", "b", "LEFT", "RIGHT"), Outcome.CRASH),
        (("LINSERT", "l", "BEFORE", "m"), Outcome.CRASH),
        (("HEXPIRE", "h", "9", "NX", "FIELDS"), Outcome.CRASH),
        (("XACK", "s"), Outcome.CRASH),
        (("XACK", "s", "g"), Outcome.LOAD),
        (("ZUNIONSTORE", "z"), Outcome.CRASH),
        (("ZUNIONSTORE", "z", "1"), Outcome.LOAD),
        (("DEL",), Outcome.LOAD),
    ],
)
def test_the_number_of_arguments_that_are_left_decides(
    words: tuple[str, ...], outcome: Outcome, tmp_path: Path
) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(select(0) + command(*words))

    found = check(find_log(str(path))).outcome("redis-8.0")

    assert found.outcome is outcome
    assert ("most times" in found.message) is (outcome is Outcome.CRASH)


def test_a_harmless_lack_does_not_hide_a_harmful_one(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(select(0) + command("XACK", "s", "g") + command("XACK", "s"))

    assert check(find_log(str(path))).outcome("redis-8.0").outcome is Outcome.CRASH
