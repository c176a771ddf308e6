"""The files of a multi-part AOF: what the manifest names, held against what the directory holds.

Describes, and says what a server would do about it; how bad that is and what to do are for
`aoftool.check` and `aoftool.repair`. Opens only the manifest.
Source for what servers do: measured on 7.0.15, 8.0.6, 8.1.1 and 9.1.2.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from aoftool.aof.directory import Directory, Entry, EntryKind
from aoftool.aof.leftovers import is_temporary, temporaries
from aoftool.aof.manifest import FileType, Manifest, ManifestCode, ManifestEntry, parse_manifest
from aoftool.aof.manifest_salvage import FileNameParts, parse_file_name, salvage_manifest
from aoftool.aof.manifest_told import other_than_manifest
from aoftool.aof.model import ROLES, FileRole, LayoutCode, LayoutProblem, Log, LogFile, LogKind
from aoftool.aof.surroundings import problems_beside, unfinished_changes
from aoftool.aof.unlisted.generations import newer_generation, other_generation
from aoftool.aof.unlisted.without_manifest import assumed_set, bare_base, problems_of_assumed
from aoftool.dataclass import replace
from aoftool.escape import printable
from aoftool.files import ChangeKind, Source, open_source
from aoftool.quoting import Quoting
from aoftool.units import and_more, counted

__all__ = ["MANIFEST_SUFFIXES", "log_of_directory", "manifest_bytes", "manifest_prefix"]

# A manifest has one line of some 60 bytes for each file, and a set with a thousand files is a rare one.
MANIFEST_LIMIT = 2 * 1024 * 1024
# So many problems of one kind are told one by one.
_TOLD = 100
_NAMED = 5
MANIFEST_SUFFIXES = (b".manifest", b".manifest.gz", b".manifest.zst")
_PACKED_SUFFIXES = (b".gz", b".zst")
_EXCHANGED = frozenset({ChangeKind.REPLACED, ChangeKind.VANISHED})


def log_of_directory(path: str, directory: Directory, manifest_name: bytes | None) -> Log:
    """Return the log that a manifest in a directory makes, or the data files without one.

    Args:
        path: what the caller named.
        directory: the AOF directory.
        manifest_name: None when there is no manifest.
    """
    if manifest_name is None:
        return _log_without_manifest(path, directory)
    raw, packed, problems = _read_manifest(directory, manifest_name)
    manifest = parse_manifest(raw, directory.join(manifest_name))
    joined = _joined(manifest, raw)
    entries = _entries_of(manifest, joined, raw)
    suffixes = _PACKED_SUFFIXES if packed else ()
    prefix = manifest_prefix(manifest_name)
    pending = _upgrade_pending(directory, prefix, entries)
    looks = {entry.name: directory.look(entry.name, suffixes) for entry in entries}
    files = [_listed_file(entry, looks[entry.name]) for entry in _ordered(entries)]
    if pending is not None:
        files = [pending]
    live = tuple(file for file in files if file.role is not FileRole.HISTORY)
    history = tuple(file for file in files if file.role is FileRole.HISTORY)
    numbered = list(_unlisted_files(directory, manifest_name, entries))
    unlisted = (*numbered, *_bare_base(directory, (*numbered, *files), entries))
    problems += _problems_of_manifest(manifest, other_than_manifest(raw, prefix))
    problems += _folded(_problems_of_files(files, looks)) if pending is None else ()
    problems += _gaps(entries)
    # Of a manifest in which nothing can be read none is listed, and its repair lists them.
    if entries or manifest.problem is None:
        problems += _folded(_orphans(unlisted, entries, prefix))
    problems += temporaries(directory)
    problems += unfinished_changes(directory)
    problems += problems_beside(directory, prefix, pending)
    log = Log(
        LogKind.MULTI_PART,
        path,
        live,
        history,
        unlisted,
        tuple(problems),
        directory.path,
        directory.join(manifest_name),
        manifest,
        prefix,
        joined,
        None if packed or len(raw) >= MANIFEST_LIMIT else raw,
    )
    return _with_what_is_gone(_with_other_generation(log))


def _with_what_is_gone(log: Log) -> Log:
    """Say it first where no manifest tells what to load, and every data file is empty."""
    files = {file.path: file for file in (*log.files, *log.unlisted)}.values()
    if log.manifest is not None and (log.files or log.manifest.problem is None):
        return log
    if not files or any(file.size_bytes for file in files):
        return log
    message = f"every file of the set is empty ({counted(len(files), 'data file')}): its data are gone"
    gone = LayoutProblem(LayoutCode.ALL_EMPTY, message, log.directory)
    return replace(log, problems=(gone, *log.problems))


def _with_other_generation(log: Log) -> Log:
    """Say what lies there in place of what is listed, before anything else about these files."""
    found = other_generation(log)
    if found is None:
        return _with_newer_generation(log)
    kind = "the files of another generation lie there" if found.is_sure else "other files lie there"
    why = "manifest and files are of different moments, as in a copy made during a rewrite"
    words = f"{kind}: {found.words}; the manifest lists {log.generation}: {why}"
    theirs = {file.path for file in (found.base, *found.incrs)}
    orphans = (LayoutCode.ORPHAN_FILE, LayoutCode.ORPHAN_NEXT)
    others = [p for p in log.problems if p.path not in theirs or p.code not in orphans]
    code = LayoutCode.OTHER_GENERATION if found.has_all else LayoutCode.OTHER_GENERATION_PART
    return replace(log, problems=(LayoutProblem(code, words, log.manifest_path), *others))


def _with_newer_generation(log: Log) -> Log:
    """Say it first where the manifest is older than files that lie there, and lists none of these."""
    found = None if log.manifest is None or log.manifest.problem is not None else newer_generation(log)
    if found is None:
        return log
    listed = {file.path for file in log.files}
    names = [file.shown_name for file in (found.base, *found.incrs) if file.path not in listed]
    words = f"the manifest lists {log.generation}, and later files lie there that it does not list"
    words += f" ({', '.join(names[:_NAMED])}{and_more(len(names) - _NAMED)}): a server loads the older data"
    problem = LayoutProblem(LayoutCode.NEWER_GENERATION, words, log.manifest_path)
    return replace(log, problems=(problem, *log.problems))


def manifest_prefix(name: bytes) -> bytes:
    """Return the `appendfilename` that the name of a manifest shows; empty when it shows none."""
    for suffix in MANIFEST_SUFFIXES:
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return b""


def _read_manifest(directory: Directory, name: bytes) -> tuple[bytes, bool, list[LayoutProblem]]:
    """Return the bytes, whether they were compressed, and what was wrong with reading them."""
    path = directory.join(name)
    with open_source(path) as source:
        raw = manifest_bytes(source)
        packed = source.compression is not None
        # Servers put a new manifest in the place of the old one: what was opened is whole.
        changes = [change for change in source.changes() if change.kind not in _EXCHANGED]
    problems = [LayoutProblem(LayoutCode.MANIFEST_UNREADABLE, change.message, path) for change in changes]
    if len(raw) > MANIFEST_LIMIT:
        words = f"the manifest is larger than {MANIFEST_LIMIT} bytes; the rest is not read"
        problems.append(LayoutProblem(LayoutCode.MANIFEST_TOO_LARGE, words, path))
    return raw[:MANIFEST_LIMIT], packed, problems


def manifest_bytes(source: Source) -> bytes:
    """Return the content of a manifest; of one larger than `MANIFEST_LIMIT` a little more than that."""
    pieces: list[bytes] = []
    size = 0
    while size <= MANIFEST_LIMIT and (piece := source.read(1 << 18)):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _joined(manifest: Manifest, raw: bytes) -> Manifest | None:
    """Return what the server reads that takes quotes in the middle of a word, if that differs."""
    if b'"' not in raw and b"'" not in raw:
        return None
    joined = parse_manifest(raw, manifest.path, Quoting.JOINED)
    return None if joined == manifest else joined


def _entries_of(manifest: Manifest, joined: Manifest | None, raw: bytes) -> tuple[ManifestEntry, ...]:
    """Return what the manifest lists, or what can be read of it when no server reads it all."""
    if manifest.problem is None:
        return manifest.entries
    if joined is not None and joined.problem is None:
        return joined.entries
    return tuple(found.entry for found in salvage_manifest(raw).entries)


def _ordered(entries: Iterable[ManifestEntry]) -> list[ManifestEntry]:
    """Return base, incr by rising sequence, history: the load order, and what is never loaded."""
    rank = {FileType.BASE: 0, FileType.INCR: 1, FileType.HISTORY: 2}
    # Stable: a valid manifest has rising incr sequences already, and history keeps its order.
    return sorted(entries, key=lambda e: (rank[e.type], e.sequence if e.type is FileType.INCR else 0))


def _listed_file(entry: ManifestEntry, found: Entry) -> LogFile:
    return LogFile(
        found.path,
        ROLES[entry.type],
        entry.name,
        entry.sequence,
        found.size_bytes,
        listed=True,
        exists=found.kind is EntryKind.FILE,
        line=entry.line,
        is_unsafe=found.kind in (EntryKind.UNSAFE, EntryKind.LINK_OUT),
        links_out=found.kind is EntryKind.LINK_OUT,
    )


def _upgrade_pending(
    directory: Directory, prefix: bytes, entries: tuple[ManifestEntry, ...]
) -> LogFile | None:
    """Return the old-style file that the next start moves in, when a server was stopped half-way.

    Source: Valkey 8.0 src/aof.c aofUpgradePrepare, aofLoadManifestFromDisk.
    """
    if len(entries) != 1 or entries[0].type is not FileType.BASE or entries[0].name != prefix:
        return None
    if directory.look(prefix).kind is not EntryKind.MISSING:
        return None
    above = directory.beside()
    found = None if above is None else above.look(prefix)
    if found is None or found.kind is not EntryKind.FILE:
        return None
    return _listed_file(entries[0], found)


def _problems_of_manifest(manifest: Manifest, other: str) -> list[LayoutProblem]:
    """Return what is wrong with a manifest.

    Args:
        other: what it is, where it never was one.
    """
    problem = manifest.problem
    if problem is not None:
        if other:
            words = f"what has the name of the manifest never was one: it is {other}"
            return [LayoutProblem(LayoutCode.MANIFEST_OTHER_TEXT, words, manifest.path)]
        return [LayoutProblem(problem.code, problem.message, manifest.path, problem.line)]
    if not manifest.load_order:
        words = "the manifest lists no file to load: a server starts empty and overwrites data files"
        return [LayoutProblem(LayoutCode.NO_FILES_LISTED, words, manifest.path)]
    if manifest.base is None:
        words = "the manifest lists no base file: only what the incr files hold is loaded"
        return [LayoutProblem(LayoutCode.NO_BASE, words, manifest.path)]
    return []


def _folded(problems: Iterable[LayoutProblem]) -> Iterator[LayoutProblem]:
    """Yield the first problems of each kind one by one, and of the others their number."""
    counts: dict[LayoutCode | ManifestCode, int] = {}
    last: dict[LayoutCode | ManifestCode, LayoutProblem] = {}
    for problem in problems:
        counts[problem.code] = counts.get(problem.code, 0) + 1
        last[problem.code] = problem
        if counts[problem.code] <= _TOLD:
            yield problem
    for code, problem in last.items():
        if counts[code] > _TOLD:
            more = counted(counts[code] - _TOLD, "more file")
            yield replace(problem, message=f"the same of {more}; the last: {problem.message}")


def _problems_of_files(files: list[LogFile], looks: dict[bytes, Entry]) -> Iterator[LayoutProblem]:
    seen: dict[bytes, int] = {}
    for file in files:
        if file.name in seen and file.role is not FileRole.HISTORY:
            where = f"lines {seen[file.name]} and {file.line}"
            words = f"{printable(file.name)} is listed on {where}: it is loaded twice"
            yield LayoutProblem(LayoutCode.LISTED_TWICE, words, file.path, file.line, file.sequence)
        seen.setdefault(file.name, file.line)
        code, words = _state_of(file, looks[file.name])
        if code is not None:
            message = f"{file.role.value} file {printable(file.name)} {words}"
            yield LayoutProblem(code, message, file.path, file.line, file.sequence)


# With `aof-use-rdb-preamble no` the base holds commands, and none where there are no keys; an RDB without
# keys has a header. Measured on Redis 7.0.15, 8.6.3 and Valkey 9.1.2.
_RESP_BASE = b".base.aof"


def _state_of(file: LogFile, found: Entry) -> tuple[LayoutCode | None, str]:
    is_history = file.role is FileRole.HISTORY
    if found.kind is EntryKind.UNSAFE:
        return LayoutCode.UNSAFE_NAME, f"is not read: {found.reason}"
    if found.kind is EntryKind.LINK_OUT:
        words = f"is a symbolic link that leads out of the directory, to {found.reason}: servers follow it"
        return LayoutCode.LINK_OUT, f"{words}, and what it holds is not read here"
    if found.kind is EntryKind.MISSING:
        if is_history:
            return LayoutCode.MISSING_HISTORY, "is gone; a server drops its line"
        return LayoutCode.MISSING_FILE, "is missing: no server starts without it"
    if found.kind is not EntryKind.FILE:
        return LayoutCode.NOT_A_FILE, f"cannot be read: {found.reason}"
    if is_history:
        return LayoutCode.HISTORY_LISTED, "was replaced by a rewrite; a server removes it at its next start"
    if file.size_bytes == 0:
        if file.role is FileRole.BASE and file.name.endswith(_RESP_BASE):
            words = "is empty: there was no key when the log began or was rewritten"
            return LayoutCode.EMPTY_RESP_BASE, words
        if file.role is FileRole.BASE:
            return LayoutCode.EMPTY_BASE, "is empty, which no server writes: the data it held are gone"
        return LayoutCode.EMPTY_INCR, "is empty"
    return None, ""


def _gaps(entries: Iterable[ManifestEntry]) -> Iterator[LayoutProblem]:
    """Yield jumps in the incr numbers, those of history counted: servers never leave one."""
    numbers = {e.sequence: e for e in entries if e.type is FileType.INCR or _is_old_incr(e)}
    ordered = sorted(numbers)
    for low, high in itertools.pairwise(ordered):
        if high == low + 1 or numbers[high].type is not FileType.INCR:
            continue
        missing = str(low + 1) if high == low + 2 else f"{low + 1} to {high - 1}"
        words = f"the incr files jump from {low} to {high}: {missing} is not listed"
        yield LayoutProblem(LayoutCode.SEQ_GAP, words, None, numbers[high].line, low + 1)


def _is_old_incr(entry: ManifestEntry) -> bool:
    parts = parse_file_name(entry.name)
    return entry.type is FileType.HISTORY and parts is not None and parts.type is FileType.INCR


def _unlisted_files(
    directory: Directory, manifest_name: bytes | None, entries: Iterable[ManifestEntry]
) -> Iterator[LogFile]:
    """Yield data files, told by their names, that no entry names; by role, then sequence."""
    listed = {entry.name for entry in entries}
    found = []
    for name in directory.names:
        parts = parse_file_name(name)
        if parts is None or name in listed or name == manifest_name or is_temporary(name):
            continue
        state = directory.look(name)
        if state.kind is EntryKind.FILE:
            found.append(_unlisted_file(name, parts, state))
    yield from sorted(found, key=lambda file: (file.role.value, file.sequence or 0, file.name))


def _unlisted_file(name: bytes, parts: FileNameParts, state: Entry) -> LogFile:
    return LogFile(state.path, ROLES[parts.type], name, parts.sequence, state.size_bytes, listed=False)


def _orphans(
    unlisted: Iterable[LogFile], entries: tuple[ManifestEntry, ...], prefix: bytes
) -> Iterator[LayoutProblem]:
    last = {
        FileRole.INCR: max((e.sequence for e in entries if e.type is FileType.INCR), default=0),
        FileRole.BASE: max((e.sequence for e in entries if e.type is FileType.BASE), default=0),
    }
    for file in unlisted:
        parts = parse_file_name(file.name)
        is_next = parts is not None and parts.prefix == prefix and file.sequence == last[file.role] + 1
        name = printable(file.name)
        if is_next:
            what = "append to it or empty it" if file.role is FileRole.INCR else "replace it"
            words = f"{name} is not listed and is next in sequence: a server may {what}"
            yield LayoutProblem(LayoutCode.ORPHAN_NEXT, words, file.path, 0, file.sequence)
        else:
            words = f"{name} is not listed: no server loads it"
            yield LayoutProblem(LayoutCode.ORPHAN_FILE, words, file.path, 0, file.sequence)


def _log_without_manifest(path: str, directory: Directory) -> Log:
    there = list(_unlisted_files(directory, None, ()))
    there += _bare_base(directory, there, ())
    found = assumed_set(there, directory.path)
    problems = [*problems_of_assumed(found, directory.path), *temporaries(directory)]
    problems += unfinished_changes(directory)
    problems += problems_beside(directory, found.prefix, None)
    log = Log(
        LogKind.MULTI_PART,
        path,
        found.files,
        unlisted=tuple(there),
        problems=tuple(problems),
        directory=directory.path,
        prefix=found.prefix,
    )
    return _with_what_is_gone(log)


def _bare_base(
    directory: Directory, numbered: Iterable[LogFile], entries: Iterable[ManifestEntry]
) -> Iterator[LogFile]:
    """Yield the base without a number where none is listed: that of a set which was an old-style file."""
    if any(entry.type is FileType.BASE for entry in entries):
        return
    parts = [parse_file_name(file.name) for file in numbered]
    found = bare_base(directory, {name.prefix for name in parts if name is not None})
    if found is not None:
        yield found
