"""Blocks of an object over connections of our own: the same bytes as through the package, or its words."""

from __future__ import annotations

import datetime
import http.client
import random
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from aoftool.errors import ReadFailedError
from aoftool.files import Source, open_source
from aoftool.files.remote import direct, ranges, rooms, s3, web
from tests.stores import BUCKET, S3

SIZE = 21_000_000
BLOCK = ranges._BLOCK_BYTES


@pytest.fixture(scope="module")
def data() -> bytes:
    return random.Random(11).randbytes(SIZE)


@pytest.fixture
def url(store: S3, data: bytes) -> str:
    store.client.put_object(Bucket=BUCKET, Key="blocks", Body=data)
    return f"s3://{BUCKET}/blocks"


@pytest.fixture
def by_package(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of the ranges that were left to a package, in the order in which they were asked for."""
    seen: list[int] = []
    for kind in (s3.S3Store, web.WebStore):
        get: Callable[..., Any] = kind._get

        async def noted(self: Any, *rest: Any, get: Callable[..., Any] = get) -> Any:
            seen.append(rest[-1] - rest[-2])
            return await get(self, *rest)

        monkeypatch.setattr(kind, "_get", noted)
    return seen


def whole(path: str) -> bytes:
    with open_source(path) as source:
        pieces = []
        while piece := source.read(300_000):
            pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize("kind", ["s3", "web"])
def test_blocks_do_not_go_through_the_package(
    store: S3, url: str, data: bytes, by_package: list[int], kind: str
) -> None:
    if kind == "web":
        store.client.put_object_acl(Bucket=BUCKET, Key="blocks", ACL="public-read")
        url = f"{store.proxy_url}/{BUCKET}/blocks"

    assert whole(url) == data

    assert by_package
    assert max(by_package) < 1 << 20


@pytest.mark.parametrize("fault", ["latency", "error", "reset", "short", "denied"])
def test_a_block_that_fails_is_had_through_the_package(
    store: S3, url: str, data: bytes, by_package: list[int], fault: str
) -> None:
    def fail_once(number: int) -> None:
        # Ranges that grow come first, and are the package's.
        if number == store.faults.ranges - 1 and len(by_package) >= 3 and not failed:
            failed.append(number)
            store.faults.pending.append(fault)

    failed: list[int] = []
    store.faults.before = fail_once

    assert whole(url) == data

    assert failed
    assert (BLOCK in by_package) is (fault != "latency")


def test_after_some_blocks_without_an_answer_nobody_is_asked_directly(
    url: str, data: bytes, by_package: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def fails(self: direct.DirectRanges, *rest: Any) -> None:
        asked.append(rest)
        raise ConnectionResetError

    monkeypatch.setattr(direct.DirectRanges, "_asked", fails)

    assert whole(url) == data

    assert by_package.count(BLOCK) >= 4
    assert 1 <= len(asked) <= direct._FAILURES_MOST + ranges._THREADS


def read_on(source: Source, given: list[bytes]) -> None:
    while piece := source.read(1 << 20):
        given.append(piece)


def test_of_another_object_no_block_is_given(store: S3, url: str, data: bytes) -> None:
    given: list[bytes] = []
    with open_source(url) as source:
        while sum(map(len, given)) < 2 << 20:
            given.append(source.read(1 << 20))
        store.client.put_object(Bucket=BUCKET, Key="blocks", Body=data[::-1])
        with pytest.raises(ReadFailedError, match="another object took its name"):
            read_on(source, given)

    read = b"".join(given)
    assert len(read) < SIZE
    assert data.startswith(read)


def test_the_signature_holds_for_what_is_sent_and_is_made_again_when_it_is_old(
    store: S3, url: str, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "_SIGNED_S", 0.0)
    sent = []
    request = http.client.HTTPConnection.request

    def noted(self: http.client.HTTPConnection, method: str, target: str, *rest: Any, **more: Any) -> None:
        if f":{self.port}" in store.proxy_url and threading.current_thread().name.startswith("aoftool"):
            sent.append((f"http://{self.host}:{self.port}{target}", more["headers"]))
        request(self, method, target, *rest, **more)

    monkeypatch.setattr(http.client.HTTPConnection, "request", noted)

    assert whole(url) == data

    assert len(sent) >= 4
    for place, headers in sent:
        assert headers["Authorization"] == signed_anew(place, headers)
        assert headers["If-Match"]
        assert headers["Range"].startswith("bytes=")


def signed_anew(url: str, headers: dict[str, str]) -> str:
    """Return the signature of a request, made anew of the headers that it says it is of."""
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    names = headers["Authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    lower = {name.lower(): value for name, value in headers.items()}
    again = AWSRequest("GET", url, {name: lower[name] for name in names if name in lower})
    again.context["timestamp"] = lower["x-amz-date"]
    again.context["payload_signing_enabled"] = True
    auth = S3SigV4Auth(Credentials("testing", "testing"), "s3", "us-east-1")
    canonical = auth.canonical_request(again)
    auth._inject_signature_to_request(again, auth.signature(auth.string_to_sign(again, canonical), again))
    return str(again.headers["Authorization"])


def certificate_for(folder: Path, name: str) -> Path:
    """Write a certificate of `localhost` that certifies itself, with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


@pytest.fixture
def over_tls(store: S3, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server before the store that speaks TLS, and what certifies it."""
    certificate = certificate_for(tmp_path, "ours")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _forward(self) -> None:
            link = http.client.HTTPConnection(store.url.partition("//")[2], timeout=60)
            link.request(self.command, self.path, headers=dict(self.headers))
            answer = link.getresponse()
            body = answer.read()
            link.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "server", "date"):
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_HEAD = _forward

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://localhost:{server.server_address[1]}", certificate
    server.shutdown()
    server.server_close()


def test_who_certifies_a_server_is_asked_as_by_the_package(
    over_tls: tuple[str, Path],
    url: str,
    data: bytes,
    by_package: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address, certificate = over_tls
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))

    assert whole(url) == data
    assert max(by_package) < BLOCK

    other = certificate_for(tmp_path, "other")
    question = direct.Question(f"{address}/{BUCKET}/blocks", {})
    assert direct.DirectRanges(lambda: str(other)).get(question, 0, 10, lambda _: True) is None


class Peculiar(BaseHTTPRequestHandler):
    """Answers as its path says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
        start, end = int(first), int(last) + 1
        kind = self.path.strip("/")
        self.send_response(200 if kind == "everything" else 307 if kind == "elsewhere" else 206)
        shift = 1 if kind == "shifted" else 0
        self.send_header("Content-Range", f"bytes {start + shift}-{end - 1 + shift}/1000000")
        length = end - start + (5 if kind == "longer" else -5 if kind == "shorter" else 0)
        if kind == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(bytes(length - (7 if kind == "torn" else 0)))
        # Closed without a word, as a server does with a connection that waits for long.
        self.close_connection = kind in ("torn", "closed")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def peculiar() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Peculiar)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "kind", ["everything", "elsewhere", "shifted", "longer", "shorter", "chunked", "torn"]
)
def test_what_is_not_the_range_is_no_answer(peculiar: str, kind: str) -> None:
    asked = direct.DirectRanges()

    assert asked.get(direct.Question(f"{peculiar}/{kind}", {}), 10, 5010, lambda _: True) is None
    found = asked.get(direct.Question(f"{peculiar}/whole", {}), 10, 5010, lambda _: True)
    assert found is not None
    assert bytes(found) == bytes(5000)


