"""Join the tokens that servers gave out at logins: a refreshed token belongs to the session of the token before it."""

from __future__ import annotations

from urllib.parse import quote

from ..dialect.definition import Dialect
from ..model import Request, Response
from .sessions import AUTHORIZATION, Sessions, as_tokens


class Logins:
    """The tokens that logins of a capture gave out."""

    def __init__(self, dialect: Dialect, sessions: Sessions) -> None:
        """Begin without tokens; what is learnt about them goes to `sessions`."""
        self._dialect, self._sessions = dialect, sessions
        # By token: all of the login that gave it out. None where several logins gave it out, as for one technical user.
        self._given: dict[str, frozenset[str] | None] = {}

    def shown(self, request: Request) -> frozenset[str]:
        """Return the tokens given out before that a login shows in its target or body, e.g. a refresh token."""
        if not self._given or not any(login.fits(request.method, request.target) for login in self._dialect.logins):
            return frozenset()
        text = f"{request.target}\n{request.body.decode(errors='replace')}"
        given = ((token, token.removeprefix(AUTHORIZATION)) for token in self._given)
        return frozenset(token for token, value in given if value in text or quote(value, safe="") in text)

    def answered(self, request: Request, response: Response, shown: frozenset[str]) -> frozenset[str]:
        """Return the tokens that an answer gives out, in place of those that its request has shown."""
        tokens = as_tokens(self._dialect.minted_by(request, response))
        if tokens:
            before = (self._given.get(token) for token in shown)
            old = frozenset().union(*(found for found in before if found is not None))
            self._sessions.renewed(old, tokens)
            for token in tokens - old:
                self._given[token] = None if token in self._given else tokens | old
        return tokens
