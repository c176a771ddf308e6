"""With `--redact all` no key and no value of four bytes or more is in any output of a verb that takes it."""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from aoftool.cli.app import VERBS, build_app, run
from aoftool.redaction import RedactMode, Redactor
from tests.builders import (
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

FORMS = {
    "log": [[], ["--json"], ["--csv"], ["--tail", "30"], ["--cmd", "DEL", "--context", "3"]],
    "history": [[], ["--json"], ["--values"], ["--json", "--values"]],
    "audit": [[], ["--json"], ["--context", "9"]],
    "diff": [["--at", "0"], ["--at", "0", "--json"], ["--at", "0", "--csv"]],
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


def commands(secret: Secrets) -> Iterator[list[object]]:
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


@pytest.mark.parametrize("verb", FORMS)
def test_without_redaction_the_search_does_find_originals(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest, secret, key = make_log(tmp_path / "d", opaque=False)

    run(words_of(verb, [*FORMS[verb][0], "--limit", "500"] if verb != "audit" else [], manifest, key))

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


def test_every_verb_of_this_module_takes_the_options() -> None:
    commands_by_name = typer.main.get_command(build_app(VERBS)).commands  # type: ignore[attr-defined]

    for verb in FORMS:
        options = {name for parameter in commands_by_name[verb].params for name in parameter.opts}
        assert {"--redact", "--salt"} <= options
