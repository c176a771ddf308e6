"""Findings and verdicts: is a log intact, and what would a server do with it.

Import from the modules: a quick pass must not pay for what only the deeper levels need.
"""
