"""Estimates without a whole replay: exact for small logs, close for large ones, marked where they are not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.rewrite.ask.estimate import Estimate, estimate_size
from aoftool.rewrite.model import OutputFormat, RewriteOptions, RewriteResult
from aoftool.rewrite.planner import RewritePlan, with_plan
from tests import builders
from tests.corpus import Case, case_params
from tests.rewrite.rewriting import FORMATS, rewritten

FACTS = {OutputFormat.RDB: "preamble_yes", OutputFormat.RESP: "preamble_no"}
LEAST_BYTES = 10_000
NEAR = 0.1
SAMPLE_BYTES = 100_000

Argv = list[bytes]


def estimate(path: Path, form: OutputFormat, sample_bytes: int | None = None, **options: object) -> Estimate:
    found: list[Estimate] = []

    def look(plan: RewritePlan) -> RewriteResult:
        found.append(estimate_size(plan) if sample_bytes is None else estimate_size(plan, sample_bytes))
        return RewriteResult(plan.summary)

    with_plan(find_log(str(path)), RewriteOptions(format=form, **options), look)  # type: ignore[arg-type]
    return found[-1]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("case", case_params("recorded"))
def test_recorded_logs_are_estimated_as_their_server_rewrites_them(case: Case, form: OutputFormat) -> None:
    fact = ((case.facts["after_server_rewrite"] or {}).get(FACTS[form]) or {}).get("bytes", 0)
    if fact <= LEAST_BYTES:
        pytest.skip("too small to tell")
    vector_sets = "vector" in case.id  # a server has to build these, so their commands are carried

    found = estimate(case.source, form, target=None if vector_sets else case.server, databases=64)

    assert vector_sets or not found.upper_bound
    assert found.upper_bound or abs(found.size_bytes - fact) <= NEAR * fact


def strings(draw: random.Random) -> list[Argv]:
    words = [draw.randbytes(9).hex().encode() for _ in range(40)]
    return [
        [b"SET", b"s:%d" % draw.randrange(9000), b" ".join(draw.choices(words, k=draw.randrange(1, 30)))]
        for _ in range(12_000)
    ]


def counters(draw: random.Random) -> list[Argv]:
    return [[b"INCRBY", b"n:%d" % draw.randrange(900), b"%d" % draw.randrange(9)] for _ in range(20_000)]


def queues(draw: random.Random) -> list[Argv]:
    log: list[Argv] = []
    for _ in range(9000):
        key = b"q:%d" % draw.randrange(300)
        log += [[b"RPUSH", key, draw.randbytes(30)], *([[b"LPOP", key]] if draw.random() < 0.8 else [])]
    return log


def mixed(draw: random.Random) -> list[Argv]:
    log: list[Argv] = []
    for _ in range(9000):
        key = b"%d" % draw.randrange(1500)
        log += [
            [b"HSET", b"h:" + key, b"field:%d" % draw.randrange(9), draw.randbytes(20)],
            [b"ZADD", b"z:" + key, b"%d" % draw.randrange(10**6), b"member:%d" % draw.randrange(30)],
            [b"PEXPIREAT", b"h:" + key, b"4102444800000"],
        ]
    return log


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("make", [strings, counters, queues, mixed])
def test_a_sample_of_many_keys_tells_the_whole(make: object, form: OutputFormat, tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(builders.log(*make(random.Random(7))))  # type: ignore[operator]
    (exact,) = rewritten(path, RewriteOptions(target="valkey-9"), [form])[2]

    found = estimate(path, form, SAMPLE_BYTES, target="valkey-9")

    assert found.sampled
    assert not found.upper_bound
    assert abs(found.size_bytes - exact.size_bytes) <= NEAR * exact.size_bytes


def test_a_large_base_is_reckoned_from_its_front(tmp_path: Path) -> None:
    first = tmp_path / "first.aof"
    first.write_bytes(builders.log(*mixed(random.Random(1))))
    base = rewritten(first, RewriteOptions(target="valkey-9"), [OutputFormat.RDB])[0][OutputFormat.RDB]
    tail = builders.log(*strings(random.Random(2))[:500])
    manifest = builders.write_multi_part(tmp_path / "log", base=base, incrs=[tail], base_is_rdb=True)

    for form in FORMATS:
        (exact,) = rewritten(manifest, RewriteOptions(target="valkey-9"), [form])[2]
        found = estimate(manifest, form, SAMPLE_BYTES, target="valkey-9")

        assert abs(found.size_bytes - exact.size_bytes) <= NEAR * exact.size_bytes


def test_one_long_queue_is_an_upper_bound(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(builders.log(*([[b"RPUSH", b"q", b"x" * 50], [b"LPOP", b"q"]] * 3000)))

    found = estimate(path, OutputFormat.RDB, SAMPLE_BYTES)

    assert found == Estimate(found.size_bytes, sampled=True, upper_bound=True)
    assert found.size_bytes > SAMPLE_BYTES


def test_a_small_log_is_estimated_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(builders.log(*mixed(random.Random(3))[:900]))

    for form in FORMATS:
        (exact,) = rewritten(path, RewriteOptions(now_ms=1), [form])[2]

        assert estimate(path, form, now_ms=1) == Estimate(exact.size_bytes)
