"""What stands out in a log: deletions, flushes, losses, storms of expiry, intrusion.

Begin at `audit.py`; `model.py` says what an event is.
"""
