"""Tell which parts of a request are pseudonyms, and which show who the client is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ....dialect.definition import Dialect
from ....redaction.known import Known
from ....redaction.policy import DEFAULT, Policy, Rule, shipped
from ....redaction.pseudonyms import Kind
from ....requests.masks import BODY, FORM, MEMBER, PATH, QUERY, Address
from ..plan import CHANNEL, COOKIE, HEADER
from ..texts.leaves import INSIDE
from ..texts.protocols import SUBPROTOCOLS, is_subprotocol, listed

CREDENTIALS = frozenset({"authorization", "proxy-authorization"})  # headers with a scheme before the value
# Words of names of headers that show who the client is, where the policy hides the header only as an unknown one.
_SHOWING = frozenset(
    [
        "auth",
        "authentication",
        "cert",
        "identity",
        "key",
        "login",
        "saml",
        "session",
        "sessionid",
        "sid",
        "sso",
        "ticket",
        "token",
    ]
)
_KEYS_OF_REQUESTS = frozenset({"idempotency"})  # a word beside `key`
_BOOLEANS = frozenset({"true", "false"})
_PLACES = 20_000  # whose rules are remembered
_NONE = Rule()

Span = tuple[int, int]


class _Rules:
    """The rules of a policy, by the places of leaves."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._known: dict[Address, Rule] = {}

    def of(self, path: Address) -> Rule:
        """Return the rule for a leaf that a dialect finds by this path."""
        found = self._known.get(path)
        if found is None:
            if len(self._known) >= _PLACES:
                self._known.clear()
            found = self._known[path] = self._of(path)
        return found

    def _of(self, path: Address) -> Rule:
        kind = path[0]
        if kind in (PATH, CHANNEL):
            return _NONE
        place = self.policy.root()
        if kind in (QUERY, FORM, HEADER, COOKIE) and INSIDE not in path:
            return self.policy.walk(place, str(path[1])).rule
        for name in _names(path):
            place = self.policy.walk(place, name)
        return place.rule

    def in_path(self, target: str) -> dict[int, tuple[Span, Rule]]:
        """Return the rules for the named parts of a path, by segment."""
        path = target.partition("?")[0]
        for route in self.policy.routes:
            found = route.fullmatch(path)
            if found is None:
                continue
            parts = {}
            for name in found.groupdict():
                start, end = found.span(name)
                begin = path.rfind("/", 0, start) + 1
                parts[path.count("/", 0, start)] = (start - begin, end - begin), self.policy.rule(name)
            return parts
        return {}


def _names(path: Address) -> Iterator[str]:
    """Yield the names around a leaf; those inside a text follow the names of that."""
    follows = False
    for part in path[1:]:
        if follows:  # the kind of the leaves inside a text
            follows = False
        elif part == INSIDE:
            follows = True
        elif isinstance(part, str) and part[:1] != "#":
            yield part.removeprefix("@")


class Hidden:
    """The pseudonyms of a recording, found as redaction found the values."""

    def __init__(self, policy: Policy) -> None:
        self._rules, self._known = _Rules(policy), Known()
        self._policy = policy

    def learn(self, path: Address, text: str) -> None:
        """Take a leaf of a message: a value that a rule names is hidden wherever it stands."""
        start, kind = self._named(path, text)
        if kind is not None:
            self._known.add(text[start:], kind, plain=path[0] not in (HEADER, COOKIE))

    def _named(self, path: Address, text: str) -> tuple[int, Kind | None]:
        """Return where the value begins that a rule names, and its kind; None without a rule."""
        if path[0] == HEADER:
            name = str(path[1])
            if name in self._policy.kept_headers or name in self._policy.cookies:
                return 0, None
            return (text.find(" ") + 1 if name in self._policy.credentials else 0), Kind.SECRET
        if path[0] == COOKIE:
            return 0, Kind.SECRET
        rule = self._rules.of(path)
        return 0, None if rule.kept or text in _BOOLEANS else rule.kind

    def spans(self, path: Address, text: str) -> list[Span]:
        """Return where pseudonyms stand in a leaf of a request."""
        start, kind = self._named(path, text)
        if kind is not None:
            return [(start, len(text))] if start < len(text) else []
        if path[0] != HEADER and self._rules.of(path).kept:
            return []
        found = sorted((start, end) for start, end, _ in (*self._known.spans(text), *self._policy.values.spans(text)))
        return _apart(found)

    def in_path(self, target: str) -> dict[int, Span]:
        """Return the named parts of a path that are pseudonyms."""
        return {n: span for n, (span, rule) in self._rules.in_path(target).items() if rule.kind and not rule.kept}


class Credentials:
    """The places where requests show who the client is, redacted or not."""

    def __init__(self, dialect: Dialect) -> None:
        self._rules = _Rules(shipped(DEFAULT))
        self._kept = shipped(DEFAULT).kept_headers
        self._tokens = {tuple(path.lower().split(".")) for path in dialect.session_tokens}

    def shows(self, path: Address) -> bool:
        """Return whether a leaf of a request that a dialect finds by this path is a credential."""
        kind = path[0]
        if kind == HEADER and path[1:2] and path[1] in CREDENTIALS:
            return True
        if kind in (PATH, CHANNEL, BODY) and len(path) <= 2:
            return False
        names = path[1:2] if kind in (HEADER, QUERY, FORM) else path[1:]
        root = "body" if kind in (MEMBER, FORM, BODY) else str(kind)
        if (root, *(str(name).lower() for name in names)) in self._tokens:
            return True
        if len(path) > 1 and self._rules.of(path).kind is Kind.SECRET:
            return True
        return kind == HEADER and len(path) > 1 and self._is_showing(str(path[1]))

    def _is_showing(self, header: str) -> bool:
        words = set(re.split(r"[-_]", header))
        is_named = bool(words & _SHOWING) and not words & _KEYS_OF_REQUESTS and header not in self._kept
        return is_named or header == SUBPROTOCOLS


def credential(path: Address, text: str) -> Span | None:
    """Return where the credential stands in a leaf that shows one; None if it is empty, or only tells of one."""
    if path[:2] == (HEADER, SUBPROTOCOLS) and all(map(is_subprotocol, listed(text))):
        return None
    start = text.find(" ") + 1 if path[0] == HEADER and path[1] in CREDENTIALS else 0
    return (start, len(text)) if start < len(text) and text not in _BOOLEANS else None


def _apart(spans: list[Span]) -> list[Span]:
    """Return spans without those that overlap one before them."""
    kept: list[Span] = []
    for start, end in spans:
        if not kept or start >= kept[-1][1]:
            kept.append((start, end))
    return kept
