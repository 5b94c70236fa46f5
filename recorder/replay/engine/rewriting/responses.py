"""Answer a matched request: as recorded with the client's own values, or with what a fault puts in its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from ....bayeux.json_bodies import with_json
from ....bayeux.messages import Message
from ....correlate.sessions import separate
from ....dialect.definition import Dialect
from ....dialect.paths import parse_json
from ....links.cookies import unbound
from ....model import JSON, Headers, Response, Triple
from ....requests.bindings import ScannedText
from ....requests.request import MintedId
from .dates import Dates, lasting
from .rewriter import Rewriter, has_names, in_ascii
from .templates import encode

_NOT_REPLAYED = {  # Alt-Svc names another host or port for the same origin (RFC 7838)
    "alt-svc", "connection", "content-encoding", "content-length", "date", "keep-alive", "proxy-connection", "trailer",
    "transfer-encoding", "upgrade",
}  # fmt: skip
_UPGRADED = 101
_OF_UPGRADES = {"sec-websocket-accept", "sec-websocket-extensions", "sec-websocket-protocol"}
_JSON: Headers = (("Content-Type", "application/json;charset=UTF-8"),)
_TEXT: Headers = (("Content-Type", "text/plain; charset=utf-8"),)

_LINE = re.compile(rb"(\x1e?)(.*?)([\r\n]*)", re.DOTALL)  # of ndjson, or of json-seq (RFC 7464) with its mark
_REMEMBERED = 1000  # headers of answers: most servers send the same ones again and again

NO_REPLY = 204  # of a publish: Bayeux lets a server leave out the reply (1.0, section 5.2.2 "Publish Response")
_LONGEST = 1000  # characters of an error

Ack: TypeAlias = tuple[int, Headers, bytes]


@dataclass(frozen=True, slots=True)
class PreparedResponse:
    """A recorded answer, ready for a client that has bound no value in it.

    Attributes:
        status: HTTP status.
        headers: The recorded headers without those that belong to the recorded connection.
        body: The recorded body.
        text: Header values and body, in which bound values may stand.
        varies: Every client gets its own: the answer sets cookies, or holds names under which minted values stand.
        names_own: An id of the operation may stand in it.
        at: UTC seconds at which it was recorded, if it holds dates to move; else None.

    """

    status: int
    headers: Headers
    body: bytes
    text: ScannedText
    varies: bool = False
    names_own: bool = False
    at: float | None = None


class Move(NamedTuple):
    """The way in which the dates of an answer move.

    Attributes:
        dates: Moves them.
        later: Seconds after the recorded answer.
        shift: Seconds by which the dates of the client's session move.

    """

    dates: Dates
    later: float
    shift: int = 0


def prepare(
    triple: Triple,
    dialect: Dialect,
    minted: Iterable[MintedId] | None = None,
    dates: Dates | None = None,
    *,
    opens: bool = False,
) -> PreparedResponse:
    """Prepare the answer to a recorded request: 504 where none was recorded, 502 where that was no valid one.

    Args:
        triple: What was recorded.
        dialect: Knows the names under which minted values stand.
        minted: Per-operation ids of the recorded request; None where they are not known.
        dates: Knows the dates in it that are to be moved; None if none are.
        opens: Whether it begins a stream, whose events come apart from it, or opens a plain WebSocket.

    """
    if triple.request.message is not None and triple.ack is None and triple.failure is None:
        return _own(NO_REPLY, "")
    if triple.ack is None:
        reason = triple.failure.reason if triple.failure else "the capture ended before its answer came"
        return _own(504, f"recorded without an answer: {reason}\n")
    if opens:
        return _prepared(triple.ack.status, triple.ack.headers, b"", dialect, False)
    if not 200 <= triple.ack.status <= 999:  # of three digits, and not one of those that another answer follows
        return _own(502, f"recorded with the status {triple.ack.status}, which is no answer\n")
    # the length of a HEAD's answer is that of a body which was not sent (RFC 9110, section 9.3.2)
    keeps_length = triple.request.method == "HEAD" and not triple.ack.body and triple.ack.status != NO_REPLY
    prepared = _prepared(triple.ack.status, triple.ack.headers, triple.ack.body, dialect, keeps_length)
    names_own = minted is None or any(one.run in prepared.text.runs for one in minted)
    prepared = replace(prepared, names_own=True) if names_own else prepared
    is_dated = dates is not None and dates.are_in(triple.ack)
    return replace(prepared, at=dates.recorded(triple.ack.t)) if dates is not None and is_dated else prepared


def _own(status: int, text: str) -> PreparedResponse:
    return PreparedResponse(status, _TEXT, text.encode(), ScannedText.of(""))


@lru_cache(_REMEMBERED)
def _prepared(
    status: int,
    recorded: Headers,
    body: bytes,
    dialect: Dialect,
    keeps_length: bool,  # noqa: FBT001  # a key of the cache
) -> PreparedResponse:
    gone = _NOT_REPLAYED | _of_the_connection(recorded) | (_OF_UPGRADES if status == _UPGRADED else set())
    if keeps_length:
        gone -= {"content-length"}
    headers = tuple(_separated((name, value) for name, value in recorded if name.lower() not in gone))
    readable = in_ascii(body)
    varies = has_names(readable, dialect) or any(name.lower() == "set-cookie" for name, _ in headers)
    text = "\n".join([*(value for _, value in headers), readable.decode(errors="replace")])
    return PreparedResponse(status, headers, body, ScannedText.of(text), varies)


def respond(
    prepared: PreparedResponse,
    rewriter: Rewriter,
    cookie: str,
    dialect: Dialect,
    *,
    secure: bool = False,
    move: Move | None = None,
) -> Ack:
    """Return status, headers and body for one client.

    Args:
        prepared: The recorded answer.
        rewriter: Knows the client's values.
        cookie: Value of the session cookies that the stand-in sets in place of the recorded server's.
        dialect: Names these cookies.
        secure: The client keeps cookies that need TLS.
        move: How the dates move, in an answer that holds some.

    """
    headers, body = prepared.headers, prepared.body
    if move is not None:
        headers, body = _moved(prepared, rewriter, move)
    if move is not None or prepared.varies or rewriter.is_in(prepared.text, own=prepared.names_own):
        headers = tuple(
            (name, _header(name.lower(), value, cookie, rewriter, dialect, secure=secure)) for name, value in headers
        )
        body = _rewritten(body, prepared.headers, rewriter)
    return prepared.status, headers, body


def in_pieces(body: bytes, recorded: Response, rewriter: Rewriter) -> tuple[bytes, ...]:
    """Return a body of lines, such as ndjson, in the pieces in which it was recorded, each line rewritten by itself.

    Args:
        body: The body, whose links lead to the stand-in.
        recorded: The recorded answer, which knows the lengths of its pieces.
        rewriter: Knows the client's values.

    """
    parts = (_LINE.fullmatch(line) for line in body.splitlines(keepends=True))
    lines = [found[1] + _rewritten(found[2], _JSON, rewriter) + found[3] for found in parts if found is not None]
    found, at, taken = [], 0, 0
    for _, length in recorded.pieces[:-1]:
        number = len(recorded.body[at : at + length].splitlines())
        found.append(b"".join(lines[taken : taken + number]))
        at, taken = at + length, taken + number
    return (*found, b"".join(lines[taken:]))


def reply_of(ack: Ack) -> Message | None:
    """Return the fields of the reply to a publish; None where none was recorded.

    An answer that is no reply, such as that of a fault or of a failed request, refuses the publish.
    """
    status, _, body = ack
    if status == NO_REPLY:
        return None
    value = parse_json(body)
    if isinstance(value, dict) and "successful" in value:
        return value
    return refusal(status, body.decode("utf-8", "replace").strip())


def refusal(status: int, text: str) -> Message:
    """Return the fields of a reply that refuses a publish: `number::text` (Bayeux 1.0, section 3.3.1 "error")."""
    return {"successful": False, "error": f"{status}::{text[:_LONGEST]}"}


def refused(status: int, body: bytes) -> PreparedResponse:
    """Return the answer that a fault puts in place of the recorded one."""
    return PreparedResponse(status, _JSON, body, ScannedText.of(""))


def _separated(headers: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield headers, each cookie in its own: only a whole header is rewritten, and browsers read one cookie of each."""
    for name, value in headers:
        yield from (
            ((name, cookie.strip()) for cookie in separate(value)) if name.lower() == "set-cookie" else ((name, value),)
        )


