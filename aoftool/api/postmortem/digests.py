"""The SHA-256 of whole files on a disk or in a store, up to the size that they had when they were opened."""

from __future__ import annotations

import hashlib

from aoftool.aof.model import Log
from aoftool.api.postmortem.model import Digest
from aoftool.errors import AoftoolError, ReadFailedError
from aoftool.escape import shown_base
from aoftool.files.carrier import RangedCarrier, open_file_carrier
from aoftool.files.failures import read_failed
from aoftool.files.held import held_file
from aoftool.files.remote.names import is_remote

__all__ = ["digests_of", "sha256_of"]

_CHUNK = 1 << 20


def digests_of(log: Log, most: int) -> list[Digest]:
    """Return the digests of the first `most` files of a log, its manifest among them.

    A file that nobody may read is left out: the check tells of it.

    Raises:
        ReadFailedError: the system gives an error instead of bytes.
    """
    paths = [*([log.manifest_path] if log.manifest_path else []), *(f.path for f in log.files if f.exists)]
    found = []
    for path in paths[:most]:
        try:
            size, digest = sha256_of(path)
        except ReadFailedError:
            raise
        except AoftoolError:
            continue
        found.append(Digest(shown_base(path), size, digest))
    return found


def sha256_of(path: str) -> tuple[int, str]:
    """Return how many bytes a file has, and their SHA-256 in hexadecimal digits; memory is constant.

    Of a file that is held it is that file, whatever has its name by now. Hashing lets other threads run.

    Raises:
        ReadFailedError: the system gives an error instead of bytes.
        SourceError: the file is missing, or may not be read.
    """
    carrier = _opened(path)
    try:
        return carrier.size_bytes, _digest(carrier)
    except OSError as error:
        raise read_failed(error, path, carrier.offset) from error
    finally:
        carrier.close()


def _opened(path: str) -> RangedCarrier:
    if is_remote(path):
        # Here, because most logs are files, and what knows stores takes long to load.
        from aoftool.files.remote.carrier import open_object_carrier

        return open_object_carrier(path)
    held = held_file(path)
    return open_file_carrier(path)[0] if held is None else held.carrier()


def _digest(carrier: RangedCarrier) -> str:
    digest = hashlib.sha256()
    with memoryview(bytearray(_CHUNK)) as buffer:
        while count := carrier.read_into(buffer):
            digest.update(buffer[:count])
    return digest.hexdigest()
