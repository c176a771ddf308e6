"""Nothing is read once more than is needed: a dump beside a log, a log that is looked at for damage."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from aoftool.check import checker, diagnosis, dump_beside
from aoftool.cli.app import run
from tests.builders import log, rdb, rdb_database, rdb_record, rdb_string, write_multi_part

COMMANDS = log(*(("SET", f"k:{number}", "v") for number in range(20)))


@pytest.mark.parametrize("words", [["check"], ["inspect"], ["inspect", "--no-contents"], ["fix", "-n"]])
def test_a_dump_beside_is_read_once(words: list[str], tmp_path: Path) -> None:
    records = (rdb_record(0, f"d:{number}", rdb_string("v")) for number in range(400))
    write_multi_part(tmp_path / "appendonlydir", base=b"", incrs=[COMMANDS])
    (tmp_path / "dump.rdb").write_bytes(rdb(rdb_database(0, *records)))

    with patch.object(dump_beside, "_keys_of", wraps=dump_beside._keys_of) as found:
        assert run([*words, str(tmp_path)]) == 0

    assert found.call_count == 1


@pytest.mark.parametrize(
    "words",
    [["explain", "--key", "k:3"], ["history", "k:3"], ["growth"], ["audit"], ["log"]],
)
def test_damage_is_looked_at_once_with_progress(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(COMMANDS[:200] + b"#garbage" + COMMANDS[300:])
    told: list[Any] = []

    def checked(*given: Any, **named: Any) -> Any:
        told.append(given[3] if len(given) > 3 else named.get("progress"))
        return checker.check(*given, **named)

    with patch.object(diagnosis, "check", checked):
        assert run([*words, str(path)]) == 1

    assert len(told) == 1
    assert all(callable(progress) for progress in told)
