"""Tell the form of a body and give it to the reader of that form.

The content decides before the media type does, because types are often wrong: JSON is sent as text/plain, event streams
as JSON, and frames of a WebSocket have no type at all.
"""

from __future__ import annotations

import json
import re
from enum import Enum

from ...bayeux.json_bodies import WRAPPER
from ...formats import charsets, multipart
from ...formats.charsets import charset_of, media_of
from ...formats.streamed import EVENTS, SEPARATOR, units_of
from ...model import Headers
from ..policy import Place, Policy
from . import event_stream, json_text, literals, markup, table
from .change import Change, Unread

_MEDIA = re.compile(r"\s*+([\w!#$&^.+*-]++/[\w!#$&^.+*-]++)", re.ASCII)
_JSON_STARTS = frozenset('{[" \t\r\n\ufeff')
# The beginning of JSON, also of JSON that was cut off, but not of a log line such as "[INFO] …".
_JSON = re.compile(r"\ufeff?\s*+(?:\{\s*+[\"}]|\[[\[\s]*+[\"{\]])")
# What may stand before JSON: guards, a comment, a call; or the packet types of Engine.IO and Socket.IO
# (`42["event",…]`) and of SockJS (`a["…"]`).
_BEFORE_JSON = re.compile(rf"\s*+(?:{WRAPPER}|[a-z]?\d{{0,6}}(?:/[\w/-]{{1,60}},)?\d{{0,10}}(?=[\[{{]))", re.ASCII)
_FORM = re.compile(r"[\w.%+*\[\]-]++=(?!=?$)\S*+", re.ASCII)
_LINES = re.compile(r"\s*+[\[{][^\r\n]*+(?:\r?\n[ \t]*+[\[{][^\r\n]*+)+\s*+")
_SCRIPTS = re.compile(r"(?:text|application)/(?:x-)?(?:java|ecma|live|type)script", re.IGNORECASE)
_QUICK = (b"{", b"[")  # nothing but text begins so
_DEEPEST = 8  # multipart bodies, or event streams, inside one another
_PLAIN = frozenset(("", "text/plain", "text/css"))


class Form(Enum):
    """The form of a text."""

    JSON = "JSON"
    LINES = "JSON lines"
    AFTER = "JSON after a prefix"
    MARKUP = "XML or HTML"
    EVENTS = "server-sent events"
    SCRIPT = "script or GraphQL"
    FIELDS = "form fields"
    TABLE = "table"
    TEXT = "other text"


def kind_of(media: str) -> str:
    """Return a media type without its parameters, in small letters; "" if it is none."""
    found = _MEDIA.match(media)
    return found[1].lower()[:80] if found else ""


def is_json(text: str) -> bool:
    """Return whether a text is JSON, or begins as JSON does that was cut off."""
    if not text or text[0] not in _JSON_STARTS:
        return False
    if _JSON.match(text):
        return True
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def form_of(text: str, kind: str = "") -> Form:
    """Return the form of a text; `kind` is the media type that was declared for it."""
    if is_json(text):
        return _json_form(text)
    if markup.STARTS.match(text):
        return Form.MARKUP
    if kind == EVENTS or event_stream.STARTS.match(text):
        return Form.EVENTS
    before = _BEFORE_JSON.match(text)
    if before and before[0] and is_json(text[before.end() :]):
        return Form.AFTER
    if (
        kind == "application/graphql"
        or _SCRIPTS.match(kind)
        or literals.GRAPHQL.match(text)
        or literals.SCRIPT.match(text)
    ):
        return Form.SCRIPT
    if _FORM.fullmatch(text) or kind == "application/x-www-form-urlencoded":
        return Form.FIELDS
    return Form.TABLE if kind in table.MEDIA else Form.TEXT


def _json_form(text: str) -> Form:
    return Form.LINES if "\n" in text and _LINES.fullmatch(text) else Form.JSON


def _json_in_utf8(body: bytes) -> str | None:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return text if is_json(text) else None


