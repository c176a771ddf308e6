"""Sorted sets, and what is stored from them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.keyspace.flavour import Flavour
from aoftool.keyspace.refusal import ReplayStopError
from tests.keyspace.running import EVERY_FLAVOUR, FUTURE_MS, errors, expire_at_ms, keys, run, value

flavours = pytest.mark.parametrize("flavour", EVERY_FLAVOUR, ids=lambda f: f.name)
SIX = "ZADD z 1 a 2 b 3 c 4 d 5 e 6 f"


def names(keyspace: object, key: str = "z") -> str:
    found = value(keyspace, key)  # type: ignore[arg-type]
    return "" if found is None else b"".join(member for _, member in found.ranked()).decode()


@pytest.mark.parametrize(
    ("options", "scores"),
    [
        ("", {b"a": 5.0, b"n": 5.0}),
        ("NX", {b"a": 1.0, b"n": 5.0}),
        ("xx", {b"a": 5.0}),
        ("GT", {b"a": 5.0, b"n": 5.0}),
        ("LT CH", {b"a": 1.0, b"n": 5.0}),
        ("XX LT", {b"a": 1.0}),
    ],
)
def test_zadd_options(options: str, scores: dict[bytes, float]) -> None:
    assert value(run("ZADD z 1 a", f"ZADD z {options} 5 a 5 n"), "z") == scores


@pytest.mark.parametrize(
    "arguments",
    [
        "NX 1",
        "NX XX 1 a",
        "GT LT 1 a",
        "NX GT 1 a",
        "INCR 1 a 2 b",
        "x a",
        "1 a x b",
        "nan a",
        "1_0 a",
        "1e400 a",
        "-1e-400 a",
        "5x a",
        "'' a",
    ],
)
def test_bad_zadd_adds_nothing(arguments: str) -> None:
    keyspace = run(f"ZADD z {arguments}")

    assert keys(keyspace) == set()
    assert len(keyspace.refusals) == 1


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        ("inf", math.inf),
        ("-Infinity", -math.inf),
        ("+7", 7.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("4.9e-324", 5e-324),
        ("1e3", 1000.0),
    ],
)
@flavours
def test_scores_as_strtod_reads_them(flavour: Flavour, score: str, expected: float) -> None:
    assert value(run(f"ZADD z {score} a", flavour=flavour), "z") == {b"a": expected}


@flavours
def test_hexadecimal_scores_are_refused_by_valkey_9(flavour: Flavour) -> None:
    keyspace = run("ZADD z 0x10 a", flavour=flavour)

    assert value(keyspace, "z") == ({b"a": 16.0} if flavour.hex_scores else None)


@flavours
def test_minus_zero_is_lost_in_small_sets_since_7_0(flavour: Flavour) -> None:
    many = " ".join(f"1 m{number}" for number in range(128))
    keyspace = run(
        "ZADD z -0 a", f"ZADD big {many}", "ZADD big -0 a", "SORT z", "ZADD z -0 b", flavour=flavour
    )

    kept = "-0.0" if flavour.version < (7, 0) else "0.0"
    assert str(value(keyspace, "z")[b"a"]) == kept
    assert str(value(keyspace, "big")[b"a"]) == "-0.0"
    assert str(value(keyspace, "z")[b"b"]) == "-0.0"


@flavours
@pytest.mark.parametrize(
    ("lines", "since"),
    [
        (["ZADD z -0 c 1 LONG"], "valkey"),
        (["ZADD z 1 a", "ZADD z XX 1 LONG", "ZADD z -0 c"], "valkey"),
        ([f"ZADD z{' 1 a' * 129} -0 c"], "7.2"),
        (["ZADD z 1 a", f"ZADD z XX{' 1 a' * 129}", "ZADD z -0 c"], "7.2"),
        ([f"ZADD z XX{' 1 a' * 129}", "ZADD z -0 c"], "never"),
    ],
)
def test_whole_zadd_decides_the_encoding_on_newer_servers(
    flavour: Flavour, lines: list[str], since: str
) -> None:
    """Measured on Redis 7.0.15 and 8.0.6, Valkey 8.1.1 and 9.1.2."""
    keyspace = run(*(line.replace("LONG", "x" * 70) for line in lines), flavour=flavour)

    large = {
        "valkey": flavour.family == "valkey" and flavour.version >= (8, 0),
        "7.2": flavour.zset_hints,
        "never": False,
    }[since]
    kept = large or flavour.version < (7, 0)
    assert str(value(keyspace, "z")[b"c"]) == ("-0.0" if kept else "0.0")


def test_increments_add_doubles_and_refuse_nan() -> None:
    keyspace = run(
        "ZADD z 0.1 a", "ZINCRBY z 0.2 a", "ZADD z INCR inf b", "ZINCRBY z -inf b", "ZADD z XX INCR 1 no"
    )

    assert value(keyspace, "z") == {b"a": 0.1 + 0.2, b"b": math.inf}
    assert errors(keyspace) == ["ERR resulting score is not a number (NaN)"]


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("ZREM z a f nothing", "bcde"),
        ("ZREMRANGEBYRANK z 1 -2", "af"),
        ("ZREMRANGEBYRANK z 4 1", "abcdef"),
        ("ZREMRANGEBYSCORE z (1 3", "adef"),
        ("ZREMRANGEBYSCORE z -inf +inf", ""),
        ("ZREMRANGEBYSCORE z 6 (6", "abcdef"),
        ("ZPOPMIN z", "bcdef"),
        ("ZPOPMAX z 2", "abcd"),
        ("ZPOPMIN z 99", ""),
        ("ZPOPMIN z 0", "abcdef"),
        ("BZPOPMAX no z 0", "abcde"),
        ("ZMPOP 2 no z MIN COUNT 3", "def"),
        ("BZMPOP 0 1 z MAX", "abcde"),
    ],
)
def test_removals(line: str, left: str) -> None:
    keyspace = run(SIX, line)

    assert names(keyspace) == left
    assert errors(keyspace) == []


@pytest.mark.parametrize(
    ("bounds", "left"),
    [
        ("- +", ""),
        ("[b (d", "adef"),
        ("(b [d", "abef"),
        ("[d [b", "abcdef"),
        ("+ -", "abcdef"),
        ("[b (b", "abcdef"),
        ("[b +", "a"),
    ],
)
def test_lex_ranges_over_equal_scores(bounds: str, left: str) -> None:
    assert names(run("ZADD z 0 a 0 b 0 c 0 d 0 e 0 f", f"ZREMRANGEBYLEX z {bounds}")) == left


def test_lex_range_over_unequal_scores_takes_the_first_run_of_a_small_set() -> None:
    assert names(run("ZADD z 1 c 2 a 3 b 4 d 5 b2", "ZREMRANGEBYLEX z [a [c")) == "db2"


def test_lex_range_over_unequal_scores_of_a_large_set_cannot_be_followed() -> None:
    with pytest.raises(ReplayStopError):
        run("ZADD z 1 c 2 a 3 b", "SORT z", "ZREMRANGEBYLEX z [b [d")


@pytest.mark.parametrize("bound", ["x", "((1", "1x", "nan"])
def test_bad_score_bounds_are_refused(bound: str) -> None:
    assert errors(run(SIX, f"ZREMRANGEBYSCORE z {bound} 5")) == ["ERR min or max is not a float"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("2 a b", {b"x": 1.0 + 10.0, b"y": 2.0, b"z": 20.0}),
        ("2 a b WEIGHTS 2 0.5", {b"x": 7.0, b"y": 4.0, b"z": 10.0}),
        ("2 a b aggregate max", {b"x": 10.0, b"y": 2.0, b"z": 20.0}),
        ("2 a s", {b"x": 2.0, b"y": 2.0, b"w": 1.0}),
        ("1 nothing", None),
    ],
)
def test_zunionstore(arguments: str, expected: dict[bytes, float] | None) -> None:
    keyspace = run(
        "ZADD a 1 x 2 y", "ZADD b 10 x 20 z", "SADD s x w", "SET d old", f"ZUNIONSTORE d {arguments}"
    )

    assert value(keyspace, "d") == expected


def test_sums_are_made_from_the_smallest_input_on() -> None:
    keyspace = run("ZADD a 0.1 m 1 x 1 y", "ZADD b 0.2 m 1 x", "ZADD c 0.3 m", "ZUNIONSTORE d 3 a b c")

    assert value(keyspace, "d")[b"m"] == 0.3 + 0.2 + 0.1


def test_infinities_that_cancel_count_as_zero() -> None:
    keyspace = run("ZADD a inf m", "ZADD b -inf m", "ZUNIONSTORE d 2 a b", "ZINTERSTORE e 2 a b WEIGHTS 0 1")

    assert value(keyspace, "d") == {b"m": 0.0}
    assert value(keyspace, "e") == {b"m": -math.inf}


def test_zinterstore_and_zdiffstore() -> None:
    keyspace = run(
        "ZADD a 1 x 2 y", "ZADD b 10 x", "ZINTERSTORE i 2 a b", "ZDIFFSTORE d 2 a b", "ZDIFFSTORE i 1 no"
    )

    assert value(keyspace, "i") is None
    assert value(keyspace, "d") == {b"y": 2.0}


@pytest.mark.parametrize(
    "arguments",
    ["0 a", "x a", "3 a b", "1 a WEIGHTS", "1 a WEIGHTS x", "1 a AGGREGATE no", "1 a NOSUCH", "1 text"],
)
def test_bad_zunionstore_keeps_the_target(arguments: str) -> None:
    keyspace = run("ZADD a 1 x", "SET text x", "SET d old", f"ZUNIONSTORE d {arguments}")

    assert value(keyspace, "d") == b"old"
    assert len(keyspace.refusals) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("0 -1", "abcdef"),
        ("1 2", "bc"),
        ("0 1 REV", "ef"),
        ("(1 4 BYSCORE", "bcd"),
        ("4 (1 BYSCORE REV LIMIT 0 1", "d"),
        ("-inf +inf BYSCORE LIMIT 1 2", "bc"),
        ("-inf +inf BYSCORE LIMIT 1 -1", "bcdef"),
        ("-inf +inf BYSCORE LIMIT -1 2", ""),
        ("5 1", ""),
    ],
)
def test_zrangestore(arguments: str, expected: str) -> None:
    keyspace = run(SIX, "SET d old", f"PEXPIREAT d {FUTURE_MS}", f"ZRANGESTORE d z {arguments}")

    assert names(keyspace, "d") == expected
    if expected:
        assert expire_at_ms(keyspace, "d") is None


# ZRANGESTORE came with Redis 6.2.
@pytest.mark.parametrize("flavour", [f for f in EVERY_FLAVOUR if f.has((6, 2), (7, 2))], ids=lambda f: f.name)
def test_negative_offset_counts_from_the_end_in_large_sets_of_some_servers(flavour: Flavour) -> None:
    keyspace = run(SIX, "SORT z", "ZRANGESTORE d z -inf +inf BYSCORE LIMIT -2 9", flavour=flavour)

    counts = flavour.has((7, 4), (8, 0)) and not flavour.has((8, 2), None)
    assert names(keyspace, "d") == ("ef" if counts else "")


@pytest.mark.parametrize(
    ("bounds", "sign"), [("-inf +inf BYSCORE", "0.0"), ("+inf -inf BYSCORE REV", "-0.0")]
)
def test_stored_range_grows_in_the_order_it_was_found(bounds: str, sign: str) -> None:
    """From the end the long member comes first and makes the target large before -0 is added."""
    keyspace = run(f"ZADD z 3 {'x' * 70} -0 a", f"ZRANGESTORE d z {bounds}")

    assert str(value(keyspace, "d")[b"a"]) == sign


@given(
    st.lists(st.tuples(st.integers(-5, 5), st.sampled_from("abcdefgh")), max_size=30),
    st.integers(-6, 6),
    st.integers(-6, 6),
)
def test_removals_by_score_keep_the_ranking_true(pairs: list[tuple[int, str]], low: int, high: int) -> None:
    lines = [f"ZADD z {score} {member}" for score, member in pairs]
    half = len(lines) // 2

    keyspace = run(
        "ZADD z 0 q", *lines[:half], "ZPOPMIN z", *lines[half:], f"ZREMRANGEBYSCORE z {low} ({high}"
    )

    found = value(keyspace, "z")
    if found is not None:
        assert list(found.ranking()) == found.ranked()
        assert not any(low <= score < high for score in found.values())
