"""Tell the latencies of a triple, in milliseconds: from its request to its ack, and to its events."""

from __future__ import annotations

from ..model import Link, Triple

_MS = 1_000_000  # nanoseconds


def milliseconds(nanoseconds: int) -> float:
    """Return nanoseconds as milliseconds, to the microsecond."""
    return round(nanoseconds / _MS, 3)


def ack_ms(item: Triple) -> float | None:
    """Return the milliseconds from the request to the ack, None without an ack."""
    return milliseconds(item.ack.t - item.request.t) if item.ack else None


def offset_ms(link: Link, item: Triple) -> float:
    """Return the milliseconds from the request to an event."""
    return milliseconds(link.event.t - item.request.t)


def last_ms(item: Triple) -> float | None:
    """Return the milliseconds from the request to the last event, None without events."""
    return milliseconds(max(link.event.t for link in item.events) - item.request.t) if item.events else None
