"""The right answers to what people met in the field, and to inputs that broke earlier versions.

Two tables, for `tests/test_field_cases.py`: what each log of a case is, and what verbs say of the case.
Right is what the reporter was owed, or what real servers do where these know better; `why` says so.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EXPECTED", "OWED", "Expected", "Owed"]


@dataclass(frozen=True)
class Expected:
    """What a log is.

    Attributes:
        verdict: of a check; `no-log` for what is refused as none.
        keys: how many there are; None where that cannot be known without a repair or a server.
        fixed: how many there are after `fix --salvage`; None where nothing is to be repaired.
        loads: some server at hand, without modules, loads it as it is, or as it is repaired.
        server: its kind, where some that load it lose a part.
        drops: a rewrite must be told to leave out what only its writer keeps.
        gone: keys that a server removes as soon as they are asked for.
        why: beside what the reporter expected.
    """

    verdict: str = "ok"
    keys: int | None = None
    fixed: int | None = None
    loads: bool = True
    server: str = ""
    drops: bool = False
    gone: int = 0
    why: str = ""


@dataclass(frozen=True)
class Owed:
    """What a call owes.

    Attributes:
        words: what is typed; IN is the folder of the case, or what IN/... names in it; OUT is free.
        code: the exit code.
        said: what its output must hold, blanks and line ends alike.
        never: what it must not hold.
    """

    words: tuple[str, ...]
    code: int
    said: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


def owed(words: str, code: int, *said: str, never: tuple[str, ...] = ()) -> Owed:
    """Return what is owed by a call."""
    return Owed(tuple(words.split()), code, said, never)


HOLDS_424 = Expected(keys=424)
ODD = Expected(keys=2)
ODD_TO_RUN = Expected(why="only a server knows what it does")
REFUSED = Expected("no-log", loads=False)
TORN_RDB = Expected("rdb-damaged", loads=False, why="nothing in it can be kept")
EXPECTED = {
    "alibaba-opinfo": Expected(keys=21, loads=False, why="OPINFO is no server's command; a rewrite drops it"),
    "aof-enabled-over-rdb": Expected(keys=1),
    "aof-odd-commands": ODD,
    "aof-odd-commands/00-CLUSTER": Expected("arity", fixed=2, why="a command with too few words, damage"),
    "aof-odd-commands/01-CLUSTER-SLOTS": Expected("arity", keys=2, fixed=2, why="so is this one"),
    "aof-odd-commands/04-SHUTDOWN-NOSAVE": ODD_TO_RUN,
    "aof-odd-commands/05-DEBUG-SLEEP": ODD_TO_RUN,
    "aof-odd-commands/09-CONFIG-SET": ODD_TO_RUN,
    "aof-odd-commands/10-REPLICAOF-127.0.0.1": ODD_TO_RUN,
    "aof-odd-commands/14-MONITOR": ODD_TO_RUN,
    "aof-odd-commands/16-RESET": ODD_TO_RUN,
    "aof-odd-commands/25-MODULE-LIST": ODD_TO_RUN,
    "aws-replconf-timestamp": Expected(keys=20),
    "datadir-cluster-six-nodes": HOLDS_424,
    "datadir-custom-dirname": HOLDS_424,
    "datadir-symlinked": HOLDS_424,
    "datadir-with-backup-dirs": HOLDS_424,
    "dragonfly-rdb-save": Expected("not-judged", loads=False),
    "empty-aof-beside-dump-62": Expected(keys=0),
    "empty-manifest-good-files": Expected("manifest-error", fixed=100),
    "fresh-aof-only-set-redis-7.0": Expected(keys=100),
    "garnet-binary-aof": REFUSED,
    "keydb-rdb-subexpire": Expected(keys=3, drops=True, why="no server but KeyDB keeps times of members"),
    "keydb-rreplay": Expected(keys=8, loads=False),
    "live-copy-during-rewrite": Expected("missing-file", fixed=3000),
    "live-copy-mid-rewrite": Expected(keys=3000),
    "lua-aux-evalsha-tail": Expected(why="only a server runs the script"),
    "module-aux-only-scdtype00": Expected(keys=3, loads=False),
    "nfs-all-empty": Expected("manifest-error", loads=False, why="all is gone, and nothing is repaired"),
    "partial-buffer-then-retry": Expected("corrupt-middle", fixed=61),
    "partial-write-then-retry": Expected("corrupt-middle", fixed=61),
    "rdb-function-prega": Expected(keys=1, why="Redis 7.0 loads it, and no other"),
    "rdb-lru-idle-opcode": Expected(keys=2),
    "rdb-missing-magic": Expected("rdb-damaged", fixed=2),
    "rdb-short-0": TORN_RDB,
    "rdb-short-1": TORN_RDB,
    "rdb-short-2": Expected("empty-base", loads=False),
    "rdb-short-3": TORN_RDB,
    "rdb-type200": Expected("not-judged", loads=False),
    "rdb-type22-old": Expected("rdb-damaged", fixed=199),
    "redis-stack-json-to-valkey": Expected(keys=5, loads=False),
    "redis7-to-rdb9": Expected(keys=502),
    "redis7-to-rdb9-no-functions": Expected(keys=402),
    "redis8-builtin-json-aof": Expected(keys=41, loads=False),
    "redis8-json-torn-tail": Expected("torn-tail", keys=41, fixed=41, loads=False),
    "redis80-aof-to-valkey8": HOLDS_424,
    "redis8x-new-commands": Expected(loads=False, why="no server of 8.8 is at hand; its stream is unknown"),
    "restore-in-plain-multipart-redis-8.0": Expected(keys=5, server="redis-8", why="others skip payloads"),
    "restore-in-plain-multipart-valkey-9.1": Expected(keys=5),
    "restore-payload-newer": Expected(keys=3),
    "script-load-evalsha": Expected(why="only a server runs the script"),
    "short-write-split-over-incrs": Expected("torn-tail", fixed=62),
    "stream-group-lastid": Expected(keys=1),
    "stream-maxlen-redis-7.0": Expected(keys=1),
    "stream-maxlen-valkey-9.1": Expected(keys=1),
    "stream-pel-deleted-valkey-9.1": Expected(keys=2),
    "tair-exhset": Expected(keys=15, loads=False),
    "two-servers-one-aofdir": Expected(keys=400),
    "unreadable-files": Expected(keys=424, why="test_permissions takes their modes away"),
    "valkey-aof-base-with-repl-aux": Expected(keys=1),
    "valkey-cluster-aof-multi": Expected(keys=2),
    "valkey9-hash-field-expiry-hdel": Expected(keys=3, gone=2, why="of two hashes all fields have expired"),
    "valkey9-slot-migration-a": Expected(keys=1505),
    "valkey9-slot-migration-failed": Expected(keys=497),
    "wrong-file-kinds": REFUSED,
}  # fmt: skip

BOTH_COUNTS = ("holds 500 keys", "dump-beside", "aoftool rewrite")
OWED: dict[str, tuple[Owed, ...]] = {
    "field/aof-enabled-over-rdb": (
        owed("check IN", 0, *BOTH_COUNTS, "the log at most 1 key"),
        owed("inspect IN", 0, "holds 500 keys"),
    ),
    "field/empty-aof-beside-dump-62": (owed("check IN", 0, *BOTH_COUNTS, "the log none"),),
    "field/aof-odd-commands": (
        owed("check IN/05-DEBUG-SLEEP", 0),
        owed("check IN/07-PUBLISH-ch", 0),
        owed("check IN/00-CLUSTER", 1, "with 1 argument: no server writes that", "wrong-arity"),
    ),
    "field/datadir-cluster-six-nodes": (
        owed("check IN", 0, "6 logs, 0 damaged"),
        owed("inspect IN", 3, "7000", "7005"),
    ),
    "field/datadir-custom-dirname": (owed("check IN", 0, "aof/appendonly.aof.2.base.rdb"),),
    "field/datadir-with-backup-dirs": (
        owed("check IN", 0, "/appendonlydir/appendonly.aof.2.base.rdb", "appendonlydir.bak-2026", "aof-old"),
        owed("inspect IN", 0, "another AOF directory lies beside appendonlydir", "aof-old"),
    ),
    "field/empty-manifest-good-files": (
        owed("check IN", 1, "manifest-empty", "rebuild the manifest", never=("set the file aside",)),
        owed("inspect IN", 1, "manifest-error"),
        owed("fix -y IN", 0, "it is made of the files that are there", "nothing that a server would"),
        owed("check IN", 0),
    ),
    "field/fresh-aof-only-set-redis-7.0": (
        owed("check IN", 0, "there was no key when the log began", never=("damage",)),
        owed("inspect IN", 0, "health intact"),
    ),
    "field/live-copy-during-rewrite": (
        owed("check IN", 1, "other-generation-part", "base 1 and incr 1", never=("is empty",)),
        owed("fix -y --salvage IN", 0, "keeps 106 KiB, 3,001 commands"),
        owed("check IN", 0),
    ),
    "field/live-copy-mid-rewrite": (
        owed("check IN", 0, "appendonly.aof.2.incr.aof is not listed and is next in sequence"),
        owed("keys --limit 1 IN", 0),
    ),
    "field/nfs-all-empty": (
        owed("check IN", 1, "all-empty", "its data are gone", "from a backup"),
        owed("inspect IN", 1, "its data are gone"),
        owed("fix -y IN", 1, never=("done;",)),
    ),
    "field/partial-buffer-then-retry": (
        owed("check IN", 1, "written in part and then again", "run twice"),
        owed("fix -y IN", 0, "3 commands before it stand there again, too", "--drop-duplicates"),
        owed("check IN", 0),
    ),
    "field/partial-write-then-retry": (
        owed("fix -y IN", 0, "nothing that a server would have run is lost"),
        owed("check IN", 0),
    ),
    "field/rdb-lru-idle-opcode": (owed("check IN", 0), owed("keys --json IN", 0)),
    "field/rdb-missing-magic": (
        owed("check IN", 1, "the checksum proves it", "loses nothing"),
        owed("fix -y IN", 0),
        owed("check --level deep IN", 0),
    ),
    "field/rdb-short-0": (owed("check IN", 1, "rdb-truncated", "refuse"), owed("fix -y IN", 1)),
    "field/rdb-short-1": (owed("check IN", 1, "rdb-truncated", "refuse"), owed("fix -y IN", 1)),
    "field/rdb-short-2": (owed("check IN", 1, "log-empty", "refuse"), owed("fix -y IN", 1)),
    "field/rdb-short-3": (owed("check IN", 1, "rdb-truncated", "refuse"),),
    "field/redis-stack-json-to-valkey": (
        owed("rewrite --target valkey-8.1 -o OUT IN", 3, "--drop-unsupported"),
        owed("rewrite --target valkey-8.1 --drop-unsupported --layout single -o OUT IN", 0, "left out"),
        owed("keys IN", 0, "doc:1", "module"),
    ),
    "field/redis7-to-rdb9": (
        owed("rewrite --target redis-6.2 --layout single -o OUT IN", 3, "library", "--drop-unsupported"),
    ),
    "field/redis7-to-rdb9-no-functions": (
        owed("rewrite --target redis-6.2 --layout single -o OUT IN", 0, "keys 402"),
    ),
    "field/redis80-aof-to-valkey8": (
        owed("rewrite --target valkey-8.1 -o OUT IN", 0, "keys 424"),
        owed("check --target valkey-8.1 IN", 1, "refuse", "aoftool rewrite"),
    ),
    "field/restore-in-plain-multipart-redis-8.0": (
        owed("check IN", 0, never=("empty-base",)),
        owed("rewrite -n IN", 0, "keys 5"),
    ),
    "field/restore-in-plain-multipart-valkey-9.1": (
        owed("check IN", 0, never=("empty-base",)),
        owed("rewrite -n IN", 0, "keys 5"),
    ),
    "field/script-load-evalsha": (owed("check IN", 0), owed("rewrite -n IN", 0, "carried verbatim")),
    "field/short-write-split-over-incrs": (
        owed("check IN", 1, "loses nothing"),
        owed("fix -y IN", 0, "nothing that a server would have run is lost"),
        owed("check IN", 0),
    ),
    "field/stream-group-lastid": (
        owed("check --level deep IN", 0),
        owed("rewrite --format rdb -o OUT IN", 0),
    ),
    "field/stream-maxlen-redis-7.0": (owed("check --level deep IN", 0), owed("keys IN", 0, "10,000")),
    "field/stream-maxlen-valkey-9.1": (
        owed("check --level deep IN", 0),
        owed("keys IN", 0, "10,000"),
    ),
    "field/stream-pel-deleted-valkey-9.1": (
        owed("check --level deep IN", 0),
        owed("rewrite --format resp -o OUT IN", 0),
    ),
    "field/two-servers-one-aofdir": (owed("check IN", 0), owed("keys --json --limit 1 IN", 0)),
    "field/valkey-aof-base-with-repl-aux": (owed("rewrite -o OUT IN", 0, never=("repl-id",)),),
    "field/valkey9-hash-field-expiry-hdel": (owed("check IN", 0), owed("keys --values IN", 0)),
    "field/alibaba-opinfo": (
        owed("check IN", 0, "OPINFO is a command of Alibaba Cloud", never=("damage",)),
        owed("fix -n --salvage IN", 0, "nothing to do"),
        owed("keys --limit 1 IN", 0, "order:0"),
        owed("rewrite -n IN", 0, "keys 21", "OPINFO no-effect 7"),
    ),
    "field/aws-replconf-timestamp": (
        owed("check IN", 0, never=("damage", "warning")),
        owed("rewrite -n IN", 0, "keys 20", "REPLCONF no-effect 5"),
    ),
    "field/datadir-symlinked": (
        owed("check IN", 0, "appendonly.aof.2.base.rdb", never=("no append-only file",)),
        owed("rewrite -n IN", 0, "keys 424"),
    ),
    "field/dragonfly-rdb-save": (
        owed("check IN", 6, "220, properties of the next key of Dragonfly", "not damaged"),
        owed("inspect IN", 6, "Dragonfly of unknown version"),
        owed("audit IN", 6, "no commands to look at", never=("nothing stands out",)),
        owed("fix -y --salvage IN", 6, "the RDB part is kept as it is", never=("done;",)),
        owed("rewrite -o OUT IN", 6, "220, properties of the next key of Dragonfly"),
    ),
    "field/garnet-binary-aof": (
        owed("check IN/aof.log.0", 3, "it is a log of Garnet"),
        owed("fix -y --salvage IN/aof.log.0", 3, "it is a log of Garnet"),
    ),
    "field/keydb-rdb-subexpire": (
        owed("inspect IN", 0, "written by KeyDB 6.3.4"),
        owed("keys IN", 0, "only KeyDB keeps: m1 at 2100-01-01 00:00:00Z"),
        owed("rewrite -o OUT IN", 3, "expire times of single members", "--drop-unsupported"),
        owed("rewrite --drop-unsupported --layout single -o OUT IN", 0, "which only KeyDB has, are lost"),
    ),
    "field/keydb-rreplay": (
        owed("check IN", 0, "RREPLAY is a command of KeyDB", never=("damage",)),
        owed("fix -n --salvage IN", 0, "nothing to do"),
        owed("history user:0 IN", 0, "SET user:0 value-0"),
        owed("log --key user:0 IN", 0, "written by KeyDB", "7 commands of other KeyDB nodes"),
        owed("rewrite -n IN", 0, "keys 8 (db0 7, db3 1)"),
    ),
    "field/lua-aux-evalsha-tail": (
        owed(
            "check --level deep IN",
            0,
            "with an error and skipped while loading, by redis-7.0, redis-7.4 to 8.0, redis-8.6, valkey-8.1",
            never=("by every server",),
        ),
        owed("keys IN", 3, "EVALSHA may do anything"),
        owed("rewrite --layout single -o OUT IN", 0, "carried verbatim", never=("left out",)),
        owed("rewrite --target redis-7.0 --layout single -o OUT IN", 0, "1 script for EVALSHA stands"),
    ),
    "field/module-aux-only-scdtype00": (
        owed("check IN", 0, "no matching module 'scdtype00'", never=("damage",)),
        owed("check --target redis-7.4 IN", 1, "refuse", "--format resp --drop-unsupported -o OUT"),
        owed("rewrite --target redis-7.4 --format resp --drop-unsupported -o OUT IN", 0, "scdtype00"),
        owed("keys IN", 0, " a ", " b ", " c"),
    ),
    "field/rdb-function-prega": (
        owed("check IN", 0, "redis-7.0 load", "Pre-release function format not supported"),
        owed("inspect IN", 0, "functions: lib1"),
    ),
    "field/rdb-type200": (
        owed("check IN", 6, "200, the end of a full synchronisation of Dragonfly", "not damaged"),
        owed("fix -y --salvage IN", 6, "the RDB part is kept as it is", never=("done;",)),
    ),
    "field/rdb-type22-old": (
        owed("check IN", 1, "type 22 at offset 20235 came with RDB 12, this is RDB 7", "199 whole keys"),
        owed("audit IN", 1, "no commands to look at", "rdb-truncated", never=("nothing stands out",)),
        owed("fix -y IN", 1, "--salvage"),
        owed("fix -y --salvage IN", 0, "199 kept, 1 lost"),
        owed("check IN", 0),
    ),
    "field/redis8-builtin-json-aof": (
        owed("check IN", 0, "JSON.SET is a command of RedisJSON", never=("damage",)),
        owed("fix -n --salvage IN", 0, "nothing to do"),
        owed("keys IN", 0, "module ReJSON-RL", "doc:1"),
    ),
    "field/redis8-json-torn-tail": (
        owed("check IN", 1, "torn-tail", "loses 30 B, 1 command", never=("--salvage",)),
        owed("fix -y IN", 0, "sets aside 30 B"),
        owed("check IN", 0, "JSON.SET is a command of RedisJSON"),
        owed("keys IN", 0, "module ReJSON-RL", "doc:1"),
    ),
    "field/redis8x-new-commands": (
        owed(
            "check IN",
            0,
            "XNACK is unknown to redis-7.0 to 8.6",
            "redis-8.8 to 8.12* load",
            never=("damage",),
        ),
        owed("fix -n --salvage IN", 0, "nothing to do"),
        owed("inspect IN", 0, "written by Redis 8.8.0", "health intact"),
        owed("keys IN", 6, "1 key is not known", "after"),
        owed("rewrite -n IN", 0, "keys 3", "is not run here (XNACK)"),
    ),
    "field/restore-payload-newer": (
        owed("check IN", 0, "it is skipped while loading, by redis-6.0 to 6.2", never=("damage",)),
        owed("keys IN", 0, "hash listpack 2", "zset listpack 1", "string int"),
        owed("rewrite -n IN", 0, "keys 3", "target redis-7.0"),
    ),
    "field/tair-exhset": (
        owed("check IN", 0, "EXHSET is a command of TairHash", "EXSET is a command of TairString"),
        owed("fix -n --salvage IN", 0, "nothing to do"),
        owed("keys IN", 0, "module TairHash", "module TairString"),
        owed("rewrite -n IN", 0, "10 commands of modules, which only a server with these can run"),
    ),
    # As others may not read them: tests/cli/test_permissions.py.
    "field/unreadable-files": (owed("check IN", 0), owed("rewrite -n IN", 0, "keys 424")),
    "field/valkey-cluster-aof-multi": (owed("check IN", 0), owed("rewrite -n IN", 0, "keys 2")),
    "field/valkey9-slot-migration-a": (
        owed("check IN", 0, "valkey-9.0 to 9.2* load", never=("warning",)),
        owed("audit IN", 0, "497 deletions in a row", "by a client key by key, or by the server"),
        owed("rewrite -n IN", 0, "keys 1,505"),
    ),
    "field/valkey9-slot-migration-failed": (
        owed("check IN", 0, "CLUSTER SYNCSLOTS is unknown to redis-7.0", "valkey-9.0 to 9.2* load"),
        owed("rewrite -n IN", 0, "keys 497"),
    ),
    "field/wrong-file-kinds": (
        owed("check IN/appendonly.png", 3, "it is a PNG image"),
        owed("check IN/backup.tar.gz", 3, "it is a tar archive, compressed with gzip"),
        owed("check IN/enc.gpg", 3, "no append-only file and no RDB"),
        owed("check IN/html.aof", 3, "it is an HTML page"),
        owed("check IN/lfs", 3, "it is a pointer of Git LFS"),
        owed("check IN/monitor.txt", 3, "it is what MONITOR shows"),
        owed("check IN/nodes.conf", 3, "it is the nodes.conf of a cluster"),
        owed("check IN/redis.conf", 3, "it is a configuration file"),
        owed("check IN/users.acl", 3, "it is a list of ACL users"),
    ),
    "breakage/databases-64": (
        owed("rewrite -n IN/in", 0, "keys 3 (db0 1, db20 2)", "`databases 21` or more"),
        owed("rewrite -o OUT IN/in", 0, "keys 3 (db0 1, db20 2)"),
    ),
    "breakage/field-ttl-target": (
        owed("rewrite -n --target redis-8.0 IN/in", 0, "keys 1"),
        owed("keys --values IN/in", 0, "f=v, g=w"),
    ),
    "breakage/history-flushdb": (
        owed("history --db 0 k IN/in/a.aof", 0, "SET k one", "SWAPDB 0 2", "SET k two", never=("FLUSHDB",)),
    ),
    # That each legal library is carried, by every server: tests/rewrite/test_libraries.py.
    "breakage/libraries": (
        owed("rewrite -n IN/in", 0, "commands 14", "13 live"),
        owed("check --level deep IN/in", 0, never=("skipped by every server",)),
    ),
    "breakage/redact-explain": (
        owed(
            "explain --redact all --salt x --at 300 IN/in/appendonly.aof",
            0,
            "27 bytes more",
            never=("QhLtN", "xDhCqQt"),
        ),
    ),
    "breakage/rename-db": (owed("rewrite -n --rename-db 9=13 IN/in/a.aof", 0, "keys 1"),),
    # What it takes at most: tests/cli/test_budgets.py.
    "breakage/replay-memory": (
        owed("inspect IN/in/setbit20.aof", 0, "savings not known", "AOFTOOL_REPLAY_BUDGET"),
    ),
    # That the time is near linear: tests/check/test_argument_runs.py.
    "breakage/slow-salvage-300": (
        owed("fix -y --salvage IN/in/hs300.aof", 0, "keeps 8.73 KiB, 61 commands"),
        owed("check IN/in/hs300.aof", 0),
    ),
    "breakage/slow-salvage-1000": (owed("fix -n --salvage IN/in/hs1000.aof", 1, "corrupt-region"),),
    "breakage/terminal-escape": (
        owed("rewrite -n IN/in/appendonly.aof", 0, never=("\x1b",)),
        owed("inspect IN/in/appendonly.aof", 0, never=("\x1b",)),
    ),
}
