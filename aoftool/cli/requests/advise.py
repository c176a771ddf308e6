"""What `aoftool advise` may be asked."""

from __future__ import annotations

from typing import Annotated

from aoftool.cli.declared import Argument, Option
from aoftool.cli.options.looks import LooksOfWork
from aoftool.cli.options.writing import HtmlOption
from aoftool.dataclass import dataclass

__all__ = ["AdviseRequest"]


@dataclass(frozen=True)
class AdviseRequest(LooksOfWork):
    """What `aoftool advise` is asked."""

    inputs: Annotated[
        list[str] | None,
        Argument(
            metavar="[INPUT]...",
            show_default=False,
            help="A bundle of `aoftool capture`, a directory, a .tgz or .zip, or any of: INFO, CONFIG GET, a"
            " conf file, LATENCY, SLOWLOG, the server's log, strace, files of /proc, vmstat, iostat, df; each"
            " told by its content. - for standard input.",
        ),
    ] = None
    server: Annotated[
        str | None,
        Option(
            "--server",
            metavar="ADDRESS",
            help="Ask a running server, read-only: host:port, /path/of/socket or valkey://user@host:port."
            " The password is taken from AOFTOOL_PASSWORD, VALKEYCLI_AUTH or REDISCLI_AUTH.",
            show_default=False,
        ),
    ] = None
    wait: Annotated[
        str,
        Option("--for", metavar="SECONDS", help="With --server: how far apart INFO is asked twice."),
    ] = "10s"
    aof: Annotated[
        str | None,
        Option("--aof", metavar="PATH", help="Look at the log itself too.", show_default=False),
    ] = None
    only: Annotated[
        list[str] | None,
        Option("--only", metavar="CODE", help="Show these findings only.", show_default=False),
    ] = None
    change: Annotated[
        list[str] | None,
        Option(
            "--set",
            metavar="CODE.NAME=VALUE",
            help="Change a threshold, such as write-blocked.worst=500ms. `--set list` lists them.",
            show_default=False,
        ),
    ] = None
    html: HtmlOption = None
    since: Annotated[
        str | None,
        Option(
            "--since",
            metavar="TIME",
            help="Leave out what was before, where it says when: YYYY-MM-DD[THH:MM:SS], Unix time, or 10m or"
            " yesterday before the newest time captured.",
            show_default=False,
        ),
    ] = None
    until: Annotated[
        str | None,
        Option("--until", metavar="TIME", help="Leave out what was after.", show_default=False),
    ] = None
    told: Annotated[
        list[str] | None,
        Option(
            "--as",
            metavar="KIND=FILE",
            help="Say what a file is where its content leaves doubt, such as conf=FILE.",
            show_default=False,
        ),
    ] = None
