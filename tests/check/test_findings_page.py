"""Every code that a check can give is in the table of codes, and docs/findings.md is made from it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from aoftool.aof.layout import LayoutCode, find_log
from aoftool.aof.manifest_codes import ManifestCode
from aoftool.check.checker import check
from aoftool.check.codes import CODES, Section, Verdict, verdict_of
from aoftool.check.exam_model import SpotKind
from aoftool.check.loaders.rdb_faults import code_of_fault
from aoftool.check.model import Finding, Level, Severity
from aoftool.check.stream.textual import KINDS
from aoftool.rdb.damage import MESSAGES
from tests.corpus import FIXTURES
from tools.write_findings_docs import page

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
NAMING = {"Finding", "Finding.of", "Wound", "Healing", "RdbFault", "_at", "_finding"}
# Acts of loaders, by which no finding is called.
ACTS = {"functions", "module-aux", "slot-note", "vector-set"}


def codes_in_the_source() -> Iterator[str]:
    """Yield the strings that are given where findings, or the wounds they come from, are named."""
    for path in (ROOT / "aoftool" / "check").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for value in _naming(node):
                yield from _codes_in(value)


def _naming(node: ast.AST) -> list[ast.expr]:
    """Return what a call or an assignment names codes by."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in NAMING:
        return [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "code")]
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).strip("_").lower() in ("code", "codes"):
        return [node.value]
    return []


def _codes_in(value: ast.expr) -> Iterator[str]:
    for part in ast.walk(value):
        if isinstance(part, ast.Constant) and re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", str(part.value)):
            yield str(part.value)


def test_the_page_is_fresh() -> None:
    assert page(PAGE) == PAGE, "run python tools/write_findings_docs.py"


@pytest.mark.parametrize("section", [one for one in Section if one not in (Section.WALK, Section.UNREAD)])
def test_every_section_of_the_table_is_on_the_page(section: Section) -> None:
    assert f"<!-- codes: {section.name} -->" in PAGE


@pytest.mark.parametrize("code", sorted(set(codes_in_the_source()) - ACTS))
def test_codes_in_the_source_are_in_the_table(code: str) -> None:
    assert code in CODES


def test_the_scan_of_the_source_finds_codes() -> None:
    found = set(codes_in_the_source())

    assert {"read-error", "torn-tail", "wrong-arity", "rdb-no-checksum", "glued-annotation"} <= found


@pytest.mark.parametrize(
    "code",
    sorted(
        {code.value for code in (*LayoutCode, *ManifestCode)}
        | set(KINDS)
        | {code_of_fault(code) for code in MESSAGES}
        | {value for name, value in vars(SpotKind).items() if name.isupper() and value != SpotKind.HURTFUL}
    ),
)
def test_codes_that_come_from_below_are_in_the_table(code: str) -> None:
    assert code in CODES


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_has_a_verdict_and_words(code: str) -> None:
    row = CODES[code]

    assert row.name == code
    assert row.meaning
    assert row.repair
    assert (row.verdict is Verdict.OK) <= (Severity.DAMAGE not in row.severities)
    assert (Severity.NOT_JUDGED in row.severities) <= (
        row.verdict in (Verdict.NOT_JUDGED, Verdict.UNKNOWN_COMMAND, Verdict.CORRUPT_MIDDLE)
    )
    assert row.servers or row.section in (Section.VALUE, Section.UNREAD)


def test_a_code_that_is_not_in_the_table_leads_nowhere() -> None:
    with pytest.raises(KeyError):
        verdict_of("no-such-code")
    with pytest.raises(KeyError):
        Finding("no-such-code", Severity.DAMAGE, "a.aof", "")
    with pytest.raises(AssertionError, match="never note"):
        Finding("torn-tail", Severity.NOTE, "a.aof", "")


@pytest.mark.parametrize("code", sorted(code for code in MESSAGES if not code.startswith("rdb-")))
def test_what_can_be_wrong_in_a_value_damages_its_part(code: str) -> None:
    assert code == "trailing-bytes" or verdict_of(code) is Verdict.RDB_DAMAGED


@pytest.mark.parametrize("level", [Level.FULL, Level.QUICK])
@pytest.mark.parametrize("folder", sorted(path.name for path in (FIXTURES / "damaged").iterdir()))
def test_what_is_offered_is_what_the_table_says(folder: str, level: Level) -> None:
    report = check(find_log(FIXTURES / "damaged" / folder), level)

    for finding in report.findings:
        for remedy in finding.remedies:
            if not remedy.by_hand and remedy.option in ("", "--salvage") and remedy.action != "keep it":
                assert remedy.option in CODES[finding.code].options, (finding.code, remedy)
