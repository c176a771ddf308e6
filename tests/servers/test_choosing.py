"""Which server may judge a log: of the release that wrote it or that a result is for, never another."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from aoftool.errors import MissingExtraError, RefusedError, UnsupportedError
from aoftool.releases import NAMES, Release
from aoftool.replay.writer_model import Certainty, Writer
from aoftool.servers import choosing, finding
from aoftool.servers.choosing import choose_server, needed_for, other_patch
from aoftool.servers.finding import FoundServer, ask_version, servers_at_hand


def release(name: str) -> Release:
    return NAMES[name]


def writer(*names: str) -> Writer:
    possible = tuple(release(name) for name in names)
    certainty = Certainty.NAMED if len(names) == 1 else Certainty.INFERRED
    return Writer(possible[-1], certainty, "1", possible)


def at_hand(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    found = [FoundServer(f"/s/{name}", release(name), name.partition("-")[2] + ".1") for name in names]
    monkeypatch.setattr(choosing, "servers_at_hand", lambda: found)


@pytest.mark.parametrize(
    ("wrote", "sets", "targets", "held", "chosen"),
    [
        (["redis-8.0"], True, [], ["valkey-9.1", "redis-8.0"], "redis-8.0"),
        (["redis-8.0"], True, [], ["valkey-9.1"], None),
        (["valkey-9.0"], True, [], ["valkey-9.1"], None),
        (["redis-6.2"], False, [], ["redis-7.0", "redis-6.2"], "redis-6.2"),
        (["redis-6.2"], False, [], ["redis-7.0"], None),
        # Nobody knows who wrote commands without a base that every release has.
        (["redis-6.0", "redis-7.0", "valkey-9.1"], False, [], ["redis-7.0"], "redis-7.0"),
        (["redis-6.0", "redis-7.0", "valkey-9.1"], False, [], ["redis-7.0", "valkey-9.1"], "valkey-9.1"),
        (["redis-6.0", "redis-7.0"], True, [], ["redis-6.0"], None),
        # An upgraded set, whose base is older than sets are.
        (["redis-6.2"], True, [], ["redis-6.2", "redis-8.0"], "redis-8.0"),
        (["redis-7.0"], True, ["valkey-9.0", "valkey-9.1"], ["redis-7.0", "valkey-9.1"], "valkey-9.1"),
        (["redis-7.0"], True, ["valkey-9.0"], ["redis-7.0"], None),
        # The target cannot load the log, and who wrote that loads what is for the target.
        (["redis-8.0"], True, ["redis-7.2"], ["redis-7.2", "redis-8.0"], "redis-8.0"),
        (["redis-8.0"], True, ["valkey-9.1"], ["redis-8.0", "valkey-9.1"], None),
    ],
)  # fmt: skip
def test_only_a_server_that_may_judge_is_chosen(
    wrote: list[str],
    sets: bool,
    targets: list[str],
    held: list[str],
    chosen: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_hand(monkeypatch, *held)
    need = needed_for(writer(*wrote), sets=sets, targets=[release(name) for name in targets])

    if chosen is not None:
        assert choose_server(need).release.name == chosen
    else:
        with pytest.raises(RefusedError) as refused:
            choose_server(need)
        assert wrote[0] in refused.value.message
        assert "--server" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("wrote", "held", "chosen", "apart"),
    [
        ("6.2.5", ["6.2.14", "6.2.5", "6.2.9"], "6.2.5", False),
        ("6.2.14", ["6.2.5", "6.2.14"], "6.2.14", False),
        ("6.2.7", ["6.2.5", "6.2.14"], "6.2.14", True),
        ("6.2", ["6.2.5", "6.2.14"], "6.2.14", False),
    ],
)
def test_the_patch_release_of_the_writer_comes_first_then_the_latest(
    wrote: str, held: list[str], chosen: str, apart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [FoundServer(f"/s/{version}", release("redis-6.2"), version) for version in held]
    monkeypatch.setattr(choosing, "servers_at_hand", lambda: found)
    author = Writer(release("redis-6.2"), Certainty.NAMED, wrote, (release("redis-6.2"),))
    server = choose_server(needed_for(author, sets=False))

    assert server.version == chosen
    assert (wrote in other_patch(server, author)) is apart


def test_the_refusal_names_what_is_needed_and_what_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    at_hand(monkeypatch, "valkey-9.1", "redis-8.2")

    with pytest.raises(RefusedError) as refused:
        choose_server(needed_for(writer("redis-8.0"), sets=True))

    assert "redis-8.0" in refused.value.message
    assert "Valkey 9.1.1" in refused.value.message
    assert "--server /s/redis-8.2" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("wrote", "sets", "targets", "held", "offered"),
    [
        ("redis-8.6", True, [], ["valkey-9.1", "redis-7.0"], None),
        ("redis-8.0", True, [], ["valkey-9.1", "redis-8.6"], "redis-8.6"),
        ("redis-7.0", True, ["valkey-9.0"], ["redis-8.6", "valkey-9.1"], "valkey-9.1"),
        ("redis-7.0", True, ["valkey-9.0"], ["redis-8.6"], None),
        ("redis-6.0", False, [], ["redis-6.2"], "redis-6.2"),
        ("redis-6.0", True, ["redis-7.0"], ["redis-6.2"], None),
    ],
)
def test_only_servers_that_read_the_log_and_the_result_are_offered(
    wrote: str,
    sets: bool,
    targets: list[str],
    held: list[str],
    offered: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_hand(monkeypatch, *held)
    need = needed_for(writer(wrote), sets=sets, targets=[release(name) for name in targets])

    with pytest.raises(RefusedError) as refused:
        choose_server(need)

    hint = str(refused.value.hint)
    assert need.in_words in hint
    assert [name for name in held if f"/s/{name}" in hint] == ([] if offered is None else [offered])


def test_without_any_server_it_says_which_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    at_hand(monkeypatch)

    with pytest.raises(MissingExtraError, match=r"redis-8\.0"):
        choose_server(needed_for(writer("redis-8.0"), sets=True))


def program(folder: Path, name: str, says: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return os.fspath(path)


def test_a_named_server_is_asked_what_it_is_and_taken(tmp_path: Path) -> None:
    need = needed_for(writer("redis-8.0"), sets=True)
    valkey = program(tmp_path, "server", "Valkey server v=9.1.2 sha=00000000:0 malloc=libc bits=64")
    old = program(tmp_path, "old", "Redis server v=6.2.14 sha=0:0 malloc=libc bits=64 build=1")

    assert choose_server(need, valkey).name == "Valkey 9.1.2"
    with pytest.raises(RefusedError, match=r"Redis 6\.2\.14 reads no log of several files"):
        choose_server(need, old)


@pytest.mark.parametrize("says", ["KeyDB server v=6.3.4 sha=0", "", "\x1b[31mRedis server"])
def test_another_product_is_no_server(says: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError) as error:
        ask_version(program(tmp_path, "redis-server", says))

    assert "\x1b" not in error.value.message


def test_a_program_that_does_not_run_is_no_server(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="does not tell its version"):
        ask_version(os.fspath(tmp_path / "nothing"))


def test_every_folder_of_the_path_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, version in (("a", "7.0.15"), ("b", "8.0.6"), ("c", "8.0.2")):
        (tmp_path / folder).mkdir()
        program(tmp_path / folder, "redis-server", f"Redis server v={version} sha=0")
    monkeypatch.setenv("PATH", f"{tmp_path}/a:{tmp_path}/b:{tmp_path}/c:/bin:/usr/bin")
    monkeypatch.setattr(finding, "_WHEELS", ())

    found = {server.version for server in servers_at_hand()}

    assert {"7.0.15", "8.0.6", "8.0.2"} <= found
