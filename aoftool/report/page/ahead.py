"""What lies ahead: expire times, keys without one, what a rewrite saves, what other thresholds would do."""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.analysis.inspect.contents_model import ExpiryView
from aoftool.api.postmortem.model import Postmortem
from aoftool.report.inspect.contents import expiry_line, savings_line
from aoftool.report.page.cells import count, made_table, name, share, size, text, when
from aoftool.report.page.model import Block, Section, Table, Words
from aoftool.report.page.what_if import what_if

__all__ = ["ahead"]


def ahead(found: Postmortem) -> Section:
    """Return the section."""
    blocks: list[Block] = []
    view = found.contents
    if view is not None and view.expiry is not None:
        blocks.append(Words(f"Expiring: {expiry_line(view.expiry)}. As commands set them."))
        blocks += _expiry(view.expiry)
        blocks.append(_without(found))
    if view is not None and view.savings is not None:
        blocks.append(Words(f"A rewrite: {savings_line(view.savings)}."))
        if view.savings.causes:
            fields = (
                ("cause", "dead because", lambda pair: text(pair[0])),
                ("size_bytes", "bytes", lambda pair: size(pair[1])),
            )
            blocks.append(made_table("causes", "Dead bytes by cause", fields, view.savings.causes))
    if found.simulation is not None:
        blocks += what_if(found.simulation, found.by_prefix)
    return Section("ahead", "Expiry and rewrites ahead", blocks)


def _expiry(view: ExpiryView) -> Iterator[Table]:
    if view.horizon:
        fields = (
            ("within", "from the end of the log", lambda pair: text(pair[0])),
            ("keys", "keys expire", lambda pair: count(pair[1])),
            ("share", "share", lambda pair: share(pair[1], view.expiring)),
        )
        yield made_table("horizon", "How soon keys expire", fields, view.horizon)
    if view.seconds:
        fields = (
            ("second", "second", lambda pair: when(pair[0] * 1000)),
            ("keys", "keys expire", lambda pair: count(pair[1])),
            ("share", "share", lambda pair: share(pair[1], view.expiring)),
        )
        yield made_table("seconds", "The seconds in which most keys expire", fields, view.seconds, most=10)


def _without(found: Postmortem) -> Table:
    rows = [] if found.contents is None else found.contents.prefixes
    held = sorted(
        (row for row in rows if row.is_prefix and row.without_expiry),
        key=lambda row: -(row.without_expiry or 0),
    )
    fields = (
        ("prefix", "prefix", lambda row: name(row.prefix)),
        ("keys", "keys that never expire", lambda row: count(row.without_expiry)),
        ("share", "of its keys", lambda row: share(row.without_expiry, row.keys or 0)),
    )
    return made_table("no-expiry", "Keys without an expire time", fields, held, most=10)
