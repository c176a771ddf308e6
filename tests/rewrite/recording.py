"""Let a live server record a log of random commands, then hold its rewrite against it on that server.

The log is the server's own: expired keys became DEL, random choices SREM, deliveries XCLAIM, scripts the
commands they ran, and a rewrite of the server's gave it a base. Every recording starts from nothing.
"""

from __future__ import annotations

import functools
import random
import re
import shutil
import socket
import time
from collections.abc import Iterable
from pathlib import Path

from aoftool.keyspace.flavour import flavour_named
from aoftool.resp.encode import encode_command
from aoftool.rewrite.model import RewriteOptions
from tests.keyspace.datasets import flavour_of
from tests.keyspace.random_commands import Commands
from tests.oracle import State, assert_same_state, diff_states, dump_state, freeze_expiry
from tests.reloading import live_file
from tests.rewrite.rewriting import FORMATS, rewritten
from tests.servers import Server, ServerDied

Argv = list[bytes]

KINDS = (
    *("string", "counter", "bits", "hll", "list", "set", "zset", "zstore", "geo", "hash", "field"),
    *("stream", "group", "delivery", "idmp", "key", "sort", "relative", "fleeting", "script", "chance"),
)
"""What a recording is made of; kinds that a server does not know are left out of its logs."""

DATABASES = 64
# Outside of a transaction these would wait for somebody else.
_BLOCKING = frozenset({b"BLPOP", b"BRPOP", b"BLMOVE", b"BRPOPLPUSH", b"BLMPOP", b"BZPOPMIN", b"BZPOPMAX"})
_LONGEST_OFFSET = 9
_PATIENCE_S = 60.0
_POOL_SIZE = 3000
_MULTI, _EXEC = encode_command((b"MULTI",)), encode_command((b"EXEC",))
_HEADER = re.compile(rb"(?<![^\n])\*\d+\r\n")
_LAST = b"that was the last reply"
_ECHO = encode_command((b"ECHO", _LAST))
_WHOLE = [[b"SWAPDB", b"0", b"1"], [b"SWAPDB", b"1", b"2"], [b"SWAPDB", b"5", b"0"], [b"FLUSHDB"]]
_SCRIPT = b"return redis.pcall(unpack(ARGV)) and 1"
# Longer than any expire time given in milliseconds, so that no key changes its age between two loads.
_FLEETING_S = 0.004


