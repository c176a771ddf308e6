"""Results as text, JSON, CSV: one module an output. Decides nothing and computes no fact.

Begin at `terminal.py` and `lines.py` for the two ways onto a screen, `jsonout.py` for machines.
"""
