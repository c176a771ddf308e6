"""The use cases: what a verb of the command line does between its options and its output, one a module.

`import aoftool` offers most of them to programs (docs/api.md says which, and what of it stays as it is).
Takes values, not what was typed; prints nothing, asks nothing and knows no environment. Begin at
`opening.py`, then `checking.py`, the shortest of them.
"""
