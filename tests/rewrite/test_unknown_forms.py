"""What no release has in a command is carried as it is, and the commands before and behind it with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aoftool.aof.layout import find_log
from aoftool.cli.app import run
from aoftool.commands.forms import commands_with_options
from aoftool.commands.table import lookup
from aoftool.errors import RefusedError
from aoftool.replay.compiled import hot
from aoftool.rewrite.ask.rivalry import disputed, refuse_disputed
from aoftool.rewrite.model import OutputFormat, RewriteOptions
from aoftool.rewrite.planner import plan_rewrite
from aoftool.rewrite.replay import replaying
from aoftool.rewrite.runner import count_rewrite, write_rewrite
from tests import builders
from tests.rewrite.rewriting import rewritten


def sealed(body: bytes, version: int) -> bytes:
    """Return a payload as DUMP makes it."""
    body += version.to_bytes(2, "little")
    return body + builders.crc64(body).to_bytes(8, "little")


FORMS = [
    [b"SET", b"k", b"new", b"IFGT", b"5"],
    [b"BITOP", b"NAND", b"k", b"a", b"b"],
    [b"XADD", b"k", b"FROB", b"1-1", b"f", b"v"],
    [b"RESTORE", b"k", b"0", sealed(b"\0\1v", 99)],
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


_LIBRARY = b"#!lua name=l\nredis.register_function('f', function() return 1 end)"
# With data, or nothing at all, at the end: an option stands before it, or among it. `W` is the word.
_INSIDE = {
    line.split()[0]: line.split()
    for line in (
        b"BITFIELD k W u8 0 1",
        b"BITOP W k a b",
        b"BLMOVE a b W RIGHT 0",
        b"LMOVE a b LEFT W",
        b"LINSERT k W p e",
        b"GEOADD k W 1 1 m",
        b"XADD k W 1-1 f v",
        b"ZADD k W 1 m",
        b"VADD k FP32 vvvv e W",
    )
} | {b"FUNCTION LOAD": [b"FUNCTION", b"LOAD", b"W", _LIBRARY]}
WITH_OPTIONS = sorted(commands_with_options())
_PAYLOADS = {
    b"RESTORE": b"\0\1v",
    b"RESTORE-ASKING": b"\0\1v",
    b"FUNCTION RESTORE": b"\xf5" + bytes((0x40, len(_LIBRARY))) + _LIBRARY,
}


def with_unknown_option(name: bytes) -> list[bytes]:
    """Return a command in a form that makes sense but for one word, which no release has."""
    if name in _INSIDE:
        return [b"FROBWORD" if word == b"W" else word for word in _INSIDE[name]]
    if name in _PAYLOADS:
        front = [b"k", b"0"] if name.startswith(b"RESTORE") else []
        return [*name.split(b" "), *front, sealed(_PAYLOADS[name], 9), b"FROBWORD"]
    spec = lookup(*name.split(b" ", 1))
    assert spec is not None
    argv = name.split(b" ")
    argv += [b"1"] * (abs(spec.arity) - len(argv))
    for at in spec.keys(argv):
        argv[at] = b"k%d" % at
    return [*argv, b"FROBWORD"]


@pytest.mark.parametrize("name", WITH_OPTIONS, ids=lambda name: name.decode())
def test_no_command_with_an_unknown_option_is_dropped(name: bytes, tmp_path: Path) -> None:
    """Whatever the command, and whether it would be refused, or do nothing, by the rules that are known."""
    path = tmp_path / "log.aof"
    argv = with_unknown_option(name)
    behind = [b"INCR", b"n"]
    path.write_bytes(builders.log([b"SET", b"a", b"1"], argv, behind))

    contents, summary, _ = rewritten(path, RewriteOptions())

    assert summary.tail.opaque + sum(summary.tail.unexecuted.values()) == 1
    for content in contents.values():
        assert content.endswith(builders.log(argv, behind))


@pytest.mark.parametrize(
    "form", [*FORMS, [b"FLUSHALL", b"FROB"], [b"FLUSHDB", b"FROB"]], ids=lambda form: form[0].decode()
)
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
    # A command that names no key stands in no history; what it did to the key is told behind it.
    assert "unknown" in (shown.err if form[0].startswith(b"FLUSH") else shown.out)


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


def test_a_log_whose_data_no_release_disputes_is_replayed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, replays = tmp_path / "log.aof", []
    run_replay = replaying.Replay.run
    adds = [[b"XADD", b"s", b"%d-1" % number, b"f", b"v"] for number in range(1, 4)]
    path.write_bytes(builders.log(*adds, [b"RPUSH", b"l", b"a"], [b"APPEND", b"n", b"1"]))

    def counted(replay: replaying.Replay, *args: Any) -> None:
        replays.append(replay.release.name)
        run_replay(replay, *args)

    monkeypatch.setattr(replaying.Replay, "run", counted)
    with plan_rewrite(find_log(str(path)), RewriteOptions()) as plan:
        several = len(plan.rivals) > 1
        assert disputed(plan) == ()
        result = count_rewrite(lambda sinks: write_rewrite(plan, sinks))

    assert several
    assert result.sizes[0].keys == {0: 3}
    if hot.Runner is not None:
        assert len(replays) == 1


@pytest.mark.parametrize(
    "trim",
    [
        [b"XADD", b"s", b"MAXLEN", b"1", b"9-1", b"f", b"v"],
        [b"XADD", b"s", b"MAXLEN", b"=", b"2", b"9-1", b"f", b"v"],
        [b"XTRIM", b"s", b"MAXLEN", b"1"],
        [b"XDEL", b"s", b"2-1"],
    ],
)
def test_counters_of_a_trimmed_stream_are_disputed_whoever_trims(tmp_path: Path, trim: list[bytes]) -> None:
    path = tmp_path / "log.aof"
    adds = [[b"XADD", b"s", b"%d-1" % number, b"f", b"v"] for number in range(1, 4)]
    path.write_bytes(builders.log(*adds, trim))

    with plan_rewrite(find_log(str(path)), RewriteOptions()) as plan:
        assert len(disputed(plan)) == 2


def test_files_of_two_families_are_not_guessed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(builders.log([b"HSETEX", b"h", b"PXAT", b"9999999999999", b"FIELDS", b"1", b"f", b"v"]))

    assert run(["keys", str(path)]) == 0
    assert run(["rewrite", str(path)]) == 0
    assert run(["rewrite", str(path), "-o", str(tmp_path / "out")]) == 4
    assert "--written-by" in capsys.readouterr().err
    assert run(["rewrite", str(path), "-o", str(tmp_path / "out"), "--written-by", "redis-8.6"]) == 0
