"""Which files make up the log that a path means.

A path may be a manifest, an AOF directory, a server's data directory, a single AOF, an RDB, one of
these compressed, or standard input. What a file is, its content decides; names decide only where
there is no content to look at. Nothing is written, and no name in a manifest leads out of its directory.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice

from aoftool.aof.directory import Directory, EntryKind, is_folder, printable_path
from aoftool.aof.leftovers import is_temporary
from aoftool.aof.manifest_salvage import parse_file_name, salvage_manifest
from aoftool.aof.manifest_told import other_than_manifest, reads_as_manifest
from aoftool.aof.model import FileRole, LayoutCode, LayoutProblem, Log, LogFile, LogKind
from aoftool.aof.multipart import log_of_directory, manifest_prefix
from aoftool.aof.surroundings import (
    manifests_beside,
    problems_beside_single,
    set_around,
    unfinished_changes,
)
from aoftool.dataclass import replace
from aoftool.errors import InputError, NotPermittedError, SeveralLogsError, SourceError
from aoftool.escape import printable
from aoftool.files import open_source
from aoftool.files.remote.names import is_remote
from aoftool.files.temporary import is_ours
from aoftool.next_step import Again, instead, next_step
from aoftool.rdb.header import is_rdb
from aoftool.regex import regex
from aoftool.units import and_more, counted

__all__ = ["FileRole", "LayoutCode", "LayoutProblem", "Log", "LogFile", "LogKind", "find_log", "other_logs"]

STDIN = "-"
_DEFAULT_DIRECTORY = "appendonlydir"
# Where more lies than this, nobody keeps the nodes of a cluster, or the data of one.
_FOLDERS_MAX = 2_000
_NODE_NAMES_MAX = 2_000
_NODES_SHOWN = 8
_SETS_TOLD = 5
_HEAD_BYTES = 64 * 1024
_PACKED = (b"", b".gz", b".zst")
# An RDB that a rewrite wrote says so among its aux fields, which come first.
# Source: Valkey 8.0 src/rdb.c rdbSaveInfoAuxFields (aof-base); Redis 6.2 (aof-preamble).
_AOF_AUX = (b"aof-base", b"aof-preamble")
_AUX_BYTES = 4096
_RDB_END_BYTES = 9
_RESP_START = regex(rb"\*[ 0-9+-][^\n]{0,30}\n\$")
_COMMAND = regex(rb"\*[1-9][0-9]{0,6}\r\n\$[0-9]{1,10}\r\n")


def find_log(path: str | os.PathLike[str] | None = None) -> Log:
    """Return the log that a path means; None searches the current directory.

    A path may be a URL, as of an object or a prefix of S3.

    Raises:
        SourceError: nothing is there, it cannot be read, or it is no regular file.
        InputError: a directory holds several logs and the path does not say which.
    """
    if path is None:
        return _log_in(os.curdir, os.curdir, allow_rdb=False)
    text = os.fspath(path)
    if text == STDIN:
        file = LogFile(STDIN, FileRole.SINGLE)
        return Log(LogKind.STDIN, STDIN, (file,))
    if is_folder(text):
        text = text.rstrip("/") if is_remote(text) else text
        return _log_in(text, text, allow_rdb=True)
    return _log_of_file(text)


def other_logs(path: str | os.PathLike[str] | None) -> list[str]:
    """Return the data directories in a folder in which a log was found.

    One stray file, or a default name, is what is taken for the log of a folder; it may hide these. Copies of
    an AOF directory beside it are none. Of a store none are returned: each would be a question to it.
    """
    text = os.curdir if path is None else os.fspath(path)
    if text == STDIN or is_remote(text) or not is_folder(text):
        return []
    directory = Directory(text)
    if _is_aof_directory(directory):
        return []
    found = (node for node in _nodes(directory) if not is_ours(os.path.basename(node)))
    return [node for node in found if not _is_aof_directory_at(node)]


def _is_aof_directory_at(path: str) -> bool:
    try:
        return _is_aof_directory(Directory(path))
    except SourceError:
        return False


def _log_of_file(path: str) -> Log:
    head, size_bytes = _head_of(path)
    parent, name = os.path.split(os.fsencode(path))
    directory = os.fsdecode(parent) or os.curdir
    if _is_manifest(head, name):
        return log_of_directory(path, Directory(directory), name)
    return _single(path, path, directory, name, head, size_bytes, _taken_over(directory, name))


def _taken_over(directory: str, name: bytes) -> tuple[LayoutProblem, ...]:
    """Return manifests that made a single file obsolete, and what was left; none where nobody may list."""
    try:
        beside = Directory(directory)
        return (*set_around(beside, name), *manifests_beside(beside, name), *unfinished_changes(beside))
    except SourceError:
        return ()


def _head_of(path: str) -> tuple[bytes, int | None]:
    with open_source(path) as source:
        return source.peek(_HEAD_BYTES), source.stored_size_bytes


def _ends_as_rdb(path: str, *, unless_commands: bool) -> bool:
    """Tell whether an RDB ends with the file: an end mark and a checksum; true where nobody can look.

    Args:
        unless_commands: only commands at the end of the file tell otherwise, and not any other bytes.
    """
    with open_source(path) as source:
        size = source.size_bytes
        if not source.seekable or size is None or size < _RDB_END_BYTES:
            return True
        if source.read_at(size - _RDB_END_BYTES, 1) == b"\xff":
            return True
        last = max(size - _HEAD_BYTES, 0)
        return unless_commands and not _COMMAND.search(source.read_at(last, size - last))


def _is_manifest(head: bytes, name: bytes) -> bool:
    """Tell whether a file is a manifest: it holds entries, or it is named as one and holds no log."""
    if is_rdb(head) or _RESP_START.search(head):
        return False
    prefix = manifest_prefix(name)
    if prefix:
        return not other_than_manifest(head, prefix)
    return not head.startswith(b"#TS:") and reads_as_manifest(head)


def _single(
    path: str,
    found: str,
    directory: str,
    name: bytes,
    head: bytes,
    size_bytes: int | None,
    problems: tuple[LayoutProblem, ...] = (),
) -> Log:
    # Snapshots carry the same fields with 0; measured on Redis 6.2.5, 7.0.15 and Valkey 9.1.2.
    says = b"" if name.endswith(b".aof") else b"\xc0\x01"
    is_dump = is_rdb(head) and not any(word + says in head[:_AUX_BYTES] for word in _AOF_AUX)
    if is_dump:
        # Its fields may be damaged, or say nothing: a log goes on behind the end of its RDB.
        is_dump = _ends_as_rdb(found, unless_commands=not name.endswith(b".aof"))
    if size_bytes == 0 and name.endswith(b".rdb"):
        # A snapshot by its name alone: unlike an empty log, servers refuse an empty one.
        is_dump = True
    role, kind = (FileRole.RDB, LogKind.RDB) if is_dump else (FileRole.SINGLE, LogKind.SINGLE)
    parts = parse_file_name(name)
    sequence = None if parts is None else parts.sequence
    file = LogFile(found, role, name, sequence, size_bytes)
    return Log(kind, path, (file,), problems=problems, directory=directory)


def _log_in(path: str, where: str, *, allow_rdb: bool) -> Log:
    """Return the log in a directory that a user named, or in its one AOF directory."""
    directory = Directory(where)
    if _is_aof_directory(directory):
        return log_of_directory(path, directory, _manifest_in(directory))
    inner, denied = _aof_directories(directory)
    if denied is not None and not (inner and not _is_default(denied)):
        raise denied
    if inner:
        chosen = _choose(inner, directory)
        log = log_of_directory(path, chosen, _manifest_in(chosen))
        return _with_sets_beside(log, chosen, (other for other in inner if other is not chosen))
    name = _single_name(directory, allow_rdb)
    if name is None:
        raise _nothing_in(directory)
    found = directory.join(name)
    head, size_bytes = _head_of(found)
    problems = tuple(p for p in problems_beside_single(directory, name) if p.path != found)
    return _single(path, found, where, name, head, size_bytes, problems)


def _with_sets_beside(log: Log, chosen: Directory, others: Iterable[Directory]) -> Log:
    """Return a log with word of AOF directories beside it: which one a server loads, its settings say."""
    names = [other.path for other in others if not is_ours(os.path.basename(other.path))]
    taken = printable_path(os.path.basename(chosen.path))
    found = []
    for number, name in enumerate(names):
        if number == _SETS_TOLD:
            words = f"and {counted(len(names) - number, 'more AOF directory', 'more AOF directories')}"
            found.append(LayoutProblem(LayoutCode.SET_BESIDE, words + f" beside {taken}", name))
            break
        shown = printable_path(os.path.basename(name))
        words = f"another AOF directory lies beside {taken}, which alone is read here: {shown}; a server"
        words += f" reads the one that its appenddirname names ({next_step('check', name)} reads the other)"
        found.append(LayoutProblem(LayoutCode.SET_BESIDE, words, name))
    return replace(log, problems=(*log.problems, *found)) if found else log


def _nothing_in(directory: Directory) -> InputError:
    """Return the error for a folder that is no data directory: the data directories in it, if it has any."""
    where = directory.path
    nodes = list(_nodes(directory))
    if nodes:
        names = ", ".join(printable_path(os.path.basename(path)) for path in nodes[:_NODES_SHOWN])
        more = and_more(len(nodes) - _NODES_SHOWN)
        found = "a log is" if len(nodes) == 1 else f"{len(nodes)} logs are"
        message = f"{found} in the folders of {printable_path(where)}: {names}{more}"
        hint = instead(where, nodes, next_step("check", where))
        return SeveralLogsError(message, path=where, paths=nodes, hint=hint)
    message = f"no append-only file in {printable_path(where)}"
    return SourceError(message, path=where, hint="name a manifest, an AOF directory, an .aof or an .rdb")


def _nodes(directory: Directory) -> Iterator[str]:
    """Yield the folders that are data directories of their own, such as those of the nodes of a cluster."""
    folders = (name for name in directory.names if directory.follow(name).kind is EntryKind.DIRECTORY)
    for name in islice(folders, _FOLDERS_MAX):
        if _is_data_directory(directory.join(name)):
            yield directory.join(name)


def _is_data_directory(path: str) -> bool:
    """Tell whether a log, or several, would be found; also where nobody may look: asked for, it says so."""
    try:
        inner = Directory(path)
        if len(inner.names) > _NODE_NAMES_MAX:
            return False
        if _is_aof_directory(inner) or _single_name(inner, allow_rdb=True) is not None:
            return True
        found, denied = _aof_directories(inner)
        return bool(found) or denied is not None
    except SourceError as error:
        return isinstance(error, NotPermittedError)
    except InputError:
        return True  # several that may be meant


def _manifests(directory: Directory) -> list[bytes]:
    """Return the manifests; a text of that name is one only where data files have its name, too."""
    names = (name for name in directory.names if manifest_prefix(name) and not is_temporary(name))
    found = [name for name in names if directory.follow(name).kind is EntryKind.FILE]
    return [name for name in found if _has_data(directory, name) or not _is_other(directory, name)]


def _has_data(directory: Directory, name: bytes) -> bool:
    prefix = manifest_prefix(name)
    return any(p.prefix == prefix for n in directory.names if (p := parse_file_name(n)) is not None)


def _is_other(directory: Directory, name: bytes) -> bool:
    """Tell whether a file is named as a manifest and never was one; not where nobody may look."""
    try:
        head, _ = _head_of(directory.join(name))
    except SourceError:
        return False
    return bool(other_than_manifest(head, manifest_prefix(name)))


def _is_aof_directory(directory: Directory) -> bool:
    return bool(_manifests(directory)) or any(parse_file_name(name) for name in directory.names)


def _is_default(error: NotPermittedError) -> bool:
    return os.path.basename(error.path or "") == _DEFAULT_DIRECTORY


def _aof_directories(directory: Directory) -> tuple[list[Directory], NotPermittedError | None]:
    """Return the AOF directories in one, and what keeps from looking for others; the default one first."""
    found = []
    denied: NotPermittedError | None = None
    for name in directory.names:
        if directory.follow(name).kind is EntryKind.DIRECTORY:
            try:
                inner = Directory(directory.join(name))
                is_one = _is_aof_directory(inner)
            except NotPermittedError as error:
                if denied is None or os.fsdecode(name) == _DEFAULT_DIRECTORY:
                    denied = error
                continue
            except SourceError:
                continue
            if is_one:
                found.append(inner)
    return found, denied


def _choose(inner: list[Directory], outer: Directory) -> Directory:
    """Return the one AOF directory; the server's default name wins over all others."""
    default = os.path.join(outer.path, _DEFAULT_DIRECTORY)
    named = [directory for directory in inner if directory.path == default] or inner
    if len(named) > 1:
        names = ", ".join(printable_path(os.path.basename(d.path)) for d in named[:5])
        message = f"{printable_path(outer.path)} holds {len(named)} AOF directories: {names}"
        paths = [directory.path for directory in named]
        raise SeveralLogsError(message, path=outer.path, paths=paths, hint=instead(outer.path, paths))
    return named[0]


