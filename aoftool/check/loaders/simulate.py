"""What a server does when it starts on a log: load, cut, refuse or crash.

Simulates the loaders of `aoftool.check.loaders.targets` over facts that a scan has gathered; reads no file
itself. What is exact: the outcome, the file, the size it is cut to, and the message up to what
depends on the build (line numbers, addresses). What is foretold with less certainty is said in a
note: behaviour that depends on memory, on settings or on values.

Source: measured on the servers that `aoftool.releases` names; see docs/format.
"""

from __future__ import annotations

from collections.abc import Sequence

from aoftool.check.loaders.model import NEVER, Ending, Event, EventKind, LoaderFile, LoaderLog, RdbFacts
from aoftool.check.loaders.targets import DEFAULT_DATABASES, Target
from aoftool.check.model import Outcome, ServerOutcome
from aoftool.commands.modules import module_of
from aoftool.dataclass import dataclass, field
from aoftool.quoting import atoll
from aoftool.rdb.header import HEADER_BYTES
from aoftool.units import counted

__all__ = ["simulate"]


_NO_SIGNATURE = "Wrong signature trying to load DB from file"
# Bytes that Valkey quotes of an unknown command and of its arguments together.
_QUOTED_BYTES = 128
_DATABASES = f"the limit is the setting `databases`, which is {DEFAULT_DATABASES} unless it is configured"
_SHORT_RDB = "Short read or OOM loading DB. Unrecoverable error, aborting now."


@dataclass
class _Run:
    """One simulated start: the notes so far, and what the server dies of once it has loaded."""

    target: Target
    notes: list[str] = field(default_factory=list)
    databases: int = DEFAULT_DATABASES
    afterwards: tuple[LoaderFile, str] | None = None

    def end(
        self, outcome: Outcome, file: LoaderFile | None, message: str, cut_to: int | None = None
    ) -> ServerOutcome:
        path = "" if file is None else file.path
        return ServerOutcome(self.target.name, outcome, path, cut_to, message, tuple(self.notes))


def simulate(log: LoaderLog, target: Target) -> ServerOutcome:
    """Return what a server of that line does when it starts on the log."""
    run = _Run(target, list(log.notes), log.databases)
    if log.dump and log.files:
        return _load_dump(run, log.files[0])
    if log.multi_part and not target.multi_part:
        run.notes.clear()  # what a server does with the files is nothing to one that does not read them
        return run.end(Outcome.UNSUPPORTED, None, "this version knows no multi-part AOF")
    if log.manifest_error is not None:
        return _manifest_refusal(run, log)
    if log.missing:
        message = f"Unable to obtain the AOF file {log.missing[0]} length. stat: No such file or directory"
        return ServerOutcome(target.name, Outcome.REFUSE, log.manifest_path, None, message, tuple(run.notes))
    if log.starts_empty:
        run.notes.append(log.starts_empty)
        return run.end(Outcome.LOAD, None, "")
    return _load_files(run, log.files)


def _manifest_refusal(run: _Run, log: LoaderLog) -> ServerOutcome:
    assert log.manifest_error is not None
    message, line, text = log.manifest_error
    parts = ["*** FATAL AOF MANIFEST FILE ERROR ***"]
    if line:
        parts += [f"Reading the manifest file, at line {line}", f">>> '{text}'"]
    parts.append(message)
    return ServerOutcome(
        run.target.name, Outcome.REFUSE, log.manifest_path, None, "\n".join(parts), tuple(run.notes)
    )


def _load_files(run: _Run, files: Sequence[LoaderFile]) -> ServerOutcome:
    cut: ServerOutcome | None = None
    for number, file in enumerate(files):
        if file.directory:
            message = f"Unrecoverable error reading the append only file {file.name}: Is a directory"
            return run.end(Outcome.REFUSE, file, message)
        if file.size_bytes == 0:
            run.notes.append(f"{file.name} is empty and skipped")
            continue
        outcome = _load_file(run, file, last=number == len(files) - 1)
        if outcome is None:
            continue
        if outcome.outcome is not Outcome.CUT:
            return outcome
        cut = outcome
    if run.afterwards is not None:
        file, message = run.afterwards
        return run.end(Outcome.CRASH, file, message, None if cut is None else cut.cut_to)
    return cut or run.end(Outcome.LOAD, None, "")


