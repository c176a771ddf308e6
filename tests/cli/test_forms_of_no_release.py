"""Every verb on a form of a known command that no release has: not judged, and not a byte of it lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aoftool.cli.app import run
from tests.builders import log
from tests.rewrite.test_unknown_forms import WITH_OPTIONS, with_unknown_option
from tests.verbs import ask

NOT_JUDGED = 6
PLAIN = [(b"SELECT", b"0"), (b"SET", b"a", b"1"), (b"SET", b"b", b"1"), (b"SET", b"b", b"2")]
BEHIND = [(b"SET", b"later", b"1"), (b"INCR", b"later")]
TOO_MANY = [
    b"INCR a FROB", b"HSET h f v FROB", b"MSET a 1 FROB", b"ZADD z 1 m 2", b"LPOP l 1 FROB",
    b"XGROUP DESTROY s g FROB", b"XADD s 1-1 f v g", b"SETEX a 5 v FROB",
]  # fmt: skip
FORMS = [tuple(with_unknown_option(name)) for name in WITH_OPTIONS] + [
    tuple(line.split(b" ")) for line in TOO_MANY
]
WHOLE = (b"FLUSHALL", b"FLUSHDB", b"FUNCTION", b"TRIMSLOTS", b"MIGRATE")
# Of some forms both families may be the writer, and a rewrite asks which.
WRITER = ("--written-by", "redis-8.6")
VERBS = (
    ("check", "IN"),
    ("check", "--level", "deep", "IN"),
    ("inspect", "IN"),
    ("keys", "IN"),
    ("keys", "--by", "writes", "IN"),
    ("history", "--match", "*", "IN"),
    ("log", "--tail", "9", "IN"),
    ("growth", "IN"),
    ("audit", "IN"),
    ("diff", "IN", "IN"),
    ("export", "-o", "OUT", "IN"),
    ("sql", "IN", "SELECT count(*) FROM commands"),
    ("report", "--md", "IN"),
    ("explain", "--key", "a", "IN"),
    ("fix", "--dry-run", "IN"),
    ("fix", "--yes", "--salvage", "IN"),
    ("rewrite", "--written-by", "redis-8.6", "-o", "OUT", "IN"),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "appendonly.aof"


@pytest.mark.parametrize("form", [FORMS[0], *FORMS[7::9], *FORMS[-8::3]], ids=lambda form: form[0].decode())
def test_every_verb_ends_with_the_exit_code_of_what_is_not_judged(
    form: tuple[bytes, ...], path: Path, tmp_path: Path
) -> None:
    data = log(*PLAIN, form, *BEHIND)
    path.write_bytes(data)
    calls = [call for call in VERBS if call[0] != "history" or form[0] not in WHOLE]

    answers = [ask(call, path, tmp_path / "out") for call in calls]

    assert {answer.call: answer.code for answer in answers} == dict.fromkeys(calls, NOT_JUDGED)
    assert not [answer.problem() for answer in answers if answer.problem()]
    assert path.read_bytes() == data
    assert run(["fleet", str(path)]) == NOT_JUDGED
    assert run(["guard", str(path)]) == 0
    assert path.read_bytes() == data


@pytest.mark.parametrize("form", FORMS, ids=lambda form: b" ".join(form[:2]).decode())
def test_it_is_found_by_a_plain_check_and_kept(
    form: tuple[bytes, ...], path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = log(*PLAIN, form, *BEHIND), tmp_path / "out.aof"
    path.write_bytes(data)

    assert run(["check", "--json", str(path)]) == NOT_JUDGED
    (report,) = json.loads(capsys.readouterr().out)["logs"]
    assert report["verdict"] == report["files"][0]["verdict"] == "not-judged"
    (told,) = [row for row in report["findings"] if row["severity"] in ("damage", "not-judged")]
    assert (told["code"], told["start"]) == ("unknown-form", len(log(*PLAIN)))

    assert run(["fix", "--yes", "--salvage", str(path)]) == NOT_JUDGED
    assert path.read_bytes() == data
    assert run(["rewrite", *WRITER, "--format", "resp", "-o", str(out), str(path)]) == NOT_JUDGED
    assert log(form) in out.read_bytes()


@pytest.mark.parametrize("form", FORMS[::11], ids=lambda form: form[0].decode())
def test_of_a_torn_end_beside_it_exactly_the_end_is_cut(form: tuple[bytes, ...], path: Path) -> None:
    data = log(*PLAIN, form, *BEHIND)
    path.write_bytes(data + b"*3\r\n$3\r\nSET\r\n$5\r\nlat")

    assert run(["fix", "--yes", "--salvage", str(path)]) == NOT_JUDGED

    assert path.read_bytes() == data


def test_too_few_arguments_are_damage_still(path: Path) -> None:
    path.write_bytes(log(*PLAIN, (b"INCR",), *BEHIND))

    assert run(["check", str(path)]) == 1


def test_a_name_with_one_bit_flipped_is_damage_still(path: Path) -> None:
    many = [(b"HSET", b"h", b"f%d" % at, b"v", b"g%d" % at, b"w") for at in range(9)]
    path.write_bytes(log(*many, (b"LSET", b"h", b"f", b"v", b"g", b"w")))

    assert run(["check", str(path)]) == 1
