"""What a disk is good for, by the figures of a probe."""

from __future__ import annotations

import pytest

from aoftool.probe.model import Beside, Place, Probe, SyncTimes, Verdict

MIB = 1 << 20
PLACE = Place("/x", "ext4", "/dev/x", 1, 1)


@pytest.mark.parametrize(
    ("p99_s", "verdict"),
    [
        (0.0049, Verdict.ALWAYS),
        (0.005, Verdict.EVERYSEC),
        (0.099, Verdict.EVERYSEC),
        (0.1, Verdict.POOR),
        (0.99, Verdict.POOR),
        (1.0, Verdict.UNFIT),
    ],
)
def test_verdict_goes_by_syncs_of_4_kib(p99_s: float, verdict: Verdict) -> None:
    syncs = [SyncTimes(512, 9, 9, 9, 9), SyncTimes(4096, 100, 0.001, p99_s, 5.0)]

    assert Probe(PLACE, syncs=syncs).verdict is verdict


def test_nothing_measured_is_no_verdict() -> None:
    assert Probe(PLACE).verdict is Verdict.UNKNOWN


def test_sync_that_did_not_end_is_unfit() -> None:
    found = Probe(PLACE, unfinished="a sync of 4096 bytes", unfinished_s=9.0)

    assert found.verdict is Verdict.UNFIT


def test_last_part_that_did_not_end_takes_nothing_from_the_verdict() -> None:
    syncs = [SyncTimes(4096, 100, 0.001, 0.002, 0.003)]

    found = Probe(PLACE, syncs=syncs, unfinished="a manifest", unfinished_s=3.0)

    assert found.verdict is Verdict.ALWAYS


def test_stall_is_by_the_mib_over_that_of_an_idle_disk() -> None:
    beside = [Beside(0, 0.1, None), Beside(MIB, 0.5, 0.5), Beside(4 * MIB, 1.3, 1.3)]

    assert Probe(PLACE, beside=beside).stall_s_per_mib == pytest.approx(0.3)
    assert Probe(PLACE, beside=beside[:1]).stall_s_per_mib is None
