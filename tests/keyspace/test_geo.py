"""Geo commands; the searches are compared with servers by random streams as well."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.keyspace.algorithms.geohash import decode_score, encode_score
from aoftool.keyspace.engine import Keyspace
from aoftool.keyspace.flavour import Flavour
from aoftool.keyspace.refusal import ReplayStopError
from tests.keyspace.datasets import Loader, dataset_of, differences, flavour_of
from tests.keyspace.running import EVERY_FLAVOUR, errors, keys, run, value, words
from tests.servers import Build, Server, require_build

flavours = pytest.mark.parametrize("flavour", EVERY_FLAVOUR, ids=lambda f: f.name)
# GEOSEARCHSTORE came with Redis 6.2.
searching = pytest.mark.parametrize(
    "flavour", [f for f in EVERY_FLAVOUR if f.has((6, 2), (7, 2))], ids=lambda f: f.name
)
SICILY = "GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania"


def test_geoadd_stores_the_52_bit_hash_as_score() -> None:
    """The scores are those of the servers' documentation."""
    assert value(run(SICILY), "g") == {b"Palermo": 3479099956230698.0, b"Catania": 3479447370796909.0}


@pytest.mark.parametrize("arguments", ["NX CH XX", "181 0 a", "0 86 a", "x 0 a", "NX XX 1 1 a", "1 1 a 2 2"])
def test_bad_geoadd_adds_nothing(arguments: str) -> None:
    keyspace = run(f"GEOADD g {arguments}")

    assert keys(keyspace) == set()
    assert len(keyspace.refusals) == 1


@searching
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("GEORADIUS g 15 37 100 km STORE d", {b"Catania"}),
        ("GEORADIUS g 15 37 200 km STORE d", {b"Catania", b"Palermo"}),
        ("GEORADIUS g 15 37 200 km COUNT 1 STORE d", {b"Catania"}),
        ("GEORADIUS g 15 37 200 km COUNT 1 DESC STORE d", {b"Palermo"}),
        ("GEORADIUSBYMEMBER g Palermo 10 km STORE d", {b"Palermo"}),
        ("GEOSEARCHSTORE d g FROMLONLAT 15 37 BYBOX 400 400 km", {b"Catania", b"Palermo"}),
        ("GEOSEARCHSTORE d g FROMMEMBER Catania BYRADIUS 1 m", {b"Catania"}),
        ("GEORADIUS g 0 0 1 km STORE d", set()),
    ],
)
def test_searches_store_the_original_scores(flavour: Flavour, line: str, expected: set[bytes]) -> None:
    keyspace = run(SICILY, "SET d old", line, flavour=flavour)

    assert set(value(keyspace, "d") or ()) == expected
    assert all(score == value(keyspace, "g")[name] for name, score in (value(keyspace, "d") or {}).items())


def test_stored_distance_is_in_the_unit_asked_for() -> None:
    """The distance is the documentation's GEODIST of the two."""
    keyspace = run(SICILY, "GEORADIUSBYMEMBER g Palermo 200 km STOREDIST d")

    assert value(keyspace, "d")[b"Palermo"] == 0
    assert f"{value(keyspace, 'd')[b'Catania']:.4f}" == "166.2742"


@pytest.mark.parametrize(
    "arguments",
    [
        "FROMLONLAT 15 37 BYRADIUS 1 km BYBOX 1 1 km",
        "FROMLONLAT 15 37 ASC DESC",
        "BYRADIUS 1 km ASC DESC",
        "FROMMEMBER no BYRADIUS 1 km",
        "FROMLONLAT 15 37 BYRADIUS -1 km",
        "FROMLONLAT 15 37 BYRADIUS 1 yards",
        "FROMLONLAT 15 37 BYRADIUS 1 km WITHDIST",
        "FROMLONLAT 15 37 BYRADIUS 1 km ANY",
        "FROMLONLAT 15 37 BYRADIUS 1 km COUNT 0",
        "FROMLONLAT 15 37 BYRADIUS 1 km STORE x",
    ],
)
def test_bad_search_keeps_the_target(arguments: str) -> None:
    keyspace = run(SICILY, "SET d old", f"GEOSEARCHSTORE d g {arguments}")

    assert value(keyspace, "d") == b"old"
    assert len(errors(keyspace)) == 1


