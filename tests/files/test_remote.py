"""Objects of a store as sources: the bytes of one state, through a proxy that fails, in bounded memory."""

from __future__ import annotations

import hashlib
import http.server
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aoftool.errors import AoftoolError, MissingExtraError, ReadFailedError, SourceError
from aoftool.files import Source, open_source
from aoftool.files.changes import ChangeKind
from aoftool.files.held import hold_object, release_files
from aoftool.files.remote import ranges, stores
from aoftool.files.remote.carrier import ObjectWatch
from aoftool.files.remote.failures import refused_by_store
from aoftool.files.remote.names import above, is_remote, without_secrets
from tests.stores import BUCKET, S3

# Larger than what is fetched at once, and than what is kept of small objects.
SIZE = 21_000_000


@pytest.fixture(scope="module")
def data() -> bytes:
    return random.Random(7).randbytes(SIZE)


@pytest.fixture
def url(store: S3, data: bytes) -> str:
    store.client.put_object(Bucket=BUCKET, Key="large", Body=data)
    return f"s3://{BUCKET}/large"


def whole(source: Source, step: int = 300_000) -> bytes:
    pieces = []
    while piece := source.read(step):
        pieces.append(piece)
    return b"".join(pieces)


def test_front_to_back_in_ranges_that_grow_and_stay_bounded(store: S3, url: str, data: bytes) -> None:
    with open_source(url) as source:
        assert whole(source) == data
        assert (source.seekable, source.is_local, source.size_bytes) == (True, False, SIZE)
        assert source.changes() == []

    assert store.faults.ranges < 20
    assert store.faults.largest_bytes <= ranges._BLOCK_BYTES


def test_ranges_in_any_order(url: str, data: bytes) -> None:
    draw = random.Random(3)
    with open_source(url) as source:
        for _ in range(30):
            start = draw.randrange(SIZE)
            length = draw.choice((1, 9, 70_000, 1_500_000))
            assert source.read_at(start, length) == data[start : start + length]
        assert source.read_at(SIZE - 5, 100) == data[-5:]
        assert source.read_at(SIZE, 1) == b""


def test_seek_skip_peek_and_other_readers_of_the_same_object(url: str, data: bytes) -> None:
    with open_source(url) as source, source.reopen() as other:
        source.seek(SIZE - 1_000_000)
        assert source.peek(4) == data[-1_000_000:-999_996]
        assert source.skip(10) == 10
        assert source.read(20) == data[-999_990:-999_970]
        assert other.read(10) == data[:10]
        assert source.skip(2_000_000) == 999_970
        assert source.read(1) == b""


@pytest.mark.parametrize("fault", ["latency", "error", "reset", "short"])
def test_what_fails_for_a_moment_is_asked_for_again(store: S3, url: str, data: bytes, fault: str) -> None:
    store.faults.pending[:] = ["", fault, "", fault, fault]

    with open_source(url) as source:
        assert hashlib.sha256(whole(source)).digest() == hashlib.sha256(data).digest()

    assert store.faults.pending == []


@pytest.mark.parametrize("fault", ["error", "reset", "short"])
def test_a_store_that_keeps_failing_is_an_error_with_the_place(
    store: S3, url: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aoftool.files.remote.failures._FIRST_WAIT_S", 0.001)
    monkeypatch.setattr("aoftool.files.remote.failures._LONGEST_WAIT_S", 0.001)
    with open_source(url) as source:
        store.faults.pending[:] = [fault] * 200
        with pytest.raises(ReadFailedError) as caught:
            source.read_at(5_000_000, 10)

    assert caught.value.offset == 5_000_000
    assert caught.value.path == url
    assert f"cannot read {url} at offset 5,000,000" in caught.value.message
    assert "run this again" in (caught.value.hint or "")


def test_what_may_not_be_read_is_not_asked_for_again(store: S3, url: str) -> None:
    store.faults.pending[:] = ["denied"] * 3

    with pytest.raises(SourceError, match="access denied"):
        open_source(url)

    assert len(store.faults.pending) == 2


def test_an_object_that_is_replaced_meanwhile_is_told_and_no_byte_of_it_is_given(
    store: S3, url: str, data: bytes
) -> None:
    def replace_it(number: int) -> None:
        if number == 4:
            store.client.put_object(Bucket=BUCKET, Key="large", Body=data[::-1])

    store.faults.before = replace_it
    with open_source(url) as source:
        with pytest.raises(ReadFailedError, match="another object took its name"):
            whole(source)
        given = source.tell()

    assert 0 < given < SIZE


def test_of_a_bucket_that_keeps_versions_the_old_object_is_read_to_its_end(store: S3, data: bytes) -> None:
    store.client.create_bucket(Bucket="versions")
    store.client.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    store.client.put_object(Bucket="versions", Key="large", Body=data)

    with open_source("s3://versions/large") as source:
        source.read(10)
        store.client.put_object(Bucket="versions", Key="large", Body=b"another one")
        source.seek(0)
        assert whole(source) == data
        assert isinstance(source._watch, ObjectWatch)
        source._watch._object._looked = (0.0, True)
        assert [change.kind for change in source.changes()] == [ChangeKind.SUPERSEDED]


def test_what_is_held_is_of_one_state_however_often_it_is_opened(store: S3) -> None:
    store.client.put_object(Bucket=BUCKET, Key="held", Body=b"a" * 1_200_000)
    assert hold_object(f"s3://{BUCKET}/held") == 1_200_000
    store.client.put_object(Bucket=BUCKET, Key="held", Body=b"b" * 1_300_000)

    with pytest.raises(ReadFailedError, match="another object"):
        open_source(f"s3://{BUCKET}/held")
    release_files([f"s3://{BUCKET}/held"])

    with open_source(f"s3://{BUCKET}/held") as source:
        assert source.size_bytes == 1_300_000


def test_memory_does_not_grow_with_the_object(store: S3, tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from aoftool.files import open_source\n"
        "with open_source(sys.argv[1]) as source:\n"
        "    with memoryview(bytearray(1 << 20)) as view:\n"
        "        total = 0\n"
        "        while count := source.read_into(view): total += count\n"
        # Not ru_maxrss, which begins with that of the parent.
        "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
        "print(total, peak.split()[1])\n"
    )
    sizes = {}
    for megabytes in (8, 100):
        key = f"flat-{megabytes}"
        store.client.put_object(Bucket=BUCKET, Key=key, Body=bytes(megabytes << 20))
        words = [sys.executable, "-c", program, f"s3://{BUCKET}/{key}"]
        env = {**os.environ, "AWS_ENDPOINT_URL": store.url}
        done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=120, check=True)
        total, peak_kib = map(int, done.stdout.split())
        assert total == megabytes << 20
        sizes[megabytes] = peak_kib << 10
        store.client.delete_object(Bucket=BUCKET, Key=key)

    # What may be fetched ahead, and what the packages below take for it on its way.
    assert sizes[100] - sizes[8] < ranges._MOST_BYTES


