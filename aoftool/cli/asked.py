"""Questions that operators come with, and the line that answers each: the first thing that help shows."""

from __future__ import annotations

__all__ = ["ASKED", "asked_text"]

ASKED = (
    ("Which key grew most in 10 minutes?", "inspect --by key --since 10m"),
    ("Who deleted a key, and when?", "history KEY"),
    ("What were the data at 12:34:56?", "keys --at 12:34:56"),
    ("Only database 3, in a new log?", "rewrite --db 3 -o NEW"),
    ("Keys back that a FLUSHDB took?", "fix --drop-command FLUSHDB"),
    ("How long will loading take, and why?", "inspect"),
    ("When is the next automatic rewrite?", "inspect"),
    ("Which settings keep the log smaller?", "simulate"),
    ("Which client pattern is wasteful?", "audit"),
    ("What happened, for the postmortem?", "report -o incident.html"),
)
"""Questions with what to type behind `aoftool`; the path of the log may follow."""


def asked_text() -> str:
    """Return the questions and lines as a paragraph of a help text."""
    wide = max(len(question) for question, _ in ASKED)
    rows = [f"  {question:<{wide}}  aoftool {words}" for question, words in ASKED]
    return "\b\nWhat to type:\n" + "\n".join(rows)
