"""A data set that obeys commands as a server's loader does; begin with `engine`.

Nothing is imported here: who asks which keys are meant shall not load every command.
"""
