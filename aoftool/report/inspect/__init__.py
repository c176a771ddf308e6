"""What `inspect` shows: the overview, contents, expiry, for a terminal, plain lines, JSON and CSV.

Begin at `screen.py`.
"""