AROUND = "BYPOLYGON 3 10 35 20 35 15 45"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (AROUND, {b"Palermo", b"Catania"}),
        (f"{AROUND} COUNT 1", {b"Catania"}),
        (f"{AROUND} DESC COUNT 1", {b"Palermo"}),
        ("BYPOLYGON 4 13 38 14 38 14 39 13 39", {b"Palermo"}),
        # Of four places the last is left over, and no option.
        ("BYPOLYGON 3 10 35 20 35 15 45 15 45", None),
        ("BYPOLYGON 2 10 35 20 35", None),
        ("BYPOLYGON 4 10 35 20 35 15 45", None),
        (f"FROMLONLAT 15 37 {AROUND}", None),
        (f"{AROUND} BYRADIUS 1 km", None),
    ],
)
def test_polygons_of_valkey_9(arguments: str, expected: set[bytes] | None) -> None:
    keyspace = run(SICILY, "SET d old", f"GEOSEARCHSTORE d g {arguments}", flavour="valkey-9.1")

    held = value(keyspace, "d")
    assert (held if expected is None else set(held)) == (b"old" if expected is None else expected)
    assert len(errors(keyspace)) == (expected is None)


def test_polygons_are_unknown_before_valkey_9() -> None:
    for flavour in ("valkey-8.1", "redis-8.6"):
        keyspace = run(SICILY, "SET d old", f"GEOSEARCHSTORE d g {AROUND}", flavour=flavour)
        assert value(keyspace, "d") == b"old"


def test_what_is_around_a_pole_is_not_known() -> None:
    lines = [SICILY, "GEOSEARCHSTORE d g BYPOLYGON 3 0 80 120 80 -120 80"]

    with pytest.raises(ReplayStopError, match=r"beyond 85\.05112878 degrees"):
        run(*lines, flavour="valkey-9.1")
    assert keys(run(*lines[1:], flavour="valkey-9.1")) == set()


@pytest.mark.server
def test_polygons_are_those_of_the_server() -> None:
    """Distances to the last digit, whatever the polygon, over the edge of the map too."""
    random_ = random.Random(3)
    lines = [SICILY]
    lines += [
        f"GEOADD g {random_.uniform(-180, 180):.6f} {random_.uniform(-85, 85):.6f} m{number}"
        for number in range(60)
    ]
    for number in range(60):
        places = [f"{random_.uniform(-180, 180):.4f} {random_.uniform(-70, 70):.4f}" for _ in range(4)]
        distances = random_.choice(["", " STOREDIST"])
        lines.append(f"GEOSEARCHSTORE d{number} g BYPOLYGON 4 {' '.join(places)}{distances}")
    build = require_build("valkey-9")
    commands = [words(line) for line in lines]
    loader = Loader(build)
    try:
        server = loader.load(commands)
    finally:
        loader.close()

    keyspace = Keyspace(flavour_of(build))
    keyspace.execute_all(commands)
    assert server is not None
    assert len(keys(keyspace)) > 40
    assert differences(dataset_of(keyspace), server) == []


NO_SOURCE = [
    "GEORADIUS no 15 37 1 km STORE d",
    "GEORADIUSBYMEMBER no m 1 km STOREDIST d",
    "GEOSEARCHSTORE d no FROMLONLAT 15 37 BYRADIUS 1 km",
]


@pytest.mark.parametrize("flavour", [f for f in EVERY_FLAVOUR if f.name != "redis-6.2"], ids=lambda f: f.name)
def test_missing_source_deletes_the_target_since_7_0(flavour: Flavour) -> None:
    keyspace = run("SET d old", NO_SOURCE[0], flavour=flavour)

    assert keys(keyspace) == ({b"d"} if flavour.version < (7, 0) else set())


