"""What the sieve for unknown forms hands on is all that is one, and a count clears what cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.commands.areas import STARTS, areas, may_hold_unknown_forms
from aoftool.commands.counts import has_too_many
from aoftool.commands.forms import all_words
from aoftool.commands.table import all_commands, lookup
from aoftool.files.source import open_source
from aoftool.replay.doubt import unknown_form, unknown_words_of
from aoftool.replay.unknown_forms import (
    find_unknown_forms,
    unknown_in_area,
)
from aoftool.resp.scanner import tally
from aoftool.resp.watch import Watch
from tests import builders
from tests.rewrite.test_unknown_forms import WITH_OPTIONS, with_unknown_option

WATCH = Watch(areas=areas())
WRITERS = sorted(
    spec.name for spec in all_commands() if spec.is_write and not spec.of_module and not spec.is_container
)
WORDS = [*sorted(all_words()), b"FROB", b"frob", b"k", b"1", b"0", b"2", b"1-1", b"-1", b"1e5", b"inf", b"u8"]


@given(name=st.sampled_from(WRITERS), rest=st.lists(st.sampled_from(WORDS), max_size=8))
def test_every_unknown_form_is_handed_on(name: bytes, rest: list[bytes]) -> None:
    argv = [name, *rest]
    spec = lookup(name)
    assert spec is not None
    if len(argv) >= abs(spec.arity) and unknown_words_of(argv).startswith("the option"):
        assert WATCH.wants_form(name, argv), argv


def test_what_is_passed_over_without_the_table_of_words_has_no_room_for_one() -> None:
    known = areas()

    assert [name for name, start in STARTS.items() if known[name].start < start] == []


@pytest.mark.parametrize("name", WITH_OPTIONS, ids=bytes.decode)
def test_an_option_that_no_release_has_is_found(name: bytes, tmp_path: Path) -> None:
    argv = with_unknown_option(name)
    plain = [[b"SET", b"a", b"1"]]
    path = tmp_path / "log.aof"
    path.write_bytes(builders.log(*plain, argv, *plain))

    with open_source(path) as source:
        assert may_hold_unknown_forms(tally(source))
        ((command, what),) = find_unknown_forms(source, 0)

    assert (command.offset, command.length) == (len(builders.log(*plain)), len(builders.log(argv)))
    assert what == unknown_form(argv) == "the option FROBWORD"


@pytest.mark.parametrize(
    "line",
    [
        "INCR k FROB",
        "HSET h f v FROB",
        "HMSET h f v 5",
        "MSET a 1 b",
        "ZADD z NX 1 m 2",
        "GEOADD g 1 2 m 3 4",
        "XADD s MAXLEN ~ 5 1-1 f",
        "XADD s 1-1 f v g",
        "LPOP l 1 FROB",
        "XGROUP DESTROY s g FROB",
        "SETEX k 5 v 6",
    ],
)
def test_more_arguments_than_any_release_takes_are_found(line: str, tmp_path: Path) -> None:
    argv = line.encode().split(b" ")
    if line == "XADD s MAXLEN ~ 5 1-1 f":
        assert not has_too_many([*argv[:-1], b"f", b"v"])
    path = tmp_path / "log.aof"
    path.write_bytes(builders.log(argv))

    with open_source(path) as source:
        assert may_hold_unknown_forms(tally(source))
        ((_, what),) = find_unknown_forms(source, 0)

    assert what == f"the form with {len(argv)} arguments"


@pytest.mark.parametrize(
    "line",
    [
        "SET k v PXAT 5",
        "SET k FROB",
        "SET fleet truck1 POINT 33.5 -112.2",
        "PERSIST k m",
        "ZADD z inf m",
        "ZADD z NX CH 1 m 2 n",
        "ZUNIONSTORE d 2 a b WEIGHTS inf 1e5",
        "GEORADIUS g 1 2 1e5 m STORE FROB",
        "XADD s IDMP FROB FROB MAXLEN = 5 1-1 FROB FROB",
        "HPEXPIREAT h 5 FIELDS 2 FROB GROB",
        "BITFIELD k SET u8 0 1 INCRBY I64 #1 5",
        "SORT l BY w* GET # STORE FROB",
        "LINSERT l BEFORE FROB GROB",
        "VADD v REDUCE 5 FP32 FROB GROB CAS Q8 EF 5 SETATTR FROB M 5",
        "VADD v VALUES 2 1 2 FROB",
        "VADD v",
        "MIGRATE h 1 k 0 5 COPY AUTH2 FROB GROB KEYS FROB GROB",
        "SET k",
        "INCR",
        "HSET h f",
        "JSON.SET k . FROB FROB FROB",
        "PUBLISH a b FROB",
        "LPUSH l FROB FROB FROB",
    ],
)
def test_what_some_release_or_engine_has_is_none(line: str) -> None:
    argv = line.encode().split(b" ")

    assert unknown_in_area(argv[0].upper(), argv) == ""


def test_a_count_clears_what_has_room_for_no_option(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    plain = [[b"SET", b"k", b"v"], [b"INCR", b"n"], [b"HSET", b"h", b"f", b"v"], [b"LPUSH", b"l", b"a", b"b"]]
    path.write_bytes(builders.log(*plain * 3))

    with open_source(path) as source:
        assert not may_hold_unknown_forms(tally(source))
