"""Every reading verb on objects of a store: the answer that it gives on a disk; outputs that go to one."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from aoftool.files.held import release_files
from aoftool.fleet.state import FleetState
from tests.builders import command, log
from tests.corpus import FIXTURES
from tests.stores import BUCKET, S3
from tests.verbs import READING, Answer, ask

SET = FIXTURES / "valkey-9" / "shop"
TORN = FIXTURES / "damaged" / "torn-mid-payload"
# What two runs never have in common: how long they took, the room on a disk, which a store has not, and the
# sizes of tables in which the path stands.
_DIFFERENT = re.compile(
    r'^time +\d.*$|"(elapsed_s|free_bytes|full_s|full_why)": .*$|^disk  .*$|[\d.]+ K?i?B(?=  \w+\.parquet$)',
    re.MULTILINE,
)


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    path = tmp_path / "appendonly.aof.gz"
    path.write_bytes(gzip.compress(log(*(command("SET", f"k:{n}", "v" * n) for n in range(200)))))
    return path


def local_of(path: Path, url: str, store: S3) -> Path:
    """Return a copy of a log with the times that the store says; its name is about as long as the URL."""
    copy = Path("local") / path.name
    if path.is_dir():
        shutil.copytree(path, copy)
    else:
        copy.parent.mkdir()
        shutil.copy(path, copy)
    prefix = url.removeprefix(f"s3://{BUCKET}/")
    for file in [copy, *copy.rglob("*")]:
        if file.is_file():
            key = prefix if file == copy else f"{prefix}/{file.relative_to(copy).as_posix()}"
            time = store.client.head_object(Bucket=BUCKET, Key=key)["LastModified"].timestamp()
            os.utime(file, (time, time))
    return copy


def compared(answer: Answer, name: str) -> tuple[Any, ...]:
    # What would be repaired in place is to be written elsewhere from a store.
    texts = (
        text.replace(name, "LOG").replace("fix -o OUT LOG", "fix LOG") for text in (answer.out, answer.err)
    )
    return (answer.code, *(_DIFFERENT.sub("", text) for text in texts))


@pytest.mark.parametrize("name", ["set", "torn", "packed"])
def test_every_reading_verb_says_what_it_says_on_a_disk(
    store: S3, name: str, packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = {"set": SET, "torn": TORN, "packed": packed}[name]
    url = store.put(path, f"nodes/{path.name}")
    local = local_of(path, url, store)
    calls = [call for call in (READING if name == "set" else READING[::3]) if call[0] != "snapshot"]
    (tmp_path / "out").mkdir()

    for call in calls:
        here, there = (ask(call, log, tmp_path / "out" / "made") for log in (local, url))
        assert compared(there, url) == compared(here, str(local)), call
        assert here.problem() is None
    # What is copied beside a running server lies on its disk.
    refused = ask(("snapshot", "-o", "OUT", "IN"), url, tmp_path / "out" / "copied")
    assert refused.code == 3
    assert "a snapshot is of files on a disk" in refused.err


def test_a_store_that_fails_now_and_then_changes_no_answer(
    store: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = store.put(SET, "nodes/failing")
    local = local_of(SET, url, store)
    calls = (("check", "--json", "IN"), ("keys", "IN"), ("inspect", "IN"))
    for number, call in enumerate(calls):
        store.faults.pending[:] = ["error", "", "reset", "latency", "short"][number:]
        there = ask(call, url, tmp_path / "made")
        assert compared(there, url) == compared(ask(call, local, tmp_path / "made"), str(local)), call


def test_an_object_replaced_while_it_is_read_is_no_damage(store: S3, tmp_path: Path) -> None:
    commands = b"".join(command("SET", f"key:{n}", "x" * 5000) for n in range(1000))
    file = tmp_path / "appendonly.aof"
    file.write_bytes(log(*(command("SET", f"key:{n}", "x" * 5000) for n in range(1000))))
    url = store.put(file, "nodes/replaced.aof")
    first = store.faults.ranges

    def replace_it(number: int) -> None:
        if number == first + 3:
            store.client.put_object(Bucket=BUCKET, Key="nodes/replaced.aof", Body=commands[:2_000_000])

    store.faults.before = replace_it
    answer = ask(("check", "--json", "IN"), url, tmp_path / "made")

    assert answer.code == 3
    assert "another object took its name" in json.loads(answer.out)["message"]


def test_a_manifest_leads_nowhere_out_of_its_prefix(store: S3, tmp_path: Path) -> None:
    store.client.put_object(Bucket=BUCKET, Key="secret.aof", Body=log(command("SET", "secret", "1")))
    manifest = b"file ../secret.aof seq 1 type b\nfile ../../secret.aof seq 1 type i\n"
    store.client.put_object(Bucket=BUCKET, Key="trap/aof/appendonly.aof.manifest", Body=manifest)

    for call in (("check", "IN"), ("log", "IN"), ("rewrite", "-n", "IN"), ("fix", "-n", "IN")):
        answer = ask(call, f"s3://{BUCKET}/trap/aof", tmp_path / "made")
        assert answer.code != 0
        assert "secret 1" not in answer.out


def test_a_repair_goes_to_the_store_whole_and_is_read_back(store: S3, tmp_path: Path) -> None:
    url = store.put(TORN, "nodes/torn")
    before = {row["Key"]: row["ETag"] for row in _objects(store, "nodes/torn")}

    answer = ask(("fix", "--yes", "--json", "-o", f"s3://{BUCKET}/mended.aof", "IN"), url, tmp_path / "made")

    assert answer.code == 0, answer
    written = json.loads(answer.out)["written"]
    assert written[0] == f"s3://{BUCKET}/mended.aof"
    assert {row["Key"] for row in _objects(store, "mended")} == {
        "mended.aof",
        "mended.aof.lost-and-found/lost-and-found.bin",
        "mended.aof.lost-and-found/lost-and-found.jsonl",
    }
    assert ask(("check", "IN"), f"s3://{BUCKET}/mended.aof", tmp_path / "made").code == 0
    assert {row["Key"]: row["ETag"] for row in _objects(store, "nodes/torn")} == before
    assert str(tmp_path) not in answer.out
    assert ".aoftool" not in answer.out


def test_a_rewrite_from_a_store_to_a_store_holds_the_same_keys(store: S3, tmp_path: Path) -> None:
    url = store.put(SET, "nodes/rewritten")
    out = f"s3://{BUCKET}/small/rewritten"

    answer = ask(("rewrite", "--salvage", "-o", out, "IN"), url, tmp_path / "made")

    assert answer.code == 0, answer
    assert f"wrote {out}/appendonly.aof.manifest" in answer.out
    names = sorted(row["Key"].rpartition("/")[2] for row in _objects(store, "small/rewritten"))
    assert names == ["appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof", "appendonly.aof.manifest"]
    assert ask(("diff", url, "IN"), out, tmp_path / "made").code == 0
    again = ask(("rewrite", "-o", out, "IN"), url, tmp_path / "made")
    assert again.code == 4
    assert "exists already" in again.err


def test_what_would_be_made_in_place_is_refused_with_the_line_to_type(store: S3, tmp_path: Path) -> None:
    url = store.put(TORN, "nodes/in-place")
    lines = {
        ("fix", "--yes", "IN"): f"next: aoftool fix -o OUT --yes {url}",
        ("rewrite", "--in-place", "IN"): f"next: aoftool rewrite -o OUT {url}",
        ("log", "--follow", "IN"): f"next: aoftool log --tail 20 {url}",
        ("undo", "IN"): "hint: undo it on the machine that it was made on",
        ("log", "-o", f"s3://{BUCKET}/x.aof", "IN"): "hint: name a file",
    }
    for call, line in lines.items():
        answer = ask(call, url, tmp_path / "made")
        assert (call, answer.code) == (call, 4)
        assert line in answer.err


def test_nothing_is_left_of_a_set_that_does_not_get_there_whole(
    store: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aoftool.files.remote.s3 import S3Store

    def refuse_manifest(self: S3Store, local: str, path: str) -> None:
        if path.endswith(".manifest"):
            raise PermissionError("Access Denied")
        put(self, local, path)

    put = S3Store.put
    monkeypatch.setattr(S3Store, "put", refuse_manifest)
    url = store.put(SET, "nodes/half")

    answer = ask(("rewrite", "-o", f"s3://{BUCKET}/half", "IN"), url, tmp_path / "made")

    assert answer.code == 3
    assert f"cannot write s3://{BUCKET}/half/appendonly.aof.manifest: access denied" in answer.err
    assert _objects(store, "half") == []


def test_a_fleet_of_prefixes_is_gone_over_as_one_on_a_disk(store: S3, tmp_path: Path) -> None:
    for name, path in (("a", SET), ("b", TORN)):
        store.put(path, f"fleet/{name}")
    for name in ("a.lost-and-found/lost-and-found.bin", "a.lost-and-found/lost-and-found.jsonl"):
        store.client.put_object(Bucket=BUCKET, Key=f"fleet/{name}", Body=b"x")

    answer = ask(("fleet", "--json", "--jobs", "1", f"s3://{BUCKET}/fleet/*"), "", tmp_path / "made")

    shown = json.loads(answer.out)
    assert answer.code == 1
    assert [(row["path"], row["verdict"]) for row in shown["logs"]] == [
        (f"s3://{BUCKET}/fleet/b", "torn-tail"),
        (f"s3://{BUCKET}/fleet/a", "ok"),
    ]


def test_the_row_of_a_remote_log_is_kept_until_another_object_has_its_name(store: S3, tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(log(command("SET", "k", "1")))
    url = store.put(path, "fleet-state/appendonly.aof")
    state = str(tmp_path / "state")
    ask(("fleet", "--json", "--jobs", "1", "--state", state, url), "", tmp_path / "made")
    with FleetState(state) as kept:
        assert kept.known(url) is not None

    # As large, and maybe of the same second: times of stores are no finer.
    path.write_bytes(log(command("SET", "k", "2")))
    store.put(path, "fleet-state/appendonly.aof")

    release_files()
    with FleetState(state) as kept:
        assert kept.known(url) is None


def _objects(store: S3, prefix: str) -> list[dict[str, Any]]:
    found = store.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    rows: list[dict[str, Any]] = found.get("Contents", [])
    return rows
