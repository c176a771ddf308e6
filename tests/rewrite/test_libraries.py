"""Function libraries: none is lost without proof, and servers load the same ones from the result."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.errors import RdbError, UnsupportedError
from aoftool.rdb.encode.payload import encode_functions
from aoftool.rdb.encode.targets import find_target
from aoftool.rewrite.model import OutputFormat, RewriteOptions
from tests import builders
from tests.oracle import assert_same_state
from tests.reloading import reload
from tests.rewrite.rewriting import FORMATS, rewritten, rewritten_in_shares
from tests.servers import Build, Server, builds

# Libraries that servers take, each written in a way of its own; no two clash.
SHAPES = [
    b'#!lua name="foo"\nredis.register_function("f1",function(k,a) return 1 end)',
    b"#!lua name='foo2'\nredis.register_function('f2',function(k,a) return 1 end)",
    b"#!lua name=l3\nlocal r=redis.register_function\nr('f3',function(k,a) return 1 end)",
    b"#!lua name=l4\nlocal function reg(n,f) redis.register_function('app_'..n,f) end\n"
    b"reg('get',function(k,a) return 1 end)\nreg('set',function(k,a) return 1 end)",
    b"#!lua name=l6\nredis.register_function{function_name='f6',"
    b"callback=function(k,a) return 1 end,flags={'no-writes'}}",
    b"#!lua name=l7\nlocal d={callback=function(k,a) return 1 end}\nd.function_name='f7'\n"
    b"redis.register_function(d)",
    b"#!lua name=l8\nredis['register_function']('f8',function(k,a) return 1 end)",
    b"#!lua name=l9\nredis.register_function([[f9]],function(k,a) return 1 end)",
    b"#!lua name=l10\nlocal N='f10'\nredis.register_function(N,function(k,a) return 1 end)",
    b"#!lua name=l11\n-- replaces redis.register_function('f12',x)\n"
    b"redis.register_function('f11',function(k,a) return 1 end)",
    b"#!lua name=l12\nredis.register_function('f12',function(k,a) return 1 end)",
]
ON_SERVER_OBJECT = b"#!lua name=l13\nserver.register_function('f13',function(k,a) return 1 end)"
BROKEN = b"#!lua name=l14\nthis is no Lua"
CLASHING = b"#!lua name=l15\nlocal n='f12' redis.register_function(n,function(k,a) return 1 end)"


def load(code: bytes, *words: bytes) -> list[bytes]:
    return [b"FUNCTION", b"LOAD", *words, code]


def target_of(build: Build) -> str:
    """Return the newest family that a server reads files of."""
    try:
        return find_target(build.id).name
    except UnsupportedError:
        return "redis-8.0" if build.kind == "redis" else "valkey-9"


def check_on(server: Server, content: bytes, directory: Path) -> set[bytes]:
    """Hold what a server loads from a log against what it loads from both forms of the result."""
    path = directory / "log.aof"
    path.write_bytes(content)
    before = reload(server, content)
    options = RewriteOptions(target=target_of(server.build), now_ms=1_700_000_000_000)

    contents, _, _ = rewritten(path, options)

    for form in FORMATS:
        assert_same_state(before, reload(server, contents[form]))
    again = directory / "again.aof"
    for form in FORMATS:
        again.write_bytes(contents[form])
        assert rewritten(again, options, [form])[0] == {form: contents[form]}
    shared = rewritten_in_shares(path, options, 3)
    assert not isinstance(shared, str)
    assert shared[0] == contents
    return set(before.functions)


since_7 = pytest.mark.parametrize("server_build", builds(since="7.0"), indirect=True, ids=str)


@since_7
def test_every_legal_library_is_carried(live_server: Server, tmp_path: Path) -> None:
    content = builders.log(*map(load, SHAPES), load(ON_SERVER_OBJECT), [b"SET", b"k", b"1"])

    names = check_on(live_server, content, tmp_path)

    assert len(names) == len(SHAPES) + (live_server.build.kind == "valkey")


@since_7
def test_what_a_server_refuses_it_refuses_of_the_result_too(live_server: Server, tmp_path: Path) -> None:
    content = builders.log(
        *map(load, SHAPES), load(BROKEN), load(CLASHING), load(b"#!lua name=l3\n"), load(b"#!lua\n")
    )

    assert len(check_on(live_server, content, tmp_path)) == len(SHAPES)


@since_7
def test_libraries_of_the_rdb_part_are_carried(live_server: Server, tmp_path: Path) -> None:
    codes = [*SHAPES, *([ON_SERVER_OBJECT] if live_server.build.kind == "valkey" else [])]
    functions = [b"\xf5" + builders.rdb_string(code) for code in codes]
    field = "valkey-ver" if live_server.build.kind == "valkey" else "redis-ver"
    version = ".".join(map(str, live_server.build.version))
    base = builders.rdb(*functions, magic=b"REDIS0010", aux={field: version})
    changes = builders.log(
        [b"SET", b"k", b"1"], [b"FUNCTION", b"DELETE", b"l10"], load(SHAPES[0], b"REPLACE")
    )

    assert len(check_on(live_server, base + changes, tmp_path)) == len(codes) - 1


@since_7
@pytest.mark.parametrize("policy", [[], [b"APPEND"], [b"REPLACE"], [b"FLUSH"]], ids=str)
def test_restore_keeps_its_policy(live_server: Server, tmp_path: Path, policy: list[bytes]) -> None:
    other = SHAPES[3].replace(b"return 1", b"return 2")
    payload = encode_functions([other, SHAPES[5]], find_target("redis-7.0"))
    content = builders.log(load(SHAPES[2]), load(SHAPES[3]), [b"FUNCTION", b"RESTORE", payload, *policy])

    names = check_on(live_server, content, tmp_path)

    flushed = {b"l4", b"l7"}
    refused = {b"l3", b"l4"}
    assert names == {b"FLUSH": flushed, b"REPLACE": refused | flushed}.get(b"".join(policy), refused)


def result_of(tmp_path: Path, content: bytes, target: str) -> tuple[bytes, bytes, list[str]]:
    """Return the RDB part of a result, the commands behind it, and the notes."""
    path = tmp_path / "log.aof"
    path.write_bytes(content)
    contents, summary, sizes = rewritten(path, RewriteOptions(target=target), [OutputFormat.RDB])
    found = contents[OutputFormat.RDB]
    return found[: sizes[0].base_bytes], found[sizes[0].base_bytes :], summary.notes


def test_only_what_the_target_takes_for_certain_stands_in_the_rdb(tmp_path: Path) -> None:
    """A server ends when an RDB holds a library that it refuses; a command that fails it skips."""
    content = builders.log(load(SHAPES[10]), load(BROKEN), load(ON_SERVER_OBJECT))

    on_redis, behind_redis, redis_notes = result_of(tmp_path, content, "redis-8.0")
    on_valkey, behind_valkey, valkey_notes = result_of(tmp_path, content, "valkey-9")

    assert SHAPES[10] in on_redis
    assert behind_redis == builders.log(load(BROKEN), load(ON_SERVER_OBJECT))
    assert SHAPES[10] in on_valkey
    assert ON_SERVER_OBJECT in on_valkey
    assert behind_valkey == builders.log(load(BROKEN))
    assert [note for note in redis_notes if "`server`" in note and "l13" in note]
    assert not [note for note in valkey_notes if "`server`" in note]


def test_a_library_of_another_project_is_said_and_stays_a_command(tmp_path: Path) -> None:
    base = builders.rdb(
        b"\xf5" + builders.rdb_string(SHAPES[3]), magic=b"REDIS0011", aux={"valkey-ver": "8.1.1"}
    )

    own, behind_own, own_notes = result_of(tmp_path, base, "valkey-8")
    other, behind_other, notes = result_of(tmp_path, base, "redis-7.2")

    assert SHAPES[3][:20] in own
    assert not behind_own
    assert b"#!lua" not in other
    assert behind_other == builders.log(load(SHAPES[3]))
    assert [note for note in notes if "Valkey" in note and "l4" in note]
    assert own_notes == []


def test_two_libraries_of_one_name_in_the_rdb_are_an_error(tmp_path: Path) -> None:
    library = b"\xf5" + builders.rdb_string(SHAPES[2])
    path = tmp_path / "log.aof"
    path.write_bytes(builders.rdb(library, library, magic=b"REDIS0010"))

    with pytest.raises(RdbError, match="'l3' already exists"):
        rewritten(path, RewriteOptions(target="redis-7.0"))


def test_a_library_that_the_target_alone_refuses_is_not_lost(tmp_path: Path) -> None:
    """The payload names an RDB version that Redis 7.0 does not restore; the server that logged it did."""
    payload = encode_functions([SHAPES[3]], find_target("redis-8.0"))

    _, behind, _ = result_of(tmp_path, builders.log([b"FUNCTION", b"RESTORE", payload]), "redis-7.0")

    assert behind == builders.log(load(SHAPES[3]))
