"""What modules have in an RDB part: values of their types, and data outside of keys.

Servers without the module refuse such a part, which says nothing of its health; what each does is for
`aoftool.check.loaders` to say.
"""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.check.model import Finding
from aoftool.escape import shown_text
from aoftool.rdb.modules import MODULE_TYPE, owner_of
from aoftool.rdb.walk.summary import ModuleUse, RdbWalk
from aoftool.units import and_more, counted

__all__ = ["modules_in"]

# Redis brings this module along from 8.0 on.
_VECTORS = "vectorset"
_SHOWN = 12


def modules_in(walk: RdbWalk, path: str) -> Iterator[Finding]:
    """Yield one warning that names type, module, version and count of all that modules have in a part."""
    found = [use for use in walk.modules if use.name != _VECTORS]
    if not found:
        return
    named = "; ".join(_words(use, walk) for use in found[:_SHOWN]) + and_more(len(found) - _SHOWN)
    which = "that module" if len(found) == 1 else "these modules"
    yield Finding.of("rdb-module", path, f"{named}: only a server with {which} loads this file")


def _words(use: ModuleUse, walk: RdbWalk) -> str:
    keys = sum(row.keys for row in walk.counts if (row.type_id, row.encoding) == (MODULE_TYPE, use.name))
    held = [counted(keys, "value")] if keys else []
    if use.aux:
        held.append("data outside of keys")
    owner = owner_of(use.name)
    version = f"encoding version {use.version}"
    about = f"{owner}, {version}" if owner else version
    return f"{' and '.join(held) or 'values'} of the module type {shown_text(use.name)} ({about})"
