r"""Find the links in a text, however they are written, and lead those to known servers to another address.

The stand-in leads links to recorded servers to itself; the recorder leads links to its upstreams to itself, and back.

A link is two slashes and a host behind them, after `http:`, `https:`, `ws:`, `wss:` or where a URL may begin without a
scheme. Each character may stand as itself, percent-encoded (also twice), escaped as in JSON and JavaScript (`\/`,
`\u002f`, `\x2f`, also in a string in a string), or as a character reference of HTML and XML. One pattern knows these
spellings; so the same is found in JSON, markup, scripts, forms, headers and plain text, and nothing is parsed.

A known link gets another scheme and host in its own spelling; all other characters stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from typing import Final, NamedTuple

from ..model import JSON, Event, Headers, Recording, Reply, Response, Triple
from .text_bodies import decoded, encoded

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})  # a server that was recorded here may use any of them
_DEFAULT_PORTS = frozenset({80, 443})
_NEAR, _NEARER, _NEAREST = 200, 24, 6  # characters before the slashes: an escaped scheme, its colon, a plain scheme
_REMEMBERED = 10_000  # addresses
_LONGEST = 255  # characters of a host (RFC 1035, section 2.3.4)


def _escaped(hexadecimal: str, decimal: str) -> str:
    """Return a pattern of the characters with these numbers, escaped in any way."""
    return (
        rf"(?:\\{{1,8}}+(?:[uU]00|[xX]){hexadecimal}|%(?:25){{0,4}}+{hexadecimal}"
        rf"|&(?:amp;){{0,4}}+#(?:[xX]0{{0,6}}+{hexadecimal}|0{{0,6}}+{decimal});?)"
    )


def _spelled(literal: str, hexadecimal: str, decimal: str, name: str = "") -> str:
    named = rf"|&(?:amp;){{0,4}}+{name};" if name else ""
    return rf"(?:{_escaped(hexadecimal, decimal)}{named}|{literal})"


def _letter(char: str) -> str:
    codes = [ord(char.lower()), ord(char.upper())]
    hexadecimal = "|".join(f"{code >> 4:x}[{code & 15:x}{code & 15:X}]" for code in codes)
    return _spelled(f"[{char.lower()}{char.upper()}]", f"(?:{hexadecimal})", f"(?:{codes[0]}|{codes[1]})")


def _word(text: str) -> str:
    return "".join(map(_letter, text))


# Browsers take a backslash for a slash (URL Standard, section 4.4, "special authority slashes state").
_SLASH = _spelled(r"/|\\(?!\\{0,7}(?:[uU]00|[xX])[0-9a-fA-F]{2})", "(?:2[fF]|5[cC])", "(?:47|92)", "b?sol")
_COLON = _spelled(":", "3[aA]", "58", "colon")
_AT = _spelled("@", "40", "64", "commat")
_DIGIT = _spelled("[0-9]", "3[0-9]", "(?:4[89]|5[0-7])")
_HOST_CHARACTER = _spelled(
    r"[\w.-]",
    "(?:2[dDeE]|3[0-9]|[46][1-9a-fA-F]|[57][0-9aA]|5[fF])",
    "(?:4[5689]|5[0-7]|6[5-9]|[78][0-9]|90|95|9[7-9]|1[01][0-9]|12[0-2])",
)
_IPV6 = (
    _spelled(r"\[", "5[bB]", "91", "lsqb")
    + _spelled("[0-9a-fA-F.:]", "(?:3[0-9aA]|[46][1-6]|2[eE])", "(?:4[689]|5[0-8]|6[5-9]|70|9[7-9]|10[0-2])")
    + "{2,60}+"
    + _spelled(r"\]", "5[dD]", "93", "rsqb")
)
# Each character atomic: the two digits of an escape are word characters too, so it could be read in many ways.
_USER = r"(?>[\w.~!$*+=:-]|%(?:25){0,4}(?!2[fF]|3[fF]|23|5[cC]|2[02]|0[aAdD]|3[cCeE])[0-9a-fA-F]{2}){1,100}"
_AUTHORITY = re.compile(
    rf"(?<![\\/])(?P<slashes>{_SLASH}{{2,16}}+)(?P<user>{_USER}{_AT})?"
    rf"(?P<host>{_IPV6}|{_HOST_CHARACTER}{{1,255}}+)(?:{_COLON}(?:(?P<port>{_DIGIT}{{1,8}}+)|(?={_SLASH})))?"
)
_SCHEME = re.compile(rf"(?P<word>(?:(?P<socket>{_word('ws')})|{_word('http')}){_letter('s')}?)(?P<colon>{_COLON})\Z")
_PLAIN_SCHEME = re.compile(r"(?P<word>(?:(?P<socket>[wW][sS])|[hH][tT][tT][pP])[sS]?):\Z")
_COLON_ENDS, _SCHEME_ENDS = frozenset(":aA8;"), frozenset("pPsS")
_ESCAPES = re.compile(r"[\\%&]")
_ANY_SCHEME = re.compile(rf"{_COLON}\Z")
# what may stand before a URL without a scheme: quotes, brackets, separators, spaces; also in an escape
_BEFORE = re.compile(
    r"(?:[\s\"'`(=<>,;|\[{]|\\[nrt]|(?:\\(?:u00|x)|%(?:25)*)(?:2[0278cC]|3[b-eB-E]|0[9aAdD]|7[bBcC]|5[bB]))\Z"
)
_URL_GOES_ON = re.compile(rf"{_SLASH}|[?#]")
_A_SLASH = re.compile(_SLASH)
_HEXADECIMAL = "([0-9a-f]{2})"
_AN_ESCAPE = re.compile(
    rf"(?<!\\)\\++(?:u00|x){_HEXADECIMAL}|%(?:25)*{_HEXADECIMAL}|&(?:amp;)*#(?:x0*{_HEXADECIMAL}|0*([0-9]{{1,3}}));?",
    re.IGNORECASE,
)
_PATH = re.compile(r"(?:\\{0,8}/)[^\s\"'<>?#,;]{0,2000}")
_ADDRESS = re.compile(r"(\[[^\]]*\]|[^:]*)(?::([0-9]*))?", re.ASCII)


class Origin(NamedTuple):
    """The address that links get: that of the stand-in or the recorder as a client reaches it, or of an upstream.

    Attributes:
        host: Host and port, as in the Host header.
        secure: The client speaks TLS there; of a stand-in, to a proxy before it.
        trusted: The client is a browser that trusts this machine without TLS, and keeps cookies that need TLS.
    """

    host: str
    secure: bool = False
    trusted: bool = False


# A client without a Host header (HTTP/1.0) does not say how it reaches the stand-in. `.invalid` leads nowhere, by
# RFC 2606, section 2.
NOWHERE: Final = Origin("stand-in.invalid")


class Server(NamedTuple):
    """The host that links lead to; port 0 is the default one of any scheme."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.port else self.host


