"""The commands that matter, executed: compiled where servers write them in numbers, else by the keyspace.

Begin at `replaying.py`; `hot.py` drives the kernels.
"""
