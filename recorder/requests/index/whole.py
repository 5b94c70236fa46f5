"""Collect what a replay has to know of a whole recording before it begins, in one pass over its exchanges and events.

All of it is small however long the recording is: names, hosts, counts, and the places of the few logins and streams.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...correlate.sessions import Sessions, is_authorization
from ...dialect.changing import changed
from ...dialect.definition import Dialect
from ...dialect.paths import parse_json
from ...formats.web_tokens import is_web_token, with_claims
from ...links.rewriting import hosts_of
from ...model import JSON, Event, Headers, Request, Response, Triple, Unsolicited
from ..recent import Recent
from .foreign import Foreign

_HEADERS = 1_000  # of messages that were looked at lately
_ANY_KEY = b"key"  # tells the web tokens that some key signs anew from those that none does


class Whole:
    """Facts about a whole recording that a replay needs before it reads any triple.

    Attributes:
        answered: Hosts of the answered requests.
        asked: Hosts of all requests.
        longest_body: Length of the longest body of a request, in bytes.
        longest_head: Length of the longest target and headers of a request, in characters.
        most_headers: Largest number of headers of a request.
        has_pieces: The body of some answer came in pieces.
        has_heartbeats: Some event is one that the dialect ignores.
        operations: Names of the operations.
        events: Names and channels of the events.
        logins: Places of the requests whose answers give values out, or that sign a client in; those of operations
            among the triples, the others among the other exchanges.
        foreign: Where links lead.
        tokens: Web tokens whose dates the dialect moves: by their path, how many answers and events hold some, and how
            many hold one that no key signs anew.
    """

    def __init__(self, dialect: Dialect) -> None:
        """Begin with nothing seen."""
        self._lengths: Recent[Headers, int] = Recent(_HEADERS)
        self._answered: Recent[Headers, int] = Recent(_HEADERS)
        self._dialect, self._cookies = dialect, Sessions(dialect.session_cookies)
        paths = [tuple(path.split(".")) for path in dialect.shift]
        self._in_bodies = [path for path in paths if path[0] == "body"]
        self._in_data = [path for path in paths if path[0] == "data"]
        self.answered: set[str] = set()
        self.asked: set[str] = set()
        self.longest_body = self.longest_head = self.most_headers = 0
        self.has_pieces = self.has_heartbeats = False
        self.operations: set[str] = set()
        self.events: set[str] = set()
        self.logins: tuple[list[int], list[int]] = ([], [])
        self.foreign = Foreign()
        self.tokens: dict[str, tuple[int, int]] = {}

    def exchange(self, triple: Triple, place: int) -> None:
        """Take a triple or another exchange.

        Args:
            triple: It.
            place: Its place among those of its kind.
        """
        self._request(triple.request)
        if triple.ack is not None:
            self._answer(triple.request, triple.ack)
            if self._dialect.minted_by(triple.request, triple.ack) or signs_in(triple, self._dialect, self._cookies):
                self.logins[not triple.n].append(place)
        if triple.n and triple.operation is not None:
            self.operations.add(triple.operation)
        for link in triple.events:
            self._event(link.event, link.name)

    def unsolicited(self, pushed: Unsolicited) -> None:
        """Take an event that no operation caused."""
        self.has_heartbeats |= pushed.is_ignored
        self._event(pushed.event, pushed.name)

    def _request(self, request: Request) -> None:
        length = self._lengths.get(request.headers)
        if length is None:  # most headers are those of an earlier request
            self.asked.update(hosts_of(request.headers))
            self.most_headers = max(self.most_headers, len(request.headers))
            length = sum(len(name) + len(value) + 4 for name, value in request.headers)
            self._lengths.put(request.headers, length)
        self.longest_body = max(self.longest_body, len(request.body))
        self.longest_head = max(self.longest_head, len(request.target) + length)

    def _answer(self, request: Request, answer: Response) -> None:
        if self._answered.get(request.headers) is None:
            self.answered.update(hosts_of(request.headers))
            self._answered.put(request.headers, 1)
        self.has_pieces |= bool(answer.pieces)
        self.foreign.answer(answer)
        if self._in_bodies:
            self._count(self._in_bodies, parse_json(answer.body, answer.headers))

    def _event(self, event: Event, name: str) -> None:
        self.events.add(name)
        self.events.add(event.channel)
        self.foreign.told(event.data, event.beside)
        if self._in_data:
            self._count(self._in_data, event.data)

    def _count(self, paths: Iterable[tuple[str, ...]], value: JSON) -> None:
        for path in paths:
            found = [leaf for leaf in leaves(value, path[1:]) if is_web_token(leaf)]
            lost = [with_claims(leaf, {}) is None for leaf in found]
            never = [with_claims(leaf, {}, _ANY_KEY) is None for leaf in found]
            name = ".".join(path)
            unsigned, unsignable = self.tokens.get(name, (0, 0))
            if any(lost):
                self.tokens[name] = unsigned + 1, unsignable + any(never)

    def values(self) -> dict[str, Any]:
        """Return what was collected as JSON; the places of logins are left out."""
        return {
            "answered": sorted(self.answered),
            "asked": sorted(self.asked),
            "longest_body": self.longest_body,
            "longest_head": self.longest_head,
            "most_headers": self.most_headers,
            "has_pieces": self.has_pieces,
            "has_heartbeats": self.has_heartbeats,
            "operations": sorted(self.operations),
            "events": sorted(self.events),
            "foreign": [dict(sorted(found.items())) for found in (self.foreign.unknown, self.foreign.fixed)],
            "tokens": {path: list(counts) for path, counts in sorted(self.tokens.items())},
        }


def leaves(value: JSON, path: tuple[str, ...]) -> list[JSON]:
    """Return the values at a path of a dialect."""
    met: list[JSON] = []

    def take(leaf: JSON) -> JSON:
        met.append(leaf)
        return leaf

    changed(value, path, take)
    return met


def signs_in(triple: Triple, dialect: Dialect, cookies: Sessions) -> bool:
    """Return whether a request is a login of which no value tells the client: by the dialect, or by a first cookie.

    A login by a cookie is a POST that causes no events, without a session cookie, whose answer sets one. Others are
    none: a client may keep no cookies, or keep those of its push session apart, and be given a new one each time.
    """
    request, known = triple.request, dialect.operations.get(triple.operation or "")
    if dialect.begins_client(request):
        return True
    causes = triple.operation is not None and (known is None or bool(known.events))
    if triple.ack is None or request.method != "POST" or causes:
        return False
    given = (token for token in cookies.tokens(triple.ack.headers) if not is_authorization(token))
    return not cookies.tokens(request.headers) and any(given)
