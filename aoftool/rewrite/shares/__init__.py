"""A rewrite in shares, each small enough for the memory that may be used, and merged into one log.

Begin at `plan.py`.
"""
