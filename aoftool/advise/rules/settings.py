"""Rules on settings: unknown ones, ones that a restart takes back, and ones worth knowing."""

from __future__ import annotations

import difflib
import re

from aoftool.advise.catalogue import all_settings, is_of_module, settings_of
from aoftool.advise.model import Evidence, Finding, Severity
from aoftool.advise.rule import Answer, Case, Rule, Unknown
from aoftool.advise.situation import Situation
from aoftool.captures.conf import memory_bytes, split_arguments
from aoftool.captures.model import Directive, Entry, Kind
from aoftool.regex import regex
from aoftool.units import counted

__all__ = ["PLACES", "RULES", "values_differ", "whole_lines"]

_BAD_LINE = regex(r">>> '(.{1,200})'")
# What differs for good reasons: places, addresses, secrets, and what a start changes.
PLACES = frozenset(
    (
        "dir",
        "logfile",
        "pidfile",
        "port",
        "bind",
        "unixsocket",
        "unixsocketperm",
        "daemonize",
        "supervised",
        "dbfilename",
        "requirepass",
        "masterauth",
        "masteruser",
        "primaryauth",
        "primaryuser",
        "replicaof",
        "slaveof",
        "maxclients",
        "save",
        "client-output-buffer-limit",
        "user",
        "loadmodule",
        "rename-command",
        "include",
        "aclfile",
        "proc-title-template",
    )
)
_MASKED = regex(r"[*<(].*")
_SHOWN = 5


def setting_unknown(case: Case) -> Answer:
    """Judge names that no release, or not this one, takes in its file."""
    situation = case.situation
    known, is_measured = settings_of(situation.release)
    unknown: dict[str, Evidence] = {}
    for directive in whole_lines(situation):
        name = directive.name
        if name not in known and not is_of_module(name) and re.fullmatch(r"[a-z][a-z0-9_-]{1,60}", name):
            value = " ".join(directive.arguments)[:40]
            unknown.setdefault(name, Evidence(f"{name} {value}", directive.where, (value,)))
    refused = _refused(situation, known)
    for name, seen in refused.items():
        unknown.setdefault(name, seen)
    if not unknown:
        return None
    names = sorted(unknown)
    subject = "this server" if is_measured else "any server" if not situation.release else "such a server"
    return Finding(
        "setting-unknown",
        Severity.HIGH,
        f"{_named(names)}: no setting of {subject}; with {'it' if len(names) == 1 else 'them'} none starts",
        tuple(unknown[name] for name in names[:_SHOWN]) + tuple(refused.values()),
        do=tuple(_repair(name, known) for name in names[:_SHOWN]),
        not_this=_claims(names),
        values={"settings": len(names)},
    )


def whole_lines(situation: Situation) -> tuple[Directive, ...]:
    """Return the lines of the file, without a last one that may be half of one."""
    return tuple(directive for directive in situation.captured.conf if directive.is_whole)


