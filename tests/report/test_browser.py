"""A real browser, without a network, opens pages: no error, no request, no overflow, and A4 comes out."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aoftool.cli.app import run
from tests.browser import WIDTHS, Browser, find_browser
from tests.corpus import FIXTURES, cases, need_corpus
from tests.report.pages import differing, read_page
from tests.report.test_page import CAPTURED, hostile_log

SHOP = FIXTURES / "valkey-9" / "shop"
FLUSHED = FIXTURES / "recorded" / "redis-7.0.15" / "timestamps-flushall" / "appendonlydir"
# A log with times and one without, an RDB part, captures, damage in the middle, at the end and in a manifest.
CHOSEN: dict[str, tuple[str, ...]] = {
    "shop": (str(SHOP), "--captures", str(CAPTURED), "--key", "stats:hits"),
    "flushed": (str(FLUSHED), "--redact", "all", "--salt", "s"),
    "by-position": (str(FIXTURES / "recorded" / "redis-6.2.5" / "mixed-small" / "appendonly.aof"),),
    "torn": (str(FIXTURES / "damaged" / "torn-mid-payload"),),
    "two-sides": ("--compare", str(SHOP), str(FLUSHED)),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = find_browser()
    if program is None:
        pytest.skip("no chromium is here")
    pytest.importorskip("websocket")
    with Browser(program) as found:
        yield found


def opened(browser: Browser, out: Path, *words: str) -> dict[str, Any]:
    """Make a page, open it at every width, hold it to what any page must be, and return it as JSON.

    What the browser shows is read out of it, and is what the JSON says.
    """
    assert run(["report", *words, "-o", str(out), "--force"]) in (0, 1, 6)
    seen = browser.open(out)

    assert seen.messages == []
    assert seen.requests == []
    assert seen.overflow == dict.fromkeys(WIDTHS, 0)
    pages = browser.pdf()
    boxes = set(re.findall(rb"/MediaBox \[0 0 ([0-9.]+) ([0-9.]+)\]", pages))
    # A4 is 210 by 297 mm.
    assert boxes
    assert all(abs(float(a) - 595.28) < 1 and abs(float(b) - 841.89) < 1 for a, b in boxes)
    told = out.with_suffix(".json")
    run(["report", *words, "--json", "-o", str(told), "--force"])
    found: dict[str, Any] = json.loads(told.read_text("utf-8"))
    assert differing(read_page(browser.evaluate("document.documentElement.outerHTML")), found) == []
    return found


def test_a_browser_shows_what_is_wrong_in_a_fleet_at_every_width(browser: Browser, tmp_path: Path) -> None:
    out = tmp_path / "fleet.html"
    logs = map(str, sorted((FIXTURES / "damaged").iterdir())[:5])
    assert run(["fleet", *logs, "--html", str(out)]) == 1

    seen = browser.open(out)

    assert (seen.messages, seen.requests, seen.overflow) == ([], [], dict.fromkeys(WIDTHS, 0))
    for width in WIDTHS:
        browser.resize(width)
        ends = (
            "[...document.querySelectorAll('.logs td:last-child')].map(e => e.getBoundingClientRect().right)"
        )
        rights = browser.evaluate(ends)
        assert len(rights) == 5
        assert max(rights) <= width


@pytest.mark.parametrize("name", ["manifest-stall", "healthy-mixed"])
def test_a_browser_opens_a_page_of_advice(name: str, browser: Browser, tmp_path: Path) -> None:
    out = tmp_path / "advice.html"
    assert run(["advise", str(FIXTURES / "captures" / "valkey-9.1.2" / name), "--html", str(out)]) in (0, 1)

    seen = browser.open(out)

    assert (seen.messages, seen.requests, seen.overflow) == ([], [], dict.fromkeys(WIDTHS, 0))


@pytest.mark.parametrize("name", CHOSEN)
def test_a_browser_opens_a_page(name: str, browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path / "page.html", *CHOSEN[name])


def test_a_browser_runs_nothing_that_a_log_holds(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    hostile_log(path)

    opened(browser, tmp_path / "page.html", str(path), "--key", "</script><script>alert(1)</script>")

    assert browser.evaluate("document.scripts.length") == 1
    assert browser.evaluate("document.querySelectorAll('img, iframe, object, embed, link, base').length") == 0


def test_a_long_path_in_a_remark_widens_nothing(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / ("a-name-without-a-blank-" * 6)
    shutil.copytree(SHOP, folder)
    next(folder.rglob("*.base.rdb")).unlink()

    opened(browser, tmp_path / "page.html", str(folder))


def test_the_policy_refuses_what_would_be_put_in(browser: Browser, tmp_path: Path) -> None:
    """The test of the test: a page with something in it that may not run is found out."""
    out = tmp_path / "page.html"
    run(["report", str(SHOP), "-o", str(out)])
    text = out.read_text("utf-8")
    put = "<script>document.title='mine'</script><p style='width:3000px'>"
    put += "<img src='https://example.invalid/a.png'>"
    out.write_text(text.replace("<footer>", f"{put}<footer>"), "utf-8")

    seen = browser.open(out)

    assert sum("Content Security Policy" in message for message in seen.messages) >= 3
    assert browser.evaluate("document.title") != "mine"
    assert seen.overflow[390] == 0


def test_charts_follow_one_range_and_tables_sort_and_filter(browser: Browser, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    run(["report", str(SHOP), "-o", str(out)])
    browser.open(out)
    boxes = (
        "[...document.querySelectorAll('[data-shared=log] svg.zoom')]"
        ".map(s => [s.viewBox.baseVal.x, s.viewBox.baseVal.width].join())"
    )
    before = browser.evaluate(boxes)

    browser.evaluate("[...document.querySelectorAll('.tools button')][0].click()")
    closer = browser.evaluate(boxes)
    browser.evaluate("[...document.querySelectorAll('.tools button')][4].click()")

    assert set(before) == {"0,12000"}
    assert set(closer) == {"3000,6000"}
    assert len(closer) >= 4
    assert browser.evaluate(boxes) == before

    cells = (
        "[...document.querySelectorAll('#commands tbody tr:not([hidden]) td:nth-child(2)')]"
        ".map(c => +c.dataset.value)"
    )
    browser.evaluate("document.querySelector('#commands th:nth-child(2) button').click()")
    down: list[Any] = browser.evaluate(cells)
    browser.evaluate("document.querySelector('#commands th:nth-child(2) button').click()")
    up: list[Any] = browser.evaluate(cells)
    browser.evaluate(
        "(() => { const f = document.querySelector('#commands').closest('section').querySelector('input');"
        " f.value = 'hset'; f.dispatchEvent(new Event('input')); })()"
    )

    assert down == sorted(down, reverse=True)
    assert up == sorted(up)
    assert len(browser.evaluate(cells)) == 1
    assert browser.evaluate("document.querySelector('#commands th:nth-child(2)').ariaSort") == "ascending"


def test_a_page_says_all_without_its_script(browser: Browser, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    run(["report", str(SHOP), "-o", str(out)])
    page = read_page(out.read_text("utf-8"))
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        seen = browser.open(out)
        rows = browser.evaluate("[...document.querySelectorAll('table')].map(t => t.tBodies[0].rows.length)")
        tools = browser.evaluate("document.querySelectorAll('.tools, th button, input').length")
        charts = "[...document.querySelectorAll('figure svg[role=img]')]"
        drawn = browser.evaluate(f"{charts}.map(s => s.getBoundingClientRect().height)")
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)

    assert seen.messages == []
    assert tools == 0
    assert rows == [len(table.rows) for table in page.tables.values()]
    assert len(drawn) >= 6
    assert min(drawn) > 10


# -- everything that was recorded ------------------------------------------------------------------------


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", ["recorded", "damaged"])
def test_a_browser_opens_the_page_of_everything_recorded(part: str, browser: Browser, tmp_path: Path) -> None:
    need_corpus()
    found = cases(part)
    assert found
    failed = []
    for case in found:
        try:
            opened(browser, tmp_path / "page.html", str(case.source))
        except AssertionError as error:
            failed.append((case.id, str(error)[:300]))

    assert failed == []
