"""Metadata in front of keys, as modules and BLESS keep it: copied where it can stand, or its loss is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.cli.app import run
from aoftool.files import open_source
from aoftool.rdb.opcodes import Family
from aoftool.rdb.walk.checksum import crc64
from aoftool.rdb.walk.walk import walk
from tests.kernels import both
from tests.oracle import dump_state
from tests.rdb.test_walk import trace
from tests.servers import Server, builds

# One class, `BLES` of version 0, which a server without it may ignore; an unsigned 1; its end.
META = b"\xf3\x01" + (0x12B104 << 8 | 1).to_bytes(4, "little") + b"\x02\x01\x00"


def part(version: int = 13) -> bytes:
    records = b"\x00\x01x\x01y" + META + b"\x00\x03one\x01v" + META + b"\x00\x03two\x01w"
    body = b"REDIS%04d\xfe\x00" % version + records + b"\xff"
    return body + crc64(body).to_bytes(8, "little")


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    path = tmp_path / "dump.rdb"
    path.write_bytes(part())
    return path


def test_it_is_counted(dump: Path) -> None:
    with open_source(dump) as source:
        found = walk(source, 0)

    assert found.intact
    assert found.other_opcodes == {"KEY_META": 2}


@pytest.mark.parametrize("implementation", [0, 1], ids=["py", "cy"])
def test_it_does_not_depend_on_the_split(implementation: int) -> None:
    kernels = both("walk")
    content = part()[9:]
    whole = trace(kernels[0], Family.REDIS, content, [])

    assert trace(kernels[implementation], Family.REDIS, content, [])[1] == whole[1]
    found = trace(kernels[implementation], Family.REDIS, content, list(range(len(content))))
    assert found[1] == whole[1]


# Without a target it is for the release that writes such parts.
@pytest.mark.parametrize("options", [["--target", "redis-8.6"], []])
def test_it_goes_with_its_key_to_a_release_that_has_it(
    options: list[str], dump: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.rdb"

    assert run(["rewrite", *options, "--layout", "single", "-o", str(out), str(dump)]) == 0

    assert out.read_bytes().count(META) == 2


@pytest.mark.parametrize(
    "options",
    [["--target", "redis-8.2"], ["--target", "valkey-9"], ["--target", "redis-8.6", "--format", "resp"]],
)
def test_elsewhere_its_loss_is_told(
    options: list[str], dump: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.aof"
    call = ["rewrite", *options, "--layout", "single", "-o", str(out), str(dump)]

    assert run(call) == 3
    assert "metadata of 2 keys" in capsys.readouterr().err
    assert not out.exists()
    assert run([*call, "--drop-unsupported"]) == 0
    assert "metadata of 2 keys" in " ".join(capsys.readouterr().out.split())
    # Without its opcode: a time or a checksum may hold any one byte.
    assert META[1:-1] not in out.read_bytes()
    assert b"one" in out.read_bytes()


@pytest.mark.server
@pytest.mark.parametrize("keeps", [True, False])
def test_servers_load_what_is_written_for_them(keeps: bool, dump: Path, tmp_path: Path) -> None:
    newest = [build for build in builds() if (build.kind, build.version >= (8, 6)) == ("redis", True)]
    for build in newest if keeps else set(builds()) - set(newest):
        out = tmp_path / f"{build}.aof"
        options = [] if keeps else ["--drop-unsupported"]
        target = ["--target", build.id, "--layout", "single"]
        assert run(["rewrite", *target, *options, "-o", str(out), str(dump)]) == 0
        with Server(build, source=out) as server:
            assert set(dump_state(server).databases[0]) == {b"x", b"one", b"two"}
