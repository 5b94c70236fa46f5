"""Implement `recorder explain`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from ...errors import NothingSelected, UsageError
from ...model import Anchor, Event, Failure, Link, Recording, Triple
from ..loading import chosen, expression, opened
from ..options import cassette_argument, dialect_option, filter_option, json_option
from ..output import fitted, json_text, write

if TYPE_CHECKING:
    from ...diagnose.explain import Judgement
    from ...library.lazy import OpenRecording

Named: TypeAlias = tuple[str, Event, Link | None]  # name of an event (3.2, u1), the event, its link
Judged: TypeAlias = "tuple[str, Event, Link | None, Judgement, Anchor | None]"


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
    from ...views import explanation as view

    if (what is None) == (wanted is None):
        raise UsageError("give one thing to explain: a triple (3), an event (3.2, u1), or --filter")
    with opened(cassette, dialect) as found:
        whole, named = _named(found.recording, what, cassette) if what else _fitting(found, wanted, dialect, cassette)
        if as_json:
            write([json_text([view.as_json(*one) for one in _judged(found, named)])])
        elif whole:
            write("\n" * (place > 0) + fitted(_text_of(triple, found)) for place, triple in enumerate(whole))
        else:
            write(fitted(_text_of_event(found, one)) for one in _judged(found, named))


def _text_of(triple: Triple, found: OpenRecording) -> str:
    from ...diagnose.explain import attempts_before, polls_lost_to
    from ...views.explanation import request

    lost = (found.records[seq] for seq in polls_lost_to(triple, found.recording))
    failures = (record for record in lost if isinstance(record, Failure))
    return request(triple, attempts_before(triple, found.recording), failures)


def _text_of_event(found: OpenRecording, judged: Judged) -> str:
    from ...library.stored import number_of
    from ...views.explanation import event as told

    name, event, link, judgement, anchor = judged
    own = int(name.partition(".")[0]) if link is not None else None

    def numbers(seq: int) -> int | None:
        # one record may carry several publishes
        return own if link is not None and seq == link.request else number_of(found, seq)

    return told(name, event, link, judgement, numbers, anchor=anchor)


def _judged(found: OpenRecording, named: list[Named]) -> Iterator[Judged]:
    """Yield each event with how the rules judged it, and what it followed if nobody asked for it."""
    from ...correlate.anchors import anchoring
    from ...diagnose.explain import judged
    from ...dialect.carried import dialect_of

    places = [(event.seq, event.index) for _, event, _ in named]
    judgements = judged(found.cassette.records(), dialect_of(found.recording.header), places)
    for name, event, link in named:
        anchor = None
        if link is None:
            anchor = next(islice(anchoring(found.recording), int(name[1:]) - 1, None))
        yield name, event, link, judgements[event.seq, event.index], anchor


def _fitting(
    found: OpenRecording, wanted: str | None, dialect: str | None, path: Path
) -> tuple[list[Triple], list[Named]]:
    """Return the triples that fit the filter, and their events.

    Raises:
        NothingSelected: If no triple fits.
    """
    fitting = list(chosen(found, expression(wanted, dialect, [path])))
    if not fitting:
        raise NothingSelected(f"{path}: nothing fits {wanted!r}")
    return fitting, [one for triple in fitting for one in _events(triple)]


def _events(triple: Triple) -> list[Named]:
    return [(f"{triple.n}.{at}", link.event, link) for at, link in enumerate(triple.events, 1)]


def _named(recording: Recording, what: str, path: Path) -> tuple[list[Triple], list[Named]]:
    """Return the triple if `what` names a whole one, and the named events with their links.

    Raises:
        UsageError: If `what` has not the form 3, 3.2 or u1.
        NothingSelected: If no triple or event has that number.
    """
    given = re.fullmatch(r"(?:([0-9]{1,18})(?:\.([0-9]{1,18}))?|u([0-9]{1,18}))", what)
    if given is None:
        raise UsageError(f"{what!r} is neither a triple (3), nor its event (3.2), nor an unsolicited event (u1)")
    number, place, alone = (int(text) if text else None for text in given.groups())
    if number is None:
        if not 1 <= (alone or 0) <= len(recording.unsolicited):
            raise NothingSelected(f"{path}: no unsolicited event {what}; it holds {len(recording.unsolicited)}")
        return [], [(what, recording.unsolicited[(alone or 0) - 1].event, None)]
    if not 1 <= number <= len(recording.triples):
        raise NothingSelected(f"{path}: no triple {number}; it holds 1 to {len(recording.triples)}")
    triple = recording.triples[number - 1]
    links = _events(triple)
    if place is None:
        return [triple], links
    if not 1 <= place <= len(links):
        raise NothingSelected(f"{path}: triple {number} has no event {place}; it has {len(links)}")
    return [], [links[place - 1]]
