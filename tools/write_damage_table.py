"""Write docs/damaged-cases.md: every damaged case of the corpus, repaired by us and by the official tool.

What the official checker leaves was measured when the corpus was made; ours is planned here. Run it
after a change to checking or repairing; it needs the corpus (AOFTOOL_CORPUS, or ../shared/corpus).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.model import Severity
from aoftool.repair.choice import AfterGap, Choice
from aoftool.repair.model import Plan
from aoftool.repair.planner import make_plan

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "damaged-cases.md"
HEAD = """# Every damaged case

What is left of each damaged log of the corpus, in whole commands (of the live files of a set). Written by
`tools/write_damage_table.py`.

- **there**: commands that are whole in the damaged file, less those of transactions that lost a part.
- **official**: what `redis-check-aof --fix` (7.0.15) or `valkey-check-aof --fix` (9.1.2) leaves, in bytes;
  `-` where it was not measured (it repairs no set of files but for the tail of the last one).
- **fix**, **--salvage**: what `aoftool fix` and `aoftool fix --salvage --after-gap assume` leave. More than
  "there" means that damaged framing was put right. A file that plain `fix` does not repair keeps its
  damage, and the command says so.

| case | finding | there | official | fix | --salvage | lost for good |
|---|---|---|---|---|---|---|
"""


def corpus() -> Path:
    return Path(os.environ.get("AOFTOOL_CORPUS", ROOT.parent / "shared" / "corpus"))


def rows() -> Iterator[str]:
    for facts_path in sorted((corpus() / "damaged").glob("*/facts.json")):
        facts = json.loads(facts_path.read_text("utf-8"))
        yield row(facts_path.parent, facts)


def row(folder: Path, facts: dict[str, Any]) -> str:
    single = folder / "appendonly.aof"
    log = find_log(str(single if single.exists() else folder / "appendonlydir"))
    report = check(log)
    damage = [f.code for f in report.findings if f.severity is Severity.DAMAGE]
    damage += [] if report.judged else ["not judged"]
    plain = make_plan(log)
    salvage = make_plan(log, Choice(salvage=True, after_gap=AfterGap.ASSUME))
    cells = (
        folder.name,
        damage[0] if damage else "nothing to see",
        str(facts["best_recovery"].get("commands_recoverable", "-")),
        official(facts),
        f"{plain.statistics.commands_kept}{' (damage stays)' if plain.left else ''}",
        str(salvage.statistics.commands_kept),
        lost(salvage),
    )
    return "| " + " | ".join(cells) + " |\n"


def official(facts: dict[str, Any]) -> str:
    left = [tool["bytes_left"] for tool in facts.get("check_tools_fix", {}).values() if "bytes_left" in tool]
    before = facts.get("bytes_after")
    return f"{min(left):,} of {before:,} bytes" if left and before is not None else "-"


def lost(plan: Plan) -> str:
    size, commands = plan.loss
    return "-" if not size and not commands else f"{size:,} bytes, {commands:,} whole commands"


def main() -> int:
    if not corpus().is_dir():
        print(f"no corpus at {corpus()}", file=sys.stderr)
        return 1
    TARGET.write_text(HEAD + "".join(rows()), encoding="utf-8")
    print(f"wrote {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
