"""Two data sets side by side: keys added, gone, changed, and how.

Begin at `diff.py`.
"""
