"""The options of a stand-in whose clients ask for the trials of a search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from ..options import Finite

F = TypeVar("F", bound=Callable[..., Any])


def explore_options(function: F) -> F:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def given_of(*names: str) -> str:
    """Return which options of these names the user gave to the running command, with a verb; "" if there are none."""
    context = click.get_current_context()
    found = [
        max(param.opts, key=len)
        for param in context.command.params
        if param.name in names and context.get_parameter_source(param.name) not in _DEFAULTS
    ]
    if not found:
        return ""
    *others, last = found
    return f"{', '.join(others)} and {last} are" if others else f"{last} is"


_DEFAULTS = (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP, None)
_OPTIONS = (
    click.option(
        "--explore",
        metavar="N",
        type=click.IntRange(1),
        help="Search for an order that a client does not bear, in N orders at most: it begins each trial by POST"
        " /__recorder/trial.",
    ),
    click.option(
        "--explore-seed",
        metavar="N",
        type=int,
        default=0,
        show_default=True,
        help="Seed of that search: equal seeds draw equal orders.",
    ),
    click.option(
        "--explore-delay",
        metavar="SECONDS",
        type=Finite(0, 3600),
        default=1.0,
        show_default=True,
        help="Time by which that search delays an event or an answer; 0 for no delays.",
    ),
    click.option(
        "--disturb",
        metavar="NAME",
        type=click.Choice(["poll", "handshake", "duplicate", "fallback"]),
        multiple=True,
        help="Trouble that the search adds: poll (lost polls), handshake (lost sessions), duplicate (events twice),"
        " fallback (cut WebSockets). May be repeated.",
    ),
)
