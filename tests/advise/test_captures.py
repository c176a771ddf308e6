"""Every capture of a server in a known situation: what a right diagnosis names, and nothing for nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.captured import Capture, advice_of, all_captures, few_captures
from tests.corpus import absent

# A client saw more or less than the server stood still: a busy machine, and a client that had gone.
_NOT_THE_SERVER = ("redis-7.0.15/healthy-busy", "redis-7.0.15/manifest-stall")
_LONG_MS = 500


def params() -> list[Any]:
    found = [pytest.param(capture, id=f"few-{capture.name}") for capture in few_captures()]
    every = [pytest.param(capture, id=capture.name, marks=pytest.mark.corpus) for capture in all_captures()]
    return found + (every or absent())


@pytest.mark.parametrize("capture", params())
def test_a_right_diagnosis(capture: Capture) -> None:
    facts = capture.facts
    found = {finding.code: finding for finding in advice_of(capture.texts).findings}

    assert [code for code in facts["must"] if code not in found] == []
    assert [code for code in facts["must_not"] if code in found] == []
    known = {*facts["must"], *facts["may"]}
    assert [code for code, finding in found.items() if finding.severity.is_bad and code not in known] == []


@pytest.mark.parametrize("capture", params())
def test_the_longest_standstill_is_what_a_client_waited(capture: Capture) -> None:
    waited_ms = capture.facts["values"].get("round_trips", {}).get("max_ms", 0)
    if waited_ms < _LONG_MS or capture.name in _NOT_THE_SERVER:
        return

    worst = advice_of(capture.texts).ledger[0].worst_s

    assert worst * 1000 == pytest.approx(waited_ms, rel=0.02)


@pytest.mark.parametrize("capture", params())
def test_without_one_input_nothing_new_is_found(capture: Capture) -> None:
    texts = capture.texts
    found = {finding.code for finding in advice_of(texts).findings}

    for number, text in enumerate(texts):
        without = advice_of((*texts[:number], *texts[number + 1 :]))

        assert {finding.code for finding in without.findings} - found == set(), text.name


@pytest.mark.parametrize("capture", params())
def test_every_finding_has_its_evidence_and_every_row_its_place(capture: Capture) -> None:
    advice = advice_of(capture.texts)

    assert all(finding.found and finding.found[0].where for finding in advice.findings)
    assert all(finding.do or not finding.severity.is_bad for finding in advice.findings)
    assert all(row.where and row.seen_in for row in advice.ledger)


def test_the_fixtures_are_there() -> None:
    assert len(few_captures()) == 11
