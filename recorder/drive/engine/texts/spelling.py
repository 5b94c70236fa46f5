"""Read and write a value in the spelling of the text around it: escapes of JSON, percent-encoding, entities of XML.

A text is cut into runs that stand for themselves and into escapes. Only the escapes that a new value touches are
written anew, so all else keeps its spelling.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from enum import Enum
from html import unescape
from typing import NamedTuple
from urllib.parse import quote, unquote, unquote_plus

from ....redaction.bodies.json_tokens import NUMBER


class Spelling(Enum):
    """How a value is written where it stands."""

    PLAIN = "as it is"
    LINE = "as it is, in one line"  # headers: a line break would begin another header
    JSON = "string of JSON"
    NUMBER = "number of JSON"
    PERCENT = "percent-encoded"
    PLUS = "percent-encoded, a space as +"
    MARKUP = "text of XML"
    QUOTED = "attribute of XML"
    CDATA = "section of XML"


class Edit(NamedTuple):
    """A new value for a part of a text.

    Attributes:
        start: Where the part begins in the decoded text.
        end: Where it ends.
        value: What stands there instead.
    """

    start: int
    end: int
    value: str


class _Unit(NamedTuple):
    """A run of a written text that stands for itself, or an escape: where it is written, and where decoded."""

    start: int
    end: int
    at: int
    text: str
    is_run: bool


# Runs that stand for themselves are group 1, everything else is an escape.
_JSON = re.compile(
    r"([^\\]+)|\\u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\.|\\", re.DOTALL
)
_ESCAPED = re.compile(r"([^%]+)|(?:%[0-9A-Fa-f]{2})+|%", re.DOTALL)
_ESCAPED_OR_PLUS = re.compile(r"([^%+]+)|\+|(?:%[0-9A-Fa-f]{2})+|%", re.DOTALL)
_ENTITY = re.compile(r"([^&]+)|&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|\w{1,40});|&", re.DOTALL)
_UNITS = {
    Spelling.JSON: _JSON,
    Spelling.PERCENT: _ESCAPED,
    Spelling.PLUS: _ESCAPED_OR_PLUS,
    Spelling.MARKUP: _ENTITY,
    Spelling.QUOTED: _ENTITY,
}
# What a text without escapes does not have.
_MARKS = {
    Spelling.JSON: frozenset("\\"),
    Spelling.PERCENT: frozenset("%"),
    Spelling.PLUS: frozenset("%+"),
    Spelling.MARKUP: frozenset("&"),
    Spelling.QUOTED: frozenset("&"),
}
_READERS: dict[Spelling, Callable[[str], str]] = {Spelling.PERCENT: unquote, Spelling.PLUS: unquote_plus}
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_RESERVED = "!$&'()*+,;=:@/?"  # RFC 3986, section 2.2, as far as a path or a query may have them bare
_UTF8 = 4  # bytes of a character at most


def decoded(spelling: Spelling, written: str) -> str:
    """Return the value that a written text stands for."""
    if _is_bare(spelling, written):
        return written
    if spelling in _READERS:  # in one go, as most escapes are right ones
        return _READERS[spelling](written)
    if spelling is Spelling.JSON and (text := _string(written)) is not None:
        return text
    return "".join(unit.text for unit in _units(spelling, written))


def rewritten(spelling: Spelling, written: str, edits: Iterable[Edit], *, is_ascii: bool = False) -> str:
    """Return a written text with new values in parts of it; of parts that overlap the first alone is changed.

    Args:
        spelling: How the text is written.
        written: The text.
        edits: The new values, by their places in the decoded text.
        is_ascii: Whether a string of JSON escapes all characters that are not ASCII.
    """
    units = list(_units(spelling, written))
    text = "".join(unit.text for unit in units)
    if spelling is Spelling.NUMBER:
        return _number(_replaced(text, edits), is_ascii=is_ascii)
    pieces: list[str] = []
    last = 0
    for edit in sorted(edits):
        start, begin = _before(units, edit.start, len(written), len(text))
        end, finish = _after(units, edit.end, len(written), len(text))
        if start < last:
            continue
        value = text[begin : edit.start] + edit.value + text[edit.end : finish]
        pieces += [written[last:start], _encoded(spelling, value, written, is_ascii=is_ascii)]
        last = end
    return "".join([*pieces, written[last:]])


def quoted(text: str, *, is_ascii: bool) -> str:
    """Return a text as a string of JSON; half a surrogate pair is escaped, because no charset has it."""
    return json.dumps(text, ensure_ascii=is_ascii or _SURROGATE.search(text) is not None)


def _replaced(text: str, edits: Iterable[Edit]) -> str:
    """Return a number with new values in parts of it; who parsed it knows it without its spelling, `1.50` as `1.5`."""
    sizes = {len(text)}
    with suppress(ValueError):  # longer than Python takes
        sizes.add(len(json.dumps(json.loads(text))))
    for edit in sorted(edits, reverse=True):
        if edit.start == 0 and edit.end in sizes:
            return edit.value
        text = text[: edit.start] + edit.value + text[edit.end :]
    return text


def _number(value: str, *, is_ascii: bool) -> str:
    """Return a number as it is; any other value becomes a string, so that the body stays JSON."""
    return value if NUMBER.fullmatch(value) and _is_json(value) else quoted(value, is_ascii=is_ascii)


def _is_json(number: str) -> bool:
    """Return whether digits are a number of JSON: `007` is none."""
    digits = number.lstrip("-")
    return digits[0] != "0" or not digits[1:2].isdecimal()


def _units(spelling: Spelling, written: str) -> Iterator[_Unit]:
    if _is_bare(spelling, written):
        if written:
            yield _Unit(0, len(written), 0, written, is_run=True)
        return
    at = 0
    for found in _UNITS[spelling].finditer(written):
        if found[1] is not None:
            yield _Unit(found.start(), found.end(), at, found[0], is_run=True)
            at += len(found[0])
        elif found[0][0] == "%":
            for start, end, text in _characters(found[0]):
                yield _Unit(found.start() + start, found.start() + end, at, text, is_run=False)
                at += len(text)
        else:
            text = _one(spelling, found[0])
            yield _Unit(found.start(), found.end(), at, text, is_run=False)
            at += len(text)


def _is_bare(spelling: Spelling, written: str) -> bool:
    """Return whether a text has no escapes."""
    mark = _MARKS.get(spelling)
    return mark is None or mark.isdisjoint(written)


def _string(written: str) -> str | None:
    """Return what a string of JSON says, given without its quotes; None if it is none."""
    try:
        return str(json.loads(f'"{written}"', strict=False))
    except ValueError:
        return None


def _one(spelling: Spelling, escape: str) -> str:
    """Return what one escape stands for; one that is none stands for itself."""
    if spelling is Spelling.JSON:
        text = _string(escape)
        return escape if text is None else text
    return " " if escape == "+" else unescape(escape)


def _characters(run: str) -> Iterator[tuple[int, int, str]]:
    """Yield the characters of percent-encoded bytes, with where they are written; bytes that are none as U+FFFD.

    They are those of `urllib.parse.unquote`, by which requests are compared.
    """
    if run == "%":
        yield 0, 1, run
        return
    data = bytes.fromhex(run.replace("%", ""))
    at = 0
    while at < len(data):
        for size in range(1, _UTF8 + 1):
            try:
                text = data[at : at + size].decode()
            except UnicodeDecodeError:
                continue
            break
        else:
            size, text = _broken(data[at:])
        yield 3 * at, 3 * (at + size), text
        at += size


def _broken(data: bytes) -> tuple[int, str]:
    """Return how many bytes at the begin stand for one replacement character, and this."""
    try:
        data.decode()
    except UnicodeDecodeError as exc:
        return exc.end - exc.start, "\ufffd"
    raise AssertionError("the bytes are no broken character")


def _before(units: list[_Unit], place: int, size: int, length: int) -> tuple[int, int]:
    """Return where the written text of a decoded place begins, and the decoded place of that."""
    for unit in units:
        if place < unit.at + len(unit.text):
            return (unit.start + place - unit.at, place) if unit.is_run else (unit.start, unit.at)
    return size, length


def _after(units: list[_Unit], place: int, size: int, length: int) -> tuple[int, int]:
    """Return where the written text up to a decoded place ends, and the decoded place of that."""
    if place == 0:
        return 0, 0
    for unit in units:
        if place <= unit.at + len(unit.text):
            return (unit.start + place - unit.at, place) if unit.is_run else (unit.end, unit.at + len(unit.text))
    return size, length


def _encoded(spelling: Spelling, value: str, written: str, *, is_ascii: bool) -> str:
    """Return a value as it is written in a text that spells like the one that was written there."""
    match spelling:
        case Spelling.JSON:
            made = quoted(value, is_ascii=is_ascii)[1:-1]
            # PHP escapes each slash
            return made.replace("/", r"\/") if r"\/" in written and "/" not in written.replace(r"\/", "") else made
        case Spelling.PERCENT | Spelling.PLUS:
            return _percent(spelling, value, written)
        case Spelling.MARKUP:
            return _markup(value)
        case Spelling.QUOTED:
            return _markup(value).replace('"', "&quot;").replace("'", "&#39;")
        case Spelling.CDATA:
            return value.replace("]]>", "]]]]><![CDATA[>")
        case Spelling.LINE:
            return _CONTROL.sub(lambda found: quote(found[0]), value)
        case _:
            return value


def _percent(spelling: Spelling, value: str, written: str) -> str:
    """Return a value percent-encoded: bare is what needs no escape anywhere, and what the text has bare."""
    unsafe = {Spelling.PERCENT: "/?", Spelling.PLUS: "&+"}[spelling]
    bare = "".join(one for one in _RESERVED if one in written and one not in unsafe)
    made = quote(value, safe=bare, errors="surrogatepass")
    if spelling is Spelling.PLUS and ("+" in written or "%20" not in written):
        made = made.replace("%20", "+")
    escapes = "".join(re.findall(r"%[0-9A-Fa-f]{2}", written))
    if escapes != escapes.upper():  # some clients write small letters
        made = re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), made)
    return made


def _markup(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