class Recording:
    """One log on its way into a live server.

    Args:
        server: runs, with DATABASES databases; whatever it holds is dropped.
        directory: takes a copy of the log.
    """

    def __init__(self, server: Server, directory: Path) -> None:
        self._server = server
        self._copy = directory / "log"
        self.pool = _pool(flavour_of(server.build))
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_PATIENCE_S)
        self._socket.connect(str(server.socket_path))
        self._counted = self._counted_bytes = 0
        self._start()

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    @property
    def recorded(self) -> int:
        """Return the commands that the server has written so far, those of replaced files included."""
        with live_file(self._server).open("rb") as file:
            file.seek(self._counted_bytes)
            new = file.read()
        self._counted_bytes += len(new)
        self._counted += len(_HEADER.findall(new))
        return self._counted

    def _start(self) -> None:
        """Empty the server and give it a new file to write to."""
        # Valkey 8.1.1 now and then falls over its own thread that frees what was flushed.
        self._server.send("CONFIG", "SET", "lazyfree-lazy-user-flush", "no")
        self._server.empty()
        if self._server.build.multi_part:
            # Also because a server does not append to the file it has: it writes on at its own offset.
            self.rewrite(preamble=False)
        else:
            # The server must think that database 0 is the selected one.
            self._server.pipeline([(b"SET", b"a", b"1"), (b"FLUSHALL",)])
            live_file(self._server).write_bytes(b"")
        self._counted = self._counted_bytes = 0

    def _files(self) -> list[Path]:
        if not self._server.build.multi_part:
            return [live_file(self._server)]
        return [path for path in self._server.log_directory.iterdir() if path.suffix != ".manifest"]

    # -- recording -----------------------------------------------------------------------------

    def drawn(self, kind: str, place: int, count: int) -> list[bytes]:
        """Return commands of a kind from some place of the pool, none when the server knows no such kind."""
        held = self.pool.get(kind, [])
        start = place % max(len(held), 1)
        return held[start : start + count]

    def run(self, commands: Iterable[bytes], db: int | None = None) -> None:
        """Send commands, in a database when it is named, and drop the replies: only the log matters."""
        chosen = [] if db is None else [encode_command((b"SELECT", b"%d" % db))]
        self._socket.sendall(b"".join([*chosen, *commands, _ECHO]))
        reply = b""
        while not reply.endswith(_LAST + b"\r\n"):
            received = self._socket.recv(1 << 16)
            if not received:
                raise ServerDied(self._server.log_text()[-2000:])
            reply = reply[-len(_ECHO) :] + received

    def transaction(self, commands: Iterable[bytes]) -> None:
        """Send commands as one transaction; transactions inside are taken apart."""
        inside = b"".join(commands).replace(_MULTI, b"").replace(_EXEC, b"")
        self.run([_MULTI, inside, _EXEC])

    def rewrite(self, *, preamble: bool) -> None:
        """Let the server rewrite its log, so that what follows stands behind a base."""
        assert self.recorded >= 0  # counted now, for the file goes
        self._server.send("CONFIG", "SET", "aof-use-rdb-preamble", "yes" if preamble else "no")
        self._server.rewrite()
        self._counted_bytes = live_file(self._server).stat().st_size

    def annotate(self) -> None:
        """Let times stand between the commands, where the server can."""
        if self._server.build.multi_part:
            self._server.send("CONFIG", "SET", "aof-timestamp-enabled", "yes")

    # -- comparing -----------------------------------------------------------------------------

    def check(self) -> None:
        """Rewrite the log in both forms and compare what the server makes of each with the log itself."""
        time.sleep(_FLEETING_S)
        freeze_expiry(self._server)
        if self._server.build.multi_part:
            self._server.send("CONFIG", "SET", "aof-timestamp-enabled", "no")
        path = self._copied()
        before, tracked = self._loaded(), self._tracked()

        contents, _, _ = rewritten(
            path,
            RewriteOptions(
                target=self._server.build.id, written_by=self._server.build.id, databases=DATABASES
            ),
        )

        for form in FORMATS:
            after = self._load(contents[form])
            if diff_states(before, after) and not self._loads_alike(before):
                return
            assert_same_state(before, after)
            assert self._tracked() == tracked

    def _loads_alike(self, before: State) -> bool:
        """Tell whether the server makes the same of the log again.

        Redis 8.6.3 logs XADD IDMP with the ID `*` where it found the entry to be there; its own rewrite into
        commands forgets some of what it had found, and then each load adds an entry with a new ID.
        """
        for path in self._files():
            shutil.copyfile(self._copy / path.name, path)
        return not diff_states(before, self._loaded())

    def _tracked(self) -> dict[bytes, tuple[int, int]]:
        """Return how many producers and idempotent IDs the streams of Redis 8.6 and later remember."""
        if self._server.build.kind != "redis" or self._server.build.version < (8, 6):
            return {}
        found = {}
        for key in (b"y0", b"y1", b"y2"):
            reply = self._server.pipeline([(b"XINFO", b"STREAM", key)])[0]
            if not isinstance(reply, Exception):
                told = dict(zip(reply[::2], reply[1::2], strict=True))
                found[key] = told[b"pids-tracked"], told[b"iids-tracked"]
        return found

    def _copied(self) -> Path:
        shutil.rmtree(self._copy, ignore_errors=True)
        if self._server.build.multi_part:
            shutil.copytree(self._server.log_directory, self._copy)
            return self._copy
        self._copy.mkdir()
        return Path(shutil.copy(live_file(self._server), self._copy))

    def _load(self, content: bytes) -> State:
        """Load a log of one file in place of what was recorded."""
        live = live_file(self._server)
        for path in self._files():
            path.write_bytes(content if path == live else b"")
        return self._loaded(empty=not content)

    def _loaded(self, *, empty: bool = False) -> State:
        if empty or not any(path.stat().st_size for path in self._files()):
            self._server.send("FLUSHALL")  # Redis 6.2 calls an empty file an error
        else:
            self._server.send("DEBUG", "LOADAOF")
        return dump_state(self._server)


