"""What happened to a key: every command that touched it, through renames, copies and flushes.

Begin at `history.py`; `lineage.py` follows a name to the commands that made its value.
"""
