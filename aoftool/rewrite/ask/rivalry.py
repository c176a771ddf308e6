"""Settle which release wrote a log where several may have, and its data depend on the answer.

The log is replayed as each of them would load it, and the outcomes are held against each other.
"""

from __future__ import annotations

from aoftool.dataclass import replace
from aoftool.errors import RefusedError
from aoftool.keyspace.engine import Keyspace
from aoftool.keyspace.flavour import Flavour
from aoftool.next_step import again
from aoftool.progress import Progress, no_progress
from aoftool.releases import Release
from aoftool.replay.writer import flavour_of_writer
from aoftool.replay.writer_model import Certainty, Writer
from aoftool.rewrite.planner import Planned, RewritePlan
from aoftool.rewrite.replay.partitions import partitions
from aoftool.rewrite.replay.replaying import Replay
from aoftool.rewrite.replay.texts import TextReader
from aoftool.rewrite.runner import replay_of, replayed
from aoftool.rewrite.target_choice import newest_measured, refuse_undecided
from aoftool.values import StreamValue, Value
from aoftool.values.stream import StreamId

__all__ = ["dispute_notes", "disputed", "refuse_disputed"]

_LARGEST = 1 << 128


def disputed(plan: Planned, progress: Progress = no_progress) -> tuple[Release, ...]:
    """Return releases, one for each outcome, if the data depend on which of them wrote the log; else none."""
    if not isinstance(plan, RewritePlan) or len(plan.rivals) < 2:
        return ()
    first = _replayed_at_once(plan, progress)
    if first is not None and _is_beyond_dispute(plan, first):
        plan.kept = first.outcome
        return ()
    found: dict[int, Release] = {}
    for number, release in enumerate(plan.rivals):
        writer = Writer(release, Certainty.INFERRED, possible=plan.writer.possible)
        if number == 0 and first is not None:
            digest = _sum_of(first.outcome.whole(), flavour_of_writer(writer)) % _LARGEST
            first = None
        else:
            digest = _digest(replace(plan, writer=writer), progress)
        found.setdefault(digest, release)
    return tuple(found.values()) if len(found) > 1 else ()


def _replayed_at_once(plan: RewritePlan, progress: Progress) -> Replay | None:
    """Return the whole log replayed as its writer loads it, None where memory has room for shares only."""
    limit = plan.options.memory_limit_bytes
    part = next(partitions(plan.trace, plan.touches, plan.base.counts.touched_bytes, limit))
    if part.of_key is not None:
        return None
    with TextReader(plan.input.paths) as reader:
        return replay_of(plan, reader, part, progress)


def _is_beyond_dispute(plan: RewritePlan, replay: Replay) -> bool:
    """Tell whether nothing that releases do otherwise was run, so that the others need not be replayed."""
    assert plan.witness is not None
    if len(plan.witness.rivals(plan.writer, sorted(replay.by_keyspace))) > 1:
        return False
    runner = replay.outcome.runner
    if runner is not None and not runner.streams_count_entries():
        return False
    values = (value for database in replay.keyspace.databases for value in database.values.values())
    return all(not isinstance(value, StreamValue) or _counts_itself(value) for value in values)


def _counts_itself(value: StreamValue) -> bool:
    """Tell whether the counters of a stream say nothing but what its entries say."""
    counted = value.entries_added == len(value.entries) and value.max_deleted_id == StreamId(0, 0)
    return counted and not value.groups


def dispute_notes(plan: Planned, progress: Progress = no_progress) -> list[str]:
    """Return what to say where two possible writers would give different data, if they would."""
    releases = disputed(plan, progress)
    return [f"{_words(releases)}; say which one with --written-by"] if releases else []


def refuse_disputed(plan: Planned, progress: Progress = no_progress) -> None:
    """Refuse to write where two possible writers would give different data, or read different files.

    Raises:
        RefusedError: they would.
    """
    if plan.summary.writer is not None:
        refuse_undecided(plan.options.target, plan.summary.writer)
    releases = disputed(plan, progress)
    if releases:
        first = newest_measured(list(releases)).name
        hint = again(("--written-by", first))
        raise RefusedError(_words(releases), path=plan.summary.path, hint=hint)


def _words(releases: tuple[Release, ...]) -> str:
    names = " or ".join(release.name for release in releases)
    return f"the data depend on which release wrote this log, and nothing in it tells: {names}"


def _digest(plan: RewritePlan, progress: Progress) -> int:
    """Return a digest of all replayed keys; the order in which they come does not matter."""
    total = 0
    limit = plan.options.memory_limit_bytes
    with TextReader(plan.input.paths) as reader:
        for part in partitions(plan.trace, plan.touches, plan.base.counts.touched_bytes, limit):
            total += _sum_of(replayed(plan, reader, part, progress).whole(), flavour_of_writer(plan.writer))
    return total % _LARGEST


def _sum_of(keyspace: Keyspace, flavour: Flavour) -> int:
    # Here, because few logs are disputed.
    from hashlib import blake2b

    from aoftool.values.digest import value_digest

    total = 0
    for db, database in enumerate(keyspace.databases):
        for key, entry in database.entries():
            text = value_digest(_kept(entry.value, flavour))
            whole = b"%d %d %s %a" % (db, len(key), key, (entry.expire_at_ms, text))
            total += int.from_bytes(blake2b(whole, digest_size=16).digest(), "little")
    return total


def _kept(value: Value, flavour: Flavour) -> Value:
    """Return what a server of a release keeps of a value: before Redis 7.0 streams have no counters."""
    if not isinstance(value, StreamValue) or flavour.stream_counters:
        return value
    groups = {name: replace(group, entries_read=None) for name, group in value.groups.items()}
    return replace(value, entries_added=len(value.entries), max_deleted_id=StreamId(0, 0), groups=groups)
