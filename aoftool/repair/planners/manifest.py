"""Plans for manifests: which files make up the log, and the lines that say so.

Keeps what can be read of the old manifest. Only where it says nothing are files taken from the
directory (`aoftool.aof.unlisted.without_manifest`).
"""

from __future__ import annotations

import os

from aoftool.aof.layout import LayoutCode, Log, LogFile
from aoftool.aof.manifest import FileType, ManifestEntry, encode_manifest
from aoftool.aof.manifest_salvage import SalvagedEntry, parse_file_name, salvage_manifest
from aoftool.aof.model import ROLES, FileRole
from aoftool.aof.unlisted.generations import Generation, newer_generation, other_generation
from aoftool.aof.unlisted.lost_lines import files_left_out, files_of, lost_lines
from aoftool.aof.unlisted.without_manifest import assumed_set
from aoftool.dataclass import dataclass, field, replace
from aoftool.escape import printable, shown_base
from aoftool.files.source import open_source
from aoftool.repair.choice import Choice
from aoftool.units import and_more

__all__ = ["ManifestPlan", "manifest_bytes", "plan_manifest", "read_raw"]

# More than a check reads: what is written anew may lose no line.
_READ_BYTES = 16 << 20
_NAMED = 5


@dataclass
class ManifestPlan:
    """The lines a log is to have.

    Attributes:
        entries: as they are to be written, None to leave the manifest alone.
        reasons: what is changed and why.
        set_aside: files that no line names and that a server would pick up.
        left: what stays wrong.
        doubts: what to know before saying yes.
        goes_without: a file that was listed is not there, and its line goes.
        is_one_of_several: the files that lie there can be read in another way, too.
        is_of_names: no line of a manifest was left, and names alone tell what the log is.
    """

    entries: list[ManifestEntry] | None = None
    reasons: list[str] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    goes_without: bool = False
    is_one_of_several: bool = False
    is_of_names: bool = False

    def files(self, log: Log) -> tuple[LogFile, ...]:
        """Return the files to load, in order, as a layout would name them."""
        if self.entries is None:
            return log.files
        known = {file.name: file for file in (*log.files, *log.history, *log.unlisted)}
        result = []
        for entry in _load_order(self.entries):
            file = known.get(entry.name)
            if file is not None:
                result.append(replace(file, role=ROLES[entry.type], sequence=entry.sequence, listed=True))
        return tuple(result)


def _load_order(entries: list[ManifestEntry]) -> list[ManifestEntry]:
    bases = [entry for entry in entries if entry.type is FileType.BASE]
    incrs = sorted((e for e in entries if e.type is FileType.INCR), key=lambda entry: entry.sequence)
    return bases + incrs


def read_raw(path: str) -> bytes:
    """Return a manifest's bytes, bounded."""
    pieces = []
    size = 0
    with open_source(path) as source:
        while size < _READ_BYTES and (piece := source.read(1 << 18)):
            pieces.append(piece)
            size += len(piece)
    return b"".join(pieces)


