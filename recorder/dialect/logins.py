"""Find the values by which a server knows a session: those in requests, and those that it makes anew at each login.

Values are found by a root and a path: `body.access_token` in JSON, in a form or in XML (the first element of that
name), `header.X-CSRF-Token`, or, in requests, `query.access_token`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl

from ..model import JSON, Headers
from .mistakes.templates import in_request
from .mistakes.words import quoted
from .paths import as_key, lookup, parse_json
from .routes import route
from .tables import Table

SHOWN, MINTED = ("query", "header", "body"), ("header", "body")  # where requests and answers hold such values
_COOKIES = frozenset({"cookie", "set-cookie"})
_TOKEN = re.compile(r"[\w!#$%&'+.^`|~-]+", re.ASCII)  # RFC 9110, section 5.6.2, without `*`
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
        wrong = in_request(request, ())
        if wrong is not None:
            table.wrong(request, f"{wrong.cause}; write {quoted(wrong.meant)}")
            continue
        method, template = request.split(None, 1)
        paths = places(table, request, table.texts(request), MINTED)
        yield Login(method, route(template.strip()), paths)


def places(table: Table, key: str, paths: Iterable[str], roots: tuple[str, ...]) -> tuple[str, ...]:
    """Return paths of values; report those that do not begin with one of the roots."""
    found = tuple(paths)
    for path in found:
        root, _, name = path.partition(".")
        if root not in roots or not name:
            allowed = " or ".join(f"'{root}.'" for root in roots)
            told = f"{path!r} must begin with {allowed}, and name a value there"
            table.wrong(key, f"{told}; {_instead(path, roots)}", item=path)
        elif root == "header" and name.lower() in _COOKIES:
            told = f'{path!r}: cookies are known by their names; write session_cookies = ["NAME"] at the top'
            table.wrong(key, told, item=path)
        elif root == "header" and not _TOKEN.fullmatch(name):
            table.wrong(key, f"{path!r} is no name of a header; write it as in 'header.X-Session-Token'", item=path)
        elif not all(name.split(".")) or "[" in name or "*" in name:
            told = f"{path!r} names no single value; write names and dots, as in '{root}.session.token'"
            table.wrong(key, told, item=path)
    return found


def _instead(path: str, roots: tuple[str, ...]) -> str:
    """Return a proposal for a path with another root."""
    root, _, name = re.sub(r"^[$/.]+", "", path).replace("/", ".").partition(".")
    if root == "cookie":
        return f"name it at the top: session_cookies = [{quoted(name)}]"
    return f"did you mean '{roots[-1]}.{name or root or 'NAME'}'?"


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
    if not paths:
        return ()
    return tuple(value for value in values(paths, "", headers, body) if len(value) >= _LEAST)


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
        return _unescaped(element[1]) if element else None
    return dict(parse_qsl(text)).get(path)


def _unescaped(text: str) -> str:
    # `xml.sax.saxutils` does that too, but loads HTTP and TLS, a tenth of the time that a command takes to start
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
