"""Commands executed straight from the bytes of a log, without Python objects; the reference is the keyspace.

Begin at `hot.py`. `_store_cy` holds the values and does the plain commands, `_replay_cy` runs the chosen rows
of a trace, `_follow_cy` every command of a stream in its order; `following.py` drives the latter.
"""
