"""Split a record into its texts, each with its place in the record, for scans and reports.

A record before and after its values were replaced gives the same places in the same order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, unquote_plus

from ..model import Failure, Headers, Note, Record, Request, Response, SocketMessage

_DEEPEST = 100  # levels of JSON; a body nested deeper is one text
_NAME = re.compile(r"[A-Za-z_$][A-Za-z_$-]{0,39}\d{0,3}")
_FORM = re.compile(r"[\w.%+*\[\]-]+=[^\s{}]*", re.ASCII)
_JSONP = re.compile(r"\s*(?:/\*\*/)?\s*[\w$.-]+\s*\(([\[{].*[\]}])\)\s*;?\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One text of a record, with its place.

    Attributes:
        where: The place as shown to the user: `header Cookie`, `query id`, `body data.record.phone`. A name that may
            itself be a value, or has characters that a terminal could interpret, is shown as `*`.
        text: The text, decoded.
        path: The names of the enclosing members, joined by dots, as in a policy; "" if there are none.
        header: Name of the header, in small letters, if the text is a header's value; else "".

    """

    where: str
    text: str
    path: str = ""
    header: str = ""


def part(record: Record) -> str:
    """Return the type of a record as a word for the user."""
    match record:
        case Request():
            return "request"
        case Response():
            return "response"
        case Failure():
            return "failure"
        case SocketMessage():
            return "socket message"
        case Note():
            return "note"


def leaves(record: Record) -> list[Leaf]:
    """Return all texts of a record that came from outside: target, headers, body, reason or note."""
    match record:
        case Request():
            return [*_target(record.target), *_headers(record.headers), *_body(record.body)]
        case Response():
            return [*_headers(record.headers), *_body(record.body)]
        case SocketMessage():
            return list(_body(record.body))
        case Failure():
            return [Leaf("reason", record.reason)]
        case Note():
            return [Leaf("text", record.text)]


def content(text: str, where: str) -> list[Leaf]:
    """Return the texts inside JSON, JSONP or form data; for any other text return that text alone."""
    call = _JSONP.fullmatch(text)
    inner = call[1] if call else text
    if inner.lstrip()[:1] in ("{", "["):
        try:
            value = json.loads(inner, parse_int=str, parse_float=str, object_pairs_hook=_Members, strict=False)
            return list(_walk(value, where, "", 0))
        except (ValueError, RecursionError):
            return [Leaf(where, text)]
    return list(_form(text, where)) if _FORM.fullmatch(text) else [Leaf(where, text)]


def shown(name: str) -> str:
    """Return a name if it cannot be a value, else `*`."""
    return name if _NAME.fullmatch(name) else "*"


class _Members(list[tuple[str, Any]]):
    """The members of a JSON object, including those with duplicate names."""


def _walk(value: object, where: str, path: str, depth: int) -> Iterator[Leaf]:
    if depth > _DEEPEST:
        raise ValueError("too deep")
    if isinstance(value, _Members):
        for name, inner in value:
            yield Leaf(f"{where} (a name)", name)
            place = f"{where}{'.' if depth else ' '}{shown(name)}"
            yield from _walk(inner, place, f"{path}.{name}" if path else name, depth + 1)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, f"{where}{'' if depth else ' '}[{index}]", path, depth + 1)
    elif isinstance(value, str):
        yield Leaf(where, value, path)


def _target(target: str) -> Iterator[Leaf]:
    path, mark, query = target.partition("?")
    yield Leaf("path", unquote(path))
    if mark:
        yield from _form(query, "query")


def _headers(headers: Headers) -> Iterator[Leaf]:
    for name, value in headers:
        yield Leaf(f"header {shown(name)}", value, header=name.lower())


def _body(body: bytes) -> list[Leaf]:
    if not body:
        return []
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    return content(text, "body")


def _form(text: str, where: str) -> Iterator[Leaf]:
    for pair in text.split("&"):
        name, equals, value = pair.partition("=")
        if equals:
            yield Leaf(f"{where} {shown(name)}", unquote_plus(value), unquote(name))
        else:
            yield Leaf(where, unquote(pair))