def plan_manifest(log: Log, choice: Choice) -> ManifestPlan:
    """Plan the manifest of a multi-part log."""
    plan = ManifestPlan()
    codes = {problem.code for problem in log.problems}
    if LayoutCode.UPGRADE_PENDING in codes or LayoutCode.ALL_EMPTY in codes:
        return plan
    if log.manifest_path is None or LayoutCode.MANIFEST_MISSING in codes:
        _from_directory(log, plan, choice, "there was no manifest")
        return plan
    raw = read_raw(log.manifest_path)
    if LayoutCode.MANIFEST_OTHER_TEXT in codes:
        _in_place_of_text(log, plan, choice)
        return plan
    broken = log.manifest is not None and log.manifest.problem is not None
    salvaged = salvage_manifest(raw)
    entries = [_with_own_number(found) for found in salvaged.entries]
    if not any(entry.type is not FileType.HISTORY for entry in entries):
        if files_of(log):
            _from_directory(log, plan, choice, "the manifest names no file to load")
        return plan
    before = list(entries)
    if broken:
        plan.reasons.append(f"the manifest cannot be read by a server: {_words(log)}")
    entries = _without_repeats(entries, plan)
    entries = _one_base(entries, log, plan)
    entries = _with_lost_lines(entries, log, plan, broken)
    found = other_generation(log)
    newer = newer_generation(log) if found is None and not broken and entries == before else None
    if newer is not None:
        entries = _of_newer(entries, newer, log, choice, plan)
    elif found is None:
        entries = _without_missing(entries, log, choice, plan)
    else:
        entries = _of_generation(entries, found, log, choice, plan)
    crlf = b"\r\n" in raw and not broken
    if crlf:
        plan.reasons.append("the manifest has CRLF line ends")
    if broken or crlf or entries != before:
        plan.entries = entries
    if found is None and newer is None and (broken or _bases(entries) != _bases(before)):
        _doubt_what_is_left_out(entries, log, plan)
    if newer is None:
        _set_orphans_aside(entries, log, choice, plan)
    return plan


def _bases(entries: list[ManifestEntry]) -> set[bytes]:
    return {entry.name for entry in entries if entry.type is FileType.BASE}


def _doubt_what_is_left_out(entries: list[ManifestEntry], log: Log, plan: ManifestPlan) -> None:
    """Say which files the new manifest does not name, where the old one cannot say whether it did."""
    left = files_left_out(log, {entry.name for entry in entries})
    if not left:
        return
    plan.is_one_of_several = True
    names = ", ".join(file.shown_name for file in left[:_NAMED]) + and_more(len(left) - _NAMED)
    them, lie = ("it", "lies") if len(left) == 1 else ("them", "lie")
    plan.doubts.append(f"{names} {lie} there and no line lists {them} then: what {them} held is left out")


def _in_place_of_text(log: Log, plan: ManifestPlan, choice: Choice) -> None:
    """Plan nothing over a text that never was a manifest, unless that is asked for and files make one."""
    name = shown_base(log.manifest_path or log.path)
    if not files_of(log):
        return
    if choice.salvage:
        _from_directory(log, plan, choice, f"{name} never was a manifest")
        return
    code = LayoutCode.MANIFEST_OTHER_TEXT.value
    plan.left.append((code, f"{name} never was a manifest: --salvage puts one in its place"))


def _words(log: Log) -> str:
    assert log.manifest is not None
    assert log.manifest.problem is not None
    return log.manifest.problem.message


def _with_own_number(found: SalvagedEntry) -> ManifestEntry:
    """Return an entry; a number that its line did not give comes from the name already."""
    return found.entry


def _without_repeats(entries: list[ManifestEntry], plan: ManifestPlan) -> list[ManifestEntry]:
    """Drop a second line for one file, and give incr files with one number their own."""
    result: list[ManifestEntry] = []
    names: set[bytes] = set()
    taken: set[int] = set()
    for entry in entries:
        if entry.type is FileType.HISTORY:
            result.append(entry)
            continue
        if entry.name in names:
            plan.reasons.append(f"{_shown(entry)} was listed twice")
            continue
        names.add(entry.name)
        if entry.type is FileType.INCR and entry.sequence in taken:
            parts = parse_file_name(entry.name)
            number = parts.sequence if parts is not None and parts.sequence not in taken else max(taken) + 1
            plan.reasons.append(f"{_shown(entry)} had a number that was taken")
            entry = replace(entry, sequence=number)
        if entry.type is FileType.INCR:
            taken.add(entry.sequence)
        result.append(entry)
    return result


def _shown(entry: ManifestEntry) -> str:
    return printable(entry.name)


def _names(entries: list[ManifestEntry]) -> str:
    """Return names in words; of many the first ones and the number of the others."""
    more = and_more(len(entries) - _NAMED)
    return ", ".join(map(_shown, entries[:_NAMED])) + more


