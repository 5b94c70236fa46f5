"""Read and write the leaves of texts and bodies, also those of texts inside texts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from ....bayeux.json_bodies import located
from ....dialect.paths import parse_json
from ....formats import charsets, multipart
from ....formats.charsets import charset_of, media_of
from ....model import JSON, Headers
from ....requests.masks import BODY, FORM, MEMBER, Address, is_form
from .sites import Site, Structure, json_sites, sites_of, structure_of
from .spelling import Edit, Spelling, decoded, rewritten

INSIDE: Final = "\x00inside"  # in an address between that of a text and that of a value inside it
Edits: TypeAlias = Mapping[Address, Sequence[Edit]]

_DEEPEST = 3  # texts inside one another
_FORM_TYPE = "application/x-www-form-urlencoded"
_FORM = re.compile(r"[^\x00-\x20\"<>{}\ufeff]+")
_LINE_STARTS = ("{", "[", "\x1e")
_AROUND = "\x1e \t\r\n"  # the value in a line
_LINE = re.compile(r"[^\n]*\n|[^\n]+")  # other characters that end lines may stand in strings
# Before the JSON of Engine.IO and Socket.IO (`42["event",…]`) and of SockJS (`a["…"]`).
_PACKET = re.compile(r"[a-z]?\d{0,6}(?:/[\w/-]{1,60},)?\d{0,10}(?=[\[{])", re.ASCII)


class Leaf(NamedTuple):
    """A value in a request, or in what a server told.

    Attributes:
        address: Its place.
        text: The value, decoded; of a number its digits.
        is_number: Whether it is a number of JSON.
    """

    address: Address
    text: str
    is_number: bool = False


class Change(NamedTuple):
    """What changes in a leaf: parts of its text, or leaves inside it."""

    own: list[Edit]
    inside: dict[Address, list[Edit]]


_SMALL: Final = 16 << 10  # bytes of a body whose places are kept


class _Text(NamedTuple):
    """The text of a body, how to encode it again, and the values in it; `is_markup` is for what the codec lacks."""

    text: str
    codec: str
    sites: list[Site]
    is_markup: bool


def of_text(text: str, structure: Structure, outer: Address = (), depth: int = 0) -> Iterator[Leaf]:
    """Yield the leaves of a text; their addresses begin with `outer`."""
    yield from _of_sites(text, sites_of(text, structure), outer, depth)


def of_value(text: str, address: Address, depth: int = 0) -> Iterator[Leaf]:
    """Yield the leaves of a decoded value: those inside it if it has any, else itself; none if it is empty."""
    inner = structure_of(text) if depth < _DEEPEST else None
    if inner is not None:
        yield from of_text(text, inner, (*address, INSIDE), depth + 1)
    elif text:
        yield Leaf(address, text)


def of_body(body: bytes, headers: Headers) -> Iterator[Leaf]:
    """Yield the leaves of a body without content encodings; none of bytes that are no text."""
    parts = _parts(body, headers)
    if parts is not None:
        for address, part in _numbered(parts):
            content = multipart.decoded(part)
            text = charsets.decoded(content, charset_of(media_of(part.headers)))[0]
            if charsets.is_text(text):
                yield from of_value(text, address)
        return
    value = parse_json(body, headers)
    if value is not None and _is_exact(value, body):
        yield from of_json(value, (MEMBER,))
        return
    found = _read(body, headers)
    if found is not None:
        yield from _of_sites(found.text, found.sites, (), 0)


def of_json(value: JSON, address: Address) -> Iterator[Leaf]:
    """Yield the leaves of a parsed JSON value."""
    match value:
        case dict():
            for name, item in value.items():
                yield from of_json(item, (*address, name))
        case list():
            for number, item in enumerate(value):
                yield from of_json(item, (*address, number))
        case str():
            yield from of_value(value, address)
        case bool() | None:
            pass
        case _:
            yield Leaf(address, json.dumps(value), is_number=True)


def changed_text(text: str, structure: Structure, edits: Edits) -> str:
    """Return a text with new values in its leaves, and all else as it is."""
    return _changed(text, sites_of(text, structure), edits, is_ascii=text.isascii())


def changed_value(written: str, spelling: Spelling, change: Change | None, *, is_ascii: bool = False) -> str:
    """Return a written value with new values in it, or inside the text that it is; `change` is that of its address."""
    if change is None:
        return written
    if change.own:
        return rewritten(spelling, written, change.own, is_ascii=is_ascii)
    text = decoded(spelling, written)
    structure = structure_of(text)
    if structure is None:
        return written
    new = changed_text(text, structure, change.inside)
    return rewritten(spelling, written, [_difference(text, new)], is_ascii=is_ascii) if new != text else written


def by_leaf(edits: Edits) -> dict[Address, Change]:
    """Return what changes in each outer leaf, by its address."""
    found: dict[Address, Change] = {}
    for address, own in edits.items():
        is_inside = INSIDE in address
        cut = address.index(INSIDE) if is_inside else len(address)
        outer = address[:cut]
        change = found.get(outer)
        if change is None:
            change = found[outer] = Change([], {})
        if not is_inside:
            change.own.extend(own)
        else:
            change.inside.setdefault(address[cut + 1 :], []).extend(own)
    return found


def changed_body(body: bytes, headers: Headers, edits: Edits) -> bytes:
    """Return a body with new values in its leaves, and all else byte for byte."""
    if not edits:
        return body
    whole = _parts(body, headers)
    if whole is not None:
        changes = by_leaf(edits)
        parts = [part.head + _changed_part(part, changes.get(address)) for address, part in _numbered(whole)]
        return b"".join([whole.before, *parts, whole.end, whole.after])
    found = _read_once(body, headers) if len(body) <= _SMALL else _read(body, headers)
    if found is None:
        return body
    is_ascii = found.text.isascii() or not found.codec.startswith("utf")
    new = _changed(found.text, found.sites, edits, is_ascii=is_ascii)
    if new == found.text:
        return body
    made = charsets.encoded(new, found.codec, markup=found.is_markup)
    rest = len(body) - len(found.text.encode(found.codec)) if found.codec.startswith(("utf-16", "utf-32")) else 0
    return made + (body[-rest:] if rest > 0 else b"")  # half a character at the end of a body that was cut


def _is_exact(value: JSON, body: bytes) -> bool:
    """Return whether the numbers of a parsed body are written as they were; a parser forgets how floats were."""
    if isinstance(value, float):
        return False
    if isinstance(value, dict | list):
        return all(_is_exact(item, body) for item in (value.values() if isinstance(value, dict) else value))
    return value != 0 or isinstance(value, bool) or b"-0" not in body


def _difference(old: str, new: str) -> Edit:
    """Return the one edit that makes a text of another: what they share at both ends keeps its spelling."""
    most = min(len(old), len(new))
    start = next((n for n in range(most) if old[n] != new[n]), most)
    end = next((n for n in range(most - start) if old[-1 - n] != new[-1 - n]), most - start)
    return Edit(start, len(old) - end, new[start : len(new) - end])


def _of_sites(text: str, sites: Iterable[Site], outer: Address, depth: int) -> Iterator[Leaf]:
    last = {site.address: site for site in sites}  # of members of one name, JSON reads the last
    for site in last.values():
        value = decoded(site.spelling, text[site.start : site.end])
        address = (*outer, *site.address)
        if site.spelling is Spelling.NUMBER:
            yield Leaf(address, value, is_number=True)
        elif len(site.address) == 1 and site.address[0] == BODY:
            yield Leaf(address, value)
        else:
            yield from of_value(value, address, depth)


def _changed(text: str, sites: Iterable[Site], edits: Edits, *, is_ascii: bool) -> str:
    changes = by_leaf(edits)
    found = [site for site in sites if site.address in changes]
    last = {site.address: text[site.start : site.end] for site in found}
    pieces: list[str] = []
    end = 0
    for site in found:
        written = text[site.start : site.end]
        if written != last[site.address]:
            continue  # another member of that name, which nobody reads
        new = changed_value(written, site.spelling, changes[site.address], is_ascii=is_ascii)
        pieces += [text[end : site.start], new]
        end = site.end
    return "".join([*pieces, text[end:]])


def _parts(body: bytes, headers: Headers) -> multipart.Split | None:
    mark = multipart.boundary(media_of(headers), body) if body else None
    return multipart.split(body, mark) if mark is not None else None


def _numbered(whole: multipart.Split) -> Iterator[tuple[Address, multipart.Part]]:
    """Yield the parts with their addresses: the name, and the number among those of that name."""
    seen: dict[str, int] = {}
    for part in whole.parts:
        number = seen[part.name] = seen.get(part.name, -1) + 1
        yield (FORM, part.name, number), part


def _changed_part(part: multipart.Part, change: Change | None) -> bytes:
    if change is None:
        return part.content
    content = multipart.decoded(part)
    text, codec = charsets.decoded(content, charset_of(media_of(part.headers)))
    new = changed_value(text, Spelling.PLAIN, change)
    if new == text:
        return part.content
    made = charsets.encoded(new, codec, markup=structure_of(text) is Structure.XML)
    return multipart.encoded(part, made)


@lru_cache(maxsize=2048)
def _read_once(body: bytes, headers: Headers) -> _Text | None:
    """Read a recorded body as `_read` does: many drivers of one plan fill the same ones."""
    return _read(body, headers)


def _read(body: bytes, headers: Headers) -> _Text | None:
    """Return the text of a body that is not multipart, with its values; None for bytes that are no text."""
    if not body:
        return None
    try:
        found = located(body, headers)
    except RecursionError:
        found = None
    if found is not None:
        start = len(found.before)
        sites = list(json_sites(found.before + found.text, start))
        return _Text(found.before + found.text + found.after, found.codec, sites, is_markup=False)
    media = media_of(headers)
    text, codec = charsets.decoded(body, charset_of(media))
    if _are_lines(text):
        return _Text(text, codec, list(_of_lines(text)), is_markup=False)
    packet = _PACKET.match(text)
    if packet is not None and packet[0] and structure_of(text[packet.end() :]) is Structure.JSON:
        return _Text(text, codec, list(json_sites(text, packet.end())), is_markup=False)
    structure = structure_of(text)
    kind = media.partition(";")[0].strip().lower()
    if structure is None and (is_form(text) or (kind == _FORM_TYPE and _FORM.fullmatch(text))):
        structure = Structure.FIELDS
    if structure is not None:
        return _Text(text, codec, list(sites_of(text, structure)), is_markup=structure is Structure.XML)
    start = int(text.startswith("\ufeff"))  # a byte order mark is no part of the value
    if not charsets.is_text(text) or start == len(text):
        return None
    return _Text(text, codec, [Site((BODY,), start, len(text), Spelling.PLAIN)], is_markup=False)


def _are_lines(text: str) -> bool:
    """Return whether a text is several JSON values in a line each, or such a sequence (RFC 7464)."""
    if text.lstrip(" \t\r\n")[:1] not in _LINE_STARTS:
        return False
    lines = [line for line in (line.strip(_AROUND) for line in text.split("\n")) if line]
    return (len(lines) > 1 or "\x1e" in text) and all(structure_of(line) is Structure.JSON for line in lines)


def _of_lines(text: str) -> Iterator[Site]:
    """Yield the values of JSON lines; the first part of their address is the number of the line that is not empty."""
    number = start = 0
    for line in _LINE.findall(text):
        if line.strip(_AROUND):
            yield from json_sites(text, start, start + len(line), (MEMBER, number))
            number += 1
        start += len(line)
