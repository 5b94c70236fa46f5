"""Translate between steps and requests of HTTP, whatever library sends them: headers, redirects, answers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit

from ...errors import UpstreamError
from ...frozen import dataclass
from ...model import Headers, Request, Response
from ..engine.plan import Answer, Plan, Step
from ..engine.values import Login, Values
from .target import Target

PAUSE = 0.25  # seconds between two attempts to reach a server
RETRY = 3.0  # seconds before a stream is asked for again, if it does not say (browsers take 3 to 5)
LONGEST_RETRY = 30.0  # seconds of these, whatever a stream says
MOST_HOPS = 10  # redirects that are followed, one after the other

# Headers that belong to the connection, to the encoding of a body that is sent without one, or to the front.
_NOT_SENT = frozenset({
    "accept-encoding", "connection", "content-encoding", "content-length", "cookie", "expect", "host", "http2-settings",
    "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding",
    "upgrade", "sec-websocket-accept", "sec-websocket-extensions", "sec-websocket-key", "sec-websocket-protocol",
    "sec-websocket-version",
})  # fmt: skip
_TOKEN = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)  # RFC 9110, section 5.6.2
_TARGET = re.compile(r"[^\x00-\x20\x7f\ud800-\udfff]*")
_UNFIT = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")  # RFC 9110, section 5.5; and half characters
_OF_PAGE = frozenset({"origin", "referer"})
_PART = re.compile(r"([/?&=;])")  # between parts of a URL
_LONGEST = 200  # characters of a reason; a server may send any
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer.

    Attributes:
        status: Its status.
        headers: Its headers.
        body: Its body without content encodings.
        is_whole: False if the body was left unread from some place on.
        record: Its record; None if it came in pieces, or if nobody needs the record.
    """

    status: int
    headers: Headers
    body: bytes
    is_whole: bool = True
    record: Response | None = None


def headers_to(target: Target, headers: Headers, hosts: frozenset[str]) -> list[tuple[str, str]]:
    """Return recorded headers as they are sent to the target.

    Args:
        target: The server.
        headers: The recorded headers.
        hosts: Recorded hosts that stand for the server: `Origin` and `Referer` of these lead to the target.

    """
    return [
        (name, _led(value, target.address.url, hosts) if lower in _OF_PAGE else value)
        for name, value in headers
        if (lower := name.lower()) not in _NOT_SENT and lower[:1] != ":"
    ]


def _led(url: str, to: str, hosts: frozenset[str]) -> str:
    """Return the URL of a page with the target in place of the recorded server, and without what may be secret."""
    begin, mark, rest = url.partition("://")
    place, *path = re.split(r"(?=[/?#])", rest, maxsplit=1)
    try:
        host = urlsplit(url).netloc.rpartition("@")[2].lower()  # with its port
    except ValueError:
        return url
    if not mark or not host:
        return url
    shown = re.split(r"[?#]", path[0], maxsplit=1)[0] if path else ""
    port = _PORTS.get(begin.lower())
    if host in hosts or f"{host}:{port}" in hosts or host.removesuffix(f":{port}") in hosts:
        return f"{to}{shown}"
    return f"{begin}://{place.rpartition('@')[2]}{shown}"


def problem_of(
    method: str, target: str, headers: Iterable[tuple[str, str]], protocols: Iterable[str] = ()
) -> str | None:
    """Return why something is no request of HTTP, None if it is one; the text has no value.

    A part of it could be taken for another request, or another header.
    """
    if not _TOKEN.fullmatch(method):
        return "its method is no HTTP method; the request was not sent"
    if not all(_TOKEN.fullmatch(one) for one in protocols):
        return "it offers an invalid subprotocol; the request was not sent"
    if not _TARGET.fullmatch(target):
        return "its path or its query has a space or a control character; the request was not sent"
    for name, value in headers:
        if not _TOKEN.fullmatch(name):
            return "the name of a header is invalid; the request was not sent"
        if _UNFIT.search(value):
            return f"the value of its header {name} has a character that no header can have; the request was not sent"
    return None


def redirected(target: Target, path: str, method: str, status: int, headers: Headers) -> str | None:
    """Return the path that an answer sends a GET on to, None if it is none on the target.

    Args:
        target: The server.
        path: Path and query of the request.
        method: Method of the request.
        status: Status of the answer.
        headers: Headers of the answer.

    """
    if method != "GET" or status not in _REDIRECTS:
        return None
    there = next((value for name, value in headers if name.lower() == "location"), None)
    if not there:
        return None
    try:
        parts = urlsplit(urljoin(target.url(path), there))
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    found = parts.scheme, parts.hostname or "", port
    if found != (target.address.scheme, target.address.host, target.address.port) or "@" in parts.netloc:
        return None
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def answer_of(found: Fetched) -> Answer:
    """Return an answer as the driver takes it."""
    return Answer(found.status, found.headers, found.body)


def taken(client: str, login: Login, answer: Answer, values: Values) -> None:
    """Take the answer to the login of a client; `values` has its token afterwards.

    Raises:
        UpstreamError: If the server refuses it, or its answer has no token. The text has no value.

    """
    if answer.status is not None and answer.status >= 400:  # errors, RFC 9110, section 15
        raise UpstreamError(
            f"the login {login.title} of client {client!r} was answered with status {answer.status}; "
            f"correct [login] in the values file"
        )
    if not values.logged_in(client, login, answer):
        raise UpstreamError(
            f"the answer to the login {login.title} of client {client!r} has no {login.token}; "
            f"correct token in [login] of the values file"
        )


def was_redirected(plan: Plan, step: Step) -> bool:
    """Return whether the recorded answer to a step was a redirect, so that its client itself asked for the next."""
    told = None if step.answer is None else plan.told[step.answer].response
    return told is not None and 300 <= told.status < 400  # the class of redirects


def requests_of(plan: Plan, connection: str) -> list[Request]:
    """Return the recorded requests that opened a stream or a WebSocket, by what was sent on each."""
    found = {step.request.exchange: step.request for step in plan.steps if step.connection == connection}
    return [found[exchange] for exchange in sorted(found)]


def opened_again(recorded: str, live: str, again: str) -> str:
    """Return where a WebSocket is opened again: as recorded, but with live values where the first one had some.

    Args:
        recorded: The recorded target of the first opening.
        live: The target of that one as it was sent.
        again: The recorded target of the later opening.

    """
    if recorded == live:
        return again
    old, new, wanted = (_PART.split(target) for target in (recorded, live, again))
    if not len(old) == len(new) == len(wanted):
        return live
    return "".join(third if first == second else second for first, second, third in zip(old, new, wanted, strict=True))


def in_words(text: str) -> str:
    """Return a reason in one line of limited length."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
