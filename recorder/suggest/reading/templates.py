"""Find the parts of URL paths and channels that are ids: by their looks, and by how they vary."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from ...dialect.mistakes.templates import CHANNEL, PATH, in_template
from ...dialect.mistakes.toml import halved
from .values import is_version, looks_like_id, shape

ID = "{}"
_FEW = 5  # different words in one place that can be ids


@dataclass(slots=True)
class _Node:
    """A place in the paths: what may follow here, and how many paths end here."""

    children: dict[str, _Node] = field(default_factory=dict)
    ends: int = 0
    count: int = 0


class Templates:
    """The templates of some paths; a part that is an id is `{}` in them."""

    def __init__(self, paths: Iterable[str], repeated: Callable[[str], bool], *, is_url: bool = True) -> None:
        """Take the paths.

        Args:
            paths: The paths, with repetitions.
            repeated: Says whether other messages repeat a value as a whole.
            is_url: Whether they are paths of URLs, not channels.
        """
        self._is_url = is_url
        self._root = _Node()
        self._known: dict[str, tuple[str, ...]] = {}
        for path in paths:
            node = self._root
            for part in path.split("/"):
                node = node.children.setdefault(part, _Node())
                node.count += 1
            node.ends += 1
        self._ids: dict[int, frozenset[str]] = {}
        self._visit(self._root, repeated, 0)

    def of(self, path: str) -> tuple[str, ...]:
        """Return the template of a path, as its parts."""
        if path not in self._known:
            node, parts = self._root, []
            for part in path.split("/"):
                is_id = part in self._ids.get(id(node), ())
                parts.append(ID if is_id else part)
                node = node.children.get(ID if is_id else part, _Node())
            self._known[path] = tuple(parts)
        return self._known[path]

    def _visit(self, node: _Node, repeated: Callable[[str], bool], depth: int) -> None:
        ids = _ids(node, repeated, depth)
        # a part that no template can hold, such as `{x}`, is left open as an id is
        ids |= {part for part in node.children if part and not _can_be_written(part, is_url=self._is_url)}
        self._ids[id(node)] = ids
        if ids:
            joined = _Node()
            for part in ids:
                _merge(joined, node.children.pop(part))
            node.children[ID] = joined
        for child in node.children.values():
            self._visit(child, repeated, depth + 1)


def _ids(node: _Node, repeated: Callable[[str], bool], depth: int) -> frozenset[str]:
    """Return the parts in a place of the paths that are ids."""
    parts = [part for part in node.children if part and not is_version(part)]
    found = {part for part in parts if looks_like_id(unquote(part))}
    if depth <= 3 and len(found) == 1 and len(parts) == 1 and len(next(iter(found))) <= 2:
        return frozenset()  # /api/2/…: one short number in all paths is a version
    others = [part for part in parts if part not in found]
    by_shape: dict[str, list[str]] = defaultdict(list)
    for part in others:
        if re.search(r"\d", part):
            by_shape[shape(unquote(part))].append(part)
    for alike in by_shape.values():
        if len(alike) > 1 or (repeated(unquote(alike[0])) and node.children[alike[0]].count > 1 and depth > 1):
            found.update(alike)
    words = [part for part in others if part not in found]
    if len(words) >= _FEW and _are_alike([node.children[part] for part in words]):
        told = sum(repeated(unquote(part)) for part in words)
        if told >= 0.8 * len(words):
            found.update(words)
    return frozenset(found)


def _can_be_written(part: str, *, is_url: bool) -> bool:
    is_literal = not set("{}") & set(part) and part == part.strip() and halved(part) is None
    return is_literal and in_template(f"/{part}", PATH if is_url else CHANNEL) is None


def _are_alike(nodes: Sequence[_Node]) -> bool:
    """Return whether the same follows in most of some places."""
    forms: dict[tuple[bool, frozenset[str]], int] = defaultdict(int)
    for node in nodes:
        forms[bool(node.ends), frozenset(ID if looks_like_id(part) else part for part in node.children)] += 1
    return max(forms.values()) >= 0.7 * len(nodes)


def _merge(into: _Node, other: _Node) -> None:
    into.ends += other.ends
    into.count += other.count
    for part, child in other.children.items():
        _merge(into.children.setdefault(part, _Node()), child)
