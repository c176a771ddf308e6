"""Every damaged case: named for what it is, and foretold for every server that was measured."""

from __future__ import annotations

import functools
import re
from typing import Any

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.model import Outcome, Report, Severity
from tests.corpus import Case, case_params

TARGETS = {
    "redis-6.2.5": "redis-6.2",
    "redis-7.0.15": "redis-7.0",
    "redis-8.0.6": "redis-8.0",
    "valkey-8.1.1": "valkey-8.1",
    "valkey-9.1.2": "valkey-9.1",
}
# What a person would call the damage. Cases that nothing can see are not here.
CODES = {
    "argc-huge": "broken-count",
    "argc-one-less": "broken-count",
    "argc-one-more": "broken-count",
    "base-rdb-bad-checksum": "rdb-checksum",
    "base-rdb-byte-flip": "rdb-checksum",
    "bom-prefix": "byte-order-mark",
    "bulk-length-beyond-eof": "broken-length",
    "bulk-length-flipped-digit-binary": "corrupt-region",
    "bulk-length-huge": "broken-length",
    "bulk-length-negative": "broken-length",
    "bulk-length-too-large": "corrupt-region",
    "bulk-length-too-small": "corrupt-region",
    "command-name-bit-flip": "unknown-command",
    "discard-in-transaction": "discard-in-multi",
    "dos2unix": "cr-stripped",
    "dos2unix-binary": "cr-stripped",
    "duplicated-4k-block": "doubled-block",
    "empty-base-rdb": "empty-base",
    "empty-incr-not-last": "empty-incr",
    "empty-multibulk": "empty-command",
    "exec-removed-mid-file": "lost-exec",
    "exec-without-multi": "exec-without-multi",
    "five-random-bit-flips": "corrupt-region",
    "garbage-between-commands": "corrupt-region",
    "garbage-prefix-16": "leading-bytes",
    "incr-garbage-mid-first": "corrupt-region",
    "inline-command-between": "inline-text",
    "manifest-absent": "manifest-missing",
    "manifest-bad-line": "manifest-missing-field",
    "manifest-bad-type": "manifest-bad-type",
    "manifest-blank-line": "manifest-blank-line",
    "manifest-duplicate-seq": "manifest-sequence-order",
    "manifest-empty": "manifest-empty",
    "manifest-garbage-line": "manifest-too-few-fields",
    "manifest-no-base": "no-base",
    "manifest-no-final-newline": "manifest-no-final-newline",
    "manifest-odd-fields": "manifest-odd-fields",
    "manifest-path-in-name": "manifest-name-is-path",
    "manifest-seq-gap": "seq-gap",
    "manifest-seq-not-increasing": "manifest-sequence-order",
    "manifest-torn": "manifest-no-final-newline",
    "manifest-two-bases": "manifest-duplicate-base",
    "missing-4k-block": "corrupt-region",
    "missing-4k-block-binary": "corrupt-region",
    "missing-4k-block-in-transactions": "corrupt-region",
    "missing-base": "other-generation",
    "missing-first-4k": "leading-bytes",
    "missing-first-incr": "missing-file",
    "missing-last-incr": "missing-file",
    "multi-across-incr-files": "multi-across-files",
    "multi-nested": "lost-exec",
    "multi-torn-in-transaction": "torn-tail",
    "multi-without-exec-at-end": "open-multi",
    "newline-appended": "trailing-bytes",
    "only-zeros": "zero-tail",
    "payload-crlf-flipped": "bad-terminator",
    "preamble-bad-checksum": "rdb-checksum",
    "preamble-bad-magic": "rdb-magic",
    "preamble-future-version": "rdb-checksum",
    "preamble-good-tail-garbage": "corrupt-region",
    "preamble-good-tail-torn": "torn-tail",
    "preamble-missing-4k-block": "rdb-damaged",
    "preamble-payload-byte-flip": "rdb-checksum",
    "preamble-truncated": "rdb-truncated",
    "preamble-truncated-in-checksum": "rdb-truncated",
    "preamble-twice": "second-log",
    "resp-garbage-inside-binary": "corrupt-region",
    "star-byte-flipped": "broken-type-byte",
    "text-line-between-commands": "inline-text",
    "timestamp-overlong": "long-annotation",
    "timestamp-torn": "torn-annotation",
    "torn-after-header-lf": "torn-tail",
    "torn-after-star": "torn-tail",
    "torn-at-argument-boundary": "torn-tail",
    "torn-base-aof": "torn-tail",
    "torn-base-rdb": "rdb-truncated",
    "torn-between-cr-and-lf": "missing-final-crlf",
    "torn-binary-tail": "torn-tail",
    "torn-in-bulk-header": "torn-tail",
    "torn-in-first-command": "torn-tail",
    "torn-incr-last": "torn-tail",
    "torn-incr-not-last": "torn-tail",
    "torn-inside-resp-looking-value": "torn-tail",
    "torn-mid-payload": "torn-tail",
    "unix2dos": "lf-doubled",
    "utf8-reencoded": "utf8-doubled",
    "valkey-base-bad-checksum": "rdb-checksum",
    "valkey-base-truncated": "rdb-truncated",
    "valkey-hash-field-ttl-torn": "torn-tail",
    "valkey-torn-incr-not-last": "torn-tail",
    "wrong-arity": "wrong-arity",
    "zero-appended-1": "zero-tail",
    "zero-appended-4k": "zero-tail",
    "zero-block-mid-4k": "zero-block",
    "zero-filled-tail-4k": "zero-tail",
}


