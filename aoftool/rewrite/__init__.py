"""The smallest log with the same data, without a server.

Begin at `planner.py`, which plans one, then `runner.py`. `decide/` says what is needed, `replay/`
runs it, `write/` writes it, `shares/` does it within a limit of memory, `ask/` answers questions by it
without writing.
"""
