"""What to call damage: the code, span and evidence of a wound whose limits are known.

Decides nothing about where the stream goes on.
"""

from __future__ import annotations

from aoftool.check.stream.heal import Healing, Patch
from aoftool.check.stream.resync import TORN, Landing, Scanner
from aoftool.check.stream.seams import Seams
from aoftool.check.stream.shapes import HEADER_LINE, follows, read_shape
from aoftool.check.stream.window import Reader
from aoftool.check.stream.wounds import Wound
from aoftool.escape import excerpt
from aoftool.resp.model import Reason, Stop
from aoftool.units import counted

__all__ = ["Naming"]

_DOUBLED_REACH = 1 << 20
_ALIKE_REACH = 1 << 16
_SIGNATURE = 48
# Text between commands that is longer is rather what is left of them.
_STRAY_MOST = 1 << 16


class Naming:
    """Name the wounds of one stream.

    Args:
        reader: the file.
        seams: knows where commands took bytes of others for their own.
        scan: counts the stream from an offset on.
        start, size_bytes: span of the stream in its file.
    """

    def __init__(self, reader: Reader, seams: Seams, scan: Scanner, start: int, size_bytes: int) -> None:
        self._reader = reader
        self._seams = seams
        self._scan = scan
        self._start = start
        self._size = size_bytes

    def foreign(self, start: int, first: int, last: int, end: int, stop: Stop) -> Wound:
        """Return the wound of a command with other commands in its middle."""
        text = f"{counted(last - first, 'byte')} of other commands stand inside a command"
        healing = Healing(start, end, Patch(first, last, b""), "foreign-block", False, text)
        return Wound(start, end, "foreign-block", stop, healing=healing, evidence=text)

    def doubled(self, at: int, healing: Healing, stop: Stop) -> Wound:
        """Return the wound of a command with a block in it that was written twice."""
        second = healing.patch.start
        if healing.patch.end - second == second - at and self._stands_twice_only(at, second):
            # The start of a command that was written again, whole.
            evidence = excerpt(self._reader.at(at, min(64, second - at)))
            return Wound(at, second, "repeated-start", stop, copies=True, evidence=evidence)
        text = healing.text
        return Wound(at, healing.end, healing.code, stop, healing=healing, copies=True, evidence=text)

    def glued(self, stop: Stop) -> Wound | None:
        """Recognise an annotation without its line end, glued to the command behind it."""
        if stop.reason is not Reason.GLUED_ANNOTATION:
            return None
        line_start = self._line_start(stop.offset)
        if not follows(self._reader, stop.offset, 1) or self._reader.at(line_start, 4) != b"#TS:":
            return None
        if self._reader.at(stop.offset - 1, 1) == b"\r":
            last = self._scan(stop.offset).good_end
            if self._reader.at(last, 1) == b"\n":
                return self.foreign(line_start, stop.offset, last, last + 1, stop)
        patch = Patch(stop.offset, stop.offset, b"\r\n")
        evidence = excerpt(self._reader.at(line_start, 60))
        return Wound(line_start, stop.offset, "glued-annotation", stop, insert=patch, evidence=evidence)

    def _line_start(self, inside: int) -> int:
        back = self._reader.at(max(inside - 1024, self._start), min(1024, inside - self._start))
        return inside - (len(back) - (back.rfind(b"\n") + 1))

    def tail(self, at: int, stop: Stop, value: tuple[int, int] | None) -> Wound:
        """Name damage that nothing in order follows."""
        size = self._size
        rest = excerpt(self._reader.at(at, 64))
        lacks_end = stop.reason is Reason.MISSING_FINAL_CRLF
        if lacks_end and not (self._swallowed_end(value) or self._lost_length(at, value)):
            missing = (
                b"\r\n" if self._reader.at(size - 1, 1) != b"\r" or self._whole_without_cr(value) else b"\n"
            )
            return Wound(at, size, "missing-final-crlf", stop, insert=Patch(size, size, missing), last=True)
        code = {Reason.ZERO_TAIL: "zero-tail", Reason.TORN_ANNOTATION: "torn-annotation"}.get(stop.reason)
        if code is None:
            code = "torn-tail" if stop.reason in TORN else "trailing-bytes"
        if code == "trailing-bytes" and self._reader.at(at, 1) == b"*" and size - at > 4:
            code = "corrupt-tail"
        return Wound(at, size, code, stop, last=True, evidence=rest)

    def _swallowed_end(self, value: tuple[int, int] | None) -> bool:
        """Tell whether the last value ends in the line end behind it, for two bytes of it are missing."""
        if value is None or value[1] != self._size or value[1] - value[0] < 2:
            return False
        return self._reader.at(value[1] - 2, 2) == b"\r\n"

    def _lost_length(self, at: int, value: tuple[int, int] | None) -> bool:
        """Tell whether the last length was overwritten: a loader takes a line without a digit for 0."""
        text = b"" if value is not None else self._reader.at(at, min(self._size - at, _ALIKE_REACH))
        mark = text.rfind(b"\r\n$")
        return mark >= 0 and not text[mark + 3 : mark + 4].isdigit()

    def _whole_without_cr(self, value: tuple[int, int] | None) -> bool:
        return value is not None and value[1] == self._size

    def gap(self, at: int, stop: Stop, landing: Landing) -> tuple[Wound, Landing | None]:
        """Name damage that the stream goes on behind."""
        end = landing.start
        at = self._seams.swallowing(at)
        evidence = excerpt(self._reader.at(at, min(64, end - at)))
        first = self._first_of_copy(at, end)
        if first is not None:
            twice = at - first
            wound = Wound(at, end, "repeated-start", stop, copies=True, run_twice=twice, evidence=evidence)
            return wound, landing
        doubled = self._doubled(at, end)
        if doubled is not None:
            return Wound(at, doubled, "doubled-block", stop, copies=True, evidence=evidence), None
        code = self._gap_code(at, end, stop)
        passed, stray = len(landing.passed_over), self._is_stray(code, at, end)
        return Wound(at, end, code, stop, is_stray=stray, passed_over=passed, evidence=evidence), landing

    def _first_of_copy(self, at: int, end: int) -> int | None:
        """Return where the bytes begin of which all up to `end` stand again behind it, if they are a copy.

        It is the start of a command that was written again, whole. With part of a buffer and then the whole
        of it, commands in front of the broken one are copies too.
        """
        if end - at > _DOUBLED_REACH or not self._repeats(at, end):
            return None
        low = max(at - _DOUBLED_REACH, self._start)
        found = low + self._reader.at(low, end - low).rfind(self._reader.at(end, _SIGNATURE))
        first = found if low <= found < at and self._repeats(found, end) else at
        return first if self._stands_twice_only(first, end) else None

    def _repeats(self, first: int, second: int) -> bool:
        length = second - first
        return self._reader.at(first, length) == self._reader.at(second, length)

    def _stands_twice_only(self, first: int, second: int) -> bool:
        """Tell whether the bytes up to a second copy stand nowhere else near.

        Where many commands begin alike, what a lost block left of one is a start of the next as well; of few
        bytes that proves nothing.
        """
        if second - first < _SIGNATURE:
            return False
        low = max(first - _ALIKE_REACH, self._start)
        text = self._reader.at(low, second - low + _ALIKE_REACH)
        piece = text[first - low : second - low][:_ALIKE_REACH]
        return text.count(piece) == 2

    def _doubled(self, at: int, end: int) -> int | None:
        """Return where the stream goes on if a block was written twice in a row.

        Behind such a seam stand bytes that were there before; the command that the seam breaks is
        whole at the second copy's end. What stands in front of the seam begins that one, and what stands
        behind it ends the command before the copied ones: anything else there stands nowhere again.
        """
        reader = self._reader
        low = max(at - _DOUBLED_REACH, self._start)
        window = reader.at(low, at - low)
        found = window.rfind(reader.at(end, _SIGNATURE))
        if found < 0 or at - (low + found) < _SIGNATURE:
            return None
        shift = end - (low + found)
        repeated = at - (low + found)
        if reader.at(end, repeated) != window[found:] or not follows(reader, at + shift, 2):
            return None
        if self._takes_in_commands(at + shift):
            return None
        if end - at > _DOUBLED_REACH:
            return None
        broken, whole = reader.at(at, end - at), reader.at(at + shift, end - at)
        if broken == reader.at(end, len(broken)):
            # A start that the command behind it has, too: nothing tells that a block came twice.
            return None
        before = window[max(found - len(broken), 0) : found]
        again = _shared(broken, whole) + _shared(broken[::-1], before[::-1])
        return at + shift if again >= len(broken) else None

    def _takes_in_commands(self, at: int) -> bool:
        """Tell whether a command is rather a head whose length fits, by chance, the end of another one."""
        shape = read_shape(self._reader, at)
        arguments = () if shape is None else shape.arguments
        values = (self._reader.at(a.payload_start, min(a.length, _ALIKE_REACH)) for a in arguments)
        return any(HEADER_LINE.search(value) is not None for value in values)

    def _gap_code(self, at: int, end: int, stop: Stop) -> str:
        reason = stop.reason
        if at == self._start == 0:
            return "byte-order-mark" if self._reader.at(0, end) == b"\xef\xbb\xbf" else "leading-bytes"
        if reason is Reason.BAD_COUNT and self._empty_commands(at, end):
            return "empty-command"
        if reason in (Reason.ZERO_GAP, Reason.ZERO_TAIL) or self._mostly_zero(at, end):
            return "zero-block"
        if reason is Reason.INLINE_COMMAND and not HEADER_LINE.search(
            self._reader.at(at, min(end - at, 1 << 16))
        ):
            return "inline-text"
        if reason is Reason.LINE_TOO_LONG and self._reader.at(at, 1) == b"#":
            return "long-annotation"
        return "corrupt-region"

    def _is_stray(self, code: str, at: int, end: int) -> bool:
        """Tell whether bytes between whole commands never were part of one: not what is left of others."""
        if code in ("byte-order-mark", "empty-command"):
            return True
        text = self._reader.at(at, min(end - at, _STRAY_MOST))
        if code == "long-annotation":
            return end - at <= len(text) and _is_plain(text.rstrip(b"\r\n"))
        # Commands end as other programs end no lines, and what is left of a value may end nowhere.
        return code == "inline-text" and end - at <= len(text) and text.endswith(b"\n") and b"\r" not in text

    def _empty_commands(self, at: int, end: int) -> bool:
        text = self._reader.at(at, min(end - at, 256))
        return end - at <= 256 and not text.replace(b"*0\r\n", b"").replace(b"*-1\r\n", b"")

    def _mostly_zero(self, at: int, end: int) -> bool:
        piece = self._reader.at(at, min(end - at, 1 << 16))
        return piece.count(0) * 2 > len(piece)


def _shared(one: bytes, two: bytes) -> int:
    """Return how many bytes two texts begin with alike."""
    low, high = 0, min(len(one), len(two))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == two[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _is_plain(text: bytes) -> bool:
    return text.isascii() and text.decode("ascii").isprintable()
