"""The answer to a matched request: as recorded, with the client's own values, or what a fault puts in its place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from ....dialect.definition import Dialect
from ....dialect.paths import parse_json
from ....model import Headers, Triple
from ..matching.bindings import ScannedText
from ..matching.request import MintedId
from .rewriter import Rewriter, has_names
from .templates import encode

_NOT_REPLAYED = {
    "connection", "content-encoding", "content-length", "date", "keep-alive", "proxy-connection", "trailer",
    "transfer-encoding", "upgrade",
}  # fmt: skip
# attributes that bind a cookie to the recorded host or to its TLS: nobody would send it to us
_BOUND = re.compile(r"\s*(?:domain\s*=.*|secure|samesite\s*=\s*none)\s*", re.IGNORECASE)
_JSON: Headers = (("Content-Type", "application/json;charset=UTF-8"),)
_TEXT: Headers = (("Content-Type", "text/plain; charset=utf-8"),)

_REMEMBERED = 1000  # headers of answers: most servers send the same ones again and again

Ack: TypeAlias = tuple[int, Headers, bytes]


class Ready(NamedTuple):
    """A recorded answer that is sent as it is, but to a client that has bound something in it."""

    ack: Ack
    seen: ScannedText

    def to(self, rewriter: Rewriter) -> Ack | None:
        """The answer to one client, None where it has to be rewritten."""
        return None if rewriter.is_in(self.seen) else self.ack


def ready(triple: Triple, dialect: Dialect) -> Ready | None:
    """The answer to a recorded request, if most clients get it as it is; most are."""
    if triple.ack is None or not 200 <= triple.ack.status <= 999:
        return None
    return _ready(triple.ack.status, triple.ack.headers, triple.ack.body, dialect)


def is_plain(prepared: Ready, minted: Iterable[MintedId]) -> bool:
    """Whether no id that was minted for an operation can be in its answer, nor an address."""
    return not prepared.seen.has_address and not any(one.run in prepared.seen.runs for one in minted)


@lru_cache(_REMEMBERED)
def _ready(status: int, headers: Headers, body: bytes, dialect: Dialect) -> Ready | None:
    kept = _kept(headers)
    if kept.sets_cookies or has_names(body, dialect):
        return None
    text = body.decode(errors="replace")
    return Ready((status, kept.headers, body), ScannedText.of(f"{kept.values.text}\n{text}"))


def refused(status: int, body: bytes) -> Ack:
    """What a fault puts in place of any answer."""
    return status, _JSON, body


def ack(triple: Triple, rewriter: Rewriter, cookie: str, dialect: Dialect) -> Ack:
    """Status, headers and body.

    Args:
        triple: What was recorded.
        rewriter: Knows to whom it goes.
        cookie: Stands in for the session cookies the recorded server set.
        dialect: Knows which these are.

    """
    if triple.ack is None:
        reason = triple.failure.reason if triple.failure else "the capture ended before its answer came"
        return 504, _TEXT, f"recorded without an answer: {reason}\n".encode()
    if not 200 <= triple.ack.status <= 999:  # of three digits, and not one of those that another answer follows
        return 502, _TEXT, f"recorded with the status {triple.ack.status}, which is no answer\n".encode()
    kept = _kept(triple.ack.headers)
    headers = kept.headers
    if kept.sets_cookies or rewriter.is_in(kept.values):
        rewritten = (_header(name.lower(), value, cookie, rewriter, dialect) for name, value in headers)
        headers = tuple(zip((name for name, _ in headers), rewritten, strict=True))
    return triple.ack.status, headers, _rewritten(triple.ack.body, rewriter)


@dataclass(frozen=True, slots=True)
class _Kept:
    """The recorded headers that are replayed; what is in their values, and whether they set cookies."""

    headers: Headers
    values: ScannedText
    sets_cookies: bool


@lru_cache(_REMEMBERED)
def _kept(recorded: Headers) -> _Kept:
    gone = _NOT_REPLAYED | _of_the_connection(recorded)
    headers = tuple((name, value) for name, value in recorded if name.lower() not in gone)
    sets_cookies = any(name.lower() == "set-cookie" for name, _ in headers)
    return _Kept(headers, ScannedText.of("\n".join(value for _, value in headers)), sets_cookies)


def _of_the_connection(headers: Headers) -> set[str]:
    """The headers that `Connection` names (RFC 9110, section 7.6.1)."""
    return {
        name.strip().lower()
        for header, value in headers
        if header.lower() == "connection"
        for name in value.split(",")
    }  # fmt: skip


def _header(name: str, value: str, ours: str, rewriter: Rewriter, dialect: Dialect) -> str:
    if name == "set-cookie":
        pair, *attributes = value.split(";")
        cookie, equals, _ = pair.partition("=")
        if equals and cookie.strip() in dialect.session_cookies:
            pair = f"{cookie}={ours}"
        return ";".join([rewriter.text(pair), *(text for text in attributes if not _BOUND.fullmatch(text))])
    return rewriter.text(value)


def _rewritten(body: bytes, rewriter: Rewriter) -> bytes:
    """A recorded body with its bound values replaced; untouched, byte for byte, where there are none in it."""
    if not body or not rewriter.touches(body):
        return body
    value = parse_json(body)
    if value is None:
        return body
    new = rewriter.value(value)
    if new == value:
        return body
    # half a surrogate pair has no UTF-8; what backslashreplace makes of it is its JSON escape
    return encode(new).encode("utf-8", "backslashreplace")
