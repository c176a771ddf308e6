"""Replies in every form that clients print them: raw, numbered, with a hash, as JSON."""

from __future__ import annotations

import pytest

from aoftool.captures.config import read_config
from aoftool.captures.latency import read_history, read_latest
from aoftool.captures.lines import Text, text_of
from aoftool.captures.slowlog import read_slowlog


def text(body: str, name: str = "x.txt") -> Text:
    return text_of(name, body.encode())


CONFIGS = (
    "appendfsync\neverysec\nsave\n3600 1 300 100\n",
    '1) "appendfsync"\n2) "everysec"\n3) "save"\n4) "3600 1 300 100"\n',
    '1# "appendfsync" => "everysec"\n2# "save" => "3600 1 300 100"\n',
    '{"appendfsync":"everysec","save":"3600 1 300 100"}\n',
    '["appendfsync","everysec","save","3600 1 300 100"]\n',
)


@pytest.mark.parametrize("body", CONFIGS)
def test_config_in_every_form(body: str) -> None:
    settings = read_config(text(body))

    assert {name: entry.value for name, entry in settings.items()} == {
        "appendfsync": "everysec",
        "save": "3600 1 300 100",
    }


def test_a_name_without_its_value_is_left_out() -> None:
    assert list(read_config(text("appendfsync\neverysec\nsave"))) == ["appendfsync"]


LATEST = (
    "command\n1795965782\n681\n690\nfork\n1795965783\n2\n2\n",
    '1) 1) "command"\n   2) (integer) 1795965782\n   3) (integer) 681\n   4) (integer) 690\n'
    '2) 1) "fork"\n   2) (integer) 1795965783\n   3) (integer) 2\n   4) (integer) 2\n',
    '[["command",1795965782,681,690],["fork",1795965783,2,2]]',
)


@pytest.mark.parametrize("body", LATEST)
def test_latest_of_four_columns(body: str) -> None:
    rows = read_latest(text(body))

    assert [(row.event, row.at_s, row.latest_ms, row.max_ms, row.sum_ms) for row in rows] == [
        ("command", 1795965782, 681, 690, None),
        ("fork", 1795965783, 2, 2, None),
    ]


def test_latest_of_six_columns_and_a_row_that_is_cut() -> None:
    rows = read_latest(text("fork\n1795965783\n2\n5\n7\n2\ncommand\n1795965782\n68"))

    assert [(row.event, row.max_ms, row.sum_ms, row.count) for row in rows] == [("fork", 5, 7, 2)]


def test_history_pairs_moments_and_lengths() -> None:
    samples = read_history(text("1795964652\n11\n1795965260\n647\n1795965261"), "fork")

    assert [(sample.at_s, sample.ms) for sample in samples] == [(1795964652, 11), (1795965260, 647)]


SLOWLOGS = (
    "7\n1795964191\n20118\nSMEMBERS\nbig:a\n127.0.0.1:1\n\n6\n1795964190\n349892\nSORT\nbig:a\n127.0.0.1:1\n\n",
    "1) 1) (integer) 7\n   2) (integer) 1795964191\n   3) (integer) 20118\n"
    '   4) 1) "SMEMBERS"\n      2) "big:a"\n'
    '   5) "127.0.0.1:1"\n   6) ""\n2) 1) (integer) 6\n   2) (integer) 1795964190\n   3) (integer) 349892\n'
    '   4) 1) "SORT"\n      2) "big:a"\n   5) "127.0.0.1:1"\n   6) ""\n',
    '[[7,1795964191,20118,["SMEMBERS","big:a"],"127.0.0.1:1",""],[6,1795964190,349892,["SORT","big:a"],"",""]]',
)


@pytest.mark.parametrize("body", SLOWLOGS)
def test_slowlog_in_every_form(body: str) -> None:
    assert [(entry.id, entry.usec, entry.command) for entry in read_slowlog(text(body))] == [
        (7, 20118, "SMEMBERS"),
        (6, 349892, "SORT"),
    ]


def test_arguments_that_look_like_the_head_of_an_entry_are_none() -> None:
    body = "7\n1795964191\n20118\nRPUSH\nlist\n5\n1795964190\n99999999\nKEYS\n127.0.0.1:1\n\n"
    body += "6\n1795964190\n11\nGET\n"

    assert [(entry.id, entry.command) for entry in read_slowlog(text(body))] == [(7, "RPUSH"), (6, "GET")]


@pytest.mark.parametrize("body", ["1) 1) 1) 1) 1)", "[" * 3000, '1) "', "{", '1# "a" =>'])
def test_broken_replies_give_nothing(body: str) -> None:
    assert read_slowlog(text(body)) == ()
    assert read_latest(text(body)) == ()
    read_config(text(body))
