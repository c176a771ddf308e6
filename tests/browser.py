"""A real browser without a network, driven over its own debugging protocol; only tests of pages need one.

One process for all pages of a run. Knows Chromium's command line and a dozen calls of its DevTools protocol.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["WIDTHS", "Browser", "Seen", "find_browser"]

WIDTHS = (1440, 800, 390)
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-port=0",
    # Nothing has an address: what would be loaded is not, whatever the policy of a page says.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=127.0.0.1:9",
)
_WAIT_S = 60.0


def find_browser() -> str | None:
    """Return the program, None where there is none."""
    return next((path for path in map(shutil.which, _NAMES) if path is not None), None)


@dataclass
class Seen:
    """What a browser saw of a page.

    Attributes:
        messages: on its console, errors and refusals of the policy among them.
        requests: addresses that were asked for, beside the page itself.
        overflow: by width, pixels that the page is wider than the window.
    """

    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    overflow: dict[int, int] = field(default_factory=dict)


class Browser:
    """A running browser with one tab; ends with the block."""

    def __init__(self, program: str) -> None:
        import websocket

        self._folder = tempfile.TemporaryDirectory(prefix="aoftool-browser-")
        self._process = subprocess.Popen(
            [program, *_FLAGS, f"--user-data-dir={self._folder.name}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        port, path = self._address()
        self._socket = websocket.create_connection(
            f"ws://127.0.0.1:{port}{path}", timeout=_WAIT_S, suppress_origin=True
        )
        self._number = 0
        self._events: list[dict[str, Any]] = []
        self._session = ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def _address(self) -> tuple[str, str]:
        file, until = Path(self._folder.name) / "DevToolsActivePort", time.monotonic() + _WAIT_S
        while time.monotonic() < until:
            if file.exists() and len(lines := file.read_text().split("\n")) == 2:
                return lines[0], lines[1]
            assert self._process.poll() is None, "the browser ended at once"
            time.sleep(0.05)
        raise AssertionError("the browser does not answer")

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait(_WAIT_S)
        shutil.rmtree(self._folder.name, ignore_errors=True)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Return what a call of the protocol answers; events that come meanwhile are kept."""
        self._number += 1
        body: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            body["sessionId"] = self._session
        self._socket.send(json.dumps(body))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                found: dict[str, Any] = answer["result"]
                return found
            self._events.append(answer)

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def open(self, path: Path) -> Seen:
        """Open a page, look at it at every width, and return what was seen."""
        self._events.clear()
        address = path.resolve().as_uri()
        self.call("Page.navigate", url=address)
        self._until_loaded()
        seen = Seen()
        for width in WIDTHS:
            self.resize(width)
            wide = self.evaluate(
                "[Math.max(document.documentElement.scrollWidth, document.body.scrollWidth), innerWidth]"
            )
            seen.overflow[width] = wide[0] - width
            assert wide[1] == width
        self._sort(seen, address)
        return seen

    def resize(self, width: int, *, dark: bool = False) -> None:
        """Make the window so wide, light or dark."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        scheme = "dark" if dark else "light"
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, into: Path, width: int, *, dark: bool = False, most: int = 20_000) -> None:
        """Write a picture of the whole page."""
        self.resize(width, dark=dark)
        high = min(int(self.evaluate("document.documentElement.scrollHeight")), most)
        clip = {"x": 0, "y": 0, "width": width, "height": high, "scale": 1}
        found = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        into.write_bytes(base64.b64decode(found["data"]))

    def pdf(self) -> bytes:
        """Return the page printed on A4."""
        found = self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        return base64.b64decode(found["data"])

    def _until_loaded(self) -> None:
        until = time.monotonic() + _WAIT_S
        while self.evaluate("document.readyState") != "complete":
            assert time.monotonic() < until, "the page does not load"
            time.sleep(0.01)

    def _sort(self, seen: Seen, address: str) -> None:
        """Take what events tell."""
        self.evaluate("1")
        for event in self._events:
            params = event.get("params", {})
            if event["method"] == "Runtime.exceptionThrown":
                seen.messages.append(str(params["exceptionDetails"]))
            elif event["method"] == "Runtime.consoleAPICalled":
                seen.messages.append(str(params["args"]))
            elif event["method"] == "Log.entryAdded":
                seen.messages.append(str(params["entry"]["text"]))
            elif event["method"] == "Network.requestWillBeSent":
                url = str(params["request"]["url"])
                if url not in (address, "about:blank"):
                    seen.requests.append(url)
        self._events.clear()
