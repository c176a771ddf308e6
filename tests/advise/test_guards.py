"""What keeps rules from being raised for nothing, and severities at their thresholds."""

from __future__ import annotations

import pytest

from aoftool.advise.model import Advice, Severity
from aoftool.advise.rewrites import read_rewrites
from aoftool.captures.lines import Text, text_of
from aoftool.captures.serverlog import read_log
from tests.captured import advice_of

CONFIG = "appendonly\nyes\nappendfsync\n{policy}\nmaxmemory-policy\n{eviction}\nsave\n\nport\n6379\n"
INFO = (
    "# Server\nredis_version:8.0.6\nuptime_in_seconds:{uptime}\nrun_id:a\n"
    "# Persistence\naof_enabled:1\n{more}\n"
)


def text(name: str, body: str) -> Text:
    return text_of(name, body.encode())


def info(more: str = "", uptime: int = 100) -> Text:
    return text(f"info-{uptime}.txt", INFO.format(uptime=uptime, more=more))


def severity(advice: Advice, code: str) -> Severity | None:
    return next((finding.severity for finding in advice.findings if finding.code == code), None)


@pytest.mark.parametrize(
    ("usec", "rss", "expected"),
    [
        (99_000, 100 << 20, None),
        (100_000, 100 << 20, Severity.HIGH),
        (1_000_000, 100 << 20, Severity.CRITICAL),
        (60_000, 1 << 30, None),
        (99_000, (3 << 30) // 2, Severity.MEDIUM),
    ],
)
def test_forks(usec: int, rss: int, expected: Severity | None) -> None:
    advice = advice_of((info(f"latest_fork_usec:{usec}\nused_memory_rss:{rss}"),))

    assert severity(advice, "fork-slow") == expected


@pytest.mark.parametrize(
    ("eviction", "expected"), [("noeviction", Severity.HIGH), ("allkeys-lru", Severity.INFO)]
)
def test_a_cache_may_have_no_syncs(eviction: str, expected: Severity) -> None:
    config = text("config.txt", CONFIG.format(policy="no", eviction=eviction))

    assert severity(advice_of((config,)), "fsync-never") == expected


@pytest.mark.parametrize(
    ("first", "last", "uptime", "expected"),
    [
        (0, 0, 100, None),
        (0, 2, 100, Severity.MEDIUM),
        (7, 10, 100, Severity.HIGH),
        # Once since a start a month ago, and not meanwhile, is no state of the disk.
        (1, 1, 2_600_000, None),
    ],
)
def test_delayed_syncs(first: int, last: int, uptime: int, expected: Severity | None) -> None:
    before = info(f"aof_delayed_fsync:{first}", uptime - 20)
    after = info(f"aof_delayed_fsync:{last}", uptime)

    assert severity(advice_of((before, after)), "fsync-slow") == expected


@pytest.mark.parametrize(("swap_kb", "expected"), [(156, None), (1024, None), (12_000, Severity.MEDIUM)])
def test_a_few_pages_in_swap_are_normal(swap_kb: int, expected: Severity | None) -> None:
    smaps = text("smaps", f"Rss: 400000 kB\nAnonHugePages: 0 kB\nSwap: {swap_kb} kB\n")

    assert severity(advice_of((smaps,)), "swap") == expected


@pytest.mark.parametrize(("allowed", "cpus", "raised"), [("0", 1, False), ("0", 4, True), ("0-3", 4, False)])
def test_one_cpu_of_several(allowed: str, cpus: int, raised: bool) -> None:
    status = text("status", f"Name:\tvalkey-server\nCpus_allowed_list:\t{allowed}\n")
    config = text("config.txt", CONFIG.format(policy="everysec", eviction="noeviction"))
    head = f"Linux 6.1 (db1) \t11/29/26 \t_x86_64_\t({cpus} CPU)\n\navg-cpu:  %user   %idle\n"
    iostat = text("iostat.txt", head + "          1.00   99.00\n")

    advice = advice_of((status, config, iostat, info()))

    assert (severity(advice, "cpu-pinned") is not None) == raised


@pytest.mark.parametrize(
    ("event", "loop_usec", "threshold", "raised"),
    [(90, 250_000, 10, True), (130, 250_000, 10, False), (0, 250_000, 0, False), (0, 190_000, 10, False)],
)
def test_a_loop_that_latency_does_not_have(event: int, loop_usec: int, threshold: int, raised: bool) -> None:
    latest = text("latency-latest.txt", f"command\n1795965782\n{event}\n{event}\n" if event else "")
    config = text("config.txt", f"appendonly\nyes\nlatency-monitor-threshold\n{threshold}\nport\n6379\n")

    advice = advice_of((info(f"eventloop_duration_max:{loop_usec}"), latest, config))

    assert (severity(advice, "unseen-stall") is not None) == raised


@pytest.mark.parametrize(
    ("ratio", "lost_mib", "raised"), [(27, 40, False), (1.4, 500, False), (1.6, 101, True)]
)
def test_small_servers_have_high_ratios(ratio: float, lost_mib: int, raised: bool) -> None:
    more = f"mem_fragmentation_ratio:{ratio}\nmem_fragmentation_bytes:{lost_mib << 20}"

    assert (severity(advice_of((info(more),)), "fragmented") is not None) == raised


LOG = """\
1:M 29 Nov 2026 10:00:00.000 * Starting automatic rewriting of AOF on 100% growth
{between}1:M 29 Nov 2026 10:00:05.000 * Creating AOF incr file appendonly.aof.2.incr.aof on background rewrite
1:M 29 Nov 2026 10:00:05.100 * Background append only file rewriting started by pid 7
7:C 29 Nov 2026 10:00:06.000 * Successfully created the temporary AOF base file temp-rewriteaof-bg-7.aof
1:M 29 Nov 2026 10:00:07.000 * Background AOF rewrite terminated with success
1:M 29 Nov 2026 10:00:07.000 * Successfully renamed the temporary AOF base file temp-7.aof into a.2.base.rdb
1:M 29 Nov 2026 10:00:09.000 * Removing the history file appendonly.aof.1.incr.aof in the background
1:M 29 Nov 2026 10:00:10.000 * Background AOF rewrite finished successfully
"""


def test_a_rewrite_is_read_from_pairs_of_lines() -> None:
    (child,) = read_rewrites(read_log(text("server.log", LOG.format(between="")))).rewrites

    assert child.is_automatic
    assert child.is_good
    assert [child.start_stall, child.fork_stall, child.end_stall] == pytest.approx([5.0, 0.1, 3.0])
    assert child.life_s == pytest.approx(1.9)


@pytest.mark.parametrize(
    "between",
    [
        "1:M 29 Nov 2026 10:00:02.000 * 10000 changes in 60 seconds. Saving...\n",
        "1:M 29 Nov 2026 10:00:02.000 # Server initialized\n",
    ],
)
def test_a_line_between_two_says_that_the_server_served(between: str) -> None:
    (child,) = read_rewrites(read_log(text("server.log", LOG.format(between=between)))).rewrites

    assert child.start_stall is None


def test_lines_of_another_process_say_nothing_of_this_one() -> None:
    log = LOG.format(between="").replace("1:M 29 Nov 2026 10:00:05.000", "2:M 29 Nov 2026 10:00:05.000")

    assert all(child.start_stall is None for child in read_rewrites(read_log(text("x", log))).rewrites)


def test_a_time_that_does_not_fit_is_none() -> None:
    log = LOG.format(between="").replace("10:00:05.100", "18:00:05.100")

    (child,) = read_rewrites(read_log(text("x", log))).rewrites

    assert child.fork_stall is None
    assert child.end_stall == pytest.approx(3.0)


def test_the_stall_at_a_rewrite_is_a_finding_of_half_a_second() -> None:
    long, short = LOG.format(between=""), LOG.format(between="")
    for moment in ("10:00:09", "10:00:10"):
        short = short.replace(moment, "10:00:07")
    short = short.replace("10:00:00.000", "10:00:04.600")

    assert severity(advice_of((text("server.log", long),)), "main-thread-fsync") is Severity.HIGH
    assert severity(advice_of((text("server.log", short),)), "main-thread-fsync") is None


HEAD = "# Stats\nserver_time_usec:1795965800000000\n"


def slow(usec: int, *argv: str, at_s: int = 1795965782, number: int = 7) -> Text:
    return text("slowlog.txt", "\n".join((str(number), str(at_s), str(usec), *argv, "127.0.0.1:1", "", "")))


@pytest.mark.parametrize(
    ("argv", "raised"),
    [
        (("FT.SEARCH", "i", "word"), True),
        (("SAVE",), True),
        (("MGET", *(f"k{n}" for n in range(30)), "... (4970 more arguments)"), True),
        (("SADD", "s", *(f"m{n}" for n in range(29)), "... (4970 more arguments)"), True),
        (("MGET", "a", "b"), False),
        (("SADD", "s", "m"), False),
        (("GET", "a"), False),
    ],
)
def test_what_takes_longer_with_more_data(argv: tuple[str, ...], raised: bool) -> None:
    advice = advice_of((slow(300_000, *argv),))

    assert severity(advice, "slow-commands") == (Severity.HIGH if raised else None)
    assert (advice.ledger[0].finding == "slow-commands") == raised
    assert ("commands" in advice.fine) is False


def test_a_transaction_never_enters_slowlog_and_is_named_by_its_counter() -> None:
    before = info("cmdstat_exec:calls=10,usec=1000,usec_per_call=100", 80)
    after = info("cmdstat_exec:calls=12,usec=2801000,usec_per_call=233416", 100)
    few = info("cmdstat_exec:calls=12,usec=3000,usec_per_call=250", 100)
    empty = slow(20_000, "GET", "a")

    assert severity(advice_of((before, after, empty)), "slow-commands") is Severity.HIGH
    assert severity(advice_of((before, few, empty)), "slow-commands") is None


def test_what_was_long_ago_is_said_to_be() -> None:
    entry = slow(300_000, "SORT", "k", at_s=1795965800 - 3 * 86_400)
    advice = advice_of((entry, info(HEAD, 400_000)))

    found = next(finding for finding in advice.findings if finding.code == "slow-commands")
    assert "last 3 d" in found.found[0].text
    assert "ago" not in advice_of((entry,)).findings[0].found[0].text


@pytest.mark.parametrize(
    ("forks_ms", "expected"), [((900,), None), ((1200,), Severity.HIGH), ((150, 160, 170), Severity.HIGH)]
)
def test_forks_before_the_last_one(forks_ms: tuple[int, ...], expected: Severity | None) -> None:
    history = "".join(f"{1795965000 + 60 * n}\n{ms}\n" for n, ms in enumerate(forks_ms))
    texts = (info("latest_fork_usec:900\nused_memory_rss:9000000"), text("latency-history/fork.txt", history))

    advice = advice_of(texts)

    assert severity(advice, "fork-slow") == expected
    assert "fork" not in advice.fine


@pytest.mark.parametrize(
    ("caps", "expires", "raised"),
    [((500, 500), 90_000, True), ((500, 510), 90_000, False), ((0, 0), 90_000, True), ((0, 0), 400, False)],
)
def test_keys_that_stay_behind_their_time(caps: tuple[int, int], expires: int, raised: bool) -> None:
    body = "expired_stale_perc:22.5\nexpired_time_cap_reached_count:{}\ndb0:keys=99999,expires={},avg_ttl=1"
    replies = [info(body.format(cap, expires), 90_000 + 30 * n) for n, cap in enumerate(caps)]

    assert (severity(advice_of(tuple(replies)), "expiry-lingering") is not None) == raised


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(30, 30, Severity.MEDIUM), (30, 34, Severity.HIGH), (None, 30, Severity.HIGH)],
)
def test_delays_that_are_over(first: int | None, last: int, expected: Severity) -> None:
    replies = [] if first is None else [info(f"aof_delayed_fsync:{first}", 863_000)]

    advice = advice_of((*replies, info(f"aof_delayed_fsync:{last}", 864_000)))

    assert severity(advice, "fsync-slow") is expected


