"""What can be read beside a server that is asked: what its machine says of it, its log and its file.

Only where the process that INFO names is proved to be that server. What cannot be read is left out.
"""

from __future__ import annotations

import os
import re

from aoftool.collecting.host import LocalServer, find_local, host_files, read_for

__all__ = ["read_beside"]


def read_beside(info: bytes, config: dict[str, str], peer_pid: int | None = None) -> dict[str, bytes]:
    """Return texts by the name that a bundle has them under; none where the process is another.

    Args:
        peer_pid: the process at the other end of the connection; None where nobody says.
    """
    pid, uptime = _field(info, b"process_id"), _field(info, b"uptime_in_seconds")
    local = None if pid is None or uptime is None else find_local(pid, uptime, peer_pid)
    if local is None:
        return {}
    place = config.get("dir", "")
    found = dict(host_files(local, place if place.startswith("/") else None))
    found |= _named_files(info, config, local)
    return {name: text.encode("utf-8", "replace") for name, text in found.items() if text}


def _field(info: bytes, name: bytes) -> int | None:
    match = re.search(rb"^" + name + rb":(\d{1,15})\s*$", info, re.MULTILINE)
    return int(match[1]) if match else None


def _named_files(info: bytes, config: dict[str, str], local: LocalServer) -> dict[str, str | None]:
    """Return what the server names, as far as the server itself may read it."""
    found: dict[str, str | None] = {}
    log, place = config.get("logfile", ""), config.get("dir", "")
    if log and place:
        found["server.log"] = read_for(local, os.path.join(place, log), tail=True)
    match = re.search(rb"^config_file:(/[^\r\n]{1,4000})", info, re.MULTILINE)
    if match is not None:
        found["server.conf"] = read_for(local, os.fsdecode(match[1]), tail=False)
    return found
