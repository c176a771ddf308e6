"""The values of RDB records, decoded: one module for each type of value.

Begin at `decode.py`.
"""
