"""How a verb declares its arguments and options: plain data, of which both readers of command lines are made.

`lean.py` reads well-formed calls, `typer_app.py` all others; neither is loaded to declare something.
"""

from __future__ import annotations

__all__ = ["Argument", "Option"]


class Argument:
    """A word that stands by its place.

    Args:
        metavar: what help calls it.
        help: what it means.
        show_default: whether help names the default.
    """

    __slots__ = ("help", "metavar", "show_default")

    def __init__(self, *, metavar: str, help: str, show_default: bool = True) -> None:
        self.metavar = metavar
        self.help = help
        self.show_default = show_default


class Option:
    """A word that stands by its name.

    Args:
        names: as typed, such as `-o` and `--output`, or `--x/--no-x`; without one it is that of the field.
        help: what it means.
        metavar: what help calls its value; None for the name of its type.
        min: the smallest number that it takes.
        max: the largest.
        rich_help_panel: the heading under which help lists it.
        show_default: whether help names the default.
    """

    __slots__ = ("help", "max", "metavar", "min", "names", "rich_help_panel", "show_default")

    def __init__(
        self,
        *names: str,
        help: str,
        metavar: str | None = None,
        min: int | None = None,
        max: int | None = None,
        rich_help_panel: str | None = None,
        show_default: bool = True,
    ) -> None:
        self.names = names
        self.help = help
        self.metavar = metavar
        self.min = min
        self.max = max
        self.rich_help_panel = rich_help_panel
        self.show_default = show_default
