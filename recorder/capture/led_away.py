"""Notice answers that lead a client past the recorder: to the upstream's own address, or to another host."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ..correlate.sessions import separate
from ..links.following import is_followed, leads
from ..links.rewriting import Link, Server, links, server_at
from ..links.text_bodies import decoded
from ..model import Headers

KIND = "led-away"  # of the note
_LOOKED_AT = 1 << 18  # bytes of a body
_ENDS = (b'"', b"'", b" ", b"<", b"\n")  # a link does not go on behind them
_REMEMBERED = 10_000  # hosts, as they are written
_MOST = 20  # foreign hosts told that stand in bodies: a list of records may name thousands of web sites
_NEAR = 300  # characters before a link that name its field
# A host behind two slashes as bodies write them; a body without a new one need not be decoded. All other spellings are
# seen only of hosts that are known. A pattern that begins with a literal is searched ten times as fast as one of all.
_SLASHES = (b"//", rb"\/\/", b"%2F%2F", b"%2f%2f", rb"\u002f\u002f", rb"\u002F\u002F")
_RAW = {
    mark: re.compile(re.escape(mark) + rb"((?:[\w.-]+|\[[\da-fA-F:.]+\])(?:(?::|%3[aA])\d+)?)") for mark in _SLASHES
}
_PAGE = re.compile(r"[^;]*(?:html|javascript|ecmascript|css)", re.IGNORECASE)
_REDIRECTS = {"location", "content-location", "refresh"}
_NEXT = re.compile(r"[^,]*;\s*rel\s*=\s*\"?(?:next|prev|first|last|self|edit)\b", re.IGNORECASE)
_FIELD = re.compile(
    r"(?:\\*+\"(?P<member>[\w.$@ -]{1,60}+)\\*+\"\s*+:\s*+(?:\[\s*+)?\\*+\""
    r"|<(?:[\w.-]++:)?(?P<element>[\w.-]{1,60}+)(?:\s[^<>]*+)?>\s*+(?:<!\[CDATA\[)?"
    r"|(?P<attribute>[\w:.-]{1,60}+)\s*+=\s*+\\?[\"']?)\Z"
)
# Where a page sends a browser by itself, or with the data of a form: single sign-on goes on there.
_SENDS = re.compile(
    r"(?:\baction\s*=\s*[\"']?|\burl\s*=\s*[\"']?|\blocation(?:\.href)?\s*=\s*[\"']|\blocation\.(?:assign|replace)\(\s*[\"'])\Z",
    re.IGNORECASE,
)
# A member of a JSON object whose value is a host with a port, or a host of several labels.
_MEMBER = re.compile(r"\"([\w.$@ -]{1,60})\"\s*:\s*\"((?:\[[\da-fA-F:.]+\]|[\w.-]+):\d{1,5}|[\w-]+(?:\.[\w-]+)+)\"")
_MAY_SEND = re.compile(rb"action|url|location", re.IGNORECASE)
_DOMAIN = re.compile(r"\s*domain\s*=\s*\.?([\w.-]+)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Known:
    """The hosts that lead nowhere else, as one client knows them.

    Attributes:
        upstreams: The hosts of the upstreams.
        own: The addresses of the recorder.
        written: The names of these hosts in the URLs of the upstreams.
        rewritten: Links to upstreams lead to the recorder already.
        over_tls: The client speaks TLS to the recorder.
        plain: The upstream of this client, if it is recorded without TLS.
    """

    upstreams: frozenset[Server]
    own: frozenset[Server]
    written: tuple[bytes, ...]
    rewritten: bool
    over_tls: bool = False
    plain: Server | None = None


class LedAway:
    """The hosts to which answers have led clients so far."""

    def __init__(self, tell: Callable[[str, str, str], None], rewrite: str, also: str) -> None:
        """Start without any.

        Args:
            tell: Tells a fact once for each place; takes the kind of the fact, the place and the text.
            rewrite: The option that rewrites links, as the user writes it.
            also: The option that records one more upstream, with `{url}` for its URL.

        """
        self._tell, self._rewrite, self._also = tell, rewrite, also
        self._seen: set[bytes] = set()  # hosts in bodies, as they are written
        self._told: set[Server] = set()
        self._cookies: set[str] = set()  # attributes
        self._foreign = 0

    def answer(self, headers: Headers, body: bytes, known: Known, target: str = "") -> None:
        """Look at an answer, and tell of each host that was not told of yet.

        Args:
            headers: The headers, as the upstream sent them.
            body: The decoded body.
            known: The hosts that are no news.
            target: The target of the request.

        """
        kind = ""
        for name, value in headers:
            lower = name.lower()
            if lower == "content-type":
                kind = value
            elif lower == "set-cookie":
                self._cookie(value, known)
            elif "//" in value and leads(lower):
                if lower == "location":
                    self._to_tls(value, target, known)
                self._header(name, value, known)
        if body:
            self.body(body, headers, known, is_page=_PAGE.match(kind) is not None)

    def body(self, body: bytes, headers: Headers, known: Known, *, is_page: bool = False) -> None:
        """Look at a body, a piece of a stream or a WebSocket message."""
        if len(body) > _LOOKED_AT:
            body = body[: max(body.rfind(end, 0, _LOOKED_AT) for end in _ENDS)]
        if not self._has_news(body, known, is_page=is_page):
            return
        text = decoded(body, headers)
        if text is None:
            return
        for link in links(text.text):
            server, before = link.server, text.text[max(0, link.start - _NEAR) : link.start]
            if server in known.own or server in self._told or not is_followed(text.text, link):
                continue
            if server in known.upstreams:
                self._upstream(server, _field(before, link), known)
            elif _SENDS.search(_without_scheme(before, link)) if is_page else link.scheme is not None:
                self._foreign += 1
                if self._foreign <= _MOST:
                    self._other(server, _field(before, link), link, text.text)
        self._bare(text.text, known)

    def _has_news(self, body: bytes, known: Known, *, is_page: bool) -> bool:
        if not self._told.issuperset(known.upstreams):
            begin = b'"' if known.rewritten else b""  # only a host without a scheme is news then
            for name in known.written:
                if begin + name in body:
                    return True
        marks = [mark for mark in _SLASHES if mark in body]
        if not marks:
            return b"\0" in body[:4]  # UTF-16
        if is_page:  # what shows a host in one page may send to it in another
            return _MAY_SEND.search(body) is not None
        found = {raw for mark in marks for raw in _RAW[mark].findall(body)} - self._seen
        if len(self._seen) < _REMEMBERED:
            self._seen |= found
            return bool(found)
        return False

    def _header(self, name: str, value: str, known: Known) -> None:
        for link in links(value):
            server = link.server
            if server in known.own or server in self._told:
                continue
            if server in known.upstreams:
                self._upstream(server, name, known)
            elif name.lower() in _REDIRECTS or (name.lower() == "link" and _NEXT.match(value, link.end)):
                self._other(server, name, link, value)

    def _to_tls(self, location: str, target: str, known: Known) -> None:
        """Tell of an upstream that wants the same request by TLS: with rewritten links it would come for ever."""
        for link in links(location):
            is_tls = link.scheme is not None and location[slice(*link.scheme)].lower() == "https"
            if is_tls and link.server == known.plain and (location[link.end :] or "/") == target:
                fact = f"the upstream redirects from http://{link.server} to https://{link.server} (Location)"
                risk = "is redirected to the recorder again and again" if known.rewritten else "bypasses the recorder"
                cure = f"record https://{link.server} in its place"
                self._tell(KIND, f"https://{link.server}", f"{fact}: a client that follows it {risk}; {cure}")

    def _cookie(self, value: str, known: Known) -> None:
        for cookie in () if known.rewritten else separate(value):
            name, *attributes = cookie.split(";")
            name = name.partition("=")[0].strip()
            for text in attributes:
                domain = _DOMAIN.fullmatch(text)
                if domain is not None and not any(server.host.endswith(domain[1].lower()) for server in known.own):
                    self._tell_of_cookie(f"the cookie {name} is for the domain {domain[1]}", "Domain")
                elif text.strip().lower() == "secure" and not known.over_tls:
                    self._tell_of_cookie(f"the cookie {name} is for TLS only", "Secure")

    def _tell_of_cookie(self, fact: str, attribute: str) -> None:
        if attribute in self._cookies:
            return
        self._cookies.add(attribute)
        risk = "clients reject this cookie from the recorder, or do not send it to the recorder"
        self._tell(
            KIND,
            f"{attribute} in Set-Cookie",
            f"{fact} ({attribute} in Set-Cookie): {risk}; {self._rewrite} changes that",
        )

    def _upstream(self, server: Server, field: str, known: Known) -> None:
        if known.rewritten:
            return
        self._told.add(server)
        risk = "a client that follows it bypasses the recorder"
        cure = f"{self._rewrite} replaces it with the recorder's address"
        self._tell(KIND, str(server), f"an answer names the upstream's own address {server} ({field}): {risk}; {cure}")

    def _bare(self, text: str, known: Known) -> None:
        """Tell of addresses of upstreams that are the whole value of a JSON member."""
        for found in _MEMBER.finditer(text):
            server = server_at(found[2])
            if server is not None and server in known.upstreams and server not in self._told:
                self._told.add(server)
                fact = f"an answer names the upstream's own address {server} without a scheme ({found[1]})"
                risk = "a client that goes there bypasses the recorder, and no option changes this address"
                self._tell(KIND, str(server), f"{fact}: {risk}")

    def _other(self, server: Server, field: str, link: Link, text: str) -> None:
        self._told.add(server)
        scheme = "https" if link.scheme is None else text[slice(*link.scheme)].lower().replace("ws", "http", 1)
        also = self._also.format(url=f"{scheme}://{server}")
        fact = f"an answer leads to another host, {server} ({field}), and requests to that host are not recorded"
        self._tell(KIND, str(server), f"{fact}; {also} records it too, and {self._rewrite} leads clients there")


def _field(before: str, link: Link) -> str:
    """Return the name of the field of a link in a body."""
    found = _FIELD.search(_without_scheme(before, link))
    return "its body" if found is None else next(name for name in found.groups() if name is not None)


def _without_scheme(before: str, link: Link) -> str:
    """Return what stands before a link, given what stands before its host."""
    if link.scheme is None:
        return before.rstrip("/\\")
    return before[: len(before) - (link.start - link.scheme[0])]
