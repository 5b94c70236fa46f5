"""Join REST requests to Bayeux sessions.

A Bayeux session is identified by its clientId. A REST request carries none, so it is joined by its cookies, else by its
Authorization header. Once an id links an operation to an event of a session, the tokens of that operation belong to the
session too. A REST client may keep other cookies than the Bayeux client of the same user, so unknown tokens mean "any
session", never "another session".
"""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Headers


class Sessions:
    """The Bayeux sessions seen so far, numbered from 1 in the order of their handshakes.

    Attributes:
        starts: `seq` and `t` (nanoseconds) of the first handshake of each session.

    """

    def __init__(self, cookie_names: frozenset[str]) -> None:
        self._cookie_names = cookie_names
        self._by_client: dict[str, int] = {}
        self._by_token: dict[str, int | None] = {}  # None: several sessions use the token, so it identifies none
        self.starts: dict[int, tuple[int, int]] = {}

    def handshaken(self, client_id: str, tokens: frozenset[str], at: tuple[int, int]) -> int:
        """Take a handshake that gave out a clientId; return the number of its session.

        Known tokens continue the session they belong to. If there are cookies, only cookies count, because two desktops
        may share one Authorization of a technical user.

        Args:
            client_id: The new clientId.
            tokens: Cookies and credentials of the request.
            at: `seq` and `t` of the handshake.

        """
        cookies = frozenset(token for token in tokens if not _is_authorization(token))
        session = self._known(cookies or tokens) or len(self.starts) + 1
        self.starts.setdefault(session, at)
        self._by_client[client_id] = session
        self.learn(tokens, session)
        return session

    def of_client(self, client_id: str) -> int | None:
        """Return the session of a clientId, None if its handshake was not seen."""
        return self._by_client.get(client_id)

    def of_tokens(self, tokens: frozenset[str]) -> int | None:
        """Return the session that one of the tokens of a REST request belongs to, None if there is none."""
        return self._known(tokens)

    def only(self) -> int | None:
        """Return the only session, None if there are none or several."""
        return next(iter(self.starts)) if len(self.starts) == 1 else None

    def learn(self, tokens: frozenset[str], session: int) -> None:
        """Remember that these tokens belong to a session."""
        for token in tokens:
            if self._by_token.setdefault(token, session) != session:
                self._by_token[token] = None

    def tokens(self, headers: Headers) -> frozenset[str]:
        """Return the tokens in the headers of a request or response: session cookies and Authorization."""
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
        # cookies come first, because several agents may share one Authorization
        ordered = sorted(tokens, key=lambda token: (_is_authorization(token), token))
        known = (self._by_token.get(token) for token in ordered)
        return next((session for session in known if session is not None), None)


def _is_authorization(token: str) -> bool:
    return token.startswith("authorization ")


def _cookies(header: str) -> Iterator[tuple[str, str]]:
    """Yield the names and values in a Cookie or Set-Cookie header, including the attributes of Set-Cookie.

    http.cookies is no alternative: one malformed cookie makes it drop the whole header, and browsers send such cookies.
    """
    for part in header.split(";"):
        name, _, value = part.partition("=")
        yield name.strip(), value.strip().strip('"')
