"""Every object that `--json` prints has a schema, and keeps it.

`tests/verbs.py` holds each answer of its calls to them, on every log that the tests walk; here stands what
those calls do not reach.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import jsonschema_rs
import pytest

import aoftool
from aoftool.check.codes import Severity, Verdict
from aoftool.cli.app import run
from tests.corpus import FIXTURES
from tests.schemas import objects_in, read_schema, schema_names, shape_problem
from tests.servers import Server
from tests.servers.discovery import Build

PACKAGE = Path(aoftool.__file__).parent
DOCS = Path(__file__).resolve().parents[2] / "docs"
SHOP = FIXTURES / "valkey-9" / "shop"
# Members of files, which their own pages describe.
FORMATS_OF_FILES = {"aoftool.bundle/1", "aoftool.fleet-state/1", "aoftool.receipt/1", "aoftool.seal/1"}
ORDERS = (
    "writes",
    "bytes",
    "dead",
    "size",
    "ttl",
    "churn",
    "same",
    "life",
    "backlog",
    "blobs",
    "hot",
    "slot",
    "secrets",
)
TORN = FIXTURES / "damaged" / "torn-mid-payload" / "appendonly.aof"


def test_every_kind_of_object_has_a_schema_and_a_place_in_the_docs() -> None:
    kinds = set()
    for path in PACKAGE.rglob("*.py"):
        kinds |= set(re.findall(r'"(aoftool\.[a-z-]+/\d+)"', path.read_text()))

    kinds -= FORMATS_OF_FILES
    assert kinds == set(schema_names())
    page = (DOCS / "json.md").read_text()
    assert [kind for kind in sorted(kinds) if f"`{kind}`" not in page] == []


@pytest.mark.parametrize("name", schema_names())
def test_a_schema_is_one_and_lets_nothing_else_in(name: str) -> None:
    schema = read_schema(name)

    jsonschema_rs.meta.validate(schema)
    assert schema["properties"]["schema"] == {"const": name}
    assert schema["additionalProperties"] is False


def test_words_that_are_counted_out_are_those_of_the_code() -> None:
    log = read_schema("aoftool.check/1")["properties"]["logs"]["items"]["properties"]

    assert log["verdict"]["enum"] == [verdict.value for verdict in Verdict]
    assert log["findings"]["items"]["properties"]["severity"]["enum"] == [each.value for each in Severity]


def test_what_does_not_keep_a_schema_is_told() -> None:
    error = {
        "schema": "aoftool.error/1",
        "error": "E",
        "message": "",
        "path": None,
        "offset": None,
        "next": None,
        "hint": None,
    }

    assert shape_problem({**error, "exit_code": 3}) is None
    assert "exit_code" in str(shape_problem(error))
    assert "more" in str(shape_problem({**error, "exit_code": 3, "more": 1}))
    assert "offset" in str(shape_problem({**error, "exit_code": 3, "offset": "3"}))
    assert "no schema" in str(shape_problem({"schema": "aoftool.nothing/1"}))


def told(capsys: pytest.CaptureFixture[str], *words: str) -> list[str | None]:
    """Return the problems of what a call prints; there has to be something."""
    run([*words])
    shown = list(objects_in(capsys.readouterr().out))
    assert shown
    return [shape_problem(each) for each in shown]


def test_a_repair_and_its_undoing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for call in (("--dry-run",), (), ("--forget",)):
        log = tmp_path / "".join(call) / "appendonly.aof"
        log.parent.mkdir(exist_ok=True)
        log.write_bytes(TORN.read_bytes())

        assert told(capsys, "fix", "--yes", "--json", str(log)) == [None]
        (receipt,) = log.parent.glob("aoftool-fix-*")
        assert told(capsys, "undo", "--json", *call, str(receipt)) == [None]
        log.unlink()


def test_a_rewrite_in_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in (SHOP / "appendonlydir").iterdir() if (SHOP / "appendonlydir").is_dir() else SHOP.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())

    assert told(capsys, "rewrite", "--in-place", "--json", str(tmp_path)) == [None]


def test_several_logs_one_of_them_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "check", "--json", str(SHOP), "/nothing/there", str(TORN)) == [None]


@pytest.mark.parametrize("order", ORDERS)
def test_every_order_of_keys(order: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "keys", "--by", order, "--json", str(SHOP)) == [None]


@pytest.mark.parametrize("capture", sorted((FIXTURES / "captures").glob("*/*")), ids=lambda path: path.name)
def test_advice(capture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "advise", "--json", str(capture)) == [None]


def test_advice_on_a_log_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "advise", "--json", "--aof", str(SHOP)) == [None]


def test_goals_that_are_met_and_that_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    for goals in (("--restart-under", "1h"), ("--restart-under", "1s", "--disk", "1", "--at-most", "1/h")):
        assert told(capsys, "simulate", "--json", *goals, str(SHOP)) == [None]


def test_a_probe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "probe", "--yes", "--json", str(tmp_path)) == [None]


def test_progress(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["check", "--progress", "json", str(SHOP)])
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]

    assert [shape_problem(line) for line in lines] == [None] * len(lines)


@pytest.mark.server
def test_a_capture(
    newest_build: Build,
    start_server: Callable[..., Server],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = start_server(newest_build)
    words = (
        "--server",
        f"unix:{server.socket_path}",
        "--for",
        "1s",
        "--json",
        "-o",
        str(tmp_path / "bundle.tgz"),
    )

    assert told(capsys, "capture", *words) == [None]


def test_tables_as_files_and_asked_in_sql(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("duckdb")
    query = "SELECT name, count(*), sum(bytes), min(time) FROM commands GROUP BY name"

    assert told(capsys, "export", "--json", "-o", str(tmp_path / "out"), str(SHOP)) == [None]
    assert told(capsys, "sql", "--json", str(SHOP), query) == [None]


def test_a_guard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "appendonly.aof"
    log.write_bytes(TORN.read_bytes())

    assert told(capsys, "guard", "--json", str(log)) == [None]


def test_a_fleet_with_logs_that_are_damaged_and_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    logs = [str(path) for path in (SHOP, TORN, FIXTURES / "damaged" / "only-zeros")]

    assert told(capsys, "fleet", "--jobs", "1", "--json", *logs, "/nothing/there") == [None]


@pytest.mark.parametrize("log", [SHOP, TORN, FIXTURES / "answers" / "incident"], ids=lambda path: path.name)
def test_a_report(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("jinja2")

    assert told(capsys, "report", "--json", "--key", "user:1", str(log)) == [None]
    assert told(capsys, "report", "--json", "--compare", str(SHOP), str(log)) == [None]
