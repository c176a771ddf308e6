"""What the text of a function library tells without running it, held against servers."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from aoftool.files import open_source
from aoftool.quoting import Quoting
from aoftool.rdb.functions import read_functions
from aoftool.rdb.library import ServerObject, library_name, plain_body, read_header, server_object
from aoftool.rdb.records.reader import walk
from tests import builders
from tests.servers import Server, builds

BODY = b"\nredis.register_function('f',function(k,a) return 1 end)"
HEADERS = [
    b'#!lua name="foo"',
    b"#!lua name='foo'",
    b'#!lua name="foo"bar',
    b'#!lua name=fo"o"',
    b'#!"lua" name=foo',
    b"#!LUA NAME=foo",
    b"#!lua name=foo\r",
    b"#!lua\tname=foo ",
    b"#! lua name=foo",
    b'#!lua name="f\\x6fo"',
    b"#!lua name=foo x=1",
    b"#!lua name=foo name=foo",
    b"#!lua name=",
    b'#!lua "name=foo"',
    b'#!lua na"me=foo"',
    b"#!lua name=foo\0",
    b" #!lua name=foo",
    b"#!lua name=foo\x0bx",
    b'#!lua name=foo "',
    b"#!lua name=f\xc3\xa9",
    b"#!lua",
    b"lua name=foo",
]
BODIES = [
    b"redis.register_function('f',function() end)",
    b"redis.register_function( \"f\" , function ( keys , args )  return 'x y'  end ) ;",
    b"redis.register_function('f',function(k,k) return nil end)\n\n"
    b"redis.register_function('F',function() return true end)",
    b"redis.register_function('f',function() return 1 end) "
    b"redis.register_function('g',function() return 2 end)",
    b"server.register_function('f',function() return 1 end)",
]
NOT_PLAIN = [
    b"",
    b"return 1",
    b"redis.register_function('f-x',function() return 1 end)",
    b"redis.register_function('',function() return 1 end)",
    b"redis.register_function('f',function() return 1 end)\n"
    b"redis.register_function('f',function() return 1 end)",
    b"redis.register_function('f',function(end) return 1 end)",
    b"redis.register_function('f',function() return 1end)",
    b"redis.register_function('f',function() return x end)",
    b"redis.register_function{function_name='f',callback=function() return 1 end}",
    b"-- redis.register_function('f',function() return 1 end)",
    b"redis.register_function('f',function() return 1 end) --",
    b"local server={} server.register_function('f',function() return 1 end)",
]

since_7 = pytest.mark.parametrize("server_build", builds(since="7.0"), indirect=True, ids=str)


def loads(server: Server, code: bytes) -> bytes:
    """Return the name under which a server loads a library, empty when it refuses."""
    try:
        return bytes(server.send("FUNCTION", "LOAD", code))
    except redis.exceptions.ResponseError:
        return b""


@since_7
def test_a_first_line_is_read_as_the_server_reads_it(live_server: Server) -> None:
    joined = live_server.build.kind == "valkey" and live_server.build.version >= (9,)
    quoting = Quoting.JOINED if joined else Quoting.SEPARATE

    for header in HEADERS:
        code = header + BODY
        assert read_header(code, quoting).name == loads(live_server, code), header
        live_server.send("FUNCTION", "FLUSH")


@since_7
def test_a_plain_body_never_fails_where_its_object_is_there(live_server: Server) -> None:
    for text in BODIES:
        code = b"#!lua name=plain\n" + text
        body = plain_body(code)
        assert body is not None, text
        assert loads(live_server, code) == (
            b"" if body.uses_server and live_server.build.kind == "redis" else b"plain"
        )
        for row in live_server.send("FUNCTION", "LIST"):
            functions = dict(zip(row[::2], row[1::2], strict=True))[b"functions"]
            assert body.functions == {function[1] for function in functions}
        live_server.send("FUNCTION", "FLUSH")


@pytest.mark.parametrize("text", NOT_PLAIN)
def test_anything_else_is_for_a_server_to_say(text: bytes) -> None:
    assert plain_body(b"#!lua name=x\n" + text) is None


@pytest.mark.parametrize(
    ("text", "use"),
    [
        (BODIES[4], ServerObject.CALLED),
        (b"local s = server\ns.register_function('f', f)", ServerObject.UNUSED),
        (b"redis.register_function('f',function() return server.call('GET','k') end)", ServerObject.NAMED),
        (b"server['register_function']('f',function() return 1 end)", ServerObject.NAMED),
        (b"observer.x() redis.call('x')", ServerObject.UNUSED),
    ],
)
def test_use_of_the_server_object_is_seen(text: bytes, use: ServerObject) -> None:
    assert server_object(b"#!lua name=x\n" + text) is use


def test_libraries_of_an_rdb_are_named_as_servers_name_them(tmp_path: Path) -> None:
    codes = [header + BODY for header in HEADERS[:8]]
    part = builders.rdb(*(b"\xf5" + builders.rdb_string(code) for code in codes), magic=b"REDIS0010")
    path = tmp_path / "part.rdb"
    path.write_bytes(part)

    with open_source(str(path)) as source:
        found = walk(source, 0)

    assert [library.name for library in found.functions] == list(map(library_name, codes))
    assert found.functions[0].name == b"foo"


def test_all_of_many_libraries_are_read(tmp_path: Path) -> None:
    codes = [b"#!lua name=l%d" % number + BODY for number in range(3000)]
    path = tmp_path / "many.rdb"
    path.write_bytes(
        builders.rdb(*(b"\xf5" + builders.rdb_string(code) for code in codes), magic=b"REDIS0010")
    )

    with open_source(str(path)) as source:
        assert read_functions(walk(source, 0), source) == codes
