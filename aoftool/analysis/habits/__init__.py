"""What the keys of a log are used like: caches, queues, counters, hot keys, repeated values, secrets.

Begin at `reading.py`.
"""
