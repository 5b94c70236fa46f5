"""Whose request is it: joins REST requests to Bayeux sessions.

A Bayeux session is known by its clientId. REST carries none, so it is joined by cookies, else by Authorization, else,
once an id has tied one of its operations to a session, by that. A REST client may keep another cookie jar than its
Bayeux client, so unknown tokens mean "any session", never "another session".
"""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Headers


class Sessions:
    """The Bayeux sessions seen so far, numbered from 1 in the order of their handshakes."""

    def __init__(self, cookie_names: frozenset[str]) -> None:
        self._cookie_names = cookie_names
        self._by_client: dict[str, int] = {}
        self._by_token: dict[str, int | None] = {}  # None: several sessions show it, so it tells nothing
        self.starts: dict[int, tuple[int, int]] = {}

    def handshaken(self, client_id: str, tokens: frozenset[str], at: tuple[int, int]) -> int:
        """Note a new clientId; one whose tokens are known goes on with its agent's session.

        A client that shows cookies is judged by them alone: two desktops may share a technical user.
        """
        cookies = frozenset(token for token in tokens if not _is_authorization(token))
        session = self._known(cookies or tokens) or len(self.starts) + 1
        self.starts.setdefault(session, at)
        self._by_client[client_id] = session
        self.learn(tokens, session)
        return session

    def of_client(self, client_id: str) -> int | None:
        """The session of a clientId; None for one whose handshake was not seen."""
        return self._by_client.get(client_id)

    def of_tokens(self, tokens: frozenset[str]) -> int | None:
        """The session a REST request belongs to, None where nothing tells."""
        return self._known(tokens)

    def only(self) -> int | None:
        """The session, where there was one in all."""
        return next(iter(self.starts)) if len(self.starts) == 1 else None

    def learn(self, tokens: frozenset[str], session: int) -> None:
        """Remember that whoever shows these tokens is this session."""
        for token in tokens:
            if self._by_token.setdefault(token, session) != session:
                self._by_token[token] = None

    def tokens(self, headers: Headers) -> frozenset[str]:
        """What a request or response shows of who it belongs to."""
        return frozenset(self._tokens(headers))

    def _tokens(self, headers: Headers) -> Iterator[str]:
        for name, value in headers:
            match name.lower():
                case "authorization":
                    yield f"authorization {value}"
                case "cookie" | "set-cookie":
                    for cookie, content in _cookies(value):
                        if cookie in self._cookie_names and content:
                            yield f"{cookie}={content}"

    def _known(self, tokens: frozenset[str]) -> int | None:
        ordered = sorted(tokens, key=lambda token: (_is_authorization(token), token))  # cookies weigh more
        known = (self._by_token.get(token) for token in ordered)
        return next((session for session in known if session is not None), None)


def _is_authorization(token: str) -> bool:
    return token.startswith("authorization ")


def _cookies(header: str) -> Iterator[tuple[str, str]]:
    """Names and values in a Cookie or Set-Cookie header, its attributes among them.

    Not by http.cookies: that gives up on the whole header where one cookie is odd, and browsers send odd ones.
    """
    for part in header.split(";"):
        name, _, value = part.partition("=")
        yield name.strip(), value.strip().strip('"')
