"""What the suites of these tests play: the session of cassettes/preview-session.cassette, or some of its steps."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.lab.byhand import Desk
from tests.lab.lab import Event
from tests.lab.sessions import preview_session

CASSETTES = Path(__file__).parents[2] / "cassettes"
OPERATIONS = {step["body"]["operationName"]: step for step in preview_session("desk-")["steps"] if "body" in step}


def request(operation: str, reference: str, **own: Any) -> tuple[str, dict[str, Any]]:
    """Path and body of a step; `own` are fields it sends otherwise."""
    step = OPERATIONS[operation]
    return step["path"], step["body"] | {"referenceId": reference} | own


def post(url: str, operation: str, reference: str = "mine-1", **own: Any) -> int:
    """Send a step without any Bayeux session, as a careless application does: whatever comes back is a status."""
    path, body = request(operation, reference, **own)
    sent = urllib.request.Request(url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(sent, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def works(url: str, prefix: str, operations: list[str] | None = None, **own: Any) -> list[Event]:
    """A whole session, or the named steps of it; the events of all, each step waits for its own."""
    desk = Desk(url, "agent1:secret").connected()
    try:
        seen = []
        for operation in operations or OPERATIONS:
            poll = desk.polls()
            path, body = request(operation, f"{prefix}{operation}", **own)
            sent = desk.posts(path, body)
            assert sent.answer().status == 200, sent.answer().body.decode()
            seen += desk.hears(OPERATIONS[operation]["events"], poll)
        desk.tells(desk.message("/meta/disconnect")).answer()
        return seen
    finally:
        desk.leaves()