def one_json(body: bytes) -> str | None:
    """Return the text of a body that is one JSON text in UTF-8, or begins as JSON does that was cut off; else None."""
    text = _json_in_utf8(body) if body[:1] in _QUICK else None
    return text if text is not None and _json_form(text) is Form.JSON else None


def structured(text: str) -> Form | None:
    """Return the form of a text that is a value of a member, if it has members of its own; else None."""
    first = text[:1]
    if first in _JSON_STARTS:
        return Form.JSON if first and is_json(text) else None
    if first == "<":
        return Form.MARKUP if markup.STARTS.match(text) and ("</" in text or "/>" in text) else None
    return Form.SCRIPT if first in "qmsf" and "{" in text and literals.GRAPHQL.match(text) else None


def changed(text: str, form: Form, change: Change, policy: Policy, place: Place, *, depth: int = 0) -> str:
    """Return a text of some form with its values changed.

    Args:
        text: The text.
        form: Its form, by `form_of` or `structured`.
        change: Says what to write in place of each value.
        policy: Knows the places inside a place.
        place: The place of the text itself.
        depth: Number of event streams around this one; a limit, because a body from outside may nest them without end.

    """
    match form:
        case Form.JSON:
            return json_text.changed(text, change, policy, place)
        case Form.LINES:
            lines = text.splitlines(keepends=True)
            return "".join(json_text.changed(line, change, policy, place) for line in lines)
        case Form.AFTER:
            start = _start(text)
            end = max(text.rfind("]"), text.rfind("}"), start - 1) + 1
            return text[:start] + json_text.changed(text[start:end], change, policy, place) + change.text(text[end:])
        case Form.MARKUP:
            return markup.changed(text, change, policy, place)
        case Form.EVENTS:
            return event_stream.changed(
                text,
                lambda data: _data(data, change, policy, place, depth=depth + 1),
                change.text,
                lambda name: change.name(name, place) if change.wants_names else None,
            )
        case Form.SCRIPT:
            return literals.changed(text, change, policy, place)
        case Form.FIELDS:
            return change.fields(text, place)
        case Form.TABLE:
            return table.changed(text, change, policy, place)
        case Form.TEXT:
            return change.text(text)


def _data(text: str, change: Change, policy: Policy, place: Place, *, depth: int) -> str:
    form = form_of(text)
    return changed(text, form if depth < _DEEPEST else Form.TEXT, change, policy, place, depth=depth)


def changed_body(
    body: bytes, headers: Headers, change: Change, policy: Policy, place: Place, *, depth: int = 0
) -> bytes:
    """Return a body with its values changed.

    Args:
        body: The body, without content encodings; not empty.
        headers: The headers of its message or part, for its media type.
        change: Says what to write in place of each value.
        policy: Knows the places inside a place, and which bodies to keep that no reader takes.
        place: The place of the body itself.
        depth: Number of multipart bodies around this one; a limit, because a body from outside may nest them without
            end.

    """
    if body[:1] in _QUICK and (text := _json_in_utf8(body)) is not None:  # as nearly all bodies are
        new = changed(text, _json_form(text), change, policy, place)
        return body if new == text else new.encode("utf-8", "backslashreplace")
    media = media_of(headers)
    mark = multipart.boundary(media, body)
    if depth < _DEEPEST and mark is not None and (whole := multipart.split(body, mark)) is not None:
        parts = [_part(part, change, policy, place, depth=depth) for part in whole.parts]
        return b"".join([_text(whole.before, change), *parts, whole.end, _text(whole.after, change)])
    start, text, codec, form = _read(body, media)
    if form is Form.TEXT and not _is_kept(text, media, change, policy):
        return b""
    if form is Form.TEXT and not charsets.is_text(text):
        return body
    new = changed(text, form, change, policy, place)
    return body if new == text else charsets.encoded(start + new, codec, markup=form is Form.MARKUP)


