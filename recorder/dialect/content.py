"""Read a body as a value of JSON, whatever its form, so that paths lead into forms, parts and lines too.

Two bodies that differ in spelling alone have one canonical text: the order of members, fields and parts, white space,
the way characters are encoded, and the boundary between parts do not count. XML and other text have no other spelling.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import blake2b
from typing import NamedTuple
from urllib.parse import quote_plus, unquote, unquote_plus

from ..bayeux.json_bodies import load_json
from ..formats import charsets
from ..formats.charsets import charset_of, codec, is_plain_text
from ..formats.multipart import Part, boundary, decoded, parameters, split
from ..model import JSON, Headers
from ..printable import counted
from .paths import EACH, Tree, covers, names_in, parse_json, without

_FORM_TYPE, _PARTS_TYPE = "application/x-www-form-urlencoded", "multipart/"
_FORM = re.compile(rb"[^\x00-\x20\"<>{}]+")  # sloppy text of that type, such as XML, is compared as text
_BARE_FORM = re.compile(rb"[\w.%+*\[\]-]++=(?!=?$)[^\x00-\x20\"<>{}]*+", re.ASCII)  # whatever its type
_MARK = b"recorder-9d1f4c52b7e84b06"  # the boundary of a canonical text
_PARTS_MEDIA = f"multipart/form-data; boundary={_MARK.decode()}"
_LINE_STARTS = (b"{", b"[", b"\x1e")
_DIGEST = 12  # bytes
_NOTHING: Tree = {}
_ANY = ""  # in place of an index: `*` alone leads there, because the order of values of one name does not count
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


class Form(Enum):
    """The form in which a body is written."""

    JSON = auto()
    LINES = auto()  # a JSON value in each line
    FIELDS = auto()  # a web form
    PARTS = auto()  # multipart
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Content:
    """A body, read.

    Attributes:
        form: How it is written.
        value: The value that paths lead into; None for a body of another form.
        body: The canonical text.
        media: Media type of the canonical text.
        whole: The value with what is left out of `value`.
        names: Names of the fields or parts, sorted: `a[b]` and `a.b` lead to one place, but are two names.
    """

    form: Form
    value: JSON
    body: bytes
    media: str
    whole: JSON = None
    names: tuple[str, ...] = ()


class _Field(NamedTuple):
    """A form field or parameter, decoded; `end` is what stands in place of a value, as in `?flag=` or `?dG9rZW4==`."""

    name: str
    value: str
    end: str


class _Part(NamedTuple):
    """A part as far as it is compared; a JSON `value` is that of its content."""

    name: str
    file: str | None
    media: str
    content: bytes
    value: JSON


def names_of(form: Form, body: bytes) -> tuple[str, ...]:
    """Return the names of the fields or parts of a canonical text."""
    media = {Form.FIELDS: _FORM_TYPE, Form.PARTS: _PARTS_MEDIA}.get(form)
    return read(body, media).names if media else ()


def content_of(body: bytes, media: str) -> JSON:
    """Return the JSON object or array that a body is, or the fields, parts or lines of it; None for any other body."""
    value = _parsed(body, media)
    return value if value is not None or not body else read(body, media).value


def content_in(body: bytes, headers: Headers) -> JSON:
    """Return what `content_of` returns for a body with these headers."""
    value = parse_json(body, headers)
    return value if value is not None or not body else read(body, charsets.media_of(headers)).value


def _parsed(body: bytes, media: str) -> JSON:
    return parse_json(body, (("Content-Type", media),) if media else ())


def read(body: bytes, media: str, left_out: Tree = _NOTHING) -> Content:
    """Read a body and spell it in the canonical way, without the values at some paths.

    Args:
        body: The body.
        media: Its media type; "" if it is not known.
        left_out: The paths, inside the body.
    """
    value = _parsed(body, media)
    if value is not None:
        return _json(Form.JSON, value, media, left_out)
    kind = media.partition(";")[0].strip().lower()
    mark = boundary(media, body) if kind.startswith(_PARTS_TYPE) or body.startswith(b"--") else None
    parts = split(body, mark) if mark else None
    if parts is not None:
        return _parts([_part(part) for part in parts.parts], left_out)
    if _BARE_FORM.fullmatch(body) or (kind == _FORM_TYPE and _FORM.fullmatch(body)):
        plain = body.decode("utf-8", "surrogateescape")
        text = respelled(plain, left_out, charset_of(media))
        value = fields(text)
        whole = fields(respelled(plain, charset=charset_of(media))) if left_out else value
        names = tuple(one.name for one in _fields(text))
        return Content(Form.FIELDS, value, text.encode("utf-8", "surrogateescape"), _FORM_TYPE, whole, names)
    lines = _lines(body) if body.startswith(_LINE_STARTS) or "json" in kind else None
    if lines is None:
        return Content(Form.OTHER, None, body, media)
    if len(lines) == 1 and b"\x1e" not in body[:1]:
        return Content(Form.OTHER, None, _text(lines[0]), media)  # a string, a number, true, false or null
    return _json(Form.LINES, lines, media, left_out)


def read_again(form: Form, body: bytes, media: str) -> JSON:
    """Return the value of a canonical text in which values were replaced."""
    match form:
        case Form.JSON:
            return parse_json(body)
        case Form.LINES:
            return _lines(body)
        case Form.FIELDS:
            return fields(body.decode("utf-8", "surrogateescape"))
        case Form.PARTS:
            return read(body, media).value
    return None


def respelled(text: str, left_out: Tree = _NOTHING, charset: str = "") -> str:
    """Return form data or a query in the canonical way: fields by name, those of one name in their order.

    Args:
        text: The form data or query.
        left_out: Names of fields that are left out.
        charset: The charset of percent-encoded bytes that a media type declares.
    """
    kept = list(_fields(text, charset))
    if left_out:
        kept = [_blanked(one, left_out) for one in kept if not covers(left_out, names_in(one.name))]
    kept.sort(key=lambda one: one.name)
    return "&".join([_quoted(one.name) + (f"={_quoted(one.value)}" if one.value else one.end) for one in kept])


def _blanked(one: _Field, left_out: Tree) -> _Field:
    """Return a field without its value, if each value of its name is left out: how many there are still counts."""
    return one._replace(value="", end="=") if covers(left_out, (*names_in(one.name), _ANY)) else one


def pairs(text: str) -> tuple[tuple[str, str], ...]:
    """Return the names and values of a query, sorted."""
    return tuple(sorted(in_order(text)))


def in_order(text: str) -> list[tuple[str, str]]:
    """Return the names and values of a query or of form data in their order."""
    return [(one.name, one.value or one.end[1:]) for one in _fields(text)]


def fields(text: str) -> JSON:
    """Return form data or a query as an object: nested as the names say, a sorted list for values of one name."""
    found: dict[tuple[str, ...], list[JSON]] = {}
    for one in _fields(text):
        found.setdefault(names_in(one.name), []).append(one.value or one.end[1:])
    return _nested((names, sorted(values)) for names, values in found.items())


def _nested(found: Iterable[tuple[tuple[str, ...], list[JSON]]]) -> JSON:
    top: dict[str, JSON] = {}
    for names, values in found:
        node: JSON = top
        for name in names[:-1]:
            node = node.setdefault(name, {}) if isinstance(node, dict) else None
        value = values if len(values) > 1 else values[0]
        if isinstance(node, dict) and names[-1] not in node:
            node[names[-1]] = value
        else:  # a=1&a[b]=2
            top[".".join(names) + "="] = value
    return top


def _fields(text: str, charset: str = "") -> Iterator[_Field]:
    encoding = codec(charset) or "utf-8"
    for pair in text.split("&"):
        if pair:
            name, equals, value = pair.partition("=")
            end = "" if value.strip("=") else equals + value
            yield _Field(_unquoted(name, encoding), "" if end else _unquoted(value, encoding), end)


def _unquoted(text: str, encoding: str) -> str:
    return unquote_plus(text, encoding, "surrogateescape")


def _quoted(text: str) -> str:
    return quote_plus(charsets.as_utf8(text))


def _json(form: Form, whole: JSON, media: str, left_out: Tree) -> Content:
    value = without(whole, left_out) if left_out else whole
    text = b"\n".join(map(_text, value)) if form is Form.LINES else _text(value)
    return Content(form, value, text, media, whole)


def canonical(value: JSON) -> str:
    """Return a value as JSON without white space, with names in their order."""
    return _ENCODER.encode(value)


def _text(value: JSON) -> bytes:
    return _ENCODER.encode(value).encode()


def _lines(body: bytes) -> list[JSON] | None:
    """Return the JSON values in the lines of a body (NDJSON, RFC 7464); None if a line is none."""
    found = []
    for line in body.replace(b"\x1e", b"").splitlines():
        if line.strip():
            try:
                found.append(load_json(line))
            except ValueError:
                return None
    return found or None


def _part(part: Part) -> _Part:
    """Read a part (RFC 7578): its field, its file name, its type, and its content without a transfer encoding."""
    said = parameters(part.headers)
    file, content = said.get("filename"), decoded(part)
    extended = said.get("filename*", "").split("'", 2)
    if len(extended) == 3:  # RFC 8187: charset'language'value
        file = unquote(extended[2], codec(extended[0]) or "utf-8", "replace")
    media = next((value for name, value in part.headers if name.lower() == "content-type"), "")
    kind = media.partition(";")[0].strip().lower()
    if file is None and kind == "text/plain":
        media = ""  # the type of a field that has none
    return _Part(said.get("name", ""), file, media, content, parse_json(content) if kind.endswith("json") else None)


def _parts(parts: list[_Part], left_out: Tree) -> Content:
    kept = sorted(parts, key=lambda part: part.name)
    whole = _joined(kept)
    if left_out:
        inside = ((part, _inside(left_out, part.name)) for part in kept)
        kept = [_without(part, inner) if inner else part for part, inner in inside if inner is not None]
    text = b"".join(map(_written, kept)) + b"--" + _MARK + b"--\r\n"
    names = tuple(part.name for part in kept)
    return Content(Form.PARTS, _joined(kept) if left_out else whole, text, _PARTS_MEDIA, whole, names)


def _joined(parts: list[_Part]) -> JSON:
    """Return parts as one value, those of one name as a list."""
    found: dict[tuple[str, ...], list[JSON]] = {}
    for part in parts:
        found.setdefault(names_in(part.name), []).append(_value(part))
    return _nested(found.items())


def _inside(tree: Tree, field: str) -> Tree | None:
    """Return what is left out inside a part; None if the part is left out as a whole."""
    inner: Tree | None = tree
    for name in names_in(field):
        both = [inner[key] for key in (name, "*") if key in inner] if inner is not None else [None]
        inner = None if None in both else {key: own for one in both if one is not None for key, own in one.items()}
    return inner


def _without(part: _Part, left_out: Tree) -> _Part:
    if part.file is None and part.value is not None:
        value = without(part.value, left_out)
        return part._replace(value=value, content=_text(value))
    for_each = left_out.get(EACH, _NOTHING)  # of the parts of one name
    if for_each is None:
        return part._replace(file=None if part.file is None else "", media="", content=b"", value=None)
    left_out = left_out | for_each
    content, value = part.content, part.value
    if "content" in left_out:
        inside = left_out["content"]
        value = None if inside is None or value is None else without(value, inside)
        content = content if inside is not None else b""
    return part._replace(
        file=part.file if "filename" not in left_out or part.file is None else "",
        media=part.media if "type" not in left_out else "",
        content=content,
        value=value,
    )


def _value(part: _Part) -> JSON:
    """Return a part as a value: a field's text or JSON, or a file with its name, type and content."""
    content: JSON = part.value
    if content is None:
        text, name = charsets.decoded(part.content, "utf-8")
        content = text if name == "utf-8" and is_plain_text(part.content, name) else _named(part.content)
    if part.file is None and (not part.media or part.value is not None):
        return content
    return {"filename": part.file, "type": part.media.partition(";")[0].strip().lower(), "content": content}


def _named(content: bytes) -> str:
    return f"{counted(len(content), 'byte')} with the digest {blake2b(content, digest_size=_DIGEST).hexdigest()}"


def _written(part: _Part) -> bytes:
    file = "" if part.file is None else f'; filename="{_in_quotes(part.file)}"'
    head = f'Content-Disposition: form-data; name="{_in_quotes(part.name)}"{file}\r\n'
    if part.media:
        head += f"Content-Type: {part.media}\r\n"
    content = part.content if part.value is None else _text(part.value)
    return b"--" + _MARK + b"\r\n" + charsets.as_utf8(head) + b"\r\n" + content + b"\r\n"


def _in_quotes(text: str) -> str:
    return re.sub(r'(?<!\\)"', r"\\\"", text)
