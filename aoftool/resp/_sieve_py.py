"""Pick commands out of a stream while walking it: the reference of the compiled `_sieve_cy`.

Walks whole canonical commands in a buffer, follows SELECT, MULTI, EXEC and `#TS`, and keeps a row for
every command somebody watches for. What is not canonical, or not whole in the buffer, is handed back to the
driver (`sieve`), who knows the lenient grammar. Refuses to know what any command does.
"""

from __future__ import annotations

from array import array

from aoftool.regex import regex
from aoftool.resp.columns import RowColumns
from aoftool.resp.watch import Area, SieveState, SieveStatus, Watch

__all__ = ["Sieve"]

_COUNT = regex(rb"\*([1-9][0-9]{0,8})\r\n")
_LENGTH = regex(rb"\$(0|[1-9][0-9]{0,9})\r\n")
_HEADER_MOST = 14
_TIMESTAMP = regex(rb"#TS:([0-9]{1,18})\r?\n")
_DB = regex(rb"0|[1-9][0-9]{0,9}")
_DB_MAX = 2**31 - 1
_LINE_MOST = 1023
_NAME_MOST = 64


class Sieve:
    """Walk one range of a stream.

    Args:
        watch: which commands to keep.
        state: where the range stands; changed in place.
    """

    implementation = "python"

    def __init__(self, watch: Watch, state: SieveState) -> None:
        self.watch = watch
        self.state = state
        self._columns = [array("q") for _ in range(8)]
        self._indexes = array("q")

    def feed(self, data: bytes | bytearray | memoryview, base: int, stop_at: int) -> tuple[int, SieveStatus]:
        """Walk commands from the start of `data`, which stands at the absolute offset `base`.

        Args:
            stop_at: the walk ends on the first boundary at or behind this absolute offset.

        Returns:
            the bytes consumed, and why it came back.
        """
        data = bytes(data)
        at = 0
        while base + at < stop_at:
            if at == len(data):
                return at, SieveStatus.MORE
            step = self._annotation(data, at) if data[at] == 0x23 else self._command(data, at, base)
            if isinstance(step, SieveStatus):
                return at, step
            at = step
        return at, SieveStatus.DONE

    def _annotation(self, data: bytes, at: int) -> int | SieveStatus:
        end = data.find(b"\n", at, at + _LINE_MOST)
        if end < 0:
            return SieveStatus.MORE if len(data) - at < _LINE_MOST else SieveStatus.IRREGULAR
        line = data[at : end + 1]
        found = _TIMESTAMP.fullmatch(line)
        if found is not None:
            self.state.time_s = int(found[1])
        elif line.startswith(b"#TS:") or b"*" in line:
            # No time, or a command may be glued to it: whether one is, the bytes behind it tell.
            return SieveStatus.IRREGULAR
        return end + 1

    def _command(self, data: bytes, start: int, base: int) -> int | SieveStatus:
        header = _COUNT.match(data, start)
        if header is None:
            return _unread(data, start)
        at, argc = header.end(), int(header[1])
        watch, hit, name, second = self.watch, False, b"", b""
        area: Area | None = None
        for number in range(argc):
            length = _LENGTH.match(data, at)
            if length is None:
                return _unread(data, at)
            begin = length.end()
            end = begin + int(length[1])
            if end + 2 > len(data):
                return SieveStatus.MORE
            if data[end : end + 2] != b"\r\n":
                return SieveStatus.IRREGULAR
            argument = data[begin:end]
            if number == 0:
                name = argument
                area = watch.areas.get(name.upper())
            else:
                second = argument if number == 1 else second
                hit = hit or watch.wants_argument(argument)
                if area is not None and number >= area.start:
                    found, goes_on = area.look(number, argument, argc)
                    hit, area = hit or found, area if goes_on else None
            at = end + 2
        # The name of a command is bounded, and so is what is compared of it.
        upper = name.upper() if len(name) <= _NAME_MOST else b""
        hit = hit or watch.wants_name(upper) or 0 < watch.min_length <= at - start
        self.note(upper, second, argc, base + start, at - start, hit, False)
        return at

    def note(
        self, upper: bytes, second: bytes, argc: int, offset: int, length: int, hit: bool, lenient: bool
    ) -> None:
        """Follow the state over one command, and keep a row of it when it is a hit.

        Args:
            upper: its name in upper case.
            second: its first argument.
        """
        state = self.state
        txn = state.txn if state.is_open else 0
        if upper == b"SELECT":
            if argc == 2 and _DB.fullmatch(second) and int(second) <= _DB_MAX:
                state.db = int(second)
        elif upper == b"MULTI":
            txn = state.begin(offset)
        elif upper == b"EXEC":
            txn = state.end(offset)
        if hit:
            values = (offset, length, argc, 0, state.db, txn, state.time_s, int(lenient))
            for column, value in zip(self._columns, values, strict=True):
                column.append(value)
            self._indexes.append(state.commands)
        state.commands += 1

    @property
    def has_rows(self) -> bool:
        """Tell whether `take_rows` would give any."""
        return bool(self._indexes)

    def take_rows(self) -> tuple[RowColumns, memoryview]:
        """Return the rows since the last call, and the number of commands before each; forget them."""
        rows = RowColumns._make([*(column.tobytes() for column in self._columns), *([b""] * 6)])
        indexes = memoryview(self._indexes.tobytes()).cast("q")
        self._columns = [array("q") for _ in range(8)]
        self._indexes = array("q")
        return rows, indexes


def _unread(data: bytes, at: int) -> SieveStatus:
    """Tell a header that is not whole from one that is not canonical."""
    rest = data[at : at + _HEADER_MOST]
    if len(rest) < _HEADER_MOST and b"\n" not in rest:
        return SieveStatus.MORE
    return SieveStatus.IRREGULAR
