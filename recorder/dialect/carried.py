"""Take the dialect out of the header of a cassette, which may come from anybody.

The text in the header counts; a header of format 1, which has none, names a shipped dialect. A text that came with a
cassette opens no file and is parsed under limits (the size, the length of a line), so that reading a cassette ends.
Paths are compared with its routes in linear time (`routes`).
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from functools import lru_cache

from ..errors import CassetteError, DialectError
from ..model import MAX_TEXT, Header
from .definition import Dialect, names, parse, shipped, source

_LINE = 4_000  # characters
_DOTS = 500  # in a line; tomllib needs quadratic time for keys with many dots
_MOST = 500  # names and paths, each looked for in each message; shipped dialects have up to a hundred
_KEPT = 32  # dialects kept parsed


def dialect_of(header: Header) -> Dialect:
    """Return the dialect of a cassette: the one that it holds, else the shipped one that it names.

    Raises:
        CassetteError: If the dialect in the cassette cannot be used.
        DialectError: If the cassette holds no dialect, and names one that is not shipped.

    """
    if not header.dialect_text or header.dialect_text == _shipped_text(header.dialect):
        return shipped(header.dialect)
    try:
        return _parsed(header.dialect_text, header.dialect)
    except DialectError as exc:
        is_known = header.dialect in names()
        hint = f"--dialect {header.dialect if is_known else 'NAME|FILE'} reads it by another"
        hint += "; or upgrade outbound-recorder, if a newer version wrote it" if is_known else ""
        problem = f"the dialect {header.dialect!r} in it cannot be used: {exc}"
        raise CassetteError(header.file or "cassette", problem, hint=hint) from exc


def text_of(dialect: Dialect) -> str:
    """Return the text by which a cassette holds a dialect.

    Raises:
        DialectError: If the text is too long for a cassette.

    """
    problem = too_long(dialect.text) or _too_many(dialect.text)
    if problem is not None:
        raise DialectError(dialect.name, "file", f"{problem}, so a cassette cannot hold it; shorten it")
    return dialect.text


def under(header: Header, dialect: Dialect) -> Header:
    """Return the header of a cassette that is read by another dialect; it still says what its policy was fitted to."""
    fitted = header.fitted or (header.dialect if header.dialect in names() else "")
    fitted = fitted if fitted != dialect.name else ""
    return replace(header, dialect=dialect.name, dialect_text=dialect.text, fitted=fitted)


def held(header: Header) -> str:
    """Return the text of the dialect of a cassette; "" if it holds none and names none that is shipped."""
    return header.dialect_text or _shipped_text(header.dialect)


def are_same(one: Header, other: Header) -> bool:
    """Return whether two cassettes have one dialect: one name, and rules that differ in comments at most."""
    return one.dialect == other.dialect and is_same_text(held(one), held(other))


def is_same_text(one: str, other: str) -> bool:
    """Return whether two texts of dialects differ in comments and the order of tables at most."""
    return one == other or _meaning(one) == _meaning(other)


def differs_from_shipped(header: Header) -> bool:
    """Return whether a cassette holds other rules than the shipped dialect of that name has."""
    text = _shipped_text(header.dialect)
    return bool(text and header.dialect_text) and not is_same_text(text, header.dialect_text)


def too_long(text: str) -> str | None:
    """Return why a cassette cannot hold a text, or why one that it holds is not parsed; None if it can."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_TEXT:
        return f"has more than {MAX_TEXT} bytes"
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > _LINE or line.count(".") > _DOTS:
            return f"has more than {_LINE} characters or {_DOTS} dots in line {number}"
    return None


def _too_many(text: str) -> str | None:
    """Return why a dialect would take too long for each message, None if it does not.

    A message is of one operation at most.
    """
    value = tomllib.loads(text)
    operations = value.pop("operations", {})
    tables = [value, *operations.values()]
    return f"has more than {_MOST} names and paths in one place" if any(_size(one) > _MOST for one in tables) else None


def _size(value: object) -> int:
    """Return the number of values in a table, also of those inside it; a text in braces counts as one more."""
    count, left = 0, [value]
    while left:
        one = left.pop()
        count += 1 + (one.count("{") if isinstance(one, str) else 0)
        if isinstance(one, dict | list):
            left += one.values() if isinstance(one, dict) else one
    return count


@lru_cache(_KEPT)
def _parsed(text: str, name: str) -> Dialect:
    problem = too_long(text)
    if problem is not None:
        raise DialectError("dialect", "text", problem)
    found = parse(text, path="dialect", is_checked=False)
    problem = _too_many(text)
    if problem is not None:
        raise DialectError("dialect", "text", problem)
    if found.name != name:
        raise DialectError("dialect", "name", f"is {found.name!r}, but the header names {name!r}")
    return found


@lru_cache(_KEPT)
def _shipped_text(name: str) -> str:
    return source(name) if name in names() else ""


@lru_cache(_KEPT)
def _meaning(text: str) -> object:
    """Return what a text says without its comments; the text itself if it is no TOML or too long to be parsed."""
    try:
        return tomllib.loads(text) if too_long(text) is None else text
    except (ValueError, RecursionError):
        return text