def _load_file(run: _Run, file: LoaderFile, last: bool) -> ServerOutcome | None:
    """Return how loading ends in this file; None when it loads whole."""
    target = run.target
    if file.enveloped and not target.opens_envelopes:
        # The first bytes are no magic that it knows: it takes them for a command.
        return run.end(Outcome.REFUSE, file, _bad_format(target, file))
    sniffed = any(file.head.startswith(magic) for magic in target.rdb_sniff)
    if sniffed:
        refused = _load_rdb(run, file)
        if refused is not None:
            return refused
    elif file.rdb_part:
        return run.end(Outcome.REFUSE, file, _bad_format(target, file))
    if not file.command_stream:
        return None
    for event in _in_order(target, file.events):
        outcome = _meet(run, file, event)
        if outcome is not None:
            return outcome
    return _finish(run, file, last)


def _in_order(target: Target, events: Sequence[Event]) -> list[Event]:
    """Return the events as a loader meets them: what only happens when a command runs waits for its EXEC."""
    found = []
    for event in events:
        late = event.runs_at is not None and not _noticed_when_read(target, event.kind)
        at = event.runs_at if late and event.runs_at is not None else event.offset
        if at != NEVER:
            found.append((at, event))
    return [event for _, event in sorted(found, key=lambda pair: pair[0])]


def _noticed_when_read(target: Target, kind: EventKind) -> bool:
    if kind is EventKind.WRONG_ARITY:
        return target.counts_arguments
    if kind is EventKind.UNKNOWN_SUBCOMMAND:
        return target.has_subcommands
    return kind not in (EventKind.HURTFUL, EventKind.DISCARD_IN_MULTI)


def _load_rdb(run: _Run, file: LoaderFile) -> ServerOutcome | None:
    target, rdb = run.target, file.rdb
    if len(file.head) < HEADER_BYTES:
        return run.end(Outcome.REFUSE, file, _SHORT_RDB)
    redis = file.head.startswith(b"REDIS")
    if not file.head.startswith(target.rdb_signature):
        return run.end(Outcome.REFUSE, file, _refused_header(target, file, _NO_SIGNATURE))
    version = atoll(file.head[5:] if redis else file.head[6:])
    highest = target.redis_rdb if redis else target.valkey_rdb
    lowest = 1 if redis else 80
    if not lowest <= version <= highest:
        words = f"Can't handle RDB format version {version}"
        return run.end(Outcome.REFUSE, file, _refused_header(target, file, words))
    if rdb is None:
        run.notes.append("the version is written in an odd way; what follows it was not looked at")
        return None
    return _load_body(run, file, rdb)


def _refused_header(target: Target, file: LoaderFile, words: str) -> str:
    part = "base file" if target.multi_part and not file.old_style else "preamble of the AOF file"
    name = f" {file.name}" if target.names_file else ""
    return f"{words}\nError reading the RDB {part}{name}, AOF loading aborted"


def _load_dump(run: _Run, file: LoaderFile) -> ServerOutcome:
    """Return what a server does that finds the file as its snapshot."""
    target, rdb = run.target, file.rdb
    refused = None
    if file.enveloped and not target.opens_envelopes:
        refused = run.end(Outcome.REFUSE, file, _NO_SIGNATURE)
    elif file.size_bytes < HEADER_BYTES:
        refused = run.end(Outcome.REFUSE, file, _SHORT_RDB)
    elif rdb is None or (rdb.magic != "REDIS" and not target.dump_valkey_rdb):
        refused = run.end(Outcome.REFUSE, file, _NO_SIGNATURE)
    else:
        low, high = (1, target.redis_rdb) if rdb.magic == "REDIS" else target.dump_valkey_rdb or (1, 0)
        if not low <= rdb.version <= high:
            refused = run.end(Outcome.REFUSE, file, f"Can't handle RDB format version {rdb.version}")
        else:
            refused = _load_body(run, file, rdb)
    if refused is None and rdb is not None and rdb.expiring:
        run.notes.append("keys whose expire time has passed are dropped")
    return refused or run.end(Outcome.LOAD, None, "")


