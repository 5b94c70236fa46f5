"""Find the values that a policy names in headers, URLs and bodies, and replace them through a callback.

Recording replaces values by pseudonyms; comparing a live request with a recorded one replaces values by blanks. Both
must find the same places, so each pseudonym must be found again where its value was found.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from ..model import JSON, Headers
from .bodies import json_values
from .bodies.change import Unread
from .bodies.reading import Form, changed, changed_body, changed_chunk, form_of, structured
from .forms import encoded_in, in_base64, in_percent, in_quotes, named, undone
from .known import Known
from .policy import SECRET, Place, Policy, Rule
from .pseudonyms import Kind, Span

_DEEPEST = 4  # encodings within encodings, such as base64 in percent-encoding
_SHORTEST_FORM = 8  # characters; a shorter encoded text is too short for a value
_BLANK = re.compile(r"\s")
_PARAMETER_NAME = re.compile(r"=[^=&\s]")  # after a name that is a value elsewhere: names stay
_HEADERS, _LONGEST_HEADER = 2_000, 1_000  # headers in each cache, and characters of the longest one
_STRUCTURED = frozenset('{[" \t\r\n\ufeff<qmsf')  # first characters of texts that may have members, by `structured`
_BOOLEANS = frozenset(("true", "false", "True", "False"))  # they stay in JSON too, where they are no strings
_ESCAPING = (Form.AFTER, Form.EVENTS, Form.SCRIPT)
_KINDS = 200  # different media types that are counted
_SCHEME = re.compile(
    r"(?:apikey|aws4-hmac-sha256|basic|bearer|digest|dpop|hoba|mutual|negotiate|ntlm|oauth|token)", re.IGNORECASE
)
_ENCODED = re.compile(r"%(?:25)*+(?:7B|5B|3C|22)\S++", re.IGNORECASE)  # begins as JSON and XML do, percent-encoded
_ATTRIBUTE = re.compile(
    r"\s*+(?:secure|httponly|partitioned|(?:expires|max-age|domain|path|samesite|priority)\s*+=[^=]*+)?\s*+",
    re.IGNORECASE,
)


class Replace(Protocol):
    """A function that returns what to write in place of a value."""

    def __call__(self, kind: Kind, value: str, *, number: bool = False) -> str:
        """Return what to write in place of `value`; for a JSON `number` that is a JSON number too."""


def same(kind: Kind, value: str, *, number: bool = False) -> str:  # noqa: ARG001  # a `Replace`
    """Return the value itself: for a finder that is only to learn values."""
    return value


@dataclass(slots=True)
class Finder:
    """A policy applied to messages, one after the other.

    Attributes:
        policy: Names the values to find.
        replace: Returns what to write in place of a value.
        known: Values that were found by their names, to be found again where no name marks them. None for a
            comparison: then no value is remembered, and a value that can be encoded in several ways is encoded in one
            canonical way.

    """

    policy: Policy
    replace: Replace
    known: Known | None = None
    _texts: Known = field(init=False)  # `known`, or an empty one that remembers only texts without values
    unlooked: Counter[tuple[str, Unread]] = field(default_factory=Counter)  # bodies that no reader looked through
    dropped: tuple[str, ...] = ()  # media types of the last bodies, or parts of bodies, that are not kept
    wants_names: bool = False  # names are never replaced
    streams: dict[int, str] = field(default_factory=dict)  # media types of streamed responses, by exchange
    _depth: int = 0
    _opened: int = 0  # number of encoded texts decoded so far
    _headers: dict[tuple[str, str], str] = field(default_factory=dict)  # name and value of a secret header → new value
    _kept: dict[str, bool] = field(default_factory=dict)  # header name → whether the policy keeps its value

    def __post_init__(self) -> None:
        self._texts = Known() if self.known is None else self.known

    @property
    def empty(self) -> AbstractSet[str]:
        """The texts in which no value was found."""
        return self._texts.empty

    def headers(self, headers: Headers) -> Headers:
        """Return headers with secret values replaced."""
        return tuple([(name, self._headers.get((name, value)) or self._header(name, value)) for name, value in headers])

    def target(self, target: str) -> str:
        """Return a path, with its query if there is one, with values replaced."""
        path, mark, query = target.partition("?")
        return self._path(path) + mark + (self.form(query, path) if query else "")

    def body(self, body: bytes, headers: Headers = ()) -> bytes:
        """Return a body with values replaced, whatever its form; empty if no reader takes it and the policy says so.

        Args:
            body: The body, without content encodings.
            headers: The headers of its message, for the media type; none for a message on a WebSocket.

        """
        return changed_body(body, headers, self, self.policy, self.policy.root()) if body else body

    def read(self, value: JSON) -> None:
        """Find the values in a parsed JSON object, for a finder that is to learn them: nothing is replaced."""
        json_values.read(value, self, self.policy, self.policy.root())

    def chunk(self, body: bytes, media: str) -> bytes:
        """Return whole events or lines of a streamed body of this media type with values replaced.

        Without a media type, because the head of the response is lost, the content tells the form.
        """
        if not media:
            return self.body(body)
        return changed_chunk(body, media, self, self.policy, self.policy.root()) if body else body

    def form(self, text: str, path: str = "") -> str:
        """Return form data, or the query of a URL with this path, with values replaced."""
        return self.fields(text, self.policy.root(), path)

    # -- what the readers of bodies call

    def name(self, name: str, place: Place) -> None:
        """Take a name: nothing is to be done."""

    def fields(self, text: str, place: Place, path: str = "") -> str:
        """Return form data at a place, or the query of a URL with this path, with values replaced."""
        pairs = text.split("&")
        rules = self.policy.parameters([undone(pair.partition("=")[0]) for pair in pairs], path)
        return "&".join([self._parameter(pair, place, rules) for pair in pairs])

    def unread(self, kind: str, why: Unread) -> None:
        """Count a body that no reader looks through."""
        if (kind, why) in self.unlooked or len(self.unlooked) < _KINDS:
            self.unlooked[kind, why] += 1
        if why is Unread.DROPPED:
            self.dropped = (*self.dropped[-_KINDS:], kind)

    def value(self, content: str, place: Place) -> str:
        """Return a string replaced as the rule of its place says; without a rule search it like any text."""
        rule = place.rule
        if rule.kind is None:
            if rule.kept or content in self.empty:
                return content
            return self._joined(content) if rule.joins else self.text(content, place)
        if not content or content in _BOOLEANS:
            return content
        if content[0] in _STRUCTURED and self._depth < _DEEPEST and (form := structured(content)):
            return self._deeper(content, lambda text: changed(text, form, self, self.policy, place))
        return self._replaced(rule.kind, content)

    def number(self, digits: str, place: Place) -> str:
        """Return a number replaced as the rule of its place says, or because its digits are a known value."""
        rule = place.rule
        if rule.kept:
            return digits
        kind = rule.kind or self._texts.kind_of(digits)
        if not kind or (rule.joins and kind is not Kind.SECRET):
            return digits
        self._learn(digits, kind)
        return self.replace(kind, digits, number=True)

    def text(self, text: str, place: Place | None = None) -> str:
        """Return a text that no name describes, with the values found in it replaced.

        Args:
            text: The text.
            place: The place of a whole value; None for a part of a text that a reader has taken apart.

        """
        if text in self.empty:
            return text
        opened = self._opened
        if text and self._depth < _DEEPEST and (form := _form_inside(text, is_whole=place is not None)):
            here = place or self.policy.root()
            return self._deeper(text, lambda inner: changed(inner, form, self, self.policy, here))
        if place is not None and self._depth < _DEEPEST and _ENCODED.fullmatch(text):
            # A format found before this is undone would part a text that has members, and hide them.
            return self._quoted(text, partial(self._deeper, change=self._whole), plus=False)
        # Text inside the spans found here is not searched again; only the text between them is, for encoded values.
        known = [span for span in self._texts.spans(text) if not _PARAMETER_NAME.match(text, span[1])]
        spans = _apart([*known, *self.policy.values.spans(text), *self._named(text)])
        new = self._spliced(text, spans)
        if not spans and self._depth == 0 and opened == self._opened:  # at a depth fewer encodings are tried
            self._texts.keep_empty(text)
        return new

    # -- parts

    def _whole(self, text: str) -> str:
        return self.text(text, self.policy.root())

    def _joined(self, content: str) -> str:
        """Return a value that messages are joined by, with secrets and known formats in it replaced.

        Memory gives other values at some of the messages only, and would part them.
        """
        secrets = [span for span in self._texts.spans(content) if span[2] is Kind.SECRET]
        pieces, last = [], 0
        for start, end, kind in _apart([*secrets, *self.policy.values.spans(content)]):
            pieces += [content[last:start], self._replaced(kind, content[start:end])]
            last = end
        return "".join([*pieces, content[last:]])

    def _content(self, text: str) -> str:
        """Return a text decoded from base64 with values replaced."""
        return changed(text, form_of(text), self, self.policy, self.policy.root())

    def _header(self, name: str, value: str) -> str:
        """Return the value of one header, with secrets replaced.

        The result for a secret header is cached, because cookies and credentials come with each request.
        """
        kept = self._kept.get(name)
        if kept is None:
            if len(self._kept) >= _HEADERS:
                self._kept.clear()
            kept = self._kept[name] = _plain(name) in self.policy.kept_headers
        if kept:
            if value in self.empty:
                return value
            before, mark, query = value.partition("?")
            return self._whole(before) + mark + (self.form(query, before) if query else "")
        new = self._secret_header(_plain(name), value)
        if len(value) <= _LONGEST_HEADER:
            if len(self._headers) >= _HEADERS:
                self._headers.clear()
            self._headers[name, value] = new
        return new

    def _secret_header(self, name: str, value: str) -> str:
        if name in self.policy.credentials:
            scheme, space, secret = value.partition(" ")
            if not space or not _SCHEME.fullmatch(scheme):
                scheme, space, secret = "", "", value
            return scheme + space + (self._replaced(Kind.SECRET, secret) if secret else "")
        if name in self.policy.cookies:
            first, *others = value.split(";")
            rest = map(self._attribute if name == "set-cookie" else self._cookie, others)
            return ";".join([self._cookie(first), *rest])
        return self._replaced(Kind.SECRET, value, plain=False) if value else value

    def _cookie(self, pair: str) -> str:
        """Return one cookie, a `name=value` pair, with its value replaced.

        A cookie without `=` is all value (RFC 6265bis, section 5.6). White space around the value stays outside the
        pseudonym, because clients drop it before they send the cookie back.
        """
        name, equals, value = pair.partition("=") if "=" in pair else ("", "", pair)
        secret = value.strip(" \t")
        if not secret:
            return pair
        return name + equals + value.replace(secret, self._replaced(Kind.SECRET, secret, plain=False), 1)

    def _attribute(self, text: str) -> str:
        """Return an attribute of a Set-Cookie header unchanged; treat any other text as a cookie.

        Such a text may be the rest of a quoted value, or a second cookie.
        """
        return text if _ATTRIBUTE.fullmatch(text) else self._cookie(text)

    def _path(self, path: str) -> str:
        """Return a path with values replaced; where a route of the policy fits, the names in the route apply."""
        for route in self.policy.routes:
            found = route.fullmatch(path)
            if found is not None:
                break
        else:
            return self._segments(path)
        pieces: list[str] = []
        last = 0
        for name in found.re.groupindex:
            place, plain = self.policy.inside(self.policy.root(), name), found[name]
            pieces.append(self._segments(path[last : found.start(name)]))
            pieces.append(self._quoted(plain, partial(self.value, place=place), plus=False))
            last = found.end(name)
        return "".join([*pieces, self._segments(path[last:])])

    def _segments(self, path: str) -> str:
        empty = self.empty
        return "/".join([part if part in empty else self._segment(part) for part in path.split("/")])

    def _segment(self, segment: str) -> str:
        """Return one segment of a path, with its parameters (`;jsessionid=…`), with values replaced."""
        if not segment:
            return segment
        name, mark, parameters = segment.partition(";")
        made = self._quoted(name, self._whole, plus=False)
        root = self.policy.root()
        return made + mark + ";".join([self._parameter(one, root) for one in parameters.split(";")]) if mark else made

    def _parameter(self, pair: str, around: Place, rules: Callable[[str], Rule] | None = None) -> str:
        if not pair:
            return pair
        name, equals, value = pair.partition("=")
        if not value.strip("="):  # not a parameter, or base64, which may end in `=`
            return (
                self._quoted(pair, self._whole)
                if not around.rule.kind
                else self._quoted(pair, partial(self.value, place=around))
            )
        plain = undone(name)
        place = self.policy.walk(around, plain)
        if rules is not None and rules(plain) is SECRET:  # a name of a sign-in, whatever its place
            place = Place(place.path, SECRET)
        return name + equals + self._quoted(value, partial(self.value, place=place))

    def _quoted(self, text: str, change: Callable[[str], str], *, plus: bool = True) -> str:
        return in_quotes(text, change, plus=plus, canonical=self.known is None)

    def _named(self, text: str) -> Iterator[Span]:
        """Yield the values that stand beside a name that the policy lists, as in `name=value`."""
        for run in _runs(text):
            rules = self.policy.parameters([name for name, _, _ in run])
            for name, start, end in run:
                kind = rules(name).kind
                if kind is not None:
                    yield start, end, kind

    def _spliced(self, text: str, spans: list[Span]) -> str:
        """Return the text with the values at `spans` replaced, and the encoded texts between them searched."""
        pieces: list[str] = []
        last = 0
        for start, end, kind in spans:
            replaced, value = partial(self._replaced, kind), text[start:end]
            if self.known is None:
                new = replaced(undone(value))
            else:
                new = replaced(value) if self.known.kind_of(value) else in_quotes(value, replaced)
            pieces += [self._unwrapped(text[last:start]), new]
            last = end
        return "".join([*pieces, self._unwrapped(text[last:])])

    def _unwrapped(self, text: str) -> str:
        """Return the text with values replaced inside percent-encoded and base64 parts, which are encoded again."""
        if len(text) < _SHORTEST_FORM:
            return text

        def base64(text: str) -> str:
            return in_base64(text, partial(self._deeper, change=self._content), canonical=self.known is None)

        return in_percent(text, partial(self._deeper, change=self._whole), base64)

    def _deeper(self, text: str, change: Callable[[str], str]) -> str:
        """Return a decoded text after `change`; unchanged below the deepest level that is searched."""
        self._opened += 1
        # A body from outside may nest encodings without end, so the depth is limited.
        if self._depth >= _DEEPEST:
            return text
        self._depth += 1
        try:
            return change(text)
        finally:
            self._depth -= 1

    def _replaced(self, kind: Kind, value: str, *, plain: bool = True) -> str:
        before = ""
        if kind is Kind.SECRET and " " in value:  # `Bearer …`, also in a body: the scheme is no secret
            scheme, space, secret = value.partition(" ")
            if secret and _SCHEME.fullmatch(scheme):
                before, value = scheme + space, secret
        self._learn(value, kind, plain=plain)
        return before + self.replace(kind, value)

    def _learn(self, value: str, kind: Kind, *, plain: bool = True) -> None:
        """Remember a value, the texts encoded in it, and the password in `user:password`."""
        if self.known is None or self.known.touch(value):
            return
        self.known.add(value, kind, plain=plain)
        if len(value) < _SHORTEST_FORM:
            return
        for text in encoded_in(value):
            for part in (text, *text.split(":", 1)[1:]):
                self._texts.add(part, kind, plain=plain)
            self._deeper(text, self._content)
        if kind is Kind.SECRET and ":" in value:
            self.known.add(value.partition(":")[2], kind)


def _form_inside(text: str, *, is_whole: bool) -> Form | None:
    """Return the form of a text inside another one if it has members of its own; else None."""
    if text[0] in _STRUCTURED and (form := structured(text)) and (is_whole or form is not Form.SCRIPT):
        return form  # code between literals was read already, though it may begin as a document does
    # The patterns for plain text find what these forms name, but no value that has escapes.
    form = form_of(text) if is_whole and "\\" in text else Form.TEXT
    return form if form in _ESCAPING else None


def _plain(name: str) -> str:
    """Return the name of a header as a policy writes it: in small letters, with a hyphen for each dot."""
    return name.lower().replace(".", "-")


def _runs(text: str) -> list[list[tuple[str, int, int]]]:
    """Return the named values in a text, those without a blank between them together: they may be of one URL.

    A value of nothing but `=` is none: it is the end of base64, in which a name stood by chance.
    """
    runs: list[list[tuple[str, int, int]]] = []
    for found in named(text):
        if not text[found[1] : found[2]].strip("="):
            continue
        if runs and not _BLANK.search(text, runs[-1][-1][2], found[1]):
            runs[-1].append(found)
        else:
            runs.append([found])
    return runs


def _apart(spans: list[Span]) -> list[Span]:
    """Return the spans from left to right; overlapping ones become one span of the first one's kind."""
    found: list[Span] = []
    for start, end, kind in sorted(spans, key=lambda span: (span[0], -span[1])):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]), found[-1][2])
        else:
            found.append((start, end, kind))
    return found
