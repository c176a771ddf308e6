"""docs/advise.md holds the rules and thresholds that the code has."""

from __future__ import annotations

import importlib.util

from aoftool.advise.rules.all import RULES
from aoftool.advise.thresholds import THRESHOLDS
from tests.corpus import CHECKOUT


def _page(text: str) -> str:
    path = CHECKOUT / "tools" / "write_advise_docs.py"
    spec = importlib.util.spec_from_file_location("write_advise_docs", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.page(text))


def test_the_page_has_every_rule_and_threshold() -> None:
    text = (CHECKOUT / "docs" / "advise.md").read_text("utf-8")

    assert _page(text) == text, "run tools/write_advise_docs.py"


def test_every_threshold_is_of_a_rule() -> None:
    codes = {rule.code for rule in RULES}

    assert {name.partition(".")[0] for name in THRESHOLDS} - codes == set()
    assert len(codes) == len(RULES)
