"""Readers of what is captured from a server and its machine: figures with their lines, no verdicts."""
