"""RDB written: values, records and whole files, in the encodings a release would choose.

Begin at `writer.py`; `targets.py` says what each release writes.
"""
