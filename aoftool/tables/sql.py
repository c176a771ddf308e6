"""SQL over tables, by DuckDB: a table is read when a query needs it, and of its columns those it needs.

The database lives in memory. It can neither read nor write files, load extensions or change its settings,
unless that is asked for. Knows no log.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aoftool.dataclass import dataclass, field
from aoftool.errors import OverBudgetError, UsageError
from aoftool.tables.arrow import ArrowTable, need_extra
from aoftool.tables.batch import Batch, nothing_of
from aoftool.tables.schema import TABLES, Column, Table
from aoftool.tables.stops import Stops

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["Answer", "Database", "Limits"]

ReadTable = Callable[[str, frozenset[str]], Iterable[Batch]]
"""Yields the batches of a table, given its name and the columns that are needed."""

_FETCHED = 1024
_DEFAULT_MEMORY = 1 << 30
# What the optimizer tells of a table is told by these names of its columns.
_MARK = "."


@dataclass(frozen=True, slots=True)
class Limits:
    """What a query may do.

    Attributes:
        allow_files: read and write files.
        memory_bytes: of the database; None for 1 GiB.
        seconds: a query is given up after so many; None for never.
        threads: of the database.
    """

    allow_files: bool = False
    memory_bytes: int | None = None
    seconds: float | None = None
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement gave.

    Attributes:
        names, types: of the columns; types as the database names them.
        rows: to be iterated once.
    """

    names: tuple[str, ...]
    types: tuple[str, ...]
    rows: Iterator[Sequence[Any]]


