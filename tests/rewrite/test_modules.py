"""Logs with commands of modules: what is dead between them goes, and modules read what they read before."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aoftool.cli.app import run
from aoftool.commands.effects import EffectTable, KeyEffect, Scope
from aoftool.commands.modules import module_names, module_of
from aoftool.commands.table import lookup, lookup_argv
from aoftool.rewrite.model import RewriteOptions
from tests.builders import command, log, select
from tests.oracle import assert_same_state
from tests.random_logs import Mix, random_log
from tests.reloading import live_file, reload
from tests.rewrite.rewriting import FORMATS, rewritten
from tests.servers import Server

SEEDS = range(12)
NAMES = ("a", "b", "c")
Argv = tuple[Any, ...]
STEPS = (
    *("set",) * 4, *("hash",) * 2, "del", *("json",) * 2, "ts", "tsrule", "bf", "cf", "cms", "topk",
    "tdigest", "merge", "flush", "ft", "sug",
)  # fmt: skip
READS: dict[str, Argv] = {
    "string": ("GET",),
    "hash": ("HGETALL",),
    "ReJSON-RL": ("JSON.GET",),
    "TSDB-TYPE": ("TS.RANGE", "-", "+"),
    "MBbloom--": ("BF.MEXISTS", *map(str, range(30))),
    "MBbloomCF": ("CF.MEXISTS", *map(str, range(30))),
    "CMSk-TYPE": ("CMS.QUERY", *map(str, range(30))),
    "TopK-TYPE": ("TOPK.QUERY", *map(str, range(30))),
    "TDIS-TYPE": ("TDIGEST.QUANTILE", "0", "0.25", "0.5", "0.75", "1"),
}


def words(source: random.Random, number: int) -> Iterator[Argv]:
    """Yield the commands of one step."""
    name, item = source.choice(NAMES), str(source.randrange(30))
    kind = source.choice(STEPS)
    if kind == "set":
        yield "SET", f"plain:{name}", number
    elif kind == "hash":
        yield "HSET", f"doc:{name}", "title", f"word{source.randrange(3)} n{number}"
    elif kind == "del":
        kinds = ("plain", "doc", "json", "ts", "bf", "cf", "cms", "topk", "td")
        yield "DEL", f"{source.choice(kinds)}:{name}"
    elif kind == "json":
        yield "JSON.SET", f"json:{name}", "$", f'{{"n":{number}}}'
        yield "JSON.NUMINCRBY", f"json:{name}", "$.n", "2"
    elif kind == "ts":
        yield "TS.ADD", f"ts:{name}", 1000 * number, source.randrange(100)
    elif kind == "tsrule":
        yield "TS.CREATE", "ts:sum"
        yield "TS.CREATERULE", f"ts:{name}", "ts:sum", "AGGREGATION", "sum", "5000"
    elif kind == "bf":
        yield "BF.ADD", f"bf:{name}", item
    elif kind == "cf":
        yield source.choice(["CF.ADD", "CF.DEL"]), f"cf:{name}", item
    elif kind == "cms":
        yield "CMS.INITBYDIM", f"cms:{name}", 50, 4
        yield "CMS.INCRBY", f"cms:{name}", item, 3
    elif kind == "topk":
        yield "TOPK.RESERVE", f"topk:{name}", 5
        yield "TOPK.ADD", f"topk:{name}", item
    elif kind == "tdigest":
        yield "TDIGEST.CREATE", f"td:{name}"
        yield "TDIGEST.ADD", f"td:{name}", source.randrange(100)
    elif kind == "merge":
        yield "TDIGEST.MERGE", "td:all", 2, "td:a", "td:b"
        yield "CMS.MERGE", "cms:a", 2, "cms:b", "cms:c"
    elif kind == "flush" and source.random() < 0.1:
        yield ("FLUSHALL",)
    elif kind == "ft":
        yield "FT.CREATE", "idx", "ON", "HASH", "PREFIX", 1, "doc:", "SCHEMA", "title", "TEXT"
        if source.random() < 0.3:
            yield "FT.DROPINDEX", "idx", *(["DD"] if source.random() < 0.5 else [])
    elif kind == "sug":
        yield "FT.SUGADD", f"sug:{name}", f"word{item}", 1


def await_index(server: Server, index: bytes) -> None:
    """Wait until an index holds what lay there before it: a thread of the module's own reads that."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        said = server.send("FT.INFO", index)
        if int(dict(zip(said[::2], said[1::2], strict=True))[b"indexing"]) == 0:
            return
        time.sleep(0.01)
    raise TimeoutError(f"{index!r} is still read")


