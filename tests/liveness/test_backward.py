"""Which commands are dead, rule by rule."""

from __future__ import annotations

import pytest

from aoftool.errors import UnsupportedError
from aoftool.liveness.model import Fate
from tests.liveness.pruning import decided, fates, pruned, trace_of

LIVE, TRIMMED, OVERWRITTEN, DELETED = "LIVE", "TRIMMED", "OVERWRITTEN", "DELETED"
FLUSHED, NO_EFFECT, FRAMING, NEEDLESS, UNFINISHED = (
    "FLUSHED",
    "NO_EFFECT",
    "FRAMING",
    "NEEDLESS",
    "UNFINISHED",
)


def left(*commands: str) -> list[str]:
    log = [line.encode().split() for line in commands]
    return [b" ".join(argv).decode() for argv in pruned(decided(log), log)]


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        (("SET a 1", "SET a 2"), [OVERWRITTEN, LIVE]),
        (("SET a 1", "INCR a"), [LIVE, LIVE]),
        (("INCR a", "SET a 1"), [OVERWRITTEN, LIVE]),
        (("LPUSH a 1", "DEL a"), [DELETED, NEEDLESS]),
        (("SET a 1", "SET a 2 NX"), [LIVE, LIVE]),
        (("SET a 1", "SET a 2 PXAT 0"), [LIVE, LIVE]),
        (("SET a 1", "GET a"), [LIVE, NO_EFFECT]),
        (("SET a 1", "COPY a b", "SET a 2", "SET b 3"), [OVERWRITTEN, OVERWRITTEN, LIVE, LIVE]),
        (("SET a 1", "COPY a b", "SET a 2"), [LIVE, LIVE, LIVE]),
        (("SET a 1", "SUNIONSTORE a b", "SADD b 1"), [LIVE, LIVE, LIVE]),
        (("SET b 1", "RENAME a b", "SET b 2"), [LIVE, LIVE, LIVE]),
        (("SET a 1", "RENAME a b", "DEL a", "SET b 2"), [DELETED, DELETED, NEEDLESS, LIVE]),
    ],
)
def test_a_command_is_dead_when_all_it_writes_is_replaced(
    commands: tuple[str, ...], expected: list[str]
) -> None:
    assert fates(*commands) == expected


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        (("SET a 1", "FLUSHDB"), [FLUSHED, NEEDLESS]),
        (("SET a 1", "FLUSHDB", "SELECT 1", "SET b 1"), [FLUSHED, NEEDLESS, FRAMING, LIVE]),
        (("SELECT 1", "SET a 1", "SELECT 0", "FLUSHDB"), [FRAMING, LIVE, FRAMING, NEEDLESS]),
        (("SELECT 1", "SET a 1", "SELECT 0", "FLUSHALL"), [FRAMING, FLUSHED, FRAMING, NEEDLESS]),
        (("FLUSHALL", "SET a 1", "FLUSHALL"), [FLUSHED, FLUSHED, NEEDLESS]),
        (("SET a 1", "FLUSHDB 1"), [LIVE, NO_EFFECT]),
        # What an option does that no release has, nobody knows.
        (("SET a 1", "FLUSHDB FOO"), [LIVE, LIVE]),
        (
            ("SET a 1", "COPY a b DB 1", "FLUSHDB"),
            [LIVE, LIVE, LIVE],
        ),
    ],
)
def test_a_flush_is_a_floor_for_its_databases(commands: tuple[str, ...], expected: list[str]) -> None:
    assert fates(*commands) == expected


def test_keys_of_trimmed_commands_fall_away_one_by_one() -> None:
    assert left("MSET a 1 b 2 c 3", "SET b 9") == ["MSET a 1 c 3", "SET b 9"]
    assert left("MSET a 1 a 2 b 3") == ["MSET a 2 b 3"]
    assert left("SET a 1", "COPY a z", "SET b 1", "COPY b y", "DEL a b c", "SET b 2") == [
        "SET a 1",
        "COPY a z",
        "SET b 1",
        "COPY b y",
        "DEL a",
        "SET b 2",
    ]
    assert left("MSETEX 2 a 1 b 2 PXAT 99", "SET a 1") == ["MSETEX 1 b 2 PXAT 99", "SET a 1"]


def test_conditional_forms_of_several_keys_live_or_die_as_a_whole() -> None:
    assert left("MSETNX a 1 b 2", "SET a 9") == ["MSETNX a 1 b 2", "SET a 9"]


