"""Bring triples and events to the form in which they are stored: they name records by number."""

from __future__ import annotations

from typing import Any

from ...model import Link, Row, RowEvent, Triple, Unsolicited


def row_of(triple: Triple) -> Row:
    """Return a triple in its stored form, which names records by `seq`."""
    request, ack, failure = triple.request, triple.ack, triple.failure
    return Row(
        triple.n,
        triple.operation,
        triple.keys,
        triple.session,
        triple.state.value,
        request.seq,
        ack.seq if ack else None,
        failure.seq if failure else None,
        tuple([_row_event(link) for link in triple.events]),
        request.message,
        ack.message if ack else None,
    )


def pushed_of(pushed: Unsolicited) -> list[Any]:
    """Return an unsolicited event in its stored form."""
    event = pushed.event
    return [event.seq, event.index, event.channel, pushed.name, pushed.session]


def _row_event(link: Link) -> RowEvent:
    event, confidence = link.event, round(link.confidence * 1000)
    return RowEvent(event.seq, event.index, event.channel, link.name, link.rule, confidence, link.why, link.rivals)
