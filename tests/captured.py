"""Captures to test with: a few in the fixtures, all of them where they lie beside the checkout."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from aoftool.advise.advising import advise
from aoftool.advise.catalogue import all_settings
from aoftool.advise.model import Advice
from aoftool.captures.bundle import Texts, read_texts
from aoftool.captures.captured import read_captured
from aoftool.captures.lines import Text
from tests.corpus import FIXTURES, corpus_root

FEW = FIXTURES / "captures"


@dataclass(frozen=True)
class Capture:
    """One capture and what is known of it."""

    path: Path

    @property
    def name(self) -> str:
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def facts(self) -> dict[str, Any]:
        return dict(json.loads((self.path / "facts.json").read_text("utf-8")))

    @property
    def texts(self) -> tuple[Text, ...]:
        return _texts(self.path)


@cache
def _texts(path: Path) -> tuple[Text, ...]:
    texts = Texts()
    read_texts(str(path), texts)
    assert not texts.left_out
    return tuple(text for text in texts.texts if text.name != "facts.json")


def _below(root: Path) -> list[Capture]:
    return [Capture(path.parent) for path in sorted(root.glob("*/*/facts.json"))]


def few_captures() -> list[Capture]:
    """Return those of the fixtures."""
    return _below(FEW)


def all_captures() -> list[Capture]:
    """Return all of the shared corpus, none where it is not here."""
    root = corpus_root()
    return _below(root / "captures") if root else []


def advice_of(texts: tuple[Text, ...]) -> Advice:
    """Return the answer to some texts."""
    return advise(read_captured(texts, all_settings()))
