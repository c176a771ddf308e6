"""The effect table in the shape the compiled forward pass runs: flat numbers, one tuple a form.

Only forms whose conditions and key rules are simple are translated; the rest are marked, and the pass
hands such commands to the Python reference. Knows the kinds of the table, no command.
"""

from __future__ import annotations

from typing import Any

from aoftool.commands.effects import EffectTable, Form, KeyEffect, Role, Scope
from aoftool.commands.forms import words_of
from aoftool.liveness.model import Op, RefEffect
from aoftool.namedtuple import NamedTuple

__all__ = ["FormSpec", "RuleSpec", "compile_forms"]

RULES_MAX = 3
WORDS_MAX = 4
WORD_SIZE_MAX = 8
NAME_SIZE_MAX = 24

_EFFECTS = {
    KeyEffect.REPLACES: RefEffect.REPLACES,
    KeyEffect.CHANGES: RefEffect.CHANGES,
    KeyEffect.MOVES: RefEffect.CHANGES,
    KeyEffect.READS: RefEffect.READS,
}


class RuleSpec(NamedTuple):
    """Key positions: a range (`last` below 0 counts from the end), or keys behind their number."""

    counted: bool
    first: int
    last: int
    step: int
    effect: int


class FormSpec(NamedTuple):
    """One form; -1 stands for a condition that is not asked."""

    slow: bool
    argc: int = -1
    modulus: int = -1
    rest: int = 0
    word_at: int = -1
    words: tuple[bytes, ...] = ()
    int_at: int = -1
    int_min: int = 0
    int_max: int = 0
    rules: tuple[RuleSpec, ...] = ()
    one_op: int = 0
    many_op: int = 0
    trim_step: int = 0


_SLOW = FormSpec(slow=True)


def compile_forms(table: EffectTable) -> dict[bytes, list[FormSpec]]:
    """Return the forms of every command name that has at least one simple form."""
    compiled = {}
    for name in sorted(table.names()):
        specs = [_compile(form) for form in table.forms(name)]
        if len(name) <= NAME_SIZE_MAX and not all(spec.slow for spec in specs):
            compiled[name] = [*specs, _SLOW]
    return compiled


def _compile(form: Form) -> FormSpec:
    conditions = _conditions(form.when or {})
    rules = [_rule(form, rule) for rule in form.keys]
    simple_scope = form.scope in (Scope.KEY, Scope.NONE) and form.role is Role.NONE
    if conditions is None or None in rules or len(rules) > RULES_MAX or not simple_scope:
        return _SLOW
    if form.reads_database or form.carried or (not form.keys and words_of((form.command,))):
        # What has options and does nothing is looked at: an option of it may be one that is not known here.
        return _SLOW
    return FormSpec(
        slow=False,
        rules=tuple(rule for rule in rules if rule is not None),
        one_op=_one_op(form),
        many_op=Op.MANY_TRIM if form.trim else Op.MANY,
        trim_step=int(form.keys[0].get("step", 1)) if form.trim else 0,
        **conditions,
    )


def _conditions(when: dict[str, Any]) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    for kind, expected in when.items():
        if kind == "argc":
            found["argc"] = expected
        elif kind == "argc_mod":
            found["modulus"], found["rest"] = expected
        elif kind == "token" and len(expected) == 1:
            ((at, words),) = expected.items()
            found["word_at"], found["words"] = int(at), tuple(word.encode() for word in words)
            if len(words) > WORDS_MAX or max(map(len, words)) > WORD_SIZE_MAX:
                return None
        elif kind == "int" and len(expected) == 1:
            ((at, limits),) = expected.items()
            found.update(int_at=int(at), int_min=limits["min"], int_max=limits["max"])
        else:
            return None
    return found


def _rule(form: Form, rule: dict[str, Any]) -> RuleSpec | None:
    if "db_at" in rule or "db_option" in rule:
        return None
    effect = int(_EFFECTS[KeyEffect(rule["effect"])])
    if effect == RefEffect.REPLACES and form.deletes:
        effect = RefEffect.DELETES
    elif effect == RefEffect.REPLACES and form.value_follows:
        effect = RefEffect.SETS
    if "at" in rule:
        return RuleSpec(False, rule["at"], rule["at"], 1, effect)
    if "first" in rule:
        return RuleSpec(False, rule["first"], rule["last"], rule["step"], effect)
    if "numkeys" in rule:
        return RuleSpec(True, rule["numkeys"], 0, rule["step"], effect)
    return None


def _one_op(form: Form) -> int:
    if all(rule["effect"] == "replaces" for rule in form.keys):
        if form.deletes:
            return Op.ONE_DELETES
        return Op.ONE_SETS if form.value_follows else Op.ONE_REPLACES
    return Op.ONE_CHANGES
