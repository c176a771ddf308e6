"""What each verb may be asked: one module a verb, with a frozen dataclass whose fields are its options.

Declarations only. What they mean together is in `choices/`, the readers of command lines in `lean.py` and
`typer_app.py`.
"""
