"""Build the kernels with address and undefined-behaviour sanitizers and bounds checks, and run tests on them.

    python tools/sanitize_kernels.py                       mutated logs and the tests of all kernels
    python tools/sanitize_kernels.py --folder DIR -k blob  build once, run again, choose tests

The build is a copy of the checkout; nothing here is changed. It needs gcc with libasan and libubsan and takes
some minutes. A report of a sanitizer ends the run at once, with the place in the kernel; an index out of
bounds is seen by the tests as exit 70. The last lines name the kernels that no test loaded.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("aoftool", "share", "tests", "docs", "setup.py", "pyproject.toml", "README.md", "LICENSE")
MUTATIONS = "tests/test_mutations.py"
# Tests that name a kernel take it from there.
KERNEL_TESTS = "from tests.kernels import"


def main() -> int:
    """Build where nothing is built yet, run, and return the exit code of the tests."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="build there, or run what was built there")
    parser.add_argument("--timeout", default="3600", help="seconds for one test")
    options, others = parser.parse_known_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="aoftool-sanitized-"))
    if not any((folder / "aoftool").rglob("*.so")):
        build(folder)
    print(f"built in {folder}; run again with --folder {folder}", file=sys.stderr)
    words = [word for word in others if word != "--"]
    chosen = any(word.startswith("tests/") for word in words)
    tests = words if chosen else [MUTATIONS, *kernel_tests(folder), "-m", "not server", *words]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--timeout={options.timeout}"]
    return subprocess.run([*command, *tests], cwd=folder, env=environment(folder), check=False).returncode


def build(folder: Path) -> None:
    """Copy the checkout and build its kernels there."""
    folder.mkdir(parents=True, exist_ok=True)
    ignored = shutil.ignore_patterns("*.so", "*.c", "__pycache__")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignored, dirs_exist_ok=True)
        else:
            shutil.copy2(source, folder / name)
    env = {**os.environ, "AOFTOOL_SANITIZE": "1", "AOFTOOL_REQUIRE_NATIVE": "1"}
    # By pip, which brings the build's own requirements; the kernels are then put beside their sources.
    with tempfile.TemporaryDirectory() as site:
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            site,
            str(folder),
        ]
        subprocess.run(command, env=env, check=True)
        for kernel in Path(site, "aoftool").rglob("*.so"):
            shutil.copy2(kernel, folder / kernel.relative_to(site))


def kernel_tests(folder: Path) -> list[str]:
    """Return the tests that hold kernels against their references; of a fixture of a folder, the folder."""
    tests = folder / "tests"
    found = [path for path in tests.rglob("*.py") if KERNEL_TESTS in path.read_text("utf-8")]
    folders = {path.parent for path in found if path.name == "conftest.py"} - {tests}
    files = {path for path in found if path.name.startswith("test_") and path.parent not in folders}
    return sorted(path.relative_to(folder).as_posix() for path in folders | files)


def environment(folder: Path) -> dict[str, str]:
    """Return the environment in which a Python without sanitizers can load such kernels."""
    libraries = [library("libasan.so"), library("libubsan.so")]
    return {
        **os.environ,
        "PYTHONPATH": str(folder),
        "LD_PRELOAD": " ".join(libraries),
        # The interpreter itself leaks at its end; its own allocator would hide what overruns its blocks.
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0:halt_on_error=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "PYTHONMALLOC": "malloc",
        "AOFTOOL_REQUIRE_NATIVE": "1",
    }


def library(name: str) -> str:
    """Return the path of a library of the compiler's."""
    found = subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    path = found.stdout.strip()
    if not os.path.isabs(path):
        sys.exit(f"gcc has no {name}")
    return path


if __name__ == "__main__":
    sys.exit(main())
