"""Man pages and completions are those of the verbs there are, and shells and man take them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aoftool.cli.app import VERBS

ROOT = Path(__file__).resolve().parent.parent
SHARE = ROOT / "share"


@pytest.fixture(scope="module")
def tools() -> None:
    if str(ROOT / "tools") not in sys.path:
        sys.path.append(str(ROOT / "tools"))


@pytest.mark.usefixtures("tools")
def test_man_pages_are_those_of_the_help() -> None:
    import write_man_pages

    pages = write_man_pages.pages()

    assert set(pages) == {"aoftool.1", *(f"aoftool-{verb}.1" for verb in VERBS)}
    kept = {path.name: path.read_text() for path in (SHARE / "man" / "man1").iterdir()}
    assert kept == pages, "python tools/write_cli_docs.py"


@pytest.mark.usefixtures("tools")
def test_completions_are_those_of_the_help() -> None:
    import write_completions

    for name, text in write_completions.completions().items():
        assert (SHARE / name).read_text() == text, "python tools/write_cli_docs.py"


@pytest.mark.usefixtures("tools")
def test_nothing_in_a_text_is_a_request_of_a_page() -> None:
    import write_man_pages

    assert write_man_pages.roff(".SH no\n'br --x \\fB") == "\\&.SH no\n\\&'br \\-\\-x \\efB"


def needs(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"no {program} here")
    return found


def test_man_finds_nothing_wrong() -> None:
    pages = sorted(map(str, (SHARE / "man" / "man1").iterdir()))

    said = subprocess.run([needs("mandoc"), "-T", "lint", *pages], capture_output=True, text=True)

    # A date would make every build another; a long command line is not to be broken.
    wrong = [
        line for line in said.stdout.splitlines() if "missing date" not in line and "longer than" not in line
    ]
    assert wrong == []


def asked_bash(*words: str, folder: Path = ROOT) -> set[str]:
    """Return what bash offers for the last of some words."""
    script = (
        'source "$1"; shift; compopt() { :; }; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _aoftool; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    file = str(SHARE / "bash-completion" / "completions" / "aoftool")
    done = subprocess.run(
        [needs("bash"), "-c", script, "bash", file, *words], capture_output=True, text=True, cwd=folder
    )
    assert done.stderr == ""
    return set(done.stdout.split())


def asked_fish(*words: str, folder: Path = ROOT) -> set[str]:
    """Return what fish offers for the last of some words."""
    file = SHARE / "fish" / "vendor_completions.d" / "aoftool.fish"
    script = f"source {file}; complete -C '{' '.join(words)}'"
    done = subprocess.run(
        [needs("fish"), "--no-config", "-c", script], capture_output=True, text=True, cwd=folder
    )
    assert done.stderr == ""
    return {line.partition("\t")[0] for line in done.stdout.splitlines()}


@pytest.mark.parametrize("ask", [asked_bash, asked_fish])
def test_a_shell_completes_verbs_options_values_and_paths(ask: object, tmp_path: Path) -> None:
    assert callable(ask)
    (tmp_path / "appendonly.aof").touch()

    assert set(VERBS) <= ask("aoftool", "") | {"help"}
    assert ask("aoftool", "insp") == {"inspect"}
    assert {"--salvage", "--server"} <= ask("aoftool", "fix", "--s")
    assert ask("aoftool", "fix", "--after-gap", "as") == {"assume"}
    assert "appendonly.aof" in ask("aoftool", "check", "", folder=tmp_path)
    assert "--salvage" not in ask("aoftool", "check", "--s")


def test_zsh_reads_its_completion() -> None:
    file = SHARE / "zsh" / "site-functions" / "_aoftool"

    done = subprocess.run([needs("zsh"), "-n", str(file)], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
