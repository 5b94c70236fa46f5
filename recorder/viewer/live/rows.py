"""Build the rows of a live page: the light facts of an exchange or an event. Times are integer microseconds."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ...model import Link, Triple, Unsolicited
from ...views.data import content
from ...views.pages.problems import Facts, Problem, Usual, of_pushed, of_triple

Row = dict[str, Any]
_EVENTS = 100  # of one triple, the last ones; a row is sent anew with each event


def problem(found: Problem) -> Row:
    """Return a problem as JSON."""
    return found._asdict()


def at(nanoseconds: int) -> int:
    """Return a time of a record on the clock of the page."""
    return nanoseconds // 1000


def exchange(item: Triple, identity: str, usual: Usual, now: int, *, goes_on: bool = True) -> Row:
    """Return the row of a triple, or of an exchange that is no operation, with what is wrong with it and its events.

    Args:
        item: The triple.
        identity: Names the item on the page.
        usual: What is usual for its operation.
        now: Time of the moment, or of the end.
        goes_on: What did not come may still come.

    """
    own: list[Row] = []
    of_events: dict[int, list[Row]] = {}
    for place, found in of_triple(Facts.of(item), usual, now, goes_on=goes_on):
        (own if place is None else of_events.setdefault(place, [])).append(problem(found))
    before = max(0, len(item.events) - _EVENTS)
    events = [_event(link) | {"problems": of_events.get(before + k, [])} for k, link in enumerate(item.events[before:])]
    request, answer = item.request, item.ack or item.failure
    return {
        "kind": "triple" if item.n else "plain",
        "id": identity,
        "n": item.n,
        "operation": item.operation,
        "keys": item.keys,
        "session": item.session,
        "state": item.state.value,
        "at": at(request.t),
        "method": request.method,
        "target": request.target,
        "answered": at(answer.t) if answer is not None else None,
        "status": item.ack.status if item.ack is not None else None,
        "reason": item.failure.reason if item.failure is not None else None,
        "before": before,
        "events": events,
        "problems": own,
    }


def loose(pushed: Unsolicited, identity: str, channels: Collection[str]) -> Row:
    """Return the row of an event that no request caused.

    Args:
        pushed: The event.
        identity: Names the item on the page.
        channels: The channels of events that operations caused.

    """
    wrong = None if pushed.is_ignored else of_pushed(pushed.name, pushed.event.channel, channels)
    return {
        "kind": "loose",
        "id": identity,
        "name": pushed.name,
        "channel": pushed.event.channel,
        "at": at(pushed.event.t),
        "session": pushed.session,
        "ignored": pushed.is_ignored,
        "problems": [] if wrong is None else [problem(wrong)],
    }


def whole(item: Triple, identity: str) -> Row:
    """Return a triple with all its content, as the page shows it when it is selected; its problems are in its row."""
    request, ack, failure = item.request, item.ack, item.failure
    links = item.events[-_EVENTS:]
    return {
        "kind": "triple" if item.n else "plain",
        "id": identity,
        "headers": [list(pair) for pair in request.headers],
        "body": content(request.body, request.headers),
        "failure": failure and [at(failure.t), failure.reason],
        "ack": ack
        and {
            "at": at(ack.t),
            "status": ack.status,
            "headers": [list(pair) for pair in ack.headers],
            "body": content(ack.body, ack.headers),
        },
        "events": [{**_event(link), "data": link.event.data, "why": link.why} for link in links],
    }


def _event(link: Link) -> Row:
    event = link.event
    its = {"name": link.name, "channel": event.channel, "at": at(event.t), "rule": link.rule}
    return {**its, "confidence": link.confidence}
