"""Options that verbs share, and how what is typed becomes a place, a time, a pattern or a budget.

Begin at `common_options.py`.
"""
