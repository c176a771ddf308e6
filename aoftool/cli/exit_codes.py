"""The exit codes of every verb, and the words that help texts end with."""

from __future__ import annotations

__all__ = [
    "CLOSED_PIPE",
    "DONE",
    "EXIT_CODES",
    "INPUT",
    "INTERRUPTED",
    "NOT_JUDGED",
    "OUR_BUG",
    "REFUSED",
    "USAGE",
    "VERDICT",
    "VERIFY",
    "epilog",
]

DONE = 0
VERDICT = 1
USAGE = 2
INPUT = 3
REFUSED = 4
VERIFY = 5
NOT_JUDGED = 6
OUR_BUG = 70
INTERRUPTED = 130
CLOSED_PIPE = 141

EXIT_CODES = {
    DONE: "nothing wrong, or done",
    VERDICT: "a verdict: damage found, or a plan with work to do",
    USAGE: "wrong usage",
    INPUT: "the input cannot be read or is not supported",
    REFUSED: "refused, because it would not be safe",
    VERIFY: "what was written did not verify; it was removed",
    NOT_JUDGED: "not judged: something that no known release writes",
    OUR_BUG: "a bug in aoftool",
    INTERRUPTED: "interrupted",
    CLOSED_PIPE: "the reader of the output went away",
}


def epilog(*codes: int) -> str:
    """Return the closing paragraph of a verb's help: the exit codes it can give."""
    always = (USAGE, INPUT, OUR_BUG, INTERRUPTED, CLOSED_PIPE)
    wanted = sorted({DONE, *codes, *always})
    rows = [f"  {code:>3}  {EXIT_CODES[code]}" for code in wanted]
    return "\b\nExit codes:\n" + "\n".join(rows)
