"""How busy the main thread was: its share in the event loop and on a CPU, and what a command took of it.

Source: INFO cpu (`used_cpu_*_main_thread` since Redis 6.2) and INFO stats (`eventloop_*` since Redis 7.2).
Time of the event loop is also what the thread waits in it, as for a disk; its sleep between events is none.
"""

from __future__ import annotations

from aoftool.advise.model import Load
from aoftool.advise.situation import Rise, Situation

__all__ = ["measure_load"]


def measure_load(situation: Situation) -> Load | None:
    """Return it between two replies of INFO, else since an hour or more; None where INFO tells nothing."""
    commands = situation.rise_or_total("total_commands_processed")
    loops = situation.rise_or_total("eventloop_duration_sum")
    system = situation.rise_or_total("used_cpu_sys_main_thread")
    user = situation.rise_or_total("used_cpu_user_main_thread")
    cpu_s = None if system is None or user is None else system.by + user.by
    loop_s = None if loops is None else loops.by / 1e6
    taken_s = cpu_s if loop_s is None else loop_s
    known: Rise | None = commands or loops or user
    if known is None or known.seconds <= 0:
        return None
    each_s = None if taken_s is None or commands is None or not commands.by else taken_s / commands.by
    return Load(
        known.seconds,
        known.first is None,
        None if commands is None else commands.rate,
        None if loop_s is None else min(loop_s / known.seconds, 1.0),
        None if cpu_s is None else min(cpu_s / known.seconds, 1.0),
        each_s,
    )
