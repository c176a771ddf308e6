"""Run the official checkers and ours on copies of the same log, and say in a word where they differ.

Knows the reasons that docs/checker.md gives, and refuses any other difference.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.corpus import corpus_root

BUILDS = ("valkey-9.1.2", "redis-8.0.6")
PARTS = ("damaged", "field", "recorded", "peers", "breakage")
# Lines of the walk over an RDB part, and what a server logs meanwhile, which no script reads.
_OTHER = re.compile(r"\[|\d+:[MC] |--- RDB|\*\*\* FATAL|Reading the manifest|>>> |aoftool: ")
_NUMBERS = re.compile(
    r"AOF analyzed: filename=(.*), size=(\d+), ok_up_to=(\d+), ok_up_to_line=(\d+), diff=(\d+)"
)
_LOST = re.compile(r"aoftool: ([\d,]+) bytes?, ")
_CODE = re.compile(r"\[([a-z0-9-]+)\]$", re.MULTILINE)
_FOREIGN = "this is no append-only file and no RDB"
_SECONDS = 60


def official_checker(build: str) -> Path:
    """Return the checker that came with a server; skip the test where it is not here."""
    kind = build.partition("-")[0]
    for folder in os.environ.get("AOFTOOL_SERVERS", "").split(os.pathsep):
        path = Path(folder or "/nowhere") / build / f"{kind}-check-aof"
        if path.exists():
            return path
    pytest.skip(f"{kind}-check-aof of {build} is not here")


@dataclass(frozen=True)
class Ran:
    """What one run printed, its exit code, and what it left."""

    code: int
    out: str
    err: str
    left_bytes: int

    @property
    def lines(self) -> list[str]:
        """Return the lines that scripts read."""
        return [line for line in self.out.split("\n") if line and not _OTHER.match(line)]

    @property
    def numbers(self) -> list[tuple[str, ...]]:
        """Return the `ok_up_to` lines, as tuples of what they say."""
        return [found.groups() for found in map(_NUMBERS.match, self.lines) if found]

    @property
    def prompts(self) -> int:
        """Return how often it asked."""
        return self.out.count("Continue? [y/N]: ")


@dataclass(frozen=True)
class Target:
    """One file of the corpus as it is named on a command line: in its folder, by a relative path."""

    name: str
    folder: Path
    file: str

    def __str__(self) -> str:
        return self.name


def targets(parts: Sequence[str] = PARTS) -> Iterator[Target]:
    """Yield every file of the corpus that a checker can be given: manifests, else every log and dump."""
    root = corpus_root()
    for part in parts if root is not None else ():
        assert root is not None
        for facts in sorted((root / part).rglob("*.json")):
            if facts.name in ("facts.json", "case.json"):
                yield from targets_in(facts.parent, f"{part}/{facts.parent.relative_to(root / part)}")


def targets_in(folder: Path, name: str) -> Iterator[Target]:
    """Yield the manifests of a folder, else every log and dump in it."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    kinds = (".manifest", ".aof", ".rdb", ".protocol")
    files = [path for path in found if path.name.endswith(kinds)]
    manifests = [path for path in files if path.suffix == ".manifest"]
    for path in manifests or files:
        relative = str(path.relative_to(folder))
        several = len(manifests or files) > 1
        yield Target(f"{name}/{relative}" if several else name, folder, relative)


def copied(target: Target, place: Path) -> Path:
    """Return a copy of a target's folder that may be written to."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(target.folder, place, symlinks=True)
    for path in [place, *place.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | stat.S_IRWXU)
    return place


def run_official(checker: Path, target: Target, place: Path, *options: str) -> Ran:
    """Run an official checker on a copy of a log, answering yes."""
    folder = copied(target, place)
    done = subprocess.run(
        [checker, *options, target.file],
        cwd=folder,
        input=b"y\n" * 8,
        capture_output=True,
        timeout=_SECONDS,
        check=False,
    )
    out = done.stdout.decode("utf-8", "backslashreplace")
    return Ran(done.returncode, out, "", _left(folder))


def run_ours(target: Target, place: Path, request: pytest.FixtureRequest, *options: str) -> Ran:
    """Run our checker, in this process, on a copy of a log, answering yes."""
    from io import StringIO

    from aoftool.cli.check_aof import run

    capsys: pytest.CaptureFixture[str] = request.getfixturevalue("capsys")
    folder = copied(target, place)
    before = os.getcwd()
    os.chdir(folder)
    stdin, sys.stdin = sys.stdin, StringIO("y\n" * 8)
    try:
        code = run("valkey-check-aof", [*options, target.file])
    finally:
        sys.stdin = stdin
        os.chdir(before)
    shown = capsys.readouterr()
    return Ran(code, shown.out, shown.err, _left(folder))


def _left(folder: Path) -> int:
    """Return the bytes of the files of the log, without what a repair keeps."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".json"]
    return sum(path.stat().st_size for path in files if "aoftool-fix-" not in str(path))


