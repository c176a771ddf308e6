"""A verb loads what it needs and no more: what is asked of a small log costs mostly what is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import aoftool
from aoftool.resp._native import NATIVE
from tests.builders import command, log
from tests.corpus import FIXTURES

RESP = FIXTURES / "damaged" / "star-byte-flipped"
INTACT = FIXTURES / "answers" / "incident"
WITH_RDB = FIXTURES / "valkey-9" / "shop"
TORN = FIXTURES / "damaged" / "torn-mid-payload"


def ran(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, which has to end well."""
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(Path(aoftool.__file__).parent.parent)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


def loaded_by(*words: str, code: int = 0) -> set[str]:
    """Return the modules that a process has loaded when a command line is done."""
    program = (
        "import json, sys\n"
        "from aoftool.cli.app import run\n"
        f"code = run({list(words)!r})\n"
        "sys.stdout.flush()\n"
        "print('\\n' + json.dumps([code, sorted(sys.modules)]))"
    )
    done = ran(program)
    ended, names = json.loads(done.stdout.splitlines()[-1])
    assert ended == code, done.stderr
    return set(names)


def within(names: set[str], *rooms: str) -> set[str]:
    return {name for name in names if any(name == room or name.startswith(f"{room}.") for room in rooms)}


@pytest.mark.parametrize("level", ["quick", "full"])
@pytest.mark.parametrize(("path", "code"), [(RESP, 1), (INTACT, 0)])
def test_check_of_commands_loads_neither_numpy_nor_what_commands_do(
    level: str, path: Path, code: int
) -> None:
    names = loaded_by("check", "--level", level, str(path), code=code)

    assert within(names, "numpy", "aoftool.keyspace", "aoftool.liveness", "aoftool.analysis") == set()
    assert (
        within(names, "aoftool.rdb.encode", "aoftool.rdb.decode", "aoftool.repair", "aoftool.rewrite")
        == set()
    )
    assert within(names, "concurrent", "logging", "ctypes", "hashlib", "secrets") == set()
    assert within(names, "dataclasses", "inspect", "shutil", "datetime", "threading", "resource") == set()
    if not code:
        # What tells how damage came about, and what quotes the line that helps.
        assert within(names, "aoftool.check.stream.dissect", "aoftool.check.split", "shlex") == set()


@pytest.mark.parametrize("options", [["--dry-run"], ["--dry-run", "--salvage"]], ids=" ".join)
def test_fix_of_commands_loads_no_numpy_and_nothing_that_writes(options: list[str]) -> None:
    names = loaded_by("fix", *options, str(TORN), code=1)

    assert within(names, "numpy", "aoftool.servers", "aoftool.rdb.encode") == set()
    assert within(names, "aoftool.repair.apply", "aoftool.repair.planners.rdb_base") == set()
    assert within(names, "datetime", "hashlib", "tempfile", "shutil", "bz2", "lzma") == set()


def test_rewrite_loads_no_repair_and_no_server() -> None:
    names = loaded_by("rewrite", "--dry-run", str(WITH_RDB))

    assert within(names, "aoftool.repair", "aoftool.servers", "aoftool.rewrite.salvaging") == set()
    assert within(names, "aoftool.rewrite.shares", "aoftool.check.checker") == set()
    assert within(names, "hashlib", "base64", "tempfile", "shutil", "bz2", "lzma") == set()


@pytest.mark.parametrize("verb", ["rewrite", "inspect"])
def test_of_commands_that_compiled_code_runs_no_handler_is_loaded(verb: str, tmp_path: Path) -> None:
    if not NATIVE:
        pytest.skip("no kernels here: all is replayed by handlers")
    path = tmp_path / "log.aof"
    path.write_bytes(log(command("SET", "a", "1"), command("HSET", "h", "f", "v"), command("DEL", "a")))
    names = loaded_by(verb, str(path))

    assert (
        within(names, "aoftool.keyspace.apply", "aoftool.rdb.records", "aoftool.rdb.decode.decode") == set()
    )
    assert within(names, "aoftool.rdb.walk.walk", "aoftool.rdb.walk.walker") == set()


@pytest.mark.parametrize("words", [["inspect"], ["rewrite"], ["keys", "--by", "bytes"]], ids=" ".join)
def test_a_small_log_of_commands_is_inspected_and_rewritten_without_numpy(
    words: list[str], tmp_path: Path
) -> None:
    if not NATIVE:
        pytest.skip("no kernels here: some of their references are written with numpy")
    path = tmp_path / "log.aof"
    path.write_bytes(log(*(line.split() for line in SMALL)))

    names = loaded_by(*words, str(path))

    assert within(names, "numpy", "datasketches", "aoftool.keyspace.hll") == set()


SMALL = [
    "SELECT 0",
    "SET a 1",
    "SET a 2",
    "SET b 1 PXAT 1900000000000",
    "HSET h f v g w",
    "RPUSH l 1 2 3",
    "SADD s x y",
    "ZADD z 1 m",
    "INCR a",
    "SELECT 3",
    "PEXPIREAT b 1900000000000",
    "SET c 3",
    "XADD x 1700000000000-0 f v",
    "LPOP l",
    "DEL s",
    "MSET a 1 d 2 e 3",
    "SET d 4",
    "FLUSHDB",
    "MSET a 1 a 2 d 3",
    "DEL d nothing",
    "RENAME a f",
    "FLUSHALL",
    "MULTI",
    "SET a 1",
    "HSET h f v",
    "MSET d 1 e 2",
    "EXEC",
    "EVAL x 0",
    "SET g 1",
]
"""Commands of all kinds that most logs are made of."""


def test_rewrite_with_salvage_loads_the_repair() -> None:
    names = loaded_by("rewrite", "--dry-run", "--salvage", str(TORN))

    assert "aoftool.repair.planner" in names


@pytest.mark.parametrize(
    "words",
    [["inspect"], ["check"], ["rewrite", "-n"], ["keys"], ["growth"], ["log"], ["audit"], ["fix", "-n"]],
    ids=" ".join,
)
def test_no_verb_loads_a_library_that_draws_terminals_or_reads_command_lines(words: list[str]) -> None:
    assert within(loaded_by(*words, str(WITH_RDB)), "rich", "pygments", "typer") == set()


@pytest.mark.parametrize("verb", ["check", "inspect"])
def test_a_start_does_not_look_for_garbage_and_work_does(verb: str) -> None:
    program = (
        "import gc, os, sys\n"
        "from aoftool.__main__ import main\n"
        "looks = lambda: sum(each['collections'] for each in gc.get_stats())\n"
        "before, os._exit = looks(), lambda code: None\n"
        f"sys.argv = ['aoftool', {verb!r}, {str(INTACT)!r}]\n"
        "main()\n"
        "during = looks() - before\n"
        "first = gc.get_threshold()[0]\n"
        "gc.collect()\n"
        "print(f'{during} {first > gc.get_threshold()[0] > 700}')\n"
    )
    done = ran(program)

    assert done.stdout.splitlines()[-1] == "0 True"
