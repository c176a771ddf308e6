"""Words are found wherever they stand: kernel and reference alike, and over the seams of chunks."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from aoftool.analysis.audit import intrusion
from aoftool.files import open_source
from tests.kernels import both, twins

WORDS = (
    b" * * * ",
    b"ssh-rsa AAAA",
    b"crackit",
    b"/bin/sh",
    b"/bin/bash",
    b"<?php",
    b"/etc/cron",
    b"aa",
    b"aaa",
)


@pytest.mark.parametrize("words", twins("words"))
def test_words_are_found_at_every_place(words: Any) -> None:
    for word in WORDS:
        for before in range(9):
            for behind in range(4):
                data = b"x" * before + word + b"y" * behind
                at = data.find(word)
                assert at in words.find_words(data, WORDS, 100)
                assert words.find_words(data[:-1] if not behind else data, (word,), 9) == (
                    [at] if behind else []
                )


@pytest.mark.parametrize("words", twins("words"))
def test_places_are_ascending_and_no_more_than_wanted(words: Any) -> None:
    data = b"aaaa" + b"crackit" * 5 + b"aaa"

    assert words.find_words(data, (b"aa", b"crackit"), 100) == [0, 1, 2, 4, 11, 18, 25, 32, 39, 40]
    assert words.find_words(data, (b"crackit", b"aa"), 4) == [0, 1, 2, 4]
    assert words.find_words(data, (b"aa",), 0) == []
    assert words.find_words(b"", (b"aa",), 5) == []
    assert words.find_words(b"a", (b"aa",), 5) == []


def test_both_find_the_same_in_random_bytes() -> None:
    reference, kernel = both("words")
    rng = random.Random(5)
    for _ in range(400):
        data = bytes(rng.choice(b"a/bin * sh-cr<?") for _ in range(rng.randrange(0, 300)))
        words = [data[at : at + rng.randrange(2, 9)] for at in (rng.randrange(0, 300) for _ in range(4))]
        words = [word for word in words if len(word) > 1] or [b"aa"]
        most = rng.choice((0, 1, 3, 1000))

        assert kernel.find_words(data, words, most) == reference.find_words(data, words, most), (data, words)


def test_words_longer_than_a_shift_can_tell_are_found() -> None:
    reference, kernel = both("words")
    data = b"ab" * 40 + b"q" * 700 + b"ab" * 300

    for words in ((b"q" * 600,), (b"q" * 300 + b"ab",), (b"ab" * 200, b"q" * 256)):
        assert kernel.find_words(data, words, 50) == reference.find_words(data, words, 50)


def test_words_are_found_over_the_seams_of_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    rng = random.Random(2)
    raw = b"".join(rng.choice((b"/bin/sh ", b"zz", b"/var/spool/cron", b"<?php ", b"q")) for _ in range(900))
    path.write_bytes(raw)
    wanted = sorted({at for word in intrusion._WORDS for at in range(len(raw)) if raw.startswith(word, at)})

    for chunk in (1, 7, 15, 16, 64, 1000, 1 << 20):
        monkeypatch.setattr(intrusion, "_CHUNK", chunk)
        with open_source(path) as source:
            assert intrusion.suspect_offsets(source, 0) == wanted, chunk
        with open_source(path) as source:
            assert intrusion.suspect_offsets(source, 100) == [at for at in wanted if at >= 100], chunk
