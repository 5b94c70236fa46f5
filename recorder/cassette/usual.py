"""Decode requests and responses of the usual form, whose fields are checked at once.

Their texts are UTF-8, and they are not streamed. All others, and those that are damaged, get None here: the codec looks
at each of their fields, and tells what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from operator import itemgetter
from typing import Any, TypeAlias

from ..errors import CassetteError
from ..model import Headers, Request, Response

BodyOf: TypeAlias = Callable[[int], bytes]

# The fields beside the body "b".
_REQUEST: dict[str, type] = {"n": int, "t": int, "x": int, "c": str, "m": str, "u": str, "h": tuple}
_RESPONSE: dict[str, type] = {"n": int, "t": int, "x": int, "s": int, "h": tuple}
_IN_REQUEST, _IN_RESPONSE = frozenset({*_REQUEST, "b"}), frozenset({*_RESPONSE, "b"})
_OF_REQUEST, _KINDS_OF_REQUEST = itemgetter(*_REQUEST), tuple(_REQUEST.values())
_OF_RESPONSE, _KINDS_OF_RESPONSE = itemgetter(*_RESPONSE), tuple(_RESPONSE.values())

# Header blocks that were checked, by themselves: clients and servers repeat them word for word.
_blocks: dict[Headers, Headers] = {}
_MOST_BLOCKS, _LONGEST_BLOCK = 2048, 4096  # blocks, characters


def request(value: Any, body_of: BodyOf | None) -> Request | None:
    """Return the request in a decoded frame, None if it has not the usual form.

    Args:
        value: What the frame holds.
        body_of: Function from `seq` to the body of that earlier record.
    """
    if type(value) is not dict or not value.keys() >= _IN_REQUEST:
        return None
    seq, t, exchange, connection, method, target, headers = fields = _OF_REQUEST(value)
    if tuple(map(type, fields)) != _KINDS_OF_REQUEST:
        return None
    known, body = _known(headers), _content(value["b"], body_of)
    if known is None or body is None:
        return None
    return Request(seq, t, exchange, connection, method, target, known, body)


def response(value: Any, body_of: BodyOf | None) -> Response | None:
    """Return the response in a decoded frame, None if it has not the usual form; the arguments are as for a request."""
    if type(value) is not dict or value.keys() != _IN_RESPONSE:
        return None
    seq, t, exchange, status, headers = fields = _OF_RESPONSE(value)
    if tuple(map(type, fields)) != _KINDS_OF_RESPONSE:
        return None
    known, body = _known(headers), _content(value["b"], body_of)
    return Response(seq, t, exchange, status, known, body) if known is not None and body is not None else None


def _content(value: Any, body_of: BodyOf | None) -> bytes | None:
    """Return the body that a frame holds or names, None if it does neither."""
    if type(value) is str:
        return value.encode()
    if type(value) is int and body_of is not None:
        with suppress(CassetteError):
            return body_of(value)
    return value if type(value) is bytes else None


def _known(headers: Any) -> Headers | None:
    """Return headers as the equal block that was decoded before, if there is one; None if they are not all text."""
    try:
        known = _blocks.get(headers)
    except TypeError:  # a map in it, which has no hash
        return None
    if known is not None:
        return known
    texts = [text for pair in headers if type(pair) is tuple and len(pair) == 2 for text in pair]
    if len(texts) != 2 * len(headers) or not all(isinstance(text, str) for text in texts):
        return None
    found: Headers = headers
    if sum(map(len, texts)) <= _LONGEST_BLOCK:
        if len(_blocks) >= _MOST_BLOCKS:
            _blocks.clear()
        _blocks[found] = found
    return found
