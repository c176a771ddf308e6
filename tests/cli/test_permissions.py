"""Files and folders that one may not read are no damage: every verb names who, what and how to go on."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.builders import log, put_generation
from tests.verbs import READING_ONCE, Answer, Call, ask

NOBODY = 65534
CALLS: tuple[Call, ...] = (*READING_ONCE, ("fix", "--yes", "IN"), ("log", "--follow", "--limit", "1", "IN"))


@pytest.fixture
def top() -> Iterator[Path]:
    # Not tmp_path: what pytest makes for root, no other user may enter.
    made = Path(tempfile.mkdtemp(prefix="aoftool-test-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module", autouse=True)
def program(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Load all of the program: a child without rights may not be allowed to read that either."""
    folder = tmp_path_factory.mktemp("set")
    put_generation(folder, 1)
    for call in CALLS[:-1]:
        ask(call, folder, folder / "out")


def as_nobody(act: Callable[[], str]) -> str:
    """Return what a function gives where root's rights are gone; who has none anyway just calls it."""
    if os.geteuid():
        return act()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        said = "the child ended"
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            said = act()
        finally:
            os.write(writing, said.encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read().decode()
    os.waitpid(child, 0)
    return text


def shut(path: Path) -> Callable[[], None]:
    mode = path.stat().st_mode & 0o777
    path.chmod(0)
    return lambda: path.chmod(mode)


def make_set(top: Path) -> Path:
    folder = top / "data" / "appendonlydir"
    folder.mkdir(parents=True)
    put_generation(folder, 1)
    return folder


@pytest.mark.parametrize(
    ("denied", "named"),
    [
        ("data", "data"),
        ("data/appendonlydir", "data"),
        ("data/appendonlydir", "data/appendonlydir"),
        ("data/appendonlydir/appendonly.aof.manifest", "data"),
        ("data/appendonlydir/appendonly.aof.manifest", "data/appendonlydir/appendonly.aof.manifest"),
        ("data/appendonlydir/appendonly.aof.1.base.rdb", "data"),
        ("data/appendonlydir/appendonly.aof.1.incr.aof", "data/appendonlydir"),
        ("data/appendonly.aof", "data/appendonly.aof"),
    ],
)
def test_what_may_not_be_read_ends_every_verb(top: Path, denied: str, named: str) -> None:
    folder = make_set(top)
    if denied.endswith("appendonly.aof"):
        shutil.rmtree(folder)
        (top / denied).write_bytes(log(("PING",)))
    open_again = shut(top / denied)

    def all_verbs() -> str:
        return "\n\0".join(str(_wrong(ask(call, top / named, top / "out"))) for call in CALLS)

    try:
        found = as_nobody(all_verbs)
    finally:
        open_again()

    assert found.split("\n\0") == ["None"] * len(CALLS)


def _wrong(answer: Answer) -> str | None:
    """Return what is missing from an answer."""
    said = answer.out + answer.err
    words = (
        "Permission denied for ",
        "belongs to ",
        f"uid {os.getuid()}",
        "mode 0000",
        "next: sudo aoftool ",
    )
    missing = [word for word in words if word not in said]
    return None if answer.code == 3 and not missing else f"{answer.call}: {answer.code} {missing}\n{said}"


def test_the_folder_that_refuses_is_named_and_its_owner_asked(top: Path) -> None:
    folder = make_set(top)
    folder.chmod(0o744)
    path = folder / "appendonly.aof.1.incr.aof"
    if os.geteuid():
        folder.chmod(0o600)
    else:
        os.chown(folder, 12345, 12345)

    try:
        said = as_nobody(lambda: ask(("check", "IN"), path, top / "out").err)
    finally:
        folder.chmod(0o755)

    assert f"the folder {folder} belongs to " in said
    if not os.geteuid():
        assert f"next: sudo -u '#12345' aoftool check {path}" in said


def test_a_dump_does_not_take_the_place_of_a_log_that_may_not_be_read(top: Path) -> None:
    folder = make_set(top)
    (top / "data" / "dump.rdb").write_bytes(b"REDIS0011")
    open_again = shut(folder)

    try:
        said = as_nobody(lambda: ask(("check", "IN"), top / "data", top / "out").err)
    finally:
        open_again()

    assert f"cannot list {folder}: Permission denied" in said
