"""Take one canonical command apart, given its bytes. For rows whose place is known already.

Knows the one form every server writes; departures that loaders let pass are the scanner's business
(`aoftool.resp`).
"""

from __future__ import annotations

from aoftool.regex import regex

__all__ = ["NotCanonical", "split_command"]

_COUNT = regex(rb"\*([1-9][0-9]{0,17})\r\n")
_LENGTH = regex(rb"\$(0|[1-9][0-9]{0,17})\r\n")
# A header that may still become canonical when more bytes come.
_OPEN_HEADER = regex(rb"[*$](?:0|[1-9][0-9]{0,17})?\r?\Z")


class NotCanonical(ValueError):
    """Say that the bytes are no canonical command."""


def split_command(data: bytes | bytearray | memoryview, at: int = 0) -> tuple[list[bytes], int] | None:
    """Return the arguments of the command at an index of the data, and the index behind it.

    Returns:
        None when the data ends inside the command.

    Raises:
        NotCanonical: what stands there is not written the canonical way.
    """
    header = _COUNT.match(data, at)
    if header is None:
        _need_open_header(data, at)
        return None
    argv: list[bytes] = []
    at = header.end()
    for _ in range(int(header[1])):
        header = _LENGTH.match(data, at)
        if header is None:
            _need_open_header(data, at)
            return None
        start = header.end()
        at = start + int(header[1]) + 2
        if at > len(data):
            return None
        if bytes(data[at - 2 : at]) != b"\r\n":
            raise NotCanonical
        argv.append(bytes(data[start : at - 2]))
    return argv, at


def _need_open_header(data: bytes | bytearray | memoryview, at: int) -> None:
    rest = bytes(data[at : at + 24])
    if rest and not _OPEN_HEADER.match(rest):
        raise NotCanonical
