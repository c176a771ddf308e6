"""What `--json` prints, held to the schemas of docs/schemas/."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

SCHEMAS = Path(__file__).resolve().parent.parent / "docs" / "schemas"


def schema_names() -> list[str]:
    """Return the names that objects give as their `schema`, such as aoftool.check/1."""
    return sorted(f"aoftool.{path.stem[::-1].replace('-', '/', 1)[::-1]}" for path in SCHEMAS.glob("*.json"))


@cache
def read_schema(name: str) -> dict[str, Any]:
    """Return the schema of a name.

    Raises:
        FileNotFoundError: there is none.
    """
    path = SCHEMAS / f"{name.removeprefix('aoftool.').replace('/', '-')}.json"
    schema: dict[str, Any] = json.loads(path.read_text())
    return schema


@cache
def _validator(name: str) -> Any:
    return jsonschema_rs.validator_for(read_schema(name))


def shape_problem(shown: dict[str, Any]) -> str | None:
    """Return how an object breaks its schema, None where it keeps it."""
    name = shown.get("schema")
    if name not in schema_names():
        return f"no schema for {name!r}"
    for error in _validator(name).iter_errors(shown):
        return f"{name}: {'/'.join(map(str, error.instance_path))}: {error.message[:300]}"
    return None


def objects_in(text: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of what a verb printed: one, or one a line."""
    try:
        yield json.loads(text)
    except ValueError:
        for line in text.splitlines():
            yield json.loads(line)