class Link(NamedTuple):
    """A link in a text.

    Attributes:
        server: Where it leads.
        scheme: Where the letters of its scheme begin and end; None for a link without a scheme.
        is_socket: The scheme is ws or wss.
        slash: The last of the slashes, which shows how the link is spelled.
        start: Where its host begins.
        end: Where its host, or its port, ends.
    """

    server: Server
    scheme: tuple[int, int] | None
    is_socket: bool
    slash: str
    start: int
    end: int


def path_behind(text: str, link: Link) -> str:
    """Return the path of a link, without its escapes and without a query; "" where it has none."""
    found = _PATH.match(text, link.end)
    return "" if found is None else _plain(found[0]).replace("\\/", "/").partition("?")[0]


def may_link(body: bytes) -> bool:
    """Return whether a body may hold a link; most bodies need not be decoded."""
    return not body.isascii() or has_mark(body) or b"\0" in body  # half an ASCII character of UTF-16


def has_mark(text: bytes) -> bool:
    """Return whether a text in ASCII or UTF-8 has one of the marks that each link has."""
    return b"//" in text or b"\\" in text or b"%" in text or b"&" in text  # a loop takes three times as long


def links(text: str) -> Iterator[Link]:
    """Yield the links in a text: where the scheme, if there is one, and the host with its port begin and end."""
    if not ("//" in text or "\\" in text or "%" in text or "&" in text):  # a loop takes three times as long
        return
    last = 0  # the host of a link is not the scheme of the next one
    for found in _AUTHORITY.finditer(text):
        slashes, begin = found["slashes"], found.start()
        scheme, at = _scheme(text, last, begin)
        if scheme is None and not _is_relative(text, begin, slashes):
            continue
        host, port, end = found["host"], found["port"], found.end()
        if not port and host.endswith(".") and not _URL_GOES_ON.match(text, end):
            end -= len(host) - len(host.rstrip("."))  # the end of a sentence
        server = server_of(host, port)
        if server is not None:
            span = None if scheme is None else (at + scheme.start("word"), at + scheme.end("word"))
            is_socket = scheme is not None and scheme["socket"] is not None
            yield Link(server, span, is_socket, _A_SLASH.findall(slashes)[-1], found.start("host"), end)
            last = end


