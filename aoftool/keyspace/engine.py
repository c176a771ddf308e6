"""Replays commands into databases as a server's loader would.

Nothing expires; a refused command changes nothing and is counted; a command that a server would die
on or whose effect nobody can know stops the replay with its name. Knows transactions and dispatch;
what a command does is in `aoftool.keyspace.apply`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, cast

from aoftool.budget import Budget, budget_for
from aoftool.databases import DEFAULT_DATABASES
from aoftool.errors import OverBudgetError, UnsupportedError
from aoftool.escape import excerpt
from aoftool.keyspace.context import Argv, CannotFollow, Context
from aoftool.keyspace.database import Database
from aoftool.keyspace.flavour import AskedFlavour, Flavour, flavour_named
from aoftool.keyspace.libraries import Library, library_of_base
from aoftool.keyspace.refusal import (
    CommandRefused,
    OpaqueCommandError,
    Refusal,
    ReplayStopError,
)
from aoftool.keyspace.registry import Command
from aoftool.keyspace.server_commands import OF_TRANSACTIONS, commands_of, lone_discard
from aoftool.keyspace.transaction import Transaction
from aoftool.keyspace.zset_encoding import COMPACT_ENCODINGS, settle
from aoftool.units import counted
from aoftool.values import Value, ZSetValue
from aoftool.values.module import UnknownValue

if TYPE_CHECKING:
    from aoftool.rdb.records.record import Record

__all__ = ["ChangeObserver", "Keyspace"]

# Spellings of command names that are remembered; a hostile log cannot make it grow without end.
_SPELLINGS_KEPT = 4096
_REFUSALS_KEPT = 100
_NAME_SHOWN = 40


class ChangeObserver(Protocol):
    """Is told which keys a command changed."""

    def keys_changed(self, command_index: int, db: int, keys: Sequence[bytes]) -> None:
        """Take the keys of one database that one command changed, in order, possibly repeated."""


class Keyspace:
    """A server's data set, as a loader builds it.

    Args:
        flavour: the server, or its name such as `redis-7.0`.
        databases: number of databases of that server; `INFERRED` for as many as the log turns out to name.
        now_ms: the load clock, which relative times are counted from; the present by default.
        allow_random: choose where a server chooses at random (SPOP) instead of stopping.
        stands_in: something stands for the values of modules, and what related engines log is run; a server
            of the flavour would not load it.
        trusts_log: the log is replayed for what its writer meant: function libraries that only other servers
            refuse are there.
        budget: how much commands may make; by default that of an empty log.

    Attributes:
        commands: number of commands executed or queued so far.
        refused: number of refused commands by (name, error text).
        refusals: the first 100 of them.
        shortened: number of commands that ran without surplus arguments, which some loaders do not count.
    """

    def __init__(
        self,
        flavour: Flavour | str,
        databases: int = DEFAULT_DATABASES,
        now_ms: int | None = None,
        *,
        allow_random: bool = False,
        trusts_log: bool = False,
        stands_in: bool = False,
        budget: Budget | None = None,
    ) -> None:
        self.flavour = flavour_named(flavour) if isinstance(flavour, str) else flavour
        now = int(time.time() * 1000) if now_ms is None else now_ms
        self._context = Context(
            self.flavour, databases, now, allow_random=allow_random, budget=budget or budget_for(0)
        )
        self._context.trusts_log = trusts_log
        self._context.stands_in = stands_in
        # As it was given: what is asked later may be noted as a question of the log.
        self._server = self.flavour
        self._spelled: dict[bytes, Command] = {}
        self._queue: Transaction | None = None
        self._observers: list[ChangeObserver] = []
        self.commands = 0
        self.refused: Counter[tuple[str, str]] = Counter()
        self.refusals: list[Refusal] = []
        self.shortened = 0

    @cached_property
    def _commands(self) -> dict[bytes, Command]:
        """The commands of the server by upper-case name, loaded for the first that no compiled code runs."""
        found = commands_of(self._server)
        if not self._context.stands_in:
            return found
        from aoftool.keyspace.apply.modules import IN_PLACE, STAND_INS
        from aoftool.keyspace.unknown_keys import UNEXECUTED

        return {**STAND_INS, **found, **UNEXECUTED, **IN_PLACE}

    @property
    def command_names(self) -> Set[bytes]:
        """The upper-case names of the commands that the server has."""
        return self._commands.keys()

    def note_questions(self) -> AskedFlavour:
        """Return what notes from now on whatever is asked of the flavour."""
        asked = AskedFlavour(self.flavour)
        self.flavour = self._context.flavour = cast(Flavour, asked)
        return asked

    @property
    def databases(self) -> list[Database]:
        """The databases, by number."""
        return self._context.databases

    @property
    def libraries(self) -> Mapping[bytes, Library]:
        """The function libraries, by name."""
        return self._context.libraries.by_name

    @property
    def selected(self) -> int:
        """The number of the selected database."""
        return self._context.index

    @property
    def member_times(self) -> dict[tuple[int, bytes, bytes], int]:
        """Expire times of members of sets and sorted sets that are there, by (database, key, member)."""
        return self._context.member_times.of(self.databases)

    def stands_alone(self, value: Value) -> bool:
        """Tell whether an equal value may take the place of a value: nothing stands beside it."""
        return not self._context.member_times.stand_beside(value)

    @property
    def in_transaction(self) -> bool:
        """Whether a MULTI waits for its EXEC."""
        return self._queue is not None

    @property
    def now_ms(self) -> int:
        """The load clock, Unix milliseconds."""
        return self._context.now_ms

    @property
    def clock_reads(self) -> int:
        """How often a result depended on the load clock."""
        return self._context.clock_reads

    @property
    def random_choices(self) -> int:
        """How often a choice was made that a server makes at random."""
        return self._context.random_choices

    @property
    def unknown_keys(self) -> dict[tuple[int, bytes], bytes]:
        """How they came about, as digests, by (database, key), of keys that may hold anything, or be gone."""
        return {
            (db, key): value.raw
            for db, database in enumerate(self.databases if self._context.has_unknown else ())
            for key, value in database.values.items()
            if isinstance(value, UnknownValue)
        }

    @property
    def choice_note(self) -> str:
        """Say that the data may be other than a server's; empty where nothing was chosen."""
        times = counted(self.random_choices, "choice")
        return (
            f"{times} here may be none of a server's: the log does not say which"
            if self.random_choices
            else ""
        )

    def observe(self, observer: ChangeObserver) -> None:
        """Tell an observer of changed keys from now on."""
        self._observers.append(observer)
        for database in self.databases:
            database.watch()

    def start_file(self) -> None:
        """Begin another file of the log: database 0, and no transaction."""
        self._queue = None
        self._context.select(0)

    def drop_transaction(self) -> int:
        """Forget a transaction that never got its EXEC; return how many commands it held."""
        queued = 0 if self._queue is None else len(self._queue.commands)
        self._queue = None
        return queued

    def load(self, record: Record, db: int | None = None) -> None:
        """Put a record of an RDB part in place; `db` where its keys are in another database by now.

        Raises:
            EncodingDamage: its name or value cannot be read; and as `load_record`.
        """
        self.load_record(
            record.db if db is None else db,
            record.key,
            record.value(),
            record.expire_at_ms,
            record.encoding,
            stored_bytes=record.size_bytes,
        )

    def load_record(
        self,
        db: int,
        key: bytes,
        value: Value,
        expire_at_ms: int | None = None,
        encoding: str | None = None,
        *,
        stored_bytes: int | None = None,
    ) -> None:
        """Put a key of an RDB part in place. The value is taken over, not copied.

        Args:
            encoding: as `Record.encoding` names it; only sorted sets show it, by a score of -0.
            stored_bytes: of the value in the file, where it may be packed.

        Raises:
            UnsupportedError: there is no database of that number.
            OverBudgetError: what is unpacked takes too much memory.
        """
        if type(value) is ZSetValue:
            settle(value, self.flavour, compact=encoding in COMPACT_ENCODINGS)
        if not self._context.has_database(db):
            raise UnsupportedError(
                f"the keys of database {db} have no place in {counted(len(self.databases), 'database')}"
            )
        if stored_bytes is not None:
            try:
                self._context.unpack(value, stored_bytes)
            except CannotFollow as too_much:
                raise OverBudgetError(too_much.message) from None
        self.databases[db].put(key, value, expire_at_ms)
        if self._observers:
            self._tell(self.commands)

    def load_library(self, code: bytes) -> None:
        """Put a function library of an RDB part in place.

        Raises:
            CommandRefused: another one has its name or one of its functions: no server loads that.
        """
        self._context.libraries.add([library_of_base(code)], replace=False)

    def load_script(self, text: bytes) -> None:
        """Keep a script of an RDB part for EVALSHA, as servers before 7.0 do."""
        self._context.load_script(text)

    def execute(self, argv: Argv) -> Refusal | None:
        """Run one command, or queue it after MULTI.

        Returns:
            None when it ran or was queued, the refusal when the server would answer an error. The
            refusals inside a transaction are in `refusals` only.

        Raises:
            ReplayStopError: the server would not load a log with this command, or its effect cannot
                be known; the data is as before the command, but for a transaction it stands in.
        """
        index = self.commands
        command = self._spelled.get(argv[0]) or self._find(argv)
        if not command.least <= len(argv) <= command.most:
            if len(argv) < command.least or self.flavour.strict_arity:
                return self._wrong_arity(command, argv)
            # Loaders before Valkey 8.1 do not count arguments, and handlers never look at the rest.
            self.shortened += 1
            argv = argv[: command.most]
        self.commands = index + 1
        if self._queue is not None:
            return self._enqueue(command, argv, index)
        try:
            command.apply(self._context, argv)
        except CommandRefused as refused:
            return self._refuse(command, refused, index)
        except CannotFollow as reason:
            raise self._stop(argv, reason.reason, reason.message, index) from None
        except OverBudgetError as too_much:
            raise self._stop(argv, "budget", too_much.message, index) from None
        if self._observers:
            self._tell(index)
        return None

    def execute_all(self, commands: Iterable[Argv]) -> None:
        """Run commands one after the other."""
        execute = self.execute
        for argv in commands:
            execute(argv)

    def _find(self, argv: Argv) -> Command:
        """Look a command up whatever its case, and remember this spelling."""
        command = self._commands.get(argv[0].upper())
        if command is None:
            name = excerpt(argv[0], _NAME_SHOWN)
            raise self._stop(argv, "unknown", f"unknown command '{name}'", self.commands)
        if command.name in OF_TRANSACTIONS:
            command = Command(
                command.name,
                {b"MULTI": self._multi, b"EXEC": self._exec, b"DISCARD": lone_discard}[command.name],
                *(command.least, command.most, None, None, False),
            )
        if self._context.stands_in:
            from aoftool.keyspace.unknown_keys import guarded

            command = guarded(command)
        if len(self._spelled) < _SPELLINGS_KEPT:
            self._spelled[argv[0]] = command
        return command

    def _wrong_arity(self, command: Command, argv: Argv) -> Refusal | None:
        name = command.name.decode("ascii").lower()
        text = f"wrong number of arguments for '{name}' command"
        index = self.commands
        if not command.self_checking or self.flavour.strict_arity:
            raise self._stop(argv, "arity", text, index)
        self.commands = index + 1
        return self._refuse(command, CommandRefused(f"ERR {text}"), index)

    def _stop(self, argv: Argv, reason: str, message: str, index: int) -> ReplayStopError:
        name = excerpt(argv[0], _NAME_SHOWN)
        kind = OpaqueCommandError if reason in ("opaque", "module", "unknown") else ReplayStopError
        if reason != "unknown" and reason != "arity":
            message = f"{name}: {message}"
        return kind(message, reason=reason, command_index=index, name=name)

    def _refuse(self, command: Command, refused: CommandRefused, index: int) -> Refusal:
        refusal = Refusal(index, command.name.decode("ascii"), refused.text)
        if len(self.refused) < _SPELLINGS_KEPT or (refusal.name, refusal.text) in self.refused:
            self.refused[refusal.name, refusal.text] += 1
        if len(self.refusals) < _REFUSALS_KEPT:
            self.refusals.append(refusal)
        return refusal

    def _tell(self, index: int) -> None:
        for number, database in enumerate(self.databases):
            if database.changed:
                keys = list(database.changed)
                database.changed.clear()
                for observer in self._observers:
                    observer.keys_changed(index, number, keys)

    # -- transactions --------------------------------------------------------------------------

    def _multi(self, context: Context, argv: Argv) -> None:
        if self._queue is None:
            self._queue = Transaction()

    def _exec(self, context: Context, argv: Argv) -> None:
        raise CommandRefused("ERR EXEC without MULTI")

    def _enqueue(self, command: Command, argv: Argv, index: int) -> Refusal | None:
        """Keep a command for EXEC; every other one is kept, MULTI and DISCARD too."""
        queue = self._queue
        assert queue is not None
        if command.name != b"EXEC":
            try:
                queue.add(command, argv, index, self._context.made.most_bytes)
            except OverBudgetError as too_much:
                raise self._stop(argv, "budget", too_much.message, index) from None
            return None
        self._queue = None
        for queued in queue.commands:
            self._run_queued(*queued)
        return None

    def _run_queued(self, command: Command, argv: Argv, index: int) -> None:
        if command.name == b"MULTI":
            self._refuse(command, CommandRefused("ERR MULTI calls can not be nested"), index)
            return
        if command.name in (b"DISCARD", b"RESET"):
            message = "a server dies when EXEC reaches it"
            raise self._stop(argv, "crash", message, index)
        try:
            command.apply(self._context, argv)
        except CommandRefused as refused:
            self._refuse(command, refused, index)
        except CannotFollow as reason:
            raise self._stop(argv, reason.reason, reason.message, index) from None
        except OverBudgetError as too_much:
            raise self._stop(argv, "budget", too_much.message, index) from None
        if self._observers:
            self._tell(index)
