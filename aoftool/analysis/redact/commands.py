"""Commands with stand-ins for their keys and data: what a reporter gets when output is to be shared."""

from __future__ import annotations

from collections.abc import Sequence

from aoftool.analysis.audit.model import Audit, AuditEvent
from aoftool.analysis.commands.model import LoggedCommand
from aoftool.analysis.diff.model import Diff, KeyFacts, LibraryChange
from aoftool.analysis.history.model import HistoryStep, KeyState
from aoftool.commands.forms import all_words
from aoftool.commands.roles import ArgumentRole, argument_roles
from aoftool.commands.table import lookup
from aoftool.dataclass import replace
from aoftool.redaction import Redactor
from aoftool.regex import regex
from aoftool.values import HashValue, ListValue, SetValue, Value, ZSetValue

__all__ = [
    "redacted_argv",
    "redacted_audit",
    "redacted_command",
    "redacted_diff",
    "redacted_step",
    "redacted_value",
]


# Numbers, entry IDs, and what stands for one or for an end.
_NUMBER = regex(
    rb"[-+(\[]?(?:[0-9]{1,20}(?:\.[0-9]{1,20})?(?:e[-+]?[0-9]{1,3})?|inf)"
    rb"|[0-9]{1,20}-(?:[0-9]{1,20}|\*)|[*$+>~=-]|"
)
# Words at a fixed place, which are no options.
_WORDS = frozenset(
    b"LEFT RIGHT BEFORE AFTER MIN MAX AND OR XOR NOT DIFF DIFF1 ANDOR ONE SUM BYTE BIT".split()
)


def redacted_argv(argv: Sequence[bytes], redactor: Redactor) -> list[bytes]:
    """Return the arguments with stand-ins of the same lengths; they must be whole, not cut."""
    out = []
    for argument, role in zip(argv, argument_roles(argv), strict=True):
        if role is ArgumentRole.KEY:
            out.append(redactor.key(argument))
        elif role is ArgumentRole.DATA:
            # A command nobody knows: its keys cannot be told from its data, so either mode hides all.
            out.append(_data(argument, redactor, unknown=len(out) == 0 or out[0] != argv[0]))
        elif len(out) and not _is_language(argv, len(out)):
            # It stands where a number or a word of the command should: nobody knows what it is.
            out.append(redactor.value(argument) if redactor.hides_values else redactor.key(argument))
        else:
            out.append(argument)
    return out


def _is_language(argv: Sequence[bytes], at: int) -> bool:
    """Tell whether an argument is a number, an entry ID, or a word that some command knows."""
    word = argv[at]
    if _NUMBER.fullmatch(word) or word.upper() in _WORDS or word.upper() in all_words():
        return True
    return at == 1 and lookup(argv[0].upper(), word.upper()) is not None


def _data(argument: bytes, redactor: Redactor, *, unknown: bool) -> bytes:
    return redactor.key(argument) if unknown and not redactor.hides_values else redactor.value(argument)


def redacted_command(command: LoggedCommand, redactor: Redactor | None) -> LoggedCommand:
    """Return a command as it may be shown."""
    if redactor is None:
        return command
    return replace(command, argv=redacted_argv(command.argv, redactor))


def redacted_value(value: Value, redactor: Redactor) -> Value | None:
    """Return a value with stand-ins for everything in it; scores stay.

    Returns:
        None for a type whose contents have no stand-ins: streams, arrays and module values.
    """
    hide = redactor.value
    if not redactor.hides_values:
        return value
    if isinstance(value, bytes):
        return hide(value)
    if isinstance(value, ListValue):
        return ListValue(map(hide, value))
    if isinstance(value, SetValue):
        return SetValue(dict.fromkeys(map(hide, value)))
    if isinstance(value, HashValue):
        hidden = HashValue({hide(field): hide(text) for field, text in value.items()})
        hidden.expires.update({hide(field): at for field, at in value.expires.items()})
        return hidden
    if isinstance(value, ZSetValue):
        ranked = ZSetValue()
        for score, member in value.ranked():
            ranked[hide(member)] = score
        return ranked
    return None


def redacted_step(step: HistoryStep, redactor: Redactor | None) -> HistoryStep:
    """Return a step of a history as it may be shown."""
    if redactor is None:
        return step
    return replace(
        step,
        command=redacted_command(step.command, redactor),
        key=redactor.key(step.key),
        before=_redacted_state(step.before, redactor),
        after=_redacted_state(step.after, redactor),
    )


def _redacted_state(state: KeyState, redactor: Redactor) -> KeyState:
    return state if state.value is None else replace(state, value=redacted_value(state.value, redactor))


def redacted_audit(audit: Audit, redactor: Redactor | None) -> Audit:
    """Return an audit as it may be shown."""
    if redactor is None:
        return audit
    return replace(audit, events=[_redacted_event(event, redactor) for event in audit.events])


def _redacted_event(event: AuditEvent, redactor: Redactor) -> AuditEvent:
    prefix, loss = event.common_prefix, event.loss
    if loss is not None:
        hidden = tuple((redactor.key(name), count) for name, count in loss.by_prefix)
        loss = replace(loss, by_prefix=hidden)
    return replace(
        event,
        command=redacted_command(event.command, redactor),
        last=None if event.last is None else redacted_command(event.last, redactor),
        common_prefix=None if prefix is None else redactor.key(prefix),
        loss=loss,
        before=[redacted_command(row, redactor) for row in event.before],
        behind=[redacted_command(row, redactor) for row in event.behind],
    )


def redacted_diff(diff: Diff, redactor: Redactor | None) -> Diff:
    """Return a diff as it may be shown; digests too, for they would give short values away."""
    if redactor is None:
        return diff
    parting = diff.parting
    if parting is not None:
        examples = tuple((db, redactor.key(key)) for db, key in parting.examples)
        parting = replace(parting, examples=examples)
    changes = [
        replace(
            change,
            key=redactor.key(change.key),
            before=_redacted_facts(change.before, redactor),
            after=_redacted_facts(change.after, redactor),
        )
        for change in diff.changes
    ]
    prefixes = [replace(row, prefix=redactor.key(row.prefix)) for row in diff.prefixes]
    libraries = diff.libraries and [_redacted_library(library, redactor) for library in diff.libraries]
    return replace(diff, changes=changes, libraries=libraries, prefixes=prefixes, parting=parting)


def _redacted_library(change: LibraryChange, redactor: Redactor) -> LibraryChange:
    before, after = (
        None if digest is None else redactor.value(bytes.fromhex(digest)).hex()
        for digest in (change.before, change.after)
    )
    return replace(change, name=redactor.key(change.name), before=before, after=after)


def _redacted_facts(facts: KeyFacts | None, redactor: Redactor) -> KeyFacts | None:
    if facts is None:
        return None
    return replace(facts, digest=redactor.value(bytes.fromhex(facts.digest)).hex())
