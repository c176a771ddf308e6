"""Module data outside of keys, and scripts of Redis before 7.0, on their way into a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.emit.resp_writer import RespWriter
from aoftool.escape import shown_text
from aoftool.files import open_source
from aoftool.rdb.dialects import MEMBER_TIMES
from aoftool.rdb.encode.targets import Target
from aoftool.rdb.encode.writer import RdbWriter
from aoftool.rdb.extras import (
    carries_metadata,
    carries_modules,
    keys_with_metadata,
    loads_scripts,
    read_extra,
    read_script,
)
from aoftool.rewrite.inputs import Input
from aoftool.rewrite.model import OutputFormat, RewriteResult
from aoftool.rewrite.write.outputs import Output
from aoftool.units import counted

if TYPE_CHECKING:
    from aoftool.rdb.walk.summary import RdbWalk

__all__ = ["note_losses", "write_extras"]

# Names the key whose members have expire times.
_MEMBER_KEY = MEMBER_TIMES + b"key"
_METADATA_OF_WRITTEN = (
    "metadata of keys, as modules and BLESS keep it, is lost of those that commands behind write"
)
_SCRIPTS_LEFT = (
    ("script for EVALSHA stands", "scripts for EVALSHA stand"),
    " in the RDB part, left out: servers from 7.0 on keep none there",
)


def write_extras(found: Input, output: Output, target: Target) -> None:
    """Write what stands beside keys and functions in the RDB part; what has no place is refused.

    Raises:
        SourceError: the file has changed.
    """
    base = found.base
    if base is None or found.base_path is None:
        return
    output.holds_modules = carries_modules(base, target)
    if base.extras_omitted:
        output.refuse_key(0, b"", f"{base.extras_omitted:,} more pieces of module data or scripts")
    if (count := keys_with_metadata(base)) and not (
        isinstance(output.writer, RdbWriter) and carries_metadata(base, target)
    ):
        what = f"metadata of {counted(count, 'key')}, which only an RDB base of Redis 8.6 and later holds"
        output.refuse_key(0, b"", what)
    if _MEMBER_KEY in base.aux:
        # Only the last such field is known, and which member it is of its key.
        output.refuse_key(0, base.aux[_MEMBER_KEY], "expire times of single members, as KeyDB keeps them")
    _write_module_data(base, found.base_path, output)
    if loads_scripts(target):
        _write_scripts(base, found.base_path, output)


def _write_module_data(base: RdbWalk, path: str, output: Output) -> None:
    writer = output.writer
    if not base.module_aux:
        return
    if not isinstance(writer, RdbWriter) or not output.holds_modules:
        where = "" if isinstance(writer, RdbWriter) else ", which only an RDB base can hold (--format rdb)"
        for name in dict.fromkeys(extra.name for extra in base.module_aux):
            output.refuse_key(0, name.encode(), f"module data outside of keys{where}")
        return
    with open_source(path) as source:
        for extra in base.module_aux:
            data = read_extra(source, extra)
            if extra.behind:
                writer.at_end(data)
            else:
                writer.raw_record(data)


def _write_scripts(base: RdbWalk, path: str, output: Output) -> None:
    writer = output.writer
    if not base.scripts:
        return
    with open_source(path) as source:
        for extra in base.scripts:
            if isinstance(writer, RdbWriter):
                writer.at_end(read_extra(source, extra))
            elif isinstance(writer, RespWriter):
                writer.script(read_script(source, extra))


def note_losses(
    result: RewriteResult, form: OutputFormat, output: Output, found: Input, target: Target
) -> None:
    """Say in the notes of a result what it does not hold."""
    writer = output.writer
    assert isinstance(writer, RdbWriter | RespWriter)
    notes = []
    if left := writer.left_out():
        count = writer.refused_count
        notes.append(f"left out of the {form.value} form, {count:,} that {target.name} cannot hold: {left}")
    if found.base is not None and found.base.scripts and not loads_scripts(target):
        words, where = _SCRIPTS_LEFT
        notes.append(counted(len(found.base.scripts), *words) + where)
    if found.base is not None and keys_with_metadata(found.base) and carries_metadata(found.base, target):
        notes.append(_METADATA_OF_WRITTEN)
    written_by = result.summary.writer
    moves = written_by is not None and written_by.release.name != target.name
    if (writer.drops or moves) and output.holds_modules and found.base is not None and found.base.modules:
        # Which modules a server has, no release tells.
        names = ", ".join(shown_text(module.name) for module in found.base.modules)
        without = "does not load the result" if form is OutputFormat.RDB else "skips their keys"
        notes.append(
            f"module data is kept in the {form.value} form, for {target.name} may have the modules ({names}):"
            f" a server without them {without}"
        )
    result.summary.notes += [note for note in notes if note not in result.summary.notes]
