"""Implement `recorder explain`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import NothingSelected, UsageError
from ..loading import chosen, expression, opened
from ..options import cassette_argument, dialect_option, filter_option, json_option, jsonl_option
from ..output import fitted, json_list, write

if TYPE_CHECKING:
    from ...library.lazy import OpenRecording
    from ...model import Triple
    from ...views.explained.asking import Named


@click.command("explain")
@cassette_argument
@click.argument("what", metavar="[EVENT|REQUEST]", required=False)
@filter_option
@json_option
@jsonl_option
@dialect_option
def command(
    cassette: Path, *, what: str | None, wanted: str | None, as_json: bool, as_lines: bool, dialect: str | None
) -> None:  # fmt: skip
    """Explain why an event was linked to a request: the rule, the rivals, and why not to another request.

    Name a triple by its number (3), an event by triple and place (3.2), an unsolicited event by u1, u2 … in the order
    of `recorder ls --all`.

    \b
    Example:  recorder explain session.cassette 3      the state and the events of triple 3
              recorder explain session.cassette 3.2    the second event of triple 3
              recorder explain session.cassette u1     the first unsolicited event
              recorder explain session.cassette --filter 'confidence:<1'
    """
    from ...views import explanation as view
    from ...views.explained import asking

    if (what is None) == (wanted is None):
        raise UsageError("give one thing to explain: a triple (3), an event (3.2, u1), or --filter")
    with opened(cassette, dialect) as found:
        whole, named = (
            asking.named(found.recording, what, str(cassette)) if what else _fitting(found, wanted, dialect, cassette)
        )
        if as_json or as_lines:
            write(json_list((view.as_json(*one) for one in asking.judging(found, named)), lines=as_lines))
        elif whole:
            write("\n" * (place > 0) + fitted(asking.text_of(triple, found)) for place, triple in enumerate(whole))
        else:
            write(fitted(asking.text_of_event(found, one)) for one in asking.judging(found, named))


def _fitting(
    found: OpenRecording, wanted: str | None, dialect: str | None, path: Path
) -> tuple[list[Triple], list[Named]]:
    """Return the triples that fit the filter, and their events.

    Raises:
        NothingSelected: If no triple fits.
    """
    from ...views.explained.asking import events_of

    fitting = list(chosen(found, expression(wanted, dialect, [path])))
    if not fitting:
        raise NothingSelected(f"{path}: nothing fits {wanted!r}")
    return fitting, [one for triple in fitting for one in events_of(triple)]