@dataclass
class Database:
    """The tables, ready to be asked.

    Args:
        read: reads a table.
        limits: what a query may do.
    """

    read: ReadTable
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        try:
            import duckdb
        except ImportError as error:
            raise need_extra("SQL", error) from error
        self._duckdb = duckdb
        self._needed: dict[str, frozenset[str]] = {}
        self._sources: dict[str, ArrowTable] = {}
        # A Python variable is no table: a name that is none is an error.
        memory = self.limits.memory_bytes or _DEFAULT_MEMORY
        self._connection: DuckDBPyConnection = duckdb.connect(
            config={
                "python_enable_replacements": "false",
                "threads": self.limits.threads,
                "memory_limit": f"{memory >> 10}KiB",
            }
        )
        self._stops = Stops(self._connection.interrupt)
        with self._told(), self._stops.kept():
            for table in TABLES:
                self._add(table)
            self._connection.execute("SET TimeZone = 'UTC'")
            if not self.limits.allow_files:
                self._connection.execute("SET enable_external_access = false")
            self._connection.execute("SET lock_configuration = true")

    def _add(self, table: Table) -> None:
        marked = Table(
            table.name,
            table.about,
            tuple(Column(f"{table.name}{_MARK}{c.name}", c.kind, c.meaning) for c in table.columns),
        )
        source = ArrowTable(marked, lambda: self._batches(table), self._stops)
        self._sources[table.name] = source
        self._connection.register(f"_{table.name}", source)
        columns = ", ".join(f'"{table.name}{_MARK}{name}" AS "{name}"' for name in table.names)
        self._connection.execute(f"CREATE VIEW {table.name} AS SELECT {columns} FROM _{table.name}")

    def _batches(self, table: Table) -> Iterator[Batch]:
        needed = self._needed.get(table.name, frozenset(table.names))
        for batch in self.read(table.name, needed):
            columns = {
                f"{table.name}{_MARK}{column.name}": batch.columns[column.name]
                if column.name in batch.columns
                else nothing_of(column.kind, batch.rows)
                for column in table.columns
            }
            yield Batch(batch.rows, columns)

    def ask(self, text: str) -> Iterator[Answer]:
        """Run the statements of a text one after the other; each answer is to be read before the next.

        Raises:
            UsageError: the database does not understand it, or does not allow it.
            OverBudgetError: it takes too long, or too much memory.
            AoftoolError: whatever reading the log raises.
        """
        for source in self._sources.values():
            # What ended an earlier query, and was told then.
            source.failure = None
        with self._told(), self._stops.kept():
            statements = self._connection.extract_statements(text)
        for statement in statements:
            with self._told(), self._timed(), self._stops.kept():
                self._needed = self._columns_of(statement)
                self._connection.execute(statement)
                described = self._connection.description or []
            yield Answer(
                tuple(column[0] for column in described),
                tuple(str(column[1]) for column in described),
                self._rows() if described else iter(()),
            )

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def words(self) -> list[str]:
        """Return the names that a query may hold, for completion."""
        found = self._connection.execute("SELECT keyword_name FROM duckdb_keywords()").fetchall()
        functions = self._connection.execute(
            "SELECT DISTINCT function_name FROM duckdb_functions()"
        ).fetchall()
        names = {name for (name,) in (*found, *functions) if name.replace("_", "a").isalnum()}
        return sorted(names | {name for table in TABLES for name in (table.name, *table.names)})

    def _rows(self) -> Iterator[Sequence[Any]]:
        while True:
            with self._told(), self._timed(), self._stops.kept():
                rows = self._connection.fetchmany(_FETCHED)
            if not rows:
                return
            yield from rows

    def _columns_of(self, statement: Any) -> dict[str, frozenset[str]]:
        """Return, by table, the columns that a query reads, as the optimizer of the database says.

        Only of a query, which runs by the very plan that is explained; whatever else there is gets them all.
        """
        if statement.type != self._duckdb.StatementType.SELECT:
            return {}
        try:
            explained = self._connection.execute(f"EXPLAIN (FORMAT JSON) {statement.query}").fetchall()
        except self._duckdb.Error:
            # The query itself is told to be wrong, in its own words.
            return {}
        needed: dict[str, set[str]] = {table.name: set() for table in TABLES}
        for _, plan in explained:
            for name in _projected(json.loads(plan)):
                table, mark, column = name.partition(_MARK)
                if mark and table in needed:
                    needed[table].add(column)
        return {name: frozenset(columns) for name, columns in needed.items()}

    @contextmanager
    def _timed(self) -> Iterator[None]:
        if self.limits.seconds is None:
            yield
            return
        timer = threading.Timer(self.limits.seconds, self._connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        except self._duckdb.InterruptException as error:
            raise OverBudgetError(
                f"the query took longer than {self.limits.seconds:g} s",
                hint="ask for less, or raise --timeout",
            ) from error
        finally:
            timer.cancel()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Make errors of ours of those of the database."""
        duckdb = self._duckdb
        try:
            yield
        except duckdb.InterruptException:
            raise
        except RuntimeError as error:
            # The library says so of an interrupt from the keyboard.
            if str(error) == "Query interrupted":
                raise KeyboardInterrupt from error
            raise
        except duckdb.Error as error:
            for source in self._sources.values():
                failure, source.failure = source.failure, None
                if failure is not None:
                    raise failure from None
            raise _told(duckdb, error) from error


def _told(duckdb: Any, error: Exception) -> UsageError | OverBudgetError:
    # Where it stands is marked under the line, which finds no room in a message of one line.
    lines = [line.strip() for line in str(error).splitlines()]
    text = "; ".join(line for line in lines if line.strip("^ ") and not line.startswith("LINE "))
    if isinstance(error, duckdb.OutOfMemoryException):
        return OverBudgetError(text, hint="ask for less, or raise --memory-limit")
    if isinstance(error, duckdb.PermissionException):
        return UsageError(text, hint="add --allow-files to let a query read and write files")
    if isinstance(error, duckdb.CatalogException):
        return UsageError(text, hint=f"the tables are {', '.join(table.name for table in TABLES)}")
    if isinstance(error, duckdb.BinderException):
        return UsageError(text, hint="DESCRIBE commands shows the columns of a table")
    return UsageError(text)


def _projected(node: Any) -> Iterator[str]:
    """Yield the columns that the scans of a plan read."""
    if isinstance(node, list):
        for each in node:
            yield from _projected(each)
        return
    if str(node.get("name", "")).strip() == "PYTHON_ARROW_SCAN":
        found = node["extra_info"]["Projections"]
        yield from [found] if isinstance(found, str) else found
    yield from _projected(node.get("children", []))
