"""RDB parts: walked, read, checked and written, for every version and both families."""

from aoftool.rdb.header import is_rdb
from aoftool.rdb.summary import RdbWalk
from aoftool.rdb.walk import walk

__all__ = ["RdbWalk", "is_rdb", "walk"]
