"""Say why a path of a dialect can never lead to a value, and which path was meant."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches

from .paths import EACH
from .tables import Table

_TOKEN = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)  # RFC 9110, section 5.6.2
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})
_OF_ANSWERS = frozenset(
    {"etag", "last-modified", "location", "retry-after", "server", "set-cookie", "www-authenticate"}
)


def check(table: Table, key: str, paths: Iterable[str], roots: tuple[str, ...], parts: Collection[str] = ()) -> None:
    """Report each path of a list that can never lead to a value.

    Args:
        table: The table that holds the list.
        key: The key of the list.
        paths: The paths.
        roots: Where the paths may begin.
        parts: Names in braces of the routes, for the root `path`.
    """
    for path in paths:
        problem = mistake(path, roots, parts)
        if problem is not None:
            table.wrong(key, f"{path!r} {problem}")


def mistake(path: str, roots: tuple[str, ...], parts: Collection[str] = ()) -> str | None:
    """Return why a path can never lead to a value, with a proposal; None if the path can."""
    root, _, name = path.partition(".")
    if root not in roots:
        return f"must begin with {' or '.join(map(repr, roots))}; {_meant(path, roots)}"
    if root == "channel":
        return _of_channel(name, parts) if name else None
    if not all(name.split(".")):
        return f"names no value; write the name after a dot, as in '{path.strip('.').replace('..', '.')}.NAME'"
    match root:
        case "path":
            return _of_path(name, parts)
        case "header" | "cookie":
            return _of_header(name, root, of_request="path" in roots)
    return _of_value(path, name)


def _meant(path: str, roots: tuple[str, ...]) -> str:
    """Return a proposal for a path whose root is unknown, such as one of JSONPath or a JSON pointer."""
    plain = _unbracketed(re.sub(r"^[$/.]+", "", path).replace("/", ".")) or "NAME"
    root, dot, rest = plain.partition(".")
    near = get_close_matches(root.lower(), roots, 1)
    if near and dot:
        return f"did you mean '{near[0]}.{rest}'?"
    return f"did you mean '{roots[0] if roots[0] != 'path' else roots[-1]}.{plain}'?"


def _of_path(name: str, parts: Collection[str]) -> str | None:
    if name in parts:
        return None
    near = get_close_matches(name, parts, 1)
    if near:
        return f"is in no route; did you mean 'path.{near[0]}'?"
    named = name if name.isidentifier() else "id"
    which = "" if named == name else f" and the path 'path.{named}'"
    return f'is in no route; name the part in braces, as in routes = ["/api/users/{{{named}}}"]{which}'


def _of_channel(name: str, parts: Collection[str]) -> str | None:
    if name in parts:
        return None
    if not parts:
        return f"""names a part of a channel; say which channels have it: [event] channels = ["/a/{{{name}}}"]"""
    return f"is no part of a channel in [event] channels, which name {', '.join(sorted(parts))}"


def _of_header(name: str, root: str, *, of_request: bool) -> str | None:
    if root == "cookie":
        return None if _TOKEN.fullmatch(name) else "is no name of a cookie; write it as in 'cookie.sid'"
    if not _TOKEN.fullmatch(name):
        return "is no name of a header; write it as in 'header.X-Request-Id'"
    if name.lower() in _CREDENTIALS:
        return "is redacted, so no event repeats it; [session] says which cookies and tokens tell clients apart"
    if of_request and name.lower() in _OF_ANSWERS:
        return "is a header of answers, which no request has; did you mean one such as 'header.X-Request-Id'?"
    return None


def _of_value(path: str, name: str) -> str | None:
    if "[" in name or "]" in name:
        return f"has brackets, which no name has here; did you mean '{_unbracketed(path)}'?"
    for part in name.split("."):
        if re.fullmatch(r"-\d+", part):
            return f"counts from the end; indices count from 0, and 'x.*' is each element: {_with(path, part)}"
        if EACH in part and part != EACH:
            return f"has a '*' beside other characters; it stands for a whole part: {_with(path, part)}"
    return None


def _unbracketed(path: str) -> str:
    return re.sub(r"\[['\"]?([^\[\]'\"]*)['\"]?\]", r".\1", path).replace("[", ".").replace("]", "")


def _with(path: str, part: str) -> str:
    return f"did you mean '{'.'.join(EACH if own == part else own for own in path.split('.'))}'?"
