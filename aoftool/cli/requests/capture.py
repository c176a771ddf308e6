"""What `aoftool capture` may be asked."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from aoftool.cli.console import Color
from aoftool.cli.declared import Option
from aoftool.cli.options.common_options import ColorOption, JsonOption
from aoftool.dataclass import dataclass

__all__ = ["FOR", "WAITS", "CaptureRequest", "Masking"]

FOR = "10s"
WAITS = "10m"


class Masking(Enum):
    """What is masked."""

    ALL = "all"
    NONE = "none"


@dataclass(frozen=True)
class CaptureRequest:
    """What `aoftool capture` is asked."""

    server: Annotated[
        str,
        Option("--server", metavar="ADDRESS", help="HOST:PORT, /path/of/socket or valkey://user@host:port."),
    ] = "127.0.0.1:6379"
    user: Annotated[
        str | None,
        Option("--user", metavar="NAME", help="Log in as; the password comes from AOFTOOL_PASSWORD."),
    ] = None
    output: Annotated[
        str | None,
        Option("-o", "--output", metavar="FILE", help="Default: aoftool-capture-TIME.tgz here."),
    ] = None
    seconds: Annotated[
        str | None,
        Option(
            "--for",
            metavar="TIME",
            help=f"Between the first and the last INFO. Default: {FOR}."
            f" With --when: how long to wait. Default: {WAITS}.",
            show_default=False,
        ),
    ] = None
    trace: Annotated[
        str | None,
        Option("--trace", metavar="TIME", help="Let strace look at the server so long: it slows it."),
    ] = None
    when: Annotated[
        str | None,
        Option("--when", metavar="EVENT", help="Wait for it first, such as 'latency>200ms'."),
    ] = None
    redact: Annotated[
        Masking, Option("--redact", help="Mask arguments, addresses and names; passwords always are.")
    ] = Masking.ALL
    script: Annotated[
        bool, Option("--script", help="Print a shell script that does it on hosts without Python.")
    ] = False
    force: Annotated[bool, Option("--force", help="Replace an existing FILE.")] = False
    as_json: JsonOption = False
    color: ColorOption = Color.auto
