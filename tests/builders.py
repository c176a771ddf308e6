"""Build logs, manifests and RDB parts in code, byte by byte.

Knows the wire forms only well enough to write them; it shares no code with the package, so that a mistake
there cannot hide here. Refuses to read anything back.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

Word = bytes | str | int | float

EOF_OPCODE = b"\xff"
SELECTDB_OPCODE = b"\xfe"
RESIZEDB_OPCODE = b"\xfb"
EXPIRE_MS_OPCODE = b"\xfc"
AUX_OPCODE = b"\xfa"

# CRC-64/REDIS, reflected form of the polynomial 0xad93d23594c935a9 ("Jones"); Valkey uses the same.
_CRC64_POLYNOMIAL = 0x95AC9329AC4BC9B5


def to_bytes(word: Word) -> bytes:
    """Turn an argument into the bytes that a client would send."""
    return word if isinstance(word, bytes) else str(word).encode()


def command(*argv: Word) -> bytes:
    """Return one command in canonical RESP: `*argc`, then `$length` and payload for each argument."""
    words = [to_bytes(word) for word in argv]
    body = b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
    return b"*%d\r\n%b" % (len(words), body)


def log(*commands: Iterable[Word] | bytes) -> bytes:
    """Join commands given as argument sequences or as ready bytes."""
    return b"".join(entry if isinstance(entry, bytes) else command(*entry) for entry in commands)


def select(db: int) -> bytes:
    """Return the SELECT that a server writes before commands of another database."""
    return command("SELECT", db)


def transaction(*commands: Iterable[Word] | bytes) -> bytes:
    """Return commands between MULTI and EXEC."""
    return command("MULTI") + log(*commands) + command("EXEC")


def annotation(text: Word) -> bytes:
    """Return an annotation line, `#` to CRLF."""
    return b"#" + to_bytes(text) + b"\r\n"


def timestamp(unix_s: int) -> bytes:
    """Return the annotation that aof-timestamp-enabled writes."""
    return annotation(f"TS:{unix_s}")


def manifest_line(name: str, sequence: int, kind: str, **extra: int) -> str:
    """Return one line of a manifest; `kind` is b, i or h, `extra` such as `startoffset=0` follows."""
    quoted = f'"{name}"' if " " in name else name
    rest = "".join(f" {key} {value}" for key, value in extra.items())
    return f"file {quoted} seq {sequence} type {kind}{rest}\n"


def write_multi_part(
    directory: Path,
    *,
    base: bytes | None,
    incrs: Iterable[bytes] = (),
    base_is_rdb: bool = False,
    name: str = "appendonly.aof",
    sequence: int = 1,
) -> Path:
    """Write a healthy multi-part log into a directory and return the path of its manifest."""
    directory.mkdir(parents=True, exist_ok=True)
    lines = []
    if base is not None:
        base_name = f"{name}.{sequence}.base.{'rdb' if base_is_rdb else 'aof'}"
        (directory / base_name).write_bytes(base)
        lines.append(manifest_line(base_name, sequence, "b"))
    for number, content in enumerate(incrs, start=sequence):
        incr_name = f"{name}.{number}.incr.aof"
        (directory / incr_name).write_bytes(content)
        lines.append(manifest_line(incr_name, number, "i"))
    path = directory / f"{name}.manifest"
    path.write_text("".join(lines), "ascii")
    return path


def crc64(content: bytes, crc: int = 0) -> int:
    """Return the checksum that ends an RDB, by the bit-wise definition; for small inputs."""
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_CRC64_POLYNOMIAL if crc & 1 else 0)
    return crc


def rdb_length(length: int) -> bytes:
    """Return an RDB length in its shortest form."""
    if length < 1 << 6:
        return bytes([length])
    if length < 1 << 14:
        return struct.pack(">H", 0x4000 | length)
    if length < 1 << 32:
        return b"\x80" + struct.pack(">I", length)
    return b"\x81" + struct.pack(">Q", length)


def rdb_string(word: Word) -> bytes:
    """Return an RDB string in plain form: length and bytes."""
    content = to_bytes(word)
    return rdb_length(len(content)) + content


def rdb_integer(number: int) -> bytes:
    """Return an RDB string stored as a signed integer of 1, 2 or 4 bytes."""
    for marker, form in ((b"\xc0", "<b"), (b"\xc1", "<h"), (b"\xc2", "<i")):
        width = struct.calcsize(form) * 8
        if -(1 << (width - 1)) <= number < 1 << (width - 1):
            return marker + struct.pack(form, number)
    raise ValueError(f"{number} needs more than 32 bits and is stored as text")


def rdb_record(type_id: int, key: Word, value: bytes, *, expire_at_ms: int | None = None) -> bytes:
    """Return one key with its value already encoded, the expire time before it when given."""
    prefix = b"" if expire_at_ms is None else EXPIRE_MS_OPCODE + struct.pack("<q", expire_at_ms)
    return prefix + bytes([type_id]) + rdb_string(key) + value


def rdb_database(db: int, *records: bytes, keys: int | None = None, expires: int = 0) -> bytes:
    """Return the records of one database after its SELECTDB and RESIZEDB."""
    count = len(records) if keys is None else keys
    sizes = RESIZEDB_OPCODE + rdb_length(count) + rdb_length(expires)
    return SELECTDB_OPCODE + rdb_length(db) + sizes + b"".join(records)


def rdb(
    *parts: bytes,
    magic: bytes = b"REDIS0011",
    aux: Mapping[str, Word] | None = None,
    checksum: int | None = None,
) -> bytes:
    """Return a whole RDB: magic, AUX fields, parts, EOF and checksum.

    Args:
        parts: what `rdb_database` and others returned, in order.
        magic: nine bytes, `REDIS` and four digits or `VALKEY` and three.
        aux: AUX fields in order.
        checksum: stored in place of the right one; 0 says that checksums are off.
    """
    fields = (aux or {}).items()
    content = magic + b"".join(AUX_OPCODE + rdb_string(key) + rdb_string(value) for key, value in fields)
    content += b"".join(parts) + EOF_OPCODE
    return content + struct.pack("<Q", crc64(content) if checksum is None else checksum)


def _base_of(generation: int) -> bytes:
    records = [rdb_record(0, f"base:{n}", rdb_string(f"{generation}")) for n in range(20)]
    return rdb(rdb_database(0, *records))


def put_generation(folder: Path, number: int) -> None:
    """Do what a server does at the end of a rewrite; 20 keys in the base, `same` set behind them."""
    names = [f"appendonly.aof.{number}.{kind}" for kind in ("base.rdb", "incr.aof")]
    (folder / names[0]).write_bytes(_base_of(number))
    (folder / names[1]).write_bytes(log(select(0), *([("SET", "same", number)] * (number + 1))))
    lines = manifest_line(names[0], number, "b") + manifest_line(names[1], number, "i")
    fresh = folder / "temp-appendonly.aof.manifest"
    fresh.write_text(lines)
    fresh.rename(folder / "appendonly.aof.manifest")
    for old in folder.glob(f"appendonly.aof.{number - 1}.*"):
        old.unlink()
