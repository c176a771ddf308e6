"""Files that are no log: every verb says what they are, with exit 3, and `fix` leaves them as they are."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import shutil
import sqlite3
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aoftool.cli import app
from aoftool.cli.app import run
from tests.builders import command, log, select, write_multi_part
from tests.corpus import FIXTURES, corpus_root

SMALL_LOG = log(select(0), command("SET", "a", "1"), command("SET", "b", "2"))
VERBS = (
    ("check",),
    ("check", "--level", "deep"),
    ("check", "--level", "quick"),
    ("inspect",),
    ("inspect", "--contents"),
    ("inspect", "--savings"),
    ("keys",),
    ("keys", "--by", "writes"),
    ("keys", "--by", "same"),
    ("log",),
    ("history", "a"),
    ("audit",),
    ("growth",),
    ("diff", "IN"),
    ("simulate",),
    ("advise", "INFO", "--aof"),
    ("report", "--md"),
    ("export", "-o", "NEW"),
    ("sql", "IN", "SELECT * FROM files"),
    ("snapshot", "-o", "NEW"),
    ("guard",),
    ("rewrite", "-n"),
    ("rewrite", "-n", "--quick"),
    ("rewrite", "-n", "--salvage"),
    ("explain", "--at", "0"),
    ("explain", "--key", "a"),
    ("fix", "-n"),
    ("fix", "--yes"),
    ("fix", "--yes", "--salvage"),
)
COUNT = 300
INFO = b"# Server\r\nredis_version:8.0.6\r\n# Memory\r\nused_memory:100\r\n"


def _tar(random_bytes: random.Random) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in ("appendonly.aof", "notes"):
            held = tarfile.TarInfo(name)
            held.size = len(SMALL_LOG)
            archive.addfile(held, io.BytesIO(SMALL_LOG))
    return out.getvalue()


def _zip(source: random.Random) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", source.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
        archive.writestr("appendonly.aof", SMALL_LOG)
    return out.getvalue()


def _png(source: random.Random) -> bytes:
    pixels = zlib.compress(source.randbytes(300))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 10, 10, 8, 2, 0, 0, 0)), (b"IDAT", pixels), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def _sqlite(source: random.Random) -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute("create table t (a)")
    connection.execute("insert into t values (?)", (source.randbytes(64),))
    return (
        bytes(connection.serialize())
        if hasattr(connection, "serialize")
        else b"SQLite format 3\0" + bytes(84)
    )


def _pcap(source: random.Random) -> bytes:
    # A capture of clients holds their commands as they are in a log.
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    return header + struct.pack("<IIII", 1, 2, len(SMALL_LOG), len(SMALL_LOG)) + SMALL_LOG


def _text(source: random.Random) -> bytes:
    words = ["the", "of", "key", "value", "log", "file", "12", "server", "*", "$", "#", "ü", "-", "=", "set"]
    lines = (
        " ".join(source.choices(words, k=source.randrange(1, 12))) for _ in range(source.randrange(1, 50))
    )
    return source.choice(["\n", "\r\n"]).join(lines).encode() or b"x"


def _quoting(source: random.Random) -> bytes:
    # What a manual or a question says of a log, with the lines of its manifest.
    lines = [
        "# What is in the folder",
        "",
        "It holds these files:",
        "",
        "and the manifest names them all.",
        "Bye",
    ]
    at = source.randrange(len(lines) + 1)
    entry = "file appendonly.aof.1.base.rdb seq 1 type b"
    lines[at:at] = [source.choice(["", "    ", "$ cat it; "]) + entry]
    return "\n".join(lines).encode() + source.choice([b"", b"\n"])


def _binary(source: random.Random) -> bytes:
    return source.choice([b"\x01", b"\xff", b"K", b"\x80", b"\0\x01"]) + source.randbytes(
        source.randrange(40, 9000)
    )


def _leveldb(source: random.Random) -> bytes:
    body = source.randbytes(200)
    return struct.pack("<IHB", zlib.crc32(body), len(body), 1) + body


def _table(source: random.Random) -> bytes:
    marks = (b"\xf7\xcf\xf4\x85\xb7\x41\xe2\x88", b"\x57\xfb\x80\x8b\x24\x75\x47\xdb")
    return b"\x05" + source.randbytes(400) + source.choice(marks)


KINDS: dict[str, Callable[[random.Random], bytes]] = {
    "tar": _tar,
    "tar.gz": lambda source: gzip.compress(_tar(source), mtime=0),
    "zip": _zip,
    "png": _png,
    "xz": lambda source: lzma.compress(SMALL_LOG),
    "bz2": lambda source: bz2.compress(SMALL_LOG),
    "gif": lambda source: b"GIF89a" + source.randbytes(200),
    "jpeg": lambda source: b"\xff\xd8\xff\xe0" + source.randbytes(200),
    "pdf": lambda source: b"%PDF-1.7\n" + source.randbytes(200),
    "elf": lambda source: b"\x7fELF\x02\x01\x01\0" + source.randbytes(300),
    "sqlite": _sqlite,
    "pcap": _pcap,
    "json": lambda source: json.dumps({"a": source.random(), "b": [1, 2]}).encode(),
    "html": lambda source: b"<!DOCTYPE html>\n<html><body>502 Bad Gateway</body></html>\n",
    "xml": lambda source: b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
    "conf": lambda source: b"port 6379\nappendonly yes\n# *1\n",
    "commands": lambda source: b"SET a 1\r\nSET b 2\r\nDEL a\r\n",
    "memcached": lambda source: b"set key 0 0 5\r\nhello\r\nset b 0 0 1\r\nx\r\n",
    "text": _text,
    "quoting": _quoting,
    "listing": lambda source: b"appendonly.aof.1.base.rdb\nappendonly.aof.1.incr.aof\n",
    "binary": _binary,
    "leveldb": _leveldb,
    "table": _table,
    "pem": lambda source: b"-----BEGIN PGP MESSAGE-----\n\nwcBM\n-----END PGP MESSAGE-----\n",
    "blank": lambda source: source.choice([b"\n", b" \n\n", b"\r\n", b"\xef\xbb\xbf"]),
    "rdb-letters": lambda source: source.choice([b"R", b"REDI", b"VAL", b"RED"]),
    "binary.gz": lambda source: gzip.compress(_binary(source), mtime=0),
}


def _generated() -> Iterator[tuple[str, bytes]]:
    for number in range(COUNT):
        kind = list(KINDS)[number % len(KINDS)]
        source = random.Random(number)
        ending = source.choice([".aof", ".rdb", "", ".bin"])
        yield f"{number}-{kind.replace('.', '-')}{ending}", KINDS[kind](source)


def _refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    code = run(arguments)
    error = capsys.readouterr().err
    assert code == 3, (arguments, code, error)
    assert "this is no append-only file and no RDB: it is" in error, arguments
    return error


def test_every_verb_refuses_what_is_no_log_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    info = tmp_path / "info.txt"
    info.write_bytes(INFO)
    for number, (name, data) in enumerate(_generated()):
        path = tmp_path / name
        path.write_bytes(data)
        words = {"IN": str(path), "INFO": str(info), "NEW": str(tmp_path / "new")}
        # Each verb for each kind, the two that could do harm for every file.
        chosen = VERBS if number < len(KINDS) else [VERBS[number % len(VERBS)], *VERBS[-2:]]
        for verb in chosen:
            last = [] if verb[0] == "sql" else [str(path)]
            _refused([*(words.get(word, word) for word in verb), *last], capsys)

        assert path.read_bytes() == data
        assert sorted(tmp_path.iterdir()) == sorted([path, info])
        path.unlink()


def test_every_verb_that_takes_a_log_is_among_them() -> None:
    # Those left out take a receipt, a folder to measure, and a server; a fleet has a row for what is no log.
    assert {verb[0] for verb in VERBS} == set(app.VERBS) - {"undo", "probe", "capture", "fleet"}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_output_is_not_written_of_what_is_no_log(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "in.aof", tmp_path / "out.aof"
    path.write_bytes(KINDS[kind](random.Random(7)))

    _refused(["fix", "--yes", "--salvage", str(path), "-o", str(out)], capsys)
    _refused(["rewrite", "--salvage", str(path), "-o", str(out)], capsys)

    assert not out.exists()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("tar.gz", "a tar archive, compressed with gzip"),
        ("png", "a PNG image"),
        ("json", "JSON"),
        ("html", "an HTML page"),
        ("conf", "a configuration file"),
        ("commands", "commands as plain text"),
        ("memcached", "commands of memcached"),
        ("pcap", "a network capture"),
        ("rdb-letters", "of an RDB header, and nothing behind"),
        ("binary", "binary data without one command in it"),
    ],
)
def test_the_error_says_what_it_is(
    kind: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(KINDS[kind](random.Random(3)))

    assert words in _refused(["check", str(path)], capsys)


@pytest.mark.parametrize(
    "data",
    [
        b"*",
        b"*3",
        b"*3\r",
        b"*3\r\n",
        b"*3\r\n$3\r\nSE",
        b"*3\r\n$3\0\0\0\0",
        b"#TS:17",
        b"+3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n",
        bytes(5000),
        bytes(70_000),
        b"\x93" * 100_000 + SMALL_LOG,
        b"\xef\xbb\xbf" + SMALL_LOG,
        SMALL_LOG.replace(b"\r\n", b"\n"),
        SMALL_LOG.replace(b"\n", b"\r\n"),
        SMALL_LOG.decode().encode("utf-16"),
        random.Random(1).randbytes(16) + SMALL_LOG,
    ],
)
def test_what_is_left_of_a_log_is_one(
    data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(data)

    assert run(["check", str(path)]) in (0, 1)
    assert run(["fix", "-n", "--salvage", str(path)]) in (0, 1)


def test_a_part_of_a_set_that_is_no_log_is_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "appendonlydir"
    shutil.copytree(FIXTURES / "damaged" / "torn-incr-last" / "appendonlydir", folder)
    part = sorted(folder.glob("*.incr.aof"))[-1]
    part.write_bytes(KINDS["png"](random.Random(0)))

    assert run(["check", str(folder)]) == 1
    assert "this is no part of a log: it is a PNG image [not-a-log]" in " ".join(
        capsys.readouterr().out.split()
    )
    for option in ("--yes", "--salvage"):
        assert run(["fix", "--yes", option, str(folder)]) == 1
        assert part.read_bytes() == KINDS["png"](random.Random(0))


@pytest.mark.parametrize("name", ["wrong-file-kinds", "garnet-binary-aof"])
def test_files_that_people_took_for_logs(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = corpus_root()
    if root is None:
        pytest.skip("the corpus is not here")
    folder = root / "field" / name
    for found in sorted(folder.iterdir()):
        if found.name == "case.json":
            continue
        path = tmp_path / found.name
        path.write_bytes(found.read_bytes())
        _refused(["check", str(path)], capsys)
        _refused(["fix", "--yes", "--salvage", str(path)], capsys)
        assert path.read_bytes() == found.read_bytes()


def test_an_empty_snapshot_is_no_healthy_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "dump.rdb"
    path.write_bytes(b"")

    assert run(["check", "--json", str(path)]) == 1
    found = json.loads(capsys.readouterr().out)["logs"][0]

    assert [row["code"] for row in found["findings"]] == ["log-empty"]
    assert {row["outcome"] for row in found["servers"]} == {"refuse"}
    assert {row["message"].split(".")[0] for row in found["servers"]} == {"Short read or OOM loading DB"}


_NOTES = b"what to buy\nmilk, and a file of paper\nbread\n"
_NEVER_MANIFESTS = [
    _NOTES,
    b"file crates seq 1 type wood\nfile barrels seq 2 type tar\n",
    b'{"name": "app", "files": ["a", "b"]}\n',
    b"\x89PNG\r\n\x1a\n" + bytes(range(200)),
    b"\x7fELF" + b"\x02\x01\x01" + bytes(60),
]


@pytest.mark.parametrize("content", _NEVER_MANIFESTS)
@pytest.mark.parametrize("beside", ["nothing", "a log", "a set of another name"])
def test_what_never_held_a_manifest_is_none_whatever_its_name(
    content: bytes, beside: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "packing.manifest"
    if beside == "a log":
        (tmp_path / "appendonly.aof").write_bytes(log(("SET", "k", "v")))
    elif beside == "a set of another name":
        write_multi_part(tmp_path, base=log(("SET", "k", "v")), incrs=[log(("SET", "l", "v"))])
    other.write_bytes(content)

    for words in (["check"], ["fix", "-y"], ["fix", "-y", "--salvage"], ["rewrite", "--in-place"]):
        assert run([*words, str(other)]) == 3
        assert "this is no append-only file" in capsys.readouterr().err
    assert other.read_bytes() == content
    assert run(["check", str(tmp_path)]) == (3 if beside == "nothing" else 0)


@pytest.mark.parametrize("content", _NEVER_MANIFESTS)
def test_a_text_in_the_place_of_a_manifest_is_replaced_only_when_asked_for(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = write_multi_part(
        tmp_path / "d", base=log(("SET", "k", "v")), incrs=[log(("SET", "l", "v"))] * 2
    )
    content_of_set, _ = manifest.read_bytes(), manifest.write_bytes(content)

    assert run(["check", str(manifest.parent)]) == 1
    assert "[manifest-other-text]" in capsys.readouterr().out
    assert run(["fix", "-y", str(manifest.parent)]) == 1
    assert f"next: aoftool fix --dry-run --salvage {manifest.parent}" in capsys.readouterr().out
    assert manifest.read_bytes() == content
    assert run(["fix", "-y", "--salvage", str(manifest.parent)]) == 0
    assert manifest.read_bytes() == content_of_set
    (kept,) = manifest.parent.glob("aoftool-fix-*")
    assert (kept / "originals" / manifest.name).read_bytes() == content
    assert run(["check", str(manifest.parent)]) == 0


@pytest.mark.parametrize("content", [b"", b"\0" * 40, b"\n\n", b"file a", b"fi", b"\x8f\x02\xfe\x11" * 9])
def test_a_manifest_may_be_damaged_in_any_way(content: bytes, tmp_path: Path) -> None:
    manifest = write_multi_part(tmp_path / "d", base=log(("SET", "k", "v")), incrs=[log(("SET", "l", "v"))])
    content_of_set, _ = manifest.read_bytes(), manifest.write_bytes(content)

    assert run(["fix", "-y", str(manifest)]) == 0
    assert manifest.read_bytes() == content_of_set