def lost_bytes(ran: Ran) -> int:
    """Return what our repair said it took out of the data."""
    found = _LOST.search(ran.err)
    return int(found[1].replace(",", "")) if found else 0


def check_reason(official: Ran, ours: Ran) -> str:
    """Return why two checks differ in what scripts read of them; empty where they do not.

    Raises:
        AssertionError: for no reason that docs/checker.md gives.
    """
    if (official.code, official.numbers) == (ours.code, ours.numbers):
        return ""
    codes = _CODE.findall(ours.out)
    if _is_base_unknown(official, ours):
        return "base"
    if "FATAL AOF MANIFEST" in ours.out:
        return "manifest"
    if ours.code == 1 and _FOREIGN in ours.out:
        return "foreign"
    if official.code == 0 and ours.code == 1 and codes:
        # Up to where it goes on alike, and not a byte further.
        alike = [one == two for one, two in zip(official.numbers, ours.numbers, strict=False)]
        assert all(alike[:-1])
        return f"finding {codes[0]}"
    if official.code == ours.code == 1 and "RDB preamble of AOF file is not sane" in ours.out:
        return "rdb"
    if official.code == 1 and ours.code == 0 and _is_dump(official):
        return "dump"
    if official.code == 1 and ours.code == 0 and "RDB preamble" in official.out:
        return "rdb read"
    raise AssertionError(f"no reason:\n{official.out}\n{ours.out}\n{ours.err}")


def _is_base_unknown(official: Ran, ours: Ran) -> bool:
    """Tell whether the official checker takes an RDB part for commands, and ours does not."""
    whole = [numbers for numbers in official.numbers if numbers[2] == "0" and int(numbers[1]) > 0]
    return bool(whole) and "format error" in official.out and "RDB preamble is OK" in ours.out


def fix_reason(official: Ran, ours: Ran) -> str:
    """Return why two runs with --fix differ; empty where they do not.

    Raises:
        AssertionError: for no reason that docs/checker.md gives; also where ours loses more.
    """
    cut = sum(int(numbers[4]) for numbers in (ours.numbers or official.numbers))
    assert lost_bytes(ours) <= cut, f"{ours.err}\n{official.out}"
    assert ours.prompts == (1 if ours.code == 0 and "aoftool undo" in ours.err else ours.prompts)
    if (official.code, official.left_bytes, official.prompts) == (ours.code, ours.left_bytes, ours.prompts):
        return ""
    if ours.code == 0 and ours.prompts and ours.left_bytes != official.left_bytes:
        return "repairs"
    if ours.code == 0 and ours.prompts:
        return "repairs in place"
    if official.code == 0 and official.prompts and _empties(official):
        return "never empties" if ours.code else "base"
    if official.code == 0 and not official.prompts and ours.code == 1 and _CODE.search(ours.out):
        return "not repairable"
    if official.prompts and ours.code == 0 and not ours.prompts and _is_dump(official):
        return "dump"
    if official.code == 1 and ours.code == 0 and not ours.prompts:
        return "sound"
    if ours.code == 1 and "FATAL AOF MANIFEST" in ours.out:
        return "not repairable"
    if official.code == 0 and ours.code == 1 and ("in doubt" in ours.err or "left" in ours.err):
        return "in doubt"
    raise AssertionError(f"no reason:\n{official.out}\n{ours.out}\n{ours.err}")


def _is_dump(official: Ran) -> bool:
    """Tell whether the official checker read a dump to its end, and took what follows for commands."""
    return "RDB preamble is OK" in official.out and "format error" in official.out


def _empties(official: Ran) -> bool:
    return bool(re.search(r"to 0 bytes", official.out))
