"""Find the values by which a server knows a session: those in requests, and those that it makes anew at each login.

Values are found by a root and a path: `body.access_token` in JSON, in a form or in XML (the first element of that
name), `header.X-CSRF-Token`, or, in requests, `query.access_token`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl
from xml.sax.saxutils import unescape

from ..model import JSON, Headers
from .paths import as_key, lookup, parse_json
from .routes import routes
from .tables import Table

SHOWN, MINTED = ("query", "header", "body"), ("header", "body")  # where requests and answers hold such values
_LEAST = 8  # characters; a shorter one is no secret, and stands in other words


@dataclass(frozen=True, slots=True)
class Login:
    """A request whose answers hold values that the server made for one session.

    Attributes:
        method: HTTP method.
        route: Pattern of the URL path.
        paths: Places of the values in the answer.
    """

    method: str
    route: re.Pattern[str]
    paths: tuple[str, ...]

    def fits(self, method: str, target: str) -> bool:
        """Return whether a request is such a login."""
        return method == self.method and self.route.fullmatch(target.partition("?")[0]) is not None


# RFC 6749, section 5.1: what a token endpoint answers; by custom its path ends in /token
OAUTH = (Login("POST", re.compile(r".*/token"), ("body.access_token", "body.refresh_token")),)


def logins(table: Table) -> Iterator[Login]:
    """Yield the logins of a table with requests as keys and lists of paths as values; report its mistakes."""
    for request in table.names():
        method, _, template = request.partition(" ")
        if not re.fullmatch("[A-Z]+", method) or not template:
            table.wrong(request, "must be a method and a path, e.g. 'POST /login'")
            continue
        paths = places(table, request, table.texts(request), MINTED)
        yield from (Login(method, route, paths) for route in routes(table, request, [template.strip()]))


def places(table: Table, key: str, paths: Iterable[str], roots: tuple[str, ...]) -> tuple[str, ...]:
    """Return paths of values; report those that do not begin with one of the roots."""
    found = tuple(paths)
    for path in found:
        root, _, name = path.partition(".")
        if root not in roots or not name:
            allowed = " or ".join(f"'{root}.'" for root in roots)
            table.wrong(key, f"{path!r} must begin with {allowed}, and name a value there")
    return found


def minted(known: Iterable[Login], method: str, target: str, headers: Headers, body: bytes) -> tuple[str, ...]:
    """Return the values in an answer that its server made for one session.

    Args:
        known: The logins of a dialect.
        method: Method of the request.
        target: Target of the request.
        headers: Headers of the answer.
        body: Body of the answer.
    """
    paths = [path for login in known if login.fits(method, target) for path in login.paths]
    found = values(paths, "", headers, body) if paths else ()
    return tuple(value for value in found if len(value) >= _LEAST)


def values(paths: Iterable[str], target: str, headers: Headers, body: bytes) -> Iterator[str]:
    """Yield the values at some places of a request or an answer, each once, in the order of the places."""
    found: dict[str, None] = {}
    for path in paths:
        root, _, name = path.partition(".")
        match root:
            case "query":
                one = dict(parse_qsl(target.partition("?")[2])).get(name)
            case "header":
                one = next((value.strip() for header, value in headers if header.lower() == name.lower()), None)
            case _:
                one = _in_body(name, body, headers)
        if one:
            found[one] = None
    yield from found


def _in_body(path: str, body: bytes, headers: Headers) -> str | None:
    value: JSON = parse_json(body, headers)
    if value is not None:
        return as_key(lookup(value, path))
    text = body.decode(errors="replace")
    if text.lstrip().startswith("<"):
        # not an XML parser: its entities are an attack, and one name is looked for
        name = re.escape(path.rpartition(".")[2])
        element = re.search(rf"<(?:[\w.-]+:)?{name}(?:\s[^>]*)?>\s*([^<]+?)\s*<", text)
        return unescape(element[1]) if element else None
    return dict(parse_qsl(text)).get(path)
