"""All that a running server says, and what lies beside it where it is on this machine, as captured texts."""

from __future__ import annotations

from aoftool.captures.bundle import Texts
from aoftool.captures.config import read_config
from aoftool.captures.lines import text_of
from aoftool.collecting.address import parse_address
from aoftool.collecting.beside import read_beside

__all__ = ["ask_into"]


def ask_into(texts: Texts, server: str, seconds: float, password: str) -> None:
    """Ask a running server, read-only, and add what it says.

    Args:
        server: its address, as a user types it.
        seconds: how far apart INFO is asked twice.

    Raises:
        UsageError: it is no address.
        SourceError: nobody answers there.
    """
    from aoftool.collecting.questions import ask_server
    from aoftool.collecting.talking import Talk

    address = parse_address(server, password=password)
    with Talk(address) as talk:
        asked = ask_server(talk, seconds)
        peer_pid = talk.peer_pid
    found = asked.texts
    if address.is_local:
        config = read_config(text_of("config.txt", found.get("config.txt", b"")))
        settings = {name: row.value for name, row in config.items()}
        found |= read_beside(found.get("info.txt", b""), settings, peer_pid)
    for name, raw in found.items():
        texts.add(name, raw, False)
    texts.left_out += asked.left_out