def _load_body(run: _Run, file: LoaderFile, rdb: RdbFacts) -> ServerOutcome | None:
    """Return how a server ends behind the header of an RDB part; None when it reads it whole."""
    target = run.target
    unknown = next(((at, number) for name, number, at in rdb.unknown_to if name == target.name), None)
    if rdb.faults:
        from aoftool.check.loaders.rdb_faults import fault_act
    for fault in rdb.faults:
        if unknown is not None and fault.offset >= unknown[0]:
            break
        act = fault_act(fault.act or fault.code, fault.type_id, target.name)
        if act.outcome is not Outcome.LOAD:
            text = act.text.replace("NAME", fault.message)
            if fault.code == "database-range":
                run.notes.append(_DATABASES)
                text = text.replace("16 databases", counted(run.databases, "database"))
            return run.end(act.outcome, file, text.replace("a Redis server", f"a {target.product} server"))
        if act.text and act.text not in run.notes:
            run.notes.append(act.text)
    if unknown is not None:
        return run.end(Outcome.REFUSE, file, f"it knows no type or opcode {unknown[1]} in an RDB part")
    if rdb.truncated:
        return run.end(Outcome.REFUSE, file, _SHORT_RDB)
    if rdb.broken:
        return run.end(Outcome.REFUSE, file, f"Internal error in RDB reading: {rdb.broken}")
    if rdb.checksum is not None:
        stored, computed = rdb.checksum
        message = f"Wrong RDB checksum expected: ({computed:x}) but got ({stored:x}). Aborting now."
        return run.end(Outcome.REFUSE, file, message)
    if not rdb.values_read:
        run.notes.append(f"if the values in {file.name} are sound: --level deep looks into them")
    return None


def _meet(run: _Run, file: LoaderFile, event: Event) -> ServerOutcome | None:
    """Return how the loader ends at an event; None when it goes on."""
    target = run.target
    if event.targets and target.name not in event.targets:
        return None
    if event.kind is EventKind.ANNOTATION:
        return None if target.annotations else run.end(Outcome.REFUSE, file, _bad_format(target, file))
    if event.kind is EventKind.LONG_LINE:
        return run.end(Outcome.REFUSE, file, _bad_format(target, file))
    if event.kind is EventKind.UNKNOWN_COMMAND:
        module = module_of(event.name.encode("utf-8", "surrogateescape"))
        if module:
            run.notes.append(f"with {module} it goes on")
        return run.end(Outcome.REFUSE, file, _unknown_command(target, file, event))
    if event.kind is EventKind.UNKNOWN_SUBCOMMAND:
        return _unknown_subcommand(run, file, event)
    if event.kind is EventKind.WRONG_ARITY:
        return _wrong_arity(run, file, event)
    if event.kind is EventKind.SCRIPT:
        _script(run, event)
        return None
    if event.kind is EventKind.DISCARD_IN_MULTI:
        return run.end(Outcome.CRASH, file, "signal 11: EXEC runs a queued DISCARD")
    message = f"{event.name}: {event.detail}"
    if event.afterwards:
        run.afterwards = run.afterwards or (file, message)
        return None
    return run.end(Outcome.CRASH, file, message)


def _script(run: _Run, event: Event) -> None:
    if run.target.dies_in_scripts:
        run.notes.append(
            f"{event.name} at offset {event.offset} runs a script: "
            "if a command in a script fails, the server crashes (signal 11)"
        )


def _place(target: Target, file: LoaderFile) -> str:
    return f"the append only file {file.name}" if target.names_file else "the append only file"


def _bad_format(target: Target, file: LoaderFile) -> str:
    if target.tells_offset:
        # With the offset where it stopped, which depends on what it had read by then.
        return "Bad file format reading the append only file"
    argument = "<filename.manifest>" if target.multi_part else "<filename>"
    return (
        f"Bad file format reading {_place(target, file)}: make a backup of your AOF file, "
        f"then use ./{target.check_tool} --fix {argument}"
    )


