"""Every code that a check can give is explained in docs/findings.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aoftool.aof.layout import LayoutCode
from aoftool.aof.manifest_codes import ManifestCode
from aoftool.check.model import Verdict, verdict_of
from aoftool.check.textual import KINDS
from aoftool.rdb.damage import MESSAGES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
DOCUMENTED = set(re.findall(r"`([a-z0-9-]+)`", PAGE))


def codes_in_the_source() -> set[str]:
    """Return string literals that stand where detectors name a code."""
    found = set()
    for path in [*(ROOT / "aoftool/check/detectors").glob("*.py"), ROOT / "aoftool/check/checker.py"]:
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r'Finding\(\s*(?:code=)?"([a-z0-9-]+)"', text))
        found |= set(re.findall(r'^\s+\(?"([a-z]+-[a-z0-9-]+)"[:,]', text, re.MULTILINE))
    return found


@pytest.mark.parametrize(
    "code", sorted({c.value for c in LayoutCode} | {c.value for c in ManifestCode} | set(KINDS))
)
def test_codes_of_the_layout_are_documented(code: str) -> None:
    assert code in DOCUMENTED


def test_codes_of_the_detectors_are_documented() -> None:
    assert codes_in_the_source() - DOCUMENTED == set()


def test_every_code_leads_to_a_verdict() -> None:
    assert all(isinstance(verdict_of(code), Verdict) for code in DOCUMENTED)


@pytest.mark.parametrize("code", sorted(code for code in MESSAGES if not code.startswith("rdb-")))
def test_what_can_be_wrong_in_a_value_is_documented(code: str) -> None:
    assert code in DOCUMENTED
    assert code == "trailing-bytes" or verdict_of(code) is Verdict.RDB_DAMAGED
