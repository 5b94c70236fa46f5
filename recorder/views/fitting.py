"""Judge triples by a filter before their JSON is built: a body is decoded only where it may hold a wanted word."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from ..formats.charsets import charset_of, media_of
from ..library.latency import ack_ms, offset_ms
from ..model import Headers, Triple
from . import data
from .filter import Either, Every, Expression, Not, Word, fits

# Words of letters and digits are written alike in JSON, if nothing in it is escaped; but not those that a number may
# become: NaN, and digits where a number is no integer.
_PLAIN = re.compile(r"[a-z0-9]{3,}")
_DIGIT = re.compile(r"[0-9]")
_FLOAT = re.compile(rb"(?<![\w.])[0-9]+(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)(?![\w.])")
_NUMBERS = ("nan", "infinity")
_CHARSETS = ("", "utf-8", "us-ascii")


def accepting(expression: Expression) -> Callable[[Triple], bool]:
    """Return the function that tells whether a triple fits an expression, as `fits` tells of its JSON."""
    if not _has_word(expression):
        return lambda item: fits(expression, _without_bodies(item))
    words = [word for word in _needed(expression) if _PLAIN.fullmatch(word)]
    needed = [word for word in words if not any(word in number for number in _NUMBERS)]
    return lambda item: all(_may_hold(item, word) for word in needed) and fits(expression, data.triple(item))


def _without_bodies(item: Triple) -> dict[str, Any]:
    """Return what all other terms of a filter look at, in the shape of `data.triple`."""
    request, ack = item.request, item.ack
    events = [
        {
            "channel": link.event.channel, "name": link.name, "rule": link.rule, "confidence": link.confidence,
            "offset_ms": offset_ms(link, item),
        }
        for link in item.events
    ]  # fmt: skip
    row = {
        "n": item.n,
        "at": round(request.t / 1e9, 6),
        "operation": item.operation,
        "handle": data.as_text(item.keys.get("handle")),
        "referenceId": data.as_text(item.keys.get("reference")),
        "session": item.session,
        "state": item.state.value,
        "keys": item.keys,
        "request": {"method": request.method, "path": request.target},
        "ack": ack and {"status": ack.status, "ms": ack_ms(item)},
        "events": events,
    }
    named = (text for link in item.events for text in (link.event.channel, link.name or "", link.rule))
    texts = (item.operation or "", item.session or "", request.method, request.target, *item.keys.values(), *named)
    plain = all(isinstance(text, str) and text.isascii() for text in texts)
    return row if plain else data.exchangeable({**row, "keys": dict(item.keys)})


def _has_word(expression: Expression) -> bool:
    match expression:
        case Word():
            return True
        case Not(term):
            return _has_word(term)
        case Every(terms) | Either(terms):
            return any(map(_has_word, terms))
        case _:
            return False


def _needed(expression: Expression) -> Iterator[str]:
    """Yield words without which no triple fits."""
    match expression:
        case Word(text):
            yield text
        case Every(terms):
            for term in terms:
                yield from _needed(term)
        case _:
            return


def _may_hold(item: Triple, word: str) -> bool:
    """Return whether a word of letters may stand in a triple; True wherever that is not plain."""
    request, ack = item.request, item.ack
    names = [link.name or "" for link in item.events] + [link.event.channel for link in item.events]
    named = [item.operation, item.session, item.state.value, request.method, request.target, *names]
    keys = map(str, item.keys.values())
    if any(word in text.lower() for text in (*filter(None, named), *keys)) or _in_body(
        word, request.body, request.headers
    ):
        return True
    if ack is not None and _in_body(word, ack.body, ack.headers):
        return True
    return any(_in_data(word, link.event.data) for link in item.events)


def _in_data(word: str, data: Any) -> bool:
    try:
        text = msgspec.json.encode(data)  # a tenth of the time that `json` takes
    except (ValueError, TypeError, OverflowError, RecursionError):
        return True
    if not text.isascii():
        return word in json.dumps(data, ensure_ascii=False).lower()
    return _in_text(word, text)


def _in_body(word: str, body: bytes, headers: Headers) -> bool:
    if not body:
        return False
    if not body.isascii() or b"\\" in body or b"\0" in body or charset_of(media_of(headers)).lower() not in _CHARSETS:
        return True
    return _in_text(word, body)


def _in_text(word: str, text: bytes) -> bool:
    if word.encode() in text.lower():
        return True
    return _DIGIT.search(word) is not None and _FLOAT.search(text) is not None