def _scheme(text: str, start: int, end: int) -> tuple[re.Match[str] | None, int]:
    """Return the scheme that ends before some slashes, None where there is none, and where the match counts from."""
    at = max(start, end - _NEAREST)
    if text[end - 1 : end] not in _COLON_ENDS:
        return None, at
    scheme = _PLAIN_SCHEME.search(text[at:end]) if text[end - 2 : end - 1] in _SCHEME_ENDS else None
    if scheme is None and _has_scheme(text, end):
        at = max(start, end - _NEAR)
        if not _ESCAPES.search(text, at, end):  # no letter is escaped, and the search is slow
            return None, at
        scheme = _SCHEME.search(text[at:end])
    return scheme, at


def _has_scheme(text: str, end: int) -> bool:
    last = text[end - 1 : end]
    return last == ":" or (last in _COLON_ENDS and _ANY_SCHEME.search(text[max(0, end - _NEARER) : end]) is not None)


def _is_relative(text: str, begin: int, slashes: str) -> bool:
    """Return whether slashes begin a URL without a scheme: not after another scheme, and two of them are forward."""
    if begin and (_has_scheme(text, begin) or not _BEFORE.search(text[max(0, begin - _NEARER) : begin])):
        return False
    kinds = [slash.lower().rstrip(";") for slash in _A_SLASH.findall(slashes)]
    return sum(not kind.endswith(("\\", "5c", "92", "bsol")) for kind in kinds) >= 2


@lru_cache(_REMEMBERED)
def server_of(host: str, port: str | None = None) -> Server | None:
    """Return the server of a host and a port, which may be escaped; None for a port that is none."""
    name = _plain(host).lower().rstrip(".")
    if not name.isascii() and len(name) <= _LONGEST:
        with suppress(UnicodeError):  # a name that no resolver takes stays as it is written
            name = name.encode("idna").decode()
    number = int(_plain(port)) if port else 0
    if not name or number > 65_535:
        return None
    return Server("localhost" if name in LOOPBACK else name, 0 if number in _DEFAULT_PORTS else number)


def _plain(text: str) -> str:
    def character(found: re.Match[str]) -> str:
        code = next(group for group in found.groups() if group is not None)
        return chr(int(code, 10 if found[4] is not None else 16))

    return _AN_ESCAPE.sub(character, text)


def _like(slash: str, text: str) -> str:
    """Return a text with its colons and brackets spelled as a slash is."""
    if slash in ("/", "\\"):
        return text
    names = {":": "colon", "[": "lsqb", "]": "rsqb"}
    body, end = slash.rstrip(";"), ";" if slash.endswith(";") else ""

    def spelled(found: re.Match[str]) -> str:
        code = ord(found[0])
        if body.lower().endswith("sol"):
            return f"{body.removesuffix('sol').removesuffix('b')}{names[found[0]]}{end}"
        if body[-2:] in ("47", "92") and "#" in body:
            return f"{body[:-2]}{code}{end}"
        return f"{body[:-2]}{code:02X}{end}"

    return re.sub(r"[:\[\]]", spelled, text)


def servers(recording: Recording, answered: Iterable[str] | None = None) -> frozenset[Server]:
    """Return the servers that a recording can answer for: the upstream, and the hosts of answered requests.

    Args:
        recording: The recording.
        answered: The Hosts of its answered requests, where they are known; else all exchanges are read.
    """
    hosts = {value for name, value in recording.addressed if name == "host"}
    urls = {recording.header.upstream} | {value for name, value in recording.addressed if name == "upstream"}
    hosts |= set(map(upstream_of, urls))
    exchanges = chain(recording.triples, recording.plain) if answered is None else ()
    hosts.update(answered or (), *(hosts_of(one.request.headers) for one in exchanges if one.ack is not None))
    return frozenset(server for host in hosts if (server := server_at(host)) is not None)


def hosts_of(headers: Headers) -> list[str]:
    """Return the Hosts that the headers of a request name."""
    return [value for name, value in headers if name.lower() == "host"]


def upstream_of(url: str) -> str:
    """Return the host of the URL of a recorded server, with its port; "" for a text that is no URL."""
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2]


def server_at(address: str) -> Server | None:
    """Return the server of a host with an optional port, as in a Host header; None where there is none."""
    found = _ADDRESS.fullmatch(address)
    return None if found is None or len(found[2] or "") > 8 else server_of(found[1], found[2])


def asked_hosts(recording: Recording) -> frozenset[str]:
    """Return the Hosts of the requests of a recording; all of them are read."""
    asked = {host for one in chain(recording.triples, recording.plain) for host in hosts_of(one.request.headers)}
    return frozenset(asked | {value for name, value in recording.addressed if name == "host"})