def test_a_web_server_gives_ranges_of_one_state(store: S3, data: bytes) -> None:
    store.client.put_object(Bucket=BUCKET, Key="public", Body=data, ACL="public-read")
    url = f"{store.proxy_url}/{BUCKET}/public"
    store.faults.pending[:] = ["", "short", "reset", "error"]

    with open_source(url) as source:
        assert source.read_at(1000, 70_000) == data[1000:71_000]
        assert whole(source) == data

    with open_source(url) as source:
        source.read(10)
        store.client.put_object(Bucket=BUCKET, Key="public", Body=data[:-1], ACL="public-read")
        with pytest.raises(ReadFailedError, match="another object"):
            source.read_at(SIZE // 2, 10)


@pytest.fixture
def plain_server(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "file").write_bytes(bytes(3_000_000))

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path))

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_web_server_without_ranges_is_refused_with_the_line_to_type(plain_server: str) -> None:
    with pytest.raises(SourceError, match="no ranges") as caught:
        open_source(f"{plain_server}/file")

    assert caught.value.hint == f"curl -fo COPY {plain_server}/file\nthen name the copy"


def test_what_else_fsspec_knows_is_looked_at_again_behind_every_range(data: bytes) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe_file("/box/large", data)

    with open_source("memory://box/large") as source:
        assert whole(source) == data
    with open_source("memory://box/large") as source:
        source.read(10)
        memory.pipe_file("/box/large", data[:-1])
        with pytest.raises(ReadFailedError, match="another object"):
            source.read_at(SIZE // 2, 10)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s3://no-such-bucket-here/key", "no bucket"),
        (f"s3://{BUCKET}/no/such/key", "no such object"),
        ("bogus://bucket/key", "nothing here reads bogus://"),
    ],
)
@pytest.mark.usefixtures("store")
def test_what_is_not_there_is_told_by_its_name(url: str, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        open_source(url)

    assert caught.value.hint
    assert caught.value.path == url


def test_without_credentials_it_says_how_to_get_some(store: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    with pytest.raises(AoftoolError, match="credentials") as caught:
        open_source(f"s3://{BUCKET}/held")

    assert "AWS_PROFILE" in (caught.value.hint or "")


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "_stores", {})
    monkeypatch.setitem(sys.modules, "fsspec.core", None)

    with pytest.raises(MissingExtraError) as caught:
        open_source("s3://bucket/key")

    assert caught.value.hint == "pip install 'aoftool[remote]'"


def test_names_of_urls() -> None:
    assert [is_remote(path) for path in ("s3://b/k", "a.aof", "/s3:/b", "https://h/x", "c:\\x", None)] == [
        True,
        False,
        False,
        True,
        False,
        False,
    ]
    assert above("s3://bucket/a/b") == "s3://bucket/a"
    assert above("s3://bucket/a") == "s3://bucket"
    assert above("s3://bucket") is None
    assert without_secrets("https://me:pw@host/x?sig=abc") == "https://host/x?..."


def test_nothing_is_kept_when_all_is_closed(url: str) -> None:
    with open_source(url) as source:
        source.read(1)

    from aoftool.files.remote import objects

    assert objects._pinned == {}
    assert ranges._readers == 0


def test_a_store_without_such_a_call_is_told_with_what_to_do() -> None:
    told = refused_by_store(NotImplementedError(), "data://x*", "list")

    assert told.message == "cannot list data://x*: this kind of store has no way to do it"
    assert told.hint == "copy 'data://x*' to this machine\nthen name the copy"
