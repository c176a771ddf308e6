"""XXH3 against digests of Redis 8.6.3 and of the reference implementation."""

from __future__ import annotations

import pytest

from aoftool.keyspace.algorithms.xxh3 import hash_64, hash_128
from aoftool.keyspace.apply.stream_idmp import automatic_id
from tests.servers import Build, Server, server_params


def sample(size: int) -> bytes:
    """Return bytes that do not repeat early."""
    return bytes((number * number + number // 7) % 251 for number in range(size))


# One length for each way of hashing, and those around every border: xxHash 0.8.
@pytest.mark.parametrize(
    ("size", "short", "long"),
    [
        (0, "2d06800538d394c2", "99aa06d3014798d86001c324468d497f"),
        (1, "c44bdff4074eecdb", "a6cd5e9392000f6ac44bdff4074eecdb"),
        (3, "37892f624f40b19c", "b9a0eea252597bb137892f624f40b19c"),
        (4, "5206b2e6b553fe7e", "7c24a8ad085ce9693394089d873831e2"),
        (8, "98c961a085a126a8", "1e12dd50d9c2e76ac343c395f5513787"),
        (9, "d6ff946995b5f732", "2021488c8bbb1071c7e79610e2596d53"),
        (16, "7811a63c955db878", "f9ca5cc5fa93d93489ab65fb6d88f049"),
        (17, "51dfa273cb5ca991", "b9523f966982b30c9f8039584191f9b5"),
        (32, "f0b5b43f4a07190f", "e513b97b3e2a01cfbe1eb80a276a7c17"),
        (33, "cd979cc6f84a9aef", "ae6c2a343299b74186e744c44b3d38a6"),
        (64, "7f4090f49817a358", "f0c75138a65ad16b4084e6fa87df1036"),
        (65, "b6342b04e418ddec", "4137192bd9c31bb00496b7db00a44174"),
        (96, "97c581c13d2ec640", "b4c0449de4910f2daae829e1fcd97cf6"),
        (97, "84525ce39aabc3a6", "557933ed62297690573cc9eace3f2ec0"),
        (128, "678cc8cb2224f623", "33a039c9ed5fe5173161e515e9a69504"),
        (129, "a3a578dd5cb5b869", "f825a30fb8775bdebf1f407d8ec34557"),
        (160, "8fe81d8141612203", "80b0e2769ac4172fc36b964ce496c394"),
        (239, "a464ccd62bd8fb14", "124b450f113685cd9df3ce4de3994fc6"),
        (240, "668d2d5239c36e40", "fdbc6727ee5245e097bbe517fe96cbef"),
        (241, "f9b0c86aa1991bb5", "51cb00f09ec3d1e0f9b0c86aa1991bb5"),
        (511, "12d430f17b4af16c", "7cfd7f5109fa594812d430f17b4af16c"),
        (1024, "3c27e5be6f3bdffe", "098b6035b679ff003c27e5be6f3bdffe"),
        (1025, "9a7418c485b99374", "ecace14a106242419a7418c485b99374"),
        (2049, "8b92fd366304c27d", "4e8fc636c722cdc88b92fd366304c27d"),
    ],
)
def test_hashes_are_those_of_the_reference(size: int, short: str, long: str) -> None:
    low, high = hash_128(sample(size))

    assert f"{hash_64(sample(size)):016x}" == short
    assert f"{high:016x}{low:016x}" == long


@pytest.mark.parametrize("server_build", server_params(kind="redis", since="8.4"))
def test_digests_are_those_of_the_server(server_build: Build) -> None:
    with Server(server_build) as server:
        for size in (*range(300), 1023, 1024, 1025, 5000):
            server.send("SET", "a", sample(size))
            assert server.send("DIGEST", "a") == b"%016x" % hash_64(sample(size)), size


def test_an_automatic_id_does_not_hang_on_the_order_of_fields() -> None:
    assert automatic_id([b"a", b"1", b"b", b"2"]) == automatic_id([b"b", b"2", b"a", b"1"])
    assert automatic_id([b"a", b"12"]) != automatic_id([b"a1", b"2"])
