"""Figures of logs as OpenMetrics text, for the node exporter's textfile collector and any other scraper.

The one home of metrics: their names, what they mean, and how they are written. The text is read alike by
parsers of OpenMetrics and of the older Prometheus format: gauges alone, and no times. Every sample names the
verb, so that the files of two verbs may lie in one folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from aoftool.analysis.inspect.contents_model import ContentsView
from aoftool.analysis.inspect.model import FileRow, Overview
from aoftool.check.health_model import Health
from aoftool.check.model import FileReport, Outcome, Report, Severity
from aoftool.escape import shown_base, shown_path
from aoftool.fleet.model import LogRow, RowState
from aoftool.namedtuple import NamedTuple

__all__ = [
    "METRICS",
    "Sample",
    "check_samples",
    "fleet_samples",
    "inspect_samples",
    "metrics_text",
    "unreadable_samples",
]

METRICS = {
    "aoftool_last_run_timestamp_seconds": "When this file was written, as a Unix time.",
    "aoftool_log_readable": "1 where the log could be read, 0 where not.",
    "aoftool_log_intact": "1 where nothing in the log is damaged, else 0.",
    "aoftool_log_judged": "1 where everything in the log is known to aoftool, else 0.",
    "aoftool_log_verdict_info": "Always 1; the label verdict says in one word how the log is.",
    "aoftool_log_findings": "Findings of a check by severity: damage, not-judged, warning, note.",
    "aoftool_log_loads": "1 where a release of a server loads the log whole, 0 where it does not.",
    "aoftool_log_size_bytes": "Bytes of all files that a server loads.",
    "aoftool_log_commands": "Whole commands in all files.",
    "aoftool_log_file_size_bytes": "Bytes of one file of the log.",
    "aoftool_log_file_good_bytes": "Bytes of one file up to its first damage; its size where it has none.",
    "aoftool_log_dead_bytes": "Bytes of commands and records that a rewrite would drop.",
    "aoftool_log_live_bytes": "Bytes of commands that a rewrite would keep.",
    "aoftool_log_rewritten_bytes": "Size that a rewrite would leave, as an estimate.",
    "aoftool_log_restart_seconds": "Time that a server takes to load the log, as an estimate.",
    "aoftool_log_first_timestamp_seconds": "The oldest #TS annotation, as a Unix time.",
    "aoftool_log_last_timestamp_seconds": "The newest #TS annotation, as a Unix time.",
    "aoftool_log_base_timestamp_seconds": "When the base was made, as a Unix time.",
}
"""Every metric by name, with what it means."""


class Sample(NamedTuple):
    """One value of one metric.

    Attributes:
        labels: without the verb.
    """

    name: str
    value: float
    labels: Mapping[str, str]


def metrics_text(verb: str, samples: Iterable[Sample], now_s: float) -> str:
    """Return a whole file of metrics, grouped by name in the order of `METRICS`.

    Args:
        verb: which verb found them.
        now_s: Unix time of writing.
    """
    rows: dict[str, list[Sample]] = {name: [] for name in METRICS}
    rows["aoftool_last_run_timestamp_seconds"].append(
        Sample("aoftool_last_run_timestamp_seconds", round(now_s, 3), {})
    )
    for sample in samples:
        rows[sample.name].append(sample)
    lines = []
    for name, found in rows.items():
        if found:
            lines += [f"# HELP {name} {METRICS[name]}", f"# TYPE {name} gauge"]
            lines += [f"{name}{_labels({'verb': verb, **sample.labels})} {sample.value}" for sample in found]
    return "\n".join([*lines, "# EOF", ""])


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def check_samples(report: Report) -> Iterator[Sample]:
    """Yield what a check says of one log."""
    path = {"path": shown_path(report.path)}
    yield Sample("aoftool_log_readable", 1, path)
    yield Sample("aoftool_log_intact", int(report.intact), path)
    yield Sample("aoftool_log_judged", int(report.judged), path)
    yield Sample("aoftool_log_verdict_info", 1, {**path, "verdict": report.verdict.value})
    for severity in Severity:
        count = sum(finding.severity is severity for finding in report.findings)
        yield Sample("aoftool_log_findings", count, {**path, "severity": severity.value})
    for row in report.outcomes:
        loads = int(row.outcome is Outcome.LOAD)
        yield Sample("aoftool_log_loads", loads, {**path, "server": row.target})
    yield Sample("aoftool_log_size_bytes", sum(file.size_bytes for file in report.files), path)
    yield Sample("aoftool_log_commands", sum(file.commands for file in report.files), path)
    yield from _files(path, report.files)


def unreadable_samples(path: str) -> Iterator[Sample]:
    """Yield what there is to say of a log that could not be read."""
    yield Sample("aoftool_log_readable", 0, {"path": shown_path(path)})


def fleet_samples(rows: Iterable[LogRow]) -> Iterator[Sample]:
    """Yield what is known of each log of a fleet."""
    for row in rows:
        if row.state != RowState.READ:
            yield from unreadable_samples(row.path)
            continue
        path = {"path": shown_path(row.path)}
        yield Sample("aoftool_log_readable", 1, path)
        yield Sample("aoftool_log_intact", int(row.intact), path)
        yield Sample("aoftool_log_judged", int(row.judged), path)
        yield Sample("aoftool_log_verdict_info", 1, {**path, "verdict": row.verdict})
        yield Sample("aoftool_log_size_bytes", row.size_bytes, path)
        yield Sample("aoftool_log_commands", row.commands, path)
        if row.known_bytes:
            yield Sample("aoftool_log_dead_bytes", row.dead_bytes, path)
        if row.newest_ts_s is not None:
            yield Sample("aoftool_log_last_timestamp_seconds", row.newest_ts_s, path)


def inspect_samples(overview: Overview, health: Health, contents: ContentsView | None) -> Iterator[Sample]:
    """Yield what was seen in one log."""
    path = {"path": shown_path(overview.path)}
    yield Sample("aoftool_log_readable", 1, path)
    yield Sample("aoftool_log_intact", int(health.intact), path)
    yield Sample("aoftool_log_judged", int(health.judged), path)
    yield Sample("aoftool_log_verdict_info", 1, {**path, "verdict": health.verdict.value})
    yield Sample("aoftool_log_size_bytes", overview.size_bytes, path)
    yield Sample("aoftool_log_commands", sum(file.commands for file in overview.files), path)
    yield from _files(path, overview.files)
    times, writer = overview.time_range, overview.writer
    if times is not None:
        yield Sample("aoftool_log_first_timestamp_seconds", times.earliest_s, path)
        yield Sample("aoftool_log_last_timestamp_seconds", times.latest_s, path)
    if writer is not None and writer.created_s is not None:
        yield Sample("aoftool_log_base_timestamp_seconds", writer.created_s, path)
    if contents is not None:
        yield from _contents(path, contents)


def _contents(path: Mapping[str, str], contents: ContentsView) -> Iterator[Sample]:
    savings, restart = contents.savings, contents.restart
    if savings is not None and savings.reason is None:
        yield Sample("aoftool_log_dead_bytes", savings.dead_bytes + savings.base_dead_bytes, path)
        yield Sample("aoftool_log_live_bytes", savings.live_bytes, path)
        yield Sample("aoftool_log_rewritten_bytes", savings.estimate_bytes, path)
    if restart is not None:
        seconds = restart.rdb_s + restart.commands_s
        yield Sample("aoftool_log_restart_seconds", round(seconds, 3), path)


def _files(path: Mapping[str, str], files: Iterable[FileReport | FileRow]) -> Iterator[Sample]:
    for file in files:
        name = file.path if isinstance(file, FileReport) else file.name
        labels = {**path, "file": shown_base(name), "role": file.role}
        yield Sample("aoftool_log_file_size_bytes", file.size_bytes, labels)
        yield Sample("aoftool_log_file_good_bytes", file.good_end, labels)
