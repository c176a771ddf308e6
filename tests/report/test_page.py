"""The page of a report: one file, all of it escaped, its numbers those of the verbs, bounded for any log."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from aoftool.api.postmortem import gathering
from aoftool.cli.app import run
from aoftool.report.page.treemap import squarified
from tests.builders import (
    Word,
    command,
    log,
    rdb,
    rdb_database,
    rdb_record,
    rdb_string,
    select,
    timestamp,
    write_multi_part,
)
from tests.cli.test_redaction import damages, leaks, make_log
from tests.corpus import FIXTURES
from tests.report.pages import PageReader, differing, read_page, tables_of

SHOP = FIXTURES / "valkey-9" / "shop"
FLUSHED = FIXTURES / "recorded" / "redis-7.0.15" / "timestamps-flushall" / "appendonlydir"
TORN = FIXTURES / "damaged" / "torn-mid-payload"
CAPTURED = FIXTURES / "captures" / "valkey-9.1.2" / "rewrite-contention"
MOST_BYTES = 2_000_000
WORDS = """html head meta title style body a header p h1 h2 h3 bdi code pre ul li span nav main section div
    table caption thead tr th tbody td details summary figure figcaption svg g rect line path polyline text
    defs pattern ol dl dt dd footer script"""
TAGS = frozenset(WORDS.split())


def asked(capsys: pytest.CaptureFixture[str], *words: str | Path) -> dict[str, Any]:
    run([str(word) for word in (*words, "--json")])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def page_of(folder: Path, *words: str | Path) -> str:
    out = folder / "page.html"
    assert run(["report", *map(str, words), "-o", str(out), "--force"]) in (0, 1, 6)
    return out.read_text("utf-8")


def all_text(page: PageReader) -> str:
    return "".join(text for tag, text in page.texts if tag not in ("style", "script"))


# -- the numbers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        (SHOP,),
        (FLUSHED, "--key", "summary", "--captures", CAPTURED),
        (TORN,),
        (FIXTURES / "recorded" / "redis-6.2.5" / "mixed-small" / "appendonly.aof",),
    ],
    ids=["shop", "flushed", "torn", "mixed"],
)
def test_every_number_of_the_page_is_that_of_the_json(
    words: tuple[str | Path, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = read_page(page_of(tmp_path, *words))
    capsys.readouterr()
    found = asked(capsys, "report", *words)

    assert differing(page, found) == []
    assert len(page.figures) == 5
    assert found["verdict"] in all_text(page)


def test_numbers_are_those_of_the_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(capsys, "report", FLUSHED, "--key", "summary", "--captures", CAPTURED)
    tables = tables_of(found)
    inspected = asked(capsys, "inspect", FLUSHED, "--contents", "--savings")
    audited = asked(capsys, "audit", FLUSHED)
    # The page goes by the settings that were captured.
    simulated = asked(capsys, "simulate", FLUSHED, "--now", "64mb,0")
    advised = asked(capsys, "advise", CAPTURED, "--aof", FLUSHED)
    grown = asked(capsys, "growth", FLUSHED, "--by", "command")
    run(["history", "summary", str(FLUSHED), "--json"])
    steps = capsys.readouterr().out.splitlines()

    figures = {name: figure["value"] for name, figure in found["figures"].items()}
    assert figures["size_bytes"] == inspected["size_bytes"]
    assert figures["commands"] == sum(file["commands"] for file in inspected["files"])
    assert figures["dead_bytes"] == inspected["contents"]["savings"]["dead_bytes"]
    assert figures["keys"] == inspected["contents"]["distinct_keys"][0]
    assert [row["size_bytes"] for row in tables["prefixes"]["rows"]] == [
        row["size_bytes"] for row in inspected["contents"]["prefixes"]
    ]
    events = next(block for block in found["sections"][2]["blocks"] if block["kind"] == "sentences")
    assert events["caption"].startswith(f"{sum(audited['counts'].values()):,} event")
    assert [row["rewrites"] for row in tables["thresholds"]["rows"]] == [
        row["rewrites"] for row in simulated["rows"]
    ]
    assert len(tables["history-0"]["rows"]) == len(steps)
    assert [row["offset"] for row in tables["history-0"]["rows"]] == [json.loads(s)["offset"] for s in steps]
    worst = [row["worst_s"] for row in tables["ledger"]["rows"]]
    assert worst == [row["worst_s"] for row in advised["ledger"]][: len(worst)]
    assert worst
    written = sum(row["size_bytes"] for row in tables["by-command-table"]["rows"])
    assert written == grown["size_bytes"] - grown["untimed_bytes"]


def test_layers_of_the_time_line_add_up_to_its_steps(capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(capsys, "report", SHOP)
    charts = {b["id"]: b for s in found["sections"] for b in s["blocks"] if b["kind"] == "chart"}

    for name in ("by-prefix", "by-command"):
        sums = [sum(column) for column in zip(*(row["values"] for row in charts[name]["rows"]), strict=True)]
        assert sums == [row["size_bytes"] for row in charts[name]["table"]["rows"]]
        assert len(charts[name]["edges"]) == len(sums) + 1
    assert charts["by-prefix"]["edges"] == charts["events"]["edges"]


def test_what_each_server_would_do_is_what_check_says(capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(capsys, "report", TORN)
    checked = asked(capsys, "check", TORN)["logs"][0]

    assert found["next"][0]["line"] == checked["next"]
    assert [row["code"] for row in tables_of(found)["findings"]["rows"]] == [
        finding["code"] for finding in sorted(checked["findings"], key=lambda f: f["severity"] != "damage")
    ]
    cut = [row["target"] for row in checked["servers"] if row["outcome"] == "cut"]
    assert "would cut it" in found["verdict"]
    assert cut[0] in found["verdict"]


def test_what_a_check_warns_of_is_in_the_verdict_and_leads_to_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = log(select(0), ("SET", "k", "v"))
    path = write_multi_part(tmp_path / "appendonlydir", base=rdb(), base_is_rdb=True, incrs=[first])
    path.with_name("appendonly.aof.2.incr.aof").write_bytes(first)

    assert run(["report", "--md", str(path)]) == 0

    shown = capsys.readouterr().out
    assert "; but appendonly.aof.2.incr.aof is not listed" in shown.replace("\\", "").split("To type next")[0]
    assert f"aoftool check {path}" in shown


def test_a_stretch_shows_what_the_verbs_show_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--since", "2026-11-21T09:26:20", "--until", "2026-11-21T09:26:40", SHOP)
    found = asked(capsys, "report", *words)
    inspected = asked(capsys, "inspect", *words)

    assert [row["writes"] for row in tables_of(found)["prefixes"]["rows"]] == [
        row["writes"] for row in inspected["contents"]["prefixes"]
    ]
    assert "thresholds" not in tables_of(found)
    assert any("simulate" in row["how"] for row in tables_of(found)["not-looked"]["rows"])


def test_a_log_without_times_is_laid_out_by_position(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.aof"
    items = [command("SET", f"user:{number}", "x" * 200) for number in range(2000)]
    path.write_bytes(log(select(0), *items, ("FLUSHALL",), *items))

    found = asked(capsys, "report", path)
    charts = {b["id"]: b for s in found["sections"] for b in s["blocks"] if b["kind"] == "chart"}

    flush = charts["events"]["lanes"][0]["marks"][0]
    assert charts["events"]["lanes"][0]["name"] == "flushes"
    first, last = charts["events"]["edges"][0], charts["events"]["edges"][-1]
    # The FLUSHALL stands in the very middle of the file.
    assert abs(flush["at"] - path.stat().st_size / 2) < (last - first) / 20
    assert "no time is known" in json.dumps(found)


# -- the form --------------------------------------------------------------------------------------------


def check_form(text: str) -> PageReader:
    """Hold a page to what any page must be, and return it taken apart."""
    page = read_page(text)
    assert page.faults == []
    assert page.open == []
    assert {tag for tag, _ in page.tags} <= TAGS
    ids = [found["id"] for _, found in page.tags if "id" in found]
    assert len(ids) == len(set(ids))
    for tag, found in page.tags:
        assert not any(name.startswith("on") or name in ("style", "src", "srcset") for name in found), found
        assert all(not (value or "").strip().lower().startswith("javascript") for value in found.values())
        if "href" in found:
            assert tag == "a"
            assert str(found["href"])[0] == "#"
            assert str(found["href"])[1:] in ids
        for name in str(found.get("aria-labelledby", "")).split():
            assert name in ids
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert set(re.findall(r"url\([^)]*\)", "".join(str(found) for _, found in page.tags))) <= {"url(#hatch)"}
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
    assert len(text.encode()) < MOST_BYTES
    return page


def test_a_page_has_landmarks_heads_and_names(tmp_path: Path) -> None:
    page = check_form(page_of(tmp_path, SHOP))
    tags = [tag for tag, _ in page.tags]

    assert next(found for tag, found in page.tags if tag == "html")["lang"] == "en"
    for once in ("header", "nav", "main", "footer", "h1"):
        assert tags.count(once) == 1
    assert tags.count("section") == 8
    for tag, found in page.tags:
        if tag == "section":
            assert found["aria-labelledby"] == f"{found['id']}-heading"
        if tag == "svg" and found.get("role") == "img":
            assert (
                "aria-labelledby" in found or "lane" in str(found["class"]) or "strip" in str(found["class"])
            )
    for table in page.tables.values():
        assert table.has_caption
        assert set(table.scopes) == {"col"}
    assert tags.count("figure") == 6
    titles = [at for at, (tag, _) in enumerate(page.texts) if tag == "title"]
    assert len(titles) > 10


def test_the_policy_allows_our_style_and_script_alone(tmp_path: Path) -> None:
    text = page_of(tmp_path, SHOP)
    page = read_page(text)

    policy = next(
        str(found["content"])
        for tag, found in page.tags
        if tag == "meta" and found.get("http-equiv") == "Content-Security-Policy"
    )
    for tag in ("style", "script"):
        body = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert body is not None
        digest = base64.b64encode(hashlib.sha256(body[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


def luminance(color: str) -> float:
    raw = color if len(color) == 7 else "#" + "".join(digit * 2 for digit in color[1:])
    parts = [int(raw[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_stands_out_from_its_ground_light_and_dark(tmp_path: Path) -> None:
    """As WCAG 2.1 reckons contrast, 4.5 for text."""
    text = page_of(tmp_path, SHOP)
    schemes = re.findall(r":root\{(.*?)\}", text, re.DOTALL)
    assert len(schemes) == 3

    for scheme in schemes:
        color = dict(re.findall(r"--([a-z0-9-]+):(#[0-9a-f]+)", scheme))
        pairs = [(name, ground) for name in ("fg", "quiet", "link") for ground in ("bg", "soft")]
        pairs += [(name, f"{name}-bg") for name in ("good", "warn", "bad")]
        pairs += [(name, "bg") for name in ("good", "warn", "bad")]
        for name, ground in pairs:
            one, two = sorted((luminance(color[name]), luminance(color[ground])), reverse=True)
            assert (one + 0.05) / (two + 0.05) >= 4.5, (name, ground)


# -- what a log may hold ---------------------------------------------------------------------------------

HOSTILE: tuple[bytes, ...] = (
    b"</script><script>alert(1)</script>",
    b"<img src=x onerror=alert(1)>",
    b'"><svg onload=alert(1)>',
    b"</title></style><style>*{display:none}</style>",
    b"{{7*7}}{% for x in y %}{#",
    b"javascript:alert(1)//http://evil.example/",
    "user\u202egnp.exe\u2066\u200f".encode(),
    b"\xff\xfe\x80 not utf-8",
    b"\x1b[2J\x00\r\n\t|`*_[a](http://b)",
    b"<!--",
    b"&lt;b&gt;&#x3c;",
    b"k" * (1 << 20),
    ("\u202e<b>" * 50_000).encode(),
)


def hostile_log(path: Path) -> None:
    items: list[tuple[Word, ...]] = []
    for at, name in enumerate(HOSTILE):
        items += [
            ("SET", name, name),
            ("HSET", b"h:" + name, name, name),
            ("DEL", *(b"%b:%d" % (name[:60], number) for number in range(120))),
            (name[:200], b"x", name[:100]),
            ("XADD", b"s:%d" % at, "1-1", name[:300], name[:300]),
        ]
    raw = log(select(0), timestamp(1_790_000_000), *items, ("FLUSHALL",), *items, timestamp(1_790_000_600))
    path.write_bytes(raw + command("SET", HOSTILE[0], b"torn" * 50)[:-30])


def test_nothing_that_a_log_holds_becomes_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "<i>a&b.aof"
    hostile_log(path)
    title = "<script>x</script>\u202e{{1}}"

    text = page_of(tmp_path, path, "--key", "<img src=x onerror=alert(1)>", "--title", title)
    page = check_form(text)
    capsys.readouterr()

    shown = all_text(page)
    assert "<img src=x onerror=alert(1)>" in shown
    assert "{{7*7}}" in shown
    assert r"\xe2\x80\xae" in shown
    assert "<script>x</script>" in shown
    assert "49" not in [cell.text for table in page.tables.values() for row in table.rows for cell in row]


def test_markdown_stays_markdown_whatever_a_log_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.aof"
    hostile_log(path)

    run(["report", "--md", str(path)])

    lines = capsys.readouterr().out.splitlines()
    fences = 0
    for line in lines:
        fences += line.startswith("```")
        if fences % 2 or line.startswith("```"):
            continue
        outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", line)
        assert not re.search(r"(?<!\\)<", outside), line
        assert not re.search(r"(?<!\\)\]\(", outside), line
    rows = [line for line in lines if line.startswith("|")]
    columns = 0
    for line in rows:
        count = len(re.findall(r"(?<!\\)\|", line))
        columns = count if set(line) <= set("|-: ") or not columns else columns
    assert rows
    assert fences % 2 == 0


def test_no_original_is_in_a_page_with_redaction(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest, secret, key = make_log(tmp_path / "d", opaque=True)
    incr = next(manifest.parent.glob("*.incr.aof"))
    whole = incr.read_bytes()
    redacted = ("--redact", "all", "--salt", "salted", "--key", key.decode())

    for name, raw in [("whole", whole), *damages(whole)]:
        incr.write_bytes(raw)
        text = page_of(tmp_path, manifest, *redacted)

        shown = capsys.readouterr()
        assert leaks(text + shown.out + shown.err, secret) == [], name
        assert "salted" not in text
    assert leaks(page_of(tmp_path, manifest), secret)


def test_a_page_is_small_for_any_log(tmp_path: Path) -> None:
    """Long names that each take four bytes to show, many prefixes, many events of every kind, many files."""
    random.seed(1)
    base = rdb(rdb_database(0, *(rdb_record(0, f"b{n}" + "\x01" * 90, rdb_string("v")) for n in range(1500))))
    path = tmp_path / "a.aof"
    with path.open("wb") as file:
        file.write(base + select(0))
        for number in range(1500):
            name = b"p%d\x02\x03" % number + b"\xfe" * 120
            file.write(timestamp(1_790_000_000 + number * 7))
            file.write(log(("SET", name + b":x", "v" * 30), ("DEL", *(name + b"%d" % n for n in range(3)))))
            if number % 20 == 0:
                file.write(log(("FLUSHDB",), ("DEL", *(name + b"%d" % n for n in range(130)))))
                file.write(log((b"\x05" * 60, name), ("EVAL", b"\x06" * 500, 0)))

    text = page_of(tmp_path, path, "--key", "nobody", "--captures", CAPTURED)

    check_form(text)
    assert len(text.encode()) < 1_200_000


# -- the rest --------------------------------------------------------------------------------------------


def test_what_is_not_looked_at_is_told_with_what_would(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gathering, "REPLAYED_UNASKED_BYTES", 10)

    rows = tables_of(asked(capsys, "report", SHOP))["not-looked"]["rows"]

    assert [row["how"].split()[:2] for row in rows] == [["aoftool", "keys"], ["aoftool", "report"]]


@pytest.mark.parametrize("side", ["logs", "moments"])
def test_two_sides_are_those_of_diff(side: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words: tuple[str | Path, ...]
    same: tuple[str | Path, ...]
    if side == "logs":
        words, same = ("--compare", SHOP, FLUSHED), (SHOP, FLUSHED)
    else:
        words, same = ("--compare", "7528", FLUSHED), (FLUSHED, "--at", "7528")
    found = asked(capsys, "report", *words)
    told = asked(capsys, "diff", *same)

    figures = {name: figure["value"] for name, figure in found["figures"].items()}
    assert figures == {
        "left_keys": told["left"]["keys"],
        "right_keys": told["right"]["keys"],
        **told["counts"],
    }
    keys = tables_of(found).get("differing-keys", {"rows": []})["rows"]
    assert len(keys) == min(len(told["changes"]), 200)
    assert keys
    page = check_form(page_of(tmp_path, *words))
    assert page.figures["changed"].value == str(told["counts"]["changed"])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["report", str(SHOP)], 2, "-o report.html"),
        (["report", str(SHOP), "--md", "--json"], 2, "exclude"),
        (["report", "-", "--json"], 3, "save standard input"),
        (
            ["report", str(SHOP), "--compare", str(FLUSHED), "--since", "1", "--json"],
            2,
            "--compare goes without",
        ),
        (["report", str(SHOP), "--compare", "no/such/log", "--json"], 3, "nothing is there"),
    ],
)
def test_what_makes_no_sense_is_refused(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == code
    shown = capsys.readouterr()
    assert said in shown.out + shown.err


def test_a_file_that_is_there_is_kept_and_a_log_is_never_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, source = tmp_path / "page.html", tmp_path / "a.aof"
    out.write_text("mine")
    source.write_bytes(command("SET", "a", "b"))

    assert run(["report", str(source), "-o", str(out)]) == 4
    assert run(["report", str(source), "-o", str(source), "--force"]) == 4
    assert out.read_text() == "mine"
    assert source.read_bytes() == command("SET", "a", "b")
    assert run(["report", str(source), "-o", str(out), "--force"]) == 0
    assert out.read_text().lstrip().startswith("<!DOCTYPE html>")


def test_without_jinja2_the_page_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)

    assert run(["report", str(SHOP), "-o", str(tmp_path / "a.html")]) == 3
    # The line runs when it is pasted.
    assert capsys.readouterr().err.splitlines()[-1] == "   next: pip install 'aoftool[report]'"
    assert run(["report", str(SHOP), "--md"]) == 0


def test_tiles_fill_their_rectangle_and_do_not_overlap() -> None:
    random.seed(3)
    sizes = sorted((random.randrange(1, 10_000) for _ in range(40)), reverse=True)

    places = squarified(sizes, 100.0, 42.0)

    assert sum(width * height for _, _, width, height in places) == pytest.approx(4200)
    for size, (left, top, width, height) in zip(sizes, places, strict=True):
        assert width * height == pytest.approx(4200 * size / sum(sizes))
        assert left >= -1e-9
        assert top >= -1e-9
        assert left + width <= 100 + 1e-6
        assert top + height <= 42 + 1e-6
    for at, (left, top, width, height) in enumerate(places):
        for x, y, wide, high in places[at + 1 :]:
            apart_x = x >= left + width - 1e-6 or left >= x + wide - 1e-6
            apart_y = y >= top + height - 1e-6 or top >= y + high - 1e-6
            assert apart_x or apart_y
    assert squarified([], 1.0, 1.0) == []