def _manifest_in(directory: Directory) -> bytes | None:
    """Return the name of the one manifest; of several, the one that lists files."""
    names = _manifests(directory)
    if len(names) > 1:
        listing = [name for name in names if _lists_files(directory.join(name))]
        names = listing or names
    if len(names) > 1:
        shown = ", ".join(printable(name) for name in names[:5])
        message = f"{printable_path(directory.path)} holds {len(names)} manifests: {shown}"
        raise InputError(message, path=directory.path, hint=_one_of(directory, names))
    return names[0] if names else None


def _one_of(directory: Directory, names: list[bytes]) -> Again:
    """Return the hint to name one of some files in place of their folder."""
    return instead(directory.path, [directory.join(name) for name in names])


def _lists_files(path: str) -> bool:
    try:
        head, _ = _head_of(path)
    except SourceError:
        return False
    return bool(salvage_manifest(head).entries)


def _single_name(directory: Directory, allow_rdb: bool) -> bytes | None:
    """Return the name of the one single-file log: appendonly.aof, else any .aof, else an .rdb."""
    wanted = [(b"appendonly.aof", b".aof")] + ([(b"dump.rdb", b".rdb")] if allow_rdb else [])
    for default, suffix in wanted:
        for packed in _PACKED:
            if directory.follow(default + packed).kind is EntryKind.FILE:
                return default + packed
        endings = tuple(suffix + packed for packed in _PACKED)
        names = [n for n in directory.names if n.endswith(endings) and not is_temporary(n)]
        names = [name for name in names if directory.follow(name).kind is EntryKind.FILE]
        if len(names) > 1:
            shown = ", ".join(printable(name) for name in names[:5])
            message = (
                f"{printable_path(directory.path)} holds {len(names):,} files that may be meant: {shown}"
            )
            raise InputError(message, path=directory.path, hint=_one_of(directory, names))
        if names:
            return names[0]
    return None
