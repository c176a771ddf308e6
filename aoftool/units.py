"""Numbers, sizes, times and shares as text for people. Nothing here reads the clock or the locale."""

from __future__ import annotations

__all__ = [
    "counted",
    "format_bytes",
    "format_count",
    "format_duration",
    "format_share",
    "format_time_ms",
    "format_wait",
]

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def format_bytes(size_bytes: int) -> str:
    """Return a size with a binary unit and three significant digits, such as `1.46 GiB`."""
    if abs(size_bytes) < 1024:
        return f"{size_bytes} B"
    value = float(size_bytes)
    unit = 0
    while abs(value) >= 1024 and unit < len(_UNITS) - 1:
        value /= 1024
        unit += 1
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{digits}f} {_UNITS[unit]}"


def format_count(count: int) -> str:
    """Return an integer with thousands separated by commas."""
    return f"{count:,}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a number with what it counts: `1 command`, `5,121 commands`; `many` where that takes no mere s.

    Both may go on with words that agree with the number: `counted(n, "command has", "commands have")`.
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def and_more(left: int, lead: str = " ") -> str:
    """Return what stands behind a list of which `left` are not shown: ` and 3 more`, nothing for none.

    Args:
        lead: stands in front.
    """
    return f"{lead}and {left:,} more" if left > 0 else ""


def format_share(part: int, whole: int) -> str:
    """Return `part / whole` as a percentage with one decimal; `-` when there is no whole."""
    if whole == 0:
        return "-"
    return f"{100 * part / whole:.1f} %"


def format_time_ms(time_ms: int) -> str:
    """Return a Unix time in milliseconds as UTC text; times no calendar holds stay a number."""
    from datetime import datetime, timedelta, timezone

    try:
        moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=time_ms)
    except OverflowError:
        return f"{time_ms} ms"
    text = moment.strftime("%Y-%m-%d %H:%M:%S")
    millis = time_ms % 1000
    return f"{text}.{millis:03d}Z" if millis else f"{text}Z"


def format_duration(seconds: float) -> str:
    """Return a length of time with two units at most, such as `3 h 20 min`, `1.4 s` or `213 years`."""
    if seconds < 0:
        return "-" + format_duration(-seconds)
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    if days < 1000:
        return f"{days} d {hours} h"
    years = days / 365.25
    return f"{years:.1f} years" if years < 10 else f"{years:,.0f} years"


def format_wait(seconds: float) -> str:
    """Return how long something waited, to three digits or so: `0.4 ms`, `15 ms`, `5.54 s`, `3 min 2 s`."""
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 60 else format_duration(seconds)