def _unknown_command(target: Target, file: LoaderFile, event: Event) -> str:
    if not target.modern_errors:
        return f"Unknown command '{event.name}' reading {_place(target, file)}"
    arguments = ""
    for argument in event.arguments:
        if len(arguments) >= _QUOTED_BYTES:
            break
        arguments += f"'{argument[: _QUOTED_BYTES - len(arguments)]}' "
    return (
        f"Error reading {_place(target, file)}, error: unknown command '{event.name}', "
        f"with args beginning with: {arguments}"
    )


def _unknown_subcommand(run: _Run, file: LoaderFile, event: Event) -> ServerOutcome | None:
    target = run.target
    if target.subcommand == "skip":
        run.notes.append(
            f"{event.name} {event.detail} at offset {event.offset} is answered with an error and skipped"
        )
        return None
    if not target.modern_errors:
        return run.end(Outcome.REFUSE, file, _unknown_command(target, file, event))
    message = (
        f"Error reading {_place(target, file)}, error: unknown subcommand '{event.detail}'. "
        f"Try {event.name.upper()} HELP."
    )
    return run.end(Outcome.REFUSE, file, message)


def _wrong_arity(run: _Run, file: LoaderFile, event: Event) -> ServerOutcome | None:
    target, name = run.target, event.detail
    if target.counts_arguments:
        message = f"wrong number of arguments for '{name.lower()}' command"
        return run.end(Outcome.REFUSE, file, f"Error reading {_place(target, file)}, error: {message}")
    if event.short and not event.answered:
        message = f"signal 11, most times: '{name.lower()}' reads arguments that are not there"
        return run.end(Outcome.CRASH, file, message)
    how = "is answered with an error and skipped" if event.short else "has surplus arguments and is run"
    run.notes.append(f"{name.replace('|', ' ')} at offset {event.offset} {how}")
    return None


def _finish(run: _Run, file: LoaderFile, last: bool) -> ServerOutcome | None:
    """Return what the end of the stream leads to; None when it is clean."""
    target = run.target
    if file.ending is Ending.NULL_BULK:
        return run.end(Outcome.CRASH, file, "assertion failed: an argument of negative length")
    if file.ending is Ending.HUGE:
        return run.end(Outcome.CRASH, file, "out of memory: allocating an argument of 2^63 bytes or more")
    if file.ending is Ending.BAD_FORMAT:
        return run.end(Outcome.REFUSE, file, _bad_format(target, file))
    if file.ending is Ending.CLEAN and file.open_multi is None:
        return None
    if file.declared >= target.oom_bytes:
        if target.cuts_at_multi:
            run.notes.append("builds with another allocator take it for a torn end and cut")
        return run.end(Outcome.CRASH, file, f"out of memory: allocating {file.declared} bytes")
    return _cut(run, file, last)


def _cut(run: _Run, file: LoaderFile, last: bool) -> ServerOutcome:
    target = run.target
    lines = []
    offset = file.valid_up_to
    if file.open_multi is not None:
        if file.ending is Ending.CLEAN or target.cuts_at_multi:
            offset = file.open_multi
            suffix = f" in AOF file {file.name}" if target.names_file else " in AOF file"
            lines.append(f"Revert incomplete MULTI/EXEC transaction{suffix}")
        else:
            run.notes.append(
                "the cut leaves an open MULTI on disk: what is written next is lost at the start after it"
            )
    the_file = f"AOF {file.name}" if target.names_file else "AOF"
    reading = f"the AOF file {file.name}!!!" if target.names_file else "the AOF file !!!"
    lines += [
        f"!!! Warning: short read while loading {reading}",
        f"!!! Truncating the {the_file} at offset {offset} !!!",
    ]
    if not last:
        run.notes.append("the file is cut on disk before the server refuses; a second start then succeeds")
        lines.append("Fatal error: the truncated file is not the last file")
        return run.end(Outcome.REFUSE, file, "\n".join(lines), offset)
    lines.append(f"{the_file} loaded anyway because aof-load-truncated is enabled")
    return run.end(Outcome.CUT, file, "\n".join(lines), offset)
