"""Find the writer of a log from its files, reading no more of them than is needed."""

from __future__ import annotations

from aoftool.aof.log import open_log_file, open_part
from aoftool.aof.model import Log, LogFile, LogKind
from aoftool.aof.survey import Survey
from aoftool.progress import Progress, no_progress
from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.decode.strings import read_string
from aoftool.rdb.header import HEADER_BYTES, RdbHeader, is_rdb, parse_header
from aoftool.rdb.opcodes import AUX
from aoftool.replay.evidence import BaseVersion, Evidence, base_version, gather, gather_all
from aoftool.replay.writer import find_writer
from aoftool.replay.writer_model import Writer

__all__ = ["fields_of_base", "leading_fields", "writer_of_log", "writer_of_survey"]

_HEAD_BYTES = 64 << 10


def writer_of_log(
    log: Log, given: str | None = None, *, workers: int = 1, progress: Progress = no_progress
) -> Writer:
    """Return who wrote a log: by its RDB part, else by all of its commands.

    Files that can be read only once, or not at all, say nothing.

    Raises:
        UsageError: no release has the name that was given.
    """
    head = _head_of_base(log)
    aux = leading_fields(head)
    evidence = Evidence(multi_part=log.kind is LogKind.MULTI_PART, base=_version_of(head))
    writer = find_writer(aux, evidence, given)
    is_named = writer.version and not writer.is_build
    if given is not None or (is_named and evidence.explained_by(writer.release)):
        return writer
    for file in log.files:
        if file.exists and log.kind is not LogKind.STDIN:
            _add(evidence, file, workers, progress)
    return find_writer(aux, evidence, given)


def fields_of_base(log: Log) -> dict[bytes, bytes]:
    """Return the AUX fields at the start of a log, also of a base that is damaged behind them.

    Standard input, and what cannot be opened, has none.
    """
    return leading_fields(_head_of_base(log))


def writer_of_survey(survey: Survey) -> Writer:
    """Return who wrote a log as far as the names of its commands tell, which a survey of it has counted."""
    seen = Evidence(multi_part=survey.log.kind is LogKind.MULTI_PART)
    for tail in (item.tail for item in survey.files if item.tail is not None):
        seen.multi_part = seen.multi_part or tail.annotations.timestamps > 0
        for key in tail.rows:
            seen.add_name(key.name, key.subcommand)
    walk = next((item.walk for item in survey.files if item.walk is not None), None)
    seen.base = base_version(walk)
    return find_writer({} if walk is None else walk.aux, seen)


def leading_fields(head: bytes) -> dict[bytes, bytes]:
    """Return the AUX fields that stand at the start of an RDB part.

    Args:
        head: the first bytes of the part, its header included; may end anywhere.
    """
    found: dict[bytes, bytes] = {}
    at = HEADER_BYTES
    try:
        while head[at : at + 1] == bytes([AUX]):
            name, at = read_string(head, at + 1)
            found[name], at = read_string(head, at)
    except (EncodingDamage, IndexError):
        pass
    return found


def _head_of_base(log: Log) -> bytes:
    """Return the beginning of the RDB part; empty where there is none, or where it can be read only once."""
    first = next((file for file in log.files if file.exists), None)
    if first is None or first.path == "-":
        return b""
    with open_log_file(first) as source:
        return source.peek(_HEAD_BYTES) if is_rdb(source.peek(HEADER_BYTES)) else b""


def _version_of(head: bytes) -> BaseVersion | None:
    header = parse_header(head[:HEADER_BYTES])
    return (header.family, header.version) if isinstance(header, RdbHeader) else None


def _add(evidence: Evidence, file: LogFile, workers: int, progress: Progress) -> None:
    with open_log_file(file) as source:
        # A stream would be gone for whoever reads it next.
        if not source.seekable and (source.compression is None or source.stored_size_bytes is None):
            return
        part = open_part(file, source)
        # A damaged RDB part hides where they begin.
        if part.tail_start is None:
            return
        if source.seekable:
            gather(source, part.tail_start, evidence, workers=workers, progress=progress)
        else:
            gather_all(part.commands(), evidence)