def told(server: Server) -> dict[str, Any]:
    """Return all that the modules and the server read of their keys."""
    found: dict[str, Any] = {}
    for key in sorted(server.send("KEYS", "*")):
        kind = server.send("TYPE", key)
        kind = kind.decode() if isinstance(kind, bytes) else kind
        read = READS.get(kind)
        if read is not None:
            found[key] = (kind, repr(server.send(read[0], key, *read[1:])))
        elif kind == "trietype0":
            found[key] = (kind, repr(server.send("FT.SUGGET", key, "word", "MAX", 50)))
        else:
            raise AssertionError(kind)
    for index in server.send("FT._LIST"):
        await_index(server, index)
        for word in range(3):
            hits = server.send("FT.SEARCH", index, f"word{word}", "NOCONTENT", "LIMIT", "0", "100")
            found[f"{index!r} {word}"] = sorted(map(repr, hits))
    return found


def loaded(server: Server, content: bytes) -> dict[str, Any]:
    server.empty()
    live_file(server).write_bytes(content)
    server.send("DEBUG", "LOADAOF")
    return told(server)


@pytest.mark.server
@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_rewritten_reads_the_same(seed: int, stack: Server, tmp_path: Path) -> None:
    source = random.Random(seed)
    accepted = []
    for number in range(1, 250):
        for argv in words(source, number):
            try:
                stack.send(*argv)
            except Exception:
                # A live server logs no command that it refuses.
                continue
            accepted.append(command(*argv))
    path, out = tmp_path / "appendonly.aof", tmp_path / "out.aof"
    path.write_bytes(log(select(0), *accepted))

    assert run(["rewrite", str(path), "-o", str(out)]) == 0

    before = loaded(stack, path.read_bytes())
    assert loaded(stack, out.read_bytes()) == before
    sets = out.read_bytes().count(b"\r\nSET\r\n$7\r\nplain:")
    assert sets < path.read_bytes().count(b"\r\nSET\r\n$7\r\nplain:")


@pytest.mark.parametrize(
    ("argv", "keys"),
    [
        (("JSON.SET", "k", "$", "1"), [1]),
        (("json.mset", "k", "$", "1", "l", "$", "2"), [1, 4]),
        (("JSON.MGET", "k", "l", "$"), [1, 2]),
        (("TS.MADD", "k", "1", "2", "l", "1", "2"), [1, 4]),
        (("TS.CREATERULE", "k", "l", "AGGREGATION", "sum", "5"), [1, 2]),
        (("TDIGEST.MERGE", "k", "2", "l", "m", "COMPRESSION", "9"), [1, 3, 4]),
        (("CMS.MERGE", "k", "2", "l", "m", "WEIGHTS", "1", "2"), [1, 3, 4]),
        (("FT.CREATE", "idx", "SCHEMA", "x", "TEXT"), []),
        (("FT.SUGADD", "k", "word", "1"), [1]),
        (("GRAPH.QUERY", "k", "RETURN 1"), [1]),
        (("EXHSET", "k", "f", "v"), [1]),
        (("EXPIREMEMBERAT", "k", "m", "1"), [1]),
    ],
)
def test_keys_of_module_commands(argv: tuple[str, ...], keys: list[int]) -> None:
    words = [word.encode() for word in argv]
    spec = lookup_argv(words)

    assert spec is not None
    assert spec.of_module
    assert spec.keys(words) == keys


def test_every_module_command_has_an_effect_and_a_home() -> None:
    table = EffectTable(replay=True)
    for name in module_names():
        assert module_of(name)
        assert lookup(name) is not None
        assert name in table.names()


def test_module_commands_touch_their_keys_alone() -> None:
    table = EffectTable(replay=True)

    effect = table.of([b"json.set", b"k", b"$", b"1"])
    assert effect.scope is Scope.KEY
    assert [(use.position, use.effect) for use in effect.keys] == [(1, KeyEffect.CHANGES)]
    assert table.of([b"FT.DROPINDEX", b"i"]).form.stays
    assert table.of([b"FT.DROPINDEX", b"i", b"DD"]).scope is Scope.OPAQUE
    assert not table.of([b"JSON.GET", b"k"]).writes


@pytest.mark.server
@pytest.mark.parametrize("seed", range(8))
def test_plain_commands_of_redis_7_4_end_as_on_the_server(seed: int, stack: Server, tmp_path: Path) -> None:
    """Redis 7.4 is at hand with its modules only, which plain commands do not meet."""
    content = log(*random_log(seed, stack.build, 250, Mix(keys=4 + seed)))
    path = tmp_path / "log.aof"
    path.write_bytes(content)
    before = reload(stack, content)
    release = stack.build.release
    contents, _, _ = rewritten(path, RewriteOptions(target=release, written_by=release, databases=64))

    for form in FORMATS:
        assert_same_state(before, reload(stack, contents[form]))
