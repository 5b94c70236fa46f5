"""Find the values of a dialect's keys: at dotted paths, as constants, and put together of several values.

    data.record.recordHandle          the value at a path
    body.records.*.id                 all values at a path
    =Order__e                         a constant
    {data.messageType}.{data.state}   one value of several, if each of them is there

The first of several such sources that finds a value counts. Values are compared as strings; null and "" count as
absent, 0 does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TypeAlias

from ..model import JSON, Value, value_of, values
from .paths import EACH, as_key, at, each, split

Roots: TypeAlias = Mapping[str, JSON]
Source: TypeAlias = Callable[[Roots], Value | None]

CONSTANT = "="
_LISTS = 1000  # lists of sources that are kept compiled; a dialect has about thirty
_BRACES = re.compile(r"\{([^{}]*)\}")


def find(sources: tuple[str, ...], roots: Roots) -> Value | None:
    """Return the value of a key: that of the first source with one; None if there is none.

    Args:
        sources: Paths, constants and texts with paths in braces.
        roots: The values that paths begin at, by the first part of a path.
    """
    for source in compiled(sources):
        found = source(roots)
        if found is not None:
            return found
    return None


def first(sources: tuple[str, ...], roots: Roots) -> str | None:
    """Return the first value that `find` finds, None if there is none."""
    found = find(sources, roots)
    return None if found is None else values(found)[0]


def texts(source: str, roots: Roots) -> Iterator[str]:
    """Yield the values of a source as they are compared with the marks of a dialect: true and false count too."""
    if source[:1] == CONSTANT or "{" in source:
        yield from values(find((source,), roots) or ())
        return
    for one in each(roots, parts_of(source)):
        text = str(one).lower() if isinstance(one, bool) else as_key(one)
        if text is not None:
            yield text


def text(source: str, roots: Roots) -> str | None:
    """Return the first of the values that `texts` yields, None if there are none."""
    if source[:1] != CONSTANT and "{" not in source:
        value: JSON = roots
        for part in parts_of(source):
            if type(value) is not dict or part == EACH:
                break
            value = value.get(part)
            if value is None:
                return None
        else:
            if type(value) is int:
                return str(value)
    return next(texts(source, roots), None)


def is_constant(source: str) -> bool:
    """Return whether a source is a constant."""
    return source.startswith(CONSTANT)


def is_template(source: str) -> bool:
    """Return whether a source is a text with paths in braces."""
    return not is_constant(source) and "{" in source


def paths_in(sources: Iterable[str]) -> Iterator[str]:
    """Yield the paths in sources, also those in braces."""
    for source in sources:
        if is_template(source):
            yield from _BRACES.findall(source)
        elif not is_constant(source):
            yield source


@lru_cache(_LISTS)
def compiled(sources: tuple[str, ...]) -> tuple[Source, ...]:
    """Return functions that find the values of sources; a dialect has few, and each is asked for often."""
    return tuple(map(_compiled, sources))


def _compiled(source: str) -> Source:
    if is_constant(source):
        text = source.removeprefix(CONSTANT).strip()
        return lambda _roots: text
    if is_template(source):
        return _template(source)
    parts = parts_of(source)
    if EACH in parts:
        return lambda roots: value_of(text for one in each(roots, parts) if (text := as_key(one)) is not None)
    return lambda roots: as_key(at(roots, parts))


def parts_of(path: str) -> tuple[str, ...]:
    """Return the parts by which a path leads from the roots to its value."""
    parts = split(path)
    if parts[0] == "channel" and len(parts) > 1:
        return (f"{parts[0]}.", *parts[1:])  # a channel is a text; its named parts are beside it
    return parts


def _template(source: str) -> Source:
    literals = _BRACES.split(source)
    finders = tuple(map(_compiled, literals[1::2]))

    def put_together(roots: Roots) -> Value | None:
        found = [finder(roots) for finder in finders]
        texts = [one for one in found if isinstance(one, str)]
        if len(texts) < len(found):
            return None
        return literals[0] + "".join(map("".join, zip(texts, literals[2::2], strict=True)))

    return put_together
