"""recorder explain."""

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

Named: TypeAlias = tuple[str, Event, Link | None]  # an event by its name, and why it is there


@click.command("explain")
@cassette_argument
@click.argument("what", metavar="[EVENT|REQUEST]", required=False)
@filter_option
@json_option
@dialect_option
def command(cassette: Path, *, what: str | None, wanted: str | None, as_json: bool, dialect: str | None) -> None:
    """Tell why an event was linked to a request: the rule, the rivals, and why it was not another one.

    A request is the number of its triple, an event of it is counted from 1 behind a dot. The events nobody asked for
    are u1, u2 … in the order of `recorder ls --all`.

    \b
    Example:  recorder explain session.cassette 3      why triple 3 has its state and its events
              recorder explain session.cassette 3.2    why its second event is its
              recorder explain session.cassette u1     why the first unsolicited event is nobody's
              recorder explain session.cassette --filter 'confidence:<1'
    """
    from ...diagnose.explain import explain
    from ...dialect.definition import load as load_dialect
    from ...dialect.definition import shipped
    from ...views import explanation as view

    if (what is None) == (wanted is None):
        raise UsageError("say what to explain: a triple, an event, or --filter")
    recording = load([cassette], dialect)
    whole, links = _chosen(recording, what, cassette) if what else _fitting(recording, wanted, dialect, cassette)
    places = [(event.seq, event.index) for _, event, _ in links]
    rules = load_dialect(dialect) if dialect else shipped(recording.header.dialect)
    found = explain(read(cassette).records, rules, places)
    judged = [(name, event, link, found.judgements[event.seq, event.index]) for name, event, link in links]
    if as_json:
        write([json_text([view.as_json(*one) for one in judged])])
    elif whole:
        write("\n" * (place > 0) + fitted(view.request(triple, found)) for place, triple in enumerate(whole))
    else:
        numbers = {t.request.seq: t.n for t in recording.triples}
        write(fitted(view.event(*one, numbers)) for one in judged)


def _fitting(
    recording: Recording, wanted: str | None, dialect: str | None, path: Path
) -> tuple[list[Triple], list[Named]]:
    """The triples that are wanted, and their events.

    Raises:
        NothingSelected: If there is none.
    """
    chosen = list(fitting(recording.triples, expression(wanted, dialect)))
    if not chosen:
        raise NothingSelected(f"{path}: nothing fits {wanted!r}")
    return chosen, [one for triple in chosen for one in _events(triple)]


def _events(triple: Triple) -> list[Named]:
    return [(f"{triple.n}.{at}", link.event, link) for at, link in enumerate(triple.events, 1)]


def _chosen(recording: Recording, what: str, path: Path) -> tuple[list[Triple], list[Named]]:
    """The triple, where a whole one is meant, and the events by name, with their links.

    Raises:
        UsageError: If `what` is no number of an event or request.
        NothingSelected: If there is none of that number.
    """
    given = re.fullmatch(r"(?:(\d+)(?:\.(\d+))?|u(\d+))", what)
    if given is None:
        raise UsageError(f"{what!r} is neither a triple (3), nor an event of one (3.2), nor an unsolicited one (u1)")
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
