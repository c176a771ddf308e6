"""An RDB part as a tree of named fields with their spans, for people who want to see every byte.

Begin at `file.py`, which says what a file is made of; `span.py` is what a reader gets.
"""
