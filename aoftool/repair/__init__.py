"""Repairs: planned without writing, applied without deciding, undone from a receipt.

Begin at `planner.py`, then `apply.py` and `undo.py`; `planners/` has one module a kind of repair.
"""
