"""Append-only files as a whole: manifests, which files form a log, reading them in order."""
