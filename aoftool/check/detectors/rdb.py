"""Findings about the RDB part of a file."""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.check.database_range import faults_with
from aoftool.check.exam_model import FileExam, RdbExam, RdbFault
from aoftool.check.loaders.rdb_faults import code_of_fault, fault_severity, stops_a_server
from aoftool.check.model import Finding, Remedy
from aoftool.check.payloads.module_data import modules_in
from aoftool.check.rdb.salvage_model import LeftOut
from aoftool.databases import DEFAULT_DATABASES
from aoftool.errors import SourceError
from aoftool.escape import excerpt
from aoftool.files.packed.compression import is_envelope
from aoftool.files.source import open_source
from aoftool.rdb.header import HEADER_BYTES
from aoftool.rdb.walk.checksum import ChecksumState
from aoftool.units import counted

__all__ = ["find_in_rdb"]

_TWICE = "duplicate-key"
_SELECT = b"*2\r\n$6\r\nSELECT\r\n"
_BASE_BACK = Remedy("put the file back", text="from a backup; nothing of it can be read", by_hand=True)
_UNLIST = Remedy(
    "unlist the file",
    "--salvage",
    loses_commands=None,
    text="go on without it: what it held is lost, the files behind it are kept",
)


def find_in_rdb(
    exam: FileExam, databases: int = DEFAULT_DATABASES, *, dispensable: bool = False
) -> Iterator[Finding]:
    """Yield findings for a file's RDB part.

    Args:
        databases: the `databases` setting of the servers that may load it.
        dispensable: it is a base of which nothing is left, and other files of its set hold commands.
    """
    rdb = exam.rdb
    if rdb is None:
        return
    yield from _faults(exam, databases)
    yield from modules_in(rdb.readable, exam.path)
    if is_envelope(exam.compression):
        message = (
            f"the RDB part is compressed whole ({exam.compression}): Valkey reads it from 9.2 on, Redis never"
        )
        yield Finding.of("rdb-compressed", exam.path, message)
    if rdb.unknown is not None:
        yield Finding.of(
            "rdb-unknown",
            exam.path,
            f"the RDB part holds {rdb.unknown.message}",
            rdb.unknown.offset,
            rdb.end,
            remedies=(Remedy("keep it", text="nothing takes it out"),),
        )
        return
    if rdb.sound:
        yield from _without_checksum(exam)
        return
    # What stands behind the last whole key is damaged somewhere; the walk may notice only later.
    # It may also have passed the end of the part, and taken commands for records.
    lost_its_way = rdb.walk.end_offset is not None or rdb.walk.good_end >= rdb.end
    at = 0 if lost_its_way else rdb.walk.good_end
    if rdb.patches:
        patch = rdb.patches[0]
        size = patch.end - patch.start
        if size:
            text = f"{counted(size, 'byte')} at offset {patch.start:,}; the checksum proves it"
            remedies: tuple[Remedy, ...] = (Remedy("put the damaged bytes right", "", text=text),)
        else:
            text = f"{excerpt(patch.data)}; the checksum proves it"
            remedies = (Remedy("put back what is missing in front of it", "", text=text),)
        at = patch.start if patch.start >= HEADER_BYTES else 0
    elif rdb.salvage is not None and rdb.salvage.spans:
        lost = sum(part.end - part.start for part in rdb.salvage.left_out)
        text = f"keep {counted(rdb.salvage.keys, 'whole key')}"
        if _may_set_aside(exam):
            text += (
                "; commands behind them, up to the first SELECT, may go as well: their database is in doubt"
            )
        remedies = (Remedy("keep the whole keys", "--salvage", lost, None, text),)
    elif dispensable:
        remedies = (_BASE_BACK, _UNLIST)
    else:
        remedies = ()
    yield Finding.of(
        code=rdb.code,
        path=exam.path,
        message=f"the RDB part is damaged: {rdb.text}",
        start=at,
        end=rdb.end,
        remedies=remedies,
    )


def _may_set_aside(exam: FileExam) -> bool:
    """Tell whether commands follow that do not begin with a SELECT, which may have gone with the part."""
    if exam.tail is None or not exam.commands:
        return False
    try:
        with open_source(exam.plain_path or exam.path) as source:
            begins = source.read_at(exam.tail.start, len(_SELECT)) if source.seekable else _SELECT
    except SourceError:
        return False  # it went away since
    return begins.upper() != _SELECT and not begins.startswith(b"#TS:")


def _without_checksum(exam: FileExam) -> Iterator[Finding]:
    assert exam.rdb is not None
    state = exam.rdb.walk.checksum.state
    if state is ChecksumState.DISABLED:
        message = "the RDB part was written without a checksum: damage to its values cannot be seen"
        yield Finding.of("rdb-no-checksum", exam.path, message, 0, exam.rdb.end)


def _faults(exam: FileExam, databases: int) -> Iterator[Finding]:
    """Yield what is wrong although the structure of the part holds."""
    rdb = exam.rdb
    assert rdb is not None
    doubles = iter(
        [] if rdb.salvage is None else [part for part in rdb.salvage.left_out if part.code == _TWICE]
    )
    for fault in faults_with(rdb, databases):
        if not rdb.sound and fault.offset >= rdb.end and fault.code != "trailing-bytes":
            # A loader that passes the damaged end meets it in commands, which are none of the part.
            continue
        code = code_of_fault(fault.code)
        severity = fault_severity(fault.code, fault.type_id)
        end = exam.size_bytes if fault.code == "trailing-bytes" else None
        remedies: tuple[Remedy, ...] = ()
        if rdb.sound and stops_a_server(fault.code, fault.act, fault.type_id):
            # The record that goes for the sake of a key that comes twice stands before the one found.
            remedies = _written_anew(rdb, fault, next(doubles, None) if code == _TWICE else None)
        yield Finding(code, severity, exam.path, fault.message, fault.offset, end, remedies=remedies)


def _written_anew(rdb: RdbExam, fault: RdbFault, gone: LeftOut | None) -> tuple[Remedy, ...]:
    """Return what writing a part anew does about a fault in it; nothing where the fault would stay."""
    salvage = rdb.salvage
    if salvage is None:
        return ()
    if gone is None:
        gone = next((part for part in salvage.left_out if part.start <= fault.offset < part.end), None)
    if gone is None:
        if salvage.stays_rdb(dump=rdb.dump):
            return ()
        return (Remedy("write its values anew", "--salvage", 0, None, "as commands; each element once"),)
    size = gone.end - gone.start
    return (Remedy("leave the record out", "--salvage", size, 0, gone.reason),)
