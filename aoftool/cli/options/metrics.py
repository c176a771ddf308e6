"""The option of metrics, shared by the verbs that have some, and how they are written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from aoftool.cli.declared import Option

if TYPE_CHECKING:
    from aoftool.report.metrics import Sample

__all__ = ["MetricsOption", "write_metrics"]

MetricsOption = Annotated[
    str | None,
    Option(
        "--metrics",
        metavar="FILE",
        help="Write figures there too, as OpenMetrics, for the node exporter: a name that ends in .prom.",
    ),
]


def write_metrics(path: str | None, verb: str, samples: Iterable[Sample]) -> None:
    """Write metrics in one step, in place of those that are there; nothing without a path.

    Raises:
        SinkError: it cannot be written.
    """
    if path is None:
        return
    import time

    from aoftool.files.sink import write_atomically
    from aoftool.report.metrics import metrics_text

    text = metrics_text(verb, samples, time.time())
    write_atomically(path, [text.encode("utf-8", "backslashreplace")], force=True)
