"""Bytes of a log explained field by field, for the RDB part and for commands.

Begin at `explain.py`.
"""
