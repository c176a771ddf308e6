"""`aoftool advise --html`: the page says what the answer says, and nothing captured becomes markup."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aoftool.api import advising
from aoftool.cli.app import run
from aoftool.simulate import quick
from tests.captured import FEW
from tests.corpus import FIXTURES
from tests.report.pages import PageReader, read_page

pytest.importorskip("jinja2")
SHOP = FIXTURES / "valkey-9" / "shop"
STALL = FEW / "valkey-9.1.2" / "manifest-stall"


def asked(capsys: pytest.CaptureFixture[str], out: Path, *words: str) -> tuple[PageReader, dict[str, Any]]:
    """Return the page of an answer, and the answer."""
    run(["advise", *words, "--html", str(out), "--json"])
    return read_page(out.read_text("utf-8")), json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("capture", sorted(path.parent for path in FEW.glob("*/*/facts.json")), ids=str)
def test_the_page_has_the_figures_of_the_answer(
    capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, answer = asked(capsys, tmp_path / "a.html", str(capture))

    assert page.faults == []
    said = [text for tag, text in page.texts if tag == "p" and len(text) > 30]
    assert [text for text in said if said.count(text) > 1] == []
    bad = [finding for finding in answer["findings"] if finding["severity"] != "info"]
    assert page.figures["findings"].value == str(len(bad))
    if answer["ledger"]:
        assert float(page.figures["worst_s"].value or 0) == pytest.approx(
            answer["ledger"][0]["worst_s"], abs=1e-6
        )
        shown = page.tables["ledger"].rows
        assert [row[0].text for row in shown] == [row["label"] for row in answer["ledger"]][: len(shown)]
    told = " ".join(text for _, text in page.texts)
    assert all(f"[{finding['code']}]" in told for finding in answer["findings"])
    assert all((item["where"] or "") in told for finding in answer["findings"] for item in finding["found"])
    settings = page.tables["settings-table"].rows if answer["settings"] else []
    assert {row[0].text for row in settings} == {row["name"] for row in answer["settings"]}
    for row in settings:
        known = next(each for each in answer["settings"] if each["name"] == row[0].text)
        assert row[1].text == (known["value"] or ("" if known["value"] is None else '""'))
        assert row[5].text == ", ".join(each["value"] for each in known["proposed"])
        assert all(each["code"] in row[6].text for each in known["proposed"])
    if answer["what_if"] is None:
        assert answer["what_if_why"] in told


def test_lines_to_type_are_lines_and_the_time_line_has_what_is_dated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, _ = asked(capsys, tmp_path / "a.html", str(STALL))

    texts = [text.strip() for _, text in page.texts]
    assert "aoftool simulate /var/lib/valkey" in "\n".join(texts).split("\n")
    rows = page.tables["events-table"].rows
    assert len(rows) == 11
    assert [float(row[0].value or 0) for row in rows] == sorted(float(row[0].value or 0) for row in rows)
    assert sum("a rewrite" in row[2].text for row in rows) == 4


GROWING = (
    "# Server\nredis_version:8.0.6\nrun_id:a\nuptime_in_seconds:{up}\n# Persistence\naof_enabled:1\n"
    "aof_current_size:{size}\naof_base_size:40000000\naof_last_rewrite_time_sec:2\n"
)
CONFIG = "appendonly\nyes\nauto-aof-rewrite-min-size\n33554432\nauto-aof-rewrite-percentage\n50\n"


@pytest.mark.parametrize("from_log", [False, True], ids=["info", "log"])
def test_what_other_thresholds_would_do_goes_from_the_settings_in_use(
    from_log: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, captured = tmp_path / "a.html", tmp_path / "captured"
    captured.mkdir()
    (captured / "info-before.txt").write_text(GROWING.format(up=100, size=50_000_000))
    (captured / "info.txt").write_text(GROWING.format(up=160, size=110_000_000))
    (captured / "config.txt").write_text(CONFIG)
    words = ("--aof", str(SHOP)) if from_log else ()

    page, answer = asked(capsys, out, str(captured), *words)

    found = answer["what_if"]
    assert found["now"] == {"min_size_bytes": 32 << 20, "percentage": 50}
    assert found["child"]["source"] == "info"
    assert found["pace"] == ("time" if from_log else "constant")
    rows = page.tables["thresholds"].rows
    assert len(rows) == len(found["rows"]) == 9
    for row, known in zip(rows, found["rows"], strict=True):
        names = ("min_size_bytes", "percentage", "rewrites", "rewritten_bytes", "largest_bytes", "peak_bytes")
        assert [cell.value for cell in row[1:7]] == [str(known[name]) for name in names]
        assert (row[0].text == "now") is (known["percentage"] == 50 and known["min_size_bytes"] == 32 << 20)
    if not from_log:
        # 1 MB/s. A rewrite takes 2.5 s for its 40 MB, so that 42.5 are left, and the next is due at 63.75.
        assert found["rate_bytes_per_s"] == 1_000_000
        now = next(
            row for row in found["rows"] if row["min_size_bytes"] == 32 << 20 and row["percentage"] == 50
        )
        assert now["rewrites"] == pytest.approx(found["seconds"] / (21.25 + 2.5), rel=0.01)


def test_of_a_large_log_a_sample_of_its_keys_is_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(advising, "REPLAYED_UNASKED_BYTES", 1000)
    monkeypatch.setattr(quick, "_MOST_WRITES", 500)
    monkeypatch.setattr(quick, "_LEAST_KEYS", 20)

    _, answer = asked(capsys, tmp_path / "a.html", "--aof", str(SHOP))

    assert answer["what_if"]["sampled_one_in"] > 1
    assert answer["what_if_why"] is None


def test_the_page_says_why_thresholds_are_not_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "info.txt").write_text(GROWING.format(up=100, size=50_000_000))

    page, answer = asked(capsys, tmp_path / "a.html", str(tmp_path / "info.txt"))

    assert answer["what_if"] is None
    assert (
        answer["what_if_why"] == "INFO does not tell how fast the log grows; the log itself does: --aof PATH"
    )
    assert answer["what_if_why"] in " ".join(text for _, text in page.texts)


def test_the_time_line_counts_what_it_does_not_draw(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "info.txt").write_text("# Server\nredis_version:8.0.6\naof_enabled:1\n")
    entries = (f"{n}\n{1795964197 + n}\n264830\nKEYS\n*\n127.0.0.1:1\n\n" for n in range(150, 0, -1))
    (tmp_path / "slowlog.txt").write_text("".join(entries))

    page, _ = asked(capsys, tmp_path / "a.html", str(tmp_path))

    told = " ".join(text for _, text in page.texts)
    assert "150 events that captures date: slow commands and other stalls 150." in told


def test_what_was_captured_is_never_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "<script>alert(1)</script>{{7*7}}"
    (tmp_path / "redis.conf").write_text(f"appendonly yes\ndir /{evil}\nappend-direct {evil}\n")
    (tmp_path / "info.txt").write_text("# Server\nredis_version:8.0.6\naof_enabled:1\n")
    (tmp_path / "slowlog.txt").write_text(f"3\n1795964197\n264830\n{evil}.X\n{evil}\n127.0.0.1:1\n\n")

    page, _ = asked(capsys, tmp_path / "a.html", str(tmp_path))

    assert sum(tag == "script" for tag, _ in page.tags) == 1
    assert "7*7" in "".join(text for _, text in page.texts)
    assert all(not name.startswith("on") for _, attributes in page.tags for name in attributes)


def test_a_page_replaces_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "info.txt"
    kept.write_text("# Server\nredis_version:8.0.6\naof_enabled:1\n")

    assert run(["advise", str(kept), "--html", str(kept)]) not in (0, 1)
    assert kept.read_text().startswith("# Server")


def test_stand_ins_are_on_the_page_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["advise", str(STALL), "--html", str(tmp_path / "a.html"), "--redact", "all"])

    assert "/var/lib/valkey" not in (tmp_path / "a.html").read_text("utf-8")
