"""Streams, groups and deliveries."""

from __future__ import annotations

import pytest

from aoftool.keyspace.flavour import Flavour
from aoftool.keyspace.refusal import ReplayStopError
from aoftool.values import ConsumerGroup, PendingEntry, StreamId, StreamValue
from tests.keyspace.running import EVERY_FLAVOUR, NOW_MS, errors, keys, run, value

flavours = pytest.mark.parametrize("flavour", EVERY_FLAVOUR, ids=lambda f: f.name)
FOUR = ["XADD x 1-1 f a", "XADD x 2-1 f b", "XADD x 3-1 f c", "XADD x 4-1 f d"]
CLAIM = "TIME 5 RETRYCOUNT 1 FORCE JUSTID"


def stream(keyspace: object) -> StreamValue:
    found = value(keyspace, "x")  # type: ignore[arg-type]
    assert isinstance(found, StreamValue)
    return found


def ids(keyspace: object) -> str:
    return " ".join(entry_id.encode().decode() for entry_id in stream(keyspace).entries)


def group(keyspace: object) -> ConsumerGroup:
    return stream(keyspace).groups[b"g"]


def pending(keyspace: object) -> dict[str, tuple[str, int, int]]:
    return {
        entry_id.encode().decode(): (row.consumer.decode(), row.delivery_time_ms, row.delivery_count)
        for entry_id, row in group(keyspace).pel.items()
    }


@flavours
def test_ids_must_grow(flavour: Flavour) -> None:
    keyspace = run(
        "XADD x 0-0 f v",
        "XADD x 5 f v",
        "XADD x 5-0 f v",
        "XADD x 5-1 f v g w",
        "XADD x 4 f v",
        flavour=flavour,
    )

    assert stream(keyspace).entries == {
        StreamId(5, 0): ((b"f", b"v"),),
        StreamId(5, 1): ((b"f", b"v"), (b"g", b"w")),
    }
    assert stream(keyspace).entries_added == 2
    assert len(errors(keyspace)) == 3


@pytest.mark.parametrize("entry_id", ["x", "5-x", "-", "+", "5-1-1", "18446744073709551616", "-5", "5--3"])
def test_bad_ids_are_refused(entry_id: str) -> None:
    assert keys(run(f"XADD x {entry_id} f v")) == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("007-01", "7-1"), ("5-+3", "5-3"), ("18446744073709551615-1", "18446744073709551615-1")],
)
def test_ids_are_read_as_strtoull_reads_them(text: str, expected: str) -> None:
    assert ids(run(f"XADD x {text} f v")) == expected


def test_open_sequence_and_clock_follow_the_last_id() -> None:
    keyspace = run("XADD x 5-7 f v", "XADD x 5-* f v", "XADD x 6-* f v", "XADD x * f v", "XADD x * f v")

    assert ids(keyspace) == f"5-7 5-8 6-0 {NOW_MS}-0 {NOW_MS}-1"


def test_open_sequence_is_unknown_to_6_2() -> None:
    assert keys(run("XADD x 5-* f v", flavour="redis-6.2")) == set()


@flavours
@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("XADD x MAXLEN 2 5-1 f e", "4-1 5-1"),
        ("XADD x MAXLEN = 2 LIMIT 100 5-1 f e", "4-1 5-1"),
        ("XADD x MINID 3 5-1 f e", "3-1 4-1 5-1"),
        ("XADD x MAXLEN ~ 1000 5-1 f e", "1-1 2-1 3-1 4-1 5-1"),
        ("XADD x NOMKSTREAM 5-1 f e", "1-1 2-1 3-1 4-1 5-1"),
        ("XTRIM x MAXLEN 0", ""),
        ("XTRIM x MINID = 2-1", "2-1 3-1 4-1"),
        ("XDEL x 2-1 4-1 9-9", "1-1 3-1"),
    ],
)
def test_trims_and_deletions(flavour: Flavour, line: str, left: str) -> None:
    keyspace = run(*FOUR, line, flavour=flavour)

    assert ids(keyspace) == left
    assert errors(keyspace) == []


def test_approximate_trim_that_would_cut_cannot_be_followed() -> None:
    with pytest.raises(ReplayStopError, match="approximate trim"):
        run(*FOUR, "XTRIM x MAXLEN ~ 1")


