"""Whether a record holds what its type promises, beyond what a loader looks at.

Begin at `record.py`; `across_records.py` sees what only several records show.
"""
