"""Choose the implementation that writes commands in bulk: compiled, or the Python reference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from aoftool.emit import _commands_py
from aoftool.native import PURE

__all__ = ["encode_argvs", "encode_batches"]

encode_argvs: Callable[[Iterable[Sequence[bytes]]], bytes]
encode_batches: Callable[[Sequence[bytes], Iterable[bytes], int], bytes]
if TYPE_CHECKING or PURE:
    encode_argvs, encode_batches = _commands_py.encode_argvs, _commands_py.encode_batches
else:
    try:
        from aoftool.emit._commands_cy import encode_argvs, encode_batches
    except ImportError:
        encode_argvs, encode_batches = _commands_py.encode_argvs, _commands_py.encode_batches
