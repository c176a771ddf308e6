"""An RDB part taken apart as far as its bytes allow: what is whole behind damage, and what proves it.

Begin at `exam.py`; `salvage.py` finds what can be kept.
"""
