"""Compressed inputs: what a head of bytes shows, and decoders that hand out all that stands before damage.

Begin at `compression.py`.
"""
