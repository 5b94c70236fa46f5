"""Bring triples and events to the form in which they are stored: they name records by number."""

from __future__ import annotations

from typing import Any

from ...model import Link, Row, RowEvent, Triple, Unsolicited


def row_of(triple: Triple) -> Row:
    """Return a triple in its stored form, which names records by `seq`."""
    return Row(
        n=triple.n,
        operation=triple.operation,
        keys=triple.keys,
        session=triple.session,
        state=triple.state.value,
        request=triple.request.seq,
        ack=triple.ack.seq if triple.ack else None,
        failure=triple.failure.seq if triple.failure else None,
        events=tuple(map(_row_event, triple.events)),
        message=triple.request.message,
        reply=triple.ack.message if triple.ack else None,
    )


def pushed_of(pushed: Unsolicited) -> list[Any]:
    """Return an unsolicited event in its stored form."""
    event = pushed.event
    return [event.seq, event.index, event.channel, pushed.name, pushed.session]


def _row_event(link: Link) -> RowEvent:
    event, confidence = link.event, round(link.confidence * 1000)
    return RowEvent(event.seq, event.index, event.channel, link.name, link.rule, confidence, link.why, link.rivals)
