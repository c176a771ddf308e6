"""Bytes in and bytes out: sources that survive what happens to them, sinks that lose nothing."""

from aoftool.files.changes import ChangeKind, SourceChange
from aoftool.files.source import Source, open_source, open_stream

__all__ = ["ChangeKind", "Source", "SourceChange", "open_source", "open_stream"]
