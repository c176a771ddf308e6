"""What no release has in a command is carried as it is, and the commands before and behind it with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.cli.app import run
from aoftool.errors import RefusedError
from aoftool.rewrite.model import OutputFormat, RewriteOptions
from aoftool.rewrite.planner import plan_rewrite
from aoftool.rewrite.rivalry import disputed, refuse_disputed
from tests import builders
from tests.rewrite.rewriting import rewritten

_BODY = b"\0\1v" + (99).to_bytes(2, "little")
FUTURE_PAYLOAD = _BODY + builders.crc64(_BODY).to_bytes(8, "little")
FORMS = [
    [b"SET", b"k", b"new", b"IFGT", b"5"],
    [b"BITOP", b"NAND", b"k", b"a", b"b"],
    [b"XADD", b"k", b"FROB", b"1-1", b"f", b"v"],
    [b"RESTORE", b"k", b"0", FUTURE_PAYLOAD],
    [b"ZADD", b"k", b"SOFT", b"1", b"m"],
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form[0].decode())
@pytest.mark.parametrize("base", [False, True], ids=["plain", "with-base"])
def test_an_unknown_form_is_carried_with_all_that_follows(
    tmp_path: Path, form: list[bytes], base: bool
) -> None:
    path = tmp_path / "log.aof"
    before = [[b"SET", b"a", b"1"], [b"SET", b"a", b"2"], [b"SELECT", b"3"], [b"INCR", b"n"]]
    behind = [[b"SET", b"other", b"1"], [b"INCR", b"n"]]
    head = builders.rdb(aux={"redis-ver": "7.2.4"}) if base else b""
    path.write_bytes(head + builders.log(*before, form, *behind))

    contents, summary, _ = rewritten(path, RewriteOptions())

    for content in contents.values():
        carried = builders.log(form, *behind)
        assert content.endswith(builders.log([b"SELECT", b"3"]) + carried)
        assert content.count(b"INCR") == 1
    assert summary.tail.opaque == 1
    assert builders.log([b"SET", b"a", b"2"]) in contents[OutputFormat.RESP]


def test_an_unknown_form_of_a_key_that_is_replaced_later_is_dead(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(builders.log(FORMS[0], [b"SET", b"k", b"last"], [b"INCR", b"n"], [b"INCR", b"n"]))

    contents, summary, _ = rewritten(path, RewriteOptions(), [OutputFormat.RESP])

    content = contents[OutputFormat.RESP]
    assert content == builders.log([b"SELECT", b"0"], [b"SET", b"k", b"last"], [b"SET", b"n", b"2"])
    assert summary.tail.opaque == 0


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form[0].decode())
def test_verbs_that_need_the_data_say_where_it_ends(
    tmp_path: Path, form: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log.aof"
    first = builders.log([b"SET", b"a", b"1"])
    path.write_bytes(first + builders.log(form))

    assert run(["keys", str(path)]) == 6
    assert f"offset {len(first)}" in capsys.readouterr().err
    assert run(["diff", "--at", "0", str(path)]) == 6
    assert f"offset {len(first)}" in capsys.readouterr().err
    run(["history", "k", str(path)])
    shown = capsys.readouterr()
    assert "refused, nothing changed" not in shown.out
    assert "unknown" in shown.out


def test_a_base_that_an_older_server_wrote_does_not_refuse_what_followed(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    commands = [[b"SET", b"a", b"x"], [b"SET", b"a", b"y", b"IFEQ", b"x"]]
    path.write_bytes(builders.rdb(aux={"redis-ver": "8.0.6"}) + builders.log(*commands))

    contents, summary, sizes = rewritten(path, RewriteOptions())

    assert summary.writer is not None
    assert summary.writer.release.name == "redis-8.4"
    assert builders.log([b"SET", b"a", b"y"]) in contents[OutputFormat.RESP]
    assert not sizes[0].refused


def test_the_target_has_no_say_in_what_the_data_are(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(builders.log([b"SET", b"a", b"x"], [b"SET", b"a", b"y", b"IFEQ", b"x"]))

    for target in ("redis-6.2", "redis-8.0", "valkey-9"):
        contents, _, _ = rewritten(path, RewriteOptions(target=target), [OutputFormat.RESP])
        assert contents[OutputFormat.RESP].endswith(builders.log([b"SET", b"a", b"y"]))


def test_what_a_loader_refuses_is_counted_by_cause(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(builders.log([b"SET", b"a", b"x"], *[[b"LPUSH", b"a", b"y"]] * 3, [b"INCR", b"a"]))

    _, _, sizes = rewritten(path, RewriteOptions())

    assert sizes[0].refused_commands == 4
    assert sorted(count for (name, _), count in sizes[0].refused.items() if name == "LPUSH") == [3]


def test_where_two_writers_would_differ_the_rewrite_asks(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    adds = [[b"XADD", b"s", b"%d-1" % number, b"f", b"v"] for number in range(1, 4)]
    path.write_bytes(builders.log(*adds, [b"XDEL", b"s", b"2-1"]))
    log = find_log(str(path))

    with plan_rewrite(log, RewriteOptions()) as plan:
        assert len(disputed(plan)) == 2
        with pytest.raises(RefusedError, match="depend on which release"):
            refuse_disputed(plan)
    with plan_rewrite(log, RewriteOptions(written_by="redis-6.2")) as plan:
        refuse_disputed(plan)
        assert plan.target.name == "redis-6.2"

    out = tmp_path / "out"
    command = [sys.executable, "-m", "aoftool", "rewrite", str(path), "-o", str(out)]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert asked.returncode == 4
    assert "--written-by" in asked.stderr
    assert not out.exists()
    assert subprocess.run([*command, "--written-by", "redis-7.2"], check=False).returncode == 0


def test_where_it_makes_no_difference_nobody_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(builders.log([b"XADD", b"s", b"1-1", b"f", b"v"], [b"ZADD", b"z", b"1.5", b"m"]))

    with plan_rewrite(find_log(str(path)), RewriteOptions()) as plan:
        assert disputed(plan) == ()


def test_files_of_two_families_are_not_guessed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(builders.log([b"HSETEX", b"h", b"PXAT", b"9999999999999", b"FIELDS", b"1", b"f", b"v"]))

    assert run(["keys", str(path)]) == 0
    assert run(["rewrite", str(path)]) == 0
    assert run(["rewrite", str(path), "-o", str(tmp_path / "out")]) == 4
    assert "--written-by" in capsys.readouterr().err
    assert run(["rewrite", str(path), "-o", str(tmp_path / "out"), "--written-by", "redis-8.6"]) == 0