@pytest.mark.parametrize("far", ["2592000001-1", "2-2147483649", "18446744073709551615-1"])
@pytest.mark.parametrize("trim", ["XTRIM x MINID = {}", "XTRIM x MINID {}", "XADD x MINID {} {}9 f v"])
def test_6_2_trims_by_ids_far_apart_as_its_release_does(far: str, trim: str) -> None:
    lines = "XADD x 1-1 f v", f"XADD x {far} f v", trim.format(far, far)

    with pytest.raises(ReplayStopError, match="too far apart"):
        run(*lines, flavour="redis-6.2")
    with pytest.raises(ReplayStopError, match="too far apart"):
        run(*lines, flavour="redis-6.2.6")
    assert ids(run(*lines)).split()[0] == far
    assert ids(run(*lines, flavour="redis-6.2.7")).split()[0] == far


def test_6_2_trims_by_ids_that_no_node_can_hold_together() -> None:
    old = [f"XADD x {number}-1 f v" for number in range(1, 101)]

    keyspace = run(*old, "XADD x 5000000000-1 f v", "XTRIM x MINID 50", flavour="redis-6.2")

    assert stream(keyspace).first_id_held() == (50, 1)


@pytest.mark.parametrize(
    "line",
    [
        "XADD x MAXLEN -1 9-1 f v",
        "XADD x MAXLEN 1 MINID 1 9-1 f v",
        "XADD x LIMIT 5 9-1 f v",
        "XADD x 9-1 f v g",
        "XTRIM x LIMIT 5",
        "XTRIM x MAXLEN x",
        "XDEL x 1-1 bad",
        "XSETID x 3-1",
        "XSETID x 9-1 ENTRIESADDED 2",
        "XSETID x 9-1 MAXDELETEDID 10-1",
        "XSETID no 9-1",
    ],
)
def test_refused_command_changes_nothing(line: str) -> None:
    keyspace = run(*FOUR, line)

    assert ids(keyspace) == "1-1 2-1 3-1 4-1"
    assert stream(keyspace).last_id == (4, 1)
    assert len(errors(keyspace)) == 1


def test_only_xdel_raises_the_greatest_deleted_id() -> None:
    keyspace = run(*FOUR, "XTRIM x MAXLEN 3", "XDEL x 3-1 2-1")

    assert stream(keyspace).max_deleted_id == (3, 1)
    assert stream(keyspace).entries_added == 4


def test_stream_stays_when_its_last_entry_goes_and_remembers_its_id() -> None:
    keyspace = run("XADD x 1-1 f v", "XDEL x 1-1", "XADD x 1-1 f v", "XADD no NOMKSTREAM 1-1 f v")

    assert ids(keyspace) == ""
    assert keys(keyspace) == {b"x"}
    assert len(errors(keyspace)) == 1


@flavours
def test_xsetid_below_a_deleted_id_is_refused_since_7_2(flavour: Flavour) -> None:
    keyspace = run("XADD x 5-1 f v", "XDEL x 5-1", "XSETID x 2-1", flavour=flavour)

    older = flavour.version < (7, 2)
    assert stream(keyspace).last_id == ((2, 1) if older else (5, 1))


def test_xsetid_sets_the_counters() -> None:
    keyspace = run(*FOUR, "XSETID x 9-9 ENTRIESADDED 40 MAXDELETEDID 2-2", "XSETID x 10-0")

    found = stream(keyspace)
    assert (found.last_id, found.entries_added, found.max_deleted_id) == ((10, 0), 40, (2, 2))


def test_groups_are_created_moved_and_destroyed() -> None:
    keyspace = run(
        *FOUR,
        "XGROUP CREATE x g $",
        "XGROUP CREATE x g 0",
        "XGROUP CREATE x h 1-1 ENTRIESREAD 1",
        "XGROUP SETID x g 2-1 ENTRIESREAD 2",
        "XGROUP DESTROY x h",
        "XGROUP SETID x no 0",
        "XGROUP CREATE no g 0",
        "XGROUP CREATE new g $ MKSTREAM",
    )

    assert stream(keyspace).groups == {b"g": ConsumerGroup(StreamId(2, 1), 2)}
    assert value(keyspace, "new").groups == {b"g": ConsumerGroup()}
    assert [text.split()[0] for text in errors(keyspace)] == ["BUSYGROUP", "NOGROUP", "ERR"]


def test_setid_without_counter_forgets_it() -> None:
    keyspace = run(*FOUR, "XGROUP CREATE x g 2-1 ENTRIESREAD 2", "XGROUP SETID x g 1-1")

    assert group(keyspace).entries_read is None


