"""Hold `aoftool/commands/modules.json` against a server that has the modules loaded.

    python tools/measure_modules.py SERVER_BINARY           names what differs, and exits with 1
    python tools/measure_modules.py --write SERVER_BINARY   also enters commands that are missing, and marks

A server is asked by COMMAND for the name, the flags and the key positions of every command that is not its
own. Commands that it does not have are marked as `read`: they come from the documents and sources of their
projects. Where a module states its keys wrongly, the table goes by its documents; `STATED_WRONGLY` lists
these. What a command does beside naming keys (`effect`) no server tells: it is entered by hand.

The binary must load the modules by itself, as `redis-stack-server` does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from measure_release import ask

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "aoftool" / "commands" / "modules.json"
OWN = ROOT / "aoftool" / "commands" / "commands.json"
# By the beginning of a name, the longest first.
FAMILIES = {
    "JSON.": "RedisJSON",
    "TS.": "RedisTimeSeries",
    "TIMESERIES.": "RedisTimeSeries",
    "BF.": "RedisBloom",
    "CF.": "RedisBloom",
    "CMS.": "RedisBloom",
    "TOPK.": "RedisBloom",
    "TDIGEST.": "RedisBloom",
    "FT.": "RediSearch",
    "_FT.": "RediSearch",
    "SEARCH.": "RediSearch",
}
# Sources of a merge are stated as none, of pairs and triples the first key only, and the name of an index as
# a key. Source: documents of the modules.
STATED_WRONGLY = (
    "FT.ADD",
    "FT.SAFEADD",
    "CMS.MERGE",
    "TDIGEST.MERGE",
    "JSON.MSET",
    "JSON.MGET",
    "TS.MADD",
    "TS.CREATERULE",
    "TS.DELETERULE",
)

Row = dict[str, Any]


def told_by(binary: Path) -> tuple[str, dict[str, Row]]:
    """Return the version of a server, and the rows of the commands that modules gave it."""
    _, version, commands, _ = ask(binary)
    own = json.loads(OWN.read_text("utf-8"))["commands"]
    found = {}
    for row in commands:
        name = row[0].upper()
        if name not in own and family_of(name):
            found[name] = {"write": "write" in row[2], "first": row[3], "last": row[4], "step": row[5]}
    return version, found


def family_of(name: str) -> str:
    """Return whose command a name is, empty for none of the families that are measured."""
    return next((family for start, family in FAMILIES.items() if name.startswith(start)), "")


def entered(row: Row) -> Row:
    """Return the entry that a command would get from what a server tells of it."""
    first, last, step = row["first"], row["last"], row["step"]
    span = last - first if last >= 0 else last
    keys = [[first, [span, step, 0], "RW" if row["write"] else "RO"]] if first > 0 else []
    return {"keys": keys, **({"write": True} if row["write"] else {})}


def differences(table: dict[str, dict[str, Row]], told: dict[str, Row]) -> list[str]:
    """List where a table says something else than a server."""
    lines = []
    for name, row in sorted(told.items()):
        entry = table.get(family_of(name), {}).get(name)
        if entry is None:
            lines.append(f"{name} is not in the table")
            continue
        if entry.get("read"):
            lines.append(f"{name} is marked as read, and this server has it")
        if entry.get("effect", "keys") != "keys" or name in STATED_WRONGLY:
            continue  # what it does without keys stands by hand in the table
        if entry.get("write", False) != row["write"]:
            lines.append(f"{name} writes: {row['write']} on the server")
        begins = [rule[0] for rule in entry["keys"]]
        if row["write"] and row["first"] > 0 and row["first"] not in begins:
            lines.append(f"{name} has keys at {begins}, and at {row['first']} on the server")
    for family in sorted(set(FAMILIES.values())):
        for name, entry in table.get(family, {}).items():
            if name not in told and not entry.get("read"):
                lines.append(f"{name} is not on this server, and not marked as read")
    return lines


def write(table: dict[str, dict[str, Row]], told: dict[str, Row]) -> None:
    """Enter what is missing, and mark what the server does not have, of every family."""
    for name, row in told.items():
        table.setdefault(family_of(name), {}).setdefault(name, entered(row))
    for family, commands in table.items():
        for name, entry in commands.items():
            entry.pop("read", None)
            if name not in told or family not in FAMILIES.values():
                entry["read"] = True
    lines = ["{", '"schema": "aoftool-modules/1",', '"modules": {']
    families = []
    for family, commands in sorted(table.items()):
        rows = [f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(commands.items())]
        families.append(f" {json.dumps(family)}: {{\n" + ",\n".join(rows) + "\n }")
    TABLE.write_text("\n".join([*lines, ",\n".join(families), "}", "}"]) + "\n", "utf-8")


def main(arguments: list[str]) -> int:
    """Compare, and write where that is asked for."""
    writes = "--write" in arguments
    (binary,) = [Path(word) for word in arguments if word != "--write"]
    table = json.loads(TABLE.read_text("utf-8"))["modules"]
    version, told = told_by(binary)
    if writes:
        write(table, told)
    found = differences(table, told)
    print(f"{len(told)} commands of modules on {version}, {len(found)} differences", *found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
