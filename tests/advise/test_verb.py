"""`aoftool advise` as it is typed: inputs of every kind, exit codes, JSON, 80 columns, what is hidden."""

from __future__ import annotations

import io
import json
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from aoftool.cells import cell_width
from aoftool.cli.app import run
from tests.builders import command
from tests.captured import FEW
from tests.corpus import FIXTURES

STALL = FEW / "valkey-9.1.2" / "manifest-stall"
HEALTHY = FEW / "valkey-9.1.2" / "healthy-mixed"
DRIFT = FEW / "redis-7.0.15" / "settings-drift"


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = run(["advise", *words])
    return code, capsys.readouterr().out


def asked_json(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    return dict(json.loads(asked(capsys, "--json", *words)[1]))


def codes(answer: dict[str, Any]) -> list[str]:
    return [finding["code"] for finding in answer["findings"]]


def test_the_stall_of_the_manifest_is_the_headline(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = asked(capsys, str(STALL))

    assert code == 1
    head = " ".join(out.split("\n\n")[0].split())
    assert "clients waited up to 7.75 s: manifest sync, end of a rewrite" in head


@pytest.mark.parametrize("capture", sorted(path.parent for path in FEW.glob("*/*/facts.json")), ids=str)
def test_every_answer_fits_80_columns(capsys: pytest.CaptureFixture[str], capture: Path) -> None:
    out = asked(capsys, str(capture))[1]

    # A line to type stays whole.
    assert [line for line in out.split("\n") if cell_width(line) > 80 and "/" not in line] == []


def test_how_busy_the_main_thread_was(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def info(seconds: int, **fields: float) -> str:
        head = "# Server\nredis_version:8.0.6\nrun_id:a\n"
        return (
            head + f"uptime_in_seconds:{seconds}\n" + "".join(f"{name}:{n}\n" for name, n in fields.items())
        )

    cpu = {"used_cpu_sys_main_thread": 1.0, "used_cpu_user_main_thread": 2.0}
    later = {"used_cpu_sys_main_thread": 1.5, "used_cpu_user_main_thread": 2.5}
    before, after = tmp_path / "info-before.txt", tmp_path / "info.txt"

    before.write_text(info(100, **cpu, total_commands_processed=1000, eventloop_duration_sum=1e6))
    after.write_text(info(120, **later, total_commands_processed=3000, eventloop_duration_sum=6e6))
    load = asked_json(capsys, str(before), str(after))["load"]
    assert load == {
        "seconds": 20.0,
        "since_start": False,
        "commands_a_second": 100.0,
        "loop_share": 0.25,
        "cpu_share": 0.05,
        "command_s": 0.0025,
    }
    words = " ".join(asked(capsys, str(before), str(after))[1].split())
    assert "the main thread was busy for 25 % of the time, on a CPU for 5.0 %; 100 commands a second" in words
    assert "2,500.0 µs of it each (in 20 s)" in words

    # One reply says something after an hour, and a release without the counter of the loop by its CPU.
    after.write_text(info(100, **later, total_commands_processed=8000))
    assert asked_json(capsys, str(after))["load"] is None
    after.write_text(info(8000, **later, total_commands_processed=8000))
    load = asked_json(capsys, str(after))["load"]
    assert (load["since_start"], load["loop_share"], load["cpu_share"]) == (True, None, 0.0005)
    assert load["command_s"] == 0.0005


def test_a_storm_has_the_date_of_the_next_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def info(seconds: int, cap: int) -> str:
        known = {"redis_version": "8.0.6", "run_id": "a", "uptime_in_seconds": seconds}
        known |= {"server_time_usec": 1_800_000_000_000_000, "expired_time_cap_reached_count": cap}
        return "# Server\n" + "".join(f"{name}:{value}\n" for name, value in known.items())

    def due(second: int, keys: int) -> bytes:
        return b"".join(
            command("SET", f"{second}:{number}", "v", "PXAT", 1000 * second + number % 1000)
            for number in range(keys)
        )

    (tmp_path / "info-before.txt").write_text(info(100, 0))
    (tmp_path / "info.txt").write_text(info(160, 100))
    log = tmp_path / "appendonly.aof"
    # What has passed, what is no storm, the next, and a larger one behind it.
    log.write_bytes(
        command("SELECT", 0)
        + due(1_799_999_000, 1500)
        + due(1_800_000_100, 200)
        + due(1_800_000_200, 1200)
        + due(1_800_000_300, 1500)
    )
    asked_for = [str(tmp_path / name) for name in ("info-before.txt", "info.txt")]

    for words, seen in ((asked_for, False), ([*asked_for, "--aof", str(log)], True)):
        out = " ".join(asked(capsys, *words, "--only", "expiry-storm")[1].split())
        assert "expiry-storm: many keys expire at once" in out
        assert ("the next: 1,200 keys expire at 2027-01-15 08:03:20Z" in out) is seen


def test_exit_codes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "info.txt").write_text("# Server\nredis_version:8.0.6\naof_enabled:1\n")
    assert asked(capsys, str(tmp_path / "info.txt"))[0] == 0
    assert asked(capsys, str(STALL), "--only", "timestamps-off")[0] == 0
    assert asked(capsys, str(tmp_path / "none"))[0] == 3
    assert asked(capsys)[0] == 2
    assert asked(capsys, str(STALL), "--only", "nonsense")[0] == 2
    assert asked(capsys, str(STALL), "--set", "nonsense=1")[0] == 2


@pytest.mark.parametrize("captured", [True, False], ids=["with-captures", "alone"])
def test_a_log_that_is_damaged_is_no_log_that_is_fine(
    capsys: pytest.CaptureFixture[str], captured: bool
) -> None:
    log = FIXTURES / "damaged" / "bulk-length-beyond-eof" / "appendonly.aof"
    words = ["advise", *([str(HEALTHY)] if captured else []), "--aof", str(log)]

    code = run(words)

    out, err = capsys.readouterr()
    head = " ".join(out.split("\n\n")[0].split())
    assert code == 1
    assert "the length of an argument is damaged, in appendonly.aof at offset 12,909 verdict" in head
    assert "verdict the log is damaged; " in head
    assert "a restart loads it" not in head
    assert f"   next: aoftool fix --dry-run --salvage {log}\n" in err


def test_json_has_its_schema_and_the_place_of_each_piece_of_evidence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = asked_json(capsys, str(STALL))

    assert answer["schema"] == "aoftool.advice/1"
    assert answer["worst"] == "high"
    assert answer["ledger"][0]["cause"] == "manifest-sync-end"
    assert answer["ledger"][0]["finding"] == "main-thread-fsync"
    stall = next(finding for finding in answer["findings"] if finding["code"] == "main-thread-fsync")
    assert stall["found"][0]["where"] == "strace.txt:28"


def test_archives_are_read_as_the_directory_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    expected = asked_json(capsys, str(STALL))
    with tarfile.open(tmp_path / "b.tgz", "w:gz") as archive:
        archive.add(STALL, "capture-1")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as zipped:
        for path in sorted(STALL.rglob("*")):
            if path.is_file():
                zipped.write(path, path.relative_to(STALL))

    for name in ("b.tgz", "b.zip"):
        answer = asked_json(capsys, str(tmp_path / name))
        assert codes(answer) == codes(expected)
        assert answer["ledger"] == expected["ledger"]


def test_archives_lead_nowhere_else_and_damaged_ones_are_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with tarfile.open(tmp_path / "b.tar", "w") as archive:
        link = tarfile.TarInfo("info.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        inside = tarfile.TarInfo("../../info.txt")
        inside.size = 14
        archive.addfile(inside, io.BytesIO(b"aof_enabled:1\n"))
    assert asked_json(capsys, str(tmp_path / "b.tar"))["server"]["aof"] is True
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 and no more")

    assert asked(capsys, str(tmp_path / "b.zip"))[0] == 3


def test_links_in_a_directory_are_not_followed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "info.txt").symlink_to(STALL / "info.txt")

    assert asked(capsys, str(tmp_path))[0] == 3
    assert asked_json(capsys, str(tmp_path / "info.txt"))["inputs"] == ["INFO"]


def test_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO((STALL / "info.txt").read_bytes())

    monkeypatch.setattr(sys, "stdin", Stdin())

    assert asked_json(capsys, "-")["server"]["version"] == "9.1.2"


def test_a_kind_can_be_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "x").write_text("append-direct yes\n")

    answer = asked_json(capsys, "--as", f"conf={tmp_path / 'x'}")

    assert codes(answer) == ["setting-unknown"]
    assert any("append-direct" in text for text in answer["findings"][0]["not"])
    assert asked(capsys, "--as", "nonsense=x")[0] == 2


def test_thresholds_can_be_changed_and_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert "fsync-slow" not in codes(
        asked_json(capsys, str(STALL / "strace.txt"), "--set", "fsync-slow.p99=60s")
    )
    assert "fsync-slow.p99=1" in asked(capsys, "--set", "list")[1].split("\n")


def test_what_is_redacted(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shutil.copytree(DRIFT, tmp_path / "c")
    conf = tmp_path / "c" / "redis.conf"
    conf.chmod(0o644)
    conf.write_text(conf.read_text() + "notify-keyspace-events secretK\nsecret-thing planted\n")
    plain, hidden = (
        json.dumps(asked_json(capsys, *words, str(tmp_path / "c"))) for words in ((), ("--redact", "all"))
    )

    for private in ("planted", "/var/lib/redis"):
        assert private in plain
        assert private not in hidden
    assert "secretK" not in hidden


def test_only_a_stretch_of_time(capsys: pytest.CaptureFixture[str]) -> None:
    inputs = (str(STALL / "server.log"), str(STALL / "info.txt"))
    behind = asked_json(capsys, *inputs, "--since", "2026-11-29T15:23:05Z")
    before = asked_json(capsys, *inputs, "--until", "2026-11-29T15:23:05Z")

    assert [row["cause"] for row in behind["ledger"] if row["worst_s"] > 1] == ["manifest-sync-end"]
    assert [row["cause"] for row in before["ledger"] if row["worst_s"] > 1] == []
    told = asked_json(capsys, str(STALL), "--since", "2026-11-29T15:23:05Z")["left_out"]
    assert any("strace says no dates" in text for text in told)
    assert asked(capsys, str(STALL), "--since", "2026-11-30", "--until", "2026-11-29")[0] == 2


def test_a_time_may_be_told_from_the_newest_one(capsys: pytest.CaptureFixture[str]) -> None:
    inputs = (str(STALL / "server.log"), str(STALL / "info.txt"))
    all_of_it = asked_json(capsys, *inputs, "--since", "yesterday")
    last = asked_json(capsys, *inputs, "--since", "1s")

    assert [row["cause"] for row in all_of_it["ledger"] if row["worst_s"] > 1] == ["manifest-sync-end"]
    assert [row["cause"] for row in last["ledger"] if row["worst_s"] > 1] == []
    assert any("1s is 2026-11-29 15:23:21" in text and "newest time" in text for text in last["left_out"])
    assert asked(capsys, *inputs, "--since", "1m", "--until", "2m")[0] == 2
    assert asked(capsys, str(STALL / "config.txt"), "--since", "10m")[0] == 2
    assert asked(capsys, *inputs, "--since", "last week")[0] == 2


def test_the_log_itself_gives_rates_and_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    shop = FEW.parent / "valkey-9" / "shop"

    answer = asked_json(capsys, str(STALL / "config.txt"), "--aof", str(shop))

    assert answer["log"]["commands"] == 1166
    everysec = next(window for window in answer["windows"] if window["current"])
    assert everysec["policy"] == "everysec"
    assert everysec["commands"] == pytest.approx(1166 / answer["log"]["seconds"], abs=0.01)


def test_of_a_long_log_the_last_day_is_taken(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    late = "1:M {} 10:00:00.000 * Asynchronous AOF fsync is taking too long (disk is busy?).\n"
    ready = "1:M 29 Nov 2026 10:00:00.000 * Ready to accept connections tcp\n"
    (tmp_path / "server.log").write_text(late.format("02 Nov 2026") * 5 + ready)

    today = asked_json(capsys, str(tmp_path / "server.log"))
    then = asked_json(capsys, str(tmp_path / "server.log"), "--since", "2026-11-01")

    assert codes(today) == []
    assert today["left_out"] == ["of the log its last day was taken; 5 lines before that with --since"]
    assert codes(then) == ["fsync-slow"]
