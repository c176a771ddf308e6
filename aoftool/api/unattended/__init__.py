"""Use cases for programs that nobody watches: what entrypoints and scripts run, and what judges by itself.

Begin at `guarding.py`.
"""
