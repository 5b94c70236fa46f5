"""Translate between the addresses of the upstreams and those of the recorder in their places, for one client.

A client that follows links must come back to the recorder, and the upstreams must not see that there is one. So the
client's copy of an answer has the recorder's addresses, and a request goes on, and is recorded, with the upstreams'.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ..correlate.sessions import separate
from ..links.cookies import unbound
from ..links.rewriting import LOOPBACK, Link, Links, Origin, Server, path_behind, server_at
from ..model import Headers

# Headers that would lead a client away from the recorder, or to a TLS that the recorder may not have.
_NOT_FOR_CLIENTS = {"strict-transport-security", "alt-svc"}
_POLICIES = {"content-security-policy", "content-security-policy-report-only"}
_TO_TLS = re.compile(r"\s*(?:upgrade-insecure-requests|block-all-mixed-content)\s*", re.IGNORECASE)
_SOURCE = re.compile(r"(?<= )[\w.:\[\]-]+(?=[ ;]|\Z)")  # of a policy: a host without a scheme
_DIGESTS = {"content-md5", "digest", "content-digest", "repr-digest"}
# Both sides of Digest compute a hash over the realm and the URI as they are written (RFC 7616, section 3.4).
_AS_WRITTEN = {"authorization", "proxy-authorization"}
_OURS = "recorder."  # begins the name of a cookie that the client keeps under another name


class Upstream(NamedTuple):
    """An upstream, and the port at which the recorder stands before it.

    Attributes:
        origin: The address of the upstream.
        port: The port of the recorder.
    """

    origin: Origin
    port: int

    @property
    def server(self) -> Server | None:
        """The host that links to this upstream lead to."""
        return server_at(self.origin.host)


class Addresses:
    """The addresses of the upstreams, and the addresses at which one client reaches them through the recorder.

    Attributes:
        here: The address by which the client names the recorder.
        own: The addresses of the recorder.
        upstreams: The hosts of the upstreams.
        written: The addresses of the upstreams as their URLs write them.

    """

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        port: int,
        here: Origin,
        is_push: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """Pair the upstreams with the recorder's addresses.

        Args:
            upstreams: All upstreams of the recording.
            port: The recorder's port that the client speaks to.
            here: The address by which the client names that port.
            is_push: Returns whether a path is one that clients are pushed events at.

        """

        def leads_to_push(text: str, link: Link) -> bool:
            return link.is_socket or is_push(path_behind(text, link))

        self._port, self.here, self._several = port, here, len(upstreams) > 1
        name = here.host if here.host.endswith("]") else here.host.rpartition(":")[0] or here.host
        self._out: list[tuple[Links, Origin]] = []
        self._back: list[tuple[Links, Origin]] = []
        self._push: list[tuple[Links, Origin]] = []
        for upstream in upstreams:
            local = here if upstream.port == port else Origin(f"{name}:{upstream.port}", here.secure)
            own, server = server_at(local.host), upstream.server
            if own is not None and server is not None and own != server:
                self._out.append((Links([server]), local))
                self._push.append((Links([server], wanted=leads_to_push), local))
                self._back.append((Links([own]), upstream.origin))
        self.written = tuple(upstream.origin.host.encode() for upstream in upstreams)
        names = {upstream.server.host for upstream in upstreams if upstream.server is not None}
        names |= LOOPBACK if "localhost" in names else set()
        self._names = tuple(name.lower().encode() for name in sorted(names))
        self.own = frozenset(server for links, _ in self._back for server in links.known)
        self.upstreams = frozenset(server for links, _ in self._out for server in links.known)

    def response_headers(self, headers: Headers) -> Headers:
        """Return the headers of an answer as the client is to see them."""
        return tuple(self._for_client(headers))

    def response_body(self, body: bytes, headers: Headers) -> bytes:
        """Return the body of an answer, or a WebSocket message, as the client is to see it."""
        for links, origin in self._out:
            body = links.body(body, headers, origin)
        return body

    def push_headers(self, headers: Headers) -> Headers:
        """Return the headers of an answer with the URLs that clients are pushed events at, and no others, changed."""
        for links, origin in self._push:
            headers = links.headers(headers, origin)
        return headers

    def push_body(self, body: bytes, headers: Headers) -> bytes:
        """Return the body of an answer, or a WebSocket message, with these URLs, and no others, changed."""
        if not self.may_change(body):  # the rule; the rest costs time
            return body
        for links, origin in self._push:
            body = links.body(body, headers, origin)
        return body

    def may_change(self, body: bytes) -> bool:
        """Return whether `push_body` may change a body: it names an upstream, or is in UTF-16 or UTF-32."""
        lower = body.lower()  # a pattern without regard to case takes fifty times as long
        return any(name in lower for name in self._names) or b"\0" in body[:4]

    def request_headers(self, headers: Headers) -> Headers:
        """Return the headers of a request as the upstream is to see them."""
        for links, origin in self._back:
            headers = tuple(
                [
                    (name, value if name.lower() in _AS_WRITTEN else links.rewritten(value, origin))
                    for name, value in headers
                ]
            )
        return tuple(self._for_upstream(headers))

    def target(self, target: str) -> str:
        """Return the target of a request as the upstream is to see it."""
        for links, origin in self._back:
            target = links.rewritten(target, origin)
        return target

    def request_body(self, body: bytes, headers: Headers) -> bytes:
        """Return the body of a request, or a WebSocket message, as the upstream is to see it."""
        for links, origin in self._back:
            body = links.body(body, headers, origin)
        return body

    def _for_client(self, headers: Headers) -> Iterator[tuple[str, str]]:
        for name, value in headers:
            kind = name.lower()
            if kind in _NOT_FOR_CLIENTS:
                continue
            if kind == "set-cookie":
                yield from ((name, self._text(self._cookie(cookie))) for cookie in separate(value))
            elif kind in _POLICIES:
                yield name, self._policy(value)
            else:
                yield name, value if value.lower().startswith("digest ") else self._text(value)

    def _text(self, text: str) -> str:
        for links, origin in self._out:
            text = links.rewritten(text, origin)
        return text

    def _policy(self, value: str) -> str:
        """Return a content security policy that allows the recorder where the server allows its upstreams."""
        parts = [part for part in value.split(";") if self.here.secure or not _TO_TLS.fullmatch(part)]
        return self._text(_SOURCE.sub(lambda found: self._host(found[0]), ";".join(parts)))

    def _host(self, text: str) -> str:
        server = server_at(text)
        return next((origin.host for links, origin in self._out if server in links.known), text)

    def _cookie(self, cookie: str) -> str:
        """Return a cookie that the client keeps from the recorder, and sends to the upstream that set it.

        Cookies know no ports: two upstreams on one machine would overwrite each other's. A cookie that no script of a
        page can read may have any name, so the port stands in its name. So may a cookie whose name promises TLS: no
        client keeps such a cookie without TLS.
        """
        pair, *attributes = cookie.strip().split(";")
        kinds = {text.partition("=")[0].strip().lower() for text in attributes}
        promises_tls = pair.strip().lower().startswith(("__host-", "__secure-")) and not self.here.secure
        if promises_tls or (self._several and "httponly" in kinds and "domain" not in kinds):
            pair = f"{_OURS}{self._port}.{pair.strip()}"
        return ";".join([pair, *unbound(attributes, secure=self.here.secure)])

    def _for_upstream(self, headers: Headers) -> Iterator[tuple[str, str]]:
        mine = f"{_OURS}{self._port}."
        for name, value in headers:
            if name.lower() != "cookie" or _OURS not in value:
                yield name, value
                continue
            cookies = [text.strip().removeprefix(mine) for text in value.split(";")]
            kept = [text for text in cookies if not text.startswith(_OURS)]  # the others are of other upstreams
            if kept:
                yield name, "; ".join(kept)


def without_digests(headers: Headers) -> Headers:
    """Return the headers of an answer whose body was changed, without digests of the body that it had."""
    return tuple((name, value) for name, value in headers if name.lower() not in _DIGESTS)
