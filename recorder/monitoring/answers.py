"""Answer the requests of those who watch a process: its health to anybody, its counters to who has the token. Sans-IO.

A balancer asks by address, often in HTTP/1.0 without a Host header, and a scraper by any name of the machine. So the
Host is not looked at. The health holds nothing secret, and no page of a browser can read the counters: it has no token.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..model import Headers
from .openmetrics import Family, exposition, wanted

PREFIX = "/__recorder"
HEALTH = f"{PREFIX}/health"
METRICS = f"{PREFIX}/metrics"
TOKEN_HEADER = "X-Recorder-Token"  # noqa: S105  # the header's name
OK, ENDING, UNRECORDED = "ok", "ending", "passing, not recorded"

_METHODS = ("GET", "HEAD")
_NOT_KEPT: Headers = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))


class Answer(NamedTuple):
    """An answer to a request, with its whole body; the body is not sent in answer to HEAD."""

    status: int
    headers: Headers
    body: bytes


def path_of(target: str) -> str:
    """Return the path of a request's target."""
    return target.partition("?")[0]


def health(method: str, status: str = OK) -> Answer:
    """Return the answer to a request for the health of a process.

    Args:
        method: Method of the request.
        status: OK; ENDING, which is answered with 503, so that a balancer sends no more clients; or UNRECORDED, with
            200: the user wants the traffic to pass then.

    """
    if method not in _METHODS:
        return _refused(405, "use GET or HEAD for the health", (("Allow", ", ".join(_METHODS)),))
    return _json(503 if status == ENDING else 200, {"status": status})


def metrics(method: str, headers: Headers, token: str, families: Callable[[], Iterable[Family]]) -> Answer:
    """Return the answer to a request for the counters of a process.

    Args:
        method: Method of the request.
        headers: Headers of the request.
        token: The secret that the request must show.
        families: Returns the counters; called for an admitted request only.

    """
    if any(name.lower() == "origin" for name, _ in headers):
        return _refused(403, "a page in a browser must not read the counters")
    if not shows_token(headers, token):
        return _refused(403, f"the counters need the control token, in {TOKEN_HEADER} or as Authorization: Bearer")
    if method not in _METHODS:
        return _refused(405, "use GET or HEAD for the counters", (("Allow", ", ".join(_METHODS)),))
    kind = wanted(headers)
    return Answer(200, (("Content-Type", kind), *_NOT_KEPT, ("Vary", "Accept")), exposition(families(), kind))


def shows_token(headers: Headers, token: str) -> bool:
    """Return whether a request shows a token, in X-Recorder-Token or as `Authorization: Bearer`."""
    shown = [value.strip() for name, value in headers if name.lower() == TOKEN_HEADER.lower()]
    given = [value.strip() for name, value in headers if name.lower() == "authorization"]
    shown += [value[7:].strip() for value in given if value[:7].lower() == "bearer "]
    return any(hmac.compare_digest(_bytes(value), _bytes(token)) for value in shown)


def _json(status: int, answer: dict[str, str], headers: Headers = ()) -> Answer:
    return Answer(
        status, (("Content-Type", "application/json"), *_NOT_KEPT, *headers), f"{json.dumps(answer)}\n".encode()
    )


def _refused(status: int, text: str, headers: Headers = ()) -> Answer:
    return _json(status, {"error": text}, headers)


def _bytes(text: str) -> bytes:
    """Encode text for `hmac.compare_digest`, which takes text of ASCII only; a header may hold any characters."""
    return text.encode("utf-8", "surrogatepass")
