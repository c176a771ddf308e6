"""The commands of a log one by one: filtered, listed, followed, with their neighbours.

Begin at `listing.py`.
"""
