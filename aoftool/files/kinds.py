"""What files of other kinds begin with: archives, images, databases, captures, dumps.

Tells a kind by bytes that its format fixes, in words for people. Knows nothing of logs: whether a file
may be one all the same is for `aoftool.check.foreign` to say.
"""

from __future__ import annotations

import json
import re

from aoftool.regex import regex

__all__ = ["HEAD_BYTES", "kind_of", "kind_of_text", "weak_kind_of"]

HEAD_BYTES = 64 * 1024
"""Bytes from the start of a file that tell its kind."""

# Where each format has its mark. Source: the formats' own documents; those of four bytes and more are as
# good as sure.
_MARKS: tuple[tuple[int, bytes, str], ...] = (
    (257, b"ustar", "a tar archive"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"PK\x05\x06", "an empty ZIP archive"),
    (0, b"\xfd7zXZ\0", "data compressed with xz"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (0, b"BZh91AY&SY", "data compressed with bzip2"),
    (0, b"\x04\x22\x4d\x18", "data compressed with LZ4"),
    (0, b"\x02\x21\x4c\x18", "data compressed with LZ4"),
    (0, b"\x89LZO\0\r\n\x1a\n", "data compressed with lzop"),
    (0, b"LZIP", "data compressed with lzip"),
    (0, b"\xff\x06\0\0sNaPpY", "data compressed with Snappy"),
    (0, b"!<arch>\n", "a Unix archive"),
    (0, b"070701", "a cpio archive"),
    (0, b"070707", "a cpio archive"),
    (0, b"\xed\xab\xee\xdb", "an RPM package"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"GIF87a", "a GIF image"),
    (0, b"GIF89a", "a GIF image"),
    (0, b"II*\0", "a TIFF image"),
    (0, b"MM\0*", "a TIFF image"),
    (8, b"WEBPVP8", "a WebP image"),
    (8, b"WAVEfmt ", "a WAV recording"),
    (4, b"ftyp", "an MP4 file"),
    (0, b"OggS", "an Ogg file"),
    (0, b"fLaC", "a FLAC recording"),
    (0, b"\x1aE\xdf\xa3", "a Matroska file"),
    (0, b"%PDF-", "a PDF document"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (0, b"\x7fELF", "an ELF program"),
    (0, b"\xcf\xfa\xed\xfe", "a Mach-O program"),
    (0, b"\xce\xfa\xed\xfe", "a Mach-O program"),
    (0, b"\xca\xfe\xba\xbe", "a Java class or a Mach-O program"),
    (0, b"\0asm", "a WebAssembly module"),
    (0, b"\xd4\xc3\xb2\xa1", "a network capture (pcap)"),
    (0, b"\xa1\xb2\xc3\xd4", "a network capture (pcap)"),
    (0, b"\x4d\x3c\xb2\xa1", "a network capture (pcap)"),
    (0, b"\x0a\x0d\x0d\x0a", "a network capture (pcapng)"),
    (0, b"SQLite format 3\0", "an SQLite database"),
    (0, b"\xfebin", "a MySQL binary log"),
    (0, b"PGDMP", "a PostgreSQL dump"),
    (0, b"-- MySQL dump", "a MySQL dump"),
    (0, b"PAR1", "a Parquet file"),
    (0, b"ORC\x0a", "an ORC file"),
    (0, b"Obj\x01", "an Avro file"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"LUKS\xba\xbe", "an encrypted LUKS volume"),
    (0, b"QFI\xfb", "a QCOW disk image"),
    (0, b"KDMV", "a VMDK disk image"),
    (0, b"SIMPLE  =", "a FITS file"),
    (0, b"-----BEGIN ", "a PEM file, such as a key, a certificate or a PGP message"),
    (0, b"age-encryption.org/", "a file encrypted with age"),
    (0, b"Salted__", "a file encrypted with openssl"),
    (0, b"version https://git-lfs.github.com/spec/", "a pointer of Git LFS, and not the file itself"),
    (0, b"regf", "a Windows registry file"),
    (0, b"wOFF", "a font"),
    (0, b"wOF2", "a font"),
)
# Marks short enough to come by chance, and of formats that end in their mark.
_WEAK: tuple[tuple[bytes, str], ...] = (
    (b"BM", "a BMP image"),
    (b"MZ", "a Windows program"),
    (b"BZh", "data compressed with bzip2"),
    (b"ID3", "an MP3 recording"),
    (b"\x1f\x9d", "data compressed with compress"),
    (b"\x85\x02", "a file encrypted with PGP"),
    (b"\x84\x8c", "a file encrypted with PGP"),
    (b"\x85\x01", "a file encrypted with PGP"),
    (b"\x8c\x0d", "a file encrypted with PGP"),
    (b"\x8c\x04", "a file encrypted with PGP"),
    (b"#!", "a script"),
)
_LAST_BYTES: dict[bytes, str] = {
    b"\xf7\xcf\xf4\x85\xb7\x41\xe2\x88": "a table of RocksDB",
    b"\x57\xfb\x80\x8b\x24\x75\x47\xdb": "a table of LevelDB",
}
_CONTROL = bytes(set(range(32)) - {7, 8, 9, 10, 12, 13, 27}) + b"\x7f"
_MONITOR = regex(rb"^[0-9]{9,11}\.[0-9]{1,6} \[[0-9]+ [^\]\n]*\] \"", re.MULTILINE)
_NODES = regex(rb"^[0-9a-f]{40} [^\n]*\b(?:myself|master|slave|replica)\b|^vars currentEpoch ", re.MULTILINE)
_ACL = regex(rb"\Auser \S+ (?:on|off|nopass|~|\+|-|#)")
_DIRECTIVE = regex(
    rb"^(?:port|bind|dir|appendonly|appendfsync|dbfilename|maxmemory|requirepass|save|logfile)[ \t]",
    re.MULTILINE,
)
_SERVER_LOG = regex(rb"^[0-9]+:[CMSX] [0-9]{1,2} [A-Z][a-z]{2} ", re.MULTILINE)
_COMMANDS = regex(
    rb"\A(?:SET|GET|DEL|HSET|LPUSH|RPUSH|SADD|ZADD|INCR|EXPIRE|SELECT|MULTI|FLUSHALL|FLUSHDB|XADD|MSET|APPEND)\b",
    re.IGNORECASE,
)
_MEMCACHED = regex(rb"\A(?:set|add|replace|append|cas) \S{1,250} [0-9]+ [0-9]+ [0-9]+(?: [0-9]+)?\r?\n")


def kind_of(head: bytes) -> str:
    """Return what a file is by marks of four bytes and more; empty when none is there.

    Args:
        head: its first bytes, as many as `HEAD_BYTES` where there are so many.
    """
    for at, mark, words in _MARKS:
        if head.startswith(mark, at):
            return words
    return ""


def weak_kind_of(head: bytes, last: bytes) -> str:
    """Return what a file is by marks that may come by chance; empty when none is there.

    Args:
        last: its last eight bytes; empty when they are not known.
    """
    if last in _LAST_BYTES:
        return _LAST_BYTES[last]
    return next((words for mark, words in _WEAK if head.startswith(mark)), "")


def kind_of_text(head: bytes) -> str:
    """Return what sort of text a file is; empty when it is no text."""
    if not _is_text(head):
        return ""
    body = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    lower = body[:256].lower()
    if not body:
        return "blank text"
    if lower.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if lower.startswith((b"<?xml", b"<error>", b"<svg")):
        return "an XML document"
    if body[:1] in b"{[" and _is_json(body):
        return "JSON"
    for pattern, words in (
        (_MONITOR, "what MONITOR shows, and not a log"),
        (_NODES, "the nodes.conf of a cluster"),
        (_ACL, "a list of ACL users"),
        (_SERVER_LOG, "the messages of a server, and not its append-only file"),
        (_DIRECTIVE, "a configuration file"),
        (_MEMCACHED, "commands of memcached"),
        (_COMMANDS, "commands as plain text"),
    ):
        if pattern.search(body):
            return words
    return "text"


def _is_text(head: bytes) -> bool:
    """Tell whether bytes are UTF-8, but for a character that the end cuts, without control characters."""
    if not head or head.translate(None, _CONTROL) != head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3
    return True


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return re.match(rb"[{\[]\s*(?:[\"{\[\]}0-9tfn-])", body) is not None
    except RecursionError:
        return True
    return True
