"""Roles of arguments: what is a key, what is data, what only says how."""

from __future__ import annotations

import pytest

from aoftool.commands.roles import argument_roles, begins_with_key, key_arguments
from aoftool.commands.table import all_commands
from tests.corpus import FIXTURES, Case, case_params

CASES = {
    "SET k v PXAT 1795": "skdss",
    "set k v IFEQ old KEEPTTL": "skdsds",
    "MSET a 1 b 2": "skdkd",
    "MSETEX 2 a 1 b 2 PXAT 17": "sskdkdss",
    "DEL a b c": "skkk",
    "PEXPIREAT k 1795 GT": "skss",
    "HPEXPIREAT h 1795 FIELDS 2 f g": "sksssdd",
    "HSETEX h PXAT 5 FIELDS 1 f v": "skssss" + "dd",
    "HSET h f v g w": "skdddd",
    "XADD s MAXLEN = 5 LIMIT 3 1-1 f v": "skssssssdd",
    "XADD s NOMKSTREAM 1-1 f v": "skssdd",
    "XADD s IDMP p i MAXLEN 5 1-1 f v": "sksddsssdd",
    "XADD s idmpauto p ACKED MINID = 3 1-1 f v": "sksdsssssdd",
    "XIDMPRECORD s p i 1-1": "skdds",
    "XDELEX s DELREF IDS 1 1-1": "skssss",
    "XACKDEL s g IDS 1 1-1": "skdsss",
    "XCFGSET s IDMP-MAXSIZE 5": "skss",
    "SET k v IFDNE digest": "skdsd",
    "DELEX k IFEQ v": "sksd",
    "XGROUP CREATE s g $ MKSTREAM": "sskdss",
    "XGROUP CREATECONSUMER s g c": "sskdd",
    "XCLAIM s g c 0 1-1 TIME 3": "skddssss",
    "XACK s g 1-1": "skds",
    "ZADD z NX CH 1 m": "sk" + "ss" + "dd",
    "ZRANGESTORE d s 0 -1": "skkss",
    "ZRANGESTORE d s 1 5 BYSCORE": "skkddd",
    "ZUNIONSTORE d 2 a b WEIGHTS 1 2": "skskksss",
    "SORT a BY w_* GET x->* STORE d": "skskskSk".lower(),
    "GEOSEARCHSTORE d s FROMMEMBER m BYRADIUS 3 km": "skksdsss",
    "LINSERT l BEFORE p v": "sksdd",
    "LMOVE a b LEFT RIGHT": "skkss",
    "COPY a b DB 3 REPLACE": "skksss",
    "RESTORE k 0 payload ABSTTL": "sksds",
    "EVAL script 1 k v": "sddkd",
    "FUNCTION LOAD REPLACE code": "ssdd",
    "FUNCTION FLUSH ASYNC": "sss",
    "FLUSHALL ASYNC": "ss",
    "SELECT 3": "ss",
    "NOSUCH a b": "ddd",
}


@pytest.mark.parametrize("text", CASES)
def test_roles_of(text: str) -> None:
    roles = argument_roles(text.encode().split())

    assert "".join(role.value[0] for role in roles) == CASES[text]


@pytest.mark.parametrize("case", case_params("recorded", root=FIXTURES))
def test_every_recorded_command_has_a_role_for_each_argument(case: Case) -> None:
    from aoftool.aof.layout import find_log
    from aoftool.aof.log import read_parts

    for part in read_parts(find_log(case.source)):
        for command in part.commands():
            assert len(argument_roles(command.argv)) == len(command.argv)


def test_what_begins_with_a_key_does_so_wherever_it_has_any() -> None:
    names = [spec.name for spec in all_commands() if begins_with_key(spec.name)]

    for name in names:
        for count in range(12):
            argv = [name, *(b"%d" % number for number in range(1, count))]
            assert not key_arguments(argv) or key_arguments(argv)[0] == 1, argv
    assert {b"SET", b"MSET", b"HSET", b"XADD", b"DEL"} <= set(names)
    assert not {b"EVAL", b"BITOP", b"XGROUP", b"SORT", b"MIGRATE", b"NOSUCH", b"SELECT"} & set(names)
