"""A log written as files of tables, in a new directory."""

from __future__ import annotations

import os
from collections.abc import Iterable

from aoftool.aof.model import Log, LogKind
from aoftool.api.tabling import LogTables, table_of
from aoftool.errors import InputError, MissingExtraError, ReadFailedError, UsageError
from aoftool.files.access import Access, access_of, narrowest_access
from aoftool.files.folder import Folder
from aoftool.files.new_directory import new_directory
from aoftool.files.remote.names import is_remote
from aoftool.files.sink import AtomicFile
from aoftool.files.threads.passing import PassingFile
from aoftool.tables.export_model import Exported, ExportedTable, LeftOut
from aoftool.tables.files import Format, write_table
from aoftool.tables.schema import TABLES

__all__ = ["export"]


def export(
    log: Log,
    tables: LogTables,
    out: str,
    *,
    form: Format = Format.parquet,
    names: Iterable[str] = (),
    arguments: bool = False,
) -> Exported:
    """Write tables of a log into a new directory, one file each, and return what was written.

    The directory takes its name when all of them are there. What a damaged log does not give is left out, and
    told; where that is everything that was asked for, it is an error.

    Args:
        tables: of that log.
        out: the directory; nothing may be there.
        names: of the tables; none means all.
        arguments: the table of commands holds their arguments.

    Raises:
        MissingExtraError: the libraries are not there.
        OutputExistsError: something is at `out`.
        UsageError: there is no such table, or standard input was to be read twice.
        InputError: nothing of what was asked for can be had.
        ReadFailedError: the system gives an error instead of bytes.
    """
    chosen = [table_of(name).name for name in names] or [table.name for table in TABLES]
    chosen = list(dict.fromkeys(chosen))
    if log.kind is LogKind.STDIN and len(chosen) > 1:
        raise UsageError(
            "standard input can be read once, so it gives one table", hint="add --table commands"
        )
    result = Exported(out, form.value)
    with new_directory(out, _directory_access(log)) as folder:
        for name in chosen:
            try:
                result.tables.append(_write(log, tables, folder, out, name, form, arguments))
            except (MissingExtraError, ReadFailedError):
                raise
            except InputError as error:
                if len(chosen) == 1:
                    raise
                result.left_out.append(LeftOut(name, error.message, error.hint))
    result.notes = tables.notes
    return result


def _write(
    log: Log, tables: LogTables, folder: Folder, out: str, name: str, form: Format, arguments: bool
) -> ExportedTable:
    inputs = [file.path for file in log.files if file.exists and file.path != "-"]
    target = f"{name}.{form.value}"
    with (
        AtomicFile(
            folder.join(target), inputs=inputs, access=narrowest_access(inputs), folder=folder
        ) as file,
        PassingFile(file) as passing,
    ):
        rows = write_table(table_of(name), tables.batches(name), form, passing, arguments)
        passing.finish()
        file.commit()
        size = file.size_bytes
    return ExportedTable(name, os.path.join(out, target), rows, size)


def _directory_access(log: Log) -> Access | None:
    """Return who may look into the directory: who may look into that of the log, or read its file."""
    if is_remote(log.path):
        return None
    if log.kind is LogKind.MULTI_PART:
        return access_of(os.stat(log.directory or os.curdir))
    access = narrowest_access([file.path for file in log.files if file.path != "-"])
    return None if access is None else access.for_folder()
