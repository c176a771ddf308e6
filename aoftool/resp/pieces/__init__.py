"""A stream in pieces: where one may begin, each scanned by itself, and their tallies joined as of one scan.

Begin at `ranges.py`.
"""
