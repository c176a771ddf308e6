"""Commands as lines of text: the reference of the compiled `_lines_cy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.analysis.commands.model import as_logged
from aoftool.resp._cut_py import cut_commands
from aoftool.resp.model import Command, Lines

if TYPE_CHECKING:
    from aoftool.analysis.commands.filter import CommandFilter
    from aoftool.analysis.commands.lines_model import RowLook
    from aoftool.resp.columns import RowColumns

__all__ = ["RowWriter"]

_NAME_MOST = 64
_NO_LIMIT = 2**63 - 1


class RowWriter:
    """Write the commands of one file that a filter admits as lines.

    Args:
        look: how, and which.
        file: printable name.
        wanted: looks at no key and no name.
        bounded: commands without a time are handed back, for somebody infers it.

    Attributes:
        times_seen: some command had a time, admitted or not.
    """

    implementation = "python"

    def __init__(self, look: RowLook, file: str, wanted: CommandFilter, bounded: bool) -> None:
        self._look, self._file, self._wanted, self._bounded = look, file, wanted, bounded
        self.times_seen = False

    def write(
        self, data: bytes | bytearray | memoryview, base: int, rows: RowColumns, indexes: memoryview
    ) -> list[Command | Lines]:
        """Return the lines of rows, in order, and between them the commands that are handed back.

        Args:
            data: a piece of the stream that starts at the absolute offset `base`.
            indexes: commands before each row.
        """
        made: list[Command | Lines] = []
        text, count = b"", 0
        for command, index in zip(cut_commands(data, base, rows, 0, _NO_LIMIT, None), indexes, strict=True):
            command.index = index
            self.times_seen = self.times_seen or command.time_s >= 0
            row = as_logged(command, self._file, 0)
            if not self._is_out_of_reach(command):
                if not self._wanted.admits(row):
                    continue
                if self._is_plain(command.argv[0]):
                    text, count = text + self._look.form.line_of(row).encode(), count + 1
                    continue
            if count:
                made.append(Lines(text, count))
            text, count = b"", 0
            made.append(command)
        if count:
            made.append(Lines(text, count))
        return made

    def _is_out_of_reach(self, command: Command) -> bool:
        """Tell whether the arguments or the time of a command are not known here."""
        return not command.argv or (self._bounded and command.time_s < 0)

    def _is_plain(self, name: bytes) -> bool:
        return 0 < len(name) <= _NAME_MOST and self._look.is_plain(name.upper())
