"""Find values in JSON by dotted paths, e.g. `body.referenceId`, and write them as the strings that dialects compare.

A part of a path is the name of a member, the index of an element from 0, or `*` for each member or element. In a list
of pairs such as `{"key": "ref", "type": "str", "value": "r1"}` the name `ref` leads to the value `r1`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias
from urllib.parse import unquote

from ..bayeux.json_bodies import load_json
from ..model import JSON, Headers

# Members that name the value beside them: lists of key and value (Genesys, HAR, AWS tags), operations of JSON Patch
# (RFC 6902). The first of them that is there counts. Redaction finds values by their keys in the same lists.
KEYS, VALUES = ("key", "name", "field", "fieldname", "path"), frozenset({"value", "values"})
EACH = "*"
_PATHS = 1000  # split paths in the cache; a dialect has about fifty paths
_NO_KEYS = (dict, list, bool)  # a constant, because `dict | list | bool` would be built at each call
_MOST = 8  # members of a pair
_SHAPES = 1_000  # of objects that are remembered
_DEEPEST = 100  # dots
_LONGEST_PLACE = 9  # digits
_NAMES = re.compile(r"[\[\].]+")  # between names of nested values in the name of a form field: user[name], user.name
_SESSION = re.compile(r";jsessionid=[^/;]*", re.IGNORECASE)  # Jakarta Servlet 6.0, section 7.1.3

# Paths as a tree: what is left out below each name, None where the value itself is.
Tree: TypeAlias = dict[str, "Tree | None"]


class Pair(NamedTuple):
    """A member of an object whose name is the value of another member, as in `{"key": "phone", "value": "…"}`.

    Attributes:
        names: The name, in the parts that a path has for it.
        member: The member that holds the value.
    """

    names: tuple[str, ...]
    member: str


def parse_json(body: bytes, headers: Headers = ()) -> JSON:
    """Return the JSON object or array in a body, None if there is none; the headers may name its charset.

    None too for JSON beyond the limits of `load_json`: nested deeper than 100 levels, or more than a million values.
    """
    try:
        value = load_json(body, headers) if body else None
    except ValueError:
        return None
    return value if isinstance(value, dict | list) else None


def lookup(value: JSON, path: str) -> JSON:
    """Return the value at a dotted path, None if there is none; of several values the first."""
    return at(value, split(path))


def at(value: JSON, parts: Sequence[str]) -> JSON:
    """Return the value at the parts of a path, None if there is none; of several values the first."""
    for place, part in enumerate(parts):
        if isinstance(value, dict):
            if part == EACH:
                return _first(value, parts[place:])
            value = value.get(part)
        elif isinstance(value, list):
            if not is_place(part):
                return _first(value, parts[place:])
            value = value[int(part)] if int(part) < len(value) else None
        else:
            return None
    return value


def is_place(part: str) -> bool:
    """Return whether a part of a path is the place of an element in an array, not a name; what is longer is none."""
    return part.isdecimal() and len(part) <= _LONGEST_PLACE


def each(value: JSON, parts: Sequence[str]) -> Iterator[JSON]:
    """Yield the values at a path: None where there is none, so that values of the same shape yield equally many."""
    while parts and isinstance(value, dict) and parts[0] != EACH:
        value, parts = value.get(parts[0]), parts[1:]
    if not parts:
        yield value
        return
    part, rest = parts[0], parts[1:]
    if isinstance(value, dict):
        for name in sorted(value):
            yield from each(value[name], rest)
    elif not isinstance(value, list):
        yield None
    elif part == EACH:
        for item in value:
            yield from each(item, rest)
    elif is_place(part):
        yield from each(value[int(part)] if int(part) < len(value) else None, rest)
    else:
        yield from _of_pairs(value, parts)


@lru_cache(_PATHS)
def split(path: str) -> tuple[str, ...]:
    """Return the parts of a dotted path; what is behind the hundredth dot is one of them, and leads nowhere.

    JSON is read to 100 levels (`load_json`), and code that walks paths recurses.
    """
    return tuple(path.split(".", _DEEPEST))


def pair_of(value: JSON) -> Pair | None:
    """Return the pair that an object is; None for any other value."""
    if not isinstance(value, dict) or not 1 < len(value) <= _MOST:
        return None
    member, names = _in_pair(tuple(value))
    if member is None:
        return None
    for name in names:
        key = value[name]
        if isinstance(key, str) and key:
            key = key.strip("/")
            return Pair(tuple(re.split(r"[./]", key)) if "." in key or "/" in key else (key,), member)
    return None


@lru_cache(_SHAPES)
def _in_pair(members: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    """Return which member of an object may be the value of a pair, if any, and which ones may be its name."""
    names = {name.lower(): name for name in members}
    member = next((names[name] for name in names if name in VALUES), None)
    return member, tuple(names[name] for name in KEYS if name in names)


def names_in(field: str) -> tuple[str, ...]:
    """Return the names that a form field or parameter leads through: `user[name]` and `user.name` are nested."""
    return tuple(part for part in _NAMES.split(field) if part) or (field,)


def tree_of(paths: Iterable[str], root: str) -> Tree:
    """Return the paths that begin with a root as a tree, without that root."""
    tree: Tree = {}
    for first, *parts in map(split, paths):
        node: Tree | None = tree if first == root and parts else None
        for part in parts[:-1]:
            node = node.setdefault(part, {}) if node is not None else None
        if node is not None:
            node[parts[-1]] = None
    return tree


def covers(tree: Tree, parts: Sequence[str | int]) -> bool:
    """Return whether a value at these names and indices is left out, by itself or with what is around it."""
    if not parts:
        return False
    found = [tree[name] for name in (str(parts[0]), EACH) if name in tree]
    return any(inner is None or covers(inner, parts[1:]) for inner in found)


def without(value: JSON, tree: Tree) -> JSON:
    """Return a JSON value without the values at some paths, e.g. the volatile ones; the value itself if it has none.

    A member or a pair that has a name of its own loses its value; elements, and what `*` stands for, become null, so
    that a list keeps its length.
    """
    if isinstance(value, dict):
        if EACH not in tree and tree.keys().isdisjoint(value):
            return value
        left = {}
        for name, item in value.items():
            if name not in tree and EACH not in tree:
                left[name] = item
            elif tree.get(name, _NONE) is not None:
                left[name] = _inner(item, tree, name)
        return left
    if isinstance(value, list) and tree:
        return [_without_pair(_inner(item, tree, str(place)), tree) for place, item in enumerate(value)]
    return value


def as_key(value: JSON) -> str | None:
    """Return a string or number as the string that is compared; None for all other values and for ""."""
    if isinstance(value, str):
        return value or None
    if value is None or isinstance(value, _NO_KEYS):
        return None
    return str(value)


def path_of(target: str) -> str:
    """Return the path of a URL without its query, and without the session id that servlets write into it."""
    path = target.partition("?")[0]  # not urlsplit, which reads "//a/b" as a host, and raises on "//["
    return _SESSION.sub("", path) if ";" in path else path


def unescaped(path: str) -> str:
    """Return a path with its characters as they are, but `%2F`, which divides nothing, and so `%25`."""
    if "%" not in path:
        return path
    segments = (unquote(segment, errors="surrogateescape") for segment in path.split("/"))
    return "/".join(segment.replace("%", "%25").replace("/", "%2F") for segment in segments)


_NONE: Tree = {}  # leaves nothing out


def _inner(item: JSON, tree: Tree, name: str) -> JSON:
    """Return a member or an element without what is left out inside it; None where it is left out itself."""
    for part in (name, EACH):
        inner = tree.get(part, _NONE)
        if inner is None:
            return None
        item = without(item, inner) if inner else item
    return item


def _without_pair(item: JSON, tree: Tree) -> JSON:
    """Return a pair in a list without its value, or without parts of that, where its name says so."""
    pair = pair_of(item)
    inner: Tree | None = tree
    for name in pair.names if pair is not None else ():
        inner = inner.get(name, _NONE) if inner is not None else None
    if pair is None or inner == _NONE:
        return item
    rest = {name: own for name, own in item.items() if name != pair.member}
    return rest if inner is None else rest | {pair.member: without(item[pair.member], inner)}


def _of_pairs(value: list[JSON], parts: Sequence[str]) -> Iterator[JSON]:
    """Yield the values of the pairs in a list that a path names; None if there is none."""
    found = False
    for item in value:
        pair = pair_of(item)
        if pair is not None and pair.names == tuple(parts[: len(pair.names)]):
            found = True
            yield from each(item[pair.member], parts[len(pair.names) :])
    if not found:
        yield None


def _first(value: JSON, parts: Sequence[str]) -> JSON:
    return next((found for found in each(value, parts) if found is not None), None)
