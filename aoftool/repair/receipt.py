"""What a repair did, so that it can be taken back.

A receipt is written and synced before the first byte of the log changes and once more when all is
done. It says, for every file, how it was, how it is, and where the original bytes are.
"""

from __future__ import annotations

import hashlib
import json
import os
from enum import Enum
from typing import Any

from aoftool.dataclass import dataclass, field
from aoftool.files.access import PRIVATE
from aoftool.files.folder import Folder
from aoftool.files.sink import write_atomically
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.files.temporary import RECEIPT_NAME
from aoftool.repair.model import Stamp

__all__ = [
    "Done",
    "Receipt",
    "Step",
    "StepKind",
    "find_receipt",
    "receipt_digest",
    "write_receipt",
]

SCHEMA = "aoftool.receipt/1"


class Done(str, Enum):
    """How far a repair came, or the way back from it."""

    PREPARED = "prepared"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"


class StepKind(str, Enum):
    """What happened to one file.

    Attributes:
        CUT: its tail was cut off in place; the bytes are in the lost-and-found file.
        SWAP: a new file took its name; the original is kept.
        REPLACE: a new file under a new name took its part; the original is kept.
        CREATE: it did not exist.
        REMOVE: it left the log; the original is kept.
        LEFT: no manifest names it any more; it stays under its name.
    """

    CUT = "cut"
    SWAP = "swap"
    REPLACE = "replace"
    CREATE = "create"
    REMOVE = "remove"
    LEFT = "left"


@dataclass(frozen=True)
class Step:
    """One file's part.

    Attributes:
        kind: what happened.
        path: the file as it was named before.
        becomes: as it is named after; empty for REMOVE and LEFT.
        kept: where the original is, relative to the receipt's directory; empty where there is none.
        before, after: how it looked; None where it did not or does not exist. The modification time of
            a file that was cut is the old one again.
        tail: offset and length of the cut bytes in the lost-and-found file.
        tail_sha256: their digest, in hexadecimal digits.
        kept_sha256: digest of the original, where it is small enough to be read for that; else empty.
    """

    kind: StepKind
    path: str
    becomes: str = ""
    kept: str = ""
    before: Stamp | None = None
    after: Stamp | None = None
    tail: tuple[int, int] | None = None
    tail_sha256: str = ""
    kept_sha256: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the step as JSON members."""
        return {
            "kind": self.kind.value,
            "path": self.path,
            "becomes": self.becomes,
            "kept": self.kept,
            "before": None if self.before is None else self.before.to_dict(),
            "after": None if self.after is None else self.after.to_dict(),
            "tail": None if self.tail is None else list(self.tail),
            "tail_sha256": self.tail_sha256,
            "kept_sha256": self.kept_sha256,
        }

    @property
    def name(self) -> str:
        """Return the name of the file before, without its folder."""
        return os.path.basename(self.path)

    @property
    def new_name(self) -> str:
        """Return the name of the file after, without its folder; empty for REMOVE."""
        return os.path.basename(self.becomes)


@dataclass
class Receipt:
    """The account of one repair.

    Attributes:
        directory: where it is, with the originals and the lost-and-found file.
        log: the log that was repaired.
        state: how far it came.
        created: when, as UTC text.
        version: of aoftool.
        steps: in the order they were taken.
        plan: the plan, as JSON members.
        owner: user number of who owns the receipt; None for one that was not read from a file.
    """

    directory: str
    log: str
    state: Done
    created: str
    version: str
    steps: list[Step] = field(default_factory=list)
    plan: dict[str, Any] = field(default_factory=dict)
    owner: int | None = None

    @property
    def path(self) -> str:
        """Return where the receipt is."""
        return os.path.join(self.directory, RECEIPT_NAME)

    def to_dict(self) -> dict[str, Any]:
        """Return the receipt as JSON members."""
        return {
            "schema": SCHEMA,
            "state": self.state.value,
            "created": self.created,
            "version": self.version,
            "log": self.log,
            "steps": [step.to_dict() for step in self.steps],
            "plan": self.plan,
        }


def write_receipt(receipt: Receipt, calls: SystemCalls = SYSTEM, *, folder: Folder | None = None) -> None:
    """Write a receipt to its place, whole or not at all, and sync it; nobody else can read it.

    Args:
        folder: its directory, where that is open already.
    """
    members = receipt.to_dict()
    text = json.dumps({**members, "sha256": receipt_digest(members)}, indent=1)
    # Paths that are not UTF-8 are held as Python holds them; they come back the same way.
    raw = text.encode("utf-8", "surrogateescape")
    write_atomically(receipt.path, [raw], force=True, access=PRIVATE, folder=folder, calls=calls)


def receipt_digest(members: dict[str, Any]) -> str:
    """Return the digest of a receipt without its `sha256`: of its members as JSON, sorted, without blanks."""
    text = json.dumps(
        {name: value for name, value in members.items() if name != "sha256"},
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def find_receipt(path: str) -> str:
    """Return the receipt file that a path means: itself, or the one in that directory."""
    return os.path.join(path, RECEIPT_NAME) if os.path.isdir(path) else path
