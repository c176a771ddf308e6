"""The catalogue of releases: names, families, the release a version belongs to."""

from __future__ import annotations

import pytest

from aoftool.errors import UsageError
from aoftool.releases import RELEASES, find_releases, release_named, release_of


def test_releases_of_a_family_stand_in_order_and_write_ever_newer_files() -> None:
    for family in ("redis", "valkey"):
        rows = [release for release in RELEASES if release.family == family]
        assert [row.version for row in rows] == sorted(row.version for row in rows)
        assert [row.rdb_version for row in rows] == sorted(row.rdb_version for row in rows)


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("redis-7.0.15", ["redis-7.0"]),
        ("Valkey-8.1", ["valkey-8.1"]),
        ("valkey-9", ["valkey-9.0", "valkey-9.1", "valkey-9.2"]),
        ("redis-8.1", None),
        ("redis-8.10", ["redis-8.10"]),
        ("keydb-6", None),
        ("redis", None),
    ],
)
def test_names_of_users_lead_to_releases_or_to_the_list(name: str, names: list[str] | None) -> None:
    if names is not None:
        assert [release.name for release in find_releases(name)] == names
        return
    with pytest.raises(UsageError) as error:
        find_releases(name)
    assert "valkey-9.1" in (error.value.hint or "")


def test_a_major_version_is_its_oldest_release_or_its_newest_measured_one() -> None:
    assert release_named("valkey-9").name == "valkey-9.0"
    assert release_named("valkey-9", newest=True).name == "valkey-9.1"


@pytest.mark.parametrize(
    ("family", "version", "name"),
    [
        ("redis", "8.0.6", "redis-8.0"),
        ("redis", "7.1.240", "redis-7.0"),
        ("redis", "5.0.14", "redis-6.0"),
        ("redis", "9.0.0", "redis-8.12"),
        ("redis", "8.10.1", "redis-8.10"),
        ("valkey", "9.1.2", "valkey-9.1"),
        ("valkey", "255.255.255", "valkey-9.2"),
    ],
)
def test_a_version_belongs_to_the_release_at_or_below_it(family: str, version: str, name: str) -> None:
    assert release_of(family, version).name == name