def test_a_connection_that_was_closed_while_it_waited_is_opened_again(peculiar: str) -> None:
    asked = direct.DirectRanges()
    question = direct.Question(f"{peculiar}/closed", {})

    for _ in range(4):
        found = asked.get(question, 0, 3000, lambda _: True)
        assert found is not None
        assert bytes(found) == bytes(3000)


@pytest.mark.parametrize(
    ("variable", "place", "straight"),
    [
        ("", "http://127.0.0.1:9/x", True),
        ("", "http://user:word@127.0.0.1:9/x", False),
        ("http_proxy", "http://10.0.0.1:9/x", False),
        ("https_proxy", "http://10.0.0.1:9/x", True),
    ],
)
def test_proxies_and_passwords_are_left_to_the_package(
    variable: str, place: str, straight: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, "http://127.0.0.1:1")

    assert direct.is_straight(place) is straight


def test_a_large_room_is_used_again_only_when_nobody_looks_at_it() -> None:
    rooms._waiting.clear()
    first = rooms.room_of(rooms.ROOM_BYTES)
    first[:3] = b"abc"
    part = first[1:3]
    del first

    other = rooms.room_of(rooms.ROOM_BYTES)
    other[:3] = b"xyz"

    assert bytes(part) == b"bc"
    del part
    assert len(rooms._waiting) == 1
    assert bytes(rooms.room_of(rooms.ROOM_BYTES)[:3]) == b"abc"
