"""What people reported of their logs, and inputs that broke earlier versions: each has the right answer.

A case is a folder with what somebody had; the table says what is typed and what is to come. Expected is what
the reporter was owed, or what real servers do where these know better.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.corpus import absent, corpus_root, need_corpus
from tests.verbs import ask

ROOT = corpus_root()


@dataclass(frozen=True)
class Owed:
    """What a call owes.

    Attributes:
        words: what is typed; IN is the case, or what IN/... names in it; OUT is free.
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


BOTH_COUNTS = ("holds 500 keys", "dump-beside", "aoftool rewrite")
SPLIT = ("split-command",)
CASES: dict[str, tuple[Owed, ...]] = {
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
        owed("check IN", 0, "/appendonlydir/appendonly.aof.2.base.rdb", never=("bak-2026", "aof-old")),
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
        owed("check IN", 1, "written in part and then again", "loses nothing"),
        owed("fix -y IN", 0, "nothing that a server would have run is lost"),
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
    "breakage/databases-64": (owed("rewrite -n IN/in", 0, "database"),),
    "breakage/field-ttl-target": (owed("rewrite -n --target redis-8.0 IN/in", 0),),
    "breakage/libraries": (owed("rewrite -n IN/in", 0),),
    "breakage/rename-db": (owed("rewrite -n --rename-db 9=13 IN/in/a.aof", 0),),
    "breakage/terminal-escape": (
        owed("rewrite -n IN/in/appendonly.aof", 0, never=("\x1b",)),
        owed("inspect IN/in/appendonly.aof", 0, never=("\x1b",)),
    ),
}
ELSEWHERE = {
    # Where their right answers are held: a test that takes them up, or one that makes the like.
    "field/alibaba-opinfo": "tests/cli/test_dialects.py",
    "field/aws-replconf-timestamp": "tests/cli/test_dialects.py",
    "field/datadir-symlinked": "tests/aof/test_places.py",
    "field/dragonfly-rdb-save": "tests/cli/test_dialects.py",
    "field/garnet-binary-aof": "tests/cli/test_foreign_files.py",
    "field/keydb-rdb-subexpire": "tests/replay/test_engines.py",
    "field/keydb-rreplay": "tests/cli/test_dialects.py",
    "field/lua-aux-evalsha-tail": "tests/rewrite/test_extras.py",
    "field/module-aux-only-scdtype00": "tests/rewrite/test_extras.py",
    "field/rdb-function-prega": "tests/rewrite/test_extras.py",
    "field/rdb-type200": "tests/cli/test_dialects.py",
    "field/rdb-type22-old": "tests/rdb/test_unknown.py",
    "field/redis8-builtin-json-aof": "tests/cli/test_dialects.py",
    "field/redis8-json-torn-tail": "tests/cli/test_dialects.py",
    "field/redis8x-new-commands": "tests/cli/test_dialects.py",
    "field/restore-payload-newer": "tests/cli/test_dialects.py",
    "field/tair-exhset": "tests/cli/test_dialects.py",
    "field/unreadable-files": "tests/cli/test_permissions.py",
    "field/valkey-cluster-aof-multi": "tests/cli/test_dialects.py",
    "field/valkey9-slot-migration-a": "tests/cli/test_dialects.py",
    "field/valkey9-slot-migration-failed": "tests/cli/test_dialects.py",
    "field/wrong-file-kinds": "tests/cli/test_foreign_files.py",
    "breakage/history-flushdb": "tests/analysis/test_history.py",
    "breakage/redact-explain": "tests/cli/test_redaction.py",
    "breakage/replay-memory": "tests/cli/test_budgets.py",
    "breakage/slow-salvage-1000": "tests/check/test_argument_runs.py",
    "breakage/slow-salvage-300": "tests/check/test_argument_runs.py",
}


def _cases() -> list[object]:
    if ROOT is None:
        return absent()
    return [pytest.param(name, id=name, marks=pytest.mark.corpus) for name in CASES]


@pytest.mark.parametrize("name", _cases())
def test_a_case_has_its_right_answer(name: str, tmp_path: Path) -> None:
    assert ROOT is not None
    folder = tmp_path / "case"
    shutil.copytree(ROOT / name, folder, copy_function=shutil.copyfile)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (folder / "case.json").unlink()

    for one in CASES[name]:
        words = tuple(word.replace("IN", str(folder), 1) if word[:2] == "IN" else word for word in one.words)
        answer = ask(words, folder, tmp_path / "out")
        shown = " ".join((answer.out + answer.err).split())

        assert answer.code == one.code, (one.words, shown)
        assert [text for text in one.said if text not in shown] == [], (one.words, shown)
        assert [text for text in one.never if text in answer.out + answer.err] == [], (one.words, shown)


@pytest.mark.corpus
def test_every_case_is_held_by_a_test() -> None:
    root = need_corpus()
    there = {
        f"{part}/{path.parent.name}": "exit 70" in json.loads(path.read_text("utf-8")).get("came", "")
        for part in ("field", "breakage")
        for path in (root / part).glob("*/case.json")
    }
    # What ended with exit code 70 is run as it was typed, by the test of every verb.
    assert {name for name, is_bug in there.items() if not is_bug} - CASES.keys() - ELSEWHERE.keys() == set()
    assert (CASES.keys() | ELSEWHERE.keys()) - there.keys() == set()


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_is_held_elsewhere_is_there(name: str) -> None:
    assert (Path(__file__).parents[2] / ELSEWHERE[name]).is_file()
