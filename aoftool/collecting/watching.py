"""Programs of the system that look at the machine, and at the server, for some seconds.

None outlives the run, however that ends: a strace that stays slows a server for as long as it lives.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import ExitStack

__all__ = ["sample_tools"]

_MOST_BYTES = 1 << 20
_TOOLS = {"vmstat.txt": ("vmstat", "1"), "iostat.txt": ("iostat", "-xk", "1")}
_TRACED = "fdatasync,fsync,sync_file_range,write,writev,rename,renameat,renameat2"
_LATE_S = 5
_GOES_S = 1.0


def sample_tools(seconds: float, pid: int | None, traced_s: float) -> dict[str, str | None]:
    """Run what watches the machine for some seconds, side by side; None for what is not there or failed.

    Args:
        pid: of the server; None when it is not here.
        traced_s: so long strace looks at it; 0 for not at all.
    """
    found: dict[str, str | None] = {}
    with ExitStack() as started:
        count = str(max(round(seconds), 2))
        tools = _TOOLS if pid is not None else {}
        running = {name: _start([*words, count], started) for name, words in tools.items()}
        if traced_s and pid is not None:
            found["strace.txt"] = _trace(pid, traced_s, started)
        until = time.monotonic() + seconds
        for name, process in running.items():
            found[name] = None if process is None else _output(process, until + _LATE_S)
        left = until - time.monotonic()
        if left > 0:
            time.sleep(left)
    return found


def _start(
    words: list[str], started: ExitStack, *, complains: bool = False
) -> subprocess.Popen[bytes] | None:
    """Start a program that ends with the stack.

    Args:
        complains: what it has to say comes on stderr.
    """
    out, errors = (
        (subprocess.DEVNULL, subprocess.PIPE) if complains else (subprocess.PIPE, subprocess.DEVNULL)
    )
    try:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=errors)
    except OSError:
        return None
    started.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_GOES_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _output(process: subprocess.Popen[bytes], until: float) -> str | None:
    try:
        text, _ = process.communicate(timeout=max(until - time.monotonic(), 0.1))
    except subprocess.TimeoutExpired:
        process.kill()
        text, _ = process.communicate()
    return text.decode("utf-8", "replace")[:_MOST_BYTES] or None


def _trace(pid: int, seconds: float, started: ExitStack) -> str | None:
    """Return what strace says of syncs, writes and renames: lengths of what is written, never the data."""
    words = ["strace", "-f", "-tt", "-T", "-y", "-s", "0", "-e", f"trace={_TRACED}", "-p", str(pid)]
    bound = shutil.which("timeout")
    if bound is not None:  # it ends by itself, too, where we are killed and can end nothing
        words = [bound, str(round(seconds + _LATE_S)), *words]
    process = _start(words, started, complains=True)
    if process is None:
        return None
    try:
        _, text = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        # Asked to end it lets go of the server; killed it would too, but without the last lines.
        process.terminate()
        _, text = process.communicate()
    return text.decode("utf-8", "replace")[: 8 * _MOST_BYTES] or None
