"""Settings by release: what is unknown, what differs after units and quotes, what is left alone."""

from __future__ import annotations

import pytest

from aoftool.advise.catalogue import all_settings, defaults_of, info_fields, settings_of
from aoftool.advise.model import Finding
from aoftool.captures.lines import Text, text_of
from aoftool.releases import NAMES
from tests.captured import advice_of


def text(name: str, body: str) -> Text:
    return text_of(name, body.encode())


def found(*texts: Text) -> dict[str, Finding]:
    return {finding.code: finding for finding in advice_of(texts).findings}


INFO = "# Server\nredis_version:8.0.6\nuptime_in_seconds:9\n# Persistence\naof_enabled:1\n"


@pytest.mark.parametrize("name", ["append-direct", "appendfsnc", "aof-auto-rewrite-percentage"])
def test_no_release_has_it(name: str) -> None:
    assert name not in all_settings()
    codes = found(text("redis.conf", f"port 6379\nappendonly yes\n{name} yes\n"), text("info.txt", INFO))

    assert codes["setting-unknown"].found[0].where == "redis.conf:3"


@pytest.mark.parametrize(
    "line",
    [
        "include /etc/other.conf",
        "user default on nopass",
        "loadmodule /x.so",
        "rename-command FLUSHALL x",
        "search-threads 4",
        "my.module-setting 1",
        "list-max-ziplist-entries 512",
        "lua-replicate-commands yes",
        "io-threads-do-reads yes",
        "slaveof no one",
    ],
)
def test_what_is_taken_or_not_known_here_is_left_alone(line: str) -> None:
    assert "setting-unknown" not in found(
        text("redis.conf", f"port 6379\n{line}\nappendonly yes\n"), text("info.txt", INFO)
    )


def test_a_setting_of_another_release_is_named_as_that() -> None:
    codes = found(text("redis.conf", "port 1\ncommandlog-reply-larger-than 1\n"), text("info.txt", INFO))

    assert "other releases" in codes["setting-unknown"].not_this[0]


@pytest.mark.parametrize(
    ("told", "used", "differs"),
    [
        ("maxmemory 1gb", "1073741824", False),
        ("maxmemory 1g", "1073741824", True),
        ('appendfsync "everysec"', "everysec", False),
        ("appendfsync Everysec", "everysec", False),
        ("appendfsync always", "everysec", True),
        ("requirepass secret", "", False),
        ("dir /a", "/b", False),
    ],
)
def test_what_differs_after_units_and_quotes(told: str, used: str, differs: bool) -> None:
    name = told.split()[0]
    config = text("config.txt", f"appendonly\nyes\n{name}\n{used}\nport\n6379\n")
    codes = found(text("redis.conf", f"appendonly yes\n{told}\n"), config)

    assert ("setting-unsaved" in codes) == differs


@pytest.mark.parametrize(
    ("lines", "used", "differs"),
    [
        ("save 3600 1\nsave 300 100\n", "3600 1 300 100", False),
        ("save 3600 1 300 100\n", "3600 1 300 100", False),
        ('save 3600 1\nsave ""\n', "", False),
        ('save ""\n', "3600 1", True),
        ("save 3600 1\n", "", True),
    ],
)
def test_save_points_of_several_lines(lines: str, used: str, differs: bool) -> None:
    config = text("config.txt", f"appendonly\nyes\nsave\n{used}\nport\n6379\n")
    codes = found(text("redis.conf", f"appendonly yes\n{lines}"), config)

    assert ("setting-unsaved" in codes) == differs


def test_the_catalogue_knows_defaults_and_fields() -> None:
    valkey = NAMES["valkey-9.1"]

    assert defaults_of(valkey)["no-appendfsync-on-rewrite"] == "no"
    assert defaults_of(valkey)["appendfsync"] == "everysec"
    assert "append-direct" not in settings_of(valkey)[0]
    assert "aof_delayed_fsync" in info_fields(valkey)
    assert not {"aof_last_aof_file_size", "aof_last_bgrewrite_time_sec"} & info_fields(None)
    assert settings_of(NAMES["redis-7.2"]) == (all_settings(), False)