def _one_base(entries: list[ManifestEntry], log: Log, plan: ManifestPlan) -> list[ManifestEntry]:
    """Keep one base: the newest of those listed, or one that no line names."""
    bases = [entry for entry in entries if entry.type is FileType.BASE]
    if len(bases) > 1:
        present = {file.name for file in log.files if file.exists}
        chosen = max(bases, key=lambda entry: (entry.name in present, entry.sequence))
        plan.reasons.append(f"more than one base was listed; {_shown(chosen)} is the newest")
        return [entry for entry in entries if entry.type is not FileType.BASE or entry is chosen]
    if bases:
        return entries
    found = [file for file in log.unlisted if file.role is FileRole.BASE]
    if not found:
        return entries
    newest = max(found, key=lambda file: file.sequence or 0)
    plan.reasons.append(f"no base was listed; {_entry_of(newest).name.decode('utf-8', 'replace')} is there")
    if len(found) > 1:
        plan.doubts.append("more than one base is in the directory; the newest was chosen")
    return [_entry_of(newest), *entries]


def _entry_of(file: LogFile) -> ManifestEntry:
    kind = FileType.BASE if file.role is FileRole.BASE else FileType.INCR
    return ManifestEntry(file.name, file.sequence or 1, kind)


def _with_lost_lines(
    entries: list[ManifestEntry], log: Log, plan: ManifestPlan, broken: bool
) -> list[ManifestEntry]:
    """Add incr files whose line was lost: they fill a gap, or follow a manifest that was cut."""
    added = [_entry_of(file) for file in lost_lines({entry.name for entry in entries}, log, broken=broken)]
    for entry in added:
        plan.reasons.append(f"the line of {_shown(entry)} was lost; the file is there")
    return entries + added


def _of_generation(
    entries: list[ManifestEntry], found: Generation, log: Log, choice: Choice, plan: ManifestPlan
) -> list[ManifestEntry]:
    """List the files of the generation that lies there; where some may be missing, when that is asked for."""
    if not (found.has_all or choice.salvage):
        words = f"{found.words} lie there, and not what the manifest lists: --salvage lists them"
        plan.left.append(("other-generation-part", words))
        return entries
    plan.reasons.append(f"it listed {log.generation}, and {found.words} lie there")
    if not found.has_all:
        plan.goes_without = True
        plan.doubts.append(
            f"what only the missing files held ({log.generation}) is not here: if they can still be had, put"
            " them back instead"
        )
    if not found.is_sure:
        plan.doubts.append("their numbers do not tell whether these files belong together")
    return [ManifestEntry(file.name, _number(file), _kind(file)) for file in (found.base, *found.incrs)]


def _of_newer(
    entries: list[ManifestEntry], found: Generation, log: Log, choice: Choice, plan: ManifestPlan
) -> list[ManifestEntry]:
    """List the files that are later than the manifest, when that is asked for."""
    code = LayoutCode.NEWER_GENERATION.value
    if not choice.salvage:
        words = (
            f"{found.words} are later than what is listed: --salvage lists them; to keep what is listed, move"
        )
        plan.left.append((code, f"{words} the files that are not listed out of the directory"))
        return entries
    plan.is_one_of_several = True
    plan.reasons.append(f"it listed {log.generation}, and {found.words} lie there, which are later")
    plan.doubts.append("what was listed is listed no more; its files stay where they are")
    return [ManifestEntry(file.name, _number(file), _kind(file)) for file in (found.base, *found.incrs)]


