"""The database behind a gap: assumed where no SELECT can have been lost, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.model import Severity
from aoftool.repair.choice import AfterGap, Choice
from aoftool.repair.model import Plan
from tests.builders import command, log, select
from tests.repair.damage import Damaged, damaged_log
from tests.repair.judge import SKIP, judge, repair
from tests.repair.workbench import plan_for

DEFAULT = Choice(salvage=True)
FEW = range(300_000, 300_240)
SEEDS = range(310_000, 318_000)


def sets(prefix: str, count: int = 20) -> bytes:
    return log(*(command("SET", f"{prefix}:{n}", f"value {n}") for n in range(count)))


BEFORE = select(0) + sets("a") + select(1) + sets("b")
BEHIND = sets("c") + select(0) + sets("d")
WHOLE = command("SET", "b:17", "the text of a value")
LONG = command("HSET", "b:17", "f" * 60, "the text of a value", "g", "1")
OTHER = command("SET", "b:18", "a value that stands nowhere else")
OVER_ELEMENTS = LONG[:40] + bytes(60) + LONG[100:]


def aside(damage: bytes, tmp_path: Path, choice: Choice = DEFAULT) -> list[bytes]:
    """Return what a salvage sets aside for its database of a log of two, damaged in the middle."""
    path = tmp_path / "appendonly.aof"
    data = BEFORE + damage + BEHIND
    path.write_bytes(data)
    plan = plan_for(path, choice)
    assert not plan.empty
    return [data[edit.start : edit.end] for _, edit in plan.edits() if edit.code == "after-gap"]


BROKEN_ONE = {
    "a count without its digit": WHOLE.replace(b"*3", b"*"),
    "a name with another length": WHOLE.replace(b"$3\r\nSET", b"$53\r\nSET"),
    "a key with a length that no key has": WHOLE.replace(b"$4\r\nb:17", b"$44\r\nb:17"),
    "zeros in the middle of a command": WHOLE[:14] + bytes(16) + WHOLE[30:],
    "zeros over two elements of a command": OVER_ELEMENTS,
    "fewer zeros than a SELECT has bytes": bytes(22),
    "bytes that are no part of a command": b"\xfe\x01\x02garbage that was never a command\xff",
}


@pytest.mark.parametrize("damage", BROKEN_ONE.values(), ids=BROKEN_ONE.keys())
def test_damage_that_one_command_accounts_for_leaves_the_database_known(
    damage: bytes, tmp_path: Path
) -> None:
    assert aside(damage, tmp_path) == []


@pytest.mark.parametrize("damage", BROKEN_ONE.values(), ids=BROKEN_ONE.keys())
def test_skipping_to_the_next_select_is_done_where_it_is_asked_for(damage: bytes, tmp_path: Path) -> None:
    choice = Choice(salvage=True, after_gap=AfterGap.SKIP)

    assert aside(damage, tmp_path, choice) == [sets("c")]


@pytest.mark.parametrize("rule", AfterGap)
def test_without_a_block_that_stands_twice_the_command_is_whole_and_there_is_no_gap(
    rule: AfterGap, tmp_path: Path
) -> None:
    assert aside(OTHER[:50] + OTHER[30:], tmp_path, Choice(salvage=True, after_gap=rule)) == []


LOST = {
    "a block lost inside two commands": WHOLE[:20] + WHOLE[-8:],
    "the head of a command": WHOLE[:20],
    "the tail of a command": WHOLE[-14:],
    "a key and a tail with the length of a value": WHOLE[:-12] + b"tail of a val\r\n",
    "as many zeros as a SELECT has bytes": bytes(23),
    "zeros that end inside a SELECT": bytes(16) + select(2)[16:],
    "zeros that begin inside a SELECT": select(2)[:9] + bytes(14),
    "zeros over more than one command": WHOLE[:30] + bytes(100) + WHOLE[-10:],
    "a command without a name, of two words": b"*2\r\n" + bytes(19),
    "a count without its digit, before a SELECT": select(2).replace(b"*2", b"*"),
}


PUT_IN = {
    "a line of a program": b"Segmentation fault (core dumped)\n",
    "a command as it is typed": b"SET b:17 value\r\n",
}


@pytest.mark.parametrize("choice", [DEFAULT, SKIP], ids=["default", "skip"])
@pytest.mark.parametrize("text", PUT_IN.values(), ids=PUT_IN.keys())
def test_lines_between_commands_leave_the_database_known(text: bytes, choice: Choice, tmp_path: Path) -> None:
    assert aside(text, tmp_path, choice) == []


@pytest.mark.parametrize("damage", LOST.values(), ids=LOST.keys())
def test_a_wound_that_may_have_held_a_select_leaves_the_database_in_doubt(
    damage: bytes, tmp_path: Path
) -> None:
    assert aside(damage, tmp_path) == [sets("c")]


def test_behind_a_doubled_block_without_a_select_the_database_is_known(tmp_path: Path) -> None:
    block = OTHER[30:] + WHOLE + LONG[:60]

    assert aside(OTHER[:30] + block + block + LONG[60:], tmp_path) == []


def test_zeros_tell_nothing_in_a_log_whose_values_hold_zeros(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    bitmaps = log(*(command("SET", f"bits:{n}", b"\x01" + bytes(60) + b"\x80") for n in range(20)))
    data = BEFORE + bitmaps + OVER_ELEMENTS + BEHIND
    path.write_bytes(data)

    plan = plan_for(path, DEFAULT)

    assert [edit.code for _, edit in plan.edits()].count("after-gap") == 1


def test_commands_stay_aside_behind_a_second_wound_until_a_select_comes(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    healed = command("SET", "healed", "1").replace(b"$6\r\n", b"%6\r\n")
    lost, known = WHOLE[:20] + WHOLE[-8:], BROKEN_ONE["a count without its digit"]
    for second in (known, healed):
        path.write_bytes(BEFORE + lost + sets("x", 2500) + second + sets("y") + select(0) + sets("d"))

        plan = plan_for(path, DEFAULT)

        assert [edit.code for _, edit in plan.edits()].count("after-gap") >= 2
        assert kept(plan, path.read_bytes()) == BEFORE + select(0) + sets("d")


def test_a_healed_select_ends_what_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    lost, healed = WHOLE[:20] + WHOLE[-8:], select(2).replace(b"$6", b"%6")
    path.write_bytes(BEFORE + lost + sets("x", 2500) + healed + sets("y"))

    plan = plan_for(path, DEFAULT)

    assert kept(plan, path.read_bytes()) == BEFORE + select(2) + sets("y")


def test_commands_behind_a_lost_exec_are_set_aside_where_there_are_several_databases(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    open_one, whole = command("MULTI") + sets("x", 2), command("MULTI") + sets("y", 2) + command("EXEC")
    path.write_bytes(BEFORE + open_one + whole + BEHIND)

    by_default = kept(plan_for(path, DEFAULT), path.read_bytes())
    assumed = kept(plan_for(path, Choice(salvage=True, after_gap=AfterGap.ASSUME)), path.read_bytes())

    assert by_default == BEFORE + select(0) + sets("d")
    assert assumed == BEFORE + whole + BEHIND


@pytest.mark.parametrize(
    "damage",
    [select(3).replace(b"$6", b"$36"), select(3)[:4] + bytes(16) + select(3)[20:]],
    ids=["a length", "zeros"],
)
def test_a_damaged_select_speaks_against_the_only_database_that_is_used(
    damage: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(select(0) + sets("a") + damage + sets("c"))

    plan = plan_for(path, DEFAULT)

    assert kept(plan, path.read_bytes()) == select(0) + sets("a")


def kept(plan: Plan, data: bytes) -> bytes:
    """Return what a plan makes of a log."""
    at, pieces = 0, []
    for _, edit in sorted(plan.edits(), key=lambda edit: edit[1].start):
        pieces += [data[at : edit.start], edit.data]
        at = max(at, edit.end)
    return b"".join(pieces) + data[at:]


# Fresh damage


def of_several_databases(seeds: Iterable[int]) -> list[Damaged]:
    """Return the damaged logs that select more than one database."""
    found = []
    for seed in seeds:
        damaged = damaged_log(seed)
        selects = {argv[1] for argv in damaged.healthy.commands if argv[:1] == [b"SELECT"]}
        found += [damaged] if len(selects) > 1 else []
    return found


def commands_aside(damaged: Damaged, plan: Plan) -> int:
    """Return how many of the log's own commands are set aside for their database."""
    spans = [(edit.start, edit.end) for _, edit in plan.edits() if edit.code == "after-gap"]
    shift = damaged.added - (damaged.high - damaged.low)
    starts = [start if start < damaged.low else start + shift for start in damaged.healthy.starts]
    return sum(low <= start < high for start in starts for low, high in spans)


