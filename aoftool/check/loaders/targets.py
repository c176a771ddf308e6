"""The servers whose loaders are simulated: what each one reads, refuses and dies of.

One row a release of `aoftool.releases`, as data; `simulate.py` beside it holds the one loop that uses
them. Knows nothing of files. A release that has a `measured_on` there was measured on that server, with
default settings (`aof-load-truncated yes`, `rdb-version-check strict`). Of the others the sources say
what they share with a neighbour: that row is theirs, but for what the sources say otherwise.
"""

from __future__ import annotations

from aoftool.databases import DEFAULT_DATABASES
from aoftool.dataclass import dataclass, replace
from aoftool.quoting import Quoting
from aoftool.releases import NAMES, RELEASES, find_releases

__all__ = ["DEFAULT_DATABASES", "SCRIPTS", "TARGETS", "Kill", "Target", "target_named", "targets_named"]

SCRIPTS = frozenset({b"EVAL", b"EVALSHA", b"EVAL_RO", b"EVALSHA_RO", b"FCALL", b"FCALL_RO"})
"""Commands that run a script, in upper case."""


@dataclass(frozen=True)
class Kill:
    """A command that a server does not survive, or leaves by, while it loads or soon after.

    Attributes:
        name: in upper case.
        text: what happens.
        subcommand: only this one, None for all.
        argc: only with so many arguments, its name counted; 0 for any number.
        txn: only inside, or only outside a transaction; None for both.
        afterwards: it loads the log to its end first.
    """

    name: bytes
    text: str
    subcommand: bytes | None = None
    argc: int = 0
    txn: bool | None = None
    afterwards: bool = False

    def takes(self, name: bytes, subcommand: bytes | None, argc: int, txn: bool) -> bool:
        """Tell whether it holds for a command."""
        return (
            self.name == name
            and (self.subcommand is None or self.subcommand == subcommand)
            and (not self.argc or self.argc == argc)
            and self.txn in (None, txn)
        )


@dataclass(frozen=True)
class Target:
    """One release and how its loader behaves.

    Attributes:
        name: of the release, what `--target` takes.
        multi_part: it knows manifests.
        names_file: its messages name the file.
        tells_offset: a bad format is told with the folder of the file and an offset.
        annotations: it reads `#` lines.
        line_limit: longest header or annotation line, its newline included.
        rdb_sniff: first bytes that make it take a file for an RDB.
        rdb_signature: how an RDB must begin once it is taken for one; another beginning is refused.
        redis_rdb: highest version it opens under the `REDIS` magic.
        redis_types: highest number of a value type that it knows under that magic.
        valkey_rdb: version it opens under the `VALKEY` magic, 0 for none.
        opens_envelopes: it reads an RDB that is compressed whole (`VCS`).
        valkey_types: highest number of a value type that it knows under that magic.
        dump_valkey_rdb: lowest and highest version it opens under the `VALKEY` magic as `dump.rdb`, if any.
        counts_arguments: its loader refuses a wrong number of arguments; else the command runs as it is.
        subcommand: what an unknown subcommand leads to: refuse, or skip.
        modern_errors: errors in the wording of Valkey 8.1 and later.
        cuts_at_multi: a command torn inside a transaction cuts back to its MULTI; else the cut leaves
            the MULTI open on disk.
        oom_bytes: declared argument length from which it aborts for want of memory.
        quoting: what may follow a closing quote in its manifest.
        kills: commands that make it die or leave.
        dies_of_cas: VADD with CAS for a set that has elements takes it down, outside a transaction.
        dies_in_scripts: a command that fails inside a script takes it down, outside transactions.
    """

    name: str
    multi_part: bool = True
    names_file: bool = True
    tells_offset: bool = False
    annotations: bool = True
    line_limit: int = 1023
    rdb_sniff: tuple[bytes, ...] = (b"REDIS",)
    rdb_signature: tuple[bytes, ...] = (b"REDIS",)
    redis_rdb: int = 10
    redis_types: int = 19
    valkey_rdb: int = 0
    opens_envelopes: bool = False
    valkey_types: int = 0
    dump_valkey_rdb: tuple[int, int] | tuple[()] = ()
    counts_arguments: bool = True
    subcommand: str = "refuse"
    modern_errors: bool = False
    cuts_at_multi: bool = False
    oom_bytes: int = 1 << 47
    quoting: Quoting = Quoting.SEPARATE
    kills: tuple[Kill, ...] = ()
    dies_of_cas: bool = False
    dies_in_scripts: bool = True

    @property
    def is_measured(self) -> bool:
        """Tell whether the row comes from a running server."""
        return NAMES[self.name].is_measured

    @property
    def check_tool(self) -> str:
        """Return the name of its checker, as its messages have it."""
        return f"{NAMES[self.name].family}-check-aof"

    @property
    def product(self) -> str:
        """Return what it calls itself in its messages."""
        return "Valkey" if self.name.startswith("valkey") else "Redis"

    @property
    def has_subcommands(self) -> bool:
        """Tell whether it looks subcommands up; else their container runs and complains."""
        return self.subcommand != "skip"

    def kill_of(self, name: bytes, subcommand: bytes | None, argc: int, txn: bool) -> Kill | None:
        """Return why it does not survive a command, None when it does."""
        return next((kill for kill in self.kills if kill.takes(name, subcommand, argc, txn)), None)


_WAIT = Kill(b"WAIT", "assertion failed, the server aborts", txn=False)
_SEGV = "signal 11"
# The loader makes a replica of itself, and is gone when the save for it ends: what stands in its memory by
# then decides. Source: Redis 6.2 src/replication.c syncCommand, src/aof.c freeFakeClient; measured on
# Redis 6.2.5: 3 of 4 starts died, over 24 logs.
_LOST_REPLICA = "signal 11, most times, when the save that it starts has ended"
_EVERYWHERE = (Kill(b"PSYNC", _SEGV), Kill(b"RESET", "signal 11: EXEC runs a queued RESET", txn=True))

