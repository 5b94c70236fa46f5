"""Find and parse the JSON in a body, however a server or a client wrapped it.

Servers put a guard before their JSON, so that no foreign page can run it as a script, and clients take it off again:
`while(1);`, `for(;;);`, `)]}',`, `{}&&`, a comment around it (`/*[…]*/`, Bayeux's extension json-comment-filtered).
Others put it in a call (JSONP), or write a byte order mark, or UTF-16. All readers of JSON bodies find it here.
Redaction changes bodies too that are no valid JSON, so its reader is another one, but knows the guards from here.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import msgspec

from ..formats.charsets import charset_of, decoded, encoded, is_plain_text, media_of
from ..model import Headers

_OPENS = b"[", b"{"
_NOT_PLAIN = b"\0", b"}"  # half of a bracket in UTF-16, and the end of the guard `{}&&`
_DECODER = json.JSONDecoder()
# Four times as fast. What it accepts it reads as the standard library does: integers of any size, the nearest float,
# the last of equal names. It refuses what is no JSON but is read all the same: NaN, infinities, lone surrogates.
_STRICT = msgspec.json.Decoder()
_DEEPEST = 100  # levels of JSON; code that walks a value recursively fails at some hundreds
_MOST = 1_000_000  # values in one body
_FLAT = 2 * _DEEPEST  # bytes; a smaller body cannot be deeper, because each level takes two brackets

# A guard against being run as a script, or an empty comment. `])}while(1);</x>` is Medium's.
_GUARD = (
    r"(?:\)\]\}',?|\]\)\}while\(1\);</x>|for\s?\(;;\);|while\s?\((?:1|true)\);|&&&START&&&|\{\}\s?&&|/\*\*/"
    r"|throw [^;{\n]{0,60};(?:\s*<[^<>{\[\n]{0,40}>)?)"
)
_COMMENT = r"/\*(?:-secure-)?"  # of Prototype
# A call of JSONP; Express first asks if there is such a function.
_CALL = r"(?:typeof [\w$.\[\]]++ ={2,3} ?['\"]function['\"] && )?[\w$.-]++(?:\[[\w'\"]{1,60}\][\w$.]*+)*+\s*+\("
# What may stand before JSON: nothing, or guards, a comment and a call, in that order.
WRAPPER = rf"(?:{_GUARD}\s*+)*+(?:(?P<comment>{_COMMENT})\s*+)?(?:(?P<call>{_CALL})\s*+)?(?=[\[{{])"
_BEFORE = re.compile(rf"[\ufeff\s]*+{WRAPPER}", re.ASCII)
_AFTER = re.compile(r"\s*+(?:(?P<call>\)\s*+;?\s*+))?(?P<comment>\*/\s*+;?\s*+)?\Z")


class JsonBody(NamedTuple):
    """The JSON object or array in a body.

    Attributes:
        before: What stands before it, with the byte order mark.
        text: Its text.
        after: What stands after it.
        codec: The codec of the body.
        value: Its value.
    """

    before: str
    text: str
    after: str
    codec: str
    value: Any


def load_json(body: bytes, headers: Headers = ()) -> Any:
    """Parse the JSON of a body, within limits.

    The depth is limited because code that walks the value recurses, the number of values because a value takes up to
    thirty times the memory of its text.

    Args:
        body: The body, without content encodings.
        headers: The headers of the body, for a charset that cannot be told from its bytes.

    Raises:
        ValueError: If the body holds no JSON, is nested deeper than 100 levels, or has more than a million values.
    """
    if len(body) > _MOST and body.count(b"{") + body.count(b"[") + body.count(b",") > _MOST:
        raise ValueError("too many values")
    try:
        value = _loads(body, headers)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc
    if len(body) > _FLAT and body.count(b"{") + body.count(b"[") > _DEEPEST and _is_deeper(value, _DEEPEST):
        raise ValueError("nested too deeply")
    return value


def located(body: bytes, headers: Headers = ()) -> JsonBody | None:
    """Return the JSON object or array in a body and what stands around it, None if there is none.

    The arguments are those of `load_json`.

    Raises:
        RecursionError: If it is nested too deeply to be parsed.
    """
    text, codec = decoded(body, charset_of(media_of(headers)))
    found = _BEFORE.match(text)
    if found is None:
        return None
    try:
        value, end = _DECODER.raw_decode(text, found.end())
    except ValueError:
        return None
    rest = _AFTER.match(text, end)
    if rest is None or any((found[name] is None) != (rest[name] is None) for name in ("call", "comment")):
        return None
    return JsonBody(text[: found.end()], text[found.end() : end], text[end:], codec, value)


def guard_of(body: bytes, headers: Headers = ()) -> tuple[str, str] | None:
    """Return what stands before and after the JSON of a body against being run as a script, None if nothing does.

    A call of JSONP is no such guard: its name is that of the client.
    """
    whole = None if _is_plain(body) else located(body, headers)
    found = _BEFORE.match(f"{whole.before}[") if whole is not None else None
    if whole is None or found is None or found["call"] is not None:
        return None
    before = whole.before.lstrip("\ufeff \t\r\n")
    return (before, whole.after.rstrip()) if before else None


def with_json(body: bytes, text: bytes, headers: Headers = ()) -> bytes:
    """Return a body with another JSON text in place of its own, in the same wrapping and charset.

    Args:
        body: The body.
        text: The JSON text, in UTF-8.
        headers: The headers of the body, for a charset that cannot be told from its bytes.
    """
    if _is_plain(body) and (text.isascii() or is_plain_text(body)):
        return text
    whole = located(body, headers)
    return text if whole is None else encoded(whole.before + text.decode() + whole.after, whole.codec)


def _is_plain(body: bytes) -> bool:
    """Return whether a body begins with JSON, not with a byte order mark, a guard, or JSON in UTF-16 or UTF-32."""
    return body[:1] in _OPENS and body[1:2] not in _NOT_PLAIN


def _loads(body: bytes, headers: Headers) -> Any:
    """Parse JSON as `json.loads` does, but faster for an array or object in UTF-8, and also in a wrapping."""
    if body[:1] in _OPENS:
        try:
            return _STRICT.decode(body)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return _slowly(body, headers)
    return _wrapped(body, headers)


def _slowly(body: bytes, headers: Headers) -> Any:
    """Parse what begins with JSON, but is perhaps none that other parsers read."""
    try:
        text = body.decode("utf-8", "surrogatepass")
        value, end = _DECODER.raw_decode(text)
    except ValueError:
        return _wrapped(body, headers)
    return value if end == len(text) else _wrapped(body, headers)


def _wrapped(body: bytes, headers: Headers) -> Any:
    found = located(body, headers)
    return json.loads(body) if found is None else found.value  # its error says where the mistake is


def _is_deeper(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)