def _without_missing(
    entries: list[ManifestEntry], log: Log, choice: Choice, plan: ManifestPlan
) -> list[ManifestEntry]:
    """Drop lines of files that are gone, when that is asked for."""
    absent = {file.name for file in log.files if not (file.exists or file.links_out)}
    gone = [entry for entry in entries if entry.name in absent and entry.type is not FileType.HISTORY]
    if not gone:
        return entries
    names = _names(gone)
    if not any(file.exists for file in log.files):
        plan.left.append(
            ("missing-file", f"{names}: no file that the manifest lists is there: put them back")
        )
        return entries
    if not choice.salvage:
        plan.left.append(("missing-file", f"{names}: put it back, or go on without it with --salvage"))
        return entries
    plan.goes_without = True
    plan.reasons.append(f"{names} is gone: its line is dropped")
    kept = [entry for entry in entries if entry not in gone]
    first = min((entry.sequence for entry in gone if entry.type is FileType.INCR), default=0)
    behind = any(entry.type is FileType.INCR and entry.sequence > first for entry in kept)
    on_top = "; commands in later files were written on top of it" if behind else ""
    plan.doubts.append(f"what {names} held is lost{on_top}: if it can still be had, put it back instead")
    return kept


def _set_orphans_aside(entries: list[ManifestEntry], log: Log, choice: Choice, plan: ManifestPlan) -> None:
    """Plan for files that a server would append to, or empty, as if they were its own."""
    listed = {entry.name for entry in entries}
    last = {
        kind: max((entry.sequence for entry in entries if entry.type is kind), default=0)
        for kind in (FileType.BASE, FileType.INCR)
    }
    for file in files_of(log):
        parts = parse_file_name(file.name)
        if parts is None or file.name in listed or file.role is FileRole.HISTORY:
            continue
        if parts.prefix != _prefix(log) or parts.sequence != last[parts.type] + 1:
            continue
        if choice.salvage:
            plan.set_aside.append(file.path)
        else:
            name = os.path.basename(file.path)
            text = f"{name} is not listed, and a server may write to it; --salvage sets it aside"
            plan.left.append(("orphan-next", text))


def _prefix(log: Log) -> bytes:
    return log.prefix or b"appendonly.aof"


def _from_directory(log: Log, plan: ManifestPlan, choice: Choice, reason: str) -> None:
    """Make a manifest of the files that are there."""
    found = assumed_set(files_of(log), log.directory or log.path)
    if not found.files:
        return
    if found.base is None and not choice.salvage:
        words = "no base file lies there: put it back, or go on without it with --salvage"
        plan.left.append((LayoutCode.NO_BASE.value, words))
        return
    if found.is_open and not choice.salvage:
        words = f"no incr file goes with it by its number: --salvage lists the base alone; {found.doubt}"
        plan.left.append((LayoutCode.MANIFEST_MISSING.value, words))
        return
    plan.is_one_of_several = bool(found.doubt)
    plan.is_of_names = True
    plan.entries = [_entry_of(file) for file in found.files]
    _set_orphans_aside(plan.entries, log, choice, plan)
    plan.reasons.append(f"{reason}; it is made of the files that are there")
    if found.base is None:
        plan.goes_without = True
        plan.doubts.append("what the base held is lost; what the files hold was written on top of it")
    if not found.incrs:
        plan.doubts.append("no incr file lies there: what was written behind the base is not in it")
    if found.doubt:
        plan.doubts.append(found.doubt)
    else:
        _doubt_what_is_left_out(plan.entries, log, plan)
    if any(found.gaps()):
        plan.doubts.append("the incr files do not follow each other without a gap: what lay between is lost")


def _kind(file: LogFile) -> FileType:
    parts = parse_file_name(file.name)
    assert parts is not None
    return parts.type


def _number(file: LogFile) -> int:
    parts = parse_file_name(file.name)
    return 0 if parts is None else parts.sequence


def manifest_bytes(entries: list[ManifestEntry], altered: frozenset[bytes] = frozenset()) -> bytes:
    """Return the manifest; files that a repair altered lose the replication offset of their end."""
    lines = []
    for entry in entries:
        if entry.name in altered:
            extras = tuple(pair for pair in entry.extras if pair[0].lower() != b"endoffset")
            entry = replace(entry, extras=extras)
        lines.append(entry)
    return encode_manifest(lines)
