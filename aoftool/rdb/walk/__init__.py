"""One pass over an RDB part: counts, types, checksum and the place of the first damage, no value decoded.

Begin at `walk.py`; `walker.py` chooses between the kernel and its reference.
"""
