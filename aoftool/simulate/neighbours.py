"""Which settings are worth a look beside those that a server has."""

from __future__ import annotations

from aoftool.simulate.model import Settings

__all__ = ["in_order", "percentages_around", "settings_around", "sizes_around"]


def sizes_around(now: Settings) -> set[int]:
    """Return values of `auto-aof-rewrite-min-size`: the present one, a quarter and four times that."""
    return {now.min_size_bytes >> 2, now.min_size_bytes, now.min_size_bytes << 2}


def percentages_around(now: Settings) -> set[int]:
    """Return values of `auto-aof-rewrite-percentage`, the present one among them."""
    return {50, 100, 200, now.percentage}


def in_order(sizes: set[int], percentages: set[int], now: Settings) -> list[Settings]:
    """Return all pairs, ascending; the present ones are always among them."""
    found = {Settings(size, share) for size in sizes for share in percentages} | {now}
    return sorted(found, key=lambda settings: (settings.min_size_bytes, settings.percentage))


def settings_around(now: Settings) -> list[Settings]:
    """Return the settings that are tried where nobody names any."""
    return in_order(sizes_around(now), percentages_around(now), now)
