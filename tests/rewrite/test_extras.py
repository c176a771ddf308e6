"""Module data and scripts beside the keys: carried byte for byte, or their loss told with what to type."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from aoftool.cli.app import run
from aoftool.files import open_source
from aoftool.rdb.extras import read_extra
from aoftool.rdb.functions import library_text
from aoftool.rdb.records.reader import records
from aoftool.rdb.walk.summary import RdbWalk
from aoftool.rdb.walk.walk import walk
from tests import builders
from tests.corpus import FIXTURES
from tests.oracle import dump_state
from tests.rdb.test_idmp import RECORDED
from tests.servers import Server, builds, require_build

AUX_ONLY = FIXTURES / "field" / "module-aux-only-scdtype00" / "appendonlydir"
STACK = FIXTURES / "redis-stack-7.4.1" / "appendonlydir"
SCRIPT = FIXTURES / "field" / "lua-aux-evalsha-tail" / "appendonly.aof"
HASHES = FIXTURES / "recorded" / "redis-8.0.6" / "hash-field-ttl-rdb-base"
MODULE_KEYS = {b"j", b"t", b"b", b"cf", b"cms", b"tk", b"td"}

Rewrite = Callable[..., tuple[str, str]]


@pytest.fixture
def rewrite(capsys: pytest.CaptureFixture[str]) -> Rewrite:
    def of(*arguments: str | Path, code: int = 0) -> tuple[str, str]:
        found = run(["rewrite", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert found == code, out + err
        return out, err

    return of


def walked(path: Path) -> RdbWalk:
    with open_source(path) as source:
        return walk(source, 0)


def base_of(folder: Path) -> Path:
    return next(folder.glob("*.base.*"))


def extras_of(path: Path) -> list[tuple[str, bool, bytes]]:
    with open_source(path) as source:
        found = walk(source, 0)
        return [(extra.name, extra.behind, read_extra(source, extra)) for extra in found.module_aux]


@pytest.mark.parametrize("log", [AUX_ONLY, STACK])
@pytest.mark.parametrize("limit", [(), ("--memory-limit", "64MB")])
def test_module_data_is_carried_byte_for_byte(
    log: Path, limit: tuple[str, ...], rewrite: Rewrite, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    rewrite("-o", out, *limit, log)

    before = extras_of(base_of(log))
    assert before
    assert sorted(extras_of(base_of(out))) == sorted(before)
    found = walked(base_of(out))
    assert found.intact
    with open_source(base_of(out)) as source:
        keys = [record.start for record in records(source)]
    for extra in found.module_aux:
        assert extra.behind == (extra.offset > keys[0])


def test_module_values_stand_in_both_forms_as_they_were(rewrite: Rewrite, tmp_path: Path) -> None:
    with open_source(base_of(STACK)) as source:
        before = {r.key: bytes(r.value_bytes()) for r in records(source) if r.type_id == 7}
    assert before.keys() == MODULE_KEYS

    rewrite("-o", tmp_path / "rdb", STACK)
    rewrite("-o", tmp_path / "resp", "--format", "resp", "--drop-unsupported", STACK)

    with open_source(base_of(tmp_path / "rdb")) as source:
        assert {r.key: bytes(r.value_bytes()) for r in records(source) if r.type_id == 7} == before
    commands = base_of(tmp_path / "resp").read_bytes()
    for key, value in before.items():
        assert b"RESTORE\r\n$%d\r\n%s\r\n" % (len(key), key) in commands
        assert b"\x07" + value in commands


def test_commands_cannot_hold_module_data_outside_of_keys(rewrite: Rewrite, tmp_path: Path) -> None:
    _, err = rewrite("-o", tmp_path / "out", "--format", "resp", AUX_ONLY, code=3)

    assert "module data outside of keys" in err
    assert "--format rdb" in err
    assert "scdtype00" in err
    assert "--drop-unsupported" in err
    out, _ = rewrite("-o", tmp_path / "out", "--format", "resp", "--drop-unsupported", AUX_ONLY)
    assert "scdtype00" in out


@pytest.mark.parametrize("target", ["redis-7.2", "valkey-9"])
def test_other_projects_and_older_formats_do_not_take_module_data(
    target: str, rewrite: Rewrite, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    _, err = rewrite("-o", out, "--target", target, STACK, code=3)
    assert "9 of the items" in err
    assert "a value of a module" in err
    assert not out.exists()

    text, _ = rewrite("-o", out, "--target", target, "--drop-unsupported", STACK)
    words = " ".join(text.split())
    assert "left out of the rdb form, 9" in words
    for name in ("scdtype00", "ft_index0", *(key.decode() for key in MODULE_KEYS)):
        assert name in words
    with open_source(base_of(out)) as source:
        assert {record.key for record in records(source)} == {b"s", b"h:1", b"after"}
    assert walked(base_of(out)).intact


def test_dropping_keeps_what_can_be_kept_of_a_value(rewrite: Rewrite, tmp_path: Path) -> None:
    out = tmp_path / "out"

    text, _ = rewrite(
        "-o", out, "--layout", "multi-part", "--target", "redis-8.0", "--drop-unsupported", RECORDED
    )

    assert "idempotent producers" in " ".join(text.split())
    with open_source(base_of(out)) as source:
        assert {record.key for record in records(source)} == {b"plain", b"sent", b"auto", b"set"}


def test_scripts_go_where_they_are_loaded(rewrite: Rewrite, tmp_path: Path) -> None:
    out, resp = tmp_path / "out.aof", tmp_path / "resp.aof"
    with open_source(SCRIPT) as source:
        before = walk(source, 0).aux[b"lua"]

    rewrite("--target", "redis-6.2", "-o", out, SCRIPT)
    rewrite("--target", "redis-6.2", "--format", "resp", "-o", resp, SCRIPT)
    told, _ = rewrite("--target", "redis-7.0", "-n", SCRIPT)

    assert walked(out).aux[b"lua"] == before
    assert b"SCRIPT\r\n$4\r\nLOAD\r\n$%d\r\n%s\r\n" % (len(before), before) in resp.read_bytes()
    assert "EVALSHA" in told


@pytest.mark.parametrize(
    ("case", "says", "name"),
    [
        ("keydb-rdb-subexpire", "expire times of single members, as KeyDB keeps them", "m1"),
    ],
)
def test_what_no_target_holds_is_not_lost_in_silence(
    case: str, says: str, name: str, rewrite: Rewrite, tmp_path: Path
) -> None:
    path = FIXTURES / "field" / case / "dump.rdb"
    out = tmp_path / "out"

    _, err = rewrite("-o", out, path, code=3)
    assert f"{says}: {name}" in err
    assert not out.exists()

    told, _ = rewrite("-o", out, "--drop-unsupported", path)
    assert f"{says}: {name}" in " ".join(told.split())
    assert out.exists()


@pytest.mark.parametrize("log", [AUX_ONLY, STACK])
@pytest.mark.parametrize("target", ["redis-8.6", "redis-7.4"])
def test_what_a_check_offers_for_a_server_without_the_module_is_loaded_there(
    target: str, log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", "--target", target, str(log)]) == 1
    offered = capsys.readouterr().out.partition("next: aoftool ")[2].split("\n")[0]
    words = [str(tmp_path / "out") if word == "OUT" else word for word in shlex.split(offered)]

    assert run(words) == 0
    capsys.readouterr()
    assert run(["check", "--target", target, str(tmp_path / "out")]) == 0


PRE_GA = FIXTURES / "field" / "rdb-function-prega" / "dump.rdb"
PRE_GA_TEXT = b"#!LUA name=lib1\nredis.register_function('f1',function(keys,args) return 1 end)"


@pytest.mark.parametrize("target", ["redis-7.0", "redis-8.6", "valkey-9"])
@pytest.mark.parametrize("form", ["rdb", "resp"])
def test_libraries_of_release_candidates_become_what_redis_7_0_makes_of_them(
    form: str, target: str, rewrite: Rewrite, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    rewrite("--target", target, "--format", form, "--layout", "single", "-o", out, PRE_GA)

    assert PRE_GA_TEXT in out.read_bytes()
    _, err = rewrite("--target", "redis-6.2", "-o", tmp_path / "old", PRE_GA, code=3)
    assert "lib1" in err
    assert "--drop-unsupported" in err


@pytest.mark.server
def test_a_server_makes_the_same_of_such_a_library(rewrite: Rewrite, tmp_path: Path) -> None:
    """Only Redis 7.0 loads one; what is written for others they load, and hold the same."""
    with Server(require_build("redis-7.0"), source=PRE_GA) as server:
        before = dump_state(server)
    assert before.functions == {b"lib1": PRE_GA_TEXT}

    for build in builds(since="7.0"):
        for form in ("rdb", "resp"):
            out = tmp_path / f"{build}-{form}"
            rewrite("--target", build.id, "--layout", "multi-part", "--format", form, "-o", out, PRE_GA)
            with Server(build, source=out) as server:
                after = dump_state(server)
            assert (after.functions, after.databases) == (before.functions, before.databases)


def test_a_description_of_such_a_library_is_stepped_over() -> None:
    words = [b"\x04lib1", b"\x03LUA", b"\x01", b"\x02hi", b"\x04code"]

    assert library_text(b"\xf6" + b"".join(words)) == b"#!LUA name=lib1\ncode"


def test_a_salvage_keeps_such_a_library(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    data = PRE_GA.read_bytes()
    at = data.index(b"\x01a\x011")
    path.write_bytes(data[:at] + bytes(40) + data[at:] + builders.log(["SELECT", 0], *[["INCR", "n"]] * 20))

    assert run(["fix", "--yes", "--salvage", str(path)]) == 0

    assert PRE_GA_TEXT in path.read_bytes()
    assert run(["check", str(path)]) == 0
