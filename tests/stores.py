"""A store of objects on the loopback interface: moto's S3 server, and a proxy before it that fails as asked.

What goes through the proxy is counted; each fault is made of one answer to a range of an object and then used
up, so a test says how often a store fails.
"""

from __future__ import annotations

import http.client
import logging
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

BUCKET = "backups"
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}


@dataclass
class Faults:
    """What the proxy does to the next answers.

    Attributes:
        pending: one of `latency`, `error`, `reset`, `short`, `denied` for each answer to come.
        before: called before each range is asked for, with the number of those before.
        ranges: how many ranges were asked for.
        largest_bytes: of one answer.
    """

    pending: list[str] = field(default_factory=list)
    before: Callable[[int], None] | None = None
    ranges: int = 0
    largest_bytes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> str:
        with self.lock:
            number, self.ranges = self.ranges, self.ranges + 1
            fault = self.pending.pop(0) if self.pending else ""
        if self.before is not None:
            self.before(number)
        return fault


class S3:
    """A store with one bucket.

    Attributes:
        url: of the server itself.
        proxy_url: of the proxy before it.
        faults: what the proxy does.
        client: of boto3, straight to the server.
    """

    def __init__(self, url: str, proxy_url: str, faults: Faults) -> None:
        import boto3

        self.url, self.proxy_url, self.faults = url, proxy_url, faults
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def put(self, path: Path, key: str, bucket: str = BUCKET) -> str:
        """Make objects of a file, or of all files in a folder; return the URL."""
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                name = f"{key}/{file.relative_to(path).as_posix()}" if path.is_dir() else key
                self.client.put_object(Bucket=bucket, Key=name, Body=file.read_bytes())
        return f"s3://{bucket}/{key}"


def _handler(port: int, faults: Faults) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = faults.next() if self.headers.get("Range") else ""
            if fault == "latency":
                time.sleep(0.2)
            if fault in ("error", "denied"):
                self._answer(503 if fault == "error" else 403, {}, b"")
                return
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            link.request(self.command, self.path, body, dict(self.headers))
            answer = link.getresponse()
            data = answer.read()
            link.close()
            faults.largest_bytes = max(faults.largest_bytes, len(data))
            if fault == "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.close_connection = True
                self.connection.close()
                return
            headers = {k: v for k, v in answer.getheaders() if k.lower() not in _OF_THE_LINK}
            length = answer.getheader("Content-Length") if self.command == "HEAD" else None
            self._answer(answer.status, headers, data, length, cut=fault == "short")

        def _answer(
            self,
            status: int,
            headers: dict[str, str],
            data: bytes,
            length: str | None = None,
            cut: bool = False,
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", length or str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data[: len(data) // 2] if cut else data)
            if cut:
                self.close_connection = True

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _forward

        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            with suppress(ConnectionError, ValueError, OSError):
                super().handle()

    return Handler


_OF_THE_LINK = ("content-length", "connection", "transfer-encoding", "server", "date")


@contextmanager
def running_s3() -> Iterator[S3]:
    """Run a store, and a proxy before it, while the context lasts."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    faults = Faults()
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), _handler(port, faults))
    proxy.daemon_threads = True
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        store = S3(f"http://{host}:{port}", f"http://127.0.0.1:{proxy.server_address[1]}", faults)
        store.client.create_bucket(Bucket=BUCKET)
        yield store
    finally:
        proxy.shutdown()
        proxy.server_close()
        server.stop()
