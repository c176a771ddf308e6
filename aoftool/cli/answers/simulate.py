"""What `aoftool simulate` answers: the table, the drawing, and which goals could be met."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.cli.console import line_console, tell
from aoftool.next_step import next_step

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.cli.requests.simulate import SimulateRequest
    from aoftool.replay.writer_model import Writer
    from aoftool.simulate.model import Advice, Simulation

__all__ = ["show_simulation", "tell_goals"]


def show_simulation(found: Simulation, writer: Writer | None, asked: SimulateRequest) -> None:
    """Show what was played, and write the drawing that was asked for."""
    from aoftool.report.running.simulate import render_simulation, sawtooth_svg, simulation_json

    if asked.svg is not None:
        from aoftool.files.sink import write_atomically

        write_atomically(asked.svg, [sawtooth_svg(found.rows).encode()], force=asked.force)
    if asked.as_json:
        from aoftool.report.jsonout import print_json

        print_json(simulation_json(found))
    else:
        from aoftool.cli.told_writer import tell_writer

        render_simulation(line_console(asked.color), found)
        tell_writer(writer)


def tell_goals(advice: Advice | None, log: Log | None, now: str | None) -> int:
    """Say which goals could be met in place of those that cannot; return the exit code."""
    if advice is None or advice.reachable is None:
        return 0
    goals = advice.reachable
    options = [
        "" if now is None else f"--now {now}",
        "" if goals.restart_s is None else f"--restart-under {goals.restart_s:g}s",
        "" if goals.disk_bytes is None else f"--disk {goals.disk_bytes}",
        "" if goals.per_hour is None else f"--at-most {goals.per_hour:g}/h",
    ]
    if log is not None:
        line = next_step("simulate", log.path, *options)
    else:
        line = f"the same, with {' '.join(filter(None, options))}"
    tell(line)
    return 1
