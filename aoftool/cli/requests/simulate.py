"""What `aoftool simulate` may be asked."""

from __future__ import annotations

from typing import Annotated

from aoftool.cli.declared import Option
from aoftool.cli.options.common_options import PathArgument, WrittenByOption
from aoftool.cli.options.looks import LooksOfWork
from aoftool.cli.options.writing import ForceOption
from aoftool.dataclass import dataclass

__all__ = ["SimulateRequest"]


@dataclass(frozen=True)
class SimulateRequest(LooksOfWork):
    """What `aoftool simulate` is asked."""

    path: PathArgument = None
    min_sizes: Annotated[
        str | None,
        Option("--minsize", metavar="SIZES", help="auto-aof-rewrite-min-size to try: 16m,64m,256m."),
    ] = None
    percentages: Annotated[
        str | None,
        Option("--pct", metavar="NUMBERS", help="auto-aof-rewrite-percentage to try: 50,100,200."),
    ] = None
    now: Annotated[
        str | None,
        Option(
            "--now", metavar="SIZE,NUMBER", help="Both settings as the server has them. Default: 64m,100."
        ),
    ] = None
    restart_under: Annotated[
        str | None,
        Option("--restart-under", metavar="TIME", help="A goal: load in less than 30s, 2m."),
    ] = None
    disk: Annotated[
        str | None, Option("--disk", metavar="SIZE", help="A goal: never more than this on the disk.")
    ] = None
    at_most: Annotated[
        str | None, Option("--at-most", metavar="RATE", help="A goal: no more rewrites than 4/h, 24/d.")
    ] = None
    info: Annotated[
        list[str] | None,
        Option(
            "--info",
            metavar="FILE",
            help="INFO of the server, up to twice. Beside a log: what the server compares with. Alone,"
            " without PATH: a constant pace, and marked so.",
        ),
    ] = None
    rate: Annotated[
        str | None,
        Option("--rate", metavar="SIZE", help="With --info alone: bytes a second."),
    ] = None
    child: Annotated[
        str | None,
        Option(
            "--child",
            metavar="TIME",
            help="How long a rewrite takes. Default: by INFO, else 0.15 s and 100 MB/s.",
        ),
    ] = None
    svg: Annotated[
        str | None,
        Option("--svg", metavar="FILE", help="Draw the sawtooth of every row as SVG."),
    ] = None
    force: ForceOption = False
    written_by: WrittenByOption = None