def test_sort_with_a_pattern_keeps_its_whole_database_alive() -> None:
    assert fates("SET w1 5", "SORT l BY w* STORE d", "SET w1 6") == [LIVE, LIVE, LIVE]
    assert fates("SET w1 5", "SORT l BY nosort STORE d", "SET w1 6") == [OVERWRITTEN, LIVE, LIVE]
    assert fates("ZADD l 1 m", "SORT l", "DEL l") == [DELETED, DELETED, NEEDLESS]


def test_swapped_databases_are_followed_and_written_in_final_numbers() -> None:
    assert left("SET a 1", "SWAPDB 0 1", "SET a 2", "SWAPDB 1 2") == [
        "SELECT 2",
        "SET a 1",
        "SELECT 0",
        "SET a 2",
    ]


def test_numbers_inside_carried_commands_follow_the_swap() -> None:
    assert left("SET a 1", "MOVE a 1", "SET b 1", "COPY b c DB 1 REPLACE", "SWAPDB 1 3") == [
        "SET a 1",
        "MOVE a 3",
        "SET b 1",
        "COPY b c DB 3 REPLACE",
    ]


def test_refused_select_leaves_the_database_as_it_was() -> None:
    assert left("SELECT 1", "SELECT 99", "SET a 1") == ["SELECT 1", "SET a 1"]


def test_each_file_starts_in_database_0() -> None:
    first = [[b"SELECT", b"1"], [b"SET", b"a", b"1"]]
    second = [[b"SET", b"a", b"2"]]

    trace = decided(first, second)

    assert [chunk.fates.tolist() for chunk in trace.chunks] == [[Fate.FRAMING, Fate.LIVE], [Fate.LIVE]]


def test_a_transaction_counts_as_its_commands() -> None:
    assert fates("MULTI", "SELECT 1", "SET a 1", "EXEC", "SET a 2") == [
        FRAMING,
        FRAMING,
        OVERWRITTEN,
        FRAMING,
        LIVE,
    ]


def test_an_unfinished_transaction_never_happens() -> None:
    assert fates("SET a 1", "MULTI", "SELECT 1", "DEL a", chunk_rows=1) == [
        LIVE,
        UNFINISHED,
        UNFINISHED,
        UNFINISHED,
    ]
    assert trace_of([[b"MULTI"], [b"SELECT", b"3"]]).selected == 0


def test_an_unfinished_transaction_before_the_last_file_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="not the last one"):
        trace_of([[b"MULTI"]], [[b"SET", b"a", b"1"]])


@pytest.mark.parametrize("commands", [[[b"WATCH", b"a"]], [[b"MULTI"], [b"DISCARD"], [b"EXEC"]]])
def test_logs_whose_outcome_cannot_be_told_are_refused(commands: list[list[bytes]]) -> None:
    with pytest.raises(UnsupportedError):
        trace_of(commands)


def test_an_opaque_command_keeps_everything_before_it() -> None:
    assert fates("SET a 1", "FLUSHALL", "SET a 2", "EVAL x 0", "SET a 3", "SET a 4") == [
        FLUSHED,
        NEEDLESS,
        LIVE,
        LIVE,
        OVERWRITTEN,
        LIVE,
    ]


def test_commands_after_an_unknown_one_are_opaque_until_a_select() -> None:
    trace = decided([line.split() for line in (b"FOO x", b"SET a 1", b"SELECT 1", b"SET a 1", b"SET a 2")])

    assert [Fate(fate).name for fate in trace.chunks[0].fates.tolist()] == [
        LIVE,
        LIVE,
        FRAMING,
        OVERWRITTEN,
        LIVE,
    ]


def test_scripts_are_carried_only_for_a_later_evalsha() -> None:
    assert fates("SCRIPT LOAD x", "EVALSHA y 0", "SCRIPT LOAD z") == [LIVE, LIVE, NO_EFFECT]


def test_functions_are_always_carried() -> None:
    assert fates("FUNCTION LOAD x", "FLUSHALL") == [LIVE, NEEDLESS]


def test_numbering_at_the_first_opaque_command_is_kept() -> None:
    trace = decided([line.split() for line in (b"SWAPDB 0 1", b"SET a 1", b"EVAL x 0", b"SWAPDB 2 3")])

    assert trace.numbering == {0: 1, 1: 0}
    assert trace.first_opaque is not None
    assert trace.first_opaque.row == 2
