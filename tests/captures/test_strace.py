"""strace files: threads, unfinished calls, lengths by the number and not by the look of a line."""

from __future__ import annotations

import pytest

from aoftool.captures.lines import text_of
from aoftool.captures.model import Trace
from aoftool.captures.strace import read_strace


def trace_of(*lines: str) -> Trace:
    return read_strace(text_of("strace.txt", "\n".join(lines).encode()))


@pytest.mark.parametrize(
    "line",
    [
        "[pid  9126] 15:22:57.693656 fdatasync(12</d/a.1.incr.aof>) = 0 <1.020512>",
        "9126  15:22:57.693656 fdatasync(12</d/a.1.incr.aof>) = 0 <1.020512>",
        "9126 1795965777.693656 fdatasync(12</d/a.1.incr.aof>) = 0 <1.020512>",
        "[pid  9126] 15:22:57,693656 fdatasync(12</d/a.1.incr.aof>) = 0 <1,020512>",
    ],
)
def test_one_call_in_each_form(line: str) -> None:
    (call,) = trace_of(line).calls

    assert (call.tid, call.name, call.fd, call.path) == (9126, "fdatasync", 12, "/d/a.1.incr.aof")
    assert call.seconds == pytest.approx(1.020512)
    assert call.ended


def test_without_threads_and_times() -> None:
    trace = trace_of("fdatasync(9) = 0 <0.001212>")

    assert not trace.names_threads
    assert (trace.calls[0].tid, trace.calls[0].at_s) == (None, None)


def test_an_unfinished_call_is_joined_with_its_end_by_thread() -> None:
    trace = trace_of(
        "[pid 2] 10:00:00.000000 fdatasync(12 <unfinished ...>",
        "[pid 1] 10:00:00.100000 fdatasync(15 <unfinished ...>",
        "[pid 2] 10:00:02.000000 <... fdatasync resumed>) = 0 <2.000000>",
        "[pid 1] 10:00:02.100000 <... fdatasync resumed>) = 0 <2.000000>",
    )

    assert [(call.tid, call.fd, call.seconds, call.where) for call in trace.calls] == [
        (2, 12, 2.0, "strace.txt:1"),
        (1, 15, 2.0, "strace.txt:2"),
    ]


def test_a_call_that_never_ended_lasted_to_the_last_line_at_least() -> None:
    trace = trace_of(
        "[pid 2] 10:00:00.000000 fdatasync(12 <unfinished ...>",
        "[pid 1] 10:00:07.500000 close(3) = 0 <0.000001>",
    )

    (call,) = (call for call in trace.calls if call.name == "fdatasync")
    assert (call.ended, call.seconds) == (False, 7.5)


def test_writes_say_their_size_and_opens_their_descriptor() -> None:
    trace = trace_of(
        '[pid 1] 10:00:00.000000 write(11, "*3\\r\\n$3\\r\\nSET\\r"..., 6221334) = 6221334 <39.071375>',
        '[pid 1] 10:00:40.000000 openat(AT_FDCWD, "a/temp-a.manifest", O_WRONLY, 0666) = 15 <0.000043>',
        '[pid 1] 10:00:41.000000 rename("a/temp-a.manifest", "a/a.manifest") = 0 <0.000097>',
    )

    assert [(call.name, call.fd, call.path, call.other_path, call.size_bytes) for call in trace.calls] == [
        ("write", 11, "", "", 6221334),
        ("openat", 15, "a/temp-a.manifest", "", None),
        ("rename", None, "a/temp-a.manifest", "a/a.manifest", None),
    ]


def test_failed_calls_and_lines_that_are_none_are_left_out() -> None:
    trace = trace_of(
        '[pid 1] 10:00:00.000000 openat(AT_FDCWD, "x", O_RDONLY) = -1 ENOENT (No such file) <0.000010>',
        "strace: Process 9907 attached",
        "[pid 1] 10:00:00.000000 fdatasync(12) = 0 <0.0000",
    )

    assert trace.calls == ()
    assert trace.unreadable == 1