def test_each_sample_is_the_entry_that_is_nearest() -> None:
    lengths = (279_514, 267_927, 265_083, 264_830)
    entries = "".join(
        f"{n}\n{1795964194 + n}\n{lengths[n]}\nEVAL\nreturn 1\n0\n127.0.0.1:1\n\n" for n in (3, 2, 1, 0)
    )
    history = "".join(f"{1795964194 + n}\n{usec // 1000}\n" for n, usec in enumerate(lengths))
    texts = (text("slowlog.txt", entries), text("latency-history/command.txt", history))

    assert [(row.label, row.times) for row in advice_of(texts).ledger] == [("EVAL", 4)]


def test_swap_explains_a_command_of_constant_time() -> None:
    smaps = text("smaps", "Rss: 400000 kB\nAnonHugePages: 0 kB\nSwap: 12000 kB\n")

    row = advice_of((smaps, slow(210_000, "GET", "a"))).ledger[0]

    assert (row.label, row.finding) == ("GET", "swap")


@pytest.mark.parametrize("order", [("command", "fork"), ("fork", "command")])
def test_a_fork_within_a_command_is_one_standstill(order: tuple[str, str]) -> None:
    lengths = {"command": 429, "fork": 404}
    history = [text(f"latency-history/{event}.txt", f"1795965782\n{lengths[event]}\n") for event in order]
    texts = (info("latest_fork_usec:404123"), slow(429_611, "BGREWRITEAOF"), *history)

    (row,) = advice_of(texts).ledger

    assert (row.cause, row.finding, row.times) == ("fork", "fork-slow", 1)
    assert row.seen_in == ("SLOWLOG", "LATENCY")
