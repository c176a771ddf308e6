from collections.abc import Sequence

from aoftool.liveness._keys_cy import KeyTable
from aoftool.liveness.compiled_forms import FormSpec
from aoftool.liveness.model import Chunk, Op
from aoftool.liveness.rows import Ref

MORE: int
SLOW: int
IRREGULAR: int
FULL: int
SELECTS: int
OPENS: int
CLOSES: int
CLOSED: int
OPENED_HERE: int
OPENED_THERE: int

class Rows:
    file: int
    def __init__(self, file: int, start: int, start_fates: bytes) -> None: ...
    @property
    def end(self) -> int: ...
    def __len__(self) -> int: ...
    def add(self, end: int, name: int, op: Op, key: int = 0, refs: Sequence[Ref] = ()) -> None: ...
    def seal(self) -> Chunk: ...

class Feeder:
    selected: int
    transaction: int
    transaction_row: int
    transaction_selected: int
    def __init__(
        self,
        keys: KeyTable,
        specs: dict[bytes, list[FormSpec]],
        obeyed: dict[bytes, int],
        databases: int,
        chunk_rows: int,
    ) -> None: ...
    def number_name(self, name: bytes, number: int) -> None: ...
    def sync(self, selected: int, numbering: dict[int, int], all_slow: bool) -> None: ...
    def select(self, selected: int, all_slow: bool) -> None: ...
    def argv(self, data: memoryview) -> tuple[list[bytes], int]: ...
    def run(self, rows: Rows, data: memoryview, start: int, base: int) -> tuple[int, int]: ...
