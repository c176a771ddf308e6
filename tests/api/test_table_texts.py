"""Lists of a table as one text in CSV: quoted where that is needed, and the same by whichever way."""

from __future__ import annotations

import random
from itertools import accumulate

import numpy as np
import pytest

from aoftool.tables.batch import Chosen, Lists, Texts, texts_of
from aoftool.tables.files import _joined


def lists_of(rows: list[list[str]], *, chosen: bool) -> Lists:
    offsets = np.array([0, *accumulate(map(len, rows))], np.int32)
    words = [word for row in rows for word in row]
    valid = np.array([bool(row) for row in rows], np.bool_)
    if not chosen:
        return Lists(offsets, texts_of(words), valid)
    known = sorted(set(words), reverse=True)
    return Lists(
        offsets, Chosen(np.array([known.index(word) for word in words], np.int64), texts_of(known)), valid
    )


def read(texts: Texts) -> list[str | None]:
    ends = texts.offsets.tolist()
    valid = [True] * (len(ends) - 1) if texts.valid is None else texts.valid.tolist()
    return [
        texts.data[begin:end].decode() if there else None
        for begin, end, there in zip(ends, ends[1:], valid, strict=False)
    ]


@pytest.mark.parametrize("chosen", [False, True])
@pytest.mark.parametrize("alphabet", ["abc:\u00e9", 'ab "', "a"])
def test_a_list_is_its_items_with_blanks_between(chosen: bool, alphabet: str) -> None:
    rng = random.Random(3)
    for _ in range(200):
        least = 1 if '"' not in alphabet else 0
        rows = [
            ["".join(rng.choices(alphabet, k=rng.randrange(least, 5))) for _ in range(rng.randrange(4))]
            for _ in range(rng.randrange(6))
        ]

        def quoted(word: str) -> str:
            return f'"{word}"' if not word or " " in word or '"' in word else word

        found = read(_joined(lists_of(rows, chosen=chosen)))

        assert found == [" ".join(map(quoted, row)) if row else None for row in rows]