@functools.cache
def report_on(case: Case) -> Report:
    return check(find_log(case.source))


def expected_outcome(fact: dict[str, Any]) -> tuple[Outcome, int | None]:
    """Return what a server did, from its exit and its log."""
    cuts = re.findall(r"Truncating the AOF .*?at offset (\d+)", "\n".join(fact.get("log", [])))
    if fact["loads"]:
        return (Outcome.CUT, int(cuts[0])) if cuts else (Outcome.LOAD, None)
    status = fact["exit"]
    crashed = isinstance(status, str) or (status or 0) < 0
    return (Outcome.CRASH if crashed else Outcome.REFUSE), None


def assert_foretold(report: Report, facts: dict[str, dict[str, Any]]) -> None:
    for server, fact in facts.items():
        if fact.get("loads") is None or server not in TARGETS:
            continue
        outcome, cut_to = expected_outcome(fact)

        foretold = report.outcome(TARGETS[server])

        assert foretold.outcome is outcome, (server, foretold, fact.get("log"))
        if cut_to is not None:
            assert foretold.cut_to == cut_to, server


# Invented names in good framing that come once and are no bit away from a name of the log. The corpus calls
# them damage; a newer server could have written them just so, and nothing in the file tells the two apart.
NOT_JUDGED = {
    "subcommand-unknown": "unknown-subcommand",
    "unknown-command": "unknown-command",
}
# JSON.SET, which RedisJSON has: such a log is in order, and a server with the module loads it.
KNOWN_MODULE = "unknown-module-command"


@pytest.mark.corpus
@pytest.mark.parametrize("case", case_params("damaged"))
def test_an_invented_command_is_not_judged(case: Case) -> None:
    report = report_on(case)

    unknown = [finding.code for finding in report.findings if finding.severity is Severity.NOT_JUDGED]

    assert unknown == ([NOT_JUDGED[case.scenario]] if case.scenario in NOT_JUDGED else [])
    assert report.judged is (case.scenario not in NOT_JUDGED)
    warned = [finding.code for finding in report.findings if finding.severity is Severity.WARNING]
    assert (KNOWN_MODULE in warned) is (case.scenario == KNOWN_MODULE)


@pytest.mark.corpus
@pytest.mark.parametrize("case", case_params("damaged"))
def test_damage_is_called_by_its_name(case: Case) -> None:
    report = report_on(case)

    damage = [finding.code for finding in report.findings if finding.severity is Severity.DAMAGE]
    expected = CODES.get(case.scenario)
    if expected is None:
        assert damage == [], "nothing can see this damage"
    else:
        assert damage[0] == expected
        assert not report.intact


@pytest.mark.corpus
@pytest.mark.parametrize("case", case_params("damaged"))
def test_damage_is_found_no_later_than_the_reference_did(case: Case) -> None:
    reference = (case.facts.get("reference_parser") or {}).get("error")
    if reference is None or case.scenario not in CODES:
        pytest.skip("the reference parser saw nothing")

    report = report_on(case)

    starts = [f.start for f in report.findings if f.severity is Severity.DAMAGE and f.start is not None]
    assert min(starts) <= max(reference["offset"], case.facts["offset"])


@pytest.mark.corpus
@pytest.mark.parametrize("case", case_params("damaged"))
def test_every_measured_server_is_foretold(case: Case) -> None:
    report = report_on(case)

    assert_foretold(report, case.facts["loads_with_aof_load_truncated_yes"])


@pytest.mark.corpus
@pytest.mark.parametrize("case", case_params("recorded"))
def test_recorded_logs_are_intact_unless_their_server_could_not_go_on_with_them(case: Case) -> None:
    report = report_on(case)

    # One was killed in a write, one dies of its own log.
    known = {"sigkill-torn-tail": ["torn-tail"], "vector-sets-cas": ["hurtful-command"]}
    damage = [finding.code for finding in report.findings if finding.severity is Severity.DAMAGE]
    assert damage == known.get(case.scenario, []), [finding.message for finding in report.findings]
    assert_foretold(report, case.facts["after_load"])


@pytest.mark.corpus
@pytest.mark.parametrize("case", case_params("damaged"))
def test_messages_are_those_that_the_servers_log(case: Case) -> None:
    report = report_on(case)

    for server, fact in case.facts["loads_with_aof_load_truncated_yes"].items():
        if fact.get("loads") is not False or server not in TARGETS:
            continue
        telling = [
            line
            for line in fact["log"]
            if re.match(r"Bad file|Unknown|Error reading the app|Wrong RDB", line)
        ]
        for line in telling:
            # The measured servers were given a single file as the base of a manifest.
            wanted = line if case.multi_part else line.replace(".aof.1.base.aof", ".aof")
            assert wanted[:100] in report.outcome(TARGETS[server]).message
