"""Copies of a log in use that are of one moment: `snapshot` takes them, `files/seal.py` knows the seal."""
