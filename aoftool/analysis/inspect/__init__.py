"""What `inspect` tells of a log: files, contents, dead bytes, restart time, expiry ahead, the next rewrite.

Begin at `overview.py`.
"""
