"""From what was found in a log to what a loader sees of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from aoftool.aof.model import FileRole, LayoutCode, LogFile, LogKind
from aoftool.check.database_range import faults_with
from aoftool.check.exam_model import FileExam, LogExam, RdbExam, RdbFault, Spot, SpotKind
from aoftool.check.loaders.model import NEVER, Ending, Event, EventKind, LoaderFile, LoaderLog, RdbFacts
from aoftool.check.loaders.targets import SCRIPTS, TARGETS
from aoftool.check.vocabulary import is_short
from aoftool.commands.table import CONTAINERS
from aoftool.dataclass import replace
from aoftool.errors import SourceError
from aoftool.escape import excerpt, printable, shown_base
from aoftool.files.packed.compression import is_envelope
from aoftool.files.source import open_source
from aoftool.quoting import Quoting, atoll
from aoftool.rdb.header import HEADER_BYTES, is_rdb
from aoftool.resp.model import Reason, Stop
from aoftool.resp.scanner import tally as tally_commands

__all__ = ["loader_view"]

_SHORT = frozenset(
    {Reason.TORN_HEADER, Reason.TORN_PAYLOAD, Reason.LENGTH_BEYOND_END, Reason.MISSING_FINAL_CRLF}
)
_CLEAN = frozenset({Reason.END, Reason.TORN_ANNOTATION})
_CAS = "assertion failed on CAS; the process may hang"
_DIRECTORIES = frozenset({b"", b".", b".."})
_EXEC = frozenset({b"EXEC"})
_MULTI = frozenset({b"MULTI"})
_INT = 1 << 32
_SHOWN_ARGUMENTS = 64
_QUOTED_BYTES = 128
_OPCODES = {"FUNCTION_PRE_GA": "functions-pre-ga", "SLOT_IMPORT": "slot-import-opcode"}


def loader_view(exam: LogExam, quoting: Quoting = Quoting.SEPARATE) -> LoaderLog:
    """Return what a loader sees of the log that takes quotes in a manifest in this way."""
    log = exam.log
    files = tuple(_files(exam))
    if log.kind is not LogKind.MULTI_PART:
        # Under the name of an AOF a server loads any RDB as the start of one.
        dump = any(
            file.file.role is FileRole.RDB and not file.file.name.endswith(b".aof") for file in exam.files
        )
        return LoaderLog(False, files, dump=dump, databases=exam.databases)
    manifest = log.joined if quoting is Quoting.JOINED and log.joined is not None else log.manifest
    error = None
    if manifest is not None and manifest.problem is not None:
        problem = manifest.problem
        quoted = len(problem.server_log) > 2
        error = (problem.server_message, problem.line if quoted else 0, excerpt(problem.found, 200))
    missing = tuple(
        printable(file.name)
        for file in log.files
        if not (file.exists or file.links_out or _is_directory(file))
    )
    return LoaderLog(
        True,
        files,
        error,
        log.manifest_path or log.path,
        missing if manifest is not None else (),
        _empty_start(exam),
        tuple(_notes(exam)),
        databases=exam.databases,
    )


def _files(exam: LogExam) -> Iterator[LoaderFile]:
    """Yield the files in load order, directories among them: a server fails on one when it is its turn."""
    looked_at = iter(exam.files)
    for file in exam.log.files:
        if file.exists:
            found = next(looked_at, None)
            if found is not None:
                yield _file_view(found, exam.log.prefix, exam.databases)
        elif file.links_out:
            # Not read here: taken for a file without commands, and said so.
            yield LoaderFile(printable(file.name), file.path, 1, command_stream=False)
        elif _is_directory(file):
            yield LoaderFile(printable(file.name), file.path, 0, directory=True)


def _is_directory(file: LogFile) -> bool:
    # Names that lead out of the directory of the log are never looked at.
    return file.name in _DIRECTORIES or (not file.is_unsafe and os.path.isdir(file.path))


def _empty_start(exam: LogExam) -> str:
    """Return what happens when no entry names a file to load."""
    codes = {problem.code for problem in exam.log.problems}
    if LayoutCode.MANIFEST_MISSING in codes:
        return "there is no manifest: the server starts empty and overwrites the base file"
    if LayoutCode.NO_FILES_LISTED in codes:
        return "the manifest lists no file: the server starts empty and overwrites data files"
    return ""


def _notes(exam: LogExam) -> list[str]:
    told = {LayoutCode.NEWER_GENERATION, LayoutCode.ORPHAN_NEXT, LayoutCode.NO_BASE, LayoutCode.SEQ_GAP}
    if any(problem.code is LayoutCode.MANIFEST_MISSING for problem in exam.log.problems):
        told.clear()  # a server looks at none of the files
    links = [file for file in exam.log.files if file.links_out]
    notes = [f"if {printable(file.name)}, a link that was not followed here, is sound" for file in links]
    return notes + [problem.message for problem in exam.log.problems if problem.code in told]


def _file_view(file: FileExam, prefix: bytes, databases: int) -> LoaderFile:
    name = printable(file.file.name) if file.file.name else shown_base(file.path)
    # A file of which nothing could be unpacked is no empty one.
    enveloped = is_envelope(file.compression)
    view = LoaderFile(
        name,
        file.path,
        file.size_bytes or int(enveloped),
        file.head[:HEADER_BYTES],
        _rdb_facts(file.rdb or file.taken_for, file.head, databases),
        enveloped=enveloped,
        rdb_part=file.rdb is not None,
        old_style=file.file.name == prefix if prefix else file.file.sequence is None,
    )
    if file.rdb is not None and not is_rdb(file.head[:HEADER_BYTES]):
        # Its magic is damaged: a loader reads it as commands and fails on the first byte.
        return replace(view, ending=Ending.BAD_FORMAT)
    if file.foreign:
        return replace(view, ending=Ending.BAD_FORMAT)
    if file.tail is None or file.tail.first.stop is None:
        return replace(view, command_stream=False)
    stop = file.tail.first.stop
    return replace(
        view,
        events=tuple(sorted(_events(file), key=lambda event: event.offset)),
        ending=_ending(stop),
        ends_at=stop.loader_offset,
        valid_up_to=stop.loader_end,
        declared=_declared(stop),
        open_multi=_cut_before_multi(file),
    )


def _cut_before_multi(file: FileExam) -> int | None:
    """Return where a loader cuts that ends inside a transaction: behind the last command before its MULTI.

    Of several MULTI without EXEC it takes the last; annotations before it go with it.
    """
    assert file.tail is not None
    tally = file.tail.first
    start = tally.transactions.open_offset
    if start is None or (not tally.annotations.count and not tally.transactions.nested.count):
        return start
    with contextlib.suppress(SourceError), open_source(file.plain_path or file.path) as source:
        if source.seekable:
            from aoftool.resp.commands import commands

            marks = commands(source, start, end=tally.good_end, names=_MULTI, limit=64)
            last = max((mark.offset for mark in marks), default=start)
            before = tally_commands(source, start=file.tail_start, end=last, containers=CONTAINERS)
            return last if before.stop is None else before.stop.command_end
    return start


def _rdb_facts(rdb: RdbExam | None, head: bytes, databases: int) -> RdbFacts | None:
    if rdb is not None and rdb.as_read is not None:
        rdb = replace(rdb, walk=rdb.as_read)
    if rdb is None or not is_rdb(head[:HEADER_BYTES]) or rdb.walk.family is None:
        return None
    walk = rdb.walk
    damage = walk.damage
    wrong = None
    if damage is not None and damage.code == "rdb-checksum":
        wrong = (walk.checksum.stored or 0, walk.checksum.computed or 0)
    cut = damage is not None and damage.code == "rdb-truncated"
    broken = damage.message if damage is not None and not cut and wrong is None else ""
    magic = "VALKEY" if walk.magic.startswith(b"VALKEY") else "REDIS"
    return RdbFacts(
        magic,
        walk.version,
        cut,
        broken,
        wrong,
        _foreign(rdb),
        rdb.keys,
        bool(walk.expires),
        _faults(rdb, databases),
        rdb.values_read or not rdb.keys,
    )


def _faults(rdb: RdbExam, databases: int) -> tuple[RdbFault, ...]:
    """Return what a loader meets in the part, by offset: faults, and what not every server knows."""
    walk = rdb.walk
    met = list(faults_with(rdb, databases))
    values = min((rdb.first_of_type.get(number, 0) for number in (6, 7)), default=0)
    for module in walk.modules:
        if module.aux:
            met.append(RdbFault(0, "module-aux", module.name))
        if module.values:
            code = "vector-set" if module.name == "vectorset" else "module"
            met.append(RdbFault(values, code, module.name, 7))
    if walk.functions:
        met.append(RdbFault(walk.functions[0].offset, "functions", ""))
        # A part with functions has been walked, and the library read.
        from aoftool.rdb.library import ServerObject

        uses = {ServerObject.CALLED: "function-server", ServerObject.NAMED: "function-server-maybe"}
        for use, code in uses.items():
            first = next((library.offset for library in walk.functions if library.server_object is use), None)
            if first is not None:
                met.append(RdbFault(first, code, ""))
    for name, code in _OPCODES.items():
        if name in walk.other_opcodes:
            met.append(RdbFault(0, code, ""))
    if walk.slots.notes and b"slot-info" not in walk.aux:
        met.append(RdbFault(0, "slot-note", ""))
    return tuple(sorted(met, key=lambda fault: fault.offset))


def _foreign(rdb: RdbExam) -> tuple[tuple[str, int, int], ...]:
    """Return which targets do not know a type number in the part, and where it comes first if known."""
    beyond = rdb.unknown
    numbers = {row.type_id for row in rdb.walk.counts}
    redis = rdb.walk.magic.startswith(b"REDIS")
    found = []
    for target in TARGETS:
        highest = target.redis_types if redis else target.valkey_types
        strange = [number for number in sorted(numbers) if number > highest]
        places = sorted((rdb.first_of_type.get(number, 0), number) for number in strange)
        if beyond is not None:
            places = sorted([*places, (beyond.offset, beyond.number)])
        found += [(target.name, number, at) for at, number in places[:1]]
    return tuple(found)


def _declared(stop: Stop) -> int:
    """Return the length of the argument that is not whole, 0 for none."""
    if stop.loader_reason is Reason.TORN_HEADER and stop.found.startswith(b"$"):
        # A loader takes the number of a line without its end.
        return max(atoll(stop.found[1:]), 0)
    return stop.declared or 0


def _ending(stop: Stop) -> Ending:
    reason = stop.loader_reason
    # A count that a NUL follows at once is torn, not wrong.
    if reason is Reason.TORN_HEADER and len(stop.found) > 1 and stop.found[1]:
        number = atoll(stop.found[1:])
        if stop.found.startswith(b"$") and number < 0:
            return Ending.NULL_BULK
        if stop.found.startswith(b"*") and not 0 < number % _INT <= _INT // 2 - 1:
            return Ending.BAD_FORMAT
    if reason in _CLEAN:
        return Ending.CLEAN
    if reason in _SHORT:
        return Ending.SHORT
    if reason is Reason.BAD_LENGTH:
        # C clamps what does not fit; a negative length is a huge one.
        return Ending.NULL_BULK if stop.found.startswith(b"$-") else Ending.HUGE
    return Ending.BAD_FORMAT


def _events(file: FileExam) -> list[Event]:
    assert file.tail is not None
    tally = file.tail.first
    old = frozenset(target.name for target in TARGETS if not target.annotations)
    events: list[Event] = []
    if file.short_lines_stop is not None:
        events.append(Event(EventKind.LONG_LINE, file.short_lines_stop, targets=old))
    elif tally.annotations.count:
        events.append(Event(EventKind.ANNOTATION, 0, targets=old))
    elif tally.stop is not None and tally.stop.reason is Reason.TORN_ANNOTATION:
        events.append(Event(EventKind.ANNOTATION, tally.stop.command_start, targets=old))
    discard = tally.transactions.discards_inside
    if discard.count:
        runs_at = _end_of_transaction(file, discard.first_offset)
        events.append(Event(EventKind.DISCARD_IN_MULTI, discard.first_offset, runs_at=runs_at))
    kinds = {
        SpotKind.UNKNOWN: EventKind.UNKNOWN_COMMAND,
        SpotKind.SUBCOMMAND: EventKind.UNKNOWN_SUBCOMMAND,
        SpotKind.ARITY: EventKind.WRONG_ARITY,
        SpotKind.HURTFUL: EventKind.HURTFUL,
    }
    script = _first_script(file)
    if script is not None:
        events.append(script)
    seen: set[tuple[str, bytes, bytes | None, bool, bool, frozenset[str]]] = set()
    for spot in file.loader_spots:
        short = spot.kind == SpotKind.ARITY and is_short(spot.name, spot.subcommand, spot.argc)
        full_name = b"|".join(filter(None, (spot.name, spot.subcommand))).decode("latin-1")
        answered = short and _answers_with_error(full_name, spot.argc)
        key = (spot.kind, spot.name, spot.subcommand, short, answered, spot.targets)
        if key in seen:
            continue
        seen.add(key)
        name, arguments = _as_written(file.plain_path or file.path, spot.start, spot.name)
        detail, afterwards = _harm(spot) if spot.kind == SpotKind.HURTFUL else ("", False)
        if detail and [word.upper() for word in arguments] == ["NO", "ONE"]:
            # A primary that is told to be one stays as it is.
            seen.discard(key)
            continue
        if spot.kind == SpotKind.SUBCOMMAND:
            detail = arguments[0] if arguments else ""
        if spot.kind == SpotKind.ARITY:
            detail = full_name
        late = _end_of_transaction(file, spot.start) if spot.txn else None
        kind = kinds[spot.kind]
        events.append(
            Event(kind, spot.start, name, arguments, spot.targets, detail, short, late, afterwards, answered)
        )
    return events


def _answers_with_error(full_name: str, argc: int) -> bool:
    from aoftool.check.loaders.short_forms import answers_with_error  # a table that few logs need

    return answers_with_error(full_name, argc)


def _first_script(file: FileExam) -> Event | None:
    """Return the first script outside transactions that a loader runs."""
    assert file.tail is not None
    tally = file.tail.first
    if not any(key.name in SCRIPTS for key in tally.rows):
        return None
    with contextlib.suppress(SourceError), open_source(file.plain_path or file.path) as source:
        if source.seekable:
            from aoftool.resp.commands import commands

            for command in commands(source, file.tail_start, end=tally.good_end, names=SCRIPTS):
                if not command.txn:
                    return Event(EventKind.SCRIPT, command.offset, printable(command.argv[0]))
    return None


def _harm(spot: Spot) -> tuple[str, bool]:
    """Return what a command does to a server, and whether only after the load."""
    kills = (target.kill_of(spot.name, spot.subcommand, spot.argc, spot.txn) for target in TARGETS)
    return next(((kill.text, kill.afterwards) for kill in kills if kill is not None), (_CAS, False))


def _end_of_transaction(file: FileExam, start: int) -> int:
    """Return where the commands queued at an offset are run; `NEVER` when no EXEC follows."""
    tail = file.tail
    assert tail is not None
    with contextlib.suppress(SourceError), open_source(file.plain_path or file.path) as source:
        if source.seekable:
            from aoftool.resp.commands import commands

            ends = commands(source, start, end=tail.first.good_end, names=_EXEC, limit=64)
            return next((end.offset for end in ends), NEVER)
    return start


def _as_written(path: str, start: int, name: bytes) -> tuple[str, tuple[str, ...]]:
    """Return a command's name and first arguments as they stand in the file, for a message."""
    from aoftool.check.stream.shapes import read_shape
    from aoftool.check.stream.window import Reader

    try:
        with open_source(path) as source:
            if not source.seekable:
                return excerpt(name, 256), ()
            reader = Reader(source)
            shape = read_shape(reader, start)
            if shape is None:
                return excerpt(name, 256), ()
            words = [
                excerpt(reader.at(argument.payload_start, min(argument.length, _QUOTED_BYTES)), 4096)
                for argument in shape.arguments[: _SHOWN_ARGUMENTS + 1]
            ]
    except SourceError:
        return excerpt(name, 256), ()
    return words[0], tuple(words[1:])