@dataclass
class Doubts:
    """What the two rules do with some logs.

    Attributes:
        logs: how many there are.
        skipped, by_default: commands that are set aside.
        misplaced: logs in which commands run in a database they never ran in, whatever the rule.
        assumed: those in which they do so by default only.
    """

    logs: int = 0
    skipped: int = 0
    by_default: int = 0
    misplaced: list[str] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)


def doubts(seeds: Iterable[int], folder: Path) -> Doubts:
    """Repair the logs of several databases among some seeds by both rules."""
    path = folder / "appendonly.aof"
    found = Doubts()
    for damaged in of_several_databases(seeds):
        found.logs += 1
        plan, careful = repair(damaged, path, SKIP)
        found.skipped += commands_aside(damaged, plan)
        plan, repaired = repair(damaged, path, DEFAULT)
        found.by_default += commands_aside(damaged, plan)
        wrong = judge(damaged, repaired, assumed=False).misplaced
        if wrong:
            anyway = judge(damaged, careful, assumed=False).misplaced
            (found.misplaced if anyway else found.assumed).append(
                f"{damaged.seed} {damaged.kind}: {wrong[0]}"
            )
    return found


def test_by_default_no_command_of_fresh_damage_runs_in_a_database_it_never_ran_in(tmp_path: Path) -> None:
    found = doubts(FEW, tmp_path)

    assert found.logs >= 40
    assert found.misplaced == found.assumed == []
    assert found.by_default < found.skipped


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_by_default_fewer_commands_are_set_aside_than_by_skipping(tmp_path: Path) -> None:
    found = doubts(SEEDS, tmp_path)

    print(f"{found.logs:,} logs, set aside: {found.skipped:,} by skipping, {found.by_default:,} by default")
    print("\n".join(found.misplaced))
    assert found.assumed == []
    # A SELECT that was altered into another, or lost where two commands were joined: no wound tells.
    assert len(found.misplaced) <= 0.01 * found.logs, found.misplaced
    assert found.by_default <= 0.9 * found.skipped


def test_check_says_that_what_follows_a_gap_may_be_in_doubt(tmp_path: Path) -> None:
    items = [select(0), *(command("SET", f"a:{n}", "x" * 20) for n in range(20))]
    items += [select(1), *(command("SET", f"b:{n}", "x" * 20) for n in range(20))]
    items += [select(0), *(command("SET", f"c:{n}", "x" * 20) for n in range(20))]
    content = b"".join(items)
    hole = len(b"".join(items[:10])) + 7
    for several, parts in ((True, content), (False, content.replace(select(1), select(0)))):
        path = tmp_path / f"{several}.aof"
        path.write_bytes(parts[:hole] + b"#" * 30 + parts[hole + 60 :])
        report = check(find_log(str(path)))
        (finding,) = (item for item in report.findings if item.severity is Severity.DAMAGE)
        (remedy,) = finding.remedies

        assert ("but for up to" in remedy.text) == several
