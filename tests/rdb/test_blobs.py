"""Listpacks, ziplists, intsets, zipmaps and LZF: known bytes, round trips, damage, both implementations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.rdb.blobs import intset, listpack, ziplist, zipmap
from aoftool.rdb.blobs._lzf_py import decompress
from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.encode._encode_py import lzf_compress
from tests.kernels import both, twin

HEX = bytes.fromhex
LISTPACK_ENTRIES = [
    (0, "00 01"),
    (127, "7f 01"),
    (128, "c0 80 02"),
    (-1, "df ff 02"),
    (-4096, "d0 00 02"),
    (4095, "cf ff 02"),
    (4096, "f1 00 10 03"),
    (-32769, "f2 ff 7f ff 04"),
    (2147483647, "f3 ff ff ff 7f 05"),
    (2**63 - 1, "f4 ff ff ff ff ff ff ff 7f 09"),
    (b"", "80 01"),
    (b"a", "81 61 02"),
    (b"x" * 64, "e0 40" + "78" * 64 + "42"),
    (b"x" * 197, "e0 c5" + "78" * 197 + "01 c7"),
]
ZIPLIST = HEX("1a000000 15000000 0500 000161 030162 03f2 02fef9 03c02c01 ff")
INTSET = HEX("02000000 03000000 fdff 0100 0200")
ZIPMAP = HEX("02 0166 010076 0167 02003132 ff")
ITEMS = st.lists(
    st.one_of(
        st.binary(max_size=70),
        st.integers(-(2**63), 2**63 - 1).map(lambda number: b"%d" % number),
        st.sampled_from([b"", b"007", b"-0", b"+1", b"x" * 300, b"y" * 5000, b"z" * 20000, b"12", b"13"]),
    ),
    max_size=12,
)


def outcome(call: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a call returns, or the code and offset of the damage it raises."""
    try:
        return call(*arguments)
    except EncodingDamage as found:
        return found.code, found.offset


def damaged(blob: bytes) -> list[bytes]:
    """Return every prefix of a blob and the blob with each byte changed in three ways."""
    flipped = [
        blob[:place] + bytes([blob[place] ^ mask]) + blob[place + 1 :]
        for place in range(len(blob))
        for mask in (0x01, 0x80, 0xFF)
    ]
    return [blob[:size] for size in range(len(blob))] + flipped


@pytest.mark.parametrize(("item", "entry"), LISTPACK_ENTRIES)
def test_listpack_entry_has_its_known_bytes(item: bytes | int, entry: str) -> None:
    blob = listpack.encode([item])

    assert blob[6:-1] == HEX(entry)
    assert listpack.decode_items(blob) == [item]
    assert listpack.check(blob) is None


def test_ziplist_has_its_known_bytes() -> None:
    items = [b"a", b"b", b"1", b"-7", b"300"]

    assert ziplist.decode(ZIPLIST) == items
    assert ziplist.encode(items) == ZIPLIST
    assert ziplist.check(ZIPLIST) is None


def test_intset_has_its_known_bytes() -> None:
    assert intset.decode(INTSET) == [-3, 1, 2]
    assert intset.encode([2, 1, -3]) == INTSET
    assert intset.check(INTSET) is None


def test_zipmap_with_free_bytes_and_a_long_value_is_read() -> None:
    long_value = b"v" * 300
    blob = b"\xfe\x01f\xfe" + (300).to_bytes(4, "little") + b"\x02" + long_value + b"\0\0\xff"

    assert zipmap.decode(ZIPMAP) == [(b"f", b"v"), (b"g", b"12")]
    assert zipmap.decode(blob) == [(b"f", long_value)]
    assert zipmap.check(blob) is None
    assert zipmap.check(b"\xff" + blob[1:]) == ("blob-count", 0)


@given(ITEMS)
def test_listpack_and_ziplist_round_trip(items: list[bytes]) -> None:
    packed, zipped = listpack.encode(items), ziplist.encode(items)

    assert listpack.decode(packed) == items
    assert ziplist.decode(zipped) == items
    assert listpack.check(packed) is None
    assert ziplist.check(zipped) is None


