"""Lines and columns: what is printed with colour and without."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from aoftool.check.model import (
    FileReport,
    Finding,
    Level,
    Outcome,
    Remedy,
    Report,
    ServerOutcome,
    Severity,
    Verdict,
)
from aoftool.report.findings import render_findings
from aoftool.report.lines import LineConsole, print_columns


def console(*, color: bool = False, width: int = 60) -> tuple[LineConsole, io.StringIO]:
    out = io.StringIO()
    return LineConsole(out, color=color, width=width), out


def test_a_style_shows_only_in_colour() -> None:
    plain, plain_out = console()
    coloured, coloured_out = console(color=True)

    for one in (plain, coloured):
        one.print("bad", style="bold red", end="")
        one.print(" [red]as it stands[/red]")

    assert plain_out.getvalue() == "bad [red]as it stands[/red]\n"
    assert coloured_out.getvalue() == "\x1b[1;31mbad\x1b[0m [red]as it stands[/red]\n"


def test_the_last_column_is_folded_beside_the_others() -> None:
    rows = [(("one", "a text that is too long for it"), ""), (("b", ""), "")]
    wide, wide_out = console(width=36)
    narrow, narrow_out = console(width=30)

    print_columns(wide, ("name", "what"), rows)
    print_columns(narrow, ("name", "what"), rows)

    assert wide_out.getvalue().splitlines() == [
        "name  what",
        "────────────────────────────────────",
        "one   a text that is too long for it",
        "b",
    ]
    assert narrow_out.getvalue().splitlines()[2:] == ["one   a text that is too long", "      for it", "b"]


def test_a_report_says_verdict_place_remedies_and_what_servers_do() -> None:
    remedy = Remedy("cut the end off", loses_bytes=4, loses_commands=1, text="as a server would")
    report = Report("/logs/a.aof", "single", Level.FULL)
    report.files.append(FileReport("/logs/a.aof", "single", 31, "RESP", 1, 27, Verdict.TORN_TAIL))
    report.findings.append(
        Finding(
            "torn-tail",
            Severity.DAMAGE,
            "/logs/a.aof",
            "the file ends inside a command",
            27,
            31,
            1,
            remedies=(remedy,),
        )
    )
    report.outcomes.append(ServerOutcome("valkey-9.1", Outcome.CUT, "/logs/a.aof", 27))
    printer, out = console(width=80)

    render_findings(printer, [report])

    assert out.getvalue().splitlines() == [
        "torn-tail       /logs/a.aof  RESP, 31 B, 1 command, good to offset 27",
        "",
        "damage: the file ends inside a command [torn-tail]",
        "  where     a.aof, offset 27 to 31 (4 B), command 1",
        "  remedy    cut the end off (fix; loses 4 B, 1 command): as a server would",
        "",
        "server      would  and",
        "────────────────────────────────────────",
        "valkey-9.1  cut    cut a.aof to 27 bytes",
        "",
        "next: aoftool fix --dry-run /logs/a.aof",
    ]


def test_a_healthy_log_is_checked_without_what_only_damage_and_tables_need() -> None:
    program = (
        "import sys\n"
        "from aoftool.check.checker import check\n"
        "from aoftool.cli.console import line_console\n"
        "from aoftool.report.findings import render_findings\n"
        "heavy = ('numpy', 'rich', 'anycrc', 'zstandard')\n"
        "heavy += ('aoftool.check.stream.dissect', 'aoftool.rdb.walk.walk')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )

    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert run.stdout == "[]\n"


@pytest.mark.parametrize("width", [40, 44, 60])
def test_a_table_breaks_no_word_and_no_name_of_a_file(width: int) -> None:
    out = io.StringIO()
    name = "appendonly.aof.2.incr.aof"

    print_columns(
        LineConsole(out, color=False, width=width),
        ("server", "and"),
        [(("redis-7.0 to 8.12", f"cut {name}"), "")],
    )

    assert name in out.getvalue().split()
    assert all(len(line) <= width for line in out.getvalue().splitlines() if name not in line)
