"""Keep clients at the recorder: tell where answers lead them away, or rewrite the links in both directions."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import TypeAlias

from mitmproxy import ctx, http
from mitmproxy.proxy.mode_specs import ReverseMode

from ...bayeux.hosts import redirected
from ...formats.charsets import media_of
from ...formats.streamed import is_event_stream, streamed_media
from ...links.pieces import Pieces
from ...links.rewriting import Origin
from ...links.text_bodies import is_textual
from ...model import Headers
from ..address import authority
from ..led_away import KIND, Known, LedAway
from ..streams import KEPT, length_of
from ..translation import Addresses, Upstream, without_digests

HOST = "outbound_recorder.host"  # metadata of a flow: the Host that the client sent
_CONDITIONAL = {b"if-none-match", b"if-modified-since"}
_PIECE = 64 << 10  # bytes of a large body that are changed in one turn of the event loop
_LOOKED_AT = 1 << 20  # bytes of a large body that are looked at in one turn
_NAME = 300  # bytes of the longest name that is looked for
_CLIENTS = 100  # addresses by which clients name the recorder
_NOT_REWRITTEN = (
    "links in an answer that is longer than 16 MiB, or compressed although that was not asked for, are not rewritten: "
    "a client that follows them bypasses the recorder"
)
_JSON = re.compile(r"application/(?!stream\+|x-ndjson|json-seq)[\w.+-]*json\b", re.IGNORECASE)
Stream: TypeAlias = Callable[[bytes], bytes | list[bytes]]
Led: TypeAlias = Callable[[bytes, str, Headers], Awaitable[bytes]]  # replaces the hosts in a body, as `redirected`


class Leading:
    """The changes that a recording makes to flows, and the remarks that it makes about links.

    Attributes:
        rewrites: Links to upstreams lead to the recorder, and back.
        keeps_conditional: Conditional requests go on to the upstream as they are.

    """

    def __init__(
        self,
        tell: Callable[[str, str, str], None],
        is_push: Callable[[str], bool] = lambda _: False,
        *,
        rewrites: bool,
        keeps_conditional: bool,
    ) -> None:
        """Take the options of the command line.

        Args:
            tell: Tells the user of a fact.
            is_push: Returns whether a path is one that clients are pushed events at: links to it are always rewritten.
            rewrites: See `rewrites`.
            keeps_conditional: See `keeps_conditional`.

        """
        self.rewrites, self.keeps_conditional, self._tell, self._is_push = rewrites, keeps_conditional, tell, is_push
        self._led_away = LedAway(tell, rewrite="--rewrite-links", also="--also NAME={url}")
        self._addresses = lru_cache(_CLIENTS)(self._known_to)

    def configure(self, *, rewrites: bool, keeps_conditional: bool) -> None:
        """Take the options of mitmproxy."""
        self.rewrites, self.keeps_conditional = rewrites, keeps_conditional
        self._led_away = LedAway(
            self._tell, rewrite="--set rewrite_links=true", also="one more --mode reverse:{url}@PORT"
        )
        self._addresses.cache_clear()  # the modes may be others

    def request_headers(self, flow: http.HTTPFlow) -> None:
        """Change the head of a request before it goes on."""
        request = flow.request
        if not self.keeps_conditional and request.method in ("GET", "HEAD"):
            fields = request.headers.fields
            kept = tuple([field for field in fields if field[0].lower() not in _CONDITIONAL])
            if len(kept) < len(fields):
                request.headers.fields = kept
        found = self._of(flow) if self.rewrites else None
        if found is not None:
            addresses, _ = found
            _set(request, addresses.request_headers(headers_of(request.headers)))
            target = addresses.target(request.path)
            if target != request.path:
                request.path = target
            if "accept-encoding" in request.headers:  # a compressed stream could not be changed
                request.headers["accept-encoding"] = "identity"

    def request_body(self, flow: http.HTTPFlow, headers: Headers, body: bytes) -> bytes:
        """Change the body of a request before it goes on; return what goes on, decoded."""
        found = self._of(flow) if self.rewrites and body else None
        if found is None:
            return body
        changed = found[0].request_body(body, headers)
        if changed is not body:
            _set_body(flow.request, body, changed)
        return changed

    def is_waited_for(self, headers: Headers, method: str) -> bool:
        """Return whether an answer must be whole before it goes to the client, because it may have to be changed.

        Its length may change; and a compressed answer cannot be changed in pieces. One that opens a channel of events
        names its URL, so such an answer is waited for unless it may have no end: no GET opens a channel by its effect.
        """
        length = length_of(headers)
        if self.rewrites:
            is_short = length is not None and length <= KEPT
            return is_short and is_textual(headers) and not is_event_stream(headers)
        is_encoded = any(name.lower() == "content-encoding" for name, _ in headers)
        return (
            is_encoded and length is None and method in ("POST", "PUT") and _JSON.match(media_of(headers)) is not None
        )

    def stream(self, flow: http.HTTPFlow, headers: Headers, keep: Callable[[bytes], bytes]) -> Stream:
        """Change the head of an answer that is streamed; return the function that its pieces pass through.

        Args:
            flow: The exchange.
            headers: The headers that the server sent.
            keep: Takes each piece for the recording, and returns it.

        """
        found = self._of(flow)
        if found is None or flow.response is None:
            return keep
        addresses, known = found
        self._led_away.answer(self._seen(addresses, headers), b"", known, flow.request.path)
        is_encoded = any(name.lower() == "content-encoding" for name, _ in headers)
        # a client gets each byte of a stream when it comes, unless it asked for other links
        may_change = self.rewrites or streamed_media(headers) is None
        is_rewritten = may_change and not is_encoded and length_of(headers) is None
        _set(flow.response, self._headers(addresses, headers))
        if not is_textual(headers):
            return keep
        if self.rewrites and not is_rewritten:
            self._tell(KIND, "long answers", _NOT_REWRITTEN)

        def change(text: bytes) -> bytes:
            if not is_rewritten:
                self._led_away.body(text, headers, known)
                return text
            changed = self._body(addresses, text, headers)
            self._led_away.body(text if self.rewrites else changed, headers, known)
            return changed

        pieces = Pieces(change)

        def passes(piece: bytes) -> bytes | list[bytes]:
            keep(piece)
            if is_rewritten:
                return pieces.feed(piece)
            if not is_encoded:
                pieces.feed(piece)  # only to be looked at
            return piece

        return passes

    async def large_request_body(self, flow: http.HTTPFlow, headers: Headers, body: bytes) -> bytes:
        """Do as `request_body` does with a large body, some of it in each turn of the event loop."""
        found = self._of(flow) if self.rewrites else None
        if found is None:
            return body
        changed = await _by_pieces(body, lambda text: found[0].request_body(text, headers))
        if changed is not body:
            _set_body(flow.request, body, changed)
        return changed

    def response(self, flow: http.HTTPFlow, headers: Headers, body: bytes, *, is_whole: bool) -> None:
        """Change the client's copy of an answer; the recorded one keeps the server's headers and bytes."""
        found, response = self._of(flow), flow.response
        if found is None or response is None:
            return
        addresses, _ = found
        changed = redirected(body, addresses.here.host, headers) or body
        if is_whole and response.status_code != 206:  # a part of a document must fit to the other parts
            changed = self._body(addresses, changed, headers)
        self._answered(flow, headers, body, changed)

    async def large_response(
        self, flow: http.HTTPFlow, headers: Headers, body: bytes, led: Led, *, is_whole: bool
    ) -> None:
        """Do as `response` does with a large body, some of it in each turn of the event loop.

        `led` replaces hosts elsewhere.
        """
        found, response = self._of(flow), flow.response
        if found is None or response is None:
            return
        is_changed = is_whole and response.status_code != 206 and is_textual(headers)
        changed = await self._large_body(found[0], body, headers, led, is_changed=is_changed)
        self._answered(flow, headers, body, changed)

    async def _large_body(
        self, addresses: Addresses, body: bytes, headers: Headers, led: Led, *, is_changed: bool
    ) -> bytes:
        """Return a large body, or message, of the server as the client gets it."""
        changed, names_host, may_change = body, False, is_changed and self.rewrites
        for at in range(0, len(body), _LOOKED_AT):
            piece = body[at : at + _LOOKED_AT + _NAME]
            names_host = names_host or b'"hosts"' in piece
            may_change = may_change or (is_changed and addresses.may_change(piece))
            await asyncio.sleep(0)
        if names_host:
            changed = await led(body, addresses.here.host, headers)
        if may_change:
            changed = await _by_pieces(changed, lambda text: self._body(addresses, text, headers))
        return changed

    def _answered(self, flow: http.HTTPFlow, headers: Headers, body: bytes, changed: bytes) -> None:
        """Give the client the headers and the body of an answer as they are to be, and look at them."""
        found, response = self._of(flow), flow.response
        if found is None or response is None:
            return
        addresses, known = found
        shown = body if self.rewrites else changed
        self._led_away.answer(self._seen(addresses, headers), shown, known, flow.request.path)
        _set(response, self._headers(addresses, headers))
        if changed is not body:
            _set_body(response, body, changed)

    def message(self, flow: http.HTTPFlow, body: bytes, *, from_client: bool) -> bytes:
        """Return a WebSocket message as it is to go on."""
        found = self._of(flow)
        if found is None:
            return body
        addresses, known = found
        if from_client:
            return addresses.request_body(body, ()) if self.rewrites else body
        changed = self._body(addresses, redirected(body, addresses.here.host) or body, ())
        self._led_away.body(body if self.rewrites else changed, (), known)
        return changed

    async def large_message(self, flow: http.HTTPFlow, body: bytes, led: Led, *, from_client: bool) -> bytes:
        """Do as `message` does with a large one, some of it in each turn of the event loop."""
        found = self._of(flow)
        if found is None:
            return body
        addresses, known = found
        if from_client:
            change = (lambda text: addresses.request_body(text, ())) if self.rewrites else None
            return body if change is None else await _by_pieces(body, change)
        changed = await self._large_body(addresses, body, (), led, is_changed=True)
        self._led_away.body(body if self.rewrites else changed, (), known)
        return changed

    def _headers(self, addresses: Addresses, headers: Headers) -> Headers:
        """Return the headers of an answer as the client gets them."""
        return addresses.response_headers(headers) if self.rewrites else addresses.push_headers(headers)

    def _body(self, addresses: Addresses, body: bytes, headers: Headers) -> bytes:
        """Return a body, or a message, of the server as the client gets it."""
        return addresses.response_body(body, headers) if self.rewrites else addresses.push_body(body, headers)

    def _seen(self, addresses: Addresses, headers: Headers) -> Headers:
        """Return the headers that may lead the client away."""
        return headers if self.rewrites else addresses.push_headers(headers)

    def _of(self, flow: http.HTTPFlow) -> tuple[Addresses, Known] | None:
        """Return the addresses as the client of a flow knows them; None but in reverse mode."""
        client = flow.client_conn
        if not isinstance(client.proxy_mode, ReverseMode):
            return None
        return self._addresses(client.proxy_mode, client.sockname, flow.metadata.get(HOST), client.tls)

    def _known_to(
        self,
        mode: ReverseMode,
        bound: tuple[str, int],
        named: str | None,
        secure: bool,  # noqa: FBT001  # a key of the cache
    ) -> tuple[Addresses, Known]:
        """Return the addresses as a client knows them.

        Args:
            mode: Names the upstream of the client.
            bound: Where the client is connected to the recorder.
            named: The Host that the client sends; None if it is not known.
            secure: The client speaks TLS.

        """
        host, port = bound[:2]
        here = named if named and named.isascii() else authority("https" if secure else "http", host, port)
        server = ctx.master.addons.get("proxyserver")
        others = [
            _upstream(instance.mode, instance.listen_addrs[0][1])
            for instance in (server.servers if server is not None else ())
            if isinstance(instance.mode, ReverseMode) and instance.mode is not mode and instance.listen_addrs
        ]
        own = _upstream(mode, port)
        addresses = Addresses([own, *others], port, Origin(here, secure), self._is_push)
        return addresses, Known(
            addresses.upstreams,
            addresses.own,
            addresses.written,
            rewritten=self.rewrites,
            over_tls=secure,
            plain=None if own.origin.secure else own.server,
        )


async def _by_pieces(body: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Return a body with a change applied to pieces of it, with no link cut in two; other tasks run in between."""
    pieces, changed = Pieces(change), list[bytes]()
    for at in range(0, len(body), _PIECE):
        changed += pieces.feed(body[at : at + _PIECE])
        await asyncio.sleep(0)
    made = b"".join([*changed, *pieces.feed(b"")])
    return body if made == body else made


def _upstream(mode: ReverseMode, port: int) -> Upstream:
    is_tls = mode.scheme in ("https", "tls", "http3", "quic")
    host, number = mode.address[:2]
    name = host if host.isascii() else host.encode("idna").decode()
    return Upstream(Origin(authority("https" if is_tls else "http", name, number), is_tls), port)


def headers_of(headers: http.Headers) -> Headers:
    """Return headers as texts of one character for each byte."""
    return tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers.fields])


def _set(message: http.Message, headers: Headers) -> None:
    fields = tuple([(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers])
    if fields != message.headers.fields:
        message.headers.fields = fields


def _set_body(message: http.Message, decoded: bytes, body: bytes) -> None:
    """Give a message another body; without an encoding, which every receiver takes."""
    _set(message, without_digests(headers_of(message.headers)))
    if decoded != message.raw_content:
        message.headers.pop("content-encoding", None)
        if "transfer-encoding" in message.headers:
            message.headers["transfer-encoding"] = "chunked"
    message.raw_content = body
    if "content-length" in message.headers:
        message.headers["content-length"] = str(len(body))