def test_deleted_consumer_takes_its_pending_entries_along() -> None:
    keyspace = run(
        *FOUR,
        "XGROUP CREATE x g 0",
        "XGROUP CREATECONSUMER x g c",
        f"XCLAIM x g c 0 1-1 {CLAIM}",
        f"XCLAIM x g d 0 2-1 {CLAIM}",
        "XGROUP DELCONSUMER x g c",
    )

    assert set(group(keyspace).consumers) == {b"d"}
    assert pending(keyspace) == {"2-1": ("d", 5, 1)}


@flavours
def test_claim_as_servers_record_it(flavour: Flavour) -> None:
    keyspace = run(
        *FOUR,
        "XGROUP CREATE x g 0",
        f"XCLAIM x g c 0 2-1 {CLAIM} LASTID 2-1",
        "XCLAIM x g d 0 2-1 TIME 9 RETRYCOUNT 4",
        f"XCLAIM x g c 0 3-1 {CLAIM} LASTID 1-1",
        "XACK x g 3-1 9-9",
        flavour=flavour,
    )

    assert pending(keyspace) == {"2-1": ("d", 9, 4)}
    assert group(keyspace).last_id == (2, 1)
    assert group(keyspace).entries_read is None


@flavours
def test_claim_of_a_deleted_entry_moves_it_on_6_2_and_drops_it_since(flavour: Flavour) -> None:
    keyspace = run(
        *FOUR,
        "XGROUP CREATE x g 0",
        f"XCLAIM x g c 0 1-1 {CLAIM}",
        "XDEL x 1-1",
        f"XCLAIM x g d 0 1-1 9-9 {CLAIM}",
        flavour=flavour,
    )

    old = flavour.version < (7, 0)
    assert pending(keyspace) == ({"1-1": ("d", 5, 1)} if old else {})


@flavours
def test_claim_of_nothing_creates_its_consumer_since_7_2(flavour: Flavour) -> None:
    keyspace = run(*FOUR, "XGROUP CREATE x g 0", "XCLAIM x g c 0 1-1 TIME 5", flavour=flavour)

    older = flavour.version < (7, 2)
    assert set(group(keyspace).consumers) == (set() if older else {b"c"})


def test_claim_counts_and_times_without_options() -> None:
    keyspace = run(
        *FOUR,
        "XGROUP CREATE x g 0",
        f"XCLAIM x g c 0 1-1 {CLAIM}",
        "XCLAIM x g d 0 1-1",
        "XCLAIM x g e 5000 1-1",
        "XCLAIM x g e 0 1-1 TIME 99999999999999",
        "XCLAIM x g f 0 1-1 IDLE 1000 JUSTID",
    )

    assert pending(keyspace) == {"1-1": ("f", NOW_MS - 1000, 3)}


def test_xautoclaim_takes_over_in_order_up_to_count() -> None:
    claims = [f"XCLAIM x g c 0 {number}-1 {CLAIM}" for number in (4, 3, 2, 1)]
    keyspace = run(
        *FOUR, "XGROUP CREATE x g 0", *claims, "XDEL x 2-1", "XAUTOCLAIM x g d 0 1-1 COUNT 3 JUSTID"
    )

    assert pending(keyspace) == {
        "1-1": ("d", NOW_MS, 1),
        "3-1": ("d", NOW_MS, 1),
        "4-1": ("c", 5, 1),
    }


def test_xreadgroup_delivers_history_and_news() -> None:
    keyspace = run(
        *FOUR,
        "XGROUP CREATE x g 0",
        "XREADGROUP GROUP g c COUNT 2 STREAMS x >",
        "XREADGROUP GROUP g c STREAMS x 1-1",
        "XREADGROUP GROUP g d COUNT 1 NOACK STREAMS x >",
        "XREADGROUP GROUP no c STREAMS x >",
    )

    assert pending(keyspace) == {"1-1": ("c", NOW_MS, 1), "2-1": ("c", NOW_MS, 2)}
    assert (group(keyspace).last_id, group(keyspace).entries_read) == ((3, 1), 3)
    assert len(errors(keyspace)) == 1


def test_copy_shares_nothing() -> None:
    keyspace = run(
        *FOUR,
        "XGROUP CREATE x g 0",
        f"XCLAIM x g c 0 1-1 {CLAIM}",
        "COPY x y",
        "XACK x g 1-1",
        "XTRIM x MAXLEN 0",
    )

    other = value(keyspace, "y")
    assert len(other.entries) == 4
    assert other.groups[b"g"].pel == {StreamId(1, 1): PendingEntry(b"c", 5, 1)}
