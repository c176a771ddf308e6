"""One sentence where settings make no difference, and none where they do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aoftool.cli.app import run as typed
from aoftool.simulate.model import ChildTime, Pace, Settings, Start
from aoftool.simulate.outcome import conclusion
from aoftool.simulate.running import run
from tests.corpus import FIXTURES
from tests.simulate.growing import MB, even

SHOP = FIXTURES / "valkey-9" / "shop"
AT_ONCE = ChildTime(0.0, 0.0)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            ((30, 100), (40, 100)),
            "no setting of these rewrites within the log: it ends at 19.1 MiB, and the first of them would"
            " rewrite at 28.6 MiB",
        ),
        (((4, 0), (8, 0)), "no setting of these rewrites within the log: a percentage of 0 is never"),
        (((4, 0), (15, 100)), ""),
        (((4, 100), (8, 100)), ""),
        # What a rewrite leaves is 1 MB: 20 % and 50 % of it lie below the least size.
        (((4, 20), (4, 50)), "all settings of these do the same within the log: 6 rewrites"),
        (((15, 20), (15, 50)), "all settings of these do the same within the log: 1 rewrite"),
        (((4, 100),), ""),
    ],
)
def test_what_all_settings_have_in_common(settings: tuple[tuple[int, int], ...], said: str) -> None:
    measured = even(20)
    rows = [run(measured, Settings(size * MB, share), AT_ONCE) for size, share in settings]

    assert conclusion(measured, rows) == said


def test_a_day_of_a_constant_pace_and_a_log_that_ends_at_the_brink() -> None:
    day = even(100, pace=Pace.CONSTANT, start=Start(7 * MB, 5 * MB, 7 * MB))
    rows = [run(day, Settings(size * MB, 100), AT_ONCE) for size in (200, 400)]
    # Above the least size with its last byte, and no tick comes any more.
    brink = even(1.05, rate=MB)
    late = [run(brink, Settings(1_040_000, share), AT_ONCE) for share in (100, 200)]

    assert "rewrites within 1 min 40 s: it ends at 102 MiB" in conclusion(day, rows)
    assert conclusion(brink, late).endswith("it ends at 1.00 MiB, before the server looks again")


def test_the_verb_says_it_in_both_forms(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert typed(["simulate", str(SHOP)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    typed(["simulate", str(SHOP), "--json"])
    told = json.loads(capsys.readouterr().out)
    typed(["simulate", str(SHOP), "--json", "--minsize", "20k,64m"])
    differs = json.loads(capsys.readouterr().out)

    assert told["conclusion"] in text
    assert "no setting of these rewrites within the log" in text
    assert {row["rewrites"] for row in told["rows"]} == {0}
    assert differs["conclusion"] is None
    assert len({row["rewrites"] for row in differs["rows"]}) > 1
