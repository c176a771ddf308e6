"""Vector sets, in every form of their commands: the log is healthy, and what is rewritten holds the same."""

from __future__ import annotations

import itertools
import json
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest

from tests.every_form import Argv
from tests.servers import Build, Server, server_params
from tests.verbs import ask

QUANTIZED: list[Argv] = [[], [b"NOQUANT"], [b"BIN"], [b"Q8"]]
OPTIONS: list[Argv] = [[], [b"CAS"], [b"EF", b"50"], [b"SETATTR", b'{"n": 1}'], [b"M", b"8"]]


def vector(number: int) -> Argv:
    """Return a vector of three dimensions, as a blob or as numbers."""
    values = [float(number), 0.5 * number, 1.0]
    if number % 2:
        return [b"FP32", struct.pack("<3f", *values)]
    return [b"VALUES", b"3", *(b"%.2f" % value for value in values)]


def forms() -> list[Argv]:
    """Return commands that make and change a vector set of every kind."""
    found: list[Argv] = []
    for number, (kind, option) in enumerate(itertools.product(QUANTIZED, OPTIONS)):
        key = b"v:%d" % number
        for at in range(1, 6):
            # A server that loads CAS for a set with elements dies of it: tests/check/test_vector_cas.py.
            word = [] if option == [b"CAS"] and at > 1 else option
            found.append([b"VADD", key, *vector(at), b"e%d" % at, *word, *kind])
        found += [[b"VSETATTR", key, b"e2", b'{"a": "b"}'], [b"VSETATTR", key, b"e1", b""]]
        found += [[b"VREM", key, b"e3"], [b"SET", b"plain", b"%d" % number]]
    reduced = [b"VADD", b"reduced", b"REDUCE", b"2", *vector(2)]
    return [
        *found,
        [*reduced, b"a"],
        [*reduced, b"b"],
        [b"VADD", b"gone", *vector(1), b"e"],
        [b"VREM", b"gone", b"e"],
    ]


def told(server: Server) -> dict[bytes, Any]:
    """Return what a server tells of its vector sets, the shape of the graph aside, which chance decides."""
    found: dict[bytes, Any] = {}
    for key in sorted(server.send("KEYS", "*")):
        if server.send("TYPE", key) in (b"string", "string"):
            found[key] = server.send("GET", key)
            continue
        names = sorted(
            name
            for name in (b"a", b"b", *(b"e%d" % at for at in range(1, 6)))
            if server.send("VEMB", key, name)
        )
        info = server.send("VINFO", key)
        pairs = info if isinstance(info, dict) else dict(zip(info[::2], info[1::2], strict=True))
        # How numbers are reduced, chance decides too.
        values = [] if key == b"reduced" else [server.send("VEMB", key, name) for name in names]
        found[key] = (
            server.send("VDIM", key),
            server.send("VCARD", key),
            pairs[b"quant-type"],
            names,
            values,
            [server.send("VGETATTR", key, name) for name in names],
        )
    return found


@pytest.mark.parametrize("server_build", server_params(kind="redis", since="8.0"))
def test_vector_sets_survive(server_build: Build, tmp_path: Path) -> None:
    log, out = tmp_path / "log", tmp_path / "out"
    with Server(server_build) as server:
        replies = server.pipeline(forms())
        shutil.copytree(server.log_directory, log)
    assert not [reply for reply in replies if isinstance(reply, Exception)]
    with Server(server_build, source=log) as server:
        before = told(server)
    assert len(before) == len(QUANTIZED) * len(OPTIONS) + 2

    checked = ask(("check", "--level", "deep", "--json", "IN"), log, out)
    (report,) = json.loads(checked.out)["logs"]
    assert (checked.code, report["verdict"]) == (0, "ok")
    assert not [f for f in report["findings"] if f["code"] in ("command-refused", "unknown-form")]
    assert "nothing to do" in ask(("fix", "--salvage", "--dry-run", "IN"), log, out).out
    listed = [json.loads(line) for line in ask(("keys", "--json", "IN"), log, out).out.splitlines()]
    # Whether a set is left behind the VREM of its last element only a server knows.
    assert {row["key"].encode() for row in listed if row["key"] != "gone"} == set(before)
    for form in ("rdb", "resp"):
        result = tmp_path / form
        answer = ask(("rewrite", "--format", form, "-o", str(result), "IN"), log, out)
        assert answer.code == 0, answer.err
        with Server(server_build, source=result) as server:
            assert told(server) == before
