"""What the options of one verb mean together: which contradict each other, and what a use case is asked.

Begin with the module that bears the name of the verb; what several verbs share is in `options/`.
"""
