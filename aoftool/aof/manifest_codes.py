"""What can be wrong with a manifest, and the words in which servers refuse it.

Data only. Source: Valkey 8.0 src/aof.c aofLoadManifestFromFile; measured on 7.0.15, 8.0.6, 8.1.1, 9.1.2.
"""

from __future__ import annotations

from enum import Enum

__all__ = ["LINE_UNREAD", "SERVER_TEXT", "ManifestCode"]


class ManifestCode(str, Enum):
    """Name what is wrong with a manifest; the values are stable and appear in JSON."""

    EMPTY = "manifest-empty"
    NO_FINAL_NEWLINE = "manifest-no-final-newline"
    LINE_TOO_LONG = "manifest-line-too-long"
    NUL_BYTE = "manifest-nul-byte"
    BLANK_LINE = "manifest-blank-line"
    UNBALANCED_QUOTES = "manifest-unbalanced-quotes"
    ODD_FIELDS = "manifest-odd-fields"
    TOO_FEW_FIELDS = "manifest-too-few-fields"
    MISSING_FIELD = "manifest-missing-field"
    NAME_IS_PATH = "manifest-name-is-path"
    BAD_TYPE = "manifest-bad-type"
    DUPLICATE_BASE = "manifest-duplicate-base"
    SEQUENCE_ORDER = "manifest-sequence-order"


_FORMAT = "Invalid AOF manifest file format"
_TOO_LONG = "The AOF manifest file contains too long line"
SERVER_TEXT = {
    ManifestCode.EMPTY: "Found an empty AOF manifest",
    ManifestCode.NO_FINAL_NEWLINE: _TOO_LONG,
    ManifestCode.LINE_TOO_LONG: _TOO_LONG,
    ManifestCode.NUL_BYTE: _TOO_LONG,
    ManifestCode.BLANK_LINE: _FORMAT,
    ManifestCode.UNBALANCED_QUOTES: _FORMAT,
    ManifestCode.ODD_FIELDS: _FORMAT,
    ManifestCode.TOO_FEW_FIELDS: _FORMAT,
    ManifestCode.MISSING_FIELD: _FORMAT,
    ManifestCode.NAME_IS_PATH: "File can't be a path, just a filename",
    ManifestCode.BAD_TYPE: "Unknown AOF file type",
    ManifestCode.DUPLICATE_BASE: "Found duplicate base file information",
    ManifestCode.SEQUENCE_ORDER: "Found a non-monotonic sequence number",
}
# The server has decoded no line yet when it meets these, so it shows none.
LINE_UNREAD = {
    ManifestCode.EMPTY,
    ManifestCode.NO_FINAL_NEWLINE,
    ManifestCode.LINE_TOO_LONG,
    ManifestCode.NUL_BYTE,
}
