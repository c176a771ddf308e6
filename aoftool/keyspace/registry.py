"""How handlers are listed: name, number of arguments, first releases that have the command.

Knows no handler by itself; each module of `apply` fills a `CommandTable` of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aoftool.dataclass import dataclass
from aoftool.keyspace.context import Argv, Context
from aoftool.keyspace.flavour import Flavour, Version

__all__ = ["Apply", "Command", "CommandTable"]

Apply = Callable[[Context, Argv], None]

_ANY_NUMBER = 1 << 62


@dataclass(frozen=True, slots=True)
class Command:
    """A command as the engine runs it.

    Attributes:
        name: in upper case.
        apply: changes the context, or raises CommandRefused before it has changed anything.
        least, most: number of arguments it takes, the name counted.
        redis, valkey: first versions that have it; None where no release has.
        self_checking: servers before Valkey 8.1 answer a wrong number of arguments with an error
            (others crash on it).
    """

    name: bytes
    apply: Apply
    least: int
    most: int
    redis: Version | None
    valkey: Version | None
    self_checking: bool

    def exists_on(self, flavour: Flavour) -> bool:
        """Tell whether this server has the command."""
        return flavour.has(self.redis, self.valkey)


class CommandTable:
    """The commands of one module of `apply`."""

    def __init__(self) -> None:
        self._commands: list[Command] = []

    def __iter__(self) -> Iterator[Command]:
        return iter(self._commands)

    def command(
        self,
        name: bytes,
        arity: int,
        *,
        redis: Version | None = (1, 0),
        valkey: Version | None = (7, 2),
        self_checking: bool = False,
    ) -> Callable[[Apply], Apply]:
        """List the decorated handler; a negative arity means "at least", as in COMMAND INFO."""

        def enter(apply: Apply) -> Apply:
            most = arity if arity > 0 else _ANY_NUMBER
            self._commands.append(Command(name, apply, abs(arity), most, redis, valkey, self_checking))
            return apply

        return enter
