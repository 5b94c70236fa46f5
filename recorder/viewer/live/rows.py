"""Build the rows of a live page: the light facts of an exchange or an event. Times are integer microseconds."""

from __future__ import annotations

from typing import Any

from ...model import Link, State, Triple, Unsolicited
from ...views.data import content

Row = dict[str, Any]
_EVENTS = 100  # of one triple, the last ones; a row is sent anew with each event
_MESSAGES = {
    "failed": ("error", "the operation failed"),
    "lost": ("error", "no answer came"),
    "overdue": ("warning", "it takes far longer than is usual for this operation"),
    "late": ("warning", "it took far longer than is usual for this operation"),
    "early": ("info", "an event came before the ack"),
    "unsure": ("info", "an event may belong to another request"),
    "unasked": ("warning", "no request caused this event"),
    "miss": ("error", "nothing recorded matches this request"),
}


def problem(code: str, text: str = "") -> Row:
    """Return a problem as JSON, with its usual text if none is given."""
    severity, usual = _MESSAGES[code]
    return {"code": code, "severity": severity, "text": text or usual}


def at(nanoseconds: int) -> int:
    """Return a time of a record on the clock of the page."""
    return nanoseconds // 1000


def exchange(item: Triple, identity: str, *, is_late: bool = False, is_overdue: bool = False) -> Row:
    """Return the row of a triple, or of an exchange that is no operation.

    Args:
        item: The triple.
        identity: Names the item on the page.
        is_late: It ended, after far more time than is usual.
        is_overdue: It is open, after far more time than is usual.

    """
    request, answer = item.request, item.ack or item.failure
    links = item.events[-_EVENTS:]
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
        "before": len(item.events) - len(links),
        "events": [_event(link) for link in links],
        "problems": problems(item, is_late=is_late, is_overdue=is_overdue),
    }


def problems(item: Triple, *, is_late: bool = False, is_overdue: bool = False) -> list[Row]:
    """Return what is wrong with a triple, or may be."""
    found = []
    if item.failure is not None:
        found.append(problem("lost", f"no answer came: {item.failure.reason}"))
    elif item.ack is not None and item.ack.status >= 400:
        found.append(problem("failed", f"the answer has status {item.ack.status}"))
    elif item.state is State.FAILED:
        found.append(problem("failed"))
    if is_late or is_overdue:
        found.append(problem("late" if is_late else "overdue"))
    if item.ack is not None and any(link.event.t < item.ack.t for link in item.events):
        found.append(problem("early"))
    if any(link.confidence < 1 or link.rivals for link in item.events):
        found.append(problem("unsure"))
    return found


def loose(pushed: Unsolicited, identity: str, *, is_known: bool) -> Row:
    """Return the row of an event that no request caused.

    Args:
        pushed: The event.
        identity: Names the item on the page.
        is_known: Operations have events on its channel.

    """
    return {
        "kind": "loose",
        "id": identity,
        "name": pushed.name,
        "channel": pushed.event.channel,
        "at": at(pushed.event.t),
        "session": pushed.session,
        "ignored": pushed.is_ignored,
        "problems": [problem("unasked")] if is_known and not pushed.is_ignored else [],
    }


def whole(item: Triple, identity: str) -> Row:
    """Return a triple with all its content, as the page shows it when it is selected."""
    request, ack, failure = item.request, item.ack, item.failure
    links = item.events[-_EVENTS:]
    return {
        **exchange(item, identity),
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
