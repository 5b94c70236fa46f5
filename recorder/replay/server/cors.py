"""Answer CORS preflights, and let pages of other origins read the stand-in's answers. Sans-IO.

A desktop's page comes from another origin than the stand-in. The recorded CORS headers name the origins of the time of
recording, which may differ from the page's origin now, so new headers replace them. Only requests that `admission` has
admitted come here, so the origin in them is allowed: its pages may send what they ask for, with credentials (Fetch
Standard, sections 3.3.2 to 3.3.5). The control API stays closed to pages: its requests are answered before this module
is asked, and foreign origins are refused there.

The browser decides about cookies. It sends them to another origin of one *site* (one host name, any port): page and
stand-in must both be on `localhost`, for example, and the page must send with `credentials: "include"`.
"""

from __future__ import annotations

import re

from ...model import Headers
from ..engine.http import HttpRequest, HttpResponse

_MAX_AGE = 600  # seconds a browser may keep a preflight's answer; Chromium keeps none longer than 7200
# The origin is copied into an answer, so the pattern lets no character through that could end a header line: `null` (a
# sandboxed frame or a file) or scheme://host[:port]; the host of `file://` is empty.
ORIGIN = re.compile(r"null|file://|[a-z][a-z0-9+.-]*://[\w.:\[\]-]+", re.ASCII | re.IGNORECASE)
_TOKENS = re.compile(r"[\w!#$%&'*+.^`|~-]+(?: *, *[\w!#$%&'*+.^`|~-]+)*", re.ASCII)  # RFC 9110, section 5.6.2


def is_preflight(method: str, headers: Headers) -> bool:
    """Return whether a request is a CORS preflight; `preflight` then answers it."""
    return _asked(method, headers) is not None


def preflight(request: HttpRequest) -> HttpResponse | None:
    """Return the answer to a CORS preflight, which allows the request; None if the request is no preflight."""
    asked = _asked(request.method, request.headers)
    if asked is None:
        return None
    origin, method = asked
    allowed: Headers = (
        *_granted(origin),
        ("Access-Control-Allow-Methods", method),
        ("Access-Control-Max-Age", str(_MAX_AGE)),
    )
    names = _value(request.headers, "access-control-request-headers")
    if names is not None and _TOKENS.fullmatch(names):
        allowed += (("Access-Control-Allow-Headers", names),)
    # a page of a public address asks for a server of a private one (Private Network Access, section 3.1)
    if _value(request.headers, "access-control-request-private-network") == "true":
        allowed += (("Access-Control-Allow-Private-Network", "true"),)
    return HttpResponse(request.number, 204, (*allowed, ("Vary", "Origin")), b"")


def readable(reply: HttpResponse, request: HttpRequest) -> HttpResponse:
    """Return a reply with CORS headers that let the requesting page read it; unchanged if no page sent the request."""
    origin = _origin(request.headers)
    if origin is None:
        return reply
    own = tuple((name, value) for name, value in reply.headers if not name.lower().startswith("access-control-"))
    # all names, because with credentials `*` means a header named `*` (Fetch Standard)
    names = sorted({name for name, _ in own if name.lower() != "set-cookie"}, key=str.lower)
    exposed = (("Access-Control-Expose-Headers", ", ".join(names)),) if names else ()
    varies = any("origin" in value.lower() for name, value in own if name.lower() == "vary")
    vary = () if varies else (("Vary", "Origin"),)
    return reply._replace(headers=(*own, *_granted(origin), *exposed, *vary))


def _asked(method: str, headers: Headers) -> tuple[str, str] | None:
    """Return the origin of a preflight and the method it asks for; None if the request is no preflight."""
    origin, asked = _origin(headers), _value(headers, "access-control-request-method")
    if method != "OPTIONS" or origin is None or asked is None or not _TOKENS.fullmatch(asked):
        return None
    return origin, asked


def _granted(origin: str) -> Headers:
    return ("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true")


def _origin(headers: Headers) -> str | None:
    origin = _value(headers, "origin")
    return origin if origin is not None and ORIGIN.fullmatch(origin) else None


def _value(headers: Headers, wanted: str) -> str | None:
    """Return the value of a header; None if it is missing or stands there several times."""
    values = [value for name, value in headers if name.lower() == wanted]
    return values[0] if len(values) == 1 else None
