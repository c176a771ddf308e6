"""Fields of an RDB part and names of folders are text of strangers: no verb shows them raw."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import log, rdb, rdb_database, rdb_record, rdb_string, select, write_multi_part
from tests.verbs import CALLS, ask

HOSTILE = b"7.0\x1b]0;PWNED\x07\x1b[31m\x9b2J"
FIELDS = (b"redis-ver", b"valkey-ver", b"redis-bits", b"ctime", b"strange")


@pytest.mark.parametrize("field", FIELDS)
def test_no_field_and_no_name_reaches_the_terminal_as_it_is(field: bytes, tmp_path: Path) -> None:
    # Every field once, each call once: whatever shows a field is met.
    calls = CALLS[FIELDS.index(field) :: len(FIELDS)] if field == b"strange" else CALLS
    records = rdb_database(0, rdb_record(0, "key:1", rdb_string("v")))
    aux = {"redis-ver": "8.0.6"} if field not in (b"redis-ver", b"valkey-ver") else {}
    base = rdb(records, aux={**aux, field.decode(): HOSTILE, "aof-base": "1"})
    folder = tmp_path / "a\x1b[31mb\x07"
    write_multi_part(folder, base=base, incrs=[log(select(0), ("SET", "key:2", "v"))], base_is_rdb=True)

    for call in calls:
        answer = ask(call, folder, tmp_path / "out")
        assert answer.problem() is None
        shown = (answer.out + answer.err).replace("\n", "")
        raw = [char for char in shown if char < " " or "\x7f" <= char < "\xa0"]
        assert raw == [], (call, answer.out, answer.err)
