"""Build a Debian package of this checkout for the Python of the system.

    python3 tools/build_deb.py [--out dist]

Needs dpkg-deb, a C compiler and python3-venv. The package has the program with its kernels and the libraries
it needs in a folder of its own, which no other program sees, with man pages and completions; it fits the
minor release of Python it was built with, and says so.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from email.utils import formatdate
from importlib.metadata import PathDistribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = "/usr/bin/python3"
LIBRARY = "usr/lib/aoftool"
MAINTAINER = "aoftool maintainers <aoftool@localhost>"

# Users who may not write there would compile every module at every start.
SCRIPTS = {
    "postinst": f"{PYTHON} -m compileall -q /{LIBRARY} >/dev/null || true",
    "prerm": f"find /{LIBRARY} -name __pycache__ -type d -prune -exec rm -r {{}} +",
}

# -I: neither the folder where it is called nor the environment adds modules to a program that root may run.
LAUNCHER = f"""\
#!{PYTHON} -I
import sys

sys.path.insert(0, "/{LIBRARY}")
from {{module}} import {{function}}

sys.exit({{function}}())
"""


def main() -> int:
    """Build the package and print its path."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder of the package (dist)")
    out: Path = parser.parse_args().out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    # What is packed must be readable by all, whatever the mask of who builds.
    os.umask(0o022)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        version = _install(tree, Path(folder) / "env")
        _write_documents(tree, version)
        _write_control(tree, version)
        package = out / f"aoftool_{version}_{_said('dpkg', '--print-architecture')}.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Zxz", "-b", tree, package], check=True)
    print(package)
    return 0


def _said(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def _install(tree: Path, environment: Path) -> str:
    """Put the program and its libraries into the tree and return its version."""
    library = tree / LIBRARY
    subprocess.run([PYTHON, "-m", "venv", environment], check=True)
    pip: list[str | Path] = [
        environment / "bin" / "pip",
        "install",
        "-q",
        "--no-compile",
        "--target",
        library,
    ]
    subprocess.run(
        [*pip, f"{ROOT}[lz4]"], check=True, env={**os.environ, "AOFTOOL_REQUIRE_NATIVE": "1"}, cwd="/"
    )
    (found,) = library.glob("aoftool-*.dist-info")
    distribution = PathDistribution(found)
    shutil.rmtree(library / "bin", ignore_errors=True)
    programs = tree / "usr" / "bin"
    programs.mkdir(parents=True)
    for point in distribution.entry_points.select(group="console_scripts"):
        program = programs / point.name
        program.write_text(LAUNCHER.format(module=point.module, function=point.attr))
        program.chmod(0o755)
    shutil.rmtree(library / "share", ignore_errors=True)
    for name in ("man", "bash-completion", "fish"):
        shutil.copytree(ROOT / "share" / name, tree / "usr" / "share" / name)
    vendored = tree / "usr" / "share" / "zsh" / "vendor-completions"
    shutil.copytree(ROOT / "share" / "zsh" / "site-functions", vendored)
    for page in (tree / "usr" / "share" / "man").rglob("*.1"):
        _pack(page)
    return distribution.version


def _pack(path: Path) -> None:
    """Replace a file by its gzip, the same bytes every time."""
    Path(f"{path}.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    path.unlink()


def _write_documents(tree: Path, version: str) -> None:
    folder = tree / "usr" / "share" / "doc" / "aoftool"
    folder.mkdir(parents=True)
    shutil.copy2(ROOT / "LICENSE", folder / "copyright")
    changes = folder / "changelog"
    date = formatdate(
        int(os.environ.get("SOURCE_DATE_EPOCH", _said("git", "-C", str(ROOT), "log", "-1", "--format=%ct")))
    )
    changes.write_text(
        f"aoftool ({version}) unstable; urgency=medium\n\n  * See CHANGES.md of the project.\n\n"
        f" -- {MAINTAINER}  {date}\n"
    )
    _pack(changes)


def _write_control(tree: Path, version: str) -> None:
    folder = tree / "DEBIAN"
    folder.mkdir()
    files = sorted(path for path in tree.rglob("*") if path.is_file())
    size_kib = sum(-(-path.stat().st_size // 1024) for path in files)
    major, minor = map(int, _said(PYTHON, "-c", "import sys; print(*sys.version_info[:2])").split())
    (folder / "control").write_text(
        f"Package: aoftool\nVersion: {version}\nArchitecture: {_said('dpkg', '--print-architecture')}\n"
        f"Maintainer: {MAINTAINER}\nInstalled-Size: {size_kib}\n"
        f"Depends: python3 (>= {major}.{minor}~), python3 (<< {major}.{minor + 1}~), libc6\n"
        "Section: database\nPriority: optional\n"
        "Description: inspect, check, repair and rewrite append-only files offline\n"
        " aoftool tells what is in an append-only file of Valkey or Redis, whether it is\n"
        " whole, what each server would do with it and why it is so big; it repairs\n"
        " damaged files with nothing lost that could be kept, and rewrites them without\n"
        " a server.\n"
    )
    for name, line in SCRIPTS.items():
        script = folder / name
        script.write_text(f"#!/bin/sh\nset -e\n{line}\n")
        script.chmod(0o755)
    sums = [f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(tree)}\n" for path in files]
    (folder / "md5sums").write_text("".join(sums))


if __name__ == "__main__":
    sys.exit(main())
