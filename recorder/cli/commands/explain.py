"""Implement `recorder explain`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeAlias

import click

from ...errors import NothingSelected, UsageError
from ...model import Event, Link, Recording, Triple
from ..loading import expression, fitting, load, read
from ..options import cassette_argument, dialect_option, filter_option, json_option
from ..output import fitted, json_text, write

Named: TypeAlias = tuple[str, Event, Link | None]  # name of an event (3.2, u1), the event, its link


@click.command("explain")
@cassette_argument
@click.argument("what", metavar="[EVENT|REQUEST]", required=False)
@filter_option
@json_option
@dialect_option
def command(cassette: Path, *, what: str | None, wanted: str | None, as_json: bool, dialect: str | None) -> None:
    """Explain why an event was linked to a request: the rule, the rivals, and why not to another request.

    Name a triple by its number (3), an event by triple and place (3.2), an unsolicited event by u1, u2 … in the order
    of `recorder ls --all`.

    \b
    Example:  recorder explain session.cassette 3      the state and the events of triple 3
              recorder explain session.cassette 3.2    the second event of triple 3
              recorder explain session.cassette u1     the first unsolicited event
              recorder explain session.cassette --filter 'confidence:<1'
    """
    from ...correlate.anchors import anchors
    from ...diagnose.explain import explain
    from ...dialect.carried import dialect_of
    from ...views import explanation as view

    if (what is None) == (wanted is None):
        raise UsageError("give one thing to explain: a triple (3), an event (3.2, u1), or --filter")
    recording = load([cassette], dialect)
    whole, links = _chosen(recording, what, cassette) if what else _fitting(recording, wanted, dialect, cassette)
    places = [(event.seq, event.index) for _, event, _ in links]
    found = explain(read(cassette).records, dialect_of(recording.header), places)
    judged = [(name, event, link, found.judgements[event.seq, event.index]) for name, event, link in links]
    followed = {f"u{number}": anchor for number, anchor in enumerate(anchors(recording), 1)}
    if as_json:
        write([json_text([view.as_json(*one, followed.get(one[0])) for one in judged])])
    elif whole:
        write("\n" * (place > 0) + fitted(view.request(triple, found)) for place, triple in enumerate(whole))
    else:
        numbers = {t.request.seq: t.n for t in recording.triples}
        for name, _, link, _ in judged:
            if link is not None:  # one record may carry several publishes
                numbers[link.request] = int(name.partition(".")[0])
        write(fitted(view.event(*one, numbers, anchor=followed.get(one[0]))) for one in judged)


def _fitting(
    recording: Recording, wanted: str | None, dialect: str | None, path: Path
) -> tuple[list[Triple], list[Named]]:
    """Return the triples that fit the filter, and their events.

    Raises:
        NothingSelected: If no triple fits.
    """
    chosen = list(fitting(recording.triples, expression(wanted, dialect, [path])))
    if not chosen:
        raise NothingSelected(f"{path}: nothing fits {wanted!r}")
    return chosen, [one for triple in chosen for one in _events(triple)]


def _events(triple: Triple) -> list[Named]:
    return [(f"{triple.n}.{at}", link.event, link) for at, link in enumerate(triple.events, 1)]


def _chosen(recording: Recording, what: str, path: Path) -> tuple[list[Triple], list[Named]]:
    """Return the triple if `what` names a whole one, and the named events with their links.

    Raises:
        UsageError: If `what` has not the form 3, 3.2 or u1.
        NothingSelected: If no triple or event has that number.
    """
    given = re.fullmatch(r"(?:(\d+)(?:\.(\d+))?|u(\d+))", what)
    if given is None:
        raise UsageError(f"{what!r} is neither a triple (3), nor its event (3.2), nor an unsolicited event (u1)")
    number, place, alone = (int(text) if text else None for text in given.groups())
    if number is None:
        pushed = dict(enumerate(recording.unsolicited, 1)).get(alone or 0)
        if pushed is None:
            raise NothingSelected(f"{path}: no unsolicited event {what}; it holds {len(recording.unsolicited)}")
        return [], [(what, pushed.event, None)]
    triple = next((triple for triple in recording.triples if triple.n == number), None)
    if triple is None:
        raise NothingSelected(f"{path}: no triple {number}; it holds 1 to {len(recording.triples)}")
    links = _events(triple)
    if place is None:
        return [triple], links
    if not 1 <= place <= len(links):
        raise NothingSelected(f"{path}: triple {number} has no event {place}; it has {len(links)}")
    return [], [links[place - 1]]
