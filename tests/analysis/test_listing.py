"""Listings of commands hold exactly what a slow, obvious reading of the log gives."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aoftool.analysis.commands.filter import CommandFilter
from aoftool.analysis.commands.listing import CommandListing
from aoftool.analysis.commands.model import UNKNOWN, LoggedCommand
from aoftool.analysis.commands.tailing import last_commands
from aoftool.aof.layout import find_log
from aoftool.aof.log import read_parts
from aoftool.aof.model import Place
from aoftool.aof.moment import Resolved
from aoftool.aof.stretch import Stretch
from aoftool.keyspace.selection import key_selection
from aoftool.pattern import literal_of
from tests.builders import annotation, command, log, select, timestamp, transaction, write_multi_part
from tests.corpus import FIXTURES, Case, case_params

SHOP = FIXTURES / "valkey-9" / "shop"


def fact(row: LoggedCommand) -> tuple[int, int, int, int, int | None, tuple[bytes, ...]]:
    return row.file_number, row.offset, row.db, row.txn, row.time_s, tuple(row.argv)


def everything(path: Path) -> Iterator[LoggedCommand]:
    """Read every command of every file with the plain reader."""
    for number, part in enumerate(read_parts(find_log(path))):
        for found in part.commands():
            time_s = found.time_s if found.time_s >= 0 else None
            yield LoggedCommand(
                "", number, found.offset, found.length, 0, found.db, found.txn, time_s, found.argv
            )


def listed(path: Path, wanted: CommandFilter, **options: object) -> list[LoggedCommand]:
    return list(CommandListing(find_log(path), wanted, keep=None, **options))  # type: ignore[arg-type]


WANTED: dict[str, tuple[CommandFilter, Callable[[LoggedCommand], bool]]] = {
    "all": (CommandFilter(), lambda row: True),
    "name": (CommandFilter(names=frozenset((b"SET", b"DEL"))), lambda row: row.name in (b"SET", b"DEL")),
    "db": (CommandFilter(dbs=frozenset((2,))), lambda row: row.db == 2),
    "size": (CommandFilter(min_size=100), lambda row: row.length >= 100),
    "no transaction": (CommandFilter(txn=0), lambda row: row.txn == 0),
    "transaction": (CommandFilter(txn=2), lambda row: row.txn == 2),
    "glob": (
        CommandFilter(selection=key_selection(match="cart:*"), glob=b"cart:*"),
        lambda row: len(row.argv) > 1 and row.argv[1].startswith(b"cart:"),
    ),
}


@pytest.mark.parametrize("name", WANTED)
def test_a_filter_gives_what_a_plain_reading_gives(name: str) -> None:
    wanted, slow = WANTED[name]

    found = listed(SHOP, wanted)

    assert list(map(fact, found)) == [fact(row) for row in everything(SHOP) if slow(row)]
    assert found


def test_a_subcommand_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(("xgroup", "create", "s", "g", "$", "MKSTREAM"), ("XGROUP", "DESTROY", "s", "g")))

    found = listed(path, CommandFilter(names=frozenset((b"XGROUP CREATE",))))

    assert [row.argv[1] for row in found] == [b"create"]


@pytest.mark.parametrize("case", case_params("recorded", root=FIXTURES))
def test_every_command_of_a_recorded_log_is_listed(case: Case) -> None:
    found = listed(case.source, CommandFilter())

    assert list(map(fact, found)) == list(map(fact, everything(case.source)))


@pytest.mark.parametrize("case", case_params("damaged", root=FIXTURES))
def test_a_damaged_log_is_listed_up_to_its_damage(case: Case) -> None:
    log_found = find_log(case.source)
    if not all(file.exists for file in log_found.files):
        return
    listing = CommandListing(log_found, CommandFilter(), keep=None)

    found = [fact(row) for row in listing]

    if listing.end.damage is not None and listing.end.damage[2].startswith("damaged RDB part"):
        assert found == []
        return

    assert found == list(map(fact, everything(case.source)))[: len(found)]


def test_places_cut_a_listing_on_boundaries_and_keep_the_state(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    first = log(select(3), transaction(("SET", "a", "1"), ("SET", "b", "2")))
    path.write_bytes(first + timestamp(77) + log(("SET", "c", "3"), ("SET", "d", "4")))
    middle = len(first) - 20

    found = listed(path, CommandFilter(), first=Place(0, middle), last=Place(0, path.stat().st_size - 5))

    assert [(row.argv[0], row.db, row.txn, row.time_s) for row in found] == [
        (b"EXEC", 3, 1, None),
        (b"SET", 3, 0, 77),
        (b"SET", 3, 0, 77),
    ]


def test_times_select_by_annotation_and_say_when_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(
        log(("SET", "a", "1"), timestamp(10), ("SET", "b", "2"), timestamp(20), ("SET", "c", "3"))
    )
    bare = tmp_path / "b.aof"
    bare.write_bytes(log(("SET", "a", "1")))

    found = listed(path, CommandFilter(stretch=Stretch(Resolved(time_ms=10_000), Resolved(time_ms=19_000))))
    listing = CommandListing(find_log(bare), CommandFilter(stretch=Stretch(Resolved(time_ms=1_000))))

    assert [row.argv[1] for row in found] == [b"b"]
    assert list(listing) == []
    assert "no command has a time" in listing.end.notes[0]


def test_context_is_marked_and_never_doubled(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(*(("SET", f"k{n}", n) for n in range(10)), ("DEL", "k1"), ("SET", "z", 1)))
    wanted = CommandFilter(keys=frozenset((b"k1", b"k3")))

    found = listed(path, wanted, context=2)

    assert [row.argv[1] for row in found] == [
        b"k0",
        b"k1",
        b"k2",
        b"k3",
        b"k4",
        b"k5",
        b"k8",
        b"k9",
        b"k1",
        b"z",
    ]
    assert [row.is_context for row in found] == [
        True,
        False,
        True,
        False,
        True,
        True,
        True,
        True,
        False,
        True,
    ]


def test_a_compressed_log_is_listed_like_a_plain_one(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.aof", tmp_path / "b.aof.gz"
    plain.write_bytes(log(select(1), transaction(("SET", "a", "x" * 1000), ("DEL", "b")), ("SET", "b", "2")))
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    wanted = CommandFilter(keys=frozenset((b"b",)))

    assert list(map(fact, listed(packed, wanted))) == list(map(fact, listed(plain, wanted)))


def test_literals_of_globs_never_lose_a_match() -> None:
    assert literal_of(b"user:*") == (b"user:", True)
    assert literal_of(b"*cart*x") == (b"cart", False)
    assert literal_of(b"*") == (b"", False)
    assert literal_of(b"[ab]cdef") == (b"", False)
    assert literal_of(b"a\\*b") == (b"a", True)
    assert literal_of(b"?x?yy") == (b"yy", False)


@pytest.mark.parametrize("count", [1, 5, 400, 5000])
def test_the_tail_is_the_end_of_the_listing(count: int) -> None:
    found, end = last_commands(find_log(SHOP), CommandFilter(), count, keep=None)

    assert list(map(fact, found)) == list(map(fact, everything(SHOP)))[-count:]
    assert end.damage is None


def test_the_tail_goes_on_in_the_file_before(tmp_path: Path) -> None:
    manifest = write_multi_part(
        tmp_path / "d", base=log(("SET", "a", 1)), incrs=[log(("SET", "b", 2)), log(("SET", "c", 3))]
    )

    found, _ = last_commands(find_log(manifest), CommandFilter(), 2)

    assert [(row.file_number, row.argv[1]) for row in found] == [(1, b"b"), (2, b"c")]


def test_the_tail_says_which_files_it_did_not_read(tmp_path: Path) -> None:
    manifest = write_multi_part(
        tmp_path / "d", base=log(("SET", "a", 1)), incrs=[log(("SET", "b", 2)), log(("SET", "c", 3))]
    )

    _, few = last_commands(find_log(manifest), CommandFilter(), 1)
    _, every = last_commands(find_log(manifest), CommandFilter(), 3)

    assert few.notes == ["not read: 2 files before appendonly.aof.2.incr.aof; damage there is not told"]
    assert every.notes == []


@pytest.mark.parametrize("whole_bytes", [1 << 20, 1], ids=["from the start", "from a window"])
def test_the_tail_tells_a_transaction_that_is_open_where_a_file_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole_bytes: int
) -> None:
    from aoftool.analysis.commands import tailing

    monkeypatch.setattr(tailing, "WHOLE_BYTES", whole_bytes)
    monkeypatch.setattr(tailing, "_FIRST_WINDOW_BYTES", 2000)
    before = log(*(("SET", f"k{n}", n) for n in range(1000)))
    manifest = write_multi_part(
        tmp_path / "d",
        base=None,
        incrs=[before + log(("MULTI",), ("SET", "b", 2)), log(("SET", "c", 3), ("EXEC",))],
    )

    _, end = last_commands(find_log(manifest), CommandFilter(), 3)

    assert end.told is not None
    assert end.told[:2] == ("appendonly.aof.1.incr.aof", len(before))


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a log whose end must be found by resynchronising."""
    from aoftool.analysis.commands import tailing

    monkeypatch.setattr(tailing, "WHOLE_BYTES", 1000)
    monkeypatch.setattr(tailing, "_FIRST_WINDOW_BYTES", 2000)
    path = tmp_path / "large.aof"
    inner = log(*(("SET", f"inner{n}", n) for n in range(20)))
    parts = [log(("SET", f"k{n}", inner if n % 7 == 0 else n)) for n in range(3000)]
    path.write_bytes(log(select(5)) + b"".join(parts))
    return path


