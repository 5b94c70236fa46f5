"""A recording as JSON, in the shape people script against (`recorder ls --json`)."""

from __future__ import annotations

import json
from typing import Any

from ..model import Event, Link, Recording, Triple

_MS = 1_000_000  # nanoseconds


def triple(item: Triple) -> dict[str, Any]:
    """One triple. Times are milliseconds after its request, `at` is seconds after the start of the capture.

    `failure` says why no ack came.
    """
    request = item.request
    shown = {
        "n": item.n,
        "at": round(request.t / 1e9, 6),
        "operation": item.operation,
        "handle": item.keys.get("handle"),
        "referenceId": item.keys.get("reference"),
        "session": item.session,
        "state": item.state.value,
        "keys": dict(item.keys),
        "request": {
            "method": request.method,
            "path": request.target,
            "headers": [list(pair) for pair in request.headers],
            "body": content(request.body),
            "failure": item.failure and item.failure.reason,
        },
        "ack": item.ack
        and {
            "status": item.ack.status,
            "ms": _ms(item.ack.t - request.t),
            "headers": [list(pair) for pair in item.ack.headers],
            "body": content(item.ack.body),
        },
        "events": [_linked(link, request.t) for link in item.events],
    }
    return exchangeable(shown)


def unsolicited(recording: Recording) -> list[dict[str, Any]]:
    """The events nobody asked for; offsets are milliseconds after the start of the capture."""
    return [
        exchangeable({"session": pushed.session, "name": pushed.name, **_event(pushed.event, 0)})
        for pushed in recording.unsolicited
    ]


def content(body: bytes) -> Any:
    """A body as its JSON value; text where it is no JSON; None where it is empty."""
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "backslashreplace")


def offset_ms(link: Link, item: Triple) -> float:
    """How long after its request an event was seen."""
    return _ms(link.event.t - item.request.t)


def ack_ms(item: Triple) -> float | None:
    """How long the ack took."""
    return _ms(item.ack.t - item.request.t) if item.ack else None


def exchangeable(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what Python takes for JSON and others do not: NaN, infinities, half surrogate pairs."""
    text = json.dumps(row, ensure_ascii=False).encode("utf-8", "replace")
    clean: dict[str, Any] = json.loads(text, parse_constant=str)
    return clean


def _linked(link: Link, start: int) -> dict[str, Any]:
    return {
        "name": link.name,
        **_event(link.event, start),
        "rule": link.rule,
        "confidence": link.confidence,
        "why": link.why,
        "rivals": list(link.rivals),
    }


def _event(event: Event, start: int) -> dict[str, Any]:
    return {"channel": event.channel, "offset_ms": _ms(event.t - start), "data": event.data}


def _ms(nanoseconds: int) -> float:
    return round(nanoseconds / _MS, 3)
