"""How a log grew: by time or position, by command and prefix, against a later state of itself.

Begin at `growth.py`.
"""
