"""Choose the implementation that writes commands in bulk: compiled, or the Python reference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from aoftool.kernels import kernel

__all__ = ["encode_argvs", "encode_batches"]

encode_argvs: Callable[[Iterable[Sequence[bytes]]], bytes]
encode_batches: Callable[[Sequence[bytes], Iterable[bytes], int], bytes]
_chosen = kernel("aoftool.emit._commands_cy")
encode_argvs, encode_batches = _chosen.encode_argvs, _chosen.encode_batches
