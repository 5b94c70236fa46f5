"""Decide who may ask the viewer: only pages that it served itself, opened by the address with the token. Sans-IO.

The server listens on this machine alone, but each page of the browser can send requests there. Three things keep them
out: they do not know the token in the path; a name that a foreign server points at this machine (DNS rebinding) is no
Host of the viewer; and a request from a page of another origin says so, in Origin or Sec-Fetch-Site (W3C Fetch
Metadata Request Headers).
"""

from __future__ import annotations

import hmac

from . import answers
from .answers import Answer, Request

NAMES = ("127.0.0.1", "localhost", "[::1]")
METHODS = ("GET", "HEAD", "POST")
_HTTP = 80
_OWN_SITES = frozenset({"same-origin", "none"})  # none: the user typed the address, or another program opened it


def refused(request: Request, token: str, port: int) -> Answer | None:
    """Return the answer to a request that may not be served, None for one that may.

    Args:
        request: The request.
        token: The secret that is the first segment of the path.
        port: The port that the viewer listens on.
    """
    hosts = request.every("host")
    if len(hosts) != 1 or hosts[0].lower() not in _own(port):
        return answers.nothing(403)
    if not hmac.compare_digest(segment(request.target).encode("utf-8", "replace"), token.encode()):
        return answers.nothing(404)
    if not _is_own_page(request, hosts[0].lower()):
        return answers.nothing(403)
    if request.method not in METHODS:
        return answers.nothing(405, ("Allow", ", ".join(METHODS)))
    if request.method == "POST":
        return _refused_post(request)
    return None


def segment(target: str) -> str:
    """Return the first segment of a target's path; "" if the target is no path."""
    return target.partition("?")[0].removeprefix("/").partition("/")[0] if target.startswith("/") else ""


def _own(port: int) -> set[str]:
    hosts = {f"{name}:{port}" for name in NAMES}
    return hosts | set(NAMES) if port == _HTTP else hosts


def _is_own_page(request: Request, host: str) -> bool:
    origins, sites = request.every("origin"), request.every("sec-fetch-site")
    return all(origin.lower() == f"http://{host}" for origin in origins) and all(site in _OWN_SITES for site in sites)


def _refused_post(request: Request) -> Answer | None:
    """Return the answer to a POST that no page of the viewer sends; a form of a browser cannot send JSON."""
    if not request.every("origin"):
        return answers.nothing(403)
    kinds = [kind.partition(";")[0].strip().lower() for kind in request.every("content-type")]
    return None if kinds == [answers.JSON] else answers.nothing(415)
