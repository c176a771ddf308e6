"""Logs are found where servers have them: behind symbolic links, under odd names, in folders of nodes."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest

from aoftool.aof.layout import LogKind, find_log
from aoftool.errors import SeveralLogsError, SourceError
from tests.builders import command, log, put_generation, select
from tests.verbs import READING_ONCE, ask

RESP = log(select(0), ("SET", "same", 1))


def data_directory(path: Path, name: str = "appendonlydir") -> Path:
    (path / name).mkdir(parents=True)
    put_generation(path / name, 1)
    return path


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    return data_directory(tmp_path / "disk2")


@pytest.mark.parametrize("name", ["appendonlydir", "aof"])
@pytest.mark.parametrize("relative", [True, False])
def test_the_directory_is_a_link(tmp_path: Path, elsewhere: Path, name: str, relative: bool) -> None:
    data = tmp_path / "data"
    data.mkdir()
    target = elsewhere / "appendonlydir"
    (data / name).symlink_to(Path("..") / "disk2" / "appendonlydir" if relative else target)

    found = find_log(data)

    assert found.problems == ()
    assert [file.exists for file in found.files] == [True, True]
    assert ask(("check", "IN"), data, tmp_path / "out").code == 0


@pytest.mark.parametrize("call", READING_ONCE, ids=" ".join)
def test_every_verb_reads_behind_a_link(tmp_path: Path, elsewhere: Path, call: tuple[str, ...]) -> None:
    (tmp_path / "data").symlink_to(elsewhere)

    answer = ask(call, tmp_path / "data", tmp_path / "out")

    assert answer.code == 0, answer


def test_a_single_file_and_a_manifest_are_links(tmp_path: Path, elsewhere: Path) -> None:
    for name, content in (("appendonly.aof", RESP), ("other.aof", RESP)):
        data = tmp_path / name.partition(".")[0]
        data.mkdir()
        (elsewhere / name).write_bytes(content)
        (data / name).symlink_to(elsewhere / name)
        assert find_log(data).kind is LogKind.SINGLE
    folder = elsewhere / "appendonlydir"
    (folder / "appendonly.aof.manifest").rename(tmp_path / "kept")
    (folder / "appendonly.aof.manifest").symlink_to(tmp_path / "kept")
    assert find_log(folder).manifest_path == str(folder / "appendonly.aof.manifest")


def test_a_link_is_not_repaired_through_and_the_file_itself_is_named(tmp_path: Path, elsewhere: Path) -> None:
    (tmp_path / "data").mkdir()
    own = elsewhere / "it's.aof"
    own.write_bytes(RESP + command("SET", "b", 2)[:-5])
    (tmp_path / "data" / "appendonly.aof").symlink_to(own)

    refused = ask(("fix", "--yes", "IN"), tmp_path / "data", tmp_path / "out")
    done = ask(("fix", "--yes", "IN"), own, tmp_path / "out")

    assert refused.code == 4
    assert f"hint: name the file that it leads to: {shlex.quote(str(own))}" in refused.err
    assert (tmp_path / "data" / "appendonly.aof").is_symlink()
    assert done.code == 0
    assert own.read_bytes() == RESP


LINKED_READERS = [
    ("keys", "IN"),
    ("keys", "--by", "ttl", "IN"),
    ("keys", "--by", "writes", "IN"),
    ("log", "IN"),
    ("growth", "IN"),
    ("audit", "IN"),
    ("history", "same", "IN"),
    ("rewrite", "-n", "IN"),
    ("diff", "IN", "IN"),
]


@pytest.fixture
def linked_incr(tmp_path: Path) -> Path:
    """Return a sound set whose incr file is a link to another disk, as servers load it."""
    data = data_directory(tmp_path / "data")
    incr = data / "appendonlydir" / "appendonly.aof.1.incr.aof"
    incr.rename(tmp_path / "on another disk.aof")
    incr.symlink_to(tmp_path / "on another disk.aof")
    return data


@pytest.mark.parametrize("call", LINKED_READERS, ids=" ".join)
def test_no_verb_takes_what_it_does_not_follow_for_nothing(
    call: tuple[str, ...], linked_incr: Path, tmp_path: Path
) -> None:
    answer = ask(call, linked_incr, tmp_path / "out")

    assert answer.code == 4
    assert "leads out of the directory of the log" in answer.err
    assert "hint: copy the file into the directory in place of the link" in answer.err


def test_a_file_that_is_a_link_out_is_not_judged_and_stays(linked_incr: Path, tmp_path: Path) -> None:
    checked = ask(("check", "--target", "redis-7.2", "--json", "IN"), linked_incr, tmp_path / "out")
    fixed = ask(("fix", "--salvage", "--yes", "IN"), linked_incr, tmp_path / "out")

    [body] = json.loads(checked.out)["logs"]
    assert checked.code == fixed.code == 6
    assert [(found["code"], found["severity"]) for found in body["findings"]] == [("link-out", "not-judged")]
    assert body["servers"][0]["outcome"] == "load"
    assert "not followed here, is sound" in body["servers"][0]["notes"][0]
    assert "stays as it is" in fixed.out
    assert (linked_incr / "appendonlydir" / "appendonly.aof.1.incr.aof").is_symlink()


@pytest.mark.parametrize("call", LINKED_READERS, ids=" ".join)
def test_no_verb_goes_on_without_a_file_that_is_missing(call: tuple[str, ...], tmp_path: Path) -> None:
    data = data_directory(tmp_path / "data")
    (data / "appendonlydir" / "appendonly.aof.1.incr.aof").unlink()

    answer = ask(call, data, tmp_path / "out")

    assert answer.code in (1, 3), answer
    assert "missing" in answer.err


def test_a_set_behind_a_link_is_repaired_where_it_is(tmp_path: Path, elsewhere: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "appendonlydir").symlink_to(elsewhere / "appendonlydir")
    incr = elsewhere / "appendonlydir" / "appendonly.aof.1.incr.aof"
    whole = incr.read_bytes()
    incr.write_bytes(whole + b"*3\r\n$3\r\nSE")

    assert ask(("fix", "--yes", "IN"), tmp_path / "data", tmp_path / "out").code == 0

    assert incr.read_bytes() == whole
    assert (tmp_path / "data" / "appendonlydir").is_symlink()
    receipt = next((elsewhere / "appendonlydir").glob("aoftool-fix-*"))
    assert ask(("undo", str(receipt)), incr, tmp_path / "out").code == 0
    assert incr.read_bytes() == whole + b"*3\r\n$3\r\nSE"


@pytest.mark.parametrize("target", ["nowhere", "appendonlydir"])
def test_a_link_to_nothing_or_to_itself_is_no_log(tmp_path: Path, target: str) -> None:
    (tmp_path / "appendonlydir").symlink_to(tmp_path / target)
    (tmp_path / "appendonly.aof").symlink_to(tmp_path / "nothing")

    with pytest.raises(SourceError, match="no append-only file"):
        find_log(tmp_path)


NAMES = [
    b"with space",
    b"line\nfeed",
    b"esc\x1b[31m",
    b"-n",
    b"caf\xc3\xa9",
    b"\xff\xfe",
    b"it's",
    b"$(id)",
    b"%s",
]


@pytest.mark.parametrize("name", NAMES)
def test_folders_with_odd_names_are_found_and_shown_safely(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    data_directory(path)
    data_directory(tmp_path / "plain")

    with pytest.raises(SeveralLogsError) as caught:
        find_log(tmp_path)
    answer = ask(("check", "IN"), tmp_path, tmp_path / "out")

    assert str(path) in caught.value.paths
    assert answer.code == 0
    assert answer.out.count("ok   ") == 2
    assert "\x1b" not in answer.out + caught.value.message + (caught.value.hint or "")
    assert ask(("check", "IN"), path, tmp_path / "out").code == 0


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    for port in range(7000, 7006):
        data_directory(tmp_path / "nodes" / str(port))
    return tmp_path / "nodes"


def test_the_nodes_of_a_cluster_are_named(cluster: Path, tmp_path: Path) -> None:
    (cluster / "notes").mkdir()
    (cluster / "nodes.conf").write_text("")

    answer = ask(("keys", "IN"), cluster, tmp_path / "out")

    assert answer.code == 3
    assert "6 logs are in the folders of" in answer.err
    assert "7000, 7001, 7002, 7003, 7004, 7005" in answer.err
    lines = [*(f"aoftool keys {cluster}/{port}" for port in range(7000, 7005)), f"aoftool check {cluster}"]
    told = [line for line in answer.err.splitlines() if "next: " in line]
    assert told == [f"   next: {line}" for line in lines]


def test_check_takes_all_nodes_and_the_worst_exit_code(cluster: Path, tmp_path: Path) -> None:
    whole = ask(("check", "IN"), cluster, tmp_path / "out")
    torn = cluster / "7003" / "appendonlydir" / "appendonly.aof.1.incr.aof"
    torn.write_bytes(torn.read_bytes()[:-3])
    damaged = ask(("check", "IN"), cluster, tmp_path / "out")
    shutil.rmtree(cluster / "7005" / "appendonlydir")
    (cluster / "7005" / "appendonly.aof").write_bytes(b"\x7fELF" + bytes(200))
    unread = ask(("check", "--json", "IN"), cluster, tmp_path / "out")

    assert whole.code == 0
    assert whole.out.splitlines()[:-2] == [
        f"ok              {cluster}/{port}  2 files, 316 B, 3 commands" for port in range(7000, 7006)
    ]
    assert damaged.code == 1
    assert f"next: aoftool check {cluster}/7003" in damaged.out
    assert "6 logs, 1 damaged" in damaged.out
    assert unread.code == 3
    body = json.loads(unread.out)
    assert len(body["logs"]) == 5
    assert [row["path"] for row in body["not_read"]] == [f"{cluster}/7005"]


def test_many_nodes_leave_no_file_open(tmp_path: Path) -> None:
    for number in range(120):
        data_directory(tmp_path / "nodes" / f"{number:03}")

    answer = ask(("check", "--level", "quick", "IN"), tmp_path / "nodes", tmp_path / "out")

    assert answer.code == 0, answer.err
    assert "120 logs, 0 damaged" in answer.out


def test_one_node_alone_is_checked_like_a_log(tmp_path: Path) -> None:
    data_directory(tmp_path / "nodes" / "7000")

    answer = ask(("check", "IN"), tmp_path / "nodes", tmp_path / "out")

    assert answer.code == 0
    assert "server  " in answer.out


@pytest.mark.parametrize("kind", ["manifests", "logs", "directories"])
def test_a_folder_of_several_logs_ends_in_a_line_for_each(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "two logs"
    folder.mkdir()
    for name in ("a", "b"):
        if kind == "logs":
            (folder / f"{name}.aof").write_bytes(log(("SET", name, 1)))
            continue
        inner = folder if kind == "manifests" else folder / name
        inner.mkdir(exist_ok=True)
        (inner / f"{name}.aof.1.incr.aof").write_bytes(log(("SET", name, 1)))
        (inner / f"{name}.aof.1.base.aof").write_bytes(b"")
        lines = (f"file {name}.aof.1.{part}.aof seq 1 type {part[0]}\n" for part in ("base", "incr"))
        (inner / f"{name}.aof.manifest").write_text("".join(lines))

    answer = ask(("keys", "IN"), folder, tmp_path / "out")

    typed = [line.partition("next: aoftool ")[2] for line in answer.err.splitlines() if "next: " in line]
    found = [ask(tuple(shlex.split(line)), folder, tmp_path / "out") for line in typed[:2]]
    assert answer.code == 3
    assert [each.code for each in found] == [0, 0], answer.err
    assert [re.findall(r"([ab])$", each.out, re.MULTILINE) for each in found] == [["a"], ["b"]]
