"""The command stream behind damage: where it goes on, what is a command and what only looks like one.

Begin at `dissect.py`; `wounds.py` has its result.
"""
