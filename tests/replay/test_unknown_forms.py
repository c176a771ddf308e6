"""A form of a known command that no release has is judged by no verb, and every verb says who wrote a log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aoftool.cli.app import run
from tests.builders import log
from tests.rewrite.test_unknown_forms import WITH_OPTIONS, with_unknown_option

NOT_JUDGED = 6
FORMS = [
    (b"SET", b"a", b"2", b"IFWHAT", b"1"),
    (b"BITOP", b"NOR", b"a", b"b", b"c"),
    (b"XADD", b"x", b"LEAP", b"1-1", b"f", b"v"),
    (b"ZADD", b"z", b"EQ", b"1", b"m"),
    (b"XTRIM", b"x", b"MAXAGE", b"5"),
]
PLAIN = [(b"SELECT", b"0"), (b"SET", b"a", b"1"), (b"SET", b"b", b"1"), (b"SET", b"b", b"2")]


def written(directory: Path, *commands: tuple[bytes, ...]) -> str:
    path = directory / "appendonly.aof"
    path.write_bytes(log(*commands))
    return str(path)


@pytest.mark.parametrize("framed", [False, True], ids=["bare", "in-transaction"])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form[0].decode())
def test_no_verb_that_replays_takes_an_unknown_form_for_refused(
    form: tuple[bytes, ...], framed: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = [(b"MULTI",), form, (b"EXEC",)] if framed else [form]
    path = written(tmp_path, *PLAIN, *body, (b"SET", b"later", b"1"))

    assert run(["check", "--level", "deep", "--json", path]) == NOT_JUDGED
    (report,) = json.loads(capsys.readouterr().out)["logs"]
    told = [finding for finding in report["findings"] if finding["code"] == "unknown-form"]
    assert [finding["severity"] for finding in told] == ["not-judged"]
    assert form[0].decode() in told[0]["message"]
    assert report["verdict"] == report["files"][0]["verdict"] == "not-judged"
    assert not [finding for finding in report["findings"] if finding["code"] == "command-refused"]

    assert run(["audit", path]) == NOT_JUDGED
    assert f"of {form[0].decode()} is known to no release" in capsys.readouterr().out
    assert run(["keys", path]) == NOT_JUDGED
    assert "--at appendonly.aof:" in capsys.readouterr().err
    assert run(["fix", "--salvage", "--dry-run", path]) == NOT_JUDGED
    assert "is kept: written by" in capsys.readouterr().out


def test_a_form_that_some_release_has_is_no_unknown_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, *PLAIN, (b"SET", b"a", b"2", b"IFEQ", b"1"))

    assert run(["check", "--level", "deep", "--json", path]) == 0
    (report,) = json.loads(capsys.readouterr().out)["logs"]
    assert "unknown-form" not in {finding["code"] for finding in report["findings"]}


@pytest.mark.parametrize("verb", ["log", "growth", "audit", "history b", "keys"])
def test_every_verb_says_who_wrote_a_log(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, *PLAIN, (b"DELEX", b"a"), (b"SET", b"b", b"2", b"IFDNE", b"1234567812345678"))

    run([*verb.split(), path])
    assert "written by Redis 8.4 to 8.12; read as redis-8.6" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["growth", "audit"])
def test_json_says_how_sure_that_is(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, *PLAIN, (b"DELEX", b"a"), (b"SET", b"b", b"2", b"IFDNE", b"1234567812345678"))

    run([verb, "--json", path])
    told = json.loads(capsys.readouterr().out)["writer"]
    assert (told["release"], told["certainty"]) == ("redis-8.6", "inferred")


@pytest.mark.parametrize("name", WITH_OPTIONS, ids=bytes.decode)
def test_no_verb_takes_an_option_that_no_release_has_for_refused(
    name: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, *PLAIN, tuple(with_unknown_option(name)), (b"SET", b"later", b"1"))
    before = Path(path).read_bytes()

    assert run(["check", "--level", "deep", "--json", path]) == NOT_JUDGED
    (report,) = json.loads(capsys.readouterr().out)["logs"]
    assert report["verdict"] == "not-judged"
    assert [f["code"] for f in report["findings"] if f["severity"] == "not-judged"] == ["unknown-form"]
    assert run(["keys", path]) == NOT_JUDGED
    if name != b"MIGRATE":
        # Which may do anything, and is written by no server, whatever its form.
        assert run(["diff", "--at", "0", path]) == NOT_JUDGED
        assert run(["audit", path]) == NOT_JUDGED
    # One without a key stands in the history of none.
    if name not in (
        b"FUNCTION FLUSH",
        b"FUNCTION LOAD",
        b"FUNCTION RESTORE",
        b"FLUSHALL",
        b"FLUSHDB",
        b"TRIMSLOTS",
        b"MIGRATE",
    ):
        assert run(["history", "--match", "*", path]) == NOT_JUDGED
    assert run(["fix", "--yes", "--salvage", path]) == NOT_JUDGED
    assert Path(path).read_bytes() == before
