"""Damaged inputs: cut, flipped, in other line ends and locales; an answer always, and no invented figure."""

from __future__ import annotations

import io
import json
import random
import re
from collections.abc import Iterator

import pytest

from aoftool.advise.model import Advice
from aoftool.captures.lines import Text, text_of
from aoftool.report.lines import LineConsole
from aoftool.report.running.advise import render_advice
from aoftool.report.running.advise_json import advice_json
from tests.captured import Capture, advice_of, few_captures

FEW = [pytest.param(capture, id=capture.name) for capture in few_captures()]
_CUTS = 12
# Two figures of one standstill differ by less than that.
_SAME = 0.9
# A file that ends early looks like one that says less, and a shorter one may well be what was meant.
_MAY_SAY_LESS = {"setting-unsaved", "setting-unknown"}
# Digits of the system's tables and of traces and logs; versions and addresses have several points.
_POINT = re.compile(rb"(?<![\d.])(\d+)\.(\d+)(?![\d.])")


def answer(texts: tuple[Text, ...]) -> Advice:
    """Return an answer that was also shown both ways."""
    advice = advice_of(texts)
    out = io.StringIO()
    render_advice(LineConsole(out, color=False, width=80), advice)
    assert out.getvalue().isprintable() or "\x1b" not in out.getvalue()
    json.dumps(advice_json(advice))
    return advice


def raw_of(text: Text) -> bytes:
    return "".join(line + "\n" for line in text.lines).encode("utf-8", "surrogateescape")


def changed(capture: Capture, number: int, raw: bytes) -> Advice:
    texts = list(capture.texts)
    texts[number] = text_of(texts[number].name, raw)
    return answer(tuple(texts))


def cuts(raw: bytes, rng: random.Random) -> Iterator[bytes]:
    """Yield what is left behind cuts at ends of lines, and behind one within a line."""
    ends = [match.end() for match in re.finditer(b"\n", raw)]
    for end in [0, *rng.sample(ends, min(_CUTS, len(ends)))]:
        yield raw[:end]
    yield raw[: rng.randrange(len(raw) + 1)]


@pytest.mark.parametrize("capture", FEW)
def test_cut_inputs_give_nothing_new(capture: Capture) -> None:
    rng = random.Random(capture.name)
    whole = answer(capture.texts)
    codes = {finding.code for finding in whole.findings}
    worst = max((row.worst_s for row in whole.ledger), default=0)

    for number, text in enumerate(capture.texts):
        for raw in cuts(raw_of(text), rng):
            advice = changed(capture, number, raw)

            assert {finding.code for finding in advice.findings} - codes <= _MAY_SAY_LESS, text.name
            assert all(row.worst_s <= worst / _SAME + 0.001 for row in advice.ledger), text.name


@pytest.mark.parametrize("capture", FEW)
def test_flipped_bits_give_an_answer(capture: Capture) -> None:
    rng = random.Random(capture.name)

    for number, text in enumerate(capture.texts):
        raw = bytearray(raw_of(text))
        for _ in range(len(raw) // 100 + 1 if raw else 0):
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        changed(capture, number, bytes(raw))


@pytest.mark.parametrize("capture", FEW)
def test_line_ends_change_nothing(capture: Capture) -> None:
    expected = advice_json(answer(capture.texts))
    texts = tuple(text_of(text.name, raw_of(text).replace(b"\n", b"\r\n")) for text in capture.texts)

    assert advice_json(answer(texts)) == expected


@pytest.mark.parametrize("capture", FEW)
def test_a_decimal_comma_changes_nothing(capture: Capture) -> None:
    expected = advice_json(answer(capture.texts))

    for number, text in enumerate(capture.texts):
        if text.name.endswith(
            ("vmstat.txt", "iostat.txt", "strace.txt", "intrinsic-latency.txt", "server.log")
        ):
            advice = changed(capture, number, _POINT.sub(rb"\1,\2", raw_of(text)))

            assert advice_json(advice) == expected, text.name


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n" * 5000,
        b"\x00\xff" * 3000,
        b"9" * 100_000,
        b'1) "' * 20_000,
        b"[" * 100_000,
        b"\x1b[31m# Server\r\nredis_version:\x1b]0;x\x07\r\nuptime_in_seconds:99999999999999999999\r\n",
        b"# Server\nuptime_in_seconds:5\naof_enabled:1\neventloop_duration_max:999999999999999999\n",
        b"[pid 1] 10:00:00 fdatasync(" + b"<" * 90_000,
    ],
)
def test_hostile_text_gives_an_answer_without_control_characters(raw: bytes) -> None:
    advice = advice_of((text_of("info.txt", raw),))
    out = io.StringIO()

    render_advice(LineConsole(out, color=False, width=80), advice)

    assert all(line.isprintable() for line in out.getvalue().split("\n"))


@pytest.mark.parametrize(
    "header",
    [
        " r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us s- id wa st",
        "avg-cpu:\n\nDevice\nsdb\n\navg-cpu:\n\nDevice",
        "avg-cpu:  %user\n  1,0\n\nDevice  %util\nsdb -1.0",
    ],
)
def test_tables_with_broken_headers(header: str) -> None:
    answer((text_of("x", f"{header}\n15  1  0  1  7  6  0  0  2  1  1  6  66  34  0  0  0\nsdb\n".encode()),))
