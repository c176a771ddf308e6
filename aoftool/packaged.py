"""Files of data that lie beside the modules that know what is in them."""

from __future__ import annotations

import os
from typing import Any

__all__ = ["packaged_json", "packaged_text"]


def packaged_text(module: str, name: str) -> str:
    """Return what is in a file beside a module, which gives its `__file__`.

    Not by importlib.resources, which takes longer to load than the largest of these files to read.
    """
    with open(os.path.join(os.path.dirname(module), name), encoding="utf-8") as file:
        return file.read()


def packaged_json(module: str, name: str, schema: str | None = None) -> Any:
    """Return the data of such a file; it must be of the schema, where one is given."""
    import json

    data = json.loads(packaged_text(module, name))
    assert schema is None or data["schema"] == schema, data["schema"]
    return data
