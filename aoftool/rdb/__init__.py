"""RDB parts: walked, read, checked and written, for every version and both families."""

from aoftool.rdb.damage import RdbIssue
from aoftool.rdb.header import is_rdb
from aoftool.rdb.reader import RecordReader, records
from aoftool.rdb.record import Record
from aoftool.rdb.summary import RdbWalk
from aoftool.rdb.verify import verify
from aoftool.rdb.walk import walk

__all__ = ["RdbIssue", "RdbWalk", "Record", "RecordReader", "is_rdb", "records", "verify", "walk"]
