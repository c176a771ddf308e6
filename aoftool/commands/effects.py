"""What each command does to its keys: does the state of a key after it depend on the state before?

Reads the packaged table `effects.json`, one row for a command and form, forms tried in order. The
table was measured: 715,000 trials on Redis 6.2.5, 7.0.15, 8.0.6 and Valkey 8.1.1, 9.1.2 loaded every
form against some thirty prior states of each key, and no row was contradicted. What Redis 8.2 to 8.6
brought was measured by loading random logs with and without what it makes dead; rows of later releases
were read only, and always allow for anything. Refuses to know what values look like or how to execute
anything.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from aoftool.commands.conditions import (
    Setting,
    canonical_int,
    condition_holds,
    option_words,
)
from aoftool.commands.modules import effect_rows
from aoftool.dataclass import dataclass, replace
from aoftool.packaged import packaged_json

__all__ = ["Effect", "EffectTable", "Form", "KeyEffect", "KeyUse", "Role", "Scope", "unexecuted_names"]

_OTHER = b"*"


class KeyEffect(enum.Enum):
    """How a command and the old state of one of its keys are tied.

    REPLACES: nothing of the old state is left and nothing can stop the command. CHANGES: anything
    else that may write. READS: never written, feeds other keys. MOVES: written, and decides over
    the other keys of the command.
    """

    REPLACES = "replaces"
    CHANGES = "changes"
    READS = "reads"
    MOVES = "moves"


class Scope(enum.Enum):
    """How far a command reaches: its keys, its database, all databases, nothing, or anything."""

    KEY = "key"
    DB = "db"
    ALL = "all"
    NONE = "none"
    OPAQUE = "opaque"


class Role(enum.Enum):
    """Commands that a reader of a log obeys itself; NONE for all others."""

    NONE = "none"
    SELECT = "select"
    SWAPDB = "swapdb"
    MULTI = "multi"
    EXEC = "exec"
    DISCARD = "discard"
    WATCH = "watch"
    FLUSH = "flush"
    FUNCTIONS = "functions"
    SCRIPTS = "scripts"
    EVALSHA = "evalsha"


@dataclass(frozen=True, slots=True)
class KeyUse:
    """One key of a command.

    Attributes:
        position: index in argv.
        effect: what the command does to it.
        db: number of the database the key lives in, when the command names one; None for the
            selected database.
        db_position: index in argv of that number.
    """

    position: int
    effect: KeyEffect
    db: int | None = None
    db_position: int | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """One row of the table, as data.

    Attributes:
        carried: only a server can execute it, though its keys are known: from the first such command on
            a log is carried, and what is dead between them still goes. So it is with commands of modules, and
            in a replay with those of servers that are not executed here.
        stays: it touches no key and is kept in its place, as the making of a search index.
    """

    command: bytes
    text: str
    when: dict[str, Any] | None
    keys: tuple[dict[str, Any], ...]
    scope: Scope
    role: Role
    trim: bool
    reads_database: bool
    load_clock: bool
    loses_db: bool
    value_follows: bool
    deletes: bool
    replayable: bool = True
    carried: bool = False
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Effect:
    """What one command does.

    Attributes:
        keys: its keys, in table order; a key may appear twice. Empty for a refused command.
        form: the row it was taken from (scope, role, whether keys may be trimmed, ...).
    """

    keys: tuple[KeyUse, ...]
    form: Form

    @property
    def scope(self) -> Scope:
        """How far it reaches."""
        return self.form.scope

    @property
    def role(self) -> Role:
        """What a reader of the log must do about it."""
        return self.form.role

    @property
    def writes(self) -> bool:
        """Whether it may write any key it names."""
        return any(use.effect is not KeyEffect.READS for use in self.keys)


def _form(row: dict[str, Any]) -> Form:
    keys = tuple(row["keys"])
    return Form(
        command=row["command"].encode(),
        text=row["form"],
        when=row.get("when"),
        keys=keys,
        scope=Scope(row["scope"]),
        role=Role(row.get("role", "none")),
        trim=row.get("trim", False),
        reads_database=row.get("reads_database", False),
        load_clock=row.get("load_clock", False),
        loses_db=row.get("db_after") == "unknown",
        value_follows=bool(keys) and all(rule.get("value") == 1 for rule in keys),
        deletes=bool(keys) and all(rule.get("outcome") == "missing" for rule in keys),
        replayable=row.get("replay", True),
        carried=row.get("carried", False),
        stays=row.get("stays", False),
    )


def _opaque(form: Form) -> Form:
    """Return a form of the same command of which nothing is known but that it selects no database."""
    return replace(
        form, when=None, keys=(), scope=Scope.OPAQUE, role=Role.NONE, trim=False, reads_database=False
    )


@cache
def _packaged() -> dict[bytes, tuple[Form, ...]]:
    table: dict[bytes, list[Form]] = {}
    for row in (*packaged_json(__file__, "effects.json"), *effect_rows()):
        form = _form(row)
        table.setdefault(form.command, []).append(form)
    return {name: tuple(forms) for name, forms in table.items()}


def _is_unexecuted(form: Form) -> bool:
    return not form.replayable and form.scope is Scope.KEY


@cache
def unexecuted_names() -> frozenset[bytes]:
    """Return the commands of servers that are not executed here, though it is known which keys they touch."""
    return frozenset(name for name, forms in _packaged().items() if any(map(_is_unexecuted, forms)))


def _never(payload: bytes) -> bool:
    return False


class EffectTable:
    """Look up what commands do, for one target server.

    Args:
        databases: number of databases of the target.
        payload_loads: proves a RESTORE payload for the target; without it no RESTORE replaces.
        opaque: names whose commands count as opaque, whatever the table says.
        replay: the state is going to be computed by executing the commands: those that only a server
            can execute are carried.

    Attributes:
        opaque: as given.
    """

    def __init__(
        self,
        databases: int = 16,
        payload_loads: Callable[[bytes], bool] | None = None,
        *,
        opaque: frozenset[bytes] = frozenset(),
        replay: bool = False,
    ) -> None:
        self.setting = Setting(databases, payload_loads or _never)
        self.opaque = opaque
        self._forms = dict(_packaged())
        for name, forms in _packaged().items():
            if name in opaque:
                self._forms[name] = (_opaque(forms[-1]),)
            elif replay and not all(form.replayable for form in forms):
                self._forms[name] = tuple(replace(form, carried=_is_unexecuted(form)) for form in forms)

    def forms(self, name: bytes) -> tuple[Form, ...]:
        """Return the forms of an upper-case command name, in the order they are tried."""
        return self._forms.get(name) or self._forms[_OTHER]

    def names(self) -> frozenset[bytes]:
        """Return the names the table lists."""
        return frozenset(self._forms) - {_OTHER}

    def of(self, argv: Sequence[bytes]) -> Effect:
        """Return the effect of a command; `argv` has at least its name."""
        for form in self.forms(argv[0].upper()):
            if form.when is None or condition_holds(form.when, argv, self.setting):
                return Effect(self._keys(form, argv), form)
        return Effect((), self._forms[_OTHER][-1])

    def _keys(self, form: Form, argv: Sequence[bytes]) -> tuple[KeyUse, ...]:
        uses: list[KeyUse] = []
        for rule in form.keys:
            effect = KeyEffect(rule["effect"])
            number: int | None = None
            db_position = _database_position(rule, argv, self.setting)
            if db_position is not None:
                number = self.setting.database_number(argv[db_position])
                if number is None:
                    return ()  # a refused database number refuses the command
            uses.extend(KeyUse(at, effect, number, db_position) for at in _positions(rule, argv))
        return tuple(uses)


def _database_position(rule: dict[str, Any], argv: Sequence[bytes], setting: Setting) -> int | None:
    """Return where the command names a database: the last such option, or the first refused one."""
    if "db_at" in rule:
        return rule["db_at"] if rule["db_at"] < len(argv) else None
    if "db_option" not in rule:
        return None
    option = rule["db_option"].encode()
    found = None
    for index, word in option_words(argv, rule["from"], {option: 1}):
        if word == option and index + 1 < len(argv):
            found = index + 1
            if setting.database_number(argv[found]) is None:
                break
    return found


def _positions(rule: dict[str, Any], argv: Sequence[bytes]) -> Iterator[int]:
    """Yield the key positions of one rule, never beyond the arguments that are there."""
    argc = len(argv)
    if "at" in rule:
        if rule["at"] < argc:
            yield rule["at"]
    elif "first" in rule:
        last = rule["last"] if rule["last"] >= 0 else argc + rule["last"]
        yield from range(rule["first"], last + 1, rule["step"])
    elif "numkeys" in rule:
        at = rule["numkeys"]
        count = canonical_int(argv[at]) if at < argc else None
        stop = at + 1 + max(count or 0, 0) * rule["step"]
        yield from range(at + 1, min(stop, argc), rule["step"])
    else:
        yield from _positions_after(rule, argv)


def _positions_after(rule: dict[str, Any], argv: Sequence[bytes]) -> Iterator[int]:
    words = {word.encode() for word in rule["after"]}
    skip = {word.encode(): count for word, count in rule.get("skip", {}).items()}
    skip.update(dict.fromkeys(words, 0 if rule.get("half") else 1))
    found = None
    for index, word in option_words(argv, rule["from"], skip):
        if word in words and index + 1 < len(argv):
            found = index + 1
            if not rule.get("last"):
                break
    if found is None:
        return
    yield from range(found, found + (len(argv) - found) // 2) if rule.get("half") else (found,)
