"""Write docs/cli.md, the man pages and the completions from the help texts; run it after changing a verb."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "docs" / "cli.md"

HEAD = """\
# Command line

This page is made from the help texts by `python tools/write_cli_docs.py`; a test keeps it true. Results go
to standard output, everything else to standard error. `aoftool help VERB` shows a verb's options.

An option of one name means the same in every verb: `--json`, `--color` and `--redact` are everywhere,
`--csv` where there are rows, `--limit N` shows N of them, `-n` is `--dry-run`. Moments are told in one
grammar wherever an option takes a MOMENT:

| moment | means |
|---|---|
| `FILE:OFFSET` | before the command at that byte of a file; FILE is its name, the end of it, or a path |
| `OFFSET` | the same in the one file that holds commands; commas and underscores may part the digits |
| `2026-11-21T09:00`, `2026-11-21` | the end of that second, in UTC unless a zone is named; needs `#TS` |
| `@1763733600`, `1763733600` | Unix time, seconds or milliseconds; without @ an offset in so large a file |
| `10m`, `2h`, `3d`, `yesterday` | that long before the end of the log; yesterday is 1d |
| `14:46`, `14:46:50` | the last such time of day in the log, in UTC |
| `before:NAME`, `before:NAME:2` | before the last (the second) command of a name, or its transaction |
| `end` | the end of the log |

A moment outside of the log is an error that says what the log covers.

PATH names a log, the same way in every verb, and stands last: an AOF directory, the server's data directory
above it, a manifest, a single AOF, an RDB file, one of these compressed with gzip or zstd, or `-` for
standard input. Without it the current directory is searched. `check` takes several, and folders of data
directories; `diff` takes two, and needs the first; `history` takes its KEY before it; `undo` takes the
receipt of a repair in its place.

Options of earlier releases go on working for one release, shown nowhere: `--top`, and `-n` for it, are
`--limit`; `--to-offset`, `--to-timestamp`, `--before` and `--nth` are `--to`; `log --from` and `--to` are
`--since` and `--until`; `explain --offset` is `--at`.
"""


def help_text(*words: str) -> str:
    """Return what `aoftool WORDS --help` prints at 80 columns."""
    from aoftool.cli.app import run

    os.environ["COLUMNS"] = "80"
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = run([*words, "--help"])
    if code:
        raise SystemExit(f"aoftool {' '.join(words)} --help gave {code}")
    return out.getvalue().rstrip()


def verbs() -> list[str]:
    """Return the names of all verbs in the order in which help lists them."""
    from aoftool.cli.app import VERBS

    return list(VERBS)


def page() -> str:
    """Return the whole page."""
    parts = [HEAD, f"```\n{help_text()}\n```\n"]
    parts += [f"## aoftool {verb}\n\n```\n{help_text(verb)}\n```\n" for verb in verbs()]
    return "\n".join(parts)


if __name__ == "__main__":
    import write_completions
    import write_man_pages

    TARGET.write_text(page(), encoding="utf-8")
    write_man_pages.write()
    write_completions.write()
