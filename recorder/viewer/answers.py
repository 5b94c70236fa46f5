"""Define requests and answers of the viewer, without sockets."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from ..model import Headers

HTML = "text/html; charset=utf-8"
JSON = "application/json"
LINES = "application/x-ndjson"
EVENTS = "text/event-stream"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
# The page loads its script and style from its own address and nothing else, and stands in no frame. Whoever shows the
# address of the page to others (a Referer does) shows the token.
SECURITY: Headers = (
    (
        "Content-Security-Policy",
        f"{POLICY}; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
_LEAST = 1024  # bytes; what is shorter is not worth a compression
_LEVEL = 1  # of gzip: the network is this machine


class Request(NamedTuple):
    """A request; `target` is as it came, the body is empty unless the method is POST."""

    method: str
    target: str
    headers: Headers
    body: bytes = b""

    def every(self, name: str) -> list[str]:
        """Return the values of all headers of a name, which is given in small letters."""
        return [value.strip() for own, value in self.headers if own.lower() == name]

    @property
    def takes_gzip(self) -> bool:
        """Return whether the client accepts an answer in gzip."""
        codings = [coding.split(";") for value in self.every("accept-encoding") for coding in value.lower().split(",")]
        return any(
            name.strip() == "gzip" and not any(part.strip() in _REFUSED for part in rest) for name, *rest in codings
        )


_REFUSED = frozenset({"q=0", "q=0.0", "q=0.00", "q=0.000"})


class Answer(NamedTuple):
    """An answer with its whole body; the body is not sent in answer to HEAD."""

    status: int
    headers: Headers
    body: bytes


class Stream(NamedTuple):
    """An answer whose body comes in parts, as they are known; closing the iterator ends the work for it."""

    status: int
    headers: Headers
    parts: Iterator[bytes]


def nothing(status: int, *headers: tuple[str, str]) -> Answer:
    """Return an answer without a body."""
    return Answer(status, (*SECURITY, *headers), b"")


def text(status: int, words: str) -> Answer:
    """Return an answer of one line of text, for a person who typed the address."""
    return Answer(status, (*SECURITY, ("Content-Type", "text/plain; charset=utf-8")), f"{words}\n".encode())


def value(found: Any, request: Request, status: int = 200) -> Answer:
    """Return a value as JSON; lone surrogates, which UTF-8 cannot hold, become question marks."""
    return content(as_bytes(found), JSON, request, status)


def of(found: Any, request: Request) -> Answer | Stream:
    """Return the answer to a question as JSON: bytes hold JSON already, an iterator yields its lines; 404 for None."""
    if found is None:
        return nothing(404)
    if isinstance(found, bytes):
        return content(found, JSON, request)
    return lines(found) if isinstance(found, Iterator) else value(found, request)


def mistake(words: str, request: Request, status: int, **more: Any) -> Answer:
    """Return an error as JSON, in one line, in answer to a request of a page."""
    return value({"error": words, **more}, request, status)


def content(body: bytes, kind: str, request: Request, status: int = 200) -> Answer:
    """Return content of a media type, compressed if the client takes that."""
    headers: Headers = (*SECURITY, ("Content-Type", kind), ("Vary", "Accept-Encoding"))
    if len(body) >= _LEAST and request.takes_gzip:
        body, headers = gzip.compress(body, _LEVEL, mtime=0), (*headers, ("Content-Encoding", "gzip"))
    return Answer(status, headers, body)


def lines(rows: Iterable[Any]) -> Stream:
    """Return a stream of values, each a line of JSON (NDJSON)."""
    return Stream(200, (*SECURITY, ("Content-Type", LINES)), (as_bytes(row) + b"\n" for row in rows))


def events(parts: Iterator[bytes]) -> Stream:
    """Return server-sent events (WHATWG HTML, section 9.2)."""
    return Stream(200, (*SECURITY, ("Content-Type", EVENTS)), parts)


def as_bytes(found: Any) -> bytes:
    """Return a value as JSON in UTF-8."""
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def quick_bytes(found: Any) -> bytes:
    """Return what `as_bytes` does of a value without broken numbers, as infinite ones, in a tenth of the time."""
    try:
        return msgspec.json.encode(found)
    except UnicodeEncodeError:  # a lone surrogate
        return as_bytes(found)
