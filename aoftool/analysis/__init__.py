"""Facts about a log, gathered and summed up; nothing here judges or repairs.

One room a question: `census` (what is in it), `inspect`, `growth`, `commands`, `history`, `clock`, `audit`,
`habits`, `diff`, `keys`, and `redact` for what may be shown.
"""
