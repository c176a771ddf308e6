"""The drop-in checker beside the official ones, on every case of the corpus and in start-up scripts."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aoftool.check.loaders.official import follow_stream
from aoftool.cli.check_aof import LIMIT_VARIABLE, run
from aoftool.files import open_source
from tests import builders
from tests.corpus import CHECKOUT, FIXTURES, need_corpus
from tests.official import (
    BUILDS,
    Target,
    check_reason,
    fix_reason,
    official_checker,
    run_official,
    run_ours,
    targets,
    targets_in,
)

PAGE = CHECKOUT / "docs" / "checker-cases.md"
_HEAD = "| case | check: official, ours | ok_up_to | --fix: official, ours | left: official, ours | why |"


def small_targets() -> list[Target]:
    folders = [
        path for part in ("damaged", "recorded") for path in sorted((FIXTURES / part).rglob("facts.json"))
    ]
    return [
        target
        for path in folders
        for target in targets_in(path.parent, str(path.parent.relative_to(FIXTURES)))
    ]


def row_of(target: Target, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """Return the row of the table for one target, having held both runs against each other."""
    place = tmp_path / "copy"
    checkers = [official_checker(build) for build in BUILDS]
    checks = [run_official(checker, target, place) for checker in checkers]
    fixes = [run_official(checker, target, place, "--fix") for checker in checkers]
    ours = run_ours(target, place, request)
    repaired = run_ours(target, place, request, "--fix")
    # Where they differ from each other, each is held against ours.
    reasons = {check_reason(official, ours) for official in checks}
    reasons |= {fix_reason(official, repaired) for official in fixes}
    official, fixed = checks[0], fixes[0]
    same = [one.numbers for one in checks] == [ours.numbers] * 2
    up_to = official.numbers[-1][2] if official.numbers else "-"
    mine = ours.numbers[-1][2] if ours.numbers else "-"
    cells = [
        target.name,
        f"{official.code} {ours.code}",
        up_to if same else f"{up_to} {mine}",
        f"{fixed.code} {repaired.code}",
        f"{fixed.left_bytes}"
        if fixed.left_bytes == repaired.left_bytes
        else f"{fixed.left_bytes} {repaired.left_bytes}",
        ", ".join(sorted(filter(None, reasons))),
    ]
    return f"| {' | '.join(cells)} |"


def documented() -> dict[str, str]:
    lines = PAGE.read_text("utf-8").splitlines() if PAGE.exists() else []
    return {line.split(" | ")[0][2:]: line for line in lines if line.startswith("| ") and "|---" not in line}


@pytest.mark.parametrize("target", small_targets(), ids=str)
def test_small_case_is_as_documented(target: Target, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    row = row_of(target, tmp_path, request)

    known = documented().get(row.split(" | ")[0][2:])
    assert known in (None, row)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.corpus
def test_every_case_is_as_documented(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    need_corpus()
    found = list(targets())
    assert found

    rows, unexplained = [], []
    for target in found:
        try:
            rows.append(row_of(target, tmp_path, request))
        except AssertionError as error:
            unexplained.append(f"{target}: {error}")
    assert not unexplained, "\n".join(unexplained)

    if request.config.getoption("--update-golden"):
        head, _, _ = PAGE.read_text("utf-8").partition(_HEAD)
        PAGE.write_text(head + "\n".join([_HEAD, "|---|---|---|---|---|---|", *rows]) + "\n", "utf-8")
    assert {row.split(" | ")[0][2:]: row for row in rows} == {
        name: row for name, row in documented().items() if name != "case"
    }


# The program, as scripts run it


@pytest.fixture
def on_path(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Return the environment in which `redis-check-aof` is ours, or an official one."""

    def environment(whose: str) -> dict[str, str]:
        folder = tmp_path / f"bin-{whose}"
        folder.mkdir()
        program = folder / "aoftool-check-aof"
        if whose == "ours":
            words = f"#!{sys.executable}\nfrom aoftool.cli.check_aof import main\nmain()\n"
            program.write_text(words)
            program.chmod(0o755)
        else:
            program.symlink_to(official_checker(whose))
        for name in ("redis-check-aof", "valkey-check-aof"):
            (folder / name).symlink_to(program)
        path = os.pathsep.join(entry for entry in sys.path if entry)
        return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": path}

    return environment


