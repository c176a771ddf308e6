"""What a server is asked, each answer as the text that a capture of it would be.

Least rights that are enough: `ACL SETUSER aoftool on >pw resetkeys -@all +ping +info +config|get
+latency|latest +latency|history +latency|doctor +slowlog|get +memory|stats +memory|doctor`. What a user may
not ask is left out and told.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

from aoftool.captures.latency import EVENT
from aoftool.collecting.talking import Refusal, Talk
from aoftool.dataclass import dataclass, field
from aoftool.errors import RefusedError
from aoftool.regex import regex

__all__ = ["HIDDEN_SETTINGS", "Asked", "ask_server"]

HIDDEN_SETTINGS = ("watchdog-period", "aof-disable-auto-gc", "key-load-delay", "rdb-key-save-delay")
"""Settings that `CONFIG GET *` does not list."""
_SECRET = regex(r"pass|auth|tls-.*key|user", re.IGNORECASE)
_SLOWLOG_ENTRIES = "128"
_LOADING = regex(rb"^loading:1", re.MULTILINE)


@dataclass(slots=True)
class Asked:
    """Answers by the name that a bundle has them under, and what was refused, in words."""

    texts: dict[str, bytes] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def ask_server(talk: Talk, seconds: float, sleep: Callable[[float], None] = time.sleep) -> Asked:
    """Ask everything, INFO once more after some seconds, which gives rates.

    Raises:
        RefusedError: the server loads its data: it is not disturbed.
        InputError: the connection ends.
    """
    asked = Asked()
    _take(talk, asked, "info-before.txt", "INFO", "everything")
    if _LOADING.search(asked.texts.get("info-before.txt", b"")):
        raise RefusedError("the server is loading its data", hint="ask again when it has loaded")
    _config(talk, asked)
    if seconds > 0 and "info-before.txt" in asked.texts:
        sleep(seconds)
    _take(talk, asked, "info.txt", "INFO", "everything")
    # Not part of everything, and empty where a server does not have it.
    _take(talk, asked, "info-debug.txt", "INFO", "debug")
    _latency(talk, asked)
    _take(talk, asked, "slowlog.txt", "SLOWLOG", "GET", _SLOWLOG_ENTRIES)
    _take(talk, asked, "memory-stats.txt", "MEMORY", "STATS")
    asked.texts = {name: raw for name, raw in asked.texts.items() if raw.strip()}
    return asked


def _take(talk: Talk, asked: Asked, name: str, *words: str) -> Any:
    """Ask, and keep the answer under a name; None where it is refused."""
    try:
        reply = talk.ask(*words)
    except Refusal as refusal:
        asked.left_out.append(f"{' '.join(words[:2])} was refused: {str(refusal)[:80]}")
        return None
    asked.texts[name] = _text(reply)
    return reply


def _text(reply: Any) -> bytes:
    """Return text as it is; lists as JSON, which readers take as they take what clients print."""
    return reply if isinstance(reply, bytes) else json.dumps(_plain(reply)).encode()


def _lines(words: list[str]) -> bytes:
    """Return one word a line, so that evidence has its line; as JSON where a word has several lines."""
    if any("\n" in word or "\r" in word for word in words):
        return json.dumps(words).encode()
    return "".join(f"{word}\n" for word in words).encode("utf-8", "replace")


def _plain(reply: Any) -> Any:
    if isinstance(reply, bytes):
        return reply.decode("utf-8", "replace")
    if isinstance(reply, list | tuple):
        return [_plain(item) for item in reply]
    return str(reply) if isinstance(reply, Exception) else reply


def _config(talk: Talk, asked: Asked) -> None:
    """Ask for all settings and the hidden ones; secrets are dropped where they arrive."""
    pairs = []
    for pattern in ("*", *HIDDEN_SETTINGS):
        try:
            reply = _plain(talk.ask("CONFIG", "GET", pattern))
        except Refusal as refusal:
            asked.left_out.append(f"CONFIG GET was refused: {str(refusal)[:80]}")
            return
        flat = [str(item) for item in reply] if isinstance(reply, list) else []
        pairs += [pair for pair in zip(flat[::2], flat[1::2], strict=False) if not _SECRET.search(pair[0])]
    asked.texts["config.txt"] = _lines([word for pair in pairs for word in pair])


def _latency(talk: Talk, asked: Asked) -> None:
    rows = _take(talk, asked, "latency-latest.txt", "LATENCY", "LATEST")
    names = [_plain(row[0]) for row in rows or () if isinstance(row, list) and row]
    for name in names:
        if isinstance(name, str) and EVENT.fullmatch(name):
            _take(talk, asked, f"latency-history/{name}.txt", "LATENCY", "HISTORY", name)
    _take(talk, asked, "latency-doctor.txt", "LATENCY", "DOCTOR")
