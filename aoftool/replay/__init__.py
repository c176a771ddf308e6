"""The data of a log as its writer meant it: which release wrote it, and what that release does with it.

Begin at `writer.py`: what is known of the writer, and how sure it is. `evidence.py` gathers what the commands
of a log say of it.
"""
