"""RDB parts: walked, read, checked and written, for every version and both families.

Import from the modules: a run that meets no RDB must not pay for reading one.
"""
