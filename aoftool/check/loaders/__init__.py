"""What each release would do with a log: read, refuse, cut or die of it.

Begin at `targets.py`, one row a release; `simulate.py` is the loop that uses them.
"""
