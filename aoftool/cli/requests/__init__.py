"""What each verb may be asked: one module a verb, with a frozen dataclass whose fields are its options.

Declarations only; the readers of command lines are `aoftool/cli/lean.py` and `typer_app.py`.
"""
