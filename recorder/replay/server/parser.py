"""Parse the bytes of a connection into requests. Sans-IO.

    parser.feed(data); parser.next() → RawRequest | Continue | Refusal | None

llhttp parses HTTP; this module refuses the valid requests that a stand-in does not serve.

llhttp knows a list of methods and ASCII targets; the recorder takes any. So llhttp reads such a request with another
first line, and is fed one request at a time: what follows one, also because its Content-Length was wrong, begins anew.

A cache stands before llhttp: a header block with known bytes is not parsed again. Only blocks that llhttp has parsed
enter the cache, from plain HTTP/1.1 requests that keep their connection. Without the cache the server takes 1.6 to 2
times as long for a request (`python -m benchmarks.against`). tests/replay/server/test_parser.py checks that both ways
give equal requests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn, Protocol

import httptools

from ...formats.compression import TooLarge
from ...model import Headers
from ...redaction.bodies.encodings import NotSupported, NotUndone, content
from .admission import STATUS, Admitted, Refused, hidden
from .limits import Limits

# Header line that keeps or closes the connection: by default HTTP/1.1 keeps, HTTP/1.0 closes (RFC 9112, section 9.3).
KEEP, KEEP_OLD, CLOSE = b"", b"Connection: keep-alive\r\n", b"Connection: close\r\n"

_LINE = re.compile(rb"(GET|POST|PUT|PATCH|DELETE) (/[\w/.~!$&'()*+,;=:@%?-]*) HTTP/1\.1\r\n")
# A first line that llhttp refuses though the recorder takes it. Without spaces and controls it is read in one way only.
_ODD_LINE = re.compile(rb"([!-~]+) ([^\x00-\x20\x7f]+) (HTTP/1\.[01]\r\n)")
_KNOWN_METHODS = frozenset({b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS", b"CONNECT"})
_EMPTY_LINE = (b"\r", b"\n")
_METHOD_BEGINS = re.compile(rb"[A-Za-z]")
_LONGEST = 1 << 13  # bytes of the longest header block in the cache
_REMEMBERED = 4096  # header blocks in the cache: a client needs one for GET, and for POST one per length of the body
_PERSONAL = {"cookie", "authorization"}
_OWN = 16  # blocks in the cache that a connection drops when it ends: no other client sends such a header
_SHORT = 200  # bytes of a header that is shared by all heads that have it
_UNUSUAL = {"expect", "upgrade", "transfer-encoding", "content-encoding", "trailer", "te"}
_PIECE = 1 << 14  # bytes fed to llhttp at once
_CHUNK = 16  # bytes of framing allowed for each byte of a chunked body: a chunk of one byte needs at least 5
_SHOWN = 200  # characters of a request's method and target in a refusal
_ABSOLUTE = re.compile(r"https?://(?:[^/?#]*@)?([!\"$-.0->A-~]+)((?:[/?#].*)?)", re.IGNORECASE | re.DOTALL)
_BROKEN = "the body cannot be read"


class RawRequest(NamedTuple):
    """A request from the wire, with its whole body, decoded by its Content-Encoding.

    Attributes:
        from_page: Whether the request has an Origin header, as requests of browser pages do.
        connection: KEEP, KEEP_OLD or CLOSE: header line about the connection, for the answer.
        is_old: Whether the request is HTTP/1.0, which has no interim answers.
        is_handshake: Whether the request opens a WebSocket; `RequestParser.rest` then returns the bytes after it.
        added: Headers to add to the answer.

    """

    method: str
    target: str
    headers: Headers
    body: bytes
    from_page: bool
    connection: bytes
    is_old: bool = False
    is_handshake: bool = False
    added: Headers = ()


class Continue(NamedTuple):
    """A request whose client waits for `100 Continue` before it sends the body (RFC 9110, section 10.1.1)."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is not served; the connection ends after the answer.

    Attributes:
        status: HTTP status of the answer.
        text: Reason for the client, one line.
        call: Method and target of the request, as far as they were read.
        foreign: The reason, if the request was not admitted.

    """

    status: int
    text: str
    call: str = ""
    foreign: Refused | None = None


class Admits(Protocol):
    """Decides on a request, as `Admission.admit` does, before its body is read."""

    def __call__(self, method: str, target: str, headers: Headers, hosts: Sequence[str] = (), /) -> Admitted | Refused:
        """Return the request as it is served, or the refusal."""


def admit_all(_: str, target: str, headers: Headers, __: Sequence[str] = ()) -> Admitted:
    """Admit a request as it is."""
    return Admitted(target, headers)


class Waiting(Enum):
    """The part of a request that the client must send next."""

    REQUEST = auto()
    HEAD = auto()  # the rest of a head
    BODY = auto()  # the rest of a body


class Head(NamedTuple):
    """A header block that llhttp has read, of a request that was admitted.

    Attributes:
        headers: The headers, without a token.
        length: Content-Length: bytes of the body.
        from_page: Whether the headers have an Origin, as requests of browser pages do.

    """

    headers: Headers
    length: int
    from_page: bool


_NONE = Head((), 0, from_page=False)


class KnownHeads:
    """The cache of header blocks, shared by the connections of a server; a full cache drops the oldest block."""

    def __init__(self, most: int = _REMEMBERED) -> None:
        """Create an empty cache for at most `most` header blocks; 0 switches the cache off."""
        self._most = most
        self._heads: dict[bytes, Head] = {}
        self.get = self._heads.get

    def add(self, block: bytes, head: Head) -> None:
        """Remember a header block and the head that llhttp has read from it."""
        if self._most and len(block) <= _LONGEST:
            if len(self._heads) >= self._most:
                del self._heads[next(iter(self._heads))]
            self._heads[block] = head

    def drop(self, blocks: Iterable[bytes]) -> None:
        """Forget header blocks."""
        for block in blocks:
            self._heads.pop(block, None)


class _Stop(Exception):
    """Leaves a callback of llhttp; httptools wraps such errors, so `RequestParser` keeps the refusal itself."""


class RequestParser:
    """The parser of one connection; it yields the requests in the order they came."""

    __slots__ = (  # noqa: RUF023  # one a line would be thirty lines
        "_added", "_admits", "_apart", "_asks", "_at", "_begun", "_body", "_candidate", "_chunked", "_connection",
        "_data", "_fed", "_head", "_heads", "_in_head", "_is_encoded", "_is_old", "_own", "_is_over", "_left",
        "_limits", "_llhttp", "_method", "_odd", "_opening", "_opens", "_pieces", "_raw", "_ready", "_recalled",
        "_refusal", "_size", "_target", "_upgrades", "_url",
    )  # fmt: skip

    def __init__(
        self,
        heads: KnownHeads,
        limits: Limits,
        opens: Callable[[str], bool],
        admits: Admits = admit_all,
        apart: re.Pattern[bytes] | None = None,
    ) -> None:
        """Prepare to read the first request.

        Args:
            heads: The cache of header blocks, shared by all connections of a server.
            limits: Limits for the size of a request.
            opens: Returns whether a WebSocket may be opened at a target.
            admits: Decides on each head that is not in the cache: an admitted head enters the cache.
            apart: Finds the targets that must be decided on one by one, whatever their heads; None if there are none.

        """
        self._heads, self._limits, self._opens = heads, limits, opens
        self._admits, self._apart = admits, apart
        self._llhttp: Any = None  # created late and dropped in `close`: it and this parser refer to each other
        self._data, self._at = b"", 0  # bytes that came, and the number of them that were read
        self._ready: list[RawRequest | Refusal] = []  # in their order; they are few
        self._refusal: Refusal | None = None
        self._is_over = False  # after a refusal or an upgrade there is no further request
        self._candidate: bytes | None = None  # the header block that llhttp reads next, if whole and not in the cache
        self._own: tuple[bytes, ...] = ()  # blocks in the cache that no other client sends
        self._recalled: Head | None = None  # the cached head of the request that llhttp reads next
        self._odd: tuple[bytes, bytes] | None = None  # method and target that llhttp does not read itself
        self._begun = self._in_head = False
        self._reset()

    def _reset(self) -> None:
        """Clear the state of a request, before the next request."""
        self._url = b""
        self._raw: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []  # bytes of the head: httptools does not tell the protocol's name
        self._head = _NONE
        self._body = bytearray()
        self._size = self._fed = 0  # bytes: of the head as parsed, of all
        self._left = 0  # bytes of the body that are missing; of a body in chunks that is not known
        self._method, self._target, self._connection = "", "", KEEP
        self._added: Headers = ()
        self._chunked = self._asks = self._is_encoded = self._is_old = self._upgrades = self._opening = False

    # -- called by the front

    def feed(self, data: bytes) -> None:
        """Take bytes from the socket; `next` parses them."""
        if self._data:
            data = self._data[self._at :] + data
            self._at = 0
        self._data = data

    def next(self) -> RawRequest | Continue | Refusal | None:
        """Return the next request, wish for `100 Continue`, or refusal; None until more bytes are fed."""
        while not self._ready:
            if self._at >= len(self._data) or self._is_over:
                if self._asks and self._begun and not self._is_over:
                    self._asks = False
                    return Continue()
                return None
            if not self._begun:
                known = self._known()
                if known is not None:
                    return known
                if not self._has_line():
                    return None
            self._parse()
        return self._ready.pop(0)

    @property
    def ahead(self) -> int:
        """Number of fed bytes that were not parsed, plus one for each parsed request that was not served."""
        return len(self._ready) + len(self._data) - self._at

    @property
    def is_drained(self) -> bool:
        """Whether every fed byte belongs to a request that was served."""
        return not (self._begun or self._ready or self._data)

    @property
    def waiting(self) -> Waiting:
        """The part of a request that must come before `next` can return a result."""
        if not self._begun:
            # what is no method may be the rest of a body whose Content-Length was too small, and asks for nothing
            is_method = self._data and _METHOD_BEGINS.match(self._data, self._at)
            return Waiting.HEAD if is_method else Waiting.REQUEST
        return Waiting.HEAD if self._in_head else Waiting.BODY

    @property
    def call(self) -> str:
        """Method and target of the request that is being read, as far as they were read; at most 200 characters."""
        return hidden(f"{self._method} {self._url.decode('utf-8', 'backslashreplace')}".strip())[:_SHOWN]

    def rest(self) -> bytes:
        """Return the bytes that followed the handshake of a WebSocket."""
        return self._data[self._at :]

    def close(self) -> None:
        """Drop the reference to llhttp, which refers to this parser: without the cycle, both are freed at once."""
        self._llhttp = None
        self._heads.drop(self._own)
        self._own = ()

    # -- the cache

    def _known(self) -> RawRequest | None:
        """Return the next request if its header block is in the cache and its body has come; else None."""
        data, at = self._data, self._at
        line = _LINE.match(data, at)
        if line is None or (self._apart is not None and self._apart.search(line[2])):
            return None
        begin = line.end()
        end = data.find(b"\r\n\r\n", begin - 2, begin + _LONGEST)
        if end < 0 or end - at > self._limits.head:
            return None
        block = data[begin : end + 2]
        head = self._heads.get(block)
        if head is None:
            self._candidate = block
            return None
        begin = end + 4
        end = begin + head.length
        if end > len(data):
            self._recalled = head  # the body is incomplete, and llhttp collects it
            return None
        if end == len(data):
            self._data, self._at = b"", 0
        else:
            self._at = end
        method, target = line.groups()
        return RawRequest(method.decode(), target.decode(), head.headers, data[begin:end], head.from_page, KEEP)

    # -- llhttp

    def _has_line(self) -> bool:
        """Return whether llhttp can read on: it waits for a whole line, and gets another one in place of an odd one."""
        while self._data[self._at : self._at + 1] in _EMPTY_LINE:
            self._at += 1  # some clients send empty lines behind a body (RFC 9112, section 2.2)
        if self._data.find(b"\n", self._at) < 0:  # a line that is too long, or is none, such as TLS, is refused at once
            first = self._data[self._at : self._at + 1]
            return len(self._data) - self._at > self._limits.head or not b"!" <= (first or b"!") <= b"~"
        line = _ODD_LINE.match(self._data, self._at)
        method, target, version = (b"GET", b"", b"") if line is None else line.groups()
        if (method not in _KNOWN_METHODS or not target.isascii()) and method.upper() != b"CONNECT":
            self._odd = method.upper(), target  # the recorder keeps methods in capitals
            self._data, self._at = b"POST / " + version + self._data[self._at + len(method + target + version) + 2 :], 0
        return True

    def _piece(self) -> bytes:
        """Return bytes of one request: of its head alone, or of its body alone."""
        data, at, end = self._data, self._at, self._at + _PIECE
        if self._in_head and data[at : at + 1] in _EMPTY_LINE:
            end = at + 1  # the end of the head may come in parts
        elif self._in_head or not self._begun:
            ending = data.find(b"\r\n\r\n", at, end)
            end = end if ending < 0 else ending + 4
        elif self._left > 0:
            end = min(end, at + self._left)
        return data[at:end]

    def _parse(self) -> None:
        """Feed the next piece of bytes to llhttp."""
        piece = self._piece()
        self._at += len(piece)
        if self._at == len(self._data):
            self._data, self._at = b"", 0
        if self._llhttp is None:
            self._llhttp = httptools.HttpRequestParser(self)
        if self._begun:
            self._fed += len(piece)
        if self._in_head or not self._begun:
            self._pieces.append(piece)
        try:
            self._llhttp.feed_data(piece)
        except httptools.HttpParserUpgrade as exc:
            self._upgraded(piece[exc.args[0] :])
        except httptools.HttpParserCallbackError as exc:
            if self._refusal is None:
                raise exc.__context__ or exc from None  # an error of ours
            self._end(self._refusal)
        except httptools.HttpParserError as exc:
            if self._is_over:  # what follows a request that ends its connection
                return
            is_version = self._in_head and ("HTTP version" in str(exc) or "PRI/Upgrade" in str(exc))
            self._end(Refusal(505 if is_version else 400, f"not HTTP/1.1: {exc}", self.call))
        else:
            self._measure()

    def _measure(self) -> None:
        """Refuse input without an end: a head over the limit, or chunks with far more framing than body."""
        if not self._begun:  # a poll is held for long, on thousands of connections: keep nothing of its request
            self._llhttp = None
            self._reset()
        elif self._in_head and self._fed > self._limits.head:
            self._end(Refusal(431, f"the head is longer than {self._limits.head} bytes", self.call))
        elif self._chunked and self._fed > self._limits.head + (_CHUNK + 1) * len(self._body):
            self._end(Refusal(400, "the chunks have more framing than content", self.call))

    def _refuse(self, status: int, text: str, foreign: Refused | None = None) -> NoReturn:
        """Refuse the request; call only inside a callback of llhttp.

        Raises:
            _Stop: In every call.

        """
        self._refusal = Refusal(status, text, self.call, foreign)
        raise _Stop

    def _end(self, refusal: Refusal) -> None:
        self._ready.append(refusal)
        self._is_over = True
        self._begun = False

    def _upgraded(self, rest: bytes) -> None:
        """Go on after a request with an Upgrade header: open a WebSocket, or read the request without the header.

        A server may ignore the Upgrade header (RFC 9110, section 7.8), but must then read the body, which llhttp skips.
        So the head is fed to llhttp again without the header. Java's HttpClient asks for h2c in its first request.
        """
        self._data, self._at = rest + self._data[self._at :], 0
        if self._opening:
            self._ready.append(
                RawRequest(
                    self._method,
                    self._target,
                    self._head.headers,
                    b"",
                    self._head.from_page,
                    KEEP,
                    is_handshake=True,
                    added=self._added,
                )
            )
            self._is_over = True
            return
        lines = [b"%b %b HTTP/1.1" % (self._method.encode(), self._url)]
        lines += [b"%b: %b" % pair for pair in self._raw if pair[0].lower() != b"upgrade"]
        self._data = b"\r\n".join([*lines, b"", b""]) + self._data
        self._llhttp = None

    # -- callbacks of llhttp

    def on_message_begin(self) -> None:
        """Start a new request."""
        pieces = self._pieces[-1:]
        self._reset()
        self._pieces = pieces
        self._begun = self._in_head = True

    def on_url(self, url: bytes) -> None:
        """Collect a part of the target."""
        if self._odd is None:
            self._url += url
            self._method = self._llhttp.get_method().decode()
        else:
            self._method, self._url = self._odd[0].decode(), self._odd[1]
        if len(self._url) > self._limits.head:
            self._refuse(414, f"the target is longer than {self._limits.head} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header; count the bytes of a trailer, and drop it."""
        self._size += len(name) + len(value) + 4
        if self._size + len(self._url) > self._limits.head:
            self._refuse(431, f"the head is longer than {self._limits.head} bytes")
        if self._in_head:
            self._raw.append((name, value.strip(b" \t")))
            if len(self._raw) > self._limits.headers:
                self._refuse(431, f"there are more than {self._limits.headers} headers")

    def on_headers_complete(self) -> None:
        """Check and keep the complete head."""
        self._in_head = False
        known, block = self._recalled, self._candidate
        self._recalled = self._candidate = None
        headers = known.headers if known is not None else _decoded(self._raw)
        shown: dict[str, list[str]] = {}
        for name, value in headers:
            shown.setdefault(name.lower(), []).append(value)
        version = self._llhttp.get_http_version()
        self._check_protocol(version, shown)
        headers = self._read_target(headers, shown)
        is_lasting = False
        if known is None:
            headers, is_lasting = self._admit(headers, shown.get("host", ()))
        length = self._check_framing(version, shown)
        keeps = self._llhttp.should_keep_alive()
        self._is_old = version == "1.0"
        self._connection = (KEEP_OLD if self._is_old else KEEP) if keeps else CLOSE
        self._upgrades = self._llhttp.should_upgrade()
        self._opening = shown.get("upgrade", [""])[0].lower() == "websocket" and self._opens(self._target)
        if self._opening and not self._upgrades:
            self._refuse(400, "a WebSocket's handshake needs Connection: Upgrade")
        self._head = Head(headers, length, "origin" in shown)
        self._left = length
        if block is not None and is_lasting and keeps and version == "1.1" and not shown.keys() & _UNUSUAL:
            self._heads.add(block, self._head)
            if len(self._own) < _OWN and not shown.keys().isdisjoint(_PERSONAL):
                self._own += (block,)

    def on_chunk_header(self) -> None:
        """Note that the body comes in chunks."""
        self._chunked = True

    def on_body(self, data: bytes) -> None:
        """Collect a part of the body."""
        if len(self._body) + len(data) > self._limits.body:
            self._refuse(413, f"the body is larger than {self._limits.body} bytes")
        self._body += data
        self._left -= len(data)

    def on_message_complete(self) -> None:
        """Finish a request; a request with an Upgrade header is left to `_upgraded`, as llhttp skips its body."""
        self._begun = False
        self._odd = None
        if self._upgrades:
            return
        body = bytes(self._body)
        if self._is_encoded:
            body = self._decoded(body)
        self._is_over = self._connection is CLOSE  # what follows is not read
        head = self._head
        self._ready.append(
            RawRequest(
                self._method,
                self._target,
                head.headers,
                body,
                head.from_page,
                self._connection,
                self._is_old,
                added=self._added,
            )
        )

    # -- checks that llhttp does not make

    def _check_protocol(self, version: str, shown: dict[str, list[str]]) -> None:
        """Refuse other protocols and versions, tunnels, and a target without its host."""
        raw = b"".join(self._pieces)
        self._pieces.clear()
        if b" RTSP/" in raw or b" ICE/" in raw:  # httptools hides that llhttp also parses these protocols
            line = rb"%b +%b +(?:RTSP|ICE)/" % (self._method.encode(), re.escape(self._url))
            if re.search(line, raw):
                self._refuse(400, "not HTTP")
        if version not in {"1.0", "1.1"}:
            self._refuse(505, f"HTTP/{version} is not supported, use HTTP/1.1")
        if self._method == "CONNECT":
            self._refuse(405, "this is no proxy, and opens no tunnels")
        hosts = set(shown.get("host", ()))  # the recorder takes the same one twice
        if len(hosts) > 1 or (not hosts and version == "1.1"):  # RFC 9112, section 3.2
            self._refuse(400, "two Host headers" if hosts else "the Host header is missing")

    def _read_target(self, headers: Headers, shown: dict[str, list[str]]) -> Headers:
        """Read the target and return the headers; an absolute URL's host replaces Host (RFC 9112, section 3.2.2)."""
        self._target = self._url.decode("utf-8", "surrogateescape")
        if self._target.startswith("/") or (self._target == "*" and self._method == "OPTIONS"):
            return headers
        absolute = _ABSOLUTE.fullmatch(self._target)
        if absolute is None:
            self._refuse(400, "the target is neither a path nor the URL of a page")
        host, path = absolute.groups()
        self._target = path if path.startswith("/") else f"/{path}"
        if "host" not in shown:
            return (("Host", host), *headers)
        return tuple((name, host if name.lower() == "host" else value) for name, value in headers)

    def _admit(self, headers: Headers, hosts: Sequence[str]) -> tuple[Headers, bool]:
        """Refuse a request that is not admitted; return its headers without a token, and whether they may be cached."""
        found = self._admits(self._method, self._target, headers, hosts)
        if isinstance(found, Refused):
            self._refuse(STATUS, found.text, found)
        self._target, self._added = found.target, found.added
        return found.headers, found.is_lasting

    def _check_framing(self, version: str, shown: dict[str, list[str]]) -> int:
        """Return the Content-Length, 0 if there is none; refuse a body that is too large."""
        coding = ", ".join(shown.get("transfer-encoding", ()))
        if coding and (version == "1.0" or coding.lower() != "chunked"):
            self._refuse(400, f"Transfer-Encoding: {coding[:_SHOWN]} in HTTP/{version} is not understood")
        length = int(shown.get("content-length", ["0"])[0])
        if length > self._limits.body:
            self._refuse(413, f"the body is larger than {self._limits.body} bytes")
        self._is_encoded = "content-encoding" in shown
        expected = ", ".join(shown.get("expect", ())).lower()
        if expected and expected != "100-continue":
            self._refuse(417, "of Expect, only 100-continue is supported")
        self._asks = bool(expected) and version == "1.1" and (length > 0 or bool(coding))
        return length

    def _decoded(self, body: bytes) -> bytes:
        """Return the body as the recorder decodes it; refuse a body that cannot be decoded whole."""
        try:
            found, lacks = content(body, self._head.headers, self._limits.body)
        except TooLarge as exc:
            self._refuse(413, f"the body is too large: {exc}")
        except NotUndone as exc:
            self._refuse(415 if isinstance(exc, NotSupported) else 400, f"{_BROKEN}: {exc}")
        if lacks is not None:
            self._refuse(400, f"{_BROKEN}: {lacks}")
        return found


def _decoded(raw: list[tuple[bytes, bytes]]) -> Headers:
    return tuple(_short(pair) if len(pair[0]) + len(pair[1]) < _SHORT else _pair(pair) for pair in raw)


def _pair(raw: tuple[bytes, bytes]) -> tuple[str, str]:
    name, value = raw
    return name.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape")


_short = lru_cache(_REMEMBERED // 4)(_pair)  # most headers of most clients are the same ones