_REDIS_62 = Target(
    name="redis-6.2",
    multi_part=False,
    names_file=False,
    annotations=False,
    line_limit=127,
    redis_rdb=9,
    redis_types=15,
    counts_arguments=False,
    dies_in_scripts=False,
    subcommand="skip",
    kills=(
        *_EVERYWHERE,
        _WAIT,
        Kill(b"REPLICAOF", _SEGV),
        Kill(b"SLAVEOF", _SEGV),
        Kill(b"RESET", _SEGV),
        Kill(b"SYNC", _LOST_REPLICA, afterwards=True),
        Kill(b"SUBSCRIBE", _SEGV, txn=True),
        Kill(b"PSUBSCRIBE", _SEGV, txn=True),
        Kill(b"UNSUBSCRIBE", _SEGV),
        Kill(b"PUNSUBSCRIBE", _SEGV),
        Kill(b"AUTH", _SEGV, argc=3),
        Kill(b"CLIENT", _SEGV, b"INFO", 2),
        Kill(b"SHUTDOWN", "the server obeys and exits"),
    ),
)
# Source: measured on Redis 6.0.16. What blocks outside a transaction, such as BLPOP, ends it too where it
# finds nothing, which only the data tell.
_ANYWHERE = (b"SUBSCRIBE", b"PSUBSCRIBE")
_REDIS_60 = replace(
    _REDIS_62,
    name="redis-6.0",
    kills=(
        *(kill for kill in _REDIS_62.kills if kill.name not in (*_ANYWHERE, b"RESET", b"CLIENT")),
        *(Kill(name, _SEGV) for name in _ANYWHERE),
    ),
)
_REDIS_70 = Target(
    name="redis-7.0", redis_rdb=10, redis_types=19, counts_arguments=False, kills=(*_EVERYWHERE, _WAIT)
)
_REDIS_74 = Target(name="redis-7.4", redis_rdb=12, redis_types=25, counts_arguments=False, kills=_EVERYWHERE)
# A failed assertion. Source: measured on Redis 8.0.2, 8.0.6, 8.2.3 and 8.6.3.
_REDIS_80 = replace(_REDIS_74, name="redis-8.0", dies_of_cas=True)
_REDIS_86 = replace(_REDIS_80, name="redis-8.6", tells_offset=True, redis_rdb=13, redis_types=26)
# The loader of 7.2 is that of 7.4 but for the files it reads, and Valkey took it over: until 8.1 it says
# what Redis says. Source: src/aof.c, src/rdb.c, src/replication.c waitCommand of Redis 7.2.6, 7.4.1 and
# Valkey 7.2.7, 8.0.1.
_REDIS_72 = replace(_REDIS_74, name="redis-7.2", redis_rdb=11, redis_types=21)
_VALKEY_81 = Target(
    name="valkey-8.1",
    rdb_signature=(b"REDIS0", b"VALKEY"),
    redis_rdb=11,
    redis_types=21,
    dump_valkey_rdb=(1, 11),
    modern_errors=True,
    kills=_EVERYWHERE,
)
_VALKEY_91 = Target(
    name="valkey-9.1",
    rdb_sniff=(b"REDIS0", b"VALKEY"),
    rdb_signature=(b"REDIS0", b"VALKEY"),
    redis_rdb=11,
    redis_types=21,
    valkey_rdb=80,
    valkey_types=22,
    dump_valkey_rdb=(80, 80),
    modern_errors=True,
    cuts_at_multi=True,
    quoting=Quoting.JOINED,
    # The build that was measured allocates with malloc of the C library; builds with jemalloc
    # call such a length a short read. Between 64 GiB and 100 GB the answer depends on the machine.
    oom_bytes=1 << 36,
    kills=_EVERYWHERE,
)

_ROWS = (
    _REDIS_60,
    _REDIS_62,
    _REDIS_70,
    _REDIS_72,
    _REDIS_74,
    _REDIS_80,
    replace(_REDIS_80, name="redis-8.2"),
    replace(_REDIS_80, name="redis-8.4", tells_offset=True),
    _REDIS_86,
    # Source of the numbers: src/rdb.h.
    replace(_REDIS_86, name="redis-8.8", redis_rdb=14, redis_types=28),
    replace(_REDIS_86, name="redis-8.10", redis_rdb=15, redis_types=32),
    replace(_REDIS_86, name="redis-8.12", redis_rdb=16, redis_types=33),
    replace(_REDIS_72, name="valkey-7.2"),
    replace(_REDIS_72, name="valkey-8.0"),
    _VALKEY_81,
    replace(_VALKEY_91, name="valkey-9.0"),
    _VALKEY_91,
    replace(
        _VALKEY_91,
        name="valkey-9.2",
        valkey_rdb=81,
        valkey_types=23,
        dump_valkey_rdb=(80, 81),
        opens_envelopes=True,
    ),
)
_BY_NAME = {row.name: row for row in _ROWS}

TARGETS = tuple(_BY_NAME[release.name] for release in RELEASES)
"""One row for every release of the catalogue, in its order."""


def target_named(name: str) -> Target:
    """Return the target of a release, of a version such as `redis-7.0.15`, or the oldest of a major version.

    Raises:
        UsageError: no such release.
    """
    return targets_named(name)[0]


def targets_named(name: str) -> tuple[Target, ...]:
    """Return the targets that a name stands for: one release, or all of a major version.

    Raises:
        UsageError: no such release.
    """
    return tuple(_BY_NAME[release.name] for release in find_releases(name))