def _of_the_connection(headers: Headers) -> set[str]:
    """Return the headers that `Connection` names (RFC 9110, section 7.6.1)."""
    return {
        name.strip().lower()
        for header, value in headers
        if header.lower() == "connection"
        for name in value.split(",")
    }  # fmt: skip


def _header(name: str, value: str, ours: str, rewriter: Rewriter, dialect: Dialect, *, secure: bool) -> str:
    if name == "set-cookie":
        pair, *attributes = value.split(";")
        cookie, equals, _ = pair.partition("=")
        if equals and cookie.strip() in dialect.session_cookies:
            pair = f"{cookie}={ours}"
        return ";".join([rewriter.text(pair), *unbound(attributes, secure=secure, name=cookie)])
    return rewriter.text(value)


def _moved(prepared: PreparedResponse, rewriter: Rewriter, move: Move) -> tuple[Headers, bytes]:
    """Return headers and body with their dates moved; what stands for a value of the client's login is not moved."""
    dates, later, shift = move
    at, body = prepared.at or 0.0, prepared.body
    headers = tuple((name, lasting(name.lower(), value, at, later)) for name, value in prepared.headers)
    if dates.has_paths:
        headers, value = dates.headers(headers, shift), parse_json(body, prepared.headers)
        new = dates.body(value, shift, lambda text: rewriter.text(text) != text)
        body = body if new is value else _with(new, body, prepared.headers)
    return headers, body


def _rewritten(body: bytes, headers: Headers, rewriter: Rewriter) -> bytes:
    """Return a recorded body with its bound values replaced; byte for byte the recorded one where it holds none.

    JSON stays in what stood around it: the client takes that off as it did from the recorded server's.
    """
    if not body or not rewriter.touches(body):
        return body
    value = parse_json(body, headers)
    if value is None:
        return rewriter.with_own_login(body)
    new = rewriter.value(value)
    if new == value:
        return body
    return _with(new, body, headers)


def _with(value: JSON, body: bytes, headers: Headers) -> bytes:
    """Return a body with another value, in what stood around its JSON."""
    # half a surrogate pair has no UTF-8; what backslashreplace makes of it is its JSON escape
    return with_json(body, encode(value).encode("utf-8", "backslashreplace"), headers)
