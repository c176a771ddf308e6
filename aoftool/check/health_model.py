"""The health of a log in one line: plain data for reporters."""

from __future__ import annotations

from aoftool.check.model import Verdict
from aoftool.dataclass import dataclass, field

__all__ = ["Health"]


@dataclass(slots=True)
class Health:
    """The verdict in one line.

    Attributes:
        verdict: the class of the first damage; OK for an intact log, NOT_JUDGED for one in good order that
            holds what is not known here.
        message: one printable sentence.
        file, offset: where the first damage stands; None where it has no place.
        bytes_behind, commands_behind: what stands in that file from the damage on; commands are those
            that parse again behind it, None when they were not counted.
        next_command: what to type next, None when there is nothing to do.
        notes: what is worth knowing and leaves the log intact.
    """

    verdict: Verdict
    message: str
    file: str | None = None
    offset: int | None = None
    bytes_behind: int | None = None
    commands_behind: int | None = None
    next_command: str | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def placed(self) -> str:
        """Return the sentence with the place of the first damage."""
        place = "" if self.file is None else f", in {self.file}"
        return self.message + place + ("" if self.offset is None else f" at offset {self.offset:,}")

    @property
    def intact(self) -> bool:
        """Tell whether nothing is damaged."""
        return self.verdict in (Verdict.OK, Verdict.NOT_JUDGED)

    @property
    def judged(self) -> bool:
        """Tell whether everything in the log is known here."""
        return self.verdict is not Verdict.NOT_JUDGED
