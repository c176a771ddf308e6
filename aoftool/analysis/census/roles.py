"""Where the census finds keys, expire times and stream IDs in a command.

Made from the table of commands. Places that need a search through options (SORT STORE, GEORADIUS
STORE, MIGRATE KEYS) are left out: the first key of such a command stands for all of it.
"""

from __future__ import annotations

from functools import cache

from aoftool.analysis.census.model import Action, CommandRole
from aoftool.commands.table import CommandSpec, all_commands, all_module_commands
from aoftool.resp.grammar import KeyRule, KeyRules

__all__ = ["key_rules", "role_of"]

_RULES_MOST = 4
_STORES = (
    b"BITOP",
    b"GEOSEARCHSTORE",
    b"SDIFFSTORE",
    b"SINTERSTORE",
    b"SUNIONSTORE",
    b"ZDIFFSTORE",
    b"ZINTERSTORE",
    b"ZRANGESTORE",
    b"ZUNIONSTORE",
)
_ACTIONS = {
    b"SET": Action.SET,
    b"MSET": Action.SET,
    b"GETSET": Action.SET,
    b"SETEX": Action.SET,
    b"PSETEX": Action.SET,
    b"RESTORE": Action.SET,
    b"PEXPIREAT": Action.EXPIRE_MS,
    b"EXPIREAT": Action.EXPIRE_S,
    b"DEL": Action.DELETE,
    b"UNLINK": Action.DELETE,
    b"GETDEL": Action.DELETE,
    b"PERSIST": Action.PERSIST,
    b"FLUSHDB": Action.FLUSH_DB,
    b"FLUSHALL": Action.FLUSH_ALL,
    b"XADD": Action.STREAM_ADD,
    b"RENAME": Action.RENAME,
    b"RENAMENX": Action.RENAME,
    b"COPY": Action.COPY,
    **dict.fromkeys(_STORES, Action.STORE),
    b"SELECT": Action.FRAMING,
    b"MULTI": Action.FRAMING,
    b"EXEC": Action.FRAMING,
}
# Arguments behind the keys that are looked at: the options of SET, the time of PEXPIREAT, and where the
# ID of XADD may stand (NOMKSTREAM, MAXLEN or MINID with its words go before).
_EXTRAS = {
    b"SET": KeyRule(3, 6),
    b"PEXPIREAT": KeyRule(2, 2),
    b"EXPIREAT": KeyRule(2, 2),
    b"XADD": KeyRule(2, 8),
}


@cache
def key_rules(*, extras: bool = True) -> KeyRules:
    """Return the places of keys for every command, for the scanner.

    Args:
        extras: those of further arguments that the census looks at too.
    """
    rules: dict[tuple[bytes, bytes | None], tuple[KeyRule, ...]] = {}
    for spec in (*all_commands(), *all_module_commands()):
        for each in (spec, *spec.subcommands.values()):
            found = _rules_of(each, extras)
            if found:
                rules[each.name, each.subcommand] = found
    return rules


def _rules_of(spec: CommandSpec, extras: bool) -> tuple[KeyRule, ...]:
    rules: list[KeyRule] = []
    for rule in spec.key_rules:
        if not rule.known or rule.index is None or rule.limit:
            continue
        if rule.count_at is not None:
            first = rule.index + rule.first
            rules.append(KeyRule(first, first, rule.step, rule.index + rule.count_at))
        else:
            last = rule.index + rule.last if rule.last >= 0 else rule.last
            rules.append(KeyRule(rule.index, last, rule.step))
    extra = _EXTRAS.get(spec.name) if extras and spec.subcommand is None else None
    if extra is not None:
        rules = [*rules[: _RULES_MOST - 1], extra]
    return tuple(_joined(rules)[:_RULES_MOST])


def _joined(rules: list[KeyRule]) -> list[KeyRule]:
    """Return rules with neighbours made one: the scanner is fastest where there is only one."""
    out: list[KeyRule] = []
    for rule in rules:
        before = out[-1] if out else None
        plain = before is not None and not before.count_at and not rule.count_at
        if before is not None and plain and before.step == rule.step == 1 and rule.first == before.last + 1:
            out[-1] = KeyRule(before.first, rule.last)
        else:
            out.append(rule)
    return out


def role_of(number: int, name: bytes, admitted: bool) -> CommandRole:
    """Return the role of an upper-case command name."""
    extra = _EXTRAS.get(name)
    return CommandRole(
        number, int(_ACTIONS.get(name, Action.TOUCH)), extra.first if extra is not None else 0, admitted
    )
