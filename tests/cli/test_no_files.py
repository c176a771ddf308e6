"""A log whose manifest names no file that can be read: every verb says so, none says that all is well."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import builders
from tests.verbs import CALLS, ask

MANIFESTS = {
    "empty": b"",
    "garbage": b"\xff\xfe nothing\n",
    "history-only": b"file appendonly.aof.1.incr.aof seq 1 type h\n",
}
# These say what is wrong and how to go on, and so are no errors.
JUDGES = ("inspect", "check", "fix", "report", "export", "sql", "snapshot", "guard", "fleet", "advise")
# These are about something else than the log.
OTHERS = ("undo", "probe", "capture")


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
@pytest.mark.parametrize("manifest", MANIFESTS)
def test_no_verb_takes_it_for_an_empty_log(call: tuple[str, ...], manifest: str, tmp_path: Path) -> None:
    files = tmp_path / "appendonlydir"
    builders.write_multi_part(files, base=builders.command("SET", "k", "v"), incrs=[b""])
    (files / "appendonly.aof.manifest").write_bytes(MANIFESTS[manifest])

    answer = ask(call, files, tmp_path / "out")

    assert answer.problem() is None
    if call[0] == "snapshot":
        # A copy of what is no log is refused, or told as such.
        assert answer.code == (1 if "--as-is" in call else 4), answer
    if call[0] == "guard":
        # What lies there is listed again, and the manifest that was there is kept.
        assert "aoftool-fix-" in answer.out + answer.err, answer
    if call[0] not in (*JUDGES, *OTHERS) and "--salvage" not in call:
        said = answer.out if "--json" in call else answer.err
        assert answer.code == 3, answer
        assert "no files to read" in said
        assert f"aoftool check {files}" in said


def test_what_a_manifest_calls_replaced_is_loaded_where_nothing_replaced_it(tmp_path: Path) -> None:
    base, incr = builders.command("SET", "k", "v"), builders.log(("SELECT", 0), ("SET", "later", "v"))
    files = tmp_path / "appendonlydir"
    builders.write_multi_part(files, base=base, incrs=[incr])
    (files / "appendonly.aof.manifest").write_bytes(MANIFESTS["history-only"])

    assert ask(("fix", "--yes", "IN"), files, tmp_path / "out").code == 0

    shown = ask(("keys", "--json", "IN"), files, tmp_path / "out")
    assert {json.loads(line)["key"] for line in shown.out.splitlines()} == {"k", "later"}
    assert (files / "appendonly.aof.1.incr.aof").read_bytes() == incr
