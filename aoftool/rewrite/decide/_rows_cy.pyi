import numpy as np
from numpy.typing import NDArray

from aoftool.columns import Column
from aoftool.liveness._keys_cy import KeyTable

UNKNOWN: int

class Decider:
    keys: int
    size_bytes: int
    touched_keys: int
    touched_bytes: int
    beyond: int
    copyable: bool
    runs: list[tuple[int, int, int, int, int]]
    def __init__(
        self,
        causes: Column,
        touched: bytearray,
        written: bytearray,
        held: bytearray,
        unnamed: NDArray[np.uint8],
        reads: NDArray[np.uint8],
    ) -> None: ...
    def add(self, packed: bytes, numbers: NDArray[np.int64]) -> NDArray[np.uint8]: ...
    def close(self) -> None: ...
    def databases(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
    def dead(self) -> list[tuple[int, int, int]]: ...

def number_rows(keys: KeyTable, packed: bytes, data: bytes | memoryview, base: int) -> NDArray[np.int64]: ...
def fields() -> tuple[str, ...]: ...
