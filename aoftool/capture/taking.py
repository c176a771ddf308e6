"""Take a capture: ask the server and its machine, and write the bundle that only its owner may read."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from aoftool import __version__
from aoftool.capture.model import Captured
from aoftool.errors import InputError

if TYPE_CHECKING:
    from aoftool.collecting.address import Address
    from aoftool.collecting.talking import Talk

__all__ = ["take_capture", "wait_for_event"]


def wait_for_event(connection: Talk, least_ms: int, seconds: int) -> str:
    """Return the event of a server's latency that came, empty for none in time.

    Raises:
        InputError: the server does not tell its latency.
    """
    from aoftool.capture.collecting import wait_for
    from aoftool.collecting.talking import Refusal

    try:
        return wait_for(connection, least_ms, seconds) or ""
    except Refusal as error:
        raise InputError(f"the server does not tell its latency: {error}") from None


def take_capture(
    connection: Talk,
    address: Address,
    path: str,
    *,
    seconds: int,
    traced_s: int = 0,
    everything: bool = True,
    event: str | None = None,
    force: bool = False,
) -> Captured:
    """Take everything and write the bundle.

    Args:
        seconds: between the first INFO and the last.
        traced_s: how long strace looks at the server.
        everything: mask arguments, addresses and names too, and not only passwords.
        event: what was waited for.
        force: replace an existing file.

    Raises:
        OutputExistsError, SinkError: as `aoftool.files.sink.AtomicFile` says.
        RefusedError, SourceError: as `aoftool.capture.collecting.collect` says.
    """
    from aoftool.capture.collecting import collect, server_words
    from aoftool.capture.masking import Masker
    from aoftool.capture.packing import packed
    from aoftool.files.access import PRIVATE
    from aoftool.files.sink import AtomicFile

    masker = Masker(everything=everything, host=os.uname().nodename)
    masker.learn([address.password])
    began = time.time()
    with AtomicFile(path, force=force, access=PRIVATE) as file:
        bundle = collect(connection, masker, float(seconds), float(traced_s))
        name = server_words(bundle.files["info.txt"])
        facts = {
            "tool": f"aoftool {__version__}",
            "server": name,
            "started_s": int(began),
            "ended_s": int(time.time()),
            "seconds": seconds,
            "traced_s": traced_s,
            "event": event,
            "redact": "all" if everything else "passwords",
        }
        file.write(packed(bundle, facts, int(time.time())))
        file.commit()
        size = file.size_bytes
    return Captured(
        path,
        address.shown,
        name,
        size,
        time.time() - began,
        tuple((name, len(text.encode("utf-8", "replace"))) for name, text in bundle.files.items()),
        tuple(bundle.missing.items()),
        tuple(sorted((kind, count) for kind, count in bundle.masked.items() if count)),
        event,
    )