def _named(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _repair(name: str, known: frozenset[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.75)
    return f"take {name} out of the file" + (f"; the nearest name is {close[0]}" if close else "")


def _claims(names: list[str]) -> tuple[str, ...]:
    if "append-direct" in names:
        return (
            "append-direct is told of in articles; no server has it, and none writes its log by direct I/O",
        )
    others = [name for name in names if name in all_settings()]
    return (f"{others[0]} is a setting of other releases",) if others else ()


def _refused(situation: Situation, known: frozenset[str]) -> dict[str, Evidence]:
    """Return names that a server refused to start with; a known one had wrong arguments."""
    found: dict[str, Evidence] = {}
    lines = [(line.message, line.where) for line in situation.captured.log]
    for text in situation.captured.fatal:
        joined = "\n".join(text.lines[:200])
        if "FATAL CONFIG FILE ERROR" in joined and "Bad directive" in joined:
            lines += [(line, text.where(index)) for index, line in enumerate(text.lines[:200])]
    for message, where in lines:
        match = _BAD_LINE.match(message.strip())
        words = split_arguments(match[1]) if match else None
        if words and words[0].lower() not in known and re.fullmatch(r"[a-z0-9_-]{2,60}", words[0].lower()):
            found.setdefault(words[0].lower(), Evidence("the server refused it", where))
    return found


def setting_unsaved(case: Case) -> Answer:
    """Judge what the server uses and its file says otherwise."""
    situation = case.situation
    conf = whole_lines(situation)
    if any(directive.name == "include" for directive in conf):
        return Unknown("the file includes others, which were not captured")
    differing = []
    for name in sorted({directive.name for directive in conf} - PLACES):
        told, used = situation.of_file(name), situation.captured.config.get(name)
        if told is None or used is None or "tls" in name:
            continue
        if values_differ(told.value, used.value):
            differing.append((name, told, used))
    saves = _save_differs(situation)
    if saves is not None:
        differing.append(("save", *saves))
    if not differing:
        return None
    return Finding(
        "setting-unsaved",
        Severity.MEDIUM,
        f"{counted(len(differing), 'setting')} will change at the next restart: the file says otherwise",
        tuple(
            Evidence(
                f"{name}: {_shown(used.value)} now, {_shown(told.value)} in the file",
                told.where,
                (_shown(used.value), _shown(told.value)),
            )
            for name, told, used in differing[:_SHOWN]
        ),
        do=("CONFIG REWRITE, to keep what is in use", "or change it back with CONFIG SET"),
        not_this=("only what the file sets is compared; places, addresses and secrets are not",),
        values={"settings": len(differing)},
    )


def _shown(value: str) -> str:
    return value[:40] if value.strip() else '""'


def values_differ(told: str, used: str) -> bool:
    """Tell whether two values of a setting differ, after units, quotes and case; masked ones never do."""
    told, used = told.strip().strip('"').lower(), used.strip().strip('"').lower()
    if told == used or _MASKED.match(used) or _MASKED.match(told):
        return False
    sizes = memory_bytes(told), memory_bytes(used)
    if None not in sizes:
        return sizes[0] != sizes[1]
    return " ".join(told.split()) != " ".join(used.split())


def _save_differs(situation: Situation) -> tuple[Entry, Entry] | None:
    """Compare save points: all lines of the file together; an empty one takes back those before."""
    used = situation.captured.config.get("save")
    lines = [directive for directive in whole_lines(situation) if directive.name == "save"]
    if used is None or not lines:
        return None
    points: list[str] = []
    for directive in lines:
        words = " ".join(directive.arguments).split()
        points = [] if not words else points + words
    in_use = _pairs(used.value.strip().strip('"').split())
    # Fewer points in the file than in use may be a file of which the rest is missing here.
    if all(point in in_use for point in _pairs(points)) and (points or not in_use):
        return None
    return Entry(" ".join(points), lines[-1].where), used


def _pairs(words: list[str]) -> list[tuple[str, str]]:
    return list(zip(words[::2], words[1::2], strict=False))


def timestamps_off(case: Case) -> Answer:
    """Tell that the log says no times."""
    situation = case.situation
    entry = situation.setting("aof-timestamp-enabled")
    if entry is None:
        return Unknown("aof-timestamp-enabled is not known")
    if situation.flag("aof-timestamp-enabled") is not False or situation.is_aof_on is False:
        return None
    return Finding(
        "timestamps-off",
        Severity.INFO,
        "the log says no times: what happened when, and a restore to a moment, need them",
        (Evidence("aof-timestamp-enabled no", entry.where),),
        do=(
            "CONFIG SET aof-timestamp-enabled yes: at most 1.4 MB a day; see that programs that read it can",
        ),
        undo="CONFIG SET aof-timestamp-enabled no",
    )


def aof_off(case: Case) -> Answer:
    """Tell that there is no log."""
    situation = case.situation
    if situation.is_aof_on is None:
        return Unknown("appendonly is not known")
    if situation.is_aof_on:
        return None
    entry = situation.field("aof_enabled") or situation.setting("appendonly")
    save = situation.setting("save")
    points = save.value.strip().strip('"') if save else ""
    return Finding(
        "aof-off",
        Severity.INFO,
        "there is no append-only file"
        + (f": a crash takes all since the last save ({points})" if points else ""),
        (Evidence("aof_enabled:0", entry.where if entry else ""),),
        do=("CONFIG SET appendonly yes, then CONFIG REWRITE",),
        not_this=("appendonly yes in the file and a restart: the server then starts empty",),
    )


_CONFIG = ((Kind.CONFIG,), (Kind.CONF,))
RULES = (
    Rule(
        "setting-unknown",
        "settings",
        ((Kind.CONF,), (Kind.SERVER_LOG,), (Kind.UNKNOWN,)),
        "a name in the file that this release does not take",
        setting_unknown,
        "settings of modules, include, user, loadmodule and rename-command are none",
    ),
    Rule(
        "setting-unsaved",
        "settings",
        ((Kind.CONFIG, Kind.CONF),),
        "what the file sets and the server uses differ, after units and quotes",
        setting_unsaved,
        "not places, addresses, secrets; not with files that include others",
    ),
    Rule("timestamps-off", "settings", _CONFIG, "aof-timestamp-enabled no", timestamps_off),
    Rule("aof-off", "policy", ((Kind.INFO,), *_CONFIG), "appendonly no", aof_off),
)
