"""What `--metrics` writes is read by parsers of both formats, and is what the page says."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import parser as old_parser
from prometheus_client.openmetrics import parser as new_parser

from aoftool.cli.app import run
from aoftool.report.metrics import METRICS, Sample, metrics_text
from tests.builders import command, timestamp
from tests.corpus import CHECKOUT, FIXTURES

# They come without types.
open_metrics: Any = new_parser.text_string_to_metric_families
old_format: Any = old_parser.text_string_to_metric_families
SHOP = FIXTURES / "valkey-9" / "shop"
DAMAGED = FIXTURES / "damaged" / "star-byte-flipped"
PAGE = (CHECKOUT / "docs" / "metrics.md").read_text("utf-8")
ROW = re.compile(r"\| `(aoftool_\w+)` \| (.*?) ?\| (.*?) \| (.*?) \|")


def written(path: Path) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return every sample of a file, as both parsers read it."""
    text = path.read_text("utf-8")
    new, old = (
        {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }
        for families in (open_metrics(text), old_format(text))
    )
    assert new == old
    assert {family.documentation for family in open_metrics(text)} <= set(METRICS.values())
    assert {family.type for family in open_metrics(text)} == {"gauge"}
    return new


def of_log(found: dict[tuple[str, frozenset[tuple[str, str]]], float], name: str, **labels: str) -> float:
    (value,) = [
        value for (known, own), value in found.items() if known == name and set(labels.items()) <= set(own)
    ]
    return value


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = run(words)
    return code, json.loads(capsys.readouterr().out)


def test_check_writes_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "aof.prom"
    words = ["check", "--json", "--metrics", str(path), str(SHOP), str(DAMAGED)]

    code, told = answer(capsys, *words)

    assert code == 1
    found = written(path)
    for log in told["logs"]:
        known = {"path": log["path"], "verb": "check"}
        assert of_log(found, "aoftool_log_readable", **known) == 1
        assert of_log(found, "aoftool_log_intact", **known) == int(log["intact"])
        assert of_log(found, "aoftool_log_verdict_info", verdict=log["verdict"], **known) == 1
        for severity in ("damage", "warning", "note", "not-judged"):
            count = sum(row["severity"] == severity for row in log["findings"])
            assert of_log(found, "aoftool_log_findings", severity=severity, **known) == count
        for row in log["servers"]:
            loads = int(row["outcome"] == "load")
            assert of_log(found, "aoftool_log_loads", server=row["target"], **known) == loads
        for row in log["files"]:
            labels = {"file": os.path.basename(row["path"]), "role": row["role"], **known}
            assert of_log(found, "aoftool_log_file_size_bytes", **labels) == row["size_bytes"]
            assert of_log(found, "aoftool_log_file_good_bytes", **labels) == row["good_end"]


def test_inspect_writes_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "aof.prom"

    code, told = answer(capsys, "inspect", "--json", "--metrics", str(path), str(SHOP))

    assert code == 0
    found = written(path)
    known = {"path": str(SHOP), "verb": "inspect"}
    savings = told["contents"]["savings"]
    assert of_log(found, "aoftool_log_size_bytes", **known) == told["size_bytes"]
    dead = savings["dead_bytes"] + savings["base_dead_bytes"]
    assert of_log(found, "aoftool_log_dead_bytes", **known) == dead > 0
    assert of_log(found, "aoftool_log_last_timestamp_seconds", **known) == told["time_range"]["latest_s"]
    named = {name for name, _ in found}
    assert named == {name for name, _, verbs, _ in ROW.findall(PAGE) if "inspect" in verbs}


def test_fleet_writes_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, gone = tmp_path / "aof.prom", str(tmp_path / "not-there")

    code, told = answer(capsys, "fleet", "--json", "--metrics", str(path), str(SHOP), str(DAMAGED), gone)

    assert code == 3
    found = written(path)
    assert len(told["logs"]) == 3
    for log in told["logs"]:
        known = {"path": log["path"], "verb": "fleet"}
        assert of_log(found, "aoftool_log_readable", **known) == int(log["state"] == "read")
        if log["state"] == "read":
            assert of_log(found, "aoftool_log_intact", **known) == int(log["intact"])
            assert of_log(found, "aoftool_log_size_bytes", **known) == log["size_bytes"]
    named = {name for name, _ in found}
    assert named == {name for name, _, verbs, _ in ROW.findall(PAGE) if "fleet" in verbs}


def test_log_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "aof.prom"

    assert run(["check", "--metrics", str(path), str(tmp_path / "not-there")]) == 3

    assert of_log(written(path), "aoftool_log_readable", path=str(tmp_path / "not-there")) == 0
    assert run(["check", "--metrics", str(path), str(SHOP), str(tmp_path / "not-there")]) == 3
    assert of_log(written(path), "aoftool_log_readable", path=str(tmp_path / "not-there")) == 0
    assert of_log(written(path), "aoftool_log_readable", path=str(SHOP)) == 1


def test_files_of_two_verbs_have_no_sample_in_common(tmp_path: Path) -> None:
    for verb in ("check", "inspect"):
        assert run([verb, "--metrics", str(tmp_path / f"{verb}.prom"), str(SHOP)]) == 0

    both = [written(tmp_path / f"{verb}.prom") for verb in ("check", "inspect")]

    assert not both[0].keys() & both[1].keys()


def test_file_is_replaced_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "aof.prom"
    path.write_text("old")
    seen = []
    rename = os.rename

    def renamed(old: Any, new: Any, **where: Any) -> None:
        # Until then what is there is what was there, and no other file is one that the collector reads.
        seen.append((path.read_text(), [name for name in os.listdir(tmp_path) if name.endswith(".prom")]))
        rename(old, new, **where)

    monkeypatch.setattr(os, "rename", renamed)

    assert run(["check", "--metrics", str(path), str(SHOP)]) == 0

    assert seen == [("old", ["aof.prom"])]
    assert os.listdir(tmp_path) == ["aof.prom"]
    assert written(path)


def test_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    assert run(["check", "--metrics", str(tmp_path / "no" / "aof.prom"), str(SHOP)]) == 3


@pytest.mark.parametrize("name", ['quo"te', "back\\slash", "line\nfeed", "umläut", "bad\udcff"])
def test_any_name_is_a_label(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "appendonly.aof").write_bytes(timestamp(1_700_000_000) + command("SET", "secret", "secret"))
    path = tmp_path / "aof.prom"

    assert run(["check", "--metrics", str(path), str(folder)]) == 0

    assert of_log(written(path), "aoftool_log_intact") == 1
    assert "secret" not in path.read_text("utf-8")


def test_page_names_every_metric_and_label() -> None:
    rows = {name: meaning for name, _, _, meaning in ROW.findall(PAGE)}

    assert rows == METRICS


def test_nothing_that_has_no_name_is_written() -> None:
    with pytest.raises(KeyError):
        metrics_text("check", [Sample("aoftool_log_other", 1, {})], 0.0)


def test_alerts_are_rules_of_metrics_that_there_are() -> None:
    yaml = pytest.importorskip("yaml")
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)

    rules = yaml.safe_load(block)["groups"][0]["rules"]

    named = {name for rule in rules for name in re.findall(r"aoftool_\w+", rule["expr"])}
    assert len(rules) == 4
    assert named <= set(METRICS)
