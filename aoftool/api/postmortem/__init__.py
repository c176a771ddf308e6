"""What a page about a log holds: the answers of the other use cases, gathered, and laid on one time line.

Begin at `gathering.py`; `model.py` is what reporters see.
"""
