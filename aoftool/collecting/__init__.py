"""Asks running servers, read-only: one connection, only commands that look, never keys or data."""
