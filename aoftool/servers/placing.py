"""Copy a log into a folder of a server's own, where that server looks for it."""

from __future__ import annotations

import os
from pathlib import Path

from aoftool.aof.manifest import FileType, ManifestEntry, encode_manifest
from aoftool.aof.model import FileRole, Log, LogKind
from aoftool.errors import UnsupportedError
from aoftool.files.inplace import copy_file
from aoftool.servers.finding import FoundServer

__all__ = ["place_log"]

_NAME = "appendonly.aof"


def place_log(log: Log, folder: Path, server: FoundServer, *, keep_manifest: bool) -> dict[str, int]:
    """Copy a log; return the sizes of its data files by their names relative to the folder.

    Args:
        keep_manifest: the manifest is the log's own, for it is looked at too; else one of ours.

    Raises:
        UnsupportedError: several files for a server that reads one, which `choose_server` does not choose.
    """
    if not server.reads_sets:
        return _place_single(log, folder, server)
    inner = folder / "appendonlydir"
    inner.mkdir()
    own = keep_manifest and log.kind is LogKind.MULTI_PART and log.manifest_path is not None
    entries, sizes = [], {}
    for number, file in enumerate(log.files, 1):
        kind = FileType.INCR if number > 1 or file.role is FileRole.INCR else FileType.BASE
        name = os.path.basename(file.path) if own else f"part.{number}.aof"
        copy_file(file.path, str(inner / name))
        sizes[f"appendonlydir/{name}"] = (inner / name).stat().st_size
        entries.append(ManifestEntry(os.fsencode(name), number, kind))
    manifest = inner / f"{_NAME}.manifest"
    if own and log.manifest_path is not None:
        copy_file(log.manifest_path, str(manifest))
    else:
        manifest.write_bytes(encode_manifest(entries))
    return sizes


def _place_single(log: Log, folder: Path, server: FoundServer) -> dict[str, int]:
    if len(log.files) != 1:
        raise UnsupportedError(f"{server.name} reads no log of several files")
    copy_file(log.files[0].path, str(folder / _NAME))
    return {_NAME: (folder / _NAME).stat().st_size}
