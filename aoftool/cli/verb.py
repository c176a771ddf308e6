"""A verb takes one request: a frozen dataclass whose fields are its arguments and options.

Both readers of command lines are made from the fields, so that nothing is copied by hand from options to
calls, and no option can get lost on the way.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

from aoftool.cli.declared import Argument, Option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _typeshed import DataclassInstance

__all__ = ["REQUIRED", "Application", "Asked", "Verb", "add_verb", "asked_of"]

Request = TypeVar("Request", bound="DataclassInstance")

REQUIRED = object()
"""Stands for the default of what must be given."""


class Asked:
    """One argument or option of a verb.

    Attributes:
        name: of the field.
        type: what it is made of: `bool`, `str | None`, `list[int] | None` and the like.
        declared: how it is typed.
        default: its value where it is not typed, or `REQUIRED`.
    """

    __slots__ = ("declared", "default", "name", "type")

    def __init__(self, name: str, type: Any, declared: Argument | Option, default: object) -> None:
        self.name = name
        self.type = type
        self.declared = declared
        self.default = default


class Verb:
    """What the application knows of a verb.

    Attributes:
        do: does what is asked for and returns the exit code; its name and docstring are those of the help.
        request: the class of what it is asked.
        codes: the exit codes that it can give, beside those that every verb gives.
    """

    __slots__ = ("codes", "do", "request")

    def __init__(self, do: Callable[[Any], int], request: type, codes: tuple[int, ...]) -> None:
        self.do = do
        self.request = request
        self.codes = codes


class Application:
    """The verbs that have registered themselves, in their order."""

    __slots__ = ("verbs",)

    def __init__(self) -> None:
        self.verbs: list[Verb] = []


def add_verb(app: Application, verb: Callable[[Request], int], request: type[Request], *codes: int) -> None:
    """Add a verb to the application.

    Args:
        verb: does what is asked for and returns the exit code; its name and docstring are those of the help.
        request: its fields in the order of the help, each `Annotated` with how it is typed.
        codes: the exit codes that it can give, beside those that every verb gives.
    """
    app.verbs.append(Verb(verb, request, codes))


def asked_of(request: type) -> Iterator[Asked]:
    """Yield the arguments and options of a verb: its own, as its fields stand, then those of its looks."""
    own, *bases = request.__mro__
    for owner in (own, *reversed(bases)):
        names = vars(sys.modules[owner.__module__])
        for name, text in vars(owner).get("__annotations__", {}).items():
            # As typing.get_type_hints does it; the text is the annotation of one of our own classes.
            hint = eval(text, names)
            yield Asked(name, hint.__origin__, hint.__metadata__[0], getattr(request, name, REQUIRED))
