"""One captured text as lines, whatever wrote it: bounded, any line ends, any encoding."""

from __future__ import annotations

from aoftool.dataclass import dataclass

__all__ = ["MAX_BYTES", "Text", "text_of"]

MAX_BYTES = 64 << 20
"""How much of one text is read; of a longer one the end, which is the newest part of a log."""
_MAX_LINE = 1 << 16


@dataclass(frozen=True, slots=True)
class Text:
    """A captured text.

    Attributes:
        name: of the file, as evidence names it.
        lines: without their ends; a line of more than 64 KiB is cut.
        first: number of the first line held, 1 where the text was read from its start.
        is_cut: whether its beginning was left out because it is long.
        is_open: whether its last line has no end, so that it may be half of one.
    """

    name: str
    lines: tuple[str, ...]
    first: int = 1
    is_cut: bool = False
    is_open: bool = False

    @property
    def whole_lines(self) -> tuple[str, ...]:
        """Return the lines without a last one that may be half of one."""
        return self.lines[:-1] if self.is_open else self.lines

    def where(self, index: int) -> str:
        """Return name and number of a line by its index in `lines`; of a cut text the name alone."""
        return self.name if self.is_cut else f"{self.name}:{index + self.first}"


def text_of(name: str, raw: bytes, *, is_cut: bool = False) -> Text:
    """Return bytes as a text; what is no UTF-8 becomes a replacement character, NUL and others stay."""
    is_cut = is_cut or len(raw) > MAX_BYTES
    decoded = raw[-MAX_BYTES:].decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
    lines = decoded.split("\n")
    is_open = bool(lines[-1])
    if lines and not lines[-1]:
        lines.pop()
    if is_cut and lines:
        # Its first line may be the second half of one.
        lines = lines[1:]
    return Text(name, tuple(line[:_MAX_LINE] for line in lines), is_cut=is_cut, is_open=is_open)