def test_a_large_file_is_read_from_near_its_end_and_says_so(large: Path) -> None:
    found, end = last_commands(find_log(large), CommandFilter(), 10, keep=None)

    slow = list(everything(large))[-10:]
    assert [(row.offset, row.argv) for row in found] == [(row.offset, row.argv) for row in slow]
    assert {row.db for row in found} == {UNKNOWN}
    assert "resynchronising" in end.notes[0]
    assert "the end of the file" in end.notes[0]
    assert "database ?" in end.notes[1]


def test_a_tail_behind_a_select_knows_its_database(large: Path) -> None:
    with large.open("ab") as file:
        file.write(log(("EXEC",), select(7), ("SET", "x", 1), annotation("TS:99"), ("SET", "y", 1)))

    found, _ = last_commands(find_log(large), CommandFilter(), 5, keep=None)

    assert [(row.name, row.db, row.txn, row.time_s) for row in found] == [
        (b"SET", UNKNOWN, UNKNOWN, None),
        (b"EXEC", UNKNOWN, UNKNOWN, None),
        (b"SELECT", 7, 0, None),
        (b"SET", 7, 0, None),
        (b"SET", 7, 0, 99),
    ]


def test_a_torn_tail_is_listed_up_to_the_tear(large: Path) -> None:
    with large.open("ab") as file:
        file.write(command("SET", "torn", "x" * 50)[:-10])

    found, end = last_commands(find_log(large), CommandFilter(), 3, keep=None)

    assert [row.argv[1] for row in found] == [b"k2997", b"k2998", b"k2999"]
    assert end.damage is not None


def test_a_filtered_tail_looks_further_back(large: Path) -> None:
    found, _ = last_commands(find_log(large), CommandFilter(keys=frozenset((b"k3",))), 1, keep=None)

    assert [row.argv[1] for row in found] == [b"k3"]
