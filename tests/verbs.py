"""Every verb in the ways that people call it, run in process, and what any answer must be.

For tests that hold all verbs to one promise on many inputs: an answer, a finding or a clear error; an exit
code that the help names; JSON that parses. Knows no log and judges no content.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unittest import mock

from aoftool.cli.app import run
from aoftool.cli.exit_codes import EXIT_CODES, OUR_BUG
from aoftool.files.remote.names import is_remote
from aoftool.fleet.summary import summarized
from aoftool.probe.probing import probe_place
from tests.schemas import objects_in, shape_problem

# IN is the log, OUT a name that is free. `--json` gives one object, or one a line with the verbs below.
LINES = ("keys", "log", "history")
Call = tuple[str, ...]
CALLS: tuple[Call, ...] = (
    ("inspect", "IN"),
    ("inspect", "--json", "IN"),
    ("inspect", "--contents", "--savings", "IN"),
    ("inspect", "--no-contents", "--json", "IN"),
    ("inspect", "--by", "key", "IN"),
    ("inspect", "--by", "type", "--csv", "IN"),
    ("check", "IN"),
    ("check", "--level", "quick", "--json", "IN"),
    ("check", "--level", "deep", "--json", "IN"),
    ("fix", "--dry-run", "--json", "IN"),
    ("fix", "--dry-run", "--salvage", "IN"),
    ("fix", "--salvage", "--yes", "--json", "-o", "OUT", "IN"),
    ("rewrite", "--dry-run", "--json", "IN"),
    ("rewrite", "--format", "rdb", "-o", "OUT", "IN"),
    ("rewrite", "--format", "resp", "--json", "-o", "OUT", "IN"),
    ("rewrite", "--salvage", "--dry-run", "IN"),
    ("rewrite", "--memory-limit", "64MB", "-o", "OUT", "IN"),
    ("rewrite", "--quick", "--json", "IN"),
    ("keys", "IN"),
    ("keys", "--json", "--values", "IN"),
    ("keys", "--by", "writes", "--json", "IN"),
    ("keys", "--by", "bytes", "IN"),
    ("keys", "--by", "same", "IN"),
    ("keys", "--at", "40", "--json", "IN"),
    ("growth", "IN"),
    ("growth", "--by", "command", "--axis", "bytes", "--json", "IN"),
    ("log", "IN"),
    ("log", "--json", "IN"),
    ("log", "--tail", "3", "IN"),
    ("log", "--hex", "20", "IN"),
    ("log", "--since", "20", "--limit", "3", "IN"),
    ("log", "--excerpt", "40", "-o", "OUT", "IN"),
    ("history", "key:1", "IN"),
    ("history", "--json", "--values", "--match", "*", "IN"),
    ("audit", "IN"),
    ("audit", "--json", "--replay", "always", "IN"),
    ("diff", "--json", "IN", "IN"),
    ("diff", "--at", "40", "IN"),
    ("export", "--json", "-o", "OUT", "IN"),
    ("export", "--format", "csv", "--arguments", "--redact", "all", "--salt", "x", "-o", "OUT", "IN"),
    ("sql", "IN", "SELECT * FROM commands"),
    ("sql", "--json", "IN", "SELECT * FROM files"),
    ("explain", "--at", "15", "IN"),
    ("explain", "--at", "60", "--json", "IN"),
    ("explain", "--key", "key:1", "IN"),
    ("report", "--json", "IN"),
    ("report", "-o", "OUT", "IN"),
    ("simulate", "IN"),
    ("simulate", "--json", "--minsize", "1k", "--disk", "1k", "IN"),
    ("snapshot", "-o", "OUT", "IN"),
    ("snapshot", "--json", "--seal", "--as-is", "-o", "OUT", "IN"),
    ("guard", "IN"),
    ("guard", "--json", "--max-loss", "64k", "IN"),
    ("undo", "--json", "IN"),
    ("undo", "--forget", "IN"),
    ("fleet", "--json", "IN"),
    ("fleet", "--csv", "--html", "OUT", "IN"),
    ("advise", "--json", "IN"),
    ("advise", "--aof", "IN", "--html", "OUT"),
    # Nobody is there to agree: it looks at the place, and does not load the disk.
    ("probe", "--json", "IN"),
    ("capture", "--server", "IN", "-o", "OUT"),
)
# Verbs that change the log they are given: they get a copy of it.
CHANGING = frozenset({"guard", "undo"})
_PROBE_S = 0.3

# Every reading verb; `diff` of a log with itself asks for it twice.
READING: tuple[Call, ...] = (
    ("check", "IN"),
    ("check", "--level", "quick", "IN"),
    ("check", "--level", "deep", "--json", "IN"),
    ("inspect", "IN"),
    ("inspect", "--contents", "--savings", "--json", "IN"),
    ("keys", "IN"),
    ("keys", "--by", "writes", "IN"),
    ("explain", "--key", "same", "IN"),
    ("history", "same", "IN"),
    ("log", "--tail", "3", "IN"),
    ("log", "--key", "same", "-o", "OUT", "IN"),
    ("audit", "IN"),
    ("growth", "IN"),
    ("diff", "IN", "IN"),
    ("simulate", "IN"),
    ("export", "-o", "OUT", "IN"),
    ("sql", "IN", "SELECT count(*) FROM commands"),
    ("report", "--md", "IN"),
    ("snapshot", "-o", "OUT", "IN"),
    ("rewrite", "-n", "IN"),
    ("rewrite", "-o", "OUT", "IN"),
    ("rewrite", "--jobs", "2", "-n", "IN"),
    ("fix", "-n", "IN"),
    ("fix", "--salvage", "--yes", "-o", "OUT", "IN"),
)
# What opens files in its own way, once.
READING_ONCE = [
    call
    for call in READING
    if call[:2] not in (("check", "--level"), ("inspect", "--contents"), ("keys", "--by"))
]


@dataclass(frozen=True)
class Answer:
    """What came of one call."""

    call: tuple[str, ...]
    code: int
    out: str
    err: str

    def problem(self) -> str | None:
        """Return what no verb may do on any input; None for a fair answer."""
        if self.code == OUR_BUG or "Traceback" in self.err:
            return f"exit {self.code}: {self.err.strip().splitlines()[-2:]}"
        if self.code not in EXIT_CODES:
            return f"exit code {self.code} is not documented"
        if "--json" in self.call:
            return self._json_problem()
        return None

    def _json_problem(self) -> str | None:
        try:
            found = list(objects_in(self.out))
        except ValueError as error:
            return f"exit {self.code}, and the JSON does not parse: {error}: {self.out[:200]!r}"
        if self.call[0] not in LINES and len(found) != 1:
            return f"exit {self.code}, and {len(found)} objects: {self.out[:200]!r}"
        return next(filter(None, map(shape_problem, found)), None)


def ask(call: tuple[str, ...], log: Path | str, out: Path, *, own: bool = False) -> Answer:
    """Make one call in this process; what it wrote at `out` is removed.

    Args:
        own: the log is the caller's own copy, and may be changed in its place.
    """
    if call[0] in CHANGING and "IN" in call and not own and not is_remote(str(log)):
        log = _copied(Path(log), out.with_name(out.name + "-of"))
    words = {"IN": str(log), "OUT": str(out)}
    shown, said = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    stdin, sys.stdin = sys.stdin, io.StringIO()
    try:
        with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(said), _spared(call[0]):
            code = run([words.get(word, word) for word in call])
    finally:
        sys.stdin = stdin
        _remove(out)
    shown.flush()
    text = shown.buffer.getvalue().decode("utf-8", "surrogateescape")
    return Answer(call, code, text, said.getvalue())


def _spared(verb: str) -> contextlib.AbstractContextManager[object]:
    """Let a fleet be read in this process, where nothing has to start, and a probe be short."""
    if verb == "fleet":
        return mock.patch("aoftool.fleet.running.run_here", lambda paths, **_: map(summarized, paths))
    if verb == "probe":
        return mock.patch("aoftool.probe.probing.probe_place", partial(probe_place, limit_s=_PROBE_S))
    return contextlib.nullcontext()


def _copied(log: Path, folder: Path) -> Path:
    """Return a copy of what stands there, as much of it as can be read; of what is not there, its path.

    A file that a manifest in the same folder lists is nothing without the others.
    """
    place = folder / log.name
    if log.is_dir():
        with contextlib.suppress(shutil.Error):
            shutil.copytree(log, place, symlinks=True)
    elif log.is_file():
        folder.mkdir()
        beside = log.parent.glob("*") if any(log.parent.glob("*.manifest")) else [log]
        for path in beside:
            if path.is_file():
                with contextlib.suppress(OSError):
                    shutil.copy2(path, folder / path.name)
    return place if place.exists() else log


def _remove(out: Path) -> None:
    for path in out.parent.glob(out.name + "*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
