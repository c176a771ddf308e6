"""Which commands of a log still matter for the data at its end, without executing any.

Begin at `model.py`; `reading.py` makes rows of a log, `carry.py` says which of them are needed.
"""
