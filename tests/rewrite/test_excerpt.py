"""An excerpt is small, and a loader does with its last command what it did in the whole log."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.analysis.history.excerpt import cut_excerpt
from aoftool.aof.layout import find_log
from aoftool.aof.log import read_parts
from aoftool.aof.model import Place
from aoftool.cli.app import run
from aoftool.errors import InputError
from aoftool.keyspace.engine import Keyspace
from aoftool.resp.model import Command, Stop
from tests.builders import (
    log,
    rdb,
    rdb_database,
    rdb_record,
    rdb_string,
    select,
    transaction,
    write_multi_part,
)
from tests.corpus import FIXTURES, case
from tests.random_logs import Mix, random_log
from tests.servers import Build

NOW_MS = 1_800_000_000_000
VALKEY = Build("valkey", (9, 1, 2), Path("valkey-server"))


def commands_of(path: Path) -> list[Command]:
    return [command for part in read_parts(find_log(path)) for command in part.commands()]


@pytest.mark.parametrize("seed", range(6))
def test_the_last_command_fares_as_in_the_whole_log(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "a"
    commands = [c for c in random_log(seed, VALKEY, 250, Mix(keys=6)) if c[0] not in (b"MULTI", b"EXEC")]
    path.write_bytes(log(*[c for c in commands if c[0] not in (b"SELECT", b"SORT", b"SWAPDB", b"MOVE")]))
    keyspace = Keyspace("valkey-9", 128, NOW_MS, allow_random=True)

    checked = 0
    for command in commands_of(path):
        refusal = keyspace.execute(command.argv)
        key = command.argv[1] if len(command.argv) > 1 else b""
        if not key.startswith(b"k") or command.name in (b"SPOP", b"FUNCTION") or checked > 25:
            continue
        if b"DB" in command.argv or any(b"EX" in word.upper() for word in command.argv[2:]):
            continue
        checked += 1
        small = Keyspace("valkey-9", 128, NOW_MS, allow_random=True)
        made = cut_excerpt(find_log(path), Place(0, command.offset + command.length // 2))
        outcome = None
        for argv in made.argvs:
            outcome = small.execute(argv)

        assert made.argvs[-1] == command.argv
        assert (outcome and outcome.text) == (refusal and refusal.text)
        if command.name not in (b"EXPIRE", b"PEXPIRE"):
            assert small.databases[0].entry(key) == keyspace.databases[0].entry(key)
    assert checked > 5


def test_the_base_and_the_database_are_in_it(tmp_path: Path) -> None:
    base = rdb(rdb_database(2, rdb_record(0, "k", rdb_string("text"), expire_at_ms=4_000_000_000_000)))
    tail = log(select(2), ("SET", "other", 1), transaction(("SET", "x", 1), ("LPUSH", "k", 1)))
    manifest = write_multi_part(tmp_path / "d", base=base, base_is_rdb=True, incrs=[tail])
    offset = tail.index(b"LPUSH")

    made = cut_excerpt(find_log(manifest), Place(1, offset))

    assert made.content() == log(
        select(2), ("SET", "k", "text"), ("PEXPIREAT", "k", 4_000_000_000_000), ("LPUSH", "k", 1)
    )
    assert "transaction 1" in made.notes[0]


def stop_of(path: Path) -> Stop:
    (part,) = read_parts(find_log(path))
    reader = part.commands()
    for _ in reader:
        pass
    stop = reader.tally().stop
    assert stop is not None
    return stop


@pytest.mark.parametrize("name", ["torn-mid-payload", "bulk-length-beyond-eof", "star-byte-flipped"])
def test_damage_is_cut_out_with_what_shows_it(name: str, tmp_path: Path) -> None:
    source = case("damaged", name, root=FIXTURES).source
    stop = stop_of(source)
    out = tmp_path / "small.aof"

    code = run(["log", str(source), "--excerpt", str(stop.offset), "-o", str(out)])

    assert code == 0
    assert stop_of(out).reason is stop.reason
    assert out.stat().st_size < 2000


def test_a_command_that_only_loaders_accept_is_cut_out_as_it_is(tmp_path: Path) -> None:
    source = case("damaged", "payload-crlf-flipped", root=FIXTURES).source
    odd = next(command for command in commands_of(source) if command.lenient)

    made = cut_excerpt(find_log(source), Place(0, odd.offset + 5))

    assert made.damaged == source.read_bytes()[odd.offset : odd.offset + odd.length]
    assert "oddly spelled" in made.what


def test_offsets_without_a_command_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(log(("SET", "a", 1)))

    with pytest.raises(InputError, match="ends before"):
        cut_excerpt(find_log(path), Place(0, 5000))


def test_the_verb_needs_a_file_and_hides_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "a", tmp_path / "b.aof"
    path.write_bytes(log(("SET", "secret", "hidden"), ("LPUSH", "secret", "x")))

    assert run(["log", str(path), "--excerpt", "40"]) == 2
    words = ["log", str(path), "--excerpt", "40", "-o", str(out), "--redact", "all", "--salt", "s"]
    assert run(words) == 0

    assert b"secret" not in out.read_bytes()
    assert b"hidden" not in out.read_bytes()
    assert out.read_bytes().count(b"*3") == 2
    assert "a command with 1 key in" in capsys.readouterr().err
