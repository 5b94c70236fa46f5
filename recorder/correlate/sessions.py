"""Join REST requests to Bayeux sessions.

A Bayeux session is identified by its clientId. A REST request carries none, so it is joined by its cookies, else by its
Authorization header: by the credential alone, because `Bearer T` and `OAuth T` are one client. Once an id links an
operation to an event of a session, the tokens of that operation belong to the session too. A REST client may keep other
cookies than the Bayeux client of the same user, so unknown tokens mean "any session", never "another session". A cookie
that an answer sets in place of another, and a token that was given out in place of another, belong to the session of
that one.

A refreshed token, too, belongs to the session of the token before it (`Logins`).

Windows of a session are its Bayeux clients that were alive at the same time, such as two browser tabs. The server
pushes each event to each window, so such copies are not surplus events. A client that sent nothing after a later
handshake was replaced by the client of that handshake; one that still sent messages is another window.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote

from ..dialect.definition import Dialect
from ..formats.charsets import as_utf8
from ..formats.json_escapes import plain
from ..model import Headers, Request, Response

AUTHORIZATION = "authorization "
_SEPARATE = re.compile(r",(?=\s*[^\s;,=]+=)")  # between cookies that a client or a proxy has merged into one header
_DELETES = re.compile(r";\s*(?:max-age\s*=\s*(?:0|-\d+)\s*(?:;|$)|expires\s*=[^;]*\b19\d\d\b)", re.IGNORECASE)
_PARAMETER = re.compile(r"(?<![\w-])([\w-]++)\s*+=\s*+(?:\"([^\"]*+)\"|([^\s,]++))")
# Parameters that are the credential, and those that tell who shows a credential that differs in each request.
_TOKENS, _NAMES = ("token", "oauth_token", "access_token", "auth"), ("username", "id", "credential", "keyid")
_HANDSHAKES = {"negotiate", "ntlm", "kerberos"}  # each message differs, and the connection is what is authenticated
_NOT_TOKENS = {"basic", "digest"}  # RFC 7617, RFC 7616: a name and a password; an equal text elsewhere is no token

_ADDRESSES = {"host", "origin", "referer"}
_HEADERS = 1000  # whose tokens and addresses are remembered: clients and servers repeat them word for word


class Sessions:
    """The Bayeux sessions seen so far, numbered from 1 in the order of their handshakes.

    Attributes:
        starts: `seq` and `t` (nanoseconds) of the first handshake of each session.

    """

    def __init__(self, cookie_names: frozenset[str]) -> None:
        self._cookie_names = cookie_names
        self._tokens = lru_cache(_HEADERS)(self._read)
        self._by_client: dict[str, int] = {}
        self._by_token: dict[str, int | None] = {}  # None: several sessions use the token, so it identifies none
        self._before: dict[str, str] = {}  # the token whose place a token took
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
        cookies = frozenset(token for token in tokens if not is_authorization(token))
        session = self._known(cookies or tokens) or len(self.starts) + 1
        self.starts.setdefault(session, at)
        self._by_client[client_id] = session
        self.learn(tokens, session)
        return session

    def joined(self, client_id: str, session: int) -> None:
        """Take a client of a known session that showed no tokens."""
        self._by_client[client_id] = session

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
        for token in {*tokens, *map(self._first, tokens)} if self._before else tokens:
            if self._by_token.setdefault(token, session) != session:
                self._by_token[token] = None

    def renewed(self, old: frozenset[str], new: frozenset[str]) -> None:
        """Remember that an answer gave out new tokens in place of old ones, so that one session has both."""
        if not old or new <= old:
            return
        first = min(map(self._first, old))
        for other in {self._first(token) for token in old | new} - {first}:
            self._before[other] = first
            session = self._by_token.get(other)
            if session is not None:
                self.learn(frozenset({first}), session)

    def renewed_cookies(self, shown: frozenset[str], given: frozenset[str]) -> None:
        """Take the session cookies that an answer sets for a client that showed others of these names."""
        if not given:
            return
        old, new = ({t for t in tokens if not is_authorization(t)} for tokens in (shown, given))
        names = {token.partition("=")[0] for token in old}
        self.renewed(frozenset(old), frozenset(token for token in new if token.partition("=")[0] in names))

    def tokens(self, headers: Headers) -> frozenset[str]:
        """Return the tokens in the headers of a request or response: session cookies and Authorization."""
        return self._tokens(headers)

    def _read(self, headers: Headers) -> frozenset[str]:
        found: list[str] = []
        for name, value in headers:
            match name.lower():
                case "authorization":
                    found += (AUTHORIZATION + one for one in _credential(value))
                case "cookie" | "set-cookie":
                    known = (one for one in cookies(value) if one[0] in self._cookie_names and one[1])
                    found += (f"{cookie}={content}" for cookie, content in known)
        return frozenset(found)

    def _known(self, tokens: frozenset[str]) -> int | None:
        if not tokens:
            return None
        if len(tokens) == 1 and not self._before:
            return self._by_token.get(next(iter(tokens)))
        # cookies come first, because several agents may share one Authorization
        ordered = sorted(tokens, key=lambda token: (is_authorization(token), token)) if len(tokens) > 1 else tokens
        known = (self._by_token.get(one) for token in ordered for one in (token, self._first(token)))
        return next((session for session in known if session is not None), None)

    def _first(self, token: str) -> str:
        """Return the first of the tokens that took each other's place, in the end this one's."""
        while token in self._before:
            token = self._before[token]
        return token


def is_authorization(token: str) -> bool:
    """Return whether a token is a credential, not a cookie."""
    return token.startswith(AUTHORIZATION)


def as_tokens(values: Iterable[str]) -> frozenset[str]:
    """Return the tokens of clients that show these values as credentials."""
    return frozenset(AUTHORIZATION + value for value in values)


def separate(header: str) -> list[str]:
    """Return the cookies of a Set-Cookie header, each with its attributes: some libraries merge several into one.

    They put a space behind the comma; a comma alone, before any attribute, is part of a value.
    """
    cookies, begin = [], 0
    for comma in _SEPARATE.finditer(header):
        if header[comma.end() : comma.end() + 1].isspace() or ";" in header[begin : comma.start()]:
            cookies.append(header[begin : comma.start()])
            begin = comma.end()
    return [*cookies, header[begin:]]


def cookies(header: str) -> Iterator[tuple[str, str]]:
    """Yield the names and values in a Cookie or Set-Cookie header, including the attributes of Set-Cookie.

    Cookies that are deleted are left out. http.cookies is no alternative: one malformed cookie makes it drop the whole
    header, and browsers send such cookies.
    """
    for cookie in separate(header):
        if _DELETES.search(cookie):
            continue
        for part in cookie.split(";"):
            name, _, value = part.partition("=")
            yield name.strip(), value.strip().strip('"')


@lru_cache(_HEADERS)
def addresses(headers: Headers) -> tuple[tuple[str, str], ...]:
    """Return the Host, Origin and Referer of a request, without a path, which differs in each one of a long capture."""
    known = ((name.lower(), value) for name, value in headers)
    return tuple((name, "/".join(value.split("/", 3)[:3])) for name, value in known if name in _ADDRESSES)


def _credential(header: str) -> Iterator[str]:
    """Yield what identifies a client in an Authorization header (RFC 9110, section 11.4), if anything does."""
    scheme, _, rest = header.strip().partition(" ")
    rest, scheme = rest.strip(), scheme.lower()
    if scheme in _HANDSHAKES:
        return
    if not rest:
        yield header.strip()
        return
    parameters = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(rest)}
    named = re.match(r"[\w-]+\s*=\s*[^\s=,]", rest) is not None and scheme != "basic"
    token = next((parameters[name] for name in _TOKENS if named and parameters.get(name)), None)
    name = next((name for name in _NAMES if named and parameters.get(name)), None)
    if token is not None:
        yield token
    elif name is not None:
        yield f'{scheme} {name}="{parameters[name]}"'
    else:
        yield f"{scheme} {rest}" if scheme in _NOT_TOKENS else rest


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
        text = f"{request.target}\n{plain(request.body.decode(errors='replace'))}"
        given = ((token, token.removeprefix(AUTHORIZATION)) for token in self._given)
        return frozenset(token for token, value in given if value in text or quote(as_utf8(value), safe="") in text)

    def answered(self, request: Request, response: Response, shown: frozenset[str]) -> frozenset[str]:
        """Return the tokens that an answer gives out, in place of those that its request has shown."""
        minted = self._dialect.minted_by(request, response)
        tokens = as_tokens(minted) if minted else frozenset()
        if tokens:
            before = (self._given.get(token) for token in shown)
            old = frozenset().union(*(found for found in before if found is not None))
            self._sessions.renewed(old, tokens)
            for token in tokens - old:
                self._given[token] = None if token in self._given else tokens | old
        return tokens


@dataclass(slots=True)
class _Client:
    session: int
    began: int  # `seq` of its handshake
    last: int  # `seq` of its last message


@dataclass(slots=True)
class Windows:
    """The Bayeux clients of each session, with their first and last messages by `seq`."""

    _clients: dict[str, _Client] = field(default_factory=dict)

    def handshaken(self, client_id: str, session: int, seq: int) -> None:
        """Take a handshake that gave a client of a session its clientId."""
        self._clients[client_id] = _Client(session, seq, seq)

    def talks(self, client_id: str, seq: int) -> None:
        """Take a Bayeux message from a client."""
        client = self._clients.get(client_id)
        if client is not None:
            client.last = seq

    def numbers(self) -> dict[str, int]:
        """Return the window of each client by clientId.

        Windows of a session are numbered from 0; clients in window 0 are left out.
        """
        taken: dict[int, list[int]] = {}  # by session: for each window, `seq` of the last message of its client
        numbers: dict[str, int] = {}
        for client_id, client in self._clients.items():
            windows = taken.setdefault(client.session, [])
            free = (number for number, last in enumerate(windows) if last < client.began)
            number = next(free, len(windows))
            windows[number : number + 1] = [client.last]
            if number:
                numbers[client_id] = number
        return numbers
