"""Findings by layer: the layout, the command stream, the RDB part, and what the commands mean."""
