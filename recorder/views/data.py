"""Build the JSON of a recording, in the documented shape that scripts read (`recorder ls --json`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ..bayeux.json_bodies import load_json
from ..library.latency import milliseconds
from ..model import Event, Headers, Link, Triple, Unsolicited, Value, listed


def triple(item: Triple) -> dict[str, Any]:
    """Return one triple as JSON.

    Times are milliseconds after the request; `at` is seconds after the start of the capture. `failure` says why no ack
    came.
    """
    request = item.request
    shown = {
        "n": item.n,
        "at": round(request.t / 1e9, 6),
        "operation": item.operation,
        "handle": as_text(item.keys.get("handle")),
        "referenceId": as_text(item.keys.get("reference")),
        "session": item.session,
        "state": item.state.value,
        "keys": dict(sorted(item.keys.items())),
        "request": {
            "method": request.method,
            "path": request.target,
            "headers": [list(pair) for pair in request.headers],
            "body": content(request.body, request.headers),
            "failure": item.failure and item.failure.reason,
        },
        "ack": item.ack
        and {
            "status": item.ack.status,
            "ms": milliseconds(item.ack.t - request.t),
            "headers": [list(pair) for pair in item.ack.headers],
            "body": content(item.ack.body, item.ack.headers),
        },
        "events": [_linked(link, request.t) for link in item.events],
    }
    return exchangeable(shown)


def unsolicited(pushed: Iterable[Unsolicited]) -> Iterator[dict[str, Any]]:
    """Yield unsolicited events as JSON, without those that the dialect ignores.

    Offsets are milliseconds after the start of the capture.
    """
    for one in pushed:
        if not one.is_ignored:
            yield exchangeable({"session": one.session, "name": one.name, **_event(one.event, 0)})


def alone(pushed: Unsolicited) -> dict[str, Any]:
    """Return an unsolicited event in the shape of a triple without a request, so that a filter can judge it."""
    event = {"name": pushed.name, "channel": pushed.event.channel, "data": pushed.event.data}
    return {"at": round(pushed.event.t / 1e9, 6), "session": pushed.session, "events": [event]}


def content(body: bytes, headers: Headers = ()) -> Any:
    """Return the JSON value of a body; text if it is not JSON or nested too deeply, None if it is empty."""
    if not body:
        return None
    try:
        return load_json(body, headers)
    except ValueError:
        return body.decode("utf-8", "backslashreplace")


def as_text(value: Value | None) -> str | None:
    """Return the value of a key as one text, None if it has none."""
    return None if value is None else listed(value)


def exchangeable(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row that every JSON reader accepts: without the NaN, infinities and lone surrogates of Python."""
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
    return {"channel": event.channel, "offset_ms": milliseconds(event.t - start), "data": event.data}
