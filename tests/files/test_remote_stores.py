"""Stores that somebody runs: an emulator of `gs://` or `az://`, or a real bucket that may be written to.

AOFTOOL_STORES names places to write to, URLs apart by spaces; credentials come from the environment, the
usual way of each store. `docs/remote.md` says how the emulators are started.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import suppress

import pytest

from aoftool.cli.app import run
from aoftool.errors import ReadFailedError, SourceError
from aoftool.files import open_source
from aoftool.files.held import release_files
from aoftool.files.remote.stores import store_of
from tests.corpus import FIXTURES

PLACES = os.environ.get("AOFTOOL_STORES", "").split()
SIZE = 11_000_000

pytestmark = pytest.mark.skipif(not PLACES, reason="AOFTOOL_STORES names no store")


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Iterator[str]:
    base = f"{request.param.rstrip('/')}/aoftool-test-{random.getrandbits(48):012x}"
    yield base
    release_files()
    with suppress(FileNotFoundError):
        store_of(base).system.rm(base, recursive=True)


def test_a_large_object_is_read_in_ranges_and_another_one_of_its_name_is_told(place: str) -> None:
    data = random.Random(2).randbytes(SIZE)
    system = store_of(place).system
    system.pipe_file(f"{place}/large", data)
    with open_source(f"{place}/large") as source:
        pieces = []
        while piece := source.read(1 << 20):
            pieces.append(piece)
        assert b"".join(pieces) == data
        assert source.read_at(SIZE - 5, 10) == data[-5:]
    with open_source(f"{place}/large") as source:
        source.read(10)
        system.pipe_file(f"{place}/large", data[::-1])
        with pytest.raises(ReadFailedError, match="another object took its name"):
            source.read_at(SIZE // 2, 10)


def test_a_set_in_a_prefix_is_checked_rewritten_and_read_back(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    system = store_of(place).system
    folder = FIXTURES / "valkey-9" / "shop"
    for file in (path for path in folder.rglob("*") if path.is_file()):
        system.pipe_file(f"{place}/shop/{file.relative_to(folder).as_posix()}", file.read_bytes())

    assert run(["check", f"{place}/shop"]) == run(["check", str(folder)])
    assert run(["rewrite", f"{place}/shop", "-o", f"{place}/made"]) == 0
    assert run(["check", f"{place}/made"]) == 0
    assert run(["diff", f"{place}/shop", f"{place}/made"]) == 0
    assert "Traceback" not in capsys.readouterr().err


def test_what_is_not_there_is_told(place: str) -> None:
    with pytest.raises(SourceError, match="no such object"):
        open_source(f"{place}/none")
