"""Pages of other origins: what a browser asks before it sends a request, and what lets a page read the answer. Sans-IO.

A stand-in is never of the origin a desktop's page comes from, and whether the recorded server was, or which origins it
let in, says nothing of the page that is played to now: whatever was recorded of CORS is replaced. An origin is told
that it may do what it asked for, with credentials (Fetch Standard, sections 3.3.2 to 3.3.5). The control API is not
opened by this: it comes first, and refuses foreign origins.

Cookies are another matter, and the browser's: it keeps them for a page of the same *site*, whatever the port, so page
and stand-in must both be on `localhost`, say, and the page must ask with `credentials: "include"`.
"""

from __future__ import annotations

import re

from ...model import Headers
from ..engine.http import HttpRequest, HttpResponse

_MAX_AGE = 600  # seconds a browser need not ask again; Chromium keeps no answer longer than 7200
# `null` of a sandboxed frame or a file, else scheme://host[:port]: nothing that could end a header line
_ORIGIN = re.compile(r"null|[a-z][a-z0-9+.-]*://[\w.:\[\]-]+", re.ASCII | re.IGNORECASE)
_TOKENS = re.compile(r"[\w!#$%&'*+.^`|~-]+(?: *, *[\w!#$%&'*+.^`|~-]+)*", re.ASCII)  # RFC 9110, section 5.6.2


def preflight(request: HttpRequest) -> HttpResponse | None:
    """Answer a preflight request of a browser; return None for all other requests."""
    if request.method != "OPTIONS":
        return None
    origin, method = _origin(request.headers), _value(request.headers, "access-control-request-method")
    if origin is None or method is None or not _TOKENS.fullmatch(method):
        return None
    allowed: Headers = (
        *_granted(origin),
        ("Access-Control-Allow-Methods", method),
        ("Access-Control-Max-Age", str(_MAX_AGE)),
    )
    names = _value(request.headers, "access-control-request-headers")
    if names is not None and _TOKENS.fullmatch(names):
        allowed += (("Access-Control-Allow-Headers", names),)
    return HttpResponse(request.number, 204, (*allowed, ("Vary", "Origin")), b"")


def readable(reply: HttpResponse, request: HttpRequest) -> HttpResponse:
    """Add the headers that let the requesting page read a response; without a page, return it unchanged."""
    origin = _origin(request.headers)
    if origin is None:
        return reply
    own = tuple((name, value) for name, value in reply.headers if not name.lower().startswith("access-control-"))
    # `*` would not do: with credentials it is the name of a header
    names = sorted({name for name, _ in own if name.lower() != "set-cookie"}, key=str.lower)
    exposed = (("Access-Control-Expose-Headers", ", ".join(names)),) if names else ()
    varies = any("origin" in value.lower() for name, value in own if name.lower() == "vary")
    vary = () if varies else (("Vary", "Origin"),)
    return reply._replace(headers=(*own, *_granted(origin), *exposed, *vary))


def _granted(origin: str) -> Headers:
    return ("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true")


def _origin(headers: Headers) -> str | None:
    origin = _value(headers, "origin")
    return origin if origin is not None and _ORIGIN.fullmatch(origin) else None


def _value(headers: Headers, wanted: str) -> str | None:
    """Return the value of a header, None where it is missing or given twice."""
    values = [value for name, value in headers if name.lower() == wanted]
    return values[0] if len(values) == 1 else None
