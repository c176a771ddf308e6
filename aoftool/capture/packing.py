"""Pack a capture into one compressed archive with a table of what is in it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile

from aoftool.capture.model import Bundle

__all__ = ["MANIFEST", "packed"]

MANIFEST = "manifest.json"
SCHEMA = "aoftool.bundle/1"


def packed(bundle: Bundle, facts: dict[str, object], ended_s: int) -> bytes:
    """Return the archive.

    Args:
        facts: of the server and the capture, for the table.
        ended_s: the time of all files in it, Unix seconds.
    """
    files = {name: text.encode("utf-8", "replace") for name, text in bundle.files.items()}
    table = {
        "schema": SCHEMA,
        **facts,
        "files": [
            {"name": name, "size_bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
            for name, raw in files.items()
        ],
        "missing": bundle.missing,
        "masked": bundle.masked,
    }
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=ended_s) as packer,
        tarfile.open(fileobj=packer, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, raw in {MANIFEST: json.dumps(table, indent=2).encode(), **files}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(raw), ended_s, 0o600
            archive.addfile(entry, io.BytesIO(raw))
    return buffer.getvalue()