@given(st.sets(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_intset_round_trips(members: set[int]) -> None:
    blob = intset.encode(members)

    assert intset.decode(blob) == sorted(members)
    assert intset.check(blob) is None


@pytest.mark.parametrize(
    ("blob", "code"),
    [
        ("0d000000 0300 816102 816202 ff", "blob-count"),
        ("0e000000 0200 816102 816202 ff", "blob-size"),
        ("0d000000 0200 816103 816202 ff", "blob-backlink"),
        ("0d000000 0200 816102 816202 00", "blob-end"),
        ("0e000000 0200 816102 816202 ff ff", "blob-trailing"),
        ("0d000000 0200 f56102 816202 ff", "blob-encoding"),
        ("0d000000 0200 816102 8f6202 ff", "blob-short"),
        ("0d", "blob-short"),
    ],
)
def test_damaged_listpack_is_named(blob: str, code: str) -> None:
    found = outcome(listpack.check, HEX(blob))

    assert found is not None
    assert found[0] == code


@pytest.mark.parametrize(
    ("blob", "code"),
    [
        ("11000000 0d000000 0300 000161 030162 ff", "blob-count"),
        ("11000000 0a000000 0200 000161 030162 ff", "blob-tail"),
        ("11000000 0d000000 0200 000161 040162 ff", "blob-backlink"),
        ("12000000 0d000000 0200 000161 030162 ff", "blob-size"),
        ("11000000 0d000000 0200 000161 030162 fd", "blob-short"),
    ],
)
def test_damaged_ziplist_is_named(blob: str, code: str) -> None:
    found = outcome(ziplist.check, HEX(blob))

    assert found is not None
    assert found[0] == code


@pytest.mark.parametrize(
    ("blob", "code"),
    [
        ("02000000 02000000 0200 0100", "intset-order"),
        ("02000000 02000000 0100 0100", "intset-order"),
        ("03000000 01000000 010000", "intset-width"),
        ("02000000 03000000 0100 0200", "blob-size"),
        ("02000000 00000000", "blob-count"),
    ],
)
def test_damaged_intset_is_named(blob: str, code: str) -> None:
    found = outcome(intset.check, HEX(blob))

    assert found is not None
    assert found[0] == code


def test_damaged_zipmap_is_named_or_read() -> None:
    for blob in damaged(ZIPMAP):
        found = outcome(zipmap.check, blob)

        assert found is None or found[0].startswith(("blob-", "zipmap-"))


@pytest.mark.parametrize("name", ["listpack", "ziplist"])
def test_both_implementations_agree_on_every_damaged_blob(name: str) -> None:
    reference, kernel = both(name)
    sound = {
        "listpack": listpack.encode([b"a", 5, -4097, 1 << 40, b"x" * 130, 70000, b"q"]),
        "ziplist": ziplist.encode([b"a", b"5", b"-4097", b"99999999999", b"x" * 260, b"70000", b"q"]),
    }[name]
    extra = (True,) if name == "listpack" else ()
    for blob in [sound, *damaged(sound)]:
        assert outcome(kernel.decode, blob, *extra) == outcome(reference.decode, blob, *extra)
        assert outcome(kernel.check, blob) == outcome(reference.check, blob)


@pytest.mark.parametrize("name", ["listpack", "ziplist"])
@given(data=st.data())
def test_both_implementations_agree_on_random_blobs(name: str, data: st.DataObject) -> None:
    reference, kernel = both(name)
    body = data.draw(st.binary(max_size=60))
    head = 6 if name == "listpack" else 10
    blob = (len(body) + head).to_bytes(4, "little") + bytes(head - 4) + body
    extra = (True,) if name == "listpack" else ()

    assert outcome(kernel.decode, blob, *extra) == outcome(reference.decode, blob, *extra)
    assert outcome(kernel.check, blob) == outcome(reference.check, blob)


@pytest.mark.parametrize("implementation", ["py", "cy"])
def test_lzf_unpacks_known_streams(implementation: str) -> None:
    kernel = twin("lzf", implementation)

    assert kernel.decompress(HEX("016161e05700016161"), 100) == b"a" * 100
    assert kernel.decompress(HEX("0061e05a00"), 100) == b"a" * 100
    assert kernel.decompress(b"", 0) == b""


@pytest.mark.parametrize("implementation", ["py", "cy"])
@pytest.mark.parametrize("size", [99, 101, 2**40, 2**64 - 1])
def test_lzf_of_another_size_is_refused_without_taking_memory(implementation: str, size: int) -> None:
    kernel = twin("lzf", implementation)

    found = outcome(kernel.decompress, HEX("016161e05700016161"), size)

    assert found[0] == "lzf-invalid"


@given(st.lists(st.sampled_from([b"abc", b"a", b"xyzxyz", b"0" * 40, b"\0\1\2"]), max_size=80))
def test_both_implementations_unpack_what_was_packed(parts: list[bytes]) -> None:
    reference, kernel = both("lzf")
    text = b"".join(parts)
    packed = lzf_compress(text, len(text)) or b""
    if not packed:
        return

    assert reference.decompress(packed, len(text)) == text
    assert kernel.decompress(packed, len(text)) == text


def test_both_implementations_agree_on_every_damaged_lzf_stream() -> None:
    reference, kernel = both("lzf")
    packed = HEX("0361626361e014020258595ae01520201de01c2301595a")
    assert len(decompress(packed, 108)) == 108
    for stream in damaged(packed):
        for size in (107, 108):
            found = outcome(kernel.decompress, stream, size)
            assert found == outcome(reference.decompress, stream, size)
            judged = None if isinstance(found, bytes) else found
            assert outcome(kernel.check, stream, size) == outcome(reference.check, stream, size) == judged


@given(st.binary(max_size=40), st.integers(0, 300))
def test_both_implementations_agree_on_random_lzf_streams(stream: bytes, size: int) -> None:
    reference, kernel = both("lzf")

    assert outcome(kernel.decompress, stream, size) == outcome(reference.decompress, stream, size)
    assert outcome(kernel.check, stream, size) == outcome(reference.check, stream, size)
