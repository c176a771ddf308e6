"""A rewritten base names the version that wrote the log, where it is for that release."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.cli.app import run
from aoftool.errors import RefusedError
from aoftool.replay.log_writer import writer_of_log
from aoftool.servers.finding import ask_version
from aoftool.servers.load_log import verify_log
from tests.builders import log, rdb, write_multi_part
from tests.oracle import assert_same_state
from tests.reloading import reload
from tests.servers import Server, find_build, require_build


@pytest.mark.parametrize(
    ("version", "target", "named"),
    [
        ("8.0.6", None, "8.0.6"),
        ("8.0.6", "redis-8.0", "8.0.6"),
        ("8.0.6", "redis-7.2", "7.2.0"),
        ("255.255.255", "redis-8.0", "8.0.0"),
        ("8.0.6\n\x1b[31m", "redis-8.0", "8.0.0"),
    ],
)
def test_a_rewrite_keeps_the_version_of_the_writer(
    version: str, target: str | None, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = rdb(aux={"redis-ver": version}, magic=b"REDIS0012")
    path = write_multi_part(tmp_path / "in", base=base, base_is_rdb=True, incrs=[log(("SET", "k", "v"))])
    out = tmp_path / "out"

    code = run(["rewrite", str(path), "-o", str(out), *(["--target", target] if target else [])])

    assert code == 0, capsys.readouterr().err
    assert writer_of_log(find_log(str(out))).version == named


CLEARING = log(
    ("GEOADD", "d", 1, 2, "p"),
    ("GEOADD", "e", 1, 2, "p"),
    ("SET", "a", 1),
    ("GEOSEARCHSTORE", "d", "none", "FROMLONLAT", 50, 25, "BYRADIUS", 50, "km"),
    ("GEORADIUS", "none", 50, 25, 50, "km", "STORE", "e"),
)


def written_by(version: str, path: Path, commands: bytes = CLEARING) -> Path:
    path.write_bytes(rdb(aux={"redis-ver": version}, magic=b"REDIS0009") + commands)
    return path


@pytest.mark.parametrize(
    ("version", "options", "left"),
    [
        ("6.2.14", [], {"a"}),
        ("6.2.5", ["--written-by", "redis-6.2.14"], {"a"}),
        ("6.2.5", ["--written-by", "redis-6.2.5"], {"a", "d", "e"}),
    ],
)
def test_keys_are_those_of_the_patch_release_that_wrote(
    version: str, options: list[str], left: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written_by(version, tmp_path / "log.aof")

    assert run(["keys", "--json", str(path), *options]) == 0
    rows = map(json.loads, capsys.readouterr().out.splitlines())
    assert {row["key"] for row in rows if "key" in row} == left


def test_keys_says_what_to_name_where_a_later_patch_release_went_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["keys", str(written_by("6.2.5", tmp_path / "log.aof"))]) != 0

    assert "--written-by redis-6.2.14" in capsys.readouterr().err


@pytest.mark.server
@pytest.mark.parametrize("prefix", ["redis-6.2.5", "redis-6.2.14"])
@pytest.mark.parametrize("version", ["6.2.5", "6.2.14"])
def test_a_rewrite_loads_as_its_log_on_either_patch_release(
    version: str, prefix: str, tmp_path: Path, start_server: Callable[..., Server]
) -> None:
    """What the base names decides; where that is not sure, the server that loads the result does."""
    server = start_server(require_build(prefix))
    path = written_by(version, tmp_path / "log.aof")
    before = reload(server, path.read_bytes())

    assert run(["rewrite", str(path), "-o", str(tmp_path / "out")]) == 0

    after = reload(server, (tmp_path / "out").read_bytes())
    if (version, prefix) == ("6.2.14", "redis-6.2.5"):
        assert server.send("KEYS", "*") == [b"a"]
    else:
        assert_same_state(before, after)


def server_of(prefix: str) -> str:
    return str(require_build(prefix).path)


@pytest.mark.server
def test_verifying_on_another_patch_release_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = ["--verify", "--server", server_of("redis-6.2.5"), "-o", str(tmp_path / "out")]
    plain = written_by("6.2.14", tmp_path / "plain.aof", log(("SET", "a", 1)))

    assert run(["rewrite", str(plain), *old]) == 0
    assert "written by 6.2.14, another patch release" in " ".join(capsys.readouterr().out.split())
    assert run(["rewrite", str(written_by("6.2.14", tmp_path / "log.aof")), *old, "--force"]) == 4
    told = capsys.readouterr().err
    assert "as Redis 6.2.5 loads them; the log was written by 6.2.14" in told
    assert "hint: verify with a server of that patch release: --server PATH" in told


@pytest.mark.server
def test_a_repair_that_another_patch_release_counts_otherwise_says_so(tmp_path: Path) -> None:
    path = written_by("6.2.14", tmp_path / "log.aof")

    with pytest.raises(RefusedError, match=r"written by 6\.2\.14, another patch release"):
        verify_log(str(path), ask_version(server_of("redis-6.2.5")))
    if (same := find_build("redis-6.2.14")) is not None:
        assert verify_log(str(path), ask_version(str(same.path))).keys == 1
