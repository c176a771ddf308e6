"""Tables of the system and files of /proc, in any locale, cut anywhere."""

from __future__ import annotations

from aoftool.captures.conf import memory_bytes, read_conf
from aoftool.captures.lines import Text, text_of
from aoftool.captures.proc import read_mounts, read_smaps
from aoftool.captures.serverlog import read_log
from aoftool.captures.space import read_df
from aoftool.captures.tables import read_iostat, read_vmstat
from aoftool.captures.watchdog import read_watchdog

VMSTAT = """\
procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----
 r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st
19  1      0 11601124  77688 6648096   11   41  1360  7723  700 3541 72 14 13  0  0
15  1      0 11601124  77688 6648096    0    0   282 10103 1701 6023 66 34  0  0  0
"""
IOSTAT = """\
Linux 6.1.0-31-amd64 (db1) 	11/29/26 	_x86_64_	(2 CPU)

avg-cpu:  %user   %nice %system %iowait  %steal   %idle
          44.09   28.39   14.04    0.12    0.10   13.26

Device            r/s     w/s     wkB/s w_await  %util
sdb              0.30    4.98    788.98  107.92   6.66

avg-cpu:  %user   %nice %system %iowait  %steal   %idle
          28.86   36.82   34.33    0.00    0.00    0.00

Device            r/s     w/s     wkB/s w_await  %util
sdb              0.00   11.00   4164.00  157.00 100.00
"""


def text(body: str) -> Text:
    return text_of("x", body.encode())


def test_the_first_report_is_since_the_machine_started() -> None:
    (report,) = read_vmstat(text(VMSTAT))
    table = read_iostat(text(IOSTAT))

    assert (report.figures["r"], report.figures["id"], report.where) == (15, 0, "x:4")
    assert [row.devices["sdb"]["w_await"] for row in table.reports] == [157]
    assert table.cpus == 2


def test_a_decimal_comma_is_a_decimal_point() -> None:
    assert read_iostat(text(IOSTAT.replace(".", ","))).reports[0].devices["sdb"]["%util"] == 100


def test_a_row_that_is_cut_is_no_row() -> None:
    assert read_iostat(text(IOSTAT[:-20])).reports[0].devices == {}
    assert read_vmstat(text(VMSTAT[:-30])) == ()


def test_conf_files_have_quotes_units_and_comments() -> None:
    conf = read_conf(text('# x\n  Save "3600 1"  \nrequirepass \'a b\'\nbad "x\nmaxmemory 1gb\n'))

    assert [(row.name, row.arguments, row.where) for row in conf] == [
        ("save", ("3600 1",), "x:2"),
        ("requirepass", ("a b",), "x:3"),
        ("maxmemory", ("1gb",), "x:5"),
    ]
    assert [memory_bytes(word) for word in ("1k", "1kb", "64MB", "7", "1x", "-1")] == [
        1000,
        1024,
        64 << 20,
        7,
        None,
        None,
    ]


def test_logs_of_all_forms_and_behind_prefixes() -> None:
    line = "9121:M 29 Nov 2026 15:22:56.469 * Ready to accept connections tcp"
    log = read_log(
        text(
            f"{line}\nNov 29 15:22:56 db1 valkey-server[9121]: {line}\n"
            "9121:M 2026-11-29T15:22:56.469+00:00 * Ready to accept connections tcp\n"
            'pid=9121 role=primary timestamp="29 Nov 2026 15:22:56.469" level=notice message="Ready"\n'
            "9121:M 31 Foo 2026 15:22:56.469 * no such month\n--- no line ---\n"
        )
    )

    assert [(row.pid, row.role, row.level) for row in log] == [(9121, "M", "*")] * 5
    assert [row.at_s for row in log] == [1795965776.469] * 4 + [None]


def test_df_counts_blocks_as_its_header_says() -> None:
    rows = read_df(
        text("Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sdb 100 60 40 60% /d e\n")
    )

    assert [(row.point, row.size_bytes, row.free_bytes) for row in rows] == [("/d e", 102400, 40960)]
    assert read_df(text("Filesystem Size Used Avail Use% Mounted on\n/dev/sdb 1G 1M 40 60% /d\n")) == ()


def test_mounts_and_maps() -> None:
    (mount,) = read_mounts(text("65 43 7:0 / /var/lib/a\\040b rw - ext4 /dev/sdb rw\n"))
    sums, largest, where = read_smaps(text("a\nSwap: 4 kB\nSwap: 60 kB\nSwap: 4 kB\nRss: 1 kB\n"))

    assert (mount.point, mount.kind) == ("/var/lib/a b", "ext4")
    assert (sums["Swap"].value, largest, where) == (68 * 1024, 60 * 1024, "x:3")


def test_the_watchdog_names_the_main_thread() -> None:
    frame = "/usr/bin/valkey-server 127.0.0.1:6379({}+0x1a) [0x7ff26493d1db]\n"
    report = (
        "4828:signal-handler (1795964975)\n--- WATCHDOG TIMER EXPIRED ---\n\n------ STACK TRACE ------\n"
        + "4831 bio_aof\n"
        + frame.format("bioProcessBackgroundJobs")
        + "\n4828 valkey-server *\n"
        + frame.format("debugCommand")
        + frame.format("call")
    )

    (found,) = read_watchdog(text(report))

    assert (found.at_s, found.frames) == (1795964975, ("debugCommand", "call"))
