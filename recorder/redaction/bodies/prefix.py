"""Cut the beginning of a body back to where no value is unfinished.

Of a value that was cut in the middle only its name tells that it is one: half a token has not the form of a token, and
memory knows whole ones only. So what is unfinished at the end of a body that was cut is not kept: the last string,
field, line, element or part. What stands before has all its values whole, and is redacted like any body.
"""

from __future__ import annotations

import re
from enum import Enum

from ...formats import charsets, multipart
from ...formats.charsets import charset_of, media_of
from ...formats.streamed import EVENTS
from ...model import Headers
from .reading import Form, form_of, kind_of

_STRING = re.compile(r'[^"]*+"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_WORD = re.compile(r"[^{}\[\],:\"]*\Z")
_BLANK_LINE = re.compile(r"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_LINE = re.compile(r"\r\n|\n|\r")
_OPENED = re.compile(r"-----BEGIN [A-Z ]{1,60}-----")  # PEM: its lines are secret up to its end
_CLOSED = "-----END "
_HIDDEN = (("<![CDATA[", "]]>"), ("<!--", "-->"), ("<script", "</script"), ("<style", "</style"))
_TAIL = 4_096  # characters of the longest value that memory knows


class _End(Enum):
    """Where a form may be cut."""

    STRING = "string"
    FIELD = "field"
    EVENT = "event"
    TAG = "tag"
    LINE = "line"


_ENDS = {
    Form.JSON: _End.STRING, Form.LINES: _End.STRING, Form.AFTER: _End.STRING, Form.FIELDS: _End.FIELD,
    Form.EVENTS: _End.EVENT, Form.MARKUP: _End.TAG,
}  # fmt: skip


def readable(body: bytes, headers: Headers, media: str = "") -> bytes:
    """Return the beginning of a body that was cut off, without what is unfinished at its end; empty if all of it is.

    Args:
        body: The beginning of the body, without content encodings.
        headers: The headers of its message, for the media type.
        media: Media type of a streamed body, in place of headers.

    """
    media = media or media_of(headers)
    mark = multipart.boundary(media, body)
    if mark is not None and (whole := multipart.split(body, mark)) is not None:
        return body if whole.end else _without_last_part(whole)
    text, codec = _decoded(body, charset_of(media))
    form = Form.EVENTS if media == EVENTS else form_of(text.removeprefix("\ufeff"), kind_of(media))
    if form is Form.TEXT and not charsets.is_text(text):
        return body  # no reader looks through it, whole or not
    kept = text[: _end(text, form)]
    opened = list(_OPENED.finditer(kept))
    if opened and kept.find(_CLOSED, opened[-1].end()) < 0:
        kept = kept[: opened[-1].start()]
    return charsets.encoded(kept, codec) if kept.strip("\ufeff") else b""


def _decoded(body: bytes, charset: str) -> tuple[str, str]:
    """Return the text of a body that may end within a character, and its codec."""
    text, codec = charsets.decoded(body, charset)
    if codec == "latin-1" and charset.lower() in ("", "utf-8", "utf8"):
        for less in range(1, min(4, len(body))):  # a character of UTF-8 has up to four bytes
            shorter, found = charsets.decoded(body[:-less], charset)
            if found != "latin-1":
                return shorter, found
    return text, codec


def _end(text: str, form: Form) -> int:
    """Return where the last value that is whole ends, or what stands around it."""
    match _ENDS.get(form, _End.LINE):
        case _End.STRING:
            return _end_of_json(text)
        case _End.FIELD:
            return text.rfind("&") + 1
        case _End.EVENT:
            return max((found.end() for found in _BLANK_LINE.finditer(text)), default=0)
        case _End.TAG:
            end = text.rfind(">") + 1
            for begin, close in _HIDDEN:
                opened = text.rfind(begin, 0, end)
                if opened >= 0 and text.find(close, opened) < 0:
                    end = min(end, opened)
            return end
        case _End.LINE:
            return max((found.end() for found in _LINE.finditer(text)), default=0)


def _end_of_json(text: str) -> int:
    """Return where JSON ends before an unfinished string, or an unfinished number or word."""
    end = 0
    while found := _STRING.match(text, end):
        end = found.end()
    cut = text.find('"', end)
    if cut >= 0:
        return cut
    word = _WORD.search(text, max(end, len(text) - _TAIL))
    return end if word is None else word.start()


def _without_last_part(whole: multipart.Split) -> bytes:
    """Return a multipart body that was cut off, of its last part the head alone if that is whole."""
    *parts, last = whole.parts
    head = last.head if last.headers else b""
    return b"".join([whole.before, *(piece for part in parts for piece in (part.head, part.content)), head])
