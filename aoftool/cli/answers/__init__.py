"""How a verb answers: in the form that was asked for, with what is said beside it, and the exit code.

Begin with the module that bears the name of the verb; how results look is in `aoftool.report`.
"""
