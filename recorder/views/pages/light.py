"""Hold what the rows of a page tell of a triple, an exchange or an event: all but headers, bodies and data."""

from __future__ import annotations

from typing import NamedTuple

from ...model import Keys, Link, Triple, Unsolicited


class LightEvent(NamedTuple):
    """An event of a triple.

    Attributes:
        t: Nanoseconds since the capture began.
        confidence: In thousandths.
        rivals: Number of the other requests that it would fit as well.
    """

    name: str
    channel: str
    t: int
    rule: str
    confidence: int
    rivals: int


class Light(NamedTuple):
    """A triple, or an exchange that is no operation; times are nanoseconds since the capture began.

    Attributes:
        n: Number of the triple; 0 for an exchange that is no operation.
        record: `seq` of the record with the request.
        answered: Time of the ack, or of the failure if there is no ack; None without either.
        status: Status of the ack; None without an ack.
        reason: Reason of the failure; None without one.
    """

    n: int
    record: int
    operation: str | None
    keys: Keys
    session: str | None
    state: str
    t: int
    method: str
    target: str
    answered: int | None
    status: int | None
    reason: str | None
    events: tuple[LightEvent, ...]


class LightPushed(NamedTuple):
    """An event that no operation caused; `t` is in nanoseconds since the capture began."""

    record: int
    name: str
    channel: str
    t: int
    session: str | None
    is_ignored: bool


def light(item: Triple) -> Light:
    """Return what the rows tell of a triple or another exchange."""
    request, ack, failure = item.request, item.ack, item.failure
    end = failure if ack is None else ack
    return Light(
        item.n,
        request.seq,
        item.operation,
        item.keys,
        item.session,
        item.state.value,
        request.t,
        request.method,
        request.target,
        None if end is None else end.t,
        None if ack is None else ack.status,
        None if failure is None else failure.reason,
        tuple([_event(link) for link in item.events]),
    )


def pushed(item: Unsolicited) -> LightPushed:
    """Return what the rows tell of an unsolicited event."""
    event = item.event
    return LightPushed(event.seq, item.name, event.channel, event.t, item.session, item.is_ignored)


def _event(link: Link) -> LightEvent:
    event = link.event
    return LightEvent(link.name, event.channel, event.t, link.rule, round(link.confidence * 1000), len(link.rivals))
