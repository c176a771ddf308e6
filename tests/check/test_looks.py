"""What looks say for one set of commands against another."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.check.stream.looks import Looks, form_of
from aoftool.check.stream.shapes import Shape, chain
from aoftool.check.stream.window import Reader
from aoftool.files.source import open_source
from tests.builders import command, log

HELD = log(*(command("SET", f"cached:{n}", "reply") for n in range(40)))
OWN = log(*(command("HSET", f"user:{n}", "field", "some longer value") for n in range(40)))
BOTH = log(*(command("DEL", f"key:{n}") for n in range(40)))


@pytest.fixture
def read(tmp_path: Path) -> tuple[Reader, list[Shape], list[Shape], list[Shape]]:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(HELD + OWN + BOTH)
    reader = Reader(open_source(path), path.stat().st_size)
    shapes = list(chain(reader, 0, 120))
    return reader, shapes[:40], shapes[40:80], shapes[80:]


def test_a_form_is_the_name_the_count_and_the_letters_of_the_key(
    read: tuple[Reader, list[Shape], list[Shape], list[Shape]],
) -> None:
    reader, held, own, _ = read

    assert form_of(reader, held[0]) == (b"SET", 3, b"cached")
    assert form_of(reader, own[0]) == (b"HSET", 4, b"user")


def test_a_look_speaks_for_the_set_that_has_shown_it(
    read: tuple[Reader, list[Shape], list[Shape], list[Shape]],
) -> None:
    reader, held, own, both = read
    inner, outer = Looks(reader, held[:30] + both[:20]), Looks(reader, own[:30] + both[20:])

    assert inner.odds(held[35], outer) > 3
    assert inner.odds(own[35], outer) < -1
    assert abs(inner.odds(both[0], outer)) < 1


def test_a_set_that_has_shown_nothing_says_nothing(
    read: tuple[Reader, list[Shape], list[Shape], list[Shape]],
) -> None:
    reader, held, own, _ = read

    assert Looks(reader).odds(held[0], Looks(reader, own)) == pytest.approx(0)


def test_looks_of_two_sets_add_up(read: tuple[Reader, list[Shape], list[Shape], list[Shape]]) -> None:
    reader, held, own, both = read

    sum_of_both = Looks(reader, held).with_those(Looks(reader, own))

    assert sum_of_both.commands == 80
    assert sum_of_both.odds(held[0], Looks(reader, both)) == pytest.approx(
        Looks(reader, held + own).odds(held[0], Looks(reader, both))
    )
