import numpy as np
from numpy.typing import NDArray

from aoftool.liveness._keys_cy import KeyTable

UNKNOWN: int

def number_rows(keys: KeyTable, packed: bytes, data: bytes | memoryview, base: int) -> NDArray[np.int64]: ...
def fields() -> tuple[str, ...]: ...