TORN = builders.command("SET", "key", "value") * 3 + b"*3\r\n$3\r\nSET\r\n$3\r\nke"
# As they stand in start-up scripts, entrypoints and answers to "Bad file format".
ONE_LINERS = [
    "yes | redis-check-aof --fix appendonly.aof",
    "echo y | redis-check-aof --fix appendonly.aof && echo started",
    "echo 'y' | valkey-check-aof --fix appendonly.aof || exit 3",
    "printf 'y\\n' | redis-check-aof --fix appendonly.aof > /dev/null && echo fixed",
    "redis-check-aof --fix appendonly.aof <<< Y",
    "redis-check-aof --fix appendonly.aof < /dev/null; echo $?",
    "yes n | redis-check-aof --fix appendonly.aof; echo $?",
    "redis-check-aof appendonly.aof | grep -q 'is valid' || yes | redis-check-aof --fix appendonly.aof",
    "if redis-check-aof appendonly.aof 2>&1 | grep 'AOF appendonly.aof is not valid'; then echo broken; fi",
    "redis-check-aof appendonly.aof | tail -n 1",
    "redis-check-aof appendonly.aof | sed -n 's/.*ok_up_to=\\([0-9]*\\),.*/\\1/p'",
    "redis-check-aof appendonly.aof | grep -oP 'diff=\\K\\d+'",
    "head -c $(redis-check-aof appendonly.aof | awk -F'[=,]' '/ok_up_to/ {print $6}') appendonly.aof | wc -c",
    "set -e; if ! redis-check-aof appendonly.aof > /dev/null 2>&1; then cp appendonly.aof appendonly.aof.bak;"
    " yes y | redis-check-aof --fix appendonly.aof; fi; exec echo redis-server --appendonly yes",
    "for f in *.aof; do yes | redis-check-aof --fix $f || exit 1; done; redis-check-aof appendonly.aof",
    "redis-check-aof; echo $?",
    "redis-check-aof --fix; echo $?",
    "redis-check-aof --frobnicate appendonly.aof; echo $?",
    "redis-check-aof missing.aof; echo $?",
    "redis-check-aof --fix .; echo $?",
    "redis-check-aof --truncate-to-timestamp 100 appendonly.aof; echo $?",
    "redis-check-aof --truncate-to-timestamp soon appendonly.aof; echo $?",
    "touch empty.aof; redis-check-aof empty.aof; echo $?",
    "set -o pipefail; redis-check-aof appendonly.aof | cat; echo $?",
]


@pytest.mark.parametrize("line", ONE_LINERS)
def test_one_liner_runs_unchanged(
    line: str, tmp_path: Path, on_path: Callable[[str], dict[str, str]]
) -> None:
    found = []
    for whose in (BUILDS[1], "ours"):
        folder = tmp_path / whose
        folder.mkdir()
        (folder / "appendonly.aof").write_bytes(TORN)
        ran = subprocess.run(
            ["bash", "-c", line], cwd=folder, env=on_path(whose), capture_output=True, timeout=60, check=False
        )
        left = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        # Each names itself as it was found on the path.
        out = re.sub(rb"Usage: \S*/", b"Usage: ", ran.stdout)
        found.append((ran.returncode, out, left))

    official, ours = found
    assert ours == official


def times(*pairs: tuple[int, str]) -> bytes:
    return b"".join(b"#TS:%d\r\n" % time + builders.command("SET", "k", value) for time, value in pairs)


@pytest.mark.parametrize("time", ["150", "200", "99", "400", "0", "-5", "100"])
@pytest.mark.parametrize(
    "tail",
    [
        times((100, "a"), (200, "b"), (300, "c")),
        times((300, "a"), (100, "b"), (400, "c")),
        builders.command("SET", "k", "v") + times((200, "b")),
        times((100, "a"), (200, "b")) + TORN,
        b"#TS:xyz\r\n" + times((100, "a")),
    ],
)
def test_truncate_to_timestamp_is_that_of_the_official_one(
    time: str, tail: bytes, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "appendonly.aof").write_bytes(tail)
    target = Target("log", folder, "appendonly.aof")
    options = ("--truncate-to-timestamp", time)

    official = run_official(official_checker(BUILDS[0]), target, tmp_path / "copy", *options)
    ours = run_ours(target, tmp_path / "copy", request, *options)

    assert (ours.code, ours.left_bytes) == (official.code, official.left_bytes)
    assert ours.lines == official.lines


def test_time_inside_a_transaction_cuts_before_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = times((100, "a"))
    path = tmp_path / "appendonly.aof"
    multi, inside = builders.command("MULTI"), times((200, "b"))
    path.write_bytes(before + multi + inside + builders.command("EXEC"))

    assert run("redis-check-aof", ["--truncate-to-timestamp", "150", str(path)]) == 0

    assert path.read_bytes() == before


# What ours does beyond


def test_what_is_cut_can_be_taken_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from aoftool.cli.app import run as aoftool

    path = tmp_path / "appendonly.aof"
    path.write_bytes(TORN)
    monkeypatch.setattr("sys.stdin", StringIO("y\n"))

    assert run("redis-check-aof", ["--fix", str(path)]) == 0

    told = capsys.readouterr().err
    assert path.read_bytes() != TORN
    assert aoftool(shlex.split(told.partition("take it back: aoftool ")[2])) == 0
    assert path.read_bytes() == TORN


