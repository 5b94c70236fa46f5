"""Goes through headers, URLs and bodies, and gives what a policy names to somebody who replaces it.

Used twice: with pseudonyms when something is recorded, and with blanks when a live request is compared with a recorded
one. Both must find the same places, so a pseudonym has to be found wherever its value was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from ..model import Headers
from . import json_text
from .forms import in_base64, in_percent
from .known import Known
from .policy import NO_RULE, Policy, Rule
from .pseudonyms import Kind

_DEEPEST = 3  # forms within forms
_SHORTEST_FORM = 8  # characters; less holds nothing
_LONGEST_REMEMBERED, _REMEMBERED = 300, 20_000  # characters of a text, and texts
# what holds nothing to look for: a word or two, a short number
_NOTHING = re.compile(r"[A-Za-z_ ./-]{0,24}\d{0,6}|/?[a-z0-9]{1,8}(?:/[A-Za-z0-9]{1,16}){0,5}", re.ASCII)
_FORM = re.compile(r"[\w.%+*\[\]-]+=[^\s{}]*", re.ASCII)
_JSONP = re.compile(r"((?:/\*\*/)?\s*[\w$.-]+\s*\()([\[{].*[\]}])(\)\s*;?\s*)", re.DOTALL)
_SCHEME = re.compile(
    r"(?:apikey|aws4-hmac-sha256|basic|bearer|digest|dpop|hoba|mutual|negotiate|ntlm|oauth|token)", re.IGNORECASE
)
_ATTRIBUTE = re.compile(
    r"\s*(?:secure|httponly|partitioned|(?:expires|max-age|domain|path|samesite|priority)\s*=[^=]*)?\s*", re.IGNORECASE
)


class Replace(Protocol):
    """Gives what stands in the place of a value; for a number that must be a number again."""

    def __call__(self, kind: Kind, value: str, *, number: bool = False) -> str:
        """Replace it."""


@dataclass(slots=True)
class Finder:
    """A policy at work.

    Attributes:
        known: Values found by their names, which are found again without; None remembers nothing.

    """

    policy: Policy
    replace: Replace
    known: Known | None = None
    _depth: int = 0
    _nothing: set[str] = field(default_factory=set)  # texts that hold nothing to be found
    _headers: dict[tuple[str, str], str] = field(default_factory=dict)

    # -- the parts of a message

    def headers(self, headers: Headers) -> Headers:
        """Headers with their values replaced."""
        return tuple((name, self._again(name, value)) for name, value in headers)

    def target(self, target: str) -> str:
        """A path with its query."""
        path, mark, query = target.partition("?")
        return "/".join(map(self._segment, path.split("/"))) + mark + (self.form(query) if query else "")

    def body(self, body: bytes) -> bytes:
        """A body, whatever it is: JSON, a call with JSON in it, a form, other text, or none."""
        if not body:
            return body
        try:
            text, encoding = body.decode(), "utf-8"
        except UnicodeDecodeError:
            text, encoding = body.decode("latin-1"), "latin-1"
        new = self._content(text)
        return body if new == text else new.encode(encoding, "surrogatepass" if encoding == "utf-8" else "replace")

    def form(self, text: str) -> str:
        """Parameters as in a query."""
        return "&".join(map(self._parameter, text.split("&")))

    # -- values, as json_text.Change

    def value(self, content: str, rule: Rule) -> str:
        """A value of which its name may tell something."""
        if rule.kept or not content:
            return content
        if rule.kind is None:
            return self.text(content)
        return self._replaced(rule.kind, content)

    def number(self, digits: str, rule: Rule) -> str:
        """A number, likewise."""
        if rule.kept:
            return digits
        kind = rule.kind or (self.known and self.known.kind_of(digits))
        if not kind:
            return digits
        self._learn(digits, kind)
        return self.replace(kind, digits, number=True)

    def text(self, text: str) -> str:
        """A text of which nothing is known."""
        known = self.known.spans(text) if self.known else []
        if not known and text in self._nothing:
            return text
        spans = _apart(known + self.policy.values.spans(text)) if not _NOTHING.fullmatch(text) else known
        new = self._spliced(text, spans)
        if not spans and new == text:
            self._remember(text)
        return new

    # -- inside

    def _content(self, text: str) -> str:
        start = text.lstrip()[:1]
        if start in ("{", "["):
            return json_text.changed(text, self, self.policy)
        call = _JSONP.fullmatch(text)
        if call is not None:
            return call[1] + json_text.changed(call[2], self, self.policy) + call[3]
        return self.form(text) if _FORM.fullmatch(text) else self.text(text)

    def _again(self, name: str, value: str) -> str:
        """A header, which comes with every message: what becomes of it is found once."""
        found = self._headers.get((name, value))
        if found is None:
            found = self._header(name.lower(), value)
            if len(value) <= _LONGEST_REMEMBERED:
                if len(self._headers) >= _REMEMBERED:
                    self._headers.clear()
                self._headers[name, value] = found
        return found

    def _header(self, name: str, value: str) -> str:
        if name in self.policy.credentials:
            scheme, space, secret = value.partition(" ")
            if space and _SCHEME.fullmatch(scheme):
                return scheme + space + self._replaced(Kind.SECRET, secret)
            return self._replaced(Kind.SECRET, value)
        if name in self.policy.cookies:
            first, *others = value.split(";")
            rest = map(self._attribute if name == "set-cookie" else self._cookie, others)
            return ";".join([self._cookie(first), *rest])
        if name in self.policy.kept_headers:
            before, mark, query = value.partition("?")
            return self.text(before) + mark + (self.form(query) if query else "")
        return self._replaced(Kind.SECRET, value) if value else value

    def _cookie(self, pair: str) -> str:
        """One cookie; without `=` it is all value (RFC 6265bis 5.6). Clients drop the white space around a value."""
        name, equals, value = pair.partition("=") if "=" in pair else ("", "", pair)
        secret = value.strip(" \t")
        return name + equals + value.replace(secret, self._replaced(Kind.SECRET, secret), 1) if secret else pair

    def _attribute(self, text: str) -> str:
        """An attribute of a cookie; what is none may be the rest of a quoted value, or a second cookie."""
        return text if _ATTRIBUTE.fullmatch(text) else self._cookie(text)

    def _segment(self, segment: str) -> str:
        """A part of a path, with its parameters (`;jsessionid=…`)."""
        name, mark, parameters = segment.partition(";")
        plain = unquote(name)
        new = self.text(plain)
        made = name if new == plain else quote(new, safe="")
        return made + mark + ";".join(map(self._parameter, parameters.split(";"))) if mark else made

    def _parameter(self, pair: str) -> str:
        name, equals, value = pair.partition("=")
        if not equals:
            return in_percent(pair, self.text) if "%" in pair else self.text(pair)
        undo, do = (unquote_plus, quote_plus) if "+" in value else (unquote, quote)
        plain = undo(value)
        rule = self.policy.rule(unquote(name))
        if plain[:1] in ("{", "[") and rule == NO_RULE:
            new = json_text.changed(plain, self, self.policy)
        else:
            new = self.value(plain, rule)
        return pair if new == plain else f"{name}={do(new, safe='')}"

    def _spliced(self, text: str, spans: list[tuple[int, int, Kind]]) -> str:
        """The text with what stands at these places replaced, and with other forms undone in what is between them."""
        if not spans:
            return self._unwrapped(text)
        pieces: list[str] = []
        last = 0
        for start, end, kind in spans:
            pieces += [self._unwrapped(text[last:start]), self._replaced(kind, text[start:end])]
            last = end
        return "".join([*pieces, self._unwrapped(text[last:])])

    def _unwrapped(self, text: str) -> str:
        """A text in which other forms are undone, looked through, and done again."""
        if self._depth >= _DEEPEST or len(text) < _SHORTEST_FORM or _NOTHING.fullmatch(text):
            return text
        self._depth += 1
        try:
            if text[0] in "{[":
                text = json_text.changed(text, self, self.policy)
            return in_base64(in_percent(text, self.text), self._decoded)
        finally:
            self._depth -= 1

    def _remember(self, text: str) -> None:
        """Texts come again and again, most with nothing in them; not at a depth, where less is looked for."""
        if self._depth == 0 and len(text) <= _LONGEST_REMEMBERED:
            if len(self._nothing) >= _REMEMBERED:
                self._nothing.clear()
            self._nothing.add(text)

    def _decoded(self, text: str) -> str:
        """What base64 held; `user:password` is a pair, anything else is like the content of a body."""
        return self._content(text)

    def _replaced(self, kind: Kind, value: str) -> str:
        self._learn(value, kind)
        return self.replace(kind, value)

    def _learn(self, value: str, kind: Kind) -> None:
        if self.known is not None:
            self.known.add(value, kind)
            for undone in _undone(value):
                self.known.add(undone, kind)


def _apart(spans: list[tuple[int, int, Kind]]) -> list[tuple[int, int, Kind]]:
    """Those that do not overlap one before them; of two that begin together the longer one."""
    found: list[tuple[int, int, Kind]] = []
    for span in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not found or span[0] >= found[-1][1]:
            found.append(span)
    return found


def _undone(value: str) -> list[str]:
    """What a value is in plain, where it is percent-encoded or base64: `user:password` gives its password too."""
    found: list[str] = []

    def keep(text: str) -> str:
        found.append(text)
        found.extend(text.split(":", 1)[1:])
        return text

    in_percent(value, keep)
    in_base64(value, keep)
    return found