@pytest.mark.parametrize("line", NO_SOURCE)
def test_in_6_2_the_patch_release_decides_over_the_target_of_a_missing_source(line: str) -> None:
    assert keys(run("SET d old", line, flavour="redis-6.2.5")) == {b"d"}
    assert keys(run("SET d old", line, flavour="redis-6.2.6")) == set()
    with pytest.raises(ReplayStopError, match=r"before 6\.2\.6.*--written-by"):
        run("SET d old", line, flavour="redis-6.2")
    assert keys(run(line, flavour="redis-6.2")) == set()


@pytest.mark.parametrize("prefix", ["redis-6.0.16", "redis-6.2.5", "redis-6.2.14"])
@pytest.mark.server
def test_patch_releases_leave_what_they_are_measured_to_leave(prefix: str) -> None:
    build = require_build(prefix)
    commands = [words(f"SET {key} old") for key in "abcd"]
    commands += [words(line) for line in (NO_SOURCE[0], NO_SOURCE[1].replace(" d", " c"))]
    if build.version >= (6, 2):
        commands.append(words(NO_SOURCE[2].replace(" d ", " b ")))
    if build.version >= (6, 2, 7):
        commands += map(words, ("XADD x 1-1 f v", "XADD x 4294967298-1 f v", "XTRIM x MINID = 4294967298-1"))
    loader = Loader(build)
    try:
        server = loader.load(commands)
    finally:
        loader.close()

    keyspace = Keyspace(flavour_of(build))
    keyspace.execute_all(commands)
    assert server is not None
    assert differences(dataset_of(keyspace), server) == []


@flavours
def test_units_in_upper_case_are_refused_by_6_2(flavour: Flavour) -> None:
    keyspace = run(SICILY, "GEORADIUS g 15 37 100 KM STORE d", flavour=flavour)

    assert (b"d" in keys(keyspace)) == (flavour.version >= (7, 0))


@searching
@pytest.mark.parametrize(
    "size", ["BYRADIUS inf km", "BYRADIUS 1e300 mi", "BYBOX inf inf km", "BYBOX 1e308 1e308 m"]
)
def test_boundless_searches_end(flavour: Flavour, size: str) -> None:
    keyspace = run(SICILY, f"GEOSEARCHSTORE d g FROMLONLAT 15 37 {size}", flavour=flavour)

    assert set(value(keyspace, "d") or ()) <= {b"Palermo", b"Catania"}


@given(st.floats(-180, 179.99), st.floats(-85, 85))
def test_a_score_stands_for_a_place_nearby(longitude: float, latitude: float) -> None:
    found = decode_score(float(encode_score(longitude, latitude)))

    assert abs(found[0] - longitude) < 1e-5
    assert abs(found[1] - latitude) < 1e-5


@pytest.mark.parametrize("score", ["inf", "-inf", "1e300", "-1e300", "1.8e19", "9.3e18", "-9.3e18"])
def test_scores_that_are_no_place_are_where_servers_have_them(
    score: str, newest_build: Build, live_server_of: Callable[[Build], Server]
) -> None:
    server = live_server_of(newest_build)
    server.send("ZADD", "g", score, "far", 6, "near")
    told = [server.send("GEOPOS", "g", "far")[0], server.send("GEOPOS", "g", "near")[0]]

    for (longitude, latitude), number in zip(told, (float(score), 6.0), strict=True):
        assert decode_score(number) == pytest.approx((float(longitude), float(latitude)), abs=1e-9)
    server.send("GEORADIUSBYMEMBER", "g", "far", "5000", "mi", "STORE", "d")
    ours = run(f"ZADD g {score} far 6 near", "GEORADIUSBYMEMBER g far 5000 mi STORE d")
    held = {bytes(member) for member in server.send("ZRANGE", "d", 0, -1)}
    assert set(value(ours, "d") or ()) == held
