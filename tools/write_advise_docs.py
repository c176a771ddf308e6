"""Write the tables of docs/advise.md from the rules and thresholds; run it after changing one."""

from __future__ import annotations

import re
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "docs" / "advise.md"


def rules() -> str:
    """Return the table of rules."""
    from aoftool.advise.rule import Rule
    from aoftool.advise.rules.all import RULES
    from aoftool.captures.model import Kind

    def inputs(rule: Rule) -> str:
        sets = [" and ".join(n.value if isinstance(n, Kind) else n for n in needs) for needs in rule.needs]
        return " or ".join(dict.fromkeys(sets)).replace("unknown", "what a server said when it did not start")

    lines = ["| finding | when | not | needs |", "|---|---|---|---|"]
    lines += [f"| `{rule.code}` | {rule.when} | {rule.guard} | {inputs(rule)} |" for rule in RULES]
    return "\n".join(lines)


def thresholds() -> str:
    """Return the thresholds as they are listed by `--set list`."""
    from aoftool.advise.thresholds import THRESHOLDS

    return "```\n" + "\n".join(f"{name}={value:.10g}" for name, value in THRESHOLDS.items()) + "\n```"


def page(text: str) -> str:
    """Return the page with its tables made anew."""
    for name, table in (("rules", rules()), ("thresholds", thresholds())):
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        before, begin, end, after = re.split(pattern, text, flags=re.DOTALL)
        text = f"{before}{begin}{table}\n{end}{after}"
    return text


if __name__ == "__main__":
    TARGET.write_text(page(TARGET.read_text("utf-8")), encoding="utf-8")
