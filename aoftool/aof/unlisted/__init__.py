"""Which files belong to a set where no manifest says so: it is gone, damaged, or of another time.

Begin at `without_manifest.py`.
"""
