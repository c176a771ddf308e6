"""The settings in use: which are told, what findings would set, and what is never shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aoftool.advise.advising import advise
from aoftool.advise.catalogue import all_settings, settings_of
from aoftool.advise.in_use import proposals_of
from aoftool.advise.model import Advice, SettingRow
from aoftool.advise.redacting import redacted_advice
from aoftool.advise.situation import Situation
from aoftool.captures.captured import read_captured
from aoftool.captures.lines import text_of
from aoftool.redaction import RedactMode, Redactor
from aoftool.releases import release_of
from tests.captured import Capture, advice_of, few_captures

INFO = b"# Server\nredis_version:7.0.15\nrun_id:a\nuptime_in_seconds:90000\naof_enabled:1\n"


def judged(config: str, conf: str = "") -> Advice:
    texts = [text_of("info.txt", INFO), text_of("config.txt", config.encode())]
    texts += [text_of("redis.conf", conf.encode())] if conf else []
    return advise(read_captured(texts, all_settings()))


def rows_of(found: Advice) -> dict[str, SettingRow]:
    return {row.name: row for row in found.settings}


def test_a_proposal_says_what_it_changes_here() -> None:
    rows = rows_of(judged("appendonly\nyes\nappendfsync\nno\nhz\n10\nsave\n\nmaxmemory-policy\nnoeviction\n"))

    assert rows["appendfsync"].value == "no"
    assert rows["appendfsync"].default == "everysec"
    assert rows["appendfsync"].is_changed
    (proposal,) = rows["appendfsync"].proposals
    assert (proposal.value, proposal.code) == ("everysec", "fsync-never")
    assert proposal.changes.startswith("a power cut may take 1.00 s of writes in place of 35.00 s; ")
    assert rows["hz"].proposals == ()
    assert not rows["hz"].is_changed


def test_what_differs_from_its_default_or_its_file_is_told_and_nothing_private_is() -> None:
    config = (
        "appendonly\nyes\nrequirepass\nhunter2secret\nmasterauth\nhunter2secret\ndir\n/secret/place\nbind\n10.1.2.3\n"
        "masteruser\nadminname\ntls-key-file-pass\nhunter2secret\nlist-compress-depth\n3\nlfu-log-factor\n10\n"
        "maxmemory\n104857600\ntimeout\n300\n"
    )
    found = judged(config, "maxmemory 200mb\nappendonly yes\ntimeout 300\nlist-compress-depth 3")
    rows = rows_of(found)

    assert rows["list-compress-depth"].is_changed
    # The last line of the file has no end: it may be half of one.
    assert rows["list-compress-depth"].in_file is None
    assert (rows["maxmemory"].in_file, rows["maxmemory"].is_unsaved) == ("200mb", True)
    assert (rows["timeout"].in_file, rows["timeout"].is_unsaved) == ("300", False)
    assert "lfu-log-factor" not in rows
    told = repr(found.settings)
    assert not any(word in told for word in ("hunter2secret", "/secret/place", "10.1.2.3", "adminname"))


def test_nothing_is_told_where_nothing_was_captured() -> None:
    assert advise(read_captured([text_of("info.txt", INFO)], all_settings())).settings == ()


def test_redaction_hides_values_that_say_something_of_the_user() -> None:
    found = judged(
        "appendonly\nyes\nproc-title-template\nx\nlogfile\n/a\noom-score-adj-values\nmy own words\n"
    )
    hidden = rows_of(redacted_advice(found, Redactor(RedactMode.all, "salt")))

    assert rows_of(found)["oom-score-adj-values"].value == "my own words"
    assert "own words" not in repr(hidden)
    assert hidden["appendonly"].value == "yes"


@pytest.mark.parametrize("capture", few_captures(), ids=lambda capture: capture.name)
def test_every_setting_that_advice_names_is_one_and_its_undo_takes_it_back(capture: Capture) -> None:
    found = advice_of(capture.texts)

    proposed = proposals_of(found.findings)
    assert proposed.keys() <= all_settings()
    undo = {finding.code: finding.undo for finding in found.findings}
    for name, proposals in proposed.items():
        row = rows_of(found)[name]
        assert row.proposals
        for proposal in proposals:
            assert proposal.value != row.value
            # aof-off is not taken back: a log that was begun is kept.
            told = name in undo[proposal.code] or "the others likewise" in undo[proposal.code]
            assert told or proposal.code == "aof-off"


_WORD = re.compile(r"[a-z]+(?:[-_][a-z]+)+")


@pytest.mark.parametrize("capture", few_captures(), ids=lambda capture: capture.name)
def test_advice_names_no_setting_that_the_release_does_not_take(capture: Capture) -> None:
    """One that it does not take keeps the server from starting."""
    captured = read_captured(capture.texts, all_settings())
    release = Situation(captured).release
    assert release is not None
    taken, is_measured = settings_of(release)
    assert is_measured

    found = advise(captured)
    lines = [line for finding in found.findings for line in (*finding.do, finding.undo)]
    named = {word for line in lines for word in _WORD.findall(line)} & all_settings()

    assert named <= taken


@pytest.mark.parametrize("version", ["6.2.14", "7.0.15", "7.4.1", "8.6.3"])
def test_lists_of_cpus_go_by_the_name_that_every_release_takes(version: str) -> None:
    info = INFO.replace(b"7.0.15", version.encode())
    status = text_of("status", b"Name:\tredis-server\nTgid:\t7\nCpus_allowed_list:\t1\n")

    def judge(config: bytes) -> Advice:
        texts = [text_of("info.txt", info), text_of("config.txt", b"appendonly\nyes\n" + config), status]
        return advise(read_captured(texts, all_settings()), only=("cpu-pinned",))

    (pinned,) = judge(b"hz\n10\n").findings
    words = re.findall(r"[a-z_-]+cpulist", " ".join(pinned.do))
    assert len(words) == 4
    assert set(words) <= settings_of(release_of("redis", version))[0]
    assert judge(b"bgsave_cpulist\n0\n").findings == ()


def test_a_bundle_of_settings_alone_is_looked_at(tmp_path: Path) -> None:
    only = advise(
        read_captured([text_of("config.txt", b"appendfsync\nalways\nappendonly\nyes\n")], all_settings())
    )

    assert rows_of(only)["appendfsync"].value == "always"
    # Of which release is not known, so no default is.
    assert rows_of(only)["appendfsync"].default is None
