"""Find the ids of a recording in texts: session ids, cookies, ids that clients mint, and the URLs of its server."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..correlate.sessions import cookies
from ..dialect.definition import Dialect
from ..model import Event, Headers, Triple, values
from ..replay.engine.rewriting.rewriter import any_of
from ..requests.bindings import LONG

SESSION = "(session)"  # the kind of clientIds and cookies
SERVER = "(server)"  # the kind of the recorded server's URLs
BLANK = "•"
_WORD = re.compile(rf"[\w-]{{{LONG},}}")  # greedy, so that a match ends at the end of a word, as in `any_of`
# all characters but those of a word of ASCII letters become a space: a sixteenth of the time that a search takes
_SPACED = bytes(code if re.fullmatch(r"[\w-]", chr(code), re.ASCII) else ord(" ") for code in range(256))
_COOKIES = {"cookie", "set-cookie", "Cookie", "Set-Cookie"}
_MOST_HEADERS = 2_000  # parsed Cookie headers that are kept


class Hole(NamedTuple):
    """A value that was taken out of a text; `kind` is a key of the dialect, `HIDDEN`, `SESSION` or `SERVER`."""

    kind: str
    value: str


class Words:
    """A search for long ids in texts; its time does not grow with the number of ids that are words."""

    def __init__(self, kinds: dict[str, str]) -> None:
        """Take the ids with their kinds."""
        self._plain = {word: kind for word, kind in kinds.items() if _WORD.fullmatch(word)}
        self._odd = {word: kind for word, kind in kinds.items() if word not in self._plain}
        self._pattern = any_of(self._odd) if self._odd else None
        # odd ids by a word in them that a text with the id has too; those without a long word
        self._by_run: dict[str, list[str]] = {}
        self._short: list[str] = []
        for word in self._odd:
            runs = _WORD.findall(word)
            (self._by_run.setdefault(max(runs, key=len), []) if runs else self._short).append(word)
        self._patterns: dict[tuple[str, ...], re.Pattern[str]] = {}

    def taken_out(self, text: str) -> tuple[str, list[Hole]]:
        """Return the text with a blank in place of each id, and the holes."""
        holes: list[Hole] = []

        def take(found: re.Match[str]) -> str:
            word, before = found[0], ""
            if word not in self._plain and text[found.start() - 1 : found.start()] == "%":
                before, word = word[:2], word[2:]  # the two hex digits belong to a percent-encoded character
            if word not in self._plain:
                return found[0]
            holes.append(Hole(self._plain[word], word))
            return before + BLANK

        if self._pattern is not None:
            text = self._pattern.sub(lambda found: self._take_odd(found[0], holes), text)
        return (_WORD.sub(take, text) if self._plain and len(text) >= LONG else text), holes

    def in_json(self, text: str) -> tuple[str, list[Hole]] | None:
        """Return canonical JSON with blanks in place of ids inside strings; None if ids must be sought value by value.

        Args:
            text: JSON as `json.dumps` writes it, without a backslash or percent sign: then a quotation mark begins or
                ends a string, and an id inside a string stands there as it is.
        """
        words = _words(text)
        odd = [word for word in self._short if word in text]
        if not self._by_run.keys().isdisjoint(words):
            odd += [word for run in self._by_run.keys() & set(words) for word in self._by_run[run] if word in text]
        holes: list[Hole] = []
        if odd:
            spans = [found.span() for found in self._any_of(tuple(sorted(odd))).finditer(text)]
            new = self._blanked(text, spans, self._odd, holes)
            if new is None:
                return None
            text, words = new, _words(new)
        plain = self._plain
        if plain.keys().isdisjoint(words):
            return text, holes
        found = [word for word in words if word in plain]
        return _both(self._blanked(text, _places(text, found), plain, holes), holes)

    def has(self, text: str) -> bool:
        """Return whether a text may hold an id."""
        return bool(self.taken_out(text)[1])

    def _take_odd(self, word: str, holes: list[Hole]) -> str:
        holes.append(Hole(self._odd[word], word))
        return BLANK

    def _any_of(self, words: tuple[str, ...]) -> re.Pattern[str]:
        if words not in self._patterns:
            if len(self._patterns) >= _MOST_HEADERS:
                self._patterns.clear()
            self._patterns[words] = any_of(words)
        return self._patterns[words]

    @staticmethod
    def _blanked(text: str, spans: Iterable[tuple[int, int]], kinds: dict[str, str], holes: list[Hole]) -> str | None:
        """Return JSON with blanks at some spans that lie in strings; None if one lies in the name of a member."""
        pieces, last, is_inside = [], 0, False
        for start, end in spans:
            is_inside ^= bool(text.count('"', last, start) % 2)
            pieces.append(text[last:start])
            last = end
            if not is_inside:
                pieces.append(text[start:end])  # a number
                continue
            closing = text.find('"', end)
            if text.startswith(":", closing + 1):
                return None
            word = text[start:end]
            holes.append(Hole(kinds[word], word))
            pieces.append(BLANK)
        return "".join([*pieces, text[last:]])


class Ids:
    """The long ids of a recording with their kinds; a long id is recognised wherever it stands as a word."""

    def __init__(self, dialect: Dialect) -> None:
        """Begin without ids."""
        self._cookies, self._minted = _Cookies(dialect.session_cookies), dialect.minted
        self._kinds: dict[str, str] = {}

    def take(self, item: Triple) -> None:
        """Take the ids of a triple or other exchange."""
        for token in self._cookies.of(item):
            self._kinds[token] = SESSION
        for link in item.events:
            self.take_event(link.event)
        for key in self._minted:
            if key in item.keys:
                self._kinds.update((text, key) for text in values(item.keys[key]) if len(text) >= LONG)

    def take_event(self, event: Event) -> None:
        """Take the id of the session that an event came to."""
        if event.raw is None:
            self._kinds[event.client_id] = SESSION

    def kinds(self) -> dict[str, str]:
        """Return the ids, each with the kind that was taken last."""
        return {value: kind for value, kind in self._kinds.items() if len(value) >= LONG}


class _Cookies:
    """The values of session cookies in headers; a header that comes with each request is parsed once."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self._parsed: dict[str, tuple[str, ...]] = {}

    def of(self, item: Triple) -> Iterator[str]:
        yield from self._in(item.request.headers)
        if item.ack is not None:
            yield from self._in(item.ack.headers)

    def _in(self, headers: Headers) -> Iterator[str]:
        for name, value in headers:
            if name in _COOKIES or name.lower() in _COOKIES:
                if value not in self._parsed:
                    if len(self._parsed) >= _MOST_HEADERS:
                        self._parsed.clear()
                    found = (content for cookie, content in cookies(value) if cookie in self._names)
                    self._parsed[value] = tuple(content for content in found if content)
                yield from self._parsed[value]


def _words(text: str) -> list[str]:
    """Return the words in a text, in order: all long ones, and perhaps short ones."""
    return text.encode().translate(_SPACED).decode().split() if text.isascii() else _WORD.findall(text)


def _places(text: str, words: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield where these words stand in a text, each behind the one before, and not as a part of a longer word."""
    last = 0
    for word in words:
        start = text.find(word, last)
        while _is_part(text, start, start + len(word)):
            start = text.find(word, start + 1)
        last = start + len(word)
        yield start, last


def _is_part(text: str, start: int, end: int) -> bool:
    return _goes_on(text[start - 1 : start]) or _goes_on(text[end : end + 1])


def _goes_on(char: str) -> bool:
    return char.isalnum() or char in {"_", "-"}


def _both(text: str | None, holes: list[Hole]) -> tuple[str, list[Hole]] | None:
    return None if text is None else (text, holes)
