"""Databases above 15: every verb has as many as the log needs, and says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.aof.numbers import highest_database
from aoftool.check.checker import check
from aoftool.cli import app as cli
from aoftool.databases import DEFAULT_DATABASES, INFERRED, MOST_DATABASES, databases_for, setting_words
from aoftool.errors import UnsupportedError
from aoftool.keyspace.engine import Keyspace
from aoftool.rewrite.model import RewriteOptions
from tests import builders
from tests.oracle import assert_same_state, dump_state
from tests.reloading import reload
from tests.rewrite.rewriting import FORMATS, rewritten, rewritten_in_shares
from tests.servers import Build, Server

START = (("SET", "a", "1"),)
LOGS = {
    "select": (("SELECT", "0"), *START, ("SELECT", "20"), ("SET", "b", "2"), ("SET", "a", "3")),
    "move": (("SELECT", "0"), *START, ("MOVE", "a", "31")),
    "copy": (("SELECT", "0"), *START, ("COPY", "a", "c", "DB", "17", "REPLACE")),
    "swapdb": (("SELECT", "0"), *START, ("SWAPDB", "0", "40"), ("SELECT", "40"), ("APPEND", "a", "9")),
    "transaction": (("MULTI",), ("SELECT", "63"), ("SET", "b", "2"), ("EXEC",), ("SET", "a", "3")),
}
HIGHEST = {"select": 20, "move": 31, "copy": 17, "swapdb": 40, "transaction": 63}
REFUSED = (("SELECT", "0"), *START, ("SELECT", "99999"), ("SET", "b", "2"), ("SELECT", "20"), *START)

logs = pytest.mark.parametrize("name", LOGS)


def write(tmp_path: Path, *commands: tuple[str, ...]) -> Path:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(builders.log(*commands))
    return path


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = cli.run(list(map(str, words)))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@logs
def test_the_highest_number_of_a_log_is_found(tmp_path: Path, name: str) -> None:
    assert highest_database(find_log(str(write(tmp_path, *LOGS[name])))) == HIGHEST[name]


@logs
def test_rewritten_logs_keep_their_databases(live_server: Server, tmp_path: Path, name: str) -> None:
    if name == "copy" and live_server.build.version < (6, 2):
        pytest.skip("COPY came with 6.2")
    path = write(tmp_path, *LOGS[name])
    before = reload(live_server, path.read_bytes())

    contents, summary, _ = rewritten(path, RewriteOptions(target="redis-6.2", now_ms=1))
    shared = rewritten_in_shares(path, RewriteOptions(target="redis-6.2", now_ms=1), 2)

    for form in FORMATS:
        assert_same_state(before, reload(live_server, contents[form]))
    assert not isinstance(shared, str)
    assert shared[0] == contents
    needed = setting_words(HIGHEST[name] + 1)
    assert needed
    assert needed in summary.notes
    assert needed in shared[1].notes


def test_a_number_given_wins(newest_build: Build, tmp_path: Path) -> None:
    """With 16 databases SELECT 20 is refused, and what follows lands in database 0."""
    path = write(tmp_path, *LOGS["select"])
    with Server(newest_build, source=path, databases=16) as server:
        expected = dump_state(server)

    contents, summary, _ = rewritten(path, RewriteOptions(target="redis-6.2", databases=16))

    for form in FORMATS:
        again = tmp_path / "again.aof"
        again.write_bytes(contents[form])
        with Server(newest_build, source=again, databases=16) as server:
            assert_same_state(expected, dump_state(server))
    assert set(expected.databases) == {0}
    assert summary.notes == []


def test_a_number_that_no_server_has_is_refused(live_server: Server, tmp_path: Path) -> None:
    path = write(tmp_path, *REFUSED)
    before = reload(live_server, path.read_bytes())

    contents, summary, _ = rewritten(path, RewriteOptions(target="redis-6.2"))

    assert_same_state(before, reload(live_server, contents[FORMATS[0]]))
    assert set(before.databases) == {0, 20}
    assert setting_words(21) in summary.notes


def test_an_rdb_part_counts_too(tmp_path: Path) -> None:
    string = builders.rdb_record(0, "k", builders.rdb_string("v"))
    path = tmp_path / "appendonly.aof"
    path.write_bytes(builders.rdb(builders.rdb_database(44, string)) + builders.log(("SET", "a", "1")))

    _, summary, sizes = rewritten(path, RewriteOptions())

    assert sizes[0].keys == {0: 1, 44: 1}
    assert setting_words(45) in summary.notes
    with pytest.raises(UnsupportedError, match="database 44"):
        rewritten(path, RewriteOptions(databases=16))


@pytest.mark.parametrize("databases", [16, 64])
@pytest.mark.parametrize("name", ["select", "swapdb"])
def test_check_says_what_servers_with_fewer_do(
    tmp_path: Path, newest_build: Build, name: str, databases: int
) -> None:
    path = write(tmp_path, *LOGS[name])

    report = check(find_log(str(path)), databases=databases)

    with Server(newest_build, source=path, databases=databases) as server:
        lost = set(dump_state(server).databases) == {0}
    found = [finding for finding in report.findings if finding.code == "select-out-of-range"]
    assert bool(found) is lost
    assert all(f"`databases {HIGHEST[name] + 1}` or more" in finding.message for finding in found)


@pytest.mark.parametrize("databases", [16, 44, 45])
def test_check_foretells_an_rdb_part_with_more_databases(
    tmp_path: Path, newest_build: Build, databases: int
) -> None:
    string = builders.rdb_record(0, "k", builders.rdb_string("v"))
    path = tmp_path / "appendonly.aof"
    path.write_bytes(builders.rdb(builders.rdb_database(44, string)))

    report = check(find_log(str(path)), databases=databases)

    with Server(newest_build, source=path, databases=databases) as server:
        assert server.outcome is not None
        loaded = server.outcome.loaded
    (row,) = (row for row in report.outcomes if newest_build.id.startswith(row.target))
    assert (row.outcome.value == "load") is loaded
    assert ("database-range" in {finding.code for finding in report.findings}) is not loaded


def test_every_verb_says_what_the_log_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, *LOGS["select"])
    needed = setting_words(21)

    for words in (["keys", path], ["history", "b", path], ["diff", path, path]):
        code, _, errors = run(capsys, *words)
        assert code == 0
        assert needed in " ".join(errors.split())
    assert json.loads(run(capsys, "inspect", "--json", path)[1])["databases_needed"] == 21
    assert needed in " ".join(run(capsys, "inspect", path)[1].split())
    assert needed in json.loads(run(capsys, "rewrite", "--json", path)[1])["notes"]


def test_keys_of_both_databases_are_listed_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, *LOGS["select"])

    inferred = [json.loads(line) for line in run(capsys, "keys", "--json", path)[1].splitlines()]
    given = [
        json.loads(line) for line in run(capsys, "keys", "--json", "--databases", 16, path)[1].splitlines()
    ]

    assert {(row["db"], row["key"]) for row in inferred} == {(0, "a"), (20, "b"), (20, "a")}
    assert {(row["db"], row["key"]) for row in given} == {(0, "a"), (0, "b")}


def test_an_inferring_keyspace_has_no_more_than_it_needs() -> None:
    keyspace = Keyspace("redis-7.0", INFERRED)

    refused = [keyspace.execute((b"SELECT", b"%d" % number)) for number in (3, 200, MOST_DATABASES, -1)]

    assert [refusal is None for refusal in refused] == [True, True, False, False]
    assert keyspace.selected == 200
    assert len(keyspace.databases) == 201
    assert len(Keyspace("redis-7.0").databases) == DEFAULT_DATABASES == databases_for(3)


@pytest.mark.parametrize("jobs", [(), ("--jobs", "2")], ids=["whole", "shares"])
@pytest.mark.parametrize(
    ("options", "highest"),
    [
        ((), 40),
        (("--db", "3"), 0),
        (("--db", "40"), 40),
        (("--rename-db", "40=2"), 0),
        (("--db", "3", "--rename-db", "3=50"), 50),
        (("--databases", "64"), 0),
    ],
)
def test_a_rewrite_tells_of_the_numbers_that_it_writes(
    options: tuple[str, ...],
    highest: int,
    jobs: tuple[str, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write(tmp_path, ("SELECT", "3"), ("SET", "a", "1"), ("SELECT", "40"), ("SET", "b", "1"))

    code, said, _ = run(capsys, "rewrite", *options, *jobs, "--json", "-o", tmp_path / "out.aof", path)

    assert code == 0
    notes = [note for note in json.loads(said)["notes"] if note.startswith("databases up to")]
    assert notes == [words for words in [setting_words(highest + 1)] if words]
