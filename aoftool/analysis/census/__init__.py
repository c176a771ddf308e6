"""One counting pass over the commands of a log: by command, database, prefix, size and time.

Begin at `driver.py`; `kernel.py` chooses between the kernel and its reference.
"""
