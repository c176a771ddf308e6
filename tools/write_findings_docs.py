"""Write the tables of codes in docs/findings.md from the table of codes; run it after a change there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from aoftool.check.codes import CODES, Code, Section, Verdict
from aoftool.check.loaders.rdb_faults import fault_acts
from aoftool.check.model import Outcome
from aoftool.releases import in_words

PAGE = Path(__file__).resolve().parent.parent / "docs" / "findings.md"
_TABLE = re.compile(r"<!-- codes: ([A-Z]+) -->\n.*?<!-- end of codes -->", re.DOTALL)
_WORDS = {
    Outcome.LOAD: "load it",
    Outcome.REFUSE: "refuse it",
    Outcome.CRASH: "crash",
    Outcome.CUT: "cut it",
    Outcome.UNSUPPORTED: "do not read it",
}


def page(text: str) -> str:
    """Return the page with its tables made anew."""
    return _TABLE.sub(lambda found: table(Section[found[1]]), text)


def table(section: Section) -> str:
    """Return the table of one section, between its marks."""
    rows = [code for code in CODES.values() if code.section is section]
    lines = [
        "| code | severity | verdict | what it means | what servers do | repair |",
        "|---|---|---|---|---|---|",
    ]
    for _, group in groupby(rows, key=lambda code: code[2:]):
        alike = list(group)
        lines.append(row(alike[0], (code.name for code in alike)))
    return "\n".join([f"<!-- codes: {section.name} -->", *lines, "<!-- end of codes -->"])


def row(code: Code, names: Iterable[str]) -> str:
    """Return the line of codes that differ in nothing but their names."""
    graves = ", ".join(severity.value for severity in code.severities)
    verdict = "" if code.verdict is Verdict.OK else code.verdict.value
    servers = code.servers or "; ".join(outcomes(code.name))
    shown = ", ".join(f"`{name}`" for name in names)
    return " | ".join(["| " + shown, graves, verdict, code.meaning, servers, code.repair]) + " |"


def outcomes(code: str) -> Iterator[str]:
    """Yield what servers do about a fault in an RDB part, those that do the same together."""
    found = fault_acts(code)
    for kinds in dict.fromkeys(found.values()):
        names = [name for name, own in found.items() if own == kinds]
        words = " or ".join(_WORDS[outcome] for outcome in Outcome if outcome in kinds)
        yield f"all {words}" if len(names) == len(found) else f"{in_words(names)}: {words}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
