"""What a capture is made of: plain records."""

from __future__ import annotations

from aoftool.dataclass import dataclass, field

__all__ = ["Bundle", "Captured"]


@dataclass(slots=True)
class Bundle:
    """Files of a capture, and what could not be had.

    Attributes:
        files: text by name.
        missing: reason by name.
        masked: how often each kind of text was masked.
    """

    files: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    masked: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Captured:
    """What came of a capture.

    Attributes:
        path: of the bundle; empty when an awaited event did not happen.
        server: product and version, in words.
        size_bytes: of the bundle.
        waited_for: what was awaited, None for nothing.
    """

    path: str
    address: str
    server: str
    size_bytes: int
    seconds: float
    files: tuple[tuple[str, int], ...]
    missing: tuple[tuple[str, str], ...]
    masked: tuple[tuple[str, int], ...]
    waited_for: str | None = None
