"""Who wrote a log: what its RDB part says, what its commands leave possible, what the user says."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.cli.app import run
from aoftool.errors import UsageError
from aoftool.rdb.family import Family
from aoftool.releases import RELEASES, release_named
from aoftool.replay.evidence import Evidence, added
from aoftool.replay.log_writer import writer_of_log
from aoftool.replay.writer import find_writer, flavour_of_writer
from aoftool.replay.writer_model import Certainty, Writer
from tests import builders

VALKEY = {b"valkey-ver": b"9.1.2", b"redis-ver": b"7.2.4"}


def seen(*lines: str) -> Evidence:
    return added([line.encode().split(b" ") for line in lines])


def names(writer: Writer) -> list[str]:
    return [release.name for release in writer.possible]


@pytest.mark.parametrize(
    ("aux", "release"),
    [
        (VALKEY, "valkey-9.1"),
        ({b"redis-ver": b"8.6.3"}, "redis-8.6"),
        ({b"redis-ver": b"6.0.16"}, "redis-6.0"),
        ({b"valkey-ver": b"8.0.2"}, "valkey-8.0"),
    ],
)
def test_the_rdb_part_names_the_writer(aux: dict[bytes, bytes], release: str) -> None:
    writer = find_writer(aux, Evidence())

    assert (writer.release.name, writer.certainty) == (release, Certainty.NAMED)
    assert not writer.is_open
    assert not writer.is_beyond


def test_a_version_beyond_the_catalogue_is_read_as_the_newest_and_says_so() -> None:
    writer = find_writer({b"redis-ver": b"9.4.1"}, Evidence())

    assert writer.release is [release for release in RELEASES if release.family == "redis"][-1]
    assert writer.is_beyond


@pytest.mark.parametrize(
    ("said", "base", "possible"),
    [
        ("redis 255.255.255", (Family.REDIS, 10), ["redis-7.0"]),
        ("redis 255.255.255", (Family.REDIS, 11), ["redis-7.2"]),
        ("redis 255.255.255", (Family.REDIS, 12), ["redis-7.4", "redis-8.0", "redis-8.2", "redis-8.4"]),
        ("redis 255.255.255", (Family.REDIS, 14), ["redis-8.8"]),
        ("valkey 255.255.255", (Family.REDIS, 11), ["valkey-7.2", "valkey-8.0", "valkey-8.1"]),
        ("valkey 255.255.255", (Family.VALKEY, 80), ["valkey-9.0", "valkey-9.1"]),
        ("redis 0.0.0", (Family.REDIS, 9), ["redis-6.0", "redis-6.2"]),
        ("redis unstable", (Family.REDIS, 13), ["redis-8.6"]),
        # Candidates of 7.2, 8.0 and 7.0 have numbers between two releases.
        ("redis 7.1.240", (Family.REDIS, 11), ["redis-7.2"]),
        ("redis 7.1.240", (Family.REDIS, 10), ["redis-7.0"]),
        ("redis 7.9.224", (Family.REDIS, 12), ["redis-7.4", "redis-8.0"]),
        ("redis 6.9.240", (Family.REDIS, 10), ["redis-7.0"]),
        # A number that no release has, over a format older than the newest: a fork's own.
        ("redis 9.9.9", (Family.REDIS, 10), ["redis-7.0"]),
    ],
)
def test_a_build_that_is_no_release_is_told_by_its_rdb_version(
    said: str, base: tuple[Family, int], possible: list[str]
) -> None:
    family, version = said.split()
    writer = find_writer({f"{family}-ver".encode(): version.encode()}, Evidence(base=base))

    assert names(writer) == possible
    assert writer.release.name in possible
    assert (writer.certainty, writer.is_build, writer.exact_version) == (Certainty.INFERRED, True, "")


def test_commands_tell_a_build_from_those_before_it() -> None:
    found = seen("SET a 1 IFEQ x")
    found.base = (Family.REDIS, 12)

    writer = find_writer({b"redis-ver": b"255.255.255"}, found)

    assert names(writer) == ["redis-8.4"]


def test_a_format_that_nothing_here_writes_is_no_release_known_here() -> None:
    writer = find_writer({b"redis-ver": b"255.255.255"}, Evidence(base=(Family.REDIS, 20)))

    assert (writer.certainty, writer.missing) == (Certainty.UNEXPLAINED, ("RDB version 20",))
    assert writer.release.name == "redis-8.12"


def test_the_rdb_version_counts_where_nothing_is_named() -> None:
    possible = names(find_writer({}, Evidence(base=(Family.REDIS, 12))))

    assert possible[0] == "redis-7.4"
    assert not any(name.startswith("valkey") for name in possible)
    assert names(find_writer({}, Evidence(base=(Family.VALKEY, 80)))) == [
        "valkey-9.0",
        "valkey-9.1",
        "valkey-9.2",
    ]


@pytest.mark.parametrize("version", ["6.3.0", "6.3.4"])
def test_a_number_that_redis_never_had_is_keydbs(version: str) -> None:
    writer = find_writer({b"redis-ver": version.encode()}, Evidence(base=(Family.REDIS, 9)))

    assert (writer.engine, writer.engine_version, writer.release.name) == ("KeyDB", version, "redis-6.2")


@pytest.mark.parametrize(
    ("lines", "possible", "impossible"),
    [
        (["SET a 1"], {"redis-6.0", "redis-8.12", "valkey-7.2", "valkey-9.2"}, set()),
        (["SET a 1 IFEQ x"], {"redis-8.4", "valkey-8.1"}, {"redis-8.2", "valkey-8.0"}),
        (["set a 1 ifne x"], {"redis-8.4"}, {"redis-8.2", "valkey-9.2"}),
        (["BITOP DIFF d a b"], {"redis-8.2"}, {"redis-8.0", "valkey-9.1"}),
        (["XADD s ACKED MAXLEN = 5 1-1 f v"], {"redis-8.2"}, {"redis-8.0", "valkey-9.1"}),
        (["XADD s IDMP p i 1-1 f v"], {"redis-8.6"}, {"redis-8.4"}),
        (["HSETEX h FIELDS 1 f v"], {"redis-8.0", "valkey-9.0"}, {"redis-7.4", "valkey-8.1"}),
        (["DELIFEQ k v"], {"valkey-9.0"}, {"redis-8.12", "valkey-8.1"}),
        (["FUNCTION LOAD x"], {"redis-7.0", "valkey-7.2"}, {"redis-6.2"}),
    ],
)
def test_commands_and_option_words_rule_releases_out(
    lines: list[str], possible: set[str], impossible: set[str]
) -> None:
    found = set(names(find_writer({}, seen(*lines))))

    assert possible <= found
    assert not impossible & found


def test_words_in_values_say_nothing() -> None:
    everything = names(find_writer({}, Evidence()))

    assert (
        names(find_writer({}, seen("SET IFEQ IFNE", "RPUSH l DIFF ACKED", "SET a v IFEQ IFNE"))) != everything
    )
    assert names(find_writer({}, seen("SET IFEQ IFNE", "RPUSH l DIFF ACKED"))) == everything


@pytest.mark.parametrize(
    ("version", "oldest_redis", "valkey"),
    [(9, "redis-6.0", True), (11, "redis-7.2", True), (12, "redis-7.4", False), (13, "redis-8.6", False)],
)
def test_a_payload_rules_out_what_does_not_read_it(version: int, oldest_redis: str, valkey: bool) -> None:
    body = b"\0\1v" + version.to_bytes(2, "little")
    payload = body + builders.crc64(body).to_bytes(8, "little")
    broken = body + bytes(8)

    assert len(find_writer({}, added([(b"RESTORE", b"k", b"0", broken)])).possible) == len(RELEASES)
    possible = find_writer({}, added([(b"RESTORE", b"k", b"0", payload)])).possible

    assert next(release.name for release in possible if release.family == "redis") == oldest_redis
    assert any(release.family == "valkey" for release in possible) is valkey


def test_the_newest_measured_release_that_explains_everything_is_taken() -> None:
    writer = find_writer({}, seen("BITOP ONE d a b"))

    assert writer.release.name == "redis-8.6"
    assert writer.is_open


def test_a_log_that_went_on_after_an_upgrade_is_read_as_the_later_release() -> None:
    evidence = seen("SET a 1 IFNE x")
    evidence.multi_part = True

    writer = find_writer({b"redis-ver": b"6.2.14"}, evidence)

    assert (writer.release.name, writer.base) == ("redis-8.4", release_named("redis-6.2"))
    assert "redis-8.2" not in names(writer)


def test_a_base_of_6_2_under_a_manifest_was_upgraded() -> None:
    writer = find_writer({b"redis-ver": b"6.2.14"}, Evidence(multi_part=True))

    assert writer.release.name == "redis-7.0"
    assert "valkey-7.2" in names(writer)
    assert "redis-6.2" not in names(writer)


def test_what_no_release_explains_is_said() -> None:
    writer = find_writer({}, seen("DELIFEQ k v", "BITOP DIFF d a b"))

    assert writer.certainty is Certainty.UNEXPLAINED
    assert writer.missing in (("DELIFEQ",), ("BITOP .. DIFF",))


def test_the_user_knows_better() -> None:
    writer = find_writer(VALKEY, seen("BITOP DIFF d a b"), "redis-8.2.1")

    assert (writer.release.name, writer.certainty) == ("redis-8.2", Certainty.GIVEN)
    assert find_writer(VALKEY, seen("BITOP DIFF d a b"), "redis-7.0").missing == ("BITOP .. DIFF",)
    with pytest.raises(UsageError):
        find_writer({}, Evidence(), "mongodb-7")


def test_a_log_on_disk_is_asked_for_no_more_than_is_needed(tmp_path: Path) -> None:
    plain = tmp_path / "plain.aof"
    plain.write_bytes(builders.log([b"SET", b"a", b"1"], [b"BITOP", b"DIFF", b"d", b"a", b"b"]))
    assert names(writer_of_log(find_log(str(plain))))[0] == "redis-8.2"

    based = tmp_path / "based.aof"
    based.write_bytes(builders.rdb(aux={"redis-ver": "7.2.4"}) + builders.log([b"SET", b"a", b"1"]))
    writer = writer_of_log(find_log(str(based)))
    assert (writer.release.name, writer.version) == ("redis-7.2", "7.2.4")


TELLING: list[list[list[bytes]]] = [
    [],
    [[b"bitop", b"diff", b"d", b"a", b"b"]],
    [[b"HSETEX", b"h", b"EX", b"10", b"FIELDS", b"1", b"a", b"b"]],
    [[b"set", b"a", b"1", b"pxat", b"1700000000000"]],
    [[b"SET", b"a", b"HSETEX"], [b"NOSUCH", b"a"]],
    [[b"SET", b"t", b"id", b"POINT", b"1", b"2"]],
]


@pytest.mark.parametrize("commands", TELLING)
@pytest.mark.parametrize("timed", [False, True])
def test_a_compressed_log_has_the_writer_of_the_plain_one(
    commands: list[list[bytes]], timed: bool, tmp_path: Path
) -> None:
    stream = builders.timestamp(1_700_000_000) if timed else b""
    stream += builders.log([b"SET", b"a", b"1"], *commands, [b"SET", b"b", b"2"])
    plain, packed, torn = tmp_path / "plain.aof", tmp_path / "a.aof.gz", tmp_path / "torn.aof.gz"
    plain.write_bytes(stream)
    packed.write_bytes(gzip.compress(stream))
    torn.write_bytes(gzip.compress(stream + b"*3\r\n$5\r\nBI"))

    told = writer_of_log(find_log(str(plain)))

    assert writer_of_log(find_log(str(packed))) == told
    assert writer_of_log(find_log(str(torn))) == told
    if commands == TELLING[1]:
        assert names(told)[0] == "redis-8.2"


@pytest.mark.parametrize("verb", ["log", "growth", "simulate"])
def test_verbs_tell_the_writer_of_a_compressed_log(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.aof.gz"
    path.write_bytes(gzip.compress(builders.log([b"SET", b"a", b"1"], [b"BITOP", b"DIFF", b"d", b"a", b"b"])))

    run([verb, str(path)])

    assert "written by Redis 8.2 to" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("base", "given", "name", "clears", "short"),
    [
        ("6.2.14", None, "redis-6.2.14", True, False),
        ("6.2.6", None, "redis-6.2.6", True, True),
        ("6.2.14", "redis-6.2", "redis-6.2.14", True, False),
        ("6.2.14", "redis-6.2.5", "redis-6.2.5", False, True),
        (None, "redis-6.2.14", "redis-6.2.14", True, False),
        (None, "redis-6.2", "redis-6.2", None, True),
        # Of the base of an older patch release nobody knows whether a later one went on with the log.
        ("6.2.5", None, "redis-6.2.5", None, True),
        ("6.0.16", None, "redis-6.0.16", None, True),
        ("6.2", None, "redis-6.2", None, True),
        ("6.2.14-rc1\x1b", None, "redis-6.2", None, True),
        ("6.3.14", None, "redis-6.2", None, True),
    ],
)
def test_the_patch_release_decides_where_it_is_known(
    base: str | None, given: str | None, name: str, clears: bool | None, short: bool
) -> None:
    """Columns at the end: `geo_store_clears` and `short_id_differences` of the flavour."""
    writer = find_writer({} if base is None else {b"redis-ver": base.encode()}, Evidence(), given)
    flavour = flavour_of_writer(writer)

    assert writer.name == name
    assert (flavour.geo_store_clears, flavour.short_id_differences) == (clears, short)


@pytest.mark.parametrize(
    ("said", "base", "possible"),
    [
        ("redis 7.2.4", (Family.REDIS, 11), ["redis-7.2"]),
        ("redis 7.2.4", (Family.REDIS, 12), ["redis-7.4", "redis-8.0", "redis-8.2", "redis-8.4"]),
        ("redis 7.2.4", (Family.VALKEY, 80), ["redis-7.2"]),
        ("valkey 8.0.1", (Family.VALKEY, 80), ["valkey-9.0", "valkey-9.1"]),
        ("valkey 9.1.2", (Family.REDIS, 11), ["valkey-9.1"]),
        ("redis 9.4.1", (Family.REDIS, 17), ["redis-8.12"]),
    ],
)
def test_a_release_cannot_have_written_a_format_above_its_own(
    said: str, base: tuple[Family, int], possible: list[str]
) -> None:
    family, _, version = said.partition(" ")

    writer = find_writer({f"{family}-ver".encode(): version.encode()}, Evidence(base=base))

    believed = len(possible) == 1 and base[0] is Family.REDIS
    assert (writer.certainty is Certainty.NAMED) is believed
    if believed or len(possible) > 1:
        assert names(writer) == possible


def test_a_format_that_no_release_writes_is_told_against_the_name() -> None:
    writer = find_writer({b"redis-ver": b"7.2.4"}, Evidence(base=(Family.REDIS, 20)))

    assert writer.certainty is Certainty.UNEXPLAINED
    assert writer.missing == ("RDB version 20",)
