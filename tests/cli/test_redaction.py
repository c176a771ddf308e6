"""With `--redact all` no key and no value of four bytes or more is in any output of any verb.

What a verb writes to files is the data itself, unless it says otherwise (`log -o`).
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from aoftool.cli.app import VERBS, build_app, run
from aoftool.redaction import RedactMode, Redactor
from tests.builders import (
    Word,
    log,
    rdb,
    rdb_database,
    rdb_record,
    rdb_string,
    select,
    timestamp,
    transaction,
    write_multi_part,
)

JSON = ["--json"]
RANKS = (
    "writes",
    "bytes",
    "dead",
    "size",
    "ttl",
    "same",
    "life",
    "backlog",
    "blobs",
    "hot",
    "slot",
    "secrets",
)
FORMS = {
    "inspect": [
        [],
        JSON,
        *(["--by", by] for by in ("command", "prefix", "key", "type", "size", "db", "file")),
        *(["--by", by, "--csv"] for by in ("command", "prefix", "key")),
    ],
    "check": [[], JSON, ["--level", "deep"], ["--level", "quick"], ["--target", "redis-6.2"]],
    "fix": [
        ["-n"],
        ["-n", "--json"],
        ["-n", "--salvage"],
        ["-n", "--salvage", "--json"],
        ["-n", "--before", "DEL"],
    ],
    "rewrite": [["-n"], ["-n", "--json"], ["--quick"], ["-n", "--format", "resp"]],
    "keys": [
        [],
        JSON,
        ["--values"],
        ["--values", "--json"],
        *(["--by", by, *more] for by in RANKS for more in ([], JSON, ["--csv"])),
    ],
    "growth": [[], JSON, ["--csv"], ["--by", "command"], ["--axis", "bytes"]],
    "explain": [["--key"], ["--key", "--json"]],
    "log": [[], ["--json"], ["--csv"], ["--tail", "30"], ["--cmd", "DEL", "--context", "3"]],
    "history": [[], ["--json"], ["--csv"], ["--values"], ["--json", "--values"]],
    "audit": [[], ["--json"], ["--csv"], ["--context", "9"]],
    "diff": [["--at", "0"], ["--at", "0", "--json"], ["--at", "0", "--csv"]],
    "simulate": [[], ["--json"]],
    "report": [["--md"], ["--json"], ["--json", "--key"]],
}


class Secrets:
    """Make words that stand nowhere else, and remember them."""

    def __init__(self) -> None:
        self._random = random.Random(7)
        self.words: list[bytes] = []

    def word(self, size: int = 9) -> bytes:
        made = "".join(self._random.choices(string.ascii_letters, k=size)).encode()
        self.words.append(made)
        return made

    def binary(self) -> bytes:
        made = self._random.randbytes(12)
        self.words.append(made)
        return made

    def number(self) -> bytes:
        made = b"%d" % self._random.randrange(10**11, 10**12)
        self.words.append(made)
        return made


def commands(secret: Secrets) -> Iterator[list[Word]]:
    """Yield one of everything that carries keys or data."""
    word, number = secret.word, secret.number
    key = word() + b":" + word()
    yield ["SET", key, word(60), "PXAT", 4102444800000]
    yield ["set", key, number()]
    yield ["SET", word(), word(), "IFEQ", word()]
    yield ["MSET", word(), word(), word(), secret.binary()]
    yield ["MSETEX", 1, word(), word(), "PXAT", 4102444800000]
    yield ["APPEND", secret.binary(), word()]
    yield ["INCRBY", word(), number()]
    yield ["SETRANGE", word(), 3, word()]
    yield ["HSET", word(), word(), word(), word(), number()]
    yield ["HSETEX", word(), "PXAT", 4102444800000, "FIELDS", 1, word(), word()]
    yield ["RPUSH", word(), word(), word(300)]
    yield ["LINSERT", word(), "BEFORE", word(), word()]
    yield ["LREM", word(), 0, word()]
    yield ["SADD", word(), word(), number()]
    yield ["SMOVE", word(), word(), word()]
    yield ["ZADD", word(), "NX", number(), word()]
    yield ["ZRANGESTORE", word(), word(), "[" + word().decode(), "+", "BYLEX"]
    yield ["XADD", word(), "MAXLEN", "=", 5, "1-1", word(), word()]
    yield ["XGROUP", "CREATE", word(), word(), "$", "MKSTREAM"]
    yield ["XCLAIM", word(), word(), word(), 0, "1-1", "TIME", 5]
    yield ["GEOADD", word(), 13, 38, word()]
    yield ["GEOSEARCHSTORE", word(), word(), "FROMMEMBER", word(), "BYRADIUS", 3, "km"]
    yield ["PFADD", word(), word()]
    yield ["RESTORE", word(), 0, secret.binary(), "ABSTTL"]
    yield ["RENAME", key, word()]
    yield ["SORT", word(), "BY", word() + b"_*", "GET", word() + b"->*", "STORE", word()]
    yield ["FUNCTION", "LOAD", word(40)]
    yield ["DEL", word(), word(), key]
    yield ["UNLINK", *(word() for _ in range(120))]
    yield ["FLUSHALL"]
    yield ["SET", word(), word()]
    yield ["HSET", word(), word(), word()]


def make_log(directory: Path, *, opaque: bool) -> tuple[Path, Secrets, bytes]:
    secret = Secrets()
    records = [rdb_record(0, secret.word() + b":" + secret.word(), rdb_string(secret.word()))]
    items = list(commands(secret))
    tail = [select(1), timestamp(1_790_000_000), *items[:10], transaction(*items[10:13]), *items[13:]]
    if opaque:
        word = secret.word
        tail += [["EVAL", word(50), 1, word(), word()], [word(), word(), word()], ["PUBLISH", word(), word()]]
    manifest = write_multi_part(
        directory, base=rdb(rdb_database(0, *records)), base_is_rdb=True, incrs=[log(*tail)]
    )
    key = items[0][1]
    assert isinstance(key, bytes)
    return manifest, secret, key


def leaks(text: str, secret: Secrets) -> list[bytes]:
    raw = text.encode("utf-8", "surrogateescape")
    forms = ((word, word, base64.b64encode(word)[:-4], word.hex().encode()) for word in secret.words)
    return [word for word, *spelled in forms if any(form and form in raw for form in spelled)]


def words_of(verb: str, form: list[str], manifest: Path, key: bytes) -> list[str]:
    named = [key.decode()] if verb == "history" else []
    form = [part for word in form for part in ([word, key.decode()] if word == "--key" else [word])]
    return [verb, *named, str(manifest), *form]


@pytest.mark.parametrize(("verb", "form"), [(verb, form) for verb, forms in FORMS.items() for form in forms])
@pytest.mark.parametrize("opaque", [False, True])
def test_no_original_is_found_in_any_output(
    verb: str, form: list[str], opaque: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest, secret, key = make_log(tmp_path / "d", opaque=opaque)

    run([*words_of(verb, form, manifest, key), "--redact", "all", "--salt", "s"])

    shown = capsys.readouterr()
    assert shown.out or opaque
    assert leaks(shown.out + shown.err, secret) == []


ON_DAMAGE = [
    ["check"], ["check", "--json"], ["check", "--level", "deep"], ["inspect"], ["inspect", "--json"],
    ["growth"], ["fix", "-n"], ["fix", "-n", "--json"], ["fix", "-n", "--salvage"],
    ["fix", "-n", "--salvage", "--json"], ["rewrite", "-n"], ["rewrite", "-n", "--json"],
    ["rewrite", "-n", "--salvage"], ["keys"], ["keys", "--json"], ["audit"], ["diff", "--at", "0"],
    ["log"], ["log", "--json"], ["log", "--tail", "5"], ["report", "--md"], ["report", "--json"],
]  # fmt: skip


def damages(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a file with one kind of damage each."""
    middle = raw.index(b"\r\n$", len(raw) // 3)
    end = raw.rindex(b"\r\n", 0, -2)
    yield "torn payload", raw[: end + 5]
    yield "torn length", raw[: end + 1]
    yield "no framing", raw[:middle] + raw[middle + 3 :]
    yield "wrong length", raw[: middle + 3] + b"9" + raw[middle + 3 :]
    yield "zero bytes", raw[:middle] + bytes(64) + raw[middle:]
    yield "cut out", raw[:middle] + raw[middle + 100 :]
    yield "line feeds only", raw.replace(b"\r\n", b"\n")
    yield "twice", raw[:middle] + raw[middle - 60 : middle] + raw[middle:]


@pytest.mark.parametrize("verb", ON_DAMAGE, ids=" ".join)
def test_no_original_is_found_in_what_is_said_of_damage(
    verb: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest, secret, _ = make_log(tmp_path / "d", opaque=True)
    incr = next(manifest.parent.glob("*.incr.aof"))
    whole = incr.read_bytes()

    base = next(manifest.parent.glob("*.base.rdb"))
    torn_base = base.read_bytes()[:-12]
    for name, raw in [*damages(whole), ("base", b"")]:
        incr.write_bytes(raw or whole)
        if not raw:
            base.write_bytes(torn_base)
        run([verb[0], str(manifest), *verb[1:], "--redact", "all", "--salt", "s"])

        shown = capsys.readouterr()
        assert shown.out + shown.err, name
        assert leaks(shown.out + shown.err, secret) == [], name


@pytest.mark.parametrize("verb", [["check"], ["fix", "-n", "--salvage", "--json"]], ids=" ".join)
def test_what_is_said_of_damage_does_quote_the_log_without_redaction(
    verb: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest, secret, _ = make_log(tmp_path / "d", opaque=True)
    incr = next(manifest.parent.glob("*.incr.aof"))
    found = []

    for _, raw in damages(incr.read_bytes()):
        incr.write_bytes(raw)
        run([verb[0], str(manifest), *verb[1:]])
        found += leaks(capsys.readouterr().out, secret)

    assert found


def test_explain_shows_the_structure_of_every_byte_and_no_contents(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest, secret, _ = make_log(tmp_path / "d", opaque=True)

    for file in (path for path in manifest.parent.iterdir() if path != manifest):
        for offset in range(0, file.stat().st_size, 31):
            run(["explain", str(file), "--at", str(offset), "--redact", "all", "--salt", "s", "--json"])

            shown = capsys.readouterr()
            assert leaks(shown.out + shown.err, secret) == [], (file.name, offset)


def test_a_repair_and_its_way_back_quote_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest, secret, _ = make_log(tmp_path / "d", opaque=False)
    incr = next(manifest.parent.glob("*.incr.aof"))
    incr.write_bytes(dict(damages(incr.read_bytes()))["cut out"])
    hide = ["--redact", "all", "--salt", "s", "--json"]

    run(["fix", str(manifest), "--salvage", "--yes", *hide])
    told = capsys.readouterr()
    run(["undo", json.loads(told.out)["receipt"], *hide])
    undone = capsys.readouterr()

    assert json.loads(undone.out)["undone"]
    for shown in (told, undone):
        assert leaks(shown.out + shown.err, secret) == []


@pytest.mark.parametrize("verb", ["inspect", "keys", "growth", "explain", "log", "history", "audit", "diff"])
def test_without_redaction_the_search_does_find_originals(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest, secret, key = make_log(tmp_path / "d", opaque=False)

    run(words_of(verb, FORMS[verb][0], manifest, key))

    assert leaks(capsys.readouterr().out, secret)


def test_patterns_are_matched_against_the_originals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest, secret, key = make_log(tmp_path / "d", opaque=False)
    glob = key[:6].decode() + "*"

    run(["history", "--match", glob, str(manifest), "--redact", "all", "--salt", "s"])

    shown = capsys.readouterr().out
    assert Redactor(RedactMode.all, "s").key(key).decode() in shown
    assert leaks(shown, secret) == []


def test_a_written_log_holds_stand_ins_only_and_says_the_same_each_time(tmp_path: Path) -> None:
    manifest, secret, _ = make_log(tmp_path / "d", opaque=True)
    one, two = tmp_path / "one.aof", tmp_path / "two.aof"

    for path in (one, two):
        assert run(["log", str(manifest), "-o", str(path), "--redact", "all", "--salt", "s"]) == 0

    assert [word for word in secret.words if word in one.read_bytes()] == []
    assert one.read_bytes() == two.read_bytes()
    assert len(one.read_bytes()) > 1000


def test_every_verb_takes_the_options() -> None:
    commands_by_name = typer.main.get_command(build_app(VERBS)).commands  # type: ignore[attr-defined]

    for verb in VERBS:
        if verb == "capture":
            continue  # shows no log, and masks what it takes unless told not to
        options = {name for parameter in commands_by_name[verb].params for name in parameter.opts}
        assert {"--redact", "--salt"} <= options


LEFT_BEHIND = [b"score-42.4242", b"id-of-no-number", b"select-this", b"FIELDVALUE", b"fieldname"]


@pytest.mark.parametrize(
    "verb",
    [
        "log", "log --json", "log --csv", "history --match * --json --values", "audit --json", "check --json",
        "inspect --json", "inspect --by key", "keys --values",
        "explain --at appendonly.aof.1.incr.aof:12",
    ],
)  # fmt: skip
def test_what_stands_where_a_number_should_is_hidden_too(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SELECT and entry IDs are shown as they are; but only where they are numbers."""
    aux = {"redis-ver": "7.0.0", "fieldname": "FIELDVALUE"}
    base = rdb(rdb_database(0, rdb_record(0, "k", rdb_string("v"))), aux=aux)
    commands = log(
        ("ZADD", "z", "score-42.4242", "m"),
        ("XADD", "s", "id-of-no-number", "f", "v"),
        ("SELECT", "select-this"),
        ("EXPIRE", "k", "select-this"),
        ("SWAPDB", "0", "select-this"),
        ("LINSERT", "l", "id-of-no-number", "a", "b"),
    )
    path = write_multi_part(tmp_path / "d", base=base, base_is_rdb=True, incrs=[commands])

    run([*verb.split(), "--redact", "all", "--salt", "x", str(path)])

    shown = capsys.readouterr()
    text = (shown.out + shown.err).encode()
    assert [secret for secret in LEFT_BEHIND if secret in text] == []
    assert b"Traceback" not in text