def asked_servers(recording: Recording, asked: Iterable[str]) -> frozenset[Server]:
    """Return the servers that the requests of a recording name, whose Hosts are `asked`."""
    hosts = {*asked, *(value for name, value in recording.addressed if name == "host")}
    return frozenset(server for host in hosts if (server := server_at(host)) is not None)


def asked_server(headers: Headers) -> Server | None:
    """Return the server that the Host of a request names; None where it names none."""
    return next(map(server_at, hosts_of(headers)), None)


class Links:
    """The links to known servers, e.g. to those that a recording can answer for."""

    def __init__(
        self,
        known: Iterable[Server],
        reached: Iterable[Server] = (),
        wanted: Callable[[str, Link], bool] | None = None,
    ) -> None:
        """Take the servers whose links are rewritten.

        Args:
            known: The servers.
            reached: Servers that clients reach by their own names, through a proxy: for a client of one of them, the
                links to the others stay.
            wanted: Takes a text and a link in it, and returns whether it is rewritten; None for all of them.

        """
        self.known, self._reached, self._wanted = frozenset(known), frozenset(reached), wanted

    def rewritten(self, text: str, origin: Origin) -> str:
        """Return a text whose links to known servers lead to `origin`; the same object where there are none."""
        pieces, last = [], 0
        own = server_at(origin.host) if len(self._reached) > 1 else None
        for link in links(text):
            if link.server not in self.known or (self._wanted is not None and not self._wanted(text, link)):
                continue
            if own in self._reached and link.server in self._reached and link.server != own:
                pieces.append(text[last : link.end])  # a text of its own: it is another one for another origin
                last = link.end
                continue
            if link.scheme is not None:
                scheme = ("ws" if link.is_socket else "http") + ("s" if origin.secure else "")
                pieces += [text[last : link.scheme[0]], scheme]
                last = link.scheme[1]
            pieces += [text[last : link.start], _like(link.slash, origin.host)]
            last = link.end
        return "".join([*pieces, text[last:]]) if pieces else text

    def value(self, value: JSON, origin: Origin) -> JSON:
        """Return a JSON value with the links in its texts and names rewritten; the same object where there are none."""
        if isinstance(value, str):
            return self.rewritten(value, origin)
        if isinstance(value, list):
            items = [self.value(item, origin) for item in value]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        if isinstance(value, dict):
            members = [(self.rewritten(name, origin), self.value(item, origin)) for name, item in value.items()]
            pairs = zip(members, value.items(), strict=True)
            return dict(members) if any(new[0] is not old[0] or new[1] is not old[1] for new, old in pairs) else value
        return value

    def response(self, response: Response, origin: Origin) -> Response:
        """Return an answer with its links rewritten; the same object where there are none."""
        headers = self.headers(response.headers, origin)
        body = self.body(response.body, response.headers, origin)
        if headers is response.headers and body is response.body:
            return response
        return replace(response, headers=headers, body=body)

    def headers(self, headers: Headers, origin: Origin) -> Headers:
        """Return headers with the links in their values rewritten; the same object where there are none."""
        new = [(name, self.rewritten(value, origin)) for name, value in headers]
        # an equal value may hold a link too: this client reaches the stand-in as the recorded one did its server
        is_same = all(pair[1] is old[1] for pair, old in zip(new, headers, strict=True))
        return headers if is_same else tuple(new)

    def body(self, body: bytes, headers: Headers, origin: Origin) -> bytes:
        """Return a body with its links rewritten; the same object where there are none, or it is no text."""
        if not may_link(body):
            return body
        found = decoded(body, headers)
        if found is None:
            return body
        text = self.rewritten(found.text, origin)
        return body if text is found.text else encoded(text, found.charset)

    def event(self, event: Event, origin: Origin) -> Event:
        """Return an event with its links rewritten; the same object where there are none."""
        data, beside = self.value(event.data, origin), self.value(event.beside, origin)
        return event if data is event.data and beside is event.beside else replace(event, data=data, beside=beside)

    def reply(self, reply: Reply, origin: Origin) -> Reply:
        """Return a reply to a Bayeux message with its links rewritten; the same object where there are none."""
        message, pushed = self.value(reply.message, origin), self.value(reply.pushed, origin)
        same = message is reply.message and pushed is reply.pushed
        return reply if same else replace(reply, message=message, pushed=pushed)

    def triple(self, triple: Triple, origin: Origin) -> Triple:
        """Return a triple with the links in its answer rewritten; the same object where there are none."""
        ack = None if triple.ack is None else self.response(triple.ack, origin)
        return triple if ack is triple.ack else replace(triple, ack=ack)
