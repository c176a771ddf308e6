"""The lines of the drop-in checker: those of the official ones, word for word where scripts look for them."""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.aof.model import FileRole
from aoftool.escape import shown_text
from aoftool.repair.model import FilePlan, Method
from aoftool.units import counted

__all__ = ["analyzed", "changed_lines", "done_lines", "opening", "style", "usage"]

_STYLES = {FileRole.BASE: "BASE AOF", FileRole.INCR: "INCR AOF"}


def usage(program: str) -> str:
    """Return the line for arguments that make no sense."""
    return f"Usage: {program} [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>"


def style(role: FileRole) -> str:
    """Return what a file of this role is called in a verdict."""
    return _STYLES.get(role, "AOF")


def opening(path: str, *, is_base: bool, is_rdb: bool) -> Iterator[str]:
    """Yield what stands before the look at a file: of a base, and of an RDB part."""
    if is_base:
        yield f"Start to check BASE AOF ({'RDB' if is_rdb else 'RESP'} format)."
    if is_rdb:
        yield f"[offset 0] Checking RDB file {path}"


def analyzed(shown: str, size: int, ok_up_to: int, line: int) -> str:
    """Return the line with the numbers of one file."""
    numbers = f"size={size}, ok_up_to={ok_up_to}, ok_up_to_line={line}, diff={size - ok_up_to}"
    return f"AOF analyzed: filename={shown}, {numbers}"


def changed_lines(files: list[FilePlan], names: dict[str, str], loss: tuple[int, int]) -> Iterator[str]:
    """Yield what a repair will do to each file, before the question.

    Args:
        loss: bytes and whole commands that go with it.
        names: how each path is shown.
    """
    for file in files:
        shown = _shown(file, names)
        size = 0 if file.stamp is None else file.stamp.size_bytes
        if file.method is Method.REMOVE:
            yield f"This will take the file {shown} out of the log"
        elif file.method is Method.CREATE or file.contents is not None:
            yield f"This will write the file {shown} anew"
        elif not file.transform and file.size_after < size:
            less = size - file.size_after
            yield (
                f"This will shrink the AOF {shown} from {size} bytes, with {less} bytes, "
                f"to {file.size_after} bytes"
            )
        else:
            yield f"This will write the AOF {shown} anew, repaired, from {size} bytes"
    size, commands = loss
    if (size or commands) and [file.method for file in files] != [Method.CUT]:
        yield f"This will lose {counted(size, 'byte')}, {counted(commands, 'whole command')} with them"


def done_lines(files: list[FilePlan], names: dict[str, str]) -> Iterator[str]:
    """Yield what a repair did to each file that it changed."""
    for file in files:
        size = 0 if file.stamp is None else file.stamp.size_bytes
        plain = file.contents is None and file.method in (Method.CUT, Method.REWRITE)
        word = "truncated" if plain and not file.transform and file.size_after < size else "repaired"
        yield f"Successfully {word} AOF {_shown(file, names)}"


def _shown(file: FilePlan, names: dict[str, str]) -> str:
    return names.get(file.path, shown_text(file.path))
