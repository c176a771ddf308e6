"""Deciding base records by columns and one by one gives the same answers."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from aoftool.commands.effects import EffectTable
from aoftool.errors import RdbError, UnsupportedError
from aoftool.liveness.native import mark_dead
from aoftool.liveness.reading import Tail, trace_tails
from aoftool.rewrite.decide import base_rows as baserows
from aoftool.rewrite.decide.base_keys import BaseKeys
from aoftool.rewrite.decide.touches import Touches
from tests import builders
from tests.corpus import Case, case_params
from tests.kernels import needs
from tests.random_logs import Mix, random_log
from tests.servers import Build

NEWEST = Build("valkey", (9, 1, 2), Path())

needs_kernel = needs("rows", "keys", "walk")


def random_base(seed: int) -> bytes:
    """Return an RDB whose keys have plain, integer and long names, with and without expire times."""
    draw = random.Random(seed)
    parts = []
    for db in range(3):
        records = []
        for number in draw.sample(range(40), draw.randrange(30)):
            key = builders.rdb_string(f"k{number}" * draw.choice([1, 40]))
            if number % 7 == 0:
                key = builders.rdb_integer(number)
            value = builders.rdb_string("v" * draw.randrange(90))
            expire = draw.choice([None, None, 4_102_444_800_000])
            prefix = builders.rdb_record(0, "", b"", expire_at_ms=expire)[:-1]
            records.append(prefix + key + value)
        parts.append(builders.rdb_database(db, *records))
    return builders.rdb(*parts)


def account(base: BaseKeys, touches: Touches) -> dict[str, Any]:
    loaded = [
        (record.db, record.key, record.value(), record.expire_at_ms, record.encoding, number)
        for record, number in base.to_load(touches.touched, ())
    ]
    return {
        "loaded": loaded,
        "counts": base.counts,
        "databases": base.databases,
        "expires": {db: count for db, count in base.expires.items() if count},
        "dead": base.dead_by_cause,
        "held": bytes(base.held),
        "runs": base.runs,
        "keys": base.summary and base.summary.keys,
    }


def both_ways(rdb: Path, tail: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    trace, _ = trace_tails([Tail(str(tail))], EffectTable(64))
    covered, touches = mark_dead(trace), Touches(trace)
    accounts = []
    for native in (True, False):
        with monkeypatch.context() as patch:
            patch.setattr(baserows, "NATIVE", native)
            base = BaseKeys.of(str(rdb), trace, covered)
            base.read(touches.touched, touches.written, range(22))
            accounts.append(account(base, touches))
    return accounts


@needs_kernel
def test_random_bases_under_random_tails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rdb, tail = tmp_path / "base.rdb", tmp_path / "tail.aof"
    for seed in range(60):
        rdb.write_bytes(random_base(seed))
        log = random_log(seed, NEWEST, 10 + seed, Mix(keys=40))
        log += [[b"APPEND", b"%d" % number, b"x"] for number in range(0, seed, 7)]
        tail.write_bytes(builders.log(*log))

        columns, records = both_ways(rdb, tail, monkeypatch)

        assert columns == records, seed


@needs_kernel
@pytest.mark.parametrize("case", case_params("recorded"))
def test_recorded_bases(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tail = tmp_path / "tail.aof"
    tail.write_bytes(builders.log([b"SET", b"str:int", b"1"], [b"SELECT", b"1"], [b"FLUSHDB"]))
    for path in case.files():
        if path.read_bytes()[:5] in (b"REDIS", b"VALKE"):
            columns, records = both_ways(path, tail, monkeypatch)

            assert columns == records


@pytest.mark.parametrize("native", [True, False])
def test_a_damaged_base_is_refused(tmp_path: Path, native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baserows, "NATIVE", native and baserows.NATIVE)
    tail = tmp_path / "tail.aof"
    tail.write_bytes(b"")
    trace, _ = trace_tails([Tail(str(tail))], EffectTable(16))
    whole = random_base(1)
    rdb = tmp_path / "base.rdb"
    empty = bytearray(len(trace.keys))

    rdb.write_bytes(whole[:-12])
    with pytest.raises(RdbError):
        BaseKeys.of(str(rdb), trace, mark_dead(trace)).read(empty, empty, range(22))

    rdb.write_bytes(builders.rdb(builders.rdb_database(16, builders.rdb_record(0, "a", b"\x011"))))
    with pytest.raises(UnsupportedError, match="database 16"):
        BaseKeys.of(str(rdb), trace, mark_dead(trace)).read(empty, empty, range(22))
