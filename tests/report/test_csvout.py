"""CSV is never run by what opens it."""

from __future__ import annotations

import csv
import io

import pytest

from aoftool.report.csvout import CsvRows


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "'=1"])
def test_text_that_reads_as_a_formula_gets_an_apostrophe(text: str) -> None:
    out = io.StringIO()

    CsvRows(out, ("key",)).add((text.encode(),))

    assert list(csv.reader(io.StringIO(out.getvalue()))) == [["key"], ["'" + text]]


def test_numbers_stay_numbers_and_bytes_become_printable() -> None:
    out = io.StringIO()

    CsvRows(out, ("a", "b", "c", "d")).add((-1, 0.5, None, b'a"\n,\x1b[1m'))

    assert out.getvalue() == 'a,b,c,d\n-1,0.5,,"a""\\n,\\x1b[1m"\n'
