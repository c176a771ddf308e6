"""What the text of a function library tells without running it: its name, and at times its functions.

A server reads the first line itself and leaves the rest to its engine, so that only a server can refuse the
rest. Two things can be known here: a first line that every server refuses, and a body made of nothing but
plain calls, which cannot fail. Anything else is for a server to say.
"""

from __future__ import annotations

from enum import Enum

from aoftool.dataclass import dataclass
from aoftool.quoting import Quoting, split_words
from aoftool.regex import regex

__all__ = [
    "LibraryHeader",
    "PlainBody",
    "ServerObject",
    "library_name",
    "plain_body",
    "read_header",
    "server_object",
]

_NAME = regex(rb"[A-Za-z0-9_]+")
_NAME_WORD = b"name="
_KEYWORDS = (
    rb"and|break|do|else|elseif|end|false|for|function|if|in|local|nil|not|or|repeat|return|then|true"
    rb"|until|while"
)
_PARAMETER = rb"(?!(?:" + _KEYWORDS + rb")\b)[A-Za-z_]\w*\s*"
# A call whose callback only gives a constant back: it registers its function wherever the object is there.
_CALL = regex(
    rb"(redis|server)\.register_function\(\s*(?:'([A-Za-z0-9_]+)'|\"([A-Za-z0-9_]+)\")\s*,"
    rb"\s*function\s*\(\s*(?:" + _PARAMETER + rb"(?:,\s*" + _PARAMETER + rb")*)?\)"
    rb"\s*(?:return\s+(?:[0-9]{1,9}|'[A-Za-z0-9_ ]*'|\"[A-Za-z0-9_ ]*\"|nil|true|false)\s+)?end\s*\)\s*;?\s*"
)
_SERVER_OBJECT = regex(rb"\bserver\s*[.\[:]")


class ServerObject(Enum):
    """Whether a library uses the object `server`, which Redis and Valkey 7.2 do not have.

    CALLED: it does for certain, and fails without it. NAMED: only a server can tell.
    """

    UNUSED = "unused"
    NAMED = "named"
    CALLED = "called"


@dataclass(frozen=True, slots=True)
class LibraryHeader:
    """The first line of a library.

    Attributes:
        engine: in lower case.
        name: of the library; empty when the line is refused.
        problem: the answer of a server that refuses the line, empty when it is sound.
    """

    engine: bytes = b""
    name: bytes = b""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PlainBody:
    """A body that cannot fail on a server that has what it uses.

    Attributes:
        functions: what it registers.
        uses_server: it calls the `server` object, which Redis and Valkey 7.2 do not have.
    """

    functions: frozenset[bytes]
    uses_server: bool


def read_header(code: bytes, quoting: Quoting = Quoting.SEPARATE) -> LibraryHeader:
    """Read the first line of a library as a server does.

    Source: Redis 7.0 src/functions.c functionExtractLibMetaData; measured on Redis 7.0.15, 7.4.1, 8.0.2 to
    8.6.3 and Valkey 8.1.1, 9.1.2, which differ in what may follow a closing quote only.
    """
    if not code.startswith(b"#!"):
        return LibraryHeader(problem="ERR Missing library metadata")
    line, newline, _ = code.partition(b"\n")
    words = split_words(line, quoting) if newline and b"\0" not in line else None
    if not words:
        return LibraryHeader(problem="ERR Invalid library metadata")
    engine, name = words[0][2:].lower(), None
    for word in words[1:]:
        if word[: len(_NAME_WORD)].lower() != _NAME_WORD:
            return LibraryHeader(engine, problem="ERR Invalid metadata value given")
        if name is not None:
            problem = "ERR Invalid metadata value, name argument was given multiple times"
            return LibraryHeader(engine, problem=problem)
        name = word[len(_NAME_WORD) :]
    if name is None:
        return LibraryHeader(engine, problem="ERR Library name was not given")
    if not _NAME.fullmatch(name):
        problem = "ERR Library names can only contain letters, numbers, or underscores(_)"
        return LibraryHeader(engine, problem=problem)
    return LibraryHeader(engine, name)


def library_name(code: bytes) -> bytes:
    """Return the name of a library, empty when its first line gives none that some server takes."""
    return read_header(code).name or read_header(code, Quoting.JOINED).name


def plain_body(code: bytes) -> PlainBody | None:
    """Return what a library registers, or None where only a server can tell."""
    at = code.find(b"\n") + 1
    functions: list[bytes] = []
    uses_server = False
    while at < len(code):
        call = _CALL.match(code, at)
        if call is None:
            return None
        functions.append(call[2] or call[3])
        uses_server |= call[1] == b"server"
        at = call.end()
    if not at or not functions or len(set(functions)) < len(functions):
        return None
    return PlainBody(frozenset(functions), uses_server)


def server_object(code: bytes) -> ServerObject:
    """Tell whether a library uses `server`; a word in a comment or a string counts as naming it."""
    if _SERVER_OBJECT.search(code) is None:
        return ServerObject.UNUSED
    body = plain_body(code)
    return ServerObject.NAMED if body is None or not body.uses_server else ServerObject.CALLED
