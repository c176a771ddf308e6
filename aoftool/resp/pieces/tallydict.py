"""Tallies as JSON members and back. Knows only the shape, not what the numbers mean."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from aoftool.escape import printable, unprintable
from aoftool.resp.model import (
    Annotations,
    Edge,
    Leniency,
    Occurrence,
    Row,
    RowKey,
    Selects,
    Stop,
    TailTally,
    Transactions,
)

__all__ = ["tally_from_dict", "tally_to_dict"]

_ROW_MEMBERS = [member.name for member in fields(Row)]


def _row_to_dict(key: RowKey, row: Row) -> dict[str, Any]:
    subcommand = None if key.subcommand is None else printable(key.subcommand)
    return {"name": printable(key.name), "subcommand": subcommand, "db": key.db, **asdict(row)}


def _annotations_to_dict(annotations: Annotations) -> dict[str, Any]:
    members = asdict(annotations)
    members["kinds"] = {printable(kind): count for kind, count in sorted(annotations.kinds.items())}
    return members


def tally_to_dict(tally: TailTally) -> dict[str, Any]:
    """Return JSON members for a tally; rows sorted by name, subcommand and database."""
    ordered = sorted(
        tally.rows.items(), key=lambda item: (item[0].name, item[0].subcommand or b"", item[0].db)
    )
    return {
        "start": tally.start,
        "good_end": tally.good_end,
        "commands": tally.commands,
        "bytes_scanned": tally.bytes_scanned,
        "rest_bytes": tally.rest_bytes,
        "capped": tally.capped,
        "streams": tally.streams,
        "rows": [_row_to_dict(key, row) for key, row in ordered],
        "annotations": _annotations_to_dict(tally.annotations),
        "transactions": asdict(tally.transactions),
        "selects": asdict(tally.selects),
        "leniencies": {kind.value: asdict(tally.leniencies[kind]) for kind in sorted(tally.leniencies)},
        "stop": None if tally.stop is None else tally.stop.to_dict(),
        "edge": asdict(tally.edge),
    }


def _rows_from(members: list[dict[str, Any]]) -> dict[RowKey, Row]:
    rows = {}
    for item in members:
        subcommand = None if item["subcommand"] is None else unprintable(item["subcommand"])
        key = RowKey(unprintable(item["name"]), subcommand, item["db"])
        rows[key] = Row(**{name: item[name] for name in _ROW_MEMBERS})
    return rows


def _with_occurrences(members: dict[str, Any]) -> dict[str, Any]:
    return {
        name: Occurrence(**value) if isinstance(value, dict) and "first_offset" in value else value
        for name, value in members.items()
    }


def tally_from_dict(members: dict[str, Any]) -> TailTally:
    """Return the tally that `tally_to_dict` made members of."""
    kinds = {unprintable(kind): count for kind, count in members["annotations"]["kinds"].items()}
    return TailTally(
        start=members["start"],
        good_end=members["good_end"],
        commands=members["commands"],
        rows=_rows_from(members["rows"]),
        annotations=Annotations(**{**_with_occurrences(members["annotations"]), "kinds": kinds}),
        transactions=Transactions(**_with_occurrences(members["transactions"])),
        selects=Selects(**_with_occurrences(members["selects"])),
        leniencies={Leniency(kind): Occurrence(**seen) for kind, seen in members["leniencies"].items()},
        stop=None if members["stop"] is None else Stop.from_dict(members["stop"]),
        rest_bytes=members["rest_bytes"],
        capped=members["capped"],
        streams=members["streams"],
        edge=Edge(**_with_occurrences(members["edge"])),
    )
