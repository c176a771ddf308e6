"""`regex` makes a pattern that is compiled when it is first used: a start pays only for those that it needs.

For the type checker it is `re.compile`. A method that was used once is the compiled pattern's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["regex"]

if TYPE_CHECKING:
    from re import compile as regex
else:

    class regex:
        """A pattern as it is written, and what it is compiled to."""

        def __init__(self, text, flags=0):
            self._text = text
            self._flags = flags

        def __getattr__(self, name):
            import re

            # re.compile keeps what it has made, so the second method costs no second compilation.
            found = getattr(re.compile(self._text, self._flags), name)
            setattr(self, name, found)
            return found
