"""Tell the clients of a recording apart by their cookies and credentials, and say which of these do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from ...correlate.sessions import cookies
from ...model import Headers

_Client: TypeAlias = tuple[int, str]  # cassette and clientId
_Token: TypeAlias = tuple[str, str]  # name of a cookie, or "" for a credential, and value
_ATTRIBUTES = frozenset({"path", "domain", "expires", "max-age", "secure", "httponly", "samesite", "partitioned", ""})
_CREDENTIAL = ""


@dataclass(slots=True)
class Clients:
    """The Bayeux clients of all cassettes, with the cookies and credentials that they and other requests show."""

    _tokens: dict[_Client, set[_Token]] = field(default_factory=lambda: defaultdict(set))
    _of_exchange: dict[tuple[int, int], set[_Token]] = field(default_factory=lambda: defaultdict(set))
    _plain: set[str] = field(default_factory=set)  # names of cookies in requests that are not Bayeux
    _sessions: _Sessions | None = None

    def shown(self, cassette: int, client_id: str, exchange: int, headers: Headers) -> None:
        """Take a Bayeux request; "" is the clientId of a handshake."""
        tokens = set(_tokens(headers))
        self._of_exchange[cassette, exchange] |= tokens
        if client_id:
            self._tokens[cassette, client_id] |= tokens

    def answered(self, cassette: int, exchange: int, headers: Headers) -> None:
        """Take an answer, which may set cookies."""
        if (cassette, exchange) in self._of_exchange:
            self._of_exchange[cassette, exchange] |= set(_tokens(headers))

    def handshaken(self, cassette: int, client_id: str, exchange: int) -> None:
        """Take a handshake that gave out a clientId."""
        self._tokens[cassette, client_id] |= self._of_exchange[cassette, exchange]

    def known(self, cassette: int, client_id: str) -> None:
        """Take a client that got an event."""
        _ = self._tokens[cassette, client_id]

    def of_client(self, cassette: int, client_id: str) -> int | None:
        """Return the session of a client."""
        return self._found.of_client.get((cassette, client_id))

    def of_request(self, cassette: int, headers: Headers) -> int | None:
        """Return the session of a request that is not Bayeux, None if its cookies and credential do not tell."""
        tokens = sorted(_tokens(headers), reverse=True)
        self._plain |= {name for name, _ in tokens}
        for token in tokens:
            sessions = self._found.of_token.get((cassette, token), set())
            if len(sessions) == 1:
                return next(iter(sessions))
        return None

    def cookies(self) -> dict[str, int]:
        """Return the names of the cookies that tell clients apart, and how many values each has."""
        values: dict[str, set[tuple[int, str]]] = defaultdict(set)
        for (cassette, _), tokens in self._tokens.items():
            for name, value in tokens:
                values[name].add((cassette, value))
        sessions = len(set(self._found.of_client.values()))
        least = 2 if sessions > 1 else 1
        return {name: len(found) for name, found in sorted(values.items()) if name and len(found) >= least}

    @property
    def count(self) -> int:
        """Number of sessions."""
        return len(set(self._found.of_client.values()))

    @property
    def credentials(self) -> bool:
        """True if clients show an Authorization header."""
        return any(name == _CREDENTIAL for tokens in self._tokens.values() for name, _ in tokens)

    @property
    def _found(self) -> _Sessions:
        if self._sessions is None:
            self._sessions = _Sessions(self._tokens)
        return self._sessions


class _Sessions:
    """Sessions: clients that share a cookie of those that tell most clients apart, or without cookies a credential."""

    def __init__(self, tokens: dict[_Client, set[_Token]]) -> None:
        values: dict[str, set[str]] = defaultdict(set)
        for own in tokens.values():
            for name, value in own:
                values[name].add(value)
        cookies_there = any(values.keys() - {_CREDENTIAL})
        most = max((len(found) for name, found in values.items() if bool(name) == cookies_there), default=0)
        telling = {name for name, found in values.items() if len(found) == most and bool(name) == cookies_there}
        self.of_client: dict[_Client, int] = {}
        by_token: dict[tuple[int, _Token], int] = {}
        for client, own in tokens.items():
            mine = [(client[0], token) for token in sorted(own) if token[0] in telling]
            known = next((by_token[token] for token in mine if token in by_token), None)
            session = len(set(self.of_client.values())) if known is None else known
            self.of_client[client] = session
            by_token |= dict.fromkeys(mine, session)
        self.of_token: dict[tuple[int, _Token], set[int]] = defaultdict(set)
        for client, own in tokens.items():
            for token in own:
                self.of_token[client[0], token].add(self.of_client[client])


def set_by(headers: Headers) -> Iterator[tuple[str, str]]:
    """Yield the names and values of the cookies that an answer sets."""
    own = [(name, value) for name, value in headers if name.lower() == "set-cookie"]
    yield from _tokens(tuple(own))


def _tokens(headers: Headers) -> Iterator[_Token]:
    for name, value in headers:
        match name.lower():
            case "authorization":
                yield _CREDENTIAL, value.rpartition(" ")[2]
            case "cookie" | "set-cookie":
                found = ((cookie, content) for cookie, content in cookies(value) if cookie.lower() not in _ATTRIBUTES)
                yield from ((cookie, content) for cookie, content in found if content)
