"""Build the source archive and a wheel with compiled kernels for each Python of this machine, and try each.

    python tools/build_wheels.py [--out dist] [--python python3.12 ...]

Needs the `release` extra. A wheel is made from the source archive, not from the checkout, made portable with
auditwheel, and installed without a compiler in an empty environment, where every kernel has to be in use and
a log that ships with the project is inspected. The source archive is installed without a compiler as well.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOG = ROOT / "tests" / "fixtures" / "valkey-9" / "shop"
MINORS = range(10, 15)
_ALL_KERNELS = (
    "from aoftool.kernels import KERNELS, kernels_there; assert kernels_there() == len(KERNELS) > 0"
)
_NO_KERNEL = "from aoftool.kernels import kernels_there; assert kernels_there() == 0"


def main(words: list[str] | None = None) -> int:
    """Build and try; returns how many interpreters failed."""
    asked = _parse(words)
    out = asked.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    source = _build_source(out)
    try_install(sys.executable, source, _NO_KERNEL, {"CC": "/bin/false"})
    print(f"{source.name}: installs and runs without a compiler")
    failed = []
    for python in asked.python or pythons():
        try:
            wheel = _build_wheel(python, source, out)
            try_install(python, wheel, _ALL_KERNELS, {"CC": "/bin/false"})
            print(f"{wheel.name}: all kernels in use")
        except subprocess.CalledProcessError as error:
            failed.append(python)
            print(f"{python}: {' '.join(map(str, error.cmd))} ended with {error.returncode}", file=sys.stderr)
    return len(failed)


def _parse(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder of the archives (dist)")
    parser.add_argument(
        "--python", action="append", help="an interpreter; by default every one from 3.10 to 3.14"
    )
    return parser.parse_args(words)


def pythons() -> list[str]:
    """Return the interpreters here that the project supports, one for each release, oldest first."""
    roots = [Path(part) for part in os.environ.get("PATH", "").split(os.pathsep) if part]
    roots += sorted(Path.home().glob(".pyenv/versions/*/bin"))
    return list(filter(None, (_first(roots, f"python3.{minor}") for minor in MINORS)))


def _first(folders: Iterable[Path], name: str) -> str | None:
    """Return the first program of a name that runs; a shim of a version manager may be there and not run."""
    for folder in folders:
        program = folder / name
        if program.exists() and not subprocess.run([program, "-c", ""], capture_output=True).returncode:
            return str(program)
    return None


def _run(*words: str | Path, **environment: str) -> None:
    subprocess.run(
        list(map(str, words)), check=True, cwd="/", env={**_clean(), **environment}, stdout=subprocess.DEVNULL
    )


def _clean() -> dict[str, str]:
    """Return the environment without what would lead to the checkout in place of what was installed."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "AOFTOOL_PURE")}


def _build_source(out: Path) -> Path:
    with tempfile.TemporaryDirectory() as folder:
        _run(sys.executable, "-m", "build", "--sdist", "--outdir", folder, ROOT)
        (made,) = Path(folder).iterdir()
        return Path(shutil.copy2(made, out / made.name))


def _build_wheel(python: str, source: Path, out: Path) -> Path:
    """Build a wheel from the source archive with an interpreter, and make it portable."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _run(python, "-m", "venv", place / "env")
        raw, portable = place / "raw", place / "portable"
        _run(
            place / "env" / "bin" / "pip",
            "wheel",
            "-q",
            "--no-deps",
            "-w",
            raw,
            source,
            AOFTOOL_REQUIRE_NATIVE="1",
        )
        (made,) = raw.iterdir()
        if sys.platform == "linux":
            path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
            _run(sys.executable, "-m", "auditwheel", "repair", "-w", portable, made, PATH=path)
            (made,) = portable.iterdir()
        return Path(shutil.copy2(made, out / made.name))


def try_install(python: str, archive: Path, statement: str, environment: dict[str, str]) -> None:
    """Install an archive in an empty environment, run a statement and the program there.

    Raises:
        CalledProcessError: something of it failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _run(python, "-m", "venv", place)
        _run(place / "bin" / "pip", "install", "-q", archive, **environment)
        _run(place / "bin" / "python", "-c", statement)
        _run(place / "bin" / "aoftool", "inspect", LOG)
        for file in ("man/man1/aoftool-fix.1", "bash-completion/completions/aoftool"):
            if not (place / "share" / file).is_file():
                raise FileNotFoundError(f"{archive.name} brings no share/{file}")


if __name__ == "__main__":
    raise SystemExit(main())
