"""An audit finds what stands out, once, at the right place, and tells what was lost."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.analysis.audit import audit as audit_module
from aoftool.analysis.audit.audit import audit_log
from aoftool.analysis.audit.groups import Group, Grouping
from aoftool.analysis.audit.losses import add_losses
from aoftool.analysis.audit.model import KEPT_OF_EACH, Audit, AuditCode, AuditEvent, Severity
from aoftool.analysis.commands.neighbours import commands_before, commands_from
from aoftool.aof.layout import find_log
from aoftool.aof.log import read_parts
from aoftool.files import open_source
from aoftool.report.audit import audit_lines
from aoftool.resp.batch import Batch
from tests.builders import (
    log,
    rdb,
    rdb_database,
    rdb_record,
    rdb_string,
    select,
    timestamp,
    transaction,
    write_multi_part,
)
from tests.corpus import FIXTURES, Case, case_params


def audited(path: Path, *, replay: bool = True, context: int = 0) -> Audit:
    found_log = find_log(path)
    found = audit_log(found_log, context=context)
    if replay:
        add_losses(found, found_log)
    return found


def of(found: Audit, code: AuditCode) -> list[AuditEvent]:
    return [event for event in found.events if event.code is code]


def write(path: Path, *items: object) -> Path:
    path.write_bytes(log(*items))  # type: ignore[arg-type]
    return path


def test_a_flush_is_told_with_its_time_its_loss_and_what_stood_around_it(tmp_path: Path) -> None:
    base = rdb(rdb_database(3, rdb_record(0, "user:9", rdb_string("x"))))
    items = [
        select(0), timestamp(50), ("SET", "user:1", 1), ("SET", "user:2", 1), ("SET", "plain", 1),
        timestamp(60), ("flushall",), ("SET", "late", 1),
    ]  # fmt: skip
    manifest = write_multi_part(tmp_path / "d", base=base, base_is_rdb=True, incrs=[log(*items)])

    found = audited(manifest, context=2)

    (event,) = found.events
    assert (event.code, event.severity, event.command.time_s) == (AuditCode.FLUSH, Severity.HIGH, 60)
    assert event.loss is not None
    assert (event.loss.keys, event.loss.by_prefix) == (4, ((b"user:", 3),))
    assert [row.argv[1] for row in event.before] == [b"user:2", b"plain"]
    assert [row.argv[1] for row in event.behind] == [b"late"]
    assert found.replayed


def test_a_flush_of_one_database_loses_only_its_keys(tmp_path: Path) -> None:
    path = write(tmp_path / "a", ("SET", "a", 1), select(2), ("SET", "b", 1), ("SET", "c", 1), ("FLUSHDB",))

    (event,) = of(audited(path), AuditCode.FLUSH)

    assert event.loss is not None
    assert event.loss.keys == 2
    assert event.command.db == 2


@pytest.mark.parametrize("swaps", [1, 3, KEPT_OF_EACH])
def test_an_exchange_of_two_empty_databases_is_no_event(swaps: int, tmp_path: Path) -> None:
    empty = [("SWAPDB", 3, 4)] * swaps
    path = write(tmp_path / "a", ("SET", "a", 1), *empty)

    assert audited(path, replay=False).counts == {AuditCode.SWAPDB: swaps}
    assert audited(path).counts == {}
    assert audited(path).events == []


def test_an_exchange_with_an_empty_database_is_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a", ("SWAPDB", 3, 4), ("SET", "a", 1), ("SWAPDB", 0, 1), ("SWAPDB", 0, 1))

    found = audited(path)

    assert found.counts == {AuditCode.SWAPDB: 2}
    assert [event.text for event in found.events] == [
        "SWAPDB exchanges 1 key of db 0 and 0 keys of db 1",
        "SWAPDB exchanges 0 keys of db 0 and 1 key of db 1",
    ]


def test_what_removes_nothing_is_no_alarm(tmp_path: Path) -> None:
    none = ("DEL", *(f"no:{number}" for number in range(150)))
    path = write(
        tmp_path / "a", ("FLUSHALL",), none, ("FLUSHDB",), ("SET", "a", 1), ("FLUSHALL",), ("FLUSHALL",)
    )

    assert {event.severity for event in audited(path, replay=False).events} == {Severity.HIGH}
    found = audited(path, context=2)
    assert [event.severity.value for event in found.events] == ["info", "info", "info", "high", "info"]
    lines = list(audit_lines(found, 80))
    assert lines[0] == "6 commands looked at: 1 high, 4 info"
    assert sum("lost      nothing" in line for line in lines) == 4
    assert sum("restore" in line for line in lines) == 1


def test_codes_by_name_alone(tmp_path: Path) -> None:
    many = [f"k{n}" for n in range(150)]
    path = write(
        tmp_path / "a", ("SWAPDB", 0, 1), ("DEL", *many), ("UNLINK", "a", "b"), ("DEL", "a"),
        ("CONFIG", "SET", "dir", "/tmp"), ("replicaof", "host", 1), ("FUNCTION", "FLUSH"),
        ("EVAL", "return 1", 0), ("NOSUCH", "x"), ("SET", "a", "x" * 2_000_000),
    )  # fmt: skip

    found = audited(path, replay=False)

    assert [event.code for event in found.events] == [
        AuditCode.SWAPDB,
        AuditCode.MASS_DELETE,
        AuditCode.DELETE_MANY,
        AuditCode.ADMIN,
        AuditCode.ADMIN,
        AuditCode.FUNCTION,
        AuditCode.SCRIPT,
        AuditCode.UNKNOWN,
        AuditCode.LARGE_COMMAND,
    ]
    assert found.commands == 10
    assert "150 keys" in found.events[1].text
    assert not found.replayed


def test_what_only_the_data_shows(tmp_path: Path) -> None:
    members = [f"m{n}" for n in range(10_000)]
    path = write(
        tmp_path / "a", ("SADD", "big", *members), ("SET", "a", "1"), ("SET", "b", "12345"),
        ("RENAME", "a", "b"), ("RENAME", "b", "b2"), ("RENAME", "b2", "b2"), ("SET", "c", 1),
        ("COPY", "c", "b2", "REPLACE"), ("COPY", "c", "d", "REPLACE"), ("UNLINK", "big"), ("DEL", "c"),
    )  # fmt: skip

    found = audited(path)

    assert [(event.code, event.loss and event.loss.elements) for event in found.events] == [
        (AuditCode.OVERWRITTEN, 5),
        (AuditCode.OVERWRITTEN, 1),
        (AuditCode.BIG_DELETE, 10_000),
    ]


def test_runs_of_deletions_say_how_they_are_spelled(tmp_path: Path) -> None:
    server = [("UNLINK", f"sess:{n}") for n in range(120)]
    client = [("del", f"t:{n}") for n in range(130)]
    path = write(tmp_path / "a", *server, ("SET", "x", 1), *client, ("SET", "y", 1), *server[:99])

    first, second = of(audited(path), AuditCode.DELETE_RUN)

    assert (first.commands, first.common_prefix) == (120, b"sess:")
    assert "by a client key by key, or by the server" in first.text
    assert (second.commands, second.common_prefix) == (130, b"t:")
    assert "as clients do" in second.text
    assert second.last is not None
    assert second.last.argv[1] == b"t:129"


@pytest.mark.parametrize(
    ("name", "told"), [("DEL", "by a client, as valkey itself"), ("UNLINK", "or by the server")]
)
def test_a_run_of_deletions_is_the_servers_only_if_it_is_spelled_so(
    name: str, told: str, tmp_path: Path
) -> None:
    base = rdb(aux={"valkey-ver": "9.1.2"}, magic=b"VALKEY080")
    run = log(*((name, f"k:{number}") for number in range(120)))
    manifest = write_multi_part(tmp_path / "d", base=base, base_is_rdb=True, incrs=[run])

    (event,) = of(audited(manifest), AuditCode.DELETE_RUN)

    assert told in event.text


def test_large_transactions_and_long_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_module, "LARGE_TRANSACTION_COMMANDS", 50)
    monkeypatch.setattr(audit_module, "RUN_COMMANDS", 200)
    inside = [("HSET", "h", n, n) for n in range(60)]
    path = write(
        tmp_path / "a", transaction(*inside), transaction(("SET", "a", 1), ("SET", "b", 1)),
        *(("INCR", "n") for _ in range(250)),
    )  # fmt: skip

    found = audited(path)

    (large,) = of(found, AuditCode.LARGE_TRANSACTION)
    (run,) = of(found, AuditCode.RUN)
    assert (large.commands, large.text.split(",")[0]) == (62, "a transaction of 60 commands")
    assert run.commands == 250
    assert "INCR" in run.text


def test_a_transaction_without_end_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a", ("SET", "a", 1), ("MULTI",), ("FLUSHALL",))

    found = audited(path)

    assert [event.code for event in found.events] == [AuditCode.OPEN_TRANSACTION, AuditCode.FLUSH]
    assert found.events[1].loss is None
    assert "never did" in found.events[1].text


def test_a_transaction_that_is_open_where_a_file_follows_is_not_said_to_be_the_end(tmp_path: Path) -> None:
    split = [log(("MULTI",), ("SET", "a", 1)), log(("EXEC",))]

    (event,) = audited(write_multi_part(tmp_path / "d", base=None, incrs=split)).events

    assert event.code is AuditCode.OPEN_TRANSACTION
    assert event.text == "MULTI without EXEC in its file, which is not the last: 1 command"


def test_events_beyond_the_limit_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a", *(("FLUSHDB",) for _ in range(80)))

    found = audited(path, replay=False)

    assert found.counts == {AuditCode.FLUSH: 80}
    assert len(found.events) == 50


def test_damage_ends_an_audit_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(log(("FLUSHALL",)) + b"garbage\r\n")

    found = audited(path)

    assert len(found.events) == 1
    assert found.damage is not None


@pytest.mark.parametrize("lost", [0, 12])
def test_a_compressed_log_tells_what_the_plain_one_does(
    lost: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gzip
    import tempfile

    # Large and varied, so that what is cut off holds commands.
    rows = [("SET", f"k{n}", hashlib.sha256(b"%d" % n).hexdigest()) for n in range(3_000)]
    raw = log(("SET", "a", "1"), ("FLUSHALL",), *rows)
    packed, plain, room = tmp_path / "a.aof.gz", tmp_path / "a.aof", tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(room))
    packed.write_bytes(gzip.compress(raw)[: -lost or None])
    plain.write_bytes(raw)

    found, expected = audited(packed), audited(plain)

    assert [(e.code, e.command.offset, e.text) for e in found.events] == [
        (e.code, e.command.offset, e.text) for e in expected.events
    ]
    assert (found.damage is not None) == bool(lost)
    assert list(room.iterdir()) == []


@pytest.mark.parametrize("case", case_params("recorded"))
def test_the_recorded_disasters_are_told(case: Case) -> None:
    found = audited(case.source)

    flushes = of(found, AuditCode.FLUSH)
    names = [c.name for part in read_parts(find_log(case.source)) for c in part.commands()]
    assert len(flushes) == sum(name in (b"FLUSHALL", b"FLUSHDB") for name in names)
    if case.scenario == "timestamps-flushall":
        (flush,) = flushes
        before = case.facts.get("before_disaster", {})
        assert flush.loss is not None
        assert flush.loss.keys == before.get("keys_total", flush.loss.keys)
        assert flush.loss.keys > 100
        assert flush.command.time_s is not None


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 50)), min_size=1, max_size=60),
    st.lists(st.integers(1, 59), max_size=5),
    st.integers(1, 8),
    st.integers(1, 200),
)
def test_groups_do_not_depend_on_batches(
    rows: list[tuple[int, int]], cuts: list[int], least: int, size: int
) -> None:
    offsets = [0, *itertools.accumulate(length for _, length in rows)]
    edges = sorted({0, *(cut for cut in cuts if cut < len(rows)), len(rows)})
    grouping = Grouping(least, size)
    found: list[Group] = []
    for begin, end in itertools.pairwise(edges):
        times = list(range(begin, end))
        batch = batch_of(offsets[begin:end], [length for _, length in rows[begin:end]], times)
        labels = np.array([label for label, _ in rows[begin:end]], np.int64)
        found.extend(grouping.add(batch, labels))
    found.extend(grouping.end())

    expected = []
    for label, items in itertools.groupby(enumerate(rows), key=lambda item: item[1][0]):
        group = list(items)
        total = sum(length for _, (_, length) in group)
        if label and (len(group) >= least or total >= size):
            first, last = group[0][0], group[-1][0]
            expected.append(Group(label, offsets[first], offsets[last], len(group), total, first, last))
    assert found == expected


def batch_of(offsets: list[int], lengths: list[int], times: list[int]) -> Batch:
    offset, length, time_s = (np.array(column, np.int64) for column in (offsets, lengths, times))
    rest: list[Any] = [*[np.zeros(0, np.int64)] * 11, b"", []]
    return replace(Batch(0, offset, length, *rest), time_s=time_s)


def test_neighbours_are_found_both_ways(tmp_path: Path) -> None:
    path = write(tmp_path / "a", *(("SET", f"k{n}", "x" * 3000) for n in range(20)))
    with open_source(path) as source:
        everything = commands_from(source, 0, 100)
        middle = everything[12].offset

        before = commands_before(source, middle, 5)
        behind = commands_from(source, middle, 3)

        assert [c.argv[1] for c in before] == [b"k7", b"k8", b"k9", b"k10", b"k11"]
        assert [c.argv[1] for c in behind] == [b"k12", b"k13", b"k14"]
        assert len(commands_before(source, middle, 500)) == 12
        assert commands_before(source, 0, 5) == []


@pytest.mark.parametrize("case", case_params("recorded", root=FIXTURES))
def test_every_recorded_fixture_can_be_audited(case: Case) -> None:
    found = audited(case.source, context=3)

    assert found.commands > 0 or not found.events
