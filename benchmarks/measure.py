"""Run one command and print its time and peak memory as JSON; the standard library only, and little of it.

The peak that the kernel reports for a child is never below that of the process that started it. So this
runs as a small process of its own: `python -I -S measure.py PROGRAM ARGV0 [ARGUMENT...]`.
"""

import json
import os
import sys
import time

started = time.perf_counter()
null = os.open(os.devnull, os.O_RDWR)
actions = [(os.POSIX_SPAWN_DUP2, null, number) for number in (0, 1, 2)]
pid = os.posix_spawn(sys.argv[1], sys.argv[2:], os.environ, file_actions=actions)
_, status, usage = os.wait4(pid, 0)
elapsed_s = time.perf_counter() - started
print(
    json.dumps(
        {
            "elapsed_s": elapsed_s,
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "peak_kib": usage.ru_maxrss,
            "exit": os.waitstatus_to_exitcode(status),
        }
    )
)
