"""Points in time as people type them."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from aoftool.errors import UsageError

__all__ = ["parse_time_ms", "refuse_reversed"]

# Larger plain numbers are milliseconds: as seconds they would lie beyond the year 5138.
_LARGEST_SECONDS = 100_000_000_000


def parse_time_ms(text: str) -> int:
    """Return Unix milliseconds for a Unix time (seconds or milliseconds) or an ISO 8601 time.

    A time without a zone is UTC.

    Raises:
        UsageError: it is neither.
    """
    stripped = text.strip()
    if re.fullmatch(r"-?[0-9]{1,16}", stripped):
        number = int(stripped)
        return number * 1000 if abs(number) < _LARGEST_SECONDS else number
    try:
        moment = datetime.fromisoformat(stripped.replace("Z", "+00:00"))
    except ValueError as error:
        hint = "use seconds or milliseconds since 1970, or YYYY-MM-DD[THH:MM:SS]"
        raise UsageError("not a point in time: " + ascii(text), hint=hint) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return round(moment.timestamp() * 1000)


def refuse_reversed(since: str | None, until: str | None) -> None:
    """Refuse a stretch of time that ends before it begins.

    Raises:
        UsageError: it does, or one of the two is no time.
    """
    if since is not None and until is not None and parse_time_ms(since) > parse_time_ms(until):
        raise UsageError(
            f"--since {since!a} is later than --until {until!a}: no time lies between",
            hint="exchange the two",
        )
