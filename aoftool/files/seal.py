"""The seal of a copy: which files it has, where each ends, and the SHA-256 of its bytes.

A file `aoftool-seal.json` beside the files of a log, which servers ignore. It has a digest of its own
members, so that a seal that was damaged is told from a copy that was. Knows the format, and compares nothing.
"""

from __future__ import annotations

import json
import os
import stat
from typing import Any

from aoftool.dataclass import dataclass
from aoftool.errors import FormatError
from aoftool.escape import printable, unprintable
from aoftool.files.failures import reading

__all__ = ["SEAL_NAME", "Seal", "SealedFile", "encode_seal", "read_seal"]

SEAL_NAME = "aoftool-seal.json"
"""The name of a seal in the folder of the files that it seals."""

_SCHEMA = "aoftool.seal/1"
_READ_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class SealedFile:
    """One file of a sealed copy.

    Attributes:
        name: in the folder.
        size_bytes: where it ends; of the last file of a log in use, the offset of the moment of the copy.
        sha256: of its bytes, in hex.
    """

    name: bytes
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Seal:
    """What a seal says.

    Attributes:
        made: when, in UTC.
        by: version of aoftool.
        generation: which state of the log it is, in words; empty for a single file.
        files: the manifest among them.
    """

    made: str
    by: str
    generation: str
    files: tuple[SealedFile, ...]


def encode_seal(seal: Seal) -> bytes:
    """Return the bytes of a seal."""
    members: dict[str, Any] = {
        "schema": _SCHEMA,
        "made": seal.made,
        "aoftool": seal.by,
        "generation": seal.generation,
        "files": [
            {"name": printable(file.name), "end_offset": file.size_bytes, "sha256": file.sha256}
            for file in seal.files
        ],
    }
    return json.dumps({**members, "seal_sha256": _digest(members)}, indent=2).encode() + b"\n"


def read_seal(directory: str) -> Seal | None:
    """Return the seal in a folder, None where there is none.

    Raises:
        FormatError: it was changed, or is none.
        ReadFailedError: it cannot be read.
    """
    path = os.path.join(directory, SEAL_NAME)
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return None
    except OSError:
        return None
    with reading(path), open(path, "rb") as file:
        raw = file.read(_READ_BYTES)
    try:
        members = json.loads(raw)
        digest = members.pop("seal_sha256")
        right = members["schema"] == _SCHEMA and digest == _digest(members)
        files = tuple(_file(row) for row in members["files"])
        seal = Seal(str(members["made"]), str(members["aoftool"]), str(members["generation"]), files)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError("this is no seal", path=path, hint="take another copy") from error
    if not right:
        raise FormatError("the seal itself was changed", path=path, hint="take another copy")
    return seal


def _file(row: dict[str, Any]) -> SealedFile:
    name = unprintable(row["name"])
    if b"/" in name or name in (b"", b".", b".."):
        raise ValueError("a name that is a path")
    return SealedFile(name, int(row["end_offset"]), str(row["sha256"]))


def _digest(members: dict[str, Any]) -> str:
    """Return the digest of members as JSON, sorted, without blanks."""
    # Imported here: whoever only asks whether there is a seal does not pay for it.
    import hashlib

    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
