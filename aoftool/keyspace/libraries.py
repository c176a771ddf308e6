"""The function libraries of a data set, and which two of them cannot be there at once.

No Lua runs here. Two libraries clash for certain when they have one name, or when one function stands in the
texts of both and both texts are plain; what else an engine may refuse is not known, and is not refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aoftool.escape import excerpt
from aoftool.keyspace.flavour import Flavour
from aoftool.keyspace.refusal import CommandRefused
from aoftool.quoting import Quoting
from aoftool.rdb.library import library_name, plain_body, read_header

__all__ = ["Libraries", "Library", "has_server_object", "library_of_base", "read_library"]


class Library:
    """A function library.

    Attributes:
        name: as its first line gives it.
        code: its text.
        functions: what it registers; None where only a server can tell.
        of_base: it stands in the RDB part of the log: a server loaded it.
    """

    __slots__ = ("code", "functions", "name", "of_base")

    def __init__(
        self, name: bytes, code: bytes, functions: frozenset[bytes] | None, *, of_base: bool = False
    ) -> None:
        self.name = name
        self.code = code
        self.functions = functions
        self.of_base = of_base


class Libraries:
    """Libraries by name, and their functions as far as they are known; every step takes constant time."""

    def __init__(self) -> None:
        self._by_name: dict[bytes, Library] = {}
        self._owners: dict[bytes, bytes] = {}

    def __bool__(self) -> bool:
        return bool(self._by_name)

    @property
    def by_name(self) -> Mapping[bytes, Library]:
        """The libraries, in the order in which their names came first."""
        return self._by_name

    def add(self, libraries: Iterable[Library], *, replace: bool) -> None:
        """Add libraries, all of them or none.

        Raises:
            CommandRefused: a name or a function is taken.
        """
        new = list(libraries)
        gone: set[bytes] = set()
        if replace:
            gone = {library.name for library in new}
        taken: dict[bytes, bytes] = {}
        names: set[bytes] = set()
        for library in new:
            if library.name in names or (not replace and library.name in self._by_name):
                raise CommandRefused(f"ERR Library '{excerpt(library.name)}' already exists")
            names.add(library.name)
            for function in sorted(library.functions or ()):
                owner = self._owners.get(function)
                if function in taken or (owner is not None and owner not in gone):
                    raise CommandRefused(f"ERR Function {excerpt(function)} already exists")
                taken[function] = library.name
        for library in new:
            self._forget_functions(library.name)
            self._by_name[library.name] = library
        self._owners.update(taken)

    def remove(self, name: bytes) -> bool:
        """Remove a library; tell whether it was there."""
        if name not in self._by_name:
            return False
        self._forget_functions(name)
        del self._by_name[name]
        return True

    def clear(self) -> None:
        """Remove all of them."""
        self._by_name, self._owners = {}, {}

    def _forget_functions(self, name: bytes) -> None:
        library = self._by_name.get(name)
        for function in (library.functions if library is not None else None) or ():
            if self._owners.get(function) == name:
                del self._owners[function]


def has_server_object(flavour: Flavour) -> bool:
    """Tell whether scripts and libraries of a server may call `server` for `redis`.

    Measured: not on Redis 7.0.15 to 8.6.3; on Valkey 8.1.1 and 9.1.2, and 8.0 is taken for these.
    """
    return flavour.has(None, (8, 0))


def read_library(code: bytes, flavour: Flavour, *, trusts_log: bool) -> Library:
    """Read a library that a command of the log loads.

    Args:
        trusts_log: refuse nothing that another server would take.

    Raises:
        CommandRefused: the text proves that the server refuses it.
    """
    quoting = Quoting.JOINED if trusts_log or flavour.has(None, (9, 0)) else Quoting.SEPARATE
    header = read_header(code)
    if header.problem and quoting is Quoting.JOINED:
        header = read_header(code, quoting)
    if header.problem:
        raise CommandRefused(header.problem)
    # Modules bring engines to Valkey; Redis has the one.
    if header.engine != b"lua" and flavour.family == "redis" and not trusts_log:
        raise CommandRefused(f"ERR Engine '{excerpt(header.engine)}' not found")
    if header.engine == b"lua" and not code.partition(b"\n")[2].strip():
        raise CommandRefused("ERR No functions registered")
    body = plain_body(code) if header.engine == b"lua" else None
    if body is not None and body.uses_server and not trusts_log and not has_server_object(flavour):
        raise CommandRefused("ERR Error registering functions: nonexistent global variable 'server'")
    return Library(header.name, code, None if body is None else body.functions)


def library_of_base(code: bytes) -> Library:
    """Return a library of an RDB part, whatever its text is."""
    body = plain_body(code)
    functions = None if body is None else body.functions
    return Library(library_name(code) or code, code, functions, of_base=True)
