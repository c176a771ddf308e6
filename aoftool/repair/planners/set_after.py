"""The set of files that a repair leaves: the lines of its manifest, and the names of files written anew.

A file of a multi-part log is written beside the old one, and the manifest switches all of them at once.
"""

from __future__ import annotations

import os

from aoftool.aof.layout import Log, LogKind
from aoftool.aof.manifest import FileType, ManifestEntry
from aoftool.aof.model import FileRole
from aoftool.dataclass import dataclass, replace
from aoftool.repair.draft import stamp_of
from aoftool.repair.model import FilePlan, Method
from aoftool.repair.planners.manifest import ManifestPlan, manifest_bytes

__all__ = ["SetAfter"]

_COMMANDS_SUFFIX = ".aof"


@dataclass(frozen=True, slots=True)
class SetAfter:
    """The set of one log.

    Attributes:
        log: with the files that are to be loaded.
        manifest: what its manifest is to say, as far as the files before the repair tell.
    """

    log: Log
    manifest: ManifestPlan

    def entries(self, removed: dict[str, str]) -> list[ManifestEntry] | None:
        """Return the manifest's entries if they change, before files are renamed."""
        if self.log.kind is not LogKind.MULTI_PART:
            return None
        listed = {file.name for file in self.log.files if file.path in removed}
        if self.manifest.entries is None and not listed:
            return None
        entries = self._entries_before()
        kept = [entry for entry in entries if entry.name not in listed]
        if listed and kept:
            kept = self._with_high_number(kept, entries)
        return kept

    def _entries_before(self) -> list[ManifestEntry]:
        if self.manifest.entries is not None:
            return list(self.manifest.entries)
        return [] if self.log.manifest is None else list(self.log.manifest.entries)

    def _with_high_number(
        self, kept: list[ManifestEntry], before: list[ManifestEntry]
    ) -> list[ManifestEntry]:
        """Give the last incr file the highest number there was.

        A server opens the next number for appending; if a removed file had it and were still there
        after a crash, its commands would come back.
        """
        incrs = [entry for entry in kept if entry.type is FileType.INCR]
        highest = max(entry.sequence for entry in before if entry.type is FileType.INCR)
        if not incrs:
            return kept
        last = max(incrs, key=lambda entry: entry.sequence)
        return [replace(entry, sequence=highest) if entry is last else entry for entry in kept]

    def name(self, file: FilePlan) -> str:
        """Return a free name beside a file: the manifest then switches all files at once.

        A base that becomes commands gets the suffix that servers give to such a base.
        """
        folder, name = os.path.split(file.path)
        stem, suffix = os.path.splitext(name)
        if file.rebuild is not None and self._is_base(file.path):
            stem, suffix = self._base_stem(file.path), _COMMANDS_SUFFIX
            plain = os.path.join(folder, stem + suffix)
            if not os.path.lexists(plain):
                return plain
        number = 1
        while os.path.lexists(os.path.join(folder, f"{stem}.fixed-{number}{suffix}")):
            number += 1
        return os.path.join(folder, f"{stem}.fixed-{number}{suffix}")

    def _is_base(self, path: str) -> bool:
        return any(file.path == path and file.role is FileRole.BASE for file in self.log.files)

    def _base_stem(self, path: str) -> str:
        """Return what servers call a base of this log, without the suffix."""
        sequence = next((file.sequence for file in self.log.files if file.path == path), None)
        prefix = os.fsdecode(self.log.prefix) or "appendonly.aof"
        return f"{prefix}.{sequence or 1}.base"

    def manifest_file(self, entries: list[ManifestEntry] | None, changed: list[FilePlan]) -> FilePlan:
        """Return the plan of the manifest that names the files under their new names.

        Args:
            entries: as `entries` gives them.
        """
        log = self.log
        renamed = {
            os.fsencode(os.path.basename(file.path)): os.fsencode(os.path.basename(file.becomes))
            for file in changed
            if file.becomes
        }
        lines = [
            replace(entry, name=renamed.get(entry.name, entry.name))
            if entry.type is not FileType.HISTORY
            else entry
            for entry in (self._entries_before() if entries is None else entries)
        ]
        contents = manifest_bytes(lines, frozenset(renamed.values()))
        path = log.manifest_path
        if path is None:
            prefix = os.fsdecode(log.prefix) or "appendonly.aof"
            path = os.path.join(log.directory or os.curdir, f"{prefix}.manifest")
        exists = os.path.exists(path)
        reason = "; ".join(self.manifest.reasons) or "it names the repaired files"
        return FilePlan(
            path,
            Method.REWRITE if exists else Method.CREATE,
            stamp_of(path) if exists else None,
            contents=contents,
            reason=reason,
        )
