"""Choose the implementation of the hot encodings: compiled, or the Python reference.

Knows which one is in use; what the functions do is documented in `aoftool.rdb.encode._encode_py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from aoftool.kernels import kernel
from aoftool.rdb.encode import _encode_py

__all__ = [
    "encode_length",
    "encode_scored",
    "encode_string",
    "encode_strings",
    "encode_ziplist",
    "integers",
    "listpack_entries",
    "lzf_compress",
    "pack_list",
    "score_entries",
    "stream_entries",
    "string_records",
]

_Rows = Sequence[tuple[tuple[int, int], Sequence[tuple[bytes, bytes]]]]
_chosen = kernel("aoftool.rdb.encode._encode_cy")

encode_length = _encode_py.encode_length
lzf_compress: Callable[[bytes, int], bytes | None] = _chosen.lzf_compress
encode_string: Callable[[bytes, bool], bytes] = _chosen.encode_string
encode_strings: Callable[[Iterable[bytes], bool], bytes] = _chosen.encode_strings
encode_scored: Callable[[Iterable[tuple[float, bytes]], bool], bytes] = _chosen.encode_scored
integers: Callable[[Iterable[bytes]], list[int] | None] = _chosen.integers
string_records: Callable[..., bytes] = _chosen.string_records
score_entries: Callable[[Iterable[tuple[float, bytes]], int, Callable[[float], bytes]], bytes]
score_entries = _chosen.score_entries
stream_entries: Callable[[_Rows, int, int, int], tuple[int, int, bytes]] = _chosen.stream_entries
listpack_entries: Callable[[Iterable[bytes]], bytes] = _chosen.listpack_entries
encode_ziplist: Callable[[list[bytes]], bytes] = _chosen.encode_ziplist
pack_list: Callable[[Iterable[bytes], int, int, bool], tuple[int, bytes]] = _chosen.pack_list
