"""Steps for tests: what one client sent, with holes where its leaves are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from recorder.drive.engine.plan import Act, Hole, Step
from recorder.drive.engine.reading import last_name, sent_leaves
from recorder.model import JSON, Headers, Request

JSON_TYPE = (("Content-Type", "application/json"),)
FORM_TYPE = (("Content-Type", "application/x-www-form-urlencoded"),)
XML_TYPE = (("Content-Type", "application/xml"),)


def call(
    method: str = "POST", target: str = "/", body: bytes = b"", headers: Headers = (), operation: str | None = None
) -> Step:
    """Return a plain request without holes."""
    request = Request(0, 0, 0, "c", method, target, headers, body)
    return Step(0, Act.CALL, "s1", "", (0, 0), 0, 0, operation, request)


def message(act: Act, content: dict[str, JSON]) -> Step:
    """Return a message of Bayeux without holes."""
    return replace(call("POST", "/cometd"), act=act, connection="b1", message=content)


def socket_message(payload: bytes) -> Step:
    """Return a message on a plain WebSocket without holes."""
    return replace(call("GET", "/feed"), act=Act.MESSAGE, connection="w1", payload=payload)


def with_holes(step: Step, wanted: Callable[[str], bool] = lambda _: True) -> Step:
    """Return a step with a hole for each whole leaf whose text is wanted."""
    leaves = [leaf for leaf in sent_leaves(step) if wanted(leaf.text)]
    holes = (Hole(leaf.address, 0, len(leaf.text), leaf.text, last_name(leaf.address)) for leaf in leaves)
    return replace(step, holes=tuple(holes))
