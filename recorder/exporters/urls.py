"""The URL of a recorded request, for other tools: the recorded server and what was asked of it."""

from __future__ import annotations

import re
from urllib.parse import quote

from ..model import Headers, Request

_KEPT = "%/?:@!$&'()*+,;=~-._"  # what may stand in a path or query as it is (RFC 3986, section 3.3 and 3.4)


def url_of(request: Request, upstream: str, *, socket: bool = False) -> str:
    """The whole URL, with what must not stand in one percent-encoded; of a WebSocket it begins with `ws`."""
    origin = upstream if "://" in upstream else f"http://{header(request.headers, 'host')}"
    scheme, _, rest = origin.partition("://")
    secure, host = "s" if scheme in ("https", "wss") else "", _encoded(re.split("[/?#]", rest)[0], "[]")
    target = request.target if request.target.startswith("/") else f"/{request.target}"
    return f"{'ws' if socket else 'http'}{secure}://{host or 'unknown.invalid'}{_encoded(target)}"


def _encoded(text: str, more: str = "") -> str:
    try:
        raw = text.encode("utf-8", "surrogateescape")  # mitmproxy's way with bytes that are no UTF-8
    except UnicodeEncodeError:
        raw = text.encode("utf-8", "surrogatepass")
    return quote(raw, safe=_KEPT + more)


def header(headers: Headers, name: str) -> str:
    """The value of a header, empty where there is none."""
    return next((value for own, value in headers if own.lower() == name), "")
