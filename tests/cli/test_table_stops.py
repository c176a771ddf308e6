"""A signal that meets a library of tables: it waits for our own code, and ends the verb as it should."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import aoftool
from aoftool.api.tabling import LogTables
from aoftool.cli.app import run
from aoftool.errors import UsageError
from aoftool.files.sink import AtomicFile
from aoftool.tables.files import _Sink
from aoftool.tables.sql import Database
from aoftool.tables.stops import Stops
from tests.corpus import FIXTURES

SHOP = FIXTURES / "valkey-9" / "shop"


@pytest.fixture(autouse=True)
def interrupting() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def before_each_call(real: Callable[..., object], calls: int) -> Callable[..., object]:
    """Return a function that a signal meets where the library calls it, outside of every `try` in it."""
    left = [calls]

    def met(*given: object) -> object:
        left[0] -= 1
        if left[0] == 0:
            signal.raise_signal(signal.SIGINT)
        return real(*given)

    return met


@pytest.mark.parametrize(
    ("form", "writes"),
    [
        ("parquet", _Sink),
        ("arrow", _Sink),
        ("parquet", AtomicFile),
        ("csv", AtomicFile),
        ("jsonl", AtomicFile),
    ],
)
@pytest.mark.parametrize("calls", [1, 3])
def test_a_signal_between_the_library_and_the_file_ends_an_export(
    form: str,
    writes: type[_Sink | AtomicFile],
    calls: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(writes, "write", before_each_call(writes.write, calls))

    assert run(["export", "--format", form, "-o", str(tmp_path / "out"), "-q", str(SHOP)]) == 130

    assert not os.listdir(tmp_path)
    assert capfd.readouterr().err == ""
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("name", ["__arrow_c_schema__", "__arrow_c_stream__"])
@pytest.mark.parametrize("seconds", [[], ["--timeout", "1h"]])
def test_a_signal_in_front_of_a_table_ends_a_query(
    name: str, seconds: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from aoftool.tables.arrow import ArrowTable

    monkeypatch.setattr(ArrowTable, name, before_each_call(getattr(ArrowTable, name), 1))

    assert run(["sql", *seconds, str(SHOP), "SELECT max(name) FROM commands"]) == 130

    assert capfd.readouterr() == ("", "")


def test_a_query_behind_one_that_was_interrupted_is_judged_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(LogTables(aoftool.open_log(SHOP)).batches)
    with monkeypatch.context() as patch:
        patch.setattr(Stops, "hear", before_each_call(Stops.hear, 1))
        with pytest.raises(KeyboardInterrupt):
            list(database.ask("SELECT max(name) FROM commands"))

    with pytest.raises(UsageError):
        list(database.ask("SELEC 1"))


@pytest.mark.parametrize("form", ["parquet", "arrow", "csv", "jsonl"])
def test_a_full_disk_is_told_and_no_library_panics(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(self: AtomicFile, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(AtomicFile, "write", full)

    assert run(["export", "--format", form, "-o", str(tmp_path / "out"), "-q", str(SHOP)]) == 3

    told = capfd.readouterr().err
    assert "No space left" in told
    assert "panicked" not in told


def stopped(*steps: Callable[[], object]) -> int:
    """Return how many steps ran before an interruption ended them."""
    done = 0
    with contextlib.suppress(KeyboardInterrupt):
        for step in steps:
            step()
            done += 1
    return done


def ask() -> None:
    signal.raise_signal(signal.SIGINT)


def test_what_is_kept_is_heard_where_our_code_runs() -> None:
    stops = Stops()
    with stops.kept():
        assert stopped(stops.hear, ask) == 1
        assert stopped(stops.keep, stops.hear, ask) == 2


def test_what_is_kept_is_raised_at_the_end() -> None:
    stops = Stops()

    def call() -> None:
        with stops.kept():
            # Kept, until our code runs.
            assert stopped(ask, stops.hear) == 1

    with pytest.raises(KeyboardInterrupt):
        call()
