"""`aoftool guard`: what it repairs unasked, what it refuses, and what it becomes."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aoftool.cli.app import run
from aoftool.cli.lean import read_request
from aoftool.cli.requests.guard import GuardRequest
from tests.builders import command
from tests.corpus import CHECKOUT, need_corpus

PAGE = CHECKOUT / "docs" / "guard.md"
WHOLE = command("SET", "k", "v") * 40
TORN = WHOLE + b"*3\r\n$3\r\nSET\r\n$1\r\nk"
# A transaction that was never run: MULTI and one command are whole.
OPEN = WHOLE + command("MULTI") + command("SET", "k", "w") + b"*3\r\n$3\r\nSET\r\n"
# A command of which 60 bytes are there, and more behind it.
LATER = b"".join(command("SET", f"later:{number}", number) for number in range(40))
BROKEN = WHOLE + command("SET", "other", "x" * 100)[:60] + LATER


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def put(folder: Path, content: bytes) -> Path:
    path = folder / "appendonly.aof"
    path.write_bytes(content)
    return path


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("aoftool-fix-*"))


@pytest.mark.parametrize(
    ("content", "options", "code", "left"),
    [
        (WHOLE, [], 0, WHOLE),
        (b"", [], 0, b""),
        (TORN, [], 0, WHOLE),
        (TORN, ["--max-loss", "0"], 4, TORN),
        (TORN, ["--max-loss", str(len(TORN) - len(WHOLE))], 0, WHOLE),
        (TORN, ["--max-loss", str(len(TORN) - len(WHOLE) - 1)], 4, TORN),
        (WHOLE + bytes(500), ["--max-loss", "0"], 0, WHOLE),
        (OPEN, [], 0, WHOLE),
        (OPEN, ["--max-loss", "0c"], 4, OPEN),
        (OPEN, ["--max-loss", "2c"], 0, WHOLE),
        (BROKEN, [], 4, BROKEN),
        (BROKEN, ["--max-loss", "59"], 4, BROKEN),
        (BROKEN, ["--max-loss", "60"], 0, WHOLE + LATER),
        (BROKEN, ["--max-loss", "1k,0c"], 0, WHOLE + LATER),
    ],
)
def test_what_is_repaired_is_bounded_and_can_be_taken_back(
    data: Path,
    content: bytes,
    options: list[str],
    code: int,
    left: bytes,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = put(data, content)

    assert run(["guard", *options, str(data)]) == code

    assert path.read_bytes() == left
    told = capsys.readouterr()
    assert told.out == ""
    if left != content:
        assert run(["undo", str(kept(data)[0])]) == 0
        assert path.read_bytes() == content
    else:
        assert kept(data) == []
    if code == 4:
        assert "not started on a damaged log" in told.err
        assert "next: aoftool fix" in told.err


def test_nothing_is_missed_where_there_is_no_log(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["guard", str(data)]) == 0
    assert run(["guard", str(data / "not-there")]) == 0
    assert run(["guard", "--must-exist", str(data)]) == 3
    assert run(["guard", "s3://bucket/data"]) == 3


@pytest.mark.corpus
@pytest.mark.parametrize("case", ["missing-last-incr", "empty-base-rdb"])
def test_what_is_missing_is_never_given_up(data: Path, case: str) -> None:
    source = need_corpus() / "damaged" / case
    shutil.copytree(source, data, dirs_exist_ok=True)

    assert run(["guard", "--max-loss", "1g", str(data)]) == 4


def test_originals_are_bounded_in_number_and_size(data: Path) -> None:
    for _ in range(5):
        put(data, TORN)
        before = set(kept(data))
        assert run(["guard", "--keep", "2", str(data)]) == 0
        # Several in one second, and the newest is always among them.
        assert set(kept(data)) - before
    assert len(kept(data)) == 2
    put(data, TORN)

    assert run(["guard", "--keep-size", "1", str(data)]) == 0

    (newest,) = kept(data)
    assert run(["undo", str(newest)]) == 0


def test_json_says_what_was_done(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(data, TORN)

    assert run(["guard", "--json", str(data)]) == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["schema"], told["outcome"]) == ("aoftool.guard/1", "repaired")
    assert (told["lost_bytes"], told["lost_commands"]) == (len(TORN) - len(WHOLE), 0)
    assert [row["path"] for row in told["kept"]] == [told["receipt"]] == [str(kept(data)[0])]


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return what runs the verb in a process of its own, which may become another program."""

    def started(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join(entry for entry in sys.path if entry)
        base = {name: value for name, value in os.environ.items() if name != "TMPDIR"}
        return subprocess.run(
            [sys.executable, "-m", "aoftool", "guard", *words],
            env={**base, "PYTHONPATH": path, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return started


def test_server_takes_the_place_of_the_guard_with_its_surroundings(
    data: Path, program: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    put(data, TORN)
    shows = (
        "import os, signal, sys; print(os.getppid(), os.environ.get('TMPDIR'), sys.argv[1:],"
        " len(os.listdir('/proc/self/fd')) <= 4); print(open('/proc/self/status').read())"
    )

    ran = program(str(data), "--", sys.executable, "-c", shows, "--port", "1", "--", "--json")

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[0] == f"{os.getpid()} None ['--port', '1', '--', '--json'] True"
    # Python, which stands here for a server, ignores two itself, and whoever runs the tests may ignore some;
    # nothing else is ignored or blocked.
    (before,) = re.findall(r"SigIgn:\s*([0-9a-f]+)", Path("/proc/self/status").read_text())
    (ignored,) = re.findall(r"SigIgn:\s*([0-9a-f]+)", ran.stdout)
    assert int(ignored, 16) & ~(int(before, 16) | (1 << 12) | (1 << 24)) == 0
    assert re.findall(r"SigBlk:\s*([0-9a-f]+)", ran.stdout) == ["0" * 16]
    assert "repaired, took out 18 bytes" in ran.stderr


def test_server_that_is_not_there_is_found_out_before_anything_is_changed(
    data: Path, program: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    path = put(data, TORN)

    ran = program(str(data), "--", "no-such-server")

    assert ran.returncode == 2
    assert "no-such-server" in ran.stderr
    assert path.read_bytes() == TORN


def test_full_disk_leaves_a_torn_end_to_the_server(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aoftool.errors import SinkError

    def full(*_: object, **__: object) -> None:
        raise SinkError("no space left on device")

    monkeypatch.setattr("aoftool.repair.apply.apply_plan", full)
    path = put(data, TORN)
    assert run(["guard", str(data)]) == 0
    assert path.read_bytes() == TORN

    put(data, BROKEN)
    assert run(["guard", "--max-loss", "1k", str(data)]) == 3


# The page


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def calls() -> list[list[str]]:
    lines = re.findall(r"^(?:ExecStartPre=\S*/)?(aoftool guard .*)$", "\n".join(blocks(r"\w*")), re.MULTILINE)
    found = [shlex.split(line) for line in lines]
    found += [
        json.loads(f"[{words}]") for words in re.findall(r"command: \[(\"aoftool\".*)\]", PAGE.read_text())
    ]
    return found


@pytest.mark.parametrize("words", calls(), ids=" ".join)
def test_every_call_on_the_page_is_one(words: list[str]) -> None:
    assert words[:2] == ["aoftool", "guard"]
    assert read_request(GuardRequest, words[2:]) is not None


def test_manifest_is_one() -> None:
    yaml = pytest.importorskip("yaml")
    assert len(calls()) >= 4

    (pod,) = map(yaml.safe_load, blocks("yaml"))

    guard, server = pod["spec"]["initContainers"][0], pod["spec"]["containers"][0]
    mounts = [container["volumeMounts"][0]["mountPath"] for container in (guard, server)]
    assert mounts == ["/data", "/data"]
    assert guard["command"][-1] == "/data"


def test_drop_in_is_one(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here")
    (drop_in,) = blocks("ini")
    there = drop_in.replace("/usr/bin/aoftool", "/bin/true")
    unit = tmp_path / "valkey.service"
    unit.write_text(there.replace("[Service]", "[Service]\nExecStart=/bin/true"))

    ran = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)

    assert [line for line in ran.stderr.splitlines() if "valkey.service" in line] == []