@pytest.mark.parametrize(
    ("limit", "code"), [("18", 1), ("19", 0), ("0", 1), ("0c", 0), ("1k,0c", 0), ("x", 1)]
)
def test_limit_of_the_environment_bounds_the_loss(
    limit: str,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(TORN)
    monkeypatch.setenv(LIMIT_VARIABLE, limit)
    monkeypatch.setattr("sys.stdin", StringIO("y\n"))
    assert len(TORN) - TORN.rindex(b"*3") == 19

    assert run("redis-check-aof", ["--fix", str(path)]) == code

    assert (path.read_bytes() == TORN) is (code == 1)
    assert ("Continue?" in capsys.readouterr().out) is (code == 0)


def test_read_only_file_is_checked(tmp_path: Path, on_path: Callable[[str], dict[str, str]]) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(TORN[: TORN.rindex(b"*3")])
    path.chmod(0o444)

    ran = subprocess.run(["valkey-check-aof", path], env=on_path("ours"), capture_output=True, check=False)

    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, f"AOF {path} is valid".encode())
    assert path.read_bytes() == TORN[: TORN.rindex(b"*3")]


def test_base_without_which_nothing_is_whole_is_not_given_up(tmp_path: Path) -> None:
    folder = tmp_path / "appendonlydir"
    folder.mkdir()
    (folder / "appendonly.aof.1.incr.aof").write_bytes(builders.command("SET", "k", "v"))
    manifest = folder / "appendonly.aof.manifest"
    lines = "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"
    manifest.write_text(lines)

    assert run("redis-check-aof", ["--fix", str(manifest)]) == 1

    assert manifest.read_text() == lines


@settings(max_examples=150)
@given(data=st.data())
def test_any_stream_ends_where_the_official_reader_ends(data: st.DataObject) -> None:
    """The offsets and lines of the official checker, on logs with a few bytes changed, out or in."""
    checker = official_checker(BUILDS[0])
    piece = st.sampled_from(
        [
            builders.command("SET", "k", "v"),
            builders.command("MULTI"),
            builders.command("EXEC"),
            builders.command("multi", "x"),
            b"#TS:12\r\n",
            b"*0\r\n",
            b"*-1\r\n",
            b"* 1\r\n$ 4\r\nPING\r\n",
            builders.command("RPUSH", "l", "x" * 300),
        ]
    )
    raw = bytearray(b"".join(data.draw(st.lists(piece, min_size=1, max_size=12))))
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(raw)))
        raw[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    del raw[data.draw(st.integers(1, len(raw))) if raw else 0 :]
    # As manifests and RDB parts these are taken for something else.
    assume(raw and not raw.startswith((b"file", b"REDIS")))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.aof"
        path.write_bytes(raw)
        ran = subprocess.run([checker, "a.aof"], cwd=folder, capture_output=True, timeout=30, check=False)

        with open_source(path) as source:
            ours = follow_stream(source, 0, len(raw))

    said = ran.stdout.decode("latin-1")
    numbers = re.search(r"ok_up_to=(\d+), ok_up_to_line=(\d+),", said)
    assert numbers is not None
    assert (ours.ok_up_to, ours.lines + 1) == (int(numbers[1]), int(numbers[2]))
    assert ours.is_format == ("format error" in said)
    told = re.search(r"^0x *([0-9a-f]+): (.*)$", said, re.MULTILINE)
    assert (told is not None) == bool(ours.error)
    if told is not None:
        assert int(told[1], 16) == ours.offset
        assert told[2].split(",")[0].split(" in AOF")[0] == ours.error.split(",")[0].split(" in AOF")[0]


# A terminal of each kind, with names that it may not be able to show.
TERMINALS = {
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
}
ODD_NAMES = ("ä.aof", "日本.aof", "-n.aof", "a\nb.aof", "\udcff.aof")


@pytest.mark.parametrize("kind", TERMINALS)
def test_names_that_a_terminal_cannot_show_are_no_bug(kind: str, tmp_path: Path) -> None:
    for name in ODD_NAMES:
        (tmp_path / name).write_bytes(builders.command("SET", "a", "1")[:-2])
        done = in_words(tmp_path, f"./{name}", env=TERMINALS[kind])

        assert done.returncode == 1, name
        assert b"ok_up_to=" in done.stdout
        assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "> /dev/full", "2> /dev/full"])
def test_streams_that_take_nothing_are_no_bug(closed: str, tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    torn = builders.command("SET", "a", "1") + builders.command("SET", "b", "1")[:-2]
    path.write_bytes(torn)

    done = in_words(tmp_path, "--fix", "a.aof", shell=closed)

    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert path.read_bytes() == torn


def in_words(
    folder: Path, *words: str, shell: str = "", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run the program from a folder, with a redirection of a shell."""
    program = "import sys; sys.argv[0] = 'valkey-check-aof'; from aoftool.cli.check_aof import main; main()"
    line = shlex.join([sys.executable, "-c", program, *words])
    return subprocess.run(
        ["bash", "-c", f"{line} {shell}"],
        cwd=folder,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
