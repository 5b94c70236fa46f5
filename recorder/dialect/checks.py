"""Say why a path of a dialect can never lead to a value, and which path was meant."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from .mistakes.words import named, near
from .paths import EACH
from .tables import Table

REQUEST, ACK, EVENT = "request", "ack", "event"  # sides that paths lead into
_ROOTS = frozenset({"body", "path", "query", "header", "cookie", "data", "channel"})
_TOKEN = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)  # RFC 9110, section 5.6.2
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})
_OF_ANSWERS = frozenset(
    {"etag", "last-modified", "location", "retry-after", "server", "set-cookie", "www-authenticate"}
)
ATTRIBUTES = frozenset({"path", "domain", "expires", "max-age", "secure", "httponly", "samesite", "partitioned"})
_OF_REQUESTS = frozenset({"accept", "host", "user-agent", "referer", "origin", "if-match", "if-none-match"})


def check(  # noqa: PLR0917  # a list, and what is known about its paths
    table: Table,
    key: str,
    paths: Iterable[str],
    roots: tuple[str, ...],
    parts: Collection[str] = (),
    side: str = REQUEST,
) -> None:
    """Report each path of a list that can never lead to a value.

    Args:
        table: The table that holds the list.
        key: The key of the list.
        paths: The paths.
        roots: Where the paths may begin.
        parts: Names in braces of the routes, for the root `path`, or of the channels, for the root `channel`.
        side: Where the paths lead into: REQUEST, ACK or EVENT.
    """
    for path in paths:
        problem = mistake(path, roots, parts, side)
        if problem is not None:
            table.wrong(key, f"{path!r} {problem}", item=path)


def mistake(path: str, roots: tuple[str, ...], parts: Collection[str] = (), side: str = REQUEST) -> str | None:
    """Return why a path can never lead to a value, with a proposal; None if the path can."""
    root, _, name = path.partition(".")
    if root not in roots:
        return f"must begin with {' or '.join(map(repr, roots))}; {_meant(path, roots)}"
    if root == "channel":
        return _of_channel(name, parts) if name else None
    if not all(name.split(".")):
        plain = re.sub(r"\.{2,}", ".", path).strip(".")
        meant = f"write {plain!r}, or the name after a dot" if "." in plain else "write the name after a dot"
        return f"names no value; {meant}, as in '{plain}.NAME'"
    match root:
        case "path":
            return _of_path(name, parts)
        case "header" | "cookie":
            return _of_header(name, root, side)
    if root == "query" and re.search(r"[?&=]", name):
        return f"is no name of a parameter; did you mean 'query.{re.split(r'[&=]', name.lstrip('?&'))[0] or 'NAME'}'?"
    return _of_value(path, name)


def _meant(path: str, roots: tuple[str, ...]) -> str:
    """Return a proposal for a path whose root is unknown, such as one of JSONPath or a JSON pointer."""
    plain = _unbracketed(re.sub(r"^[$@/.=]+|[{}]|\.+$", "", path.strip()).replace("/", ".")) or "NAME"
    plain = re.sub(r"\.{2,}", ".", plain)
    root, dot, rest = plain.partition(".")
    main = roots[0] if roots[0] != "path" else roots[-1]
    like = main if root in _ROOTS and root not in roots else near(root.lower(), roots)
    if like and dot and rest:
        return f"did you mean '{like}.{rest}'?"
    return f"did you mean '{main}.{plain}'?"


def _of_path(name: str, parts: Collection[str]) -> str | None:
    if name in parts:
        return None
    like = near(name, parts)
    if like:
        return f"is in no route; did you mean 'path.{like}'?"
    named = name if name.isidentifier() else "id"
    which = "" if named == name else f" and the path 'path.{named}'"
    return f'is in no route; name the part in braces, as in routes = ["/api/users/{{{named}}}"]{which}'


def _of_channel(name: str, parts: Collection[str]) -> str | None:
    if name in parts:
        return None
    if not parts:
        part = name if name.isidentifier() else "name"
        return f"""names a part of a channel; say which channels have it: [event] channels = ["/a/{{{part}}}"]"""
    like = near(name, parts)
    meant = f"did you mean 'channel.{like}'?" if like else f"the parts are {named(parts)}"
    return f"is no part of a channel in [event] channels; {meant}"


def _of_header(name: str, root: str, side: str) -> str | None:
    if root == "cookie":
        if side == ACK and name.lower() in ATTRIBUTES:
            return "is an attribute of a cookie, and no cookie; write the name of one, as in 'cookie.sid'"
        is_name = _TOKEN.fullmatch(name) and EACH not in name
        return None if is_name else "is no name of a cookie; write it as in 'cookie.sid'"
    example = "header.X-Request-Id" if side == REQUEST else "header.Location"
    if not _TOKEN.fullmatch(name) or EACH in name:
        return f"is no name of a header; write it as in '{example}'"
    if name.lower() in _CREDENTIALS:
        return "is redacted, so no event repeats it; delete it: [session] says which tokens tell clients apart"
    if side == ACK and name.lower() == "set-cookie":
        return "holds a cookie and more; write 'cookie.NAME' with the name of the cookie"
    if name.lower() in (_OF_ANSWERS if side == REQUEST else _OF_REQUESTS):
        other = "answers, which no request" if side == REQUEST else "requests, which no answer"
        return f"is a header of {other} has; did you mean one such as '{example}'?"
    return None


def _of_value(path: str, name: str) -> str | None:
    if "[" in name or "]" in name:
        return f"has brackets, which no name has here; did you mean '{_unbracketed(path)}'?"
    for part in name.split("."):
        if re.fullmatch(r"-\d+", part):
            return f"counts from the end; indices count from 0, and 'x.*' is each element: {_with(path, part)}"
        if EACH in part and part != EACH:
            return f"has a '*' beside other characters; it stands for a whole part: {_with(path, part)}"
        if part != part.strip():
            return f"has white space in it; did you mean {re.sub(r' *[.] *', '.', path).strip()!r}?"
    return None


def _unbracketed(path: str) -> str:
    return re.sub(r"\[['\"]?([^\[\]'\"]*)['\"]?\]", r".\1", path).replace("[", ".").replace("]", "")


def _with(path: str, part: str) -> str:
    name = part.rstrip(EACH)
    each = f"{name}.{EACH}" if path.endswith(f"{name}{EACH}") and name and EACH not in name else EACH  # names*
    return f"did you mean '{'.'.join(each if own == part else own for own in path.split('.'))}'?"
