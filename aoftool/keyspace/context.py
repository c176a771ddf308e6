"""What a command handler works on: the databases, the selected one, the clock and the libraries.

Knows no command; the rules that many handlers share (wrong type, gone when empty) are here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn, TypeVar

from aoftool.budget import HOW_TO_RAISE, Budget
from aoftool.databases import DEFAULT_DATABASES, INFERRED, MOST_DATABASES
from aoftool.keyspace.compactions import Compactions
from aoftool.keyspace.database import Database, StoredValue
from aoftool.keyspace.libraries import Libraries
from aoftool.keyspace.made import BUFFER_FROM, Made, elements_of
from aoftool.keyspace.member_times import MemberTimes
from aoftool.keyspace.refusal import WRONG_TYPE, CommandRefused
from aoftool.units import format_bytes
from aoftool.values import ListValue

if TYPE_CHECKING:
    from aoftool.keyspace.flavour import Flavour

__all__ = ["Argv", "CannotFollow", "Context"]

Argv = Sequence[bytes]
T = TypeVar("T")

# The servers' proto-max-bulk-len. A loader does not enforce it, but allocates as it is told; we stop
# instead of letting one short command take gigabytes.
MAX_STRING_BYTES = 512 * 1024 * 1024
# Zeroing and copying bytes, by the time that going over an element takes; measured on CPython 3.11.
_STEP_BYTES = 256
# Elements that compiled code copies, and that it looks at in a list, in that time.
_ELEMENTS_COPIED = 8
_GROWN_AT_ONCE = 1 << 20


class CannotFollow(Exception):
    """Leave a handler because its effect cannot be known or must not be tried."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Context:
    """The state of a replay.

    Attributes:
        flavour: the server whose loader we are.
        databases: all databases, by number.
        member_times: expire times of members of sets and sorted sets, as KeyDB has them.
        most_databases: the list of them grows up to this number as their numbers turn up.
        index: the selected database's number.
        db: the selected database, `databases[index]`.
        now_ms: the load clock, Unix milliseconds; it stands still.
        libraries: function libraries; they belong to no database.
        scripts: digests of scripts that SCRIPT LOAD has cached, lower-case hex.
        compactions: which time series are summed up in which others.
        clock_reads: commands whose result depends on the load clock (relative times, XADD with `*`).
        allow_random: choose instead of stopping where a server chooses at random.
        random_choices: how often that happened.
        stands_in: values of modules are not looked at.
        has_unknown: some key has held what is not known, see `aoftool.keyspace.unknown_keys`.
        trusts_log: what only some servers refuse was not refused by the one that wrote the log.
        max_string_bytes: longest string a command may make.
        made: what is held without having been written.
    """

    __slots__ = (
        "allow_random",
        "clock_reads",
        "compactions",
        "databases",
        "db",
        "flavour",
        "has_unknown",
        "index",
        "libraries",
        "made",
        "max_string_bytes",
        "member_times",
        "most_databases",
        "now_ms",
        "random_choices",
        "scripts",
        "stands_in",
        "trusts_log",
    )

    def __init__(
        self, flavour: Flavour, databases: int, now_ms: int, *, allow_random: bool, budget: Budget
    ) -> None:
        self.flavour = flavour
        self.most_databases = MOST_DATABASES if databases == INFERRED else databases
        self.databases = [Database() for _ in range(databases or DEFAULT_DATABASES)]
        self.index = 0
        self.db = self.databases[0]
        self.now_ms = now_ms
        self.libraries = Libraries()
        self.scripts: set[bytes] = set()
        self.compactions = Compactions()
        self.member_times = MemberTimes()
        self.clock_reads = 0
        self.allow_random = allow_random
        self.random_choices = 0
        self.stands_in = False
        self.has_unknown = False
        self.trusts_log = False
        self.max_string_bytes = MAX_STRING_BYTES
        self.made = Made(budget)

    def load_script(self, text: bytes) -> None:
        """Keep a script for EVALSHA."""
        import hashlib

        self.scripts.add(hashlib.sha1(text, usedforsecurity=False).hexdigest().encode())

    def has_database(self, index: int) -> bool:
        """Tell whether there is a database of that number; where they are inferred, there is from now on."""
        if index >= len(self.databases) and index < self.most_databases:
            missing = range(len(self.databases), index + 1)
            new = [Database() for _ in missing]
            if self.db.changed.maxlen is None:
                for database in new:
                    database.watch()
            self.databases += new
        return 0 <= index < len(self.databases)

    def select(self, index: int) -> None:
        """Make another database the selected one."""
        self.db = self.databases[index]
        self.index = index

    def clock(self) -> int:
        """Return the load clock, counting that somebody looked at it."""
        self.clock_reads += 1
        return self.now_ms

    def choose(self, what: str, why: str = "") -> None:
        """Note a choice that the log does not tell, or stop where none is allowed.

        Args:
            what: is chosen at random.
            why: the whole sentence, where it is no matter of chance.
        """
        if not self.allow_random:
            raise CannotFollow("random", why or f"a server chooses {what} at random")
        self.random_choices += 1

    def check_length(self, size_bytes: int) -> None:
        """Stop before a string longer than `max_string_bytes` is made."""
        if size_bytes > self.max_string_bytes:
            raise CannotFollow("memory", f"a string of {size_bytes} bytes would be made")

    def make_room(self, size_bytes: int) -> None:
        """Stop before a string grows by so many bytes when that is more than may be made."""
        self.spend(size_bytes // _STEP_BYTES)
        if self.made.add_string(size_bytes, self.databases):
            self._too_much("strings")

    def buffer(self, value: bytes | bytearray | None, size_bytes: int) -> bytearray:
        """Return a string as a buffer of at least so many bytes: itself, where it is one.

        What is grown and copied is counted; a buffer that grew is the value at its key still.
        """
        have = len(value or b"")
        grown = max(size_bytes, have) - (have if type(value) is bytearray else 0)
        if grown >= BUFFER_FROM:
            self.make_room(grown)
        if not value:
            return bytearray(size_bytes)
        buffer = value if type(value) is bytearray else bytearray(value)
        for at in range(have, size_bytes, _GROWN_AT_ONCE):
            buffer.extend(bytes(min(size_bytes - at, _GROWN_AT_ONCE)))
        return buffer

    def make(self, value: StoredValue) -> None:
        """Stop before a value that was made of others is stored when that is more than may be made."""
        if isinstance(value, (bytes, bytearray)):
            self.spend(len(value) // _STEP_BYTES)
        else:
            self.spend(elements_of(value) // _ELEMENTS_COPIED)
        if self.made.add_value(value, self.databases):
            self._too_much("copies and unions")

    def unpack(self, value: StoredValue, stored_bytes: int) -> None:
        """Stop before a value is stored that was packed in far fewer bytes, when that is too much."""
        if elements_of(value) > stored_bytes and self.made.add_value(value, self.databases, unpacked=True):
            self._too_much("packed values")

    def look_through(self, value: ListValue) -> None:
        """Stop before a list is searched for an element when that is more than may be gone over."""
        self.spend(len(value) // _ELEMENTS_COPIED)

    def spend(self, steps: int) -> None:
        """Stop before a command goes over so many elements when that is more than may be gone over."""
        self.made.steps_left -= steps
        if self.made.steps_left < 0:
            raise CannotFollow(
                "budget", f"commands that go over whole values would take too long; {HOW_TO_RAISE}"
            )

    def _too_much(self, what: str) -> NoReturn:
        limit = format_bytes(self.made.most_bytes)
        raise CannotFollow(
            "budget", f"{what} would take more than {limit} beside what the log holds; {HOW_TO_RAISE}"
        )

    def get(self, key: bytes, kind: type[T]) -> T | None:
        """Return the value of a key of that type, None when missing.

        Raises:
            CommandRefused: the key holds another type.
        """
        value = self.db.values.get(key)
        if value is None or type(value) is kind:
            return value
        raise CommandRefused(WRONG_TYPE)

    def string(self, key: bytes) -> bytes | bytearray | None:
        """Return the string at a key, None when missing."""
        value = self.db.values.get(key)
        if value is None or type(value) is bytes or type(value) is bytearray:
            return value
        raise CommandRefused(WRONG_TYPE)

    def get_or_new(self, key: bytes, kind: Callable[[], T]) -> T:
        """Return the value of a key of that type, stored new and empty when missing."""
        values = self.db.values
        value = values.get(key)
        # `kind` is the class of one of the values, which no type of a callable says; a cast costs each call.
        if value is None:
            value = values[key] = kind()  # type: ignore[assignment]
        elif type(value) is not kind:
            raise CommandRefused(WRONG_TYPE)
        return value  # type: ignore[return-value]

    def changed_or_gone(self, key: bytes, value: object) -> None:
        """Note that a collection changed; an empty one leaves, with its expire time."""
        db = self.db
        if not value:
            del db.values[key]
            if key in db.expires:
                del db.expires[key]
        db.changed.append(key)
