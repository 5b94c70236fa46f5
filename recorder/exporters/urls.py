"""Build the URL of a recorded request, for other tools."""

from __future__ import annotations

import re
from urllib.parse import quote

from ..formats.charsets import as_utf8
from ..model import Headers, Request

_KEPT = "%/?:@!$&'()*+,;=~-._"  # characters allowed in a path or query (RFC 3986, sections 3.3 and 3.4)


def url_of(request: Request, upstream: str, *, socket: bool = False) -> str:
    """Return the whole URL, with characters that a URL cannot hold percent-encoded.

    Without a URL in `upstream`, the Host header gives the server; without either, `unknown.invalid` (RFC 2606).

    Args:
        request: The recorded request.
        upstream: URL of the server, or a text without `://` if unknown.
        socket: Build a `ws:` or `wss:` URL.
    """
    origin = upstream if "://" in upstream else f"http://{header(request.headers, 'host')}"
    scheme, _, rest = origin.partition("://")
    secure, host = "s" if scheme in ("https", "wss") else "", _encoded(re.split("[/?#]", rest)[0], "[]")
    target = request.target if request.target.startswith("/") else f"/{request.target}"
    return f"{'ws' if socket else 'http'}{secure}://{host or 'unknown.invalid'}{_encoded(target)}"


def _encoded(text: str, more: str = "") -> str:
    return quote(as_utf8(text), safe=_KEPT + more)


def header(headers: Headers, name: str) -> str:
    """Return the value of a header, empty if it is missing."""
    return next((value for own, value in headers if own.lower() == name), "")