def changed_chunk(body: bytes, media: str, change: Change, policy: Policy, place: Place) -> bytes:
    """Return a part of a streamed body with its values changed: each event, or each line, as if it were alone.

    So the result does not depend on how many events came at once.

    Args:
        body: Whole events or lines, without content encodings.
        media: The media type of the streamed body, from `streamed_media`.
        change: Says what to write in place of each value.
        policy: Knows the places inside a place, and which bodies to keep that no reader takes.
        place: The place of the body itself.

    """
    if media == EVENTS:
        return b"".join([_event(unit, change, policy, place) for unit in units_of(body, media)])
    headers = (("Content-Type", media),)
    changed: list[bytes] = []
    for unit in units_of(body, media):
        start = unit[: unit.startswith(SEPARATOR)]
        line = unit[len(start) :]
        changed += [start, changed_body(line, headers, change, policy, place) if line.strip() else line]
    return b"".join(changed)


def _event(unit: bytes, change: Change, policy: Policy, place: Place) -> bytes:
    text, codec = charsets.decoded(unit)
    new = changed(text, Form.EVENTS, change, policy, place)
    return unit if new == text else charsets.encoded(new, codec)


def may_be_unread(body: bytes) -> bool:
    """Return whether no reader may look through a body, or through parts of it."""
    return bool(body) and body[:1] not in _QUICK


def note_unread(body: bytes, media: str, change: Change, policy: Policy, *, depth: int = 0) -> None:
    """Tell a change which parts of a body no reader looks through, without reading the others."""
    if body[:1] in _QUICK:
        return
    mark = multipart.boundary(media, body)
    if depth < _DEEPEST and mark is not None and (whole := multipart.split(body, mark)) is not None:
        for part in whole.parts:
            note_unread(multipart.decoded(part), media_of(part.headers), change, policy, depth=depth + 1)
        return
    _, text, _, form = _read(body, media)
    if form is Form.TEXT:
        _is_kept(text, media, change, policy)


def _read(body: bytes, media: str) -> tuple[str, str, str, Form]:
    """Return the byte order mark of a body, its text after that, its codec, and its form."""
    text, codec = charsets.decoded(body, charset_of(media))
    mark = text[: text.startswith("\ufeff")]
    text = text[len(mark) :]
    return mark, text, codec, form_of(text, kind_of(media))


def _is_kept(text: str, media: str, change: Change, policy: Policy) -> bool:
    """Return whether a body without a reader is kept; tell the change of what is searched by patterns or not at all."""
    kind = kind_of(media)
    if charsets.is_text(text):
        if kind not in _PLAIN:
            change.unread(kind, Unread.PATTERNS)
        return True
    is_kept = policy.kept_bodies.fullmatch(kind) is not None
    change.unread(kind, Unread.KEPT if is_kept else Unread.DROPPED)
    return is_kept


def _part(part: multipart.Part, change: Change, policy: Policy, place: Place, *, depth: int) -> bytes:
    here = policy.walk(place, part.name) if part.name else place
    if part.name and change.wants_names:
        change.name(part.name, here)
    head, last = [], 0
    for start, end in multipart.values(part.head):
        head += [part.head[last:start], _text(part.head[start:end], change)]
        last = end
    old = multipart.decoded(part)
    new = _content(old, part.headers, change, policy, here, depth=depth)
    return b"".join([*head, part.head[last:], part.content if new == old else multipart.encoded(part, new)])


def _content(content: bytes, headers: Headers, change: Change, policy: Policy, place: Place, *, depth: int) -> bytes:
    """Return the content of a part with its values changed."""
    media = media_of(headers)
    if not content or (place.rule.kept and not media):
        return content
    if place.rule.kind is not None or not media:
        text, codec = charsets.decoded(content, charset_of(media))
        if charsets.is_text(text) or place.rule.kind is not None:
            return charsets.encoded(change.value(text, place), codec)
    return changed_body(content, headers, change, policy, place, depth=depth + 1)


def _text(content: bytes, change: Change) -> bytes:
    if not content:
        return content
    text, codec = charsets.decoded(content)
    return charsets.encoded(change.text(text), codec)


def _start(text: str) -> int:
    found = _BEFORE_JSON.match(text)
    return found.end() if found else 0
