"""Find what came in place of Bayeux messages: an error of HTTP, a page, a redirect, nothing.

Balancers, login filters and servers that are being redeployed answer so. The client heard no events in such an answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..bayeux import channels
from ..bayeux.json_bodies import load_json
from ..bayeux.messages import Message, carried
from ..formats.charsets import decoded, media_of
from ..model import CUT, Failure, Headers, Note, Record, Request, Response

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NO_CONTENT = frozenset({204, 205})
_LONGEST = 80  # characters of a header
_HEAD = 20_000  # characters of a page in which a form is looked for
_PAGE = re.compile(r"[\ufeff\s]*+<(?:!doctype\s+html|html|head|body|meta|script|title)\b", re.IGNORECASE)
_LOGIN = re.compile(r"<form\b|type\s*=\s*[\"']?password", re.IGNORECASE)
_LIMIT = re.compile("nested too deeply|too many values")  # of `load_json`
_NOT_KEPT = re.compile(r"record ([0-9]{1,18}) is kept ")


@dataclass(frozen=True, slots=True)
class Strange:
    """An answer to a Bayeux request that holds no Bayeux messages.

    Attributes:
        answer: The answer.
        asked: What was asked for, such as "poll" or "handshake, subscribe".
        text: What came instead.
    """

    answer: Response
    asked: str
    text: str


def strange(records: Iterable[Record]) -> Iterator[Strange]:
    """Yield the answers to Bayeux requests that hold no Bayeux messages, in the order of the records."""
    open_: dict[int, str] = {}
    last: Strange | None = None
    for record in records:
        is_kept = not (isinstance(record, Note) and last is not None and not_kept(record) == last.answer.seq)
        if last is not None and is_kept:
            yield last
        last = None
        match record:
            case Request():
                messages = carried(record)
                if messages:
                    open_[record.exchange] = asked_for(messages)
            case Response() if record.exchange in open_:
                asked = open_.pop(record.exchange)
                text = otherwise(record, carried(record))
                last = None if text is None else Strange(record, asked, text)
            case Failure():
                open_.pop(record.exchange, None)
            case _:
                pass
    if last is not None:
        yield last


def otherwise(answer: Response, replies: list[Message] | None) -> str | None:
    """Say what answered a Bayeux request in place of Bayeux messages, None for Bayeux messages.

    An answer whose status is an error counts as failed whatever it holds: clients do not look into it.

    Args:
        answer: The answer.
        replies: The Bayeux messages in the answer.
    """
    status = answer.status
    if status in _REDIRECTS:
        location = _header(answer.headers, "location").partition("?")[0].partition("#")[0]
        return f"a redirect to {location} ({status})" if location else f"a redirect ({status})"
    if status >= 300:
        wait = _header(answer.headers, "retry-after")
        return f"HTTP {status}, Retry-After {wait}" if wait else f"HTTP {status}"
    if replies:
        return None
    if status in _NO_CONTENT:
        return f"no content (HTTP {status})"
    return _content(answer.body, answer.headers)


def asked_for(messages: list[Message]) -> str:
    """Return in words what Bayeux messages ask for: "poll" for a connect, "publish" for what is no meta message."""
    names = (
        "poll" if name == channels.CONNECT else name.removeprefix("/meta/") if channels.is_meta(name) else "publish"
        for name in (message["channel"] for message in messages)
    )
    return ", ".join(dict.fromkeys(names))


def not_kept(note: Note) -> int | None:
    """Return the number of the record whose body a note says is not kept whole, None for any other note.

    What such a body was cannot be told from the record.
    """
    found = _NOT_KEPT.match(note.text) if note.kind == CUT else None
    return int(found[1]) if found else None


def _content(body: bytes, headers: Headers) -> str:
    kind = media_of(headers).partition(";")[0].strip().lower()[:_LONGEST]
    if not body.strip():
        return "an empty body"
    text = decoded(body)[0][:_HEAD]
    if _PAGE.match(text) or kind in ("text/html", "application/xhtml+xml"):
        return "an HTML page with a form, as for a login" if _LOGIN.search(text) else "an HTML page"
    try:
        value = load_json(body, headers)
    except ValueError as exc:
        if _LIMIT.match(str(exc)):
            return f"JSON that cannot be read here: {exc}"
        return f"content of type {kind} that is no JSON" if kind else "content that is no JSON"
    return "an empty array" if value == [] else "JSON without Bayeux messages"


def _header(headers: Headers, wanted: str) -> str:
    return next((value for name, value in headers if name.lower() == wanted), "")[:_LONGEST]
