"""Findings and verdicts: is a log intact, and what would a server do with it."""

from aoftool.check.checker import check, report_of
from aoftool.check.exam import LogExam, examine
from aoftool.check.model import Finding, Level, Outcome, Report, ServerOutcome, Severity, Verdict
from aoftool.check.targets import TARGETS, Target, target_named

__all__ = [
    "TARGETS",
    "Finding",
    "Level",
    "LogExam",
    "Outcome",
    "Report",
    "ServerOutcome",
    "Severity",
    "Target",
    "Verdict",
    "check",
    "examine",
    "report_of",
    "target_named",
]
