"""Logs broken by seed as people and machines break them: grammar, states, names, headers, manifests.

Nothing here knows what a server does with the result. Every log is small, so that a real server decides
about it in milliseconds.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from tests.builders import annotation, command, rdb, rdb_database, rdb_record, rdb_string, select, timestamp

AOF = "appendonly.aof"
SAFE = [b"k1", b"k2", b"k3", b"list", b"set", b"hash", b"zset", b"stream"]


class Breaker:
    """Draw broken logs; the same seed gives the same log."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.done: list[str] = []

    # -- what a log is made of ---------------------------------------------------------------------

    def value(self) -> bytes:
        pool = [b"", b"v", b"12", b"-7", b"a\r\nb", b"\0\0", b"x" * 200, b"*1\r\n$4\r\nEXEC\r\n", b"\xff\xfe"]
        return self.random.choice(pool)

    def plain(self) -> bytes:
        """Return one command that every server runs or answers with an error."""
        value = self.value()
        number = b"%d" % self.random.randrange(9)
        return self.random.choice(
            [
                command("SET", self.random.choice(SAFE), value),
                command("set", "k1", value, "PXAT", 4102444800000),
                command("INCR", "k2"),
                command("DEL", self.random.choice(SAFE)),
                command("RPUSH", "list", value, number),
                command("SADD", "set", number),
                command("HSET", "hash", number, value),
                command("ZADD", "zset", number, value),
                command("XADD", "stream", "*", "f", value),
                command("PEXPIREAT", "k1", 4102444800000),
                command("APPEND", "k3", value),
                command("LPOP", "list"),
                command("FLUSHDB"),
            ]
        )

    def stream(self) -> list[bytes]:
        """Return a healthy command stream, command by command."""
        items = [select(0)]
        while len(items) < self.random.randrange(4, 14):
            if self.random.random() < 0.2:
                items += [command("MULTI"), *(self.plain() for _ in range(3)), command("EXEC")]
            elif self.random.random() < 0.1:
                items.append(select(self.random.randrange(16)))
            elif self.random.random() < 0.1:
                items.append(timestamp(1_700_000_000 + len(items)))
            else:
                items.append(self.plain())
        return items

    # -- ways to break a stream --------------------------------------------------------------------

    def broken_stream(self) -> bytes:
        """Return a stream with one to three things wrong with it."""
        items = self.stream()
        for _ in range(self.random.choice([1, 1, 1, 2, 3])):
            way = self.random.choice(self.stream_ways())
            self.done.append(way.__name__)
            way(items)
        content = b"".join(items)
        if self.random.random() < 0.35:
            way_of_bytes = self.random.choice(self.byte_ways())
            self.done.append(way_of_bytes.__name__)
            content = way_of_bytes(content)
        return content

    def stream_ways(self) -> list[Callable[[list[bytes]], None]]:
        return [
            *[self.respell_header] * 4,
            *[self.respell_length] * 4,
            *[self.insert_odd_line] * 3,
            *[self.insert_annotation] * 3,
            *[self.disturb_transaction] * 4,
            *[self.insert_select] * 2,
            *[self.insert_odd_command] * 6,
            self.change_terminator,
            self.change_name,
        ]

    def place(self, items: list[bytes]) -> int:
        return self.random.randrange(len(items) + 1)

    def pick(self, items: list[bytes]) -> int:
        commands = [at for at, item in enumerate(items) if item.startswith(b"*")]
        return self.random.choice(commands or [0])

    def respell(self, line: bytes) -> bytes:
        """Return a header line, such as `*3`, written in another way."""
        kind, digits = line[:1], line[1:]
        number = int(digits) if digits.isdigit() else 1
        ways: list[bytes] = [
            kind + b"+" + digits,
            kind + b"00" + digits,
            kind
            + b"0" * self.random.choice([60, 122, 125, 126, 130, 1000, 1018, 1019, 1020, 1021, 1030])
            + digits,
            kind + b" " + digits,
            kind + b"\t" + digits,
            kind + digits + b"abc",
            kind + digits + b" ",
            kind + digits + b"\0",
            kind + digits + b"\0zz",
            kind + digits + b"\r",
            kind + b"%d" % (2**32 + number),
            kind + b"%d" % (2**64 + number),
            kind + b"%d" % (2**31 + number),
            kind + b"%d" % (number + 1),
            kind + b"%d" % max(number - 1, 0),
            kind + b"-" + digits,
            kind + b"-1",
            kind + b"0",
            kind + b"-0",
            kind,
            kind + b"abc",
            kind + b"0x" + digits,
            kind + b"1000000000",
            kind + b"99999999999",
            kind + b"9223372036854775807",
            kind + b"9223372036854775808",
            kind + b"99999999999999999999999",
            kind + b"-9223372036854775808",
            kind + b"2147483647",
            kind + b"1048577",
            b">" + digits,
            b"%" + digits,
            kind + kind + digits,
            digits,
            b" " + line,
        ]
        return self.random.choice(ways)

    def respell_header(self, items: list[bytes]) -> None:
        at = self.pick(items)
        head, _, rest = items[at].partition(b"\r\n")
        end = self.random.choice([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"", b"\r\r\n"])
        items[at] = (self.respell(head) if self.random.random() < 0.8 else head) + end + rest

    def respell_length(self, items: list[bytes]) -> None:
        at = self.pick(items)
        parts = items[at].split(b"\r\n")
        lines = [n for n, part in enumerate(parts) if part.startswith(b"$")]
        if not lines:
            return
        chosen = self.random.choice(lines)
        parts[chosen] = self.respell(parts[chosen])
        ends = [b"\r\n"] * (len(parts) - 1)
        if self.random.random() < 0.2:
            ends[chosen] = self.random.choice([b"\n", b"\r", b"", b"\r\r\n", b"zz"])
        items[at] = b"".join(part + end for part, end in zip(parts, [*ends, b""], strict=True))

    def change_terminator(self, items: list[bytes]) -> None:
        at = self.pick(items)
        end = self.random.choice([b"zz", b"\0\0", b"\n", b"\r", b"", b"\n\n", b"\r\n\r\n", b"\r\n\n", b"$1"])
        items[at] = items[at][:-2] + end

    def change_name(self, items: list[bytes]) -> None:
        at = self.pick(items)
        items[at] = self.random.choice(
            [items[at].lower(), items[at].swapcase(), items[at].replace(b"E", b"\0", 1)]
        )

    def insert_odd_line(self, items: list[bytes]) -> None:
        lines = [
            b"\r\n",
            b"\n",
            b" ",
            b"\0",
            b"\0" * 16,
            b"SET x 9\r\n",
            b"PING\r\n",
            b">3\r\n",
            b"*0\r\n",
            b"*-1\r\n",
            b"*\r\n",
            b"*",
            b"*\n",
            b"$1\r\nx\r\n",
            b"+OK\r\n",
            b":1\r\n",
            b"\xef\xbb\xbf",
            b"REDIS0009",
            b"VALKEY080",
            b"*1\r\n$0\r\n\r\n",
            b"1234:M 01 Jan 2026 00:00:00.000 * Ready\r\n",
            b"\x1f\x8b\x08\0",
        ]
        items.insert(self.place(items), self.random.choice(lines))

    def insert_annotation(self, items: list[bytes]) -> None:
        lines = [
            b"#\r\n",
            b"#\n",
            b"#hello\n",
            b"#hello",
            b"#TS:abc\r\n",
            b"#TS:1700000000",
            b"#a\0b\r\n",
            b"#"
            + b"x" * self.random.choice([120, 125, 126, 127, 1019, 1020, 1021, 1022, 1023, 2044, 2050])
            + b"\r\n",
            b"#" + b"x" * 1022,
            timestamp(1),
            annotation("HDR:v1;len:10;"),
            b" #TS:1\r\n",
        ]
        line = self.random.choice(lines)
        if self.random.random() < 0.2:
            at = self.pick(items)
            head, _, rest = items[at].partition(b"\r\n")
            items[at] = head + b"\r\n" + line + rest
        else:
            items.insert(self.place(items), line)

    def disturb_transaction(self, items: list[bytes]) -> None:
        mark = self.random.choice(["MULTI", "EXEC", "DISCARD", "multi", "Exec", "WATCH", "UNWATCH", "RESET"])
        extra = [b"x"] if self.random.random() < 0.15 or mark == "WATCH" else []
        what = self.random.randrange(4)
        marks = [at for at, item in enumerate(items) if item in (command("MULTI"), command("EXEC"))]
        if what == 0 and marks:
            del items[self.random.choice(marks)]
        elif what == 1:
            items += [command("MULTI"), self.plain(), self.plain()]
        elif what == 2:
            items += [command("MULTI"), self.plain(), command(mark, *extra), self.plain(), command("EXEC")]
        else:
            items.insert(self.place(items), command(mark, *extra))

    def insert_select(self, items: list[bytes]) -> None:
        what = self.random.choice(["15", "16", "99", "-1", "x", "01", "+1", "1.0", "", " 1", "4294967296"])
        items.insert(self.place(items), command("SELECT", what))

    def insert_odd_command(self, items: list[bytes]) -> None:
        commands: list[bytes] = [
            command("BLAH"),
            command("BLAH", "x", "y"),
            command("JSON.SET", "k", ".", "1"),
            command(""),
            command("SET"),
            command("SET", "x"),
            command("GET"),
            command("GET", "a", "b"),
            command("DEL"),
            command("HSET", "h"),
            command("HSET", "h", "f"),
            command("XADD", "s", "*"),
            command("INCR"),
            command("EXPIRE", "k1", "10", "NX"),
            command("EXPIRE", "k1"),
            command("PEXPIREAT", "k1"),
            command("XSETID", "stream", "99-1", "ENTRIESADDED", "9"),
            command("ZRANK", "zset", "1", "WITHSCORE"),
            command("HSETEX", "hash", "PXAT", 4102444800000, "FIELDS", 1, "f", "v"),
            command("LMPOP", 1, "list", "LEFT"),
            command("HPEXPIREAT", "hash", 4102444800000, "FIELDS", 1, "1"),
            command("HGETDEL", "hash", "FIELDS", 1, "1"),
            command("MSETEX", 1, "k", "v", "PXAT", 4102444800000),
            command("DELIFEQ", "k1", "v"),
            command("VADD", "vs", "VALUES", 2, 1, 2, "e"),
            command("FUNCTION", "FLUSH"),
            command("FUNCTION", "NOPE"),
            command(
                "FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f', function() return 1 end)"
            ),
            command("XGROUP", "NOPE", "a"),
            command("XGROUP"),
            command("XGROUP", "CREATE", "stream", "g", "0"),
            command("XGROUP", "CREATE", "stream"),
            command("OBJECT", "FREQ"),
            command("CONFIG", "GET", "save"),
            command("CLUSTER", "SYNCSLOTS", "FINISH"),
            command("CLUSTER", "FLUSHSLOT", 1),
            command("SCRIPT", "LOAD", "return 1"),
            command("SCRIPT", "SHOW"),
            command("EVAL", "return 1", 0),
            command("EVALSHA", "ffff", 0),
            command("PING"),
            command("WAIT", 1, 0),
            command("WAITAOF", 0, 0, 0),
            command("PUBLISH", "c", "m"),
            command("SUBSCRIBE", "c"),
            command("UNSUBSCRIBE", "c"),
            command("PFCOUNT", "k9"),
            command("PFDEBUG", "x"),
            command("RESET"),
            command("REPLICAOF", "NO", "ONE"),
            command("AUTH", "a", "b"),
            command("AUTH", "a"),
            command("HELLO", 3),
            command("CLIENT", "INFO"),
            command("CLIENT", "NO-TOUCH", "on"),
            command("QUIT"),
            command("SHUTDOWN", "NOSAVE"),
            command("SWAPDB", 0, 1),
            command("SWAPDB", 0, 99),
            command("FLUSHALL", "FOO"),
            command("LOLWUT"),
            command("RESTORE", "r", 0, "junk"),
            command("MOVE", "k1", 3),
            command("COPY", "k1", "k7", "DB", 2),
            command("STRALGO", "LCS"),
            command("COMMANDLOG", "LEN", "slow"),
            command("PSYNC", "?", "-1"),
            command("SYNC"),
            command("BLPOP", "nokey", 0),
            command("XREAD", "BLOCK", 0, "STREAMS", "nostream", "$"),
            command("MONITOR"),
            command("DEBUG", "NOPE"),
            command("ACL", "WHOAMI"),
            command("set", "x"),
            command("xgroup", "nope", "x"),
            command(b"\xff\0", b"\r\n"),
            command("SET", "big", b"y" * 5000),
            command("A" * 300, "b" * 300, *range(12)),
        ]
        chosen = self.random.choice(commands)
        if self.random.random() < 0.25:
            chosen = command("MULTI") + chosen + self.plain() + command("EXEC")
        items.insert(self.place(items), chosen)

    def byte_ways(self) -> list[Callable[[bytes], bytes]]:
        return [
            self.cut,
            self.cut,
            self.cut,
            self.zeros,
            self.zero_tail,
            self.junk,
            self.flip,
            self.lose,
            self.double,
        ]

    def cut(self, content: bytes) -> bytes:
        return content[: self.random.randrange(len(content) + 1)]

    def zeros(self, content: bytes) -> bytes:
        return content + b"\0" * self.random.choice([1, 2, 3, 16, 512])

    def zero_tail(self, content: bytes) -> bytes:
        kept = self.random.randrange(len(content) + 1)
        return content[:kept] + bytes(len(content) - kept)

    def junk(self, content: bytes) -> bytes:
        return content + self.random.choice(
            [b"\n", b"\r\n", b" ", b"x", b"*", b"$", b"*3", b"*3\r", b"#", b"#T"]
        )

    def flip(self, content: bytes) -> bytes:
        if not content:
            return content
        at = self.random.randrange(len(content))
        return content[:at] + bytes([content[at] ^ (1 << self.random.randrange(8))]) + content[at + 1 :]

    def lose(self, content: bytes) -> bytes:
        at = self.random.randrange(len(content) + 1)
        return content[:at] + content[at + self.random.choice([1, 2, 5, 40]) :]

    def double(self, content: bytes) -> bytes:
        at = self.random.randrange(len(content) + 1)
        end = at + self.random.choice([1, 2, 10, 60])
        return content[:end] + content[at:end] + content[end:]

    # -- RDB parts ---------------------------------------------------------------------------------

    def preamble(self) -> bytes:
        """Return an RDB part as a base has it, with something odd about it more often than not."""
        magics = [b"REDIS0009"] * 4 + [b"REDIS0010", b"REDIS0011", b"REDIS0012", b"REDIS0013", b"VALKEY080"]
        magics += [
            b"REDIS0006",
            b"REDIS0001",
            b"REDIS0000",
            b"REDIS9999",
            b"VALKEY079",
            b"VALKEY081",
            b"VALKEY011",
        ]
        magics += [b"REDISabcd", b"REDIS 009", b"VALKEYxyz", b"REDIX0009", b"redis0009"]
        fields: dict[str, bytes | int] = {"redis-ver": b"6.2.5", "aof-base": 1}
        for name in self.random.sample(["x", "repl-id", "unknown field", "%hidden", ""], 2):
            if self.random.random() < 0.3:
                odd: list[bytes | int] = [b"", b"v", b"\0", 7]
                fields[name] = self.random.choice(odd)
        records = [
            rdb_record(
                0,
                f"s{n}",
                rdb_string(self.value()),
                expire_at_ms=self.random.choice([None, 1, 4102444800000]),
            )
            for n in range(self.random.randrange(4))
        ]
        if self.random.random() < 0.1 and records:
            records.append(records[0])
        if self.random.random() < 0.1:
            records.append(rdb_record(self.random.choice([8, 22, 23, 30, 200]), "odd", b"\0"))
        db = self.random.choice([0, 0, 0, 3, 15, 16])
        whole = rdb(rdb_database(db, *records), aux=fields, magic=self.random.choice(magics))
        how = self.random.randrange(8)
        if how == 0:
            self.done.append("no-checksum")
            return whole[:-8] + bytes(8)
        if how == 1:
            self.done.append("wrong-checksum")
            return whole[:-8] + b"\1" * 8
        if how == 2:
            self.done.append("rdb-cut")
            return whole[: self.random.randrange(1, len(whole))]
        if how == 3:
            self.done.append("rdb-flip")
            return self.flip(whole)
        return whole

    def single(self) -> bytes:
        """Return the bytes of a single-file log."""
        if self.random.random() < 0.25:
            self.done.append("preamble")
            return self.preamble() + (
                self.broken_stream() if self.random.random() < 0.5 else b"".join(self.stream())
            )
        return self.broken_stream()

    # -- manifests ---------------------------------------------------------------------------------

    def multi_part(self, directory: Path) -> None:
        """Write a set of files, most of them with something odd about the manifest."""
        names = [f"{AOF}.1.base.rdb", f"{AOF}.1.incr.aof", f"{AOF}.2.incr.aof"]
        contents = [self.preamble(), b"".join(self.stream()), b"".join(self.stream())]
        if self.random.random() < 0.3:
            contents[self.random.choice([1, 2])] = self.broken_stream()
        if self.random.random() < 0.2:
            contents[self.random.randrange(3)] = b""
        lines = [
            b"file %b seq %d type %b" % (n.encode(), s, t)
            for n, s, t in zip(names, (1, 1, 2), (b"b", b"i", b"i"), strict=True)
        ]
        for _ in range(self.random.choice([0, 1, 1, 2])):
            way = self.random.choice(self.manifest_ways())
            self.done.append(way.__name__)
            way(lines)
        end = self.random.choice([b"\n"] * 6 + [b"\r\n", b" \n"])
        manifest = b"".join(line + end for line in lines)
        if self.random.random() < 0.06:
            manifest = manifest[: self.random.randrange(len(manifest) + 1)]
        (directory / f"{AOF}.manifest").write_bytes(manifest)
        gone = self.random.randrange(3) if self.random.random() < 0.08 else 9
        for number, (name, content) in enumerate(zip(names, contents, strict=True)):
            if number != gone:
                (directory / name).write_bytes(content)

    def manifest_ways(self) -> list[Callable[[list[bytes]], None]]:
        return [
            self.manifest_line,
            self.manifest_line,
            self.manifest_words,
            self.manifest_words,
            self.manifest_quotes,
            self.manifest_order,
            self.manifest_lose,
            self.manifest_double,
        ]

    def manifest_line(self, lines: list[bytes]) -> None:
        odd = [
            b"",
            b"#comment",
            b"  #c",
            b"# " + b"x" * 1030,
            b"file",
            b"file a seq",
            b"garbage",
            b"\0",
            b"\t",
            b"file a seq 9 type h",
            b"file ../x seq 9 type i",
            b"file .. seq 9 type i",
            b"file a\\b seq 9 type i",
            b"file x seq 9 type i",
            b"\xff",
        ]
        lines.insert(self.random.randrange(len(lines) + 1), self.random.choice(odd))

    def manifest_words(self, lines: list[bytes]) -> None:
        at = self.random.randrange(len(lines))
        changes = [
            (b"seq 1", b"seq 0"),
            (b"seq 1", b"seq abc"),
            (b"seq 2", b"seq +2"),
            (b"seq 2", b"seq -5"),
            (b"seq 2", b"seq 2x"),
            (b"seq 2", b"seq 1"),
            (b"seq 2", b"seq 7"),
            (b"type i", b"type incremental"),
            (b"type i", b"type z"),
            (b"type i", b"type I"),
            (b"type i", b"type b"),
            (b"type i", b"type h"),
            (b"type b", b"type h"),
            (b"file", b"FILE"),
            (b" ", b"\t"),
            (b" ", b"  "),
            (b" ", b"\v"),
            (b"seq 1", b"seq 99999999999999999999"),
            (b"type b", b"type b startoffset 0"),
            (b"type i", b"type i endoffset"),
            (b"type i", b"type i x y x z"),
            (b"seq 1", b"seq 1 seq 2"),
            (b"file", b"name"),
            (b"seq", b"sequence"),
            (b"type i", b"type"),
        ]
        before, after = self.random.choice(changes)
        lines[at] = lines[at].replace(before, after)

    def manifest_quotes(self, lines: list[bytes]) -> None:
        at = self.random.randrange(len(lines))
        words = lines[at].split(b" ")
        number = self.random.randrange(len(words))
        word = words[number]
        words[number] = self.random.choice(
            [
                b'"' + word + b'"',
                b"'" + word + b"'",
                b'"' + word,
                word + b'"',
                b'"' + word[:1] + b'"' + word[1:],
                word[:1] + b'"' + word[1:] + b'"',
                b'"\\x' + word[:1].hex().encode() + word[1:] + b'"',
                b'"' + word + b'"x',
                b'""',
                b"'a\\'b'",
            ]
        )
        lines[at] = b" ".join(words)

    def manifest_order(self, lines: list[bytes]) -> None:
        self.random.shuffle(lines)

    def manifest_lose(self, lines: list[bytes]) -> None:
        del lines[self.random.randrange(len(lines))]

    def manifest_double(self, lines: list[bytes]) -> None:
        lines.append(self.random.choice(lines or [b"#"]))
