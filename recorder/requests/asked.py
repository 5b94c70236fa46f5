"""Name the recorded servers in one way in requests: a client that was led to the stand-in names the stand-in there."""

from __future__ import annotations

from dataclasses import replace

from ..links.rewriting import NOWHERE, Links, Origin, server_at, upstream_of
from ..model import Header, Headers, Triple


class AskedLinks:
    """The links in the requests of one recording, and in the live requests that are compared with those.

    Attributes:
        are_there: A recorded request has a link; else the links of live requests make no difference.

    """

    def __init__(self, header: Header, links: Links, *, are_there: bool = False) -> None:
        """Take the header of a recording and its links; `are_there` is what was found when it was indexed."""
        host = upstream_of(header.upstream) or str(min(links.known, default=NOWHERE.host))
        self._links, self._home = Links(links.known), Origin(host, header.upstream.startswith("https:"))
        self.are_there = are_there

    def named(self, triple: Triple) -> Triple:
        """Return a triple whose request names all recorded servers by one origin; the same object without a link."""
        request = triple.request
        target, body = self._rewritten(self._links, request.target, request.body, request.headers)
        if target is request.target and body is request.body:
            return triple
        self.are_there = True
        return replace(triple, request=replace(request, target=target, body=body))

    def as_recorded(self, target: str, body: bytes, headers: Headers, origin: Origin) -> tuple[str, bytes]:
        """Return target and body of a live request with the recorded origin in place of the origin of the stand-in."""
        own = server_at(origin.host)
        links = self._links if own is None else Links(self._links.known | {own})
        return self._rewritten(links, target, body, headers)

    def _rewritten(self, links: Links, target: str, body: bytes, headers: Headers) -> tuple[str, bytes]:
        return links.rewritten(target, self._home), links.body(body, headers, self._home)
