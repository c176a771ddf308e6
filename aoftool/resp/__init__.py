"""The command stream: scanning it, cutting it into commands, writing it.

Only what every run needs is named here; import `commands`, `batch`, `frame`, `encode` and `resync` as
modules.
"""

from aoftool.resp.grammar import Grammar, KeyRule
from aoftool.resp.model import Command, Leniency, Reason, Row, RowKey, Stop, TailTally
from aoftool.resp.scanner import scanner_name, tally

__all__ = [
    "Command",
    "Grammar",
    "KeyRule",
    "Leniency",
    "Reason",
    "Row",
    "RowKey",
    "Stop",
    "TailTally",
    "scanner_name",
    "tally",
]