def record_at_random(recording: Recording, seed: int, count: int) -> None:
    """Let at least `count` commands be recorded: every kind, in transactions and databases, over bases."""
    draw = random.Random(seed)
    rewrites = sorted(draw.sample(range(1, count), 2))[: draw.randrange(3)]
    places = {kind: draw.randrange(len(commands)) for kind, commands in recording.pool.items()}
    kinds = [kind for kind in recording.pool if kind in KINDS]
    if draw.random() < 0.3:
        recording.annotate()
    while recording.recorded < count:
        for _ in range(20):
            kind, size = draw.choice(kinds), draw.randint(1, 60)
            group = recording.drawn(kind, places[kind], size)
            places[kind] = (places[kind] + size) % len(recording.pool[kind])
            if draw.random() < 0.1:
                recording.transaction(group[:8])
            else:
                recording.run(group, draw.randrange(6) if draw.random() < 0.2 else None)
        if draw.random() < 0.1:
            recording.run(recording.drawn("whole", draw.randrange(_POOL_SIZE), 1))
        if rewrites and recording.recorded >= rewrites[0]:
            rewrites.pop(0)
            recording.rewrite(preamble=draw.random() < 0.7)


@functools.cache
def _pool(flavour: str) -> dict[str, list[bytes]]:
    """Return many commands of each kind that a server knows, ready to be sent.

    Drawing them takes longer than running them, so all logs of a run share them; IDs of streams ascend.
    """
    draw = _Drawing(flavour)
    found: dict[str, list[bytes]] = {kind: [] for kind in KINDS if kind in draw.makers}
    for _ in range(_POOL_SIZE):
        for kind, commands in found.items():
            commands.append(_sendable(draw.makers[kind]()))
    found["whole"] = list(map(encode_command, _WHOLE))
    return {kind: [command for command in commands if command] for kind, commands in found.items()}


def _sendable(argv: Argv) -> bytes:
    """Return the bytes of a command; one that could wait for somebody gets a transaction of its own.

    What two loads of one log do not agree on is left out: a range of members by name, whose outcome
    depends on random levels when scores differ, and a SORT with ties, which fall by a random hash seed.
    """
    words = argv[3:] if argv[0] == b"EVAL" else argv
    if words[0] == b"SETRANGE" and len(words[2]) > _LONGEST_OFFSET:
        return b""  # ends a server before 7.0
    if words[0] == b"ZREMRANGEBYLEX" or (words[0] == b"SORT" and (b"ALPHA" not in words or b"BY" in words)):
        return b""
    if words[0] == b"HSETEX" and _repeats_a_field(words):
        return b""  # ends Redis 8.6.3
    data = encode_command(argv)
    return _MULTI + data + _EXEC if argv[0].upper() in _BLOCKING or b"BLOCK" in argv else data


def _repeats_a_field(words: Argv) -> bool:
    fields = words[words.index(b"FIELDS") + 2 :: 2] if b"FIELDS" in words else []
    return len(set(fields)) < len(fields)


class _Drawing(Commands):
    """Draw what only a live server can take, too."""

    def __init__(self, flavour: str) -> None:
        super().__init__(0, flavour_named(flavour), kinds=" ".join(KINDS))
        self.makers |= {"fleeting": self.fleeting, "script": self.script, "chance": self.by_chance}

    def fleeting(self) -> Argv:
        """Return a command after which a key is gone in no time."""
        key = self.key()
        return self.random.choice([[b"PEXPIRE", key, b"1"], [b"SET", key, b"v", b"PX", b"1"]])

    def script(self) -> Argv:
        inner = self.random.choice(["string", "set", "zset", "hash", "list", "key"])
        return [b"EVAL", _SCRIPT, b"0", *self.makers[inner]()]

    def idmp(self) -> Argv:
        """Return what idempotent producers send; a client may name no ID for that."""
        argv = super().idmp()
        named = [at for at, word in enumerate(argv) if word.count(b"-") == 1 and word[-2:] == b"-1"]
        if argv[0] == b"XADD" and named:
            argv[named[0]] = b"*"
        return argv

    def by_chance(self) -> Argv:
        """Return a command whose outcome the server chooses."""
        key, stream = self.key("e"), self.key("x")
        return self.random.choice(
            [[b"SPOP", key], [b"SPOP", key, b"2"], [b"XADD", stream, b"*", b"f", b"v"], [b"DEL", stream]]
        )
