"""Find recorded and damaged logs with the facts that real servers gave about them.

Two places have the same layout: `tests/fixtures/` (small, always there) and the full corpus, which stands
beside the checkout or where `AOFTOOL_CORPUS` points. Knows folders and `facts.json`; refuses to judge.

    @pytest.mark.parametrize("case", case_params("recorded"))        # the full corpus, or one skip
    @pytest.mark.parametrize("case", case_params("damaged", root=FIXTURES))

Facts were measured on 2026-11-20: keys of past expiry and digests of logs with such keys move with the date.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CORPUS_VARIABLE = "AOFTOOL_CORPUS"
CHECKOUT = Path(__file__).resolve().parents[1]
FIXTURES = CHECKOUT / "tests" / "fixtures"
DEFAULT_CORPUS = CHECKOUT.parent / "shared" / "corpus"
FACTS_NAME = "facts.json"
_ABSENT = "the shared corpus is not here"


@dataclass(frozen=True)
class Case:
    """Hold one folder of the corpus: a recorded scenario or a damaged case."""

    part: str
    id: str
    directory: Path

    def __str__(self) -> str:
        return self.id

    @functools.cached_property
    def facts(self) -> dict[str, Any]:
        """Return what was measured, as the corpus README describes it."""
        facts: dict[str, Any] = json.loads((self.directory / FACTS_NAME).read_text("utf-8"))
        return facts

    @property
    def server(self) -> str:
        """Return the server that wrote the log or, for a damaged case, its original: `valkey-9.1.2`."""
        return str(
            self.facts["server"] if self.part == "recorded" else self.facts["derived_from"].split("/")[1]
        )

    @property
    def scenario(self) -> str:
        """Return the last part of the id."""
        return self.directory.name

    @property
    def multi_part(self) -> bool:
        """Tell whether the log is a directory of files; its manifest may be missing or empty."""
        return not self.single_file.exists()

    @property
    def single_file(self) -> Path:
        """Return the place of an old-style log."""
        return self.directory / "appendonly.aof"

    @property
    def log_directory(self) -> Path:
        """Return the directory of a multi-part log."""
        return self.directory / "appendonlydir"

    @property
    def source(self) -> Path:
        """Return the path a user would type: the file of an old-style log, else its directory."""
        return self.log_directory if self.multi_part else self.single_file

    @property
    def manifest(self) -> Path | None:
        """Return the manifest, or None when there is none."""
        return next(iter(sorted(self.log_directory.glob("*.manifest"))), None)

    def files(self) -> list[Path]:
        """List every data file of the folder, manifests and leftovers with them, in stable order."""
        return sorted(
            path for path in self.directory.rglob("*") if path.is_file() and path.name != FACTS_NAME
        )

    def after_load(self, build_id: str) -> dict[str, Any]:
        """Return what a server found when it loaded the log, `{}` when that was not measured."""
        key = "after_load" if self.part == "recorded" else "loads_with_aof_load_truncated_yes"
        found: dict[str, Any] = self.facts[key].get(build_id, {})
        return found


@dataclass(frozen=True)
class PeerFile:
    """Hold one test file of another project; none of these is ever copied into this tree."""

    id: str
    path: Path
    facts: dict[str, Any]

    def __str__(self) -> str:
        return self.id


def corpus_root() -> Path | None:
    """Return the full corpus when it is there."""
    named = os.environ.get(CORPUS_VARIABLE)
    root = Path(named) if named else DEFAULT_CORPUS
    return root if (root / "recorded").is_dir() else None


def cases(part: str, *, root: Path | None = None, server: str | None = None) -> list[Case]:
    """List the cases of `recorded` or `damaged`, of one server when it is named."""
    root = root or corpus_root()
    if root is None:
        return []
    found = [
        Case(part, "/".join(path.parent.relative_to(root / part).parts), path.parent)
        for path in sorted((root / part).rglob(FACTS_NAME))
    ]
    return [case for case in found if server is None or case.server == server]


def case(part: str, name: str, *, root: Path | None = None) -> Case:
    """Return one case by name, such as `valkey-9.1.2/streams`; without the corpus, skip the test."""
    root = root or need_corpus()
    return Case(part, name, root / part / name)


def need_corpus() -> Path:
    """Return the root of the corpus; without it, skip the test."""
    root = corpus_root()
    if root is None:
        pytest.skip(_ABSENT)
    return root


def peer_files() -> Iterator[PeerFile]:
    """Yield the files of other projects with their facts, in stable order."""
    root = corpus_root()
    if root is None:
        return
    for facts_path in sorted((root / "peers").glob(f"*/{FACTS_NAME}")):
        files = json.loads(facts_path.read_text("utf-8"))["files"]
        for name, facts in sorted(files.items()):
            yield PeerFile(f"{facts_path.parent.name}/{name}", facts_path.parent / name, facts)


def case_params(part: str, *, root: Path | None = None, server: str | None = None) -> list[Any]:
    """Return pytest parameters, one a case; one skipped parameter when the corpus is absent."""
    marks = [pytest.mark.corpus] if root is None else []
    found = cases(part, root=root, server=server)
    return [pytest.param(entry, id=entry.id, marks=marks) for entry in found] or absent()


def peer_params() -> list[Any]:
    """Return pytest parameters, one a file of another project; one skipped when the corpus is absent."""
    found = [pytest.param(entry, id=entry.id, marks=pytest.mark.corpus) for entry in peer_files()]
    return found or absent()


def absent(count: int = 1) -> list[Any]:
    """Return what stands for the cases of an absent corpus: one skipped test of so many parameters."""
    skip = pytest.mark.skip(reason=_ABSENT)
    return [pytest.param(*[None] * count, id="no-corpus", marks=[pytest.mark.corpus, skip])]
