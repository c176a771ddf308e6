"""What a repair did, so that it can be taken back.

A receipt is written and synced before the first byte of the log changes and once more when all is
done. It says, for every file, how it was, how it is, and where the original bytes are.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from aoftool.errors import FormatError, SourceError
from aoftool.files.sink import write_atomically
from aoftool.files.syscalls import SYSTEM, SystemCalls
from aoftool.repair.model import Stamp

__all__ = ["Done", "Receipt", "Step", "StepKind", "find_receipt", "read_receipt", "write_receipt"]

SCHEMA = "aoftool.receipt/1"
_NAME = "receipt.json"
_LIMIT = 64 << 20


class Done(str, Enum):
    """How far a repair came."""

    PREPARED = "prepared"
    DONE = "done"
    UNDONE = "undone"


class StepKind(str, Enum):
    """What happened to one file.

    Attributes:
        CUT: its tail was cut off in place; the bytes are in the lost-and-found file.
        SWAP: a new file took its name; the original is kept.
        REPLACE: a new file under a new name took its part; the original is kept.
        CREATE: it did not exist.
        REMOVE: it left the log; the original is kept.
    """

    CUT = "cut"
    SWAP = "swap"
    REPLACE = "replace"
    CREATE = "create"
    REMOVE = "remove"


@dataclass(frozen=True)
class Step:
    """One file's part.

    Attributes:
        kind: what happened.
        path: the file as it was named before.
        becomes: as it is named after; empty for REMOVE.
        kept: where the original is, relative to the receipt's directory; empty where there is none.
        before, after: how it looked; None where it did not or does not exist. The modification time of
            a file that was cut is the old one again.
        tail: offset and length of the cut bytes in the lost-and-found file.
    """

    kind: StepKind
    path: str
    becomes: str = ""
    kept: str = ""
    before: Stamp | None = None
    after: Stamp | None = None
    tail: tuple[int, int] | None = None

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
        }

    @classmethod
    def from_dict(cls, members: dict[str, Any]) -> Step:
        """Return the step that `to_dict` made members of."""
        tail = members["tail"]
        return cls(
            StepKind(members["kind"]),
            members["path"],
            members["becomes"],
            members["kept"],
            _stamp(members["before"]),
            _stamp(members["after"]),
            None if tail is None else (int(tail[0]), int(tail[1])),
        )


def _stamp(members: dict[str, int] | None) -> Stamp | None:
    return None if members is None else Stamp(**members)


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
    """

    directory: str
    log: str
    state: Done
    created: str
    version: str
    steps: list[Step] = field(default_factory=list)
    plan: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Return where the receipt is."""
        return os.path.join(self.directory, _NAME)

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


def write_receipt(receipt: Receipt, calls: SystemCalls = SYSTEM) -> None:
    """Write a receipt to its place, whole or not at all, and sync it."""
    text = json.dumps(receipt.to_dict(), indent=1)
    # Paths that are not UTF-8 are held as Python holds them; they come back the same way.
    write_atomically(receipt.path, [text.encode("utf-8", "surrogateescape")], force=True, calls=calls)


def find_receipt(path: str) -> str:
    """Return the receipt file that a path means: itself, or the one in that directory."""
    return os.path.join(path, _NAME) if os.path.isdir(path) else path


def read_receipt(path: str) -> Receipt:
    """Read a receipt.

    Raises:
        SourceError: it is not there or cannot be read.
        FormatError: it is no receipt of this kind.
    """
    where = find_receipt(path)
    try:
        with open(where, "rb") as file:
            raw = file.read(_LIMIT)
    except OSError as error:
        raise SourceError(f"cannot read the receipt: {error.strerror}", path=where) from error
    try:
        members = json.loads(raw.decode("utf-8", "surrogateescape"))
        if members["schema"] != SCHEMA:
            raise KeyError(members["schema"])
        return Receipt(
            os.path.dirname(os.path.abspath(where)),
            members["log"],
            Done(members["state"]),
            members["created"],
            members["version"],
            [Step.from_dict(step) for step in members["steps"]],
            members["plan"],
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise FormatError(f"this is no receipt of aoftool: {error}", path=where) from error
