"""The keys of a log at a moment, each with what it is and what it costs.

Begin at `replayed.py`.
"""
