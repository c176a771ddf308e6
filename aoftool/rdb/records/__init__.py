"""The keys of an RDB part one by one: name, expire time, type, span and, on demand, the value.

Begin at `reader.py`.
"""
