"""Rewrite recorded messages for a live client, by its bindings.

Only values the client mints are bound (the dialect names them). A short value such as `7` is rewritten only under the
names of its key (`referenceId`); a long one wherever it stands as a word, also inside URLs and other text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Final

from ....dialect.definition import Dialect
from ....dialect.paths import EACH, as_key, pair_of, split
from ....formats.charsets import decoded
from ....model import JSON
from ....requests.bindings import ABSENT, MINTED, Bindings, ScannedText, first_run, runs
from ....requests.request import MintedId
from .templates import Template, encode, names_at

# A word begins and ends beside what is no letter, digit, hyphen or underscore: ids are parts of other ids, and phone
# numbers of longer ones. It also begins after a percent-encoded character.
_BEGINS, _ENDS = r"(?:(?<![\w-])|(?<=%[0-9A-Fa-f]{2}))", r"(?![\w-])"
_LONGEST = 400  # digits of a whole number; Python refuses to convert more than 4300
_NOT_BOUND: Final = object()
_BEGIN, _END = re.compile(_BEGINS), re.compile(_ENDS)


class Rewriter:
    """Rewrites what is sent to one client; later bindings count for what is rewritten after them."""

    def __init__(
        self,
        dialect: Dialect,
        *scopes: Bindings,
        minted: Iterable[MintedId] = (),
        fresh: Sequence[JSON] = (),
    ) -> None:
        """Prepare for one client, and for one operation of it.

        Args:
            dialect: Knows the names under which values stand.
            scopes: Bindings, those of the narrowest scope first.
            minted: Per-operation ids of the recorded request; none for events that no operation caused.
            fresh: Per-operation ids of the live request, by `RequestReader.fresh`.

        """
        self._dialect, self._lasting = dialect, scopes
        self._minted, self._fresh = minted, fresh
        self._own: tuple[Bindings, ...] | None = None
        self._keys = keys_of_names(dialect)

    def teach(self, other: Bindings, text: str) -> None:
        """Bind for another client what this one has of the recorded values in a text, unless it has its own of them.

        Values of logins are each client's own.
        """
        seen = frozenset(runs(text))
        for scope in self._lasting:
            for (key, recorded), live in scope.live.items():
                is_there = first_run(recorded) in seen and recorded in text
                if key != MINTED and is_there and other.allows(key, recorded, str(live)):
                    other.bind(key, recorded, live)

    def with_those_of(self, other: Bindings) -> Rewriter:
        """Return what rewrites the same for another client, whose own bindings come before those of this one."""
        return Rewriter(self._dialect, other, *self._lasting, minted=self._minted, fresh=self._fresh)

    @property
    def _scopes(self) -> tuple[Bindings, ...]:
        """All scopes; the scope of the operation is bound when it is first needed."""
        if self._own is None:
            own = bound(self._dialect, self._minted, self._fresh, self._lasting)
            self._own = self._lasting if own is None else (own, *self._lasting)
        return self._own

    def touches(self, body: bytes) -> bool:
        """Return whether a JSON body may hold a value to rewrite; an escape may hide one."""
        if all(scope.is_empty for scope in self._scopes):
            return False
        body = in_ascii(body)
        return has_names(body, self._dialect) or self.is_in(ScannedText.of(body.decode(errors="replace")))

    def is_in(self, seen: ScannedText, *, own: bool = True) -> bool:
        """Return whether a text may hold or be a replaced value; without `own`, ids of the operation do not count."""
        for scope in self._scopes if own else self._lasting:  # noqa: SIM110  # asked of every event: no generator
            if not scope.runs.isdisjoint(seen.runs):
                return True
        return False

    def value(self, value: JSON, names: tuple[str, ...] = ()) -> JSON:
        """Return a JSON value with its bound values replaced; the argument is not changed.

        Args:
            value: The value.
            names: Names under which the elements of a list stand.
        """
        if isinstance(value, dict):
            pair = pair_of(value)
            new = {name: self.member(old, *names_at(pair, name)) for name, old in value.items()}
            return {name: item for name, item in new.items() if item is not ABSENT}
        if isinstance(value, list):
            found = [self.member(item, *names) for item in value]
            return [item for item in found if item is not ABSENT]
        if isinstance(value, int | float) and not isinstance(value, bool):
            live = self._whole(str(value)) or ""
            return int(live) if live.isdecimal() and live.isascii() and len(live) <= _LONGEST else value
        return self.text(value) if isinstance(value, str) else value

    def text(self, text: str) -> str:
        """Return a text with long bound values replaced, in one pass: no replacement is replaced again."""
        whole = self._whole(text)
        if whole is not None:
            return whole
        words = self._words(text)
        return _replaced(text, words) if words else text

    def with_own_login(self, body: bytes) -> bytes:
        """Return a body that is no JSON with the values of the client's logins, where they stand as words."""
        text = body.decode("utf-8", "surrogateescape")
        words = self._words(text)
        given = {
            word: words[word] for scope in self._scopes for key, word in scope.live if key == MINTED and word in words
        }
        return _replaced(text, given).encode("utf-8", "surrogateescape") if given else body

    def encoded(self, template: Template, value: JSON) -> str:
        """Return the JSON text of a value, from its template where that will do."""
        own = template.names_own
        if self.is_in(template.literal, own=own):
            return template.framed(encode(self.value(value)))
        pieces = list(template.pieces)
        for place, number in template.numbered:
            if as_key(self._fresh[number]) is None:  # the member is left out, with its comma
                return template.framed(encode(self.value(value)))
            pieces[place] = encode(self._fresh[number])
        for place, hole in template.holes:
            new = self._bound(hole.bare, hole.value, own=own)
            if new is _NOT_BOUND:
                if not self.is_in(hole.seen, own=own):
                    continue
                new = self.value(hole.value)
            if new is ABSENT:
                return template.framed(encode(self.value(value)))
            if new is not hole.value:
                pieces[place] = encode(new)
        return "".join(pieces)

    def member(self, old: JSON, *names: str) -> JSON:
        """Return the new value of a member of an object, or of an element; ABSENT where it is left out."""
        if any(name in self._keys for name in names):
            new = self._bound(bare_values(self._dialect, self._keys, names, old), old)
            if new is not _NOT_BOUND:
                return new
        return self.value(old, names if isinstance(old, list) else ())

    def _bound(self, bare: Iterable[tuple[str, str]], old: JSON, *, own: bool = True) -> JSON:
        """Return the live value for a recorded one that may be of several keys; _NOT_BOUND where there is none."""
        for pair in bare:
            for scope in self._scopes if own else self._lasting:
                if pair in scope.live:
                    return self._in_place(pair, scope.live[pair], old)
        return _NOT_BOUND

    def _in_place(self, pair: tuple[str, str], live: JSON, old: JSON) -> JSON:
        """Return a live value as it stands in place of a recorded one, which may be a path that ends in it."""
        key, recorded = pair
        if old == recorded:
            # an id of one operation that is the same as text was bound because its JSON type is another
            return old if live == recorded and key not in self._dialect.per_operation else live
        if live == recorded and key not in self._dialect.per_operation:
            return old
        text = str(old)
        prefix = text[: len(text) - len(recorded)]
        return f"{prefix}{live}" if prefix and live is not ABSENT else live

    def _whole(self, text: str) -> str | None:
        return next((scope.whole[text] for scope in self._scopes if text in scope.whole), None)

    def _words(self, text: str) -> dict[str, str]:
        """Return the replaced values in a text, with their replacements."""
        words: dict[str, str] = {}
        if any(scope.words for scope in self._scopes):
            found = frozenset(runs(text))
            for scope in reversed(self._scopes):
                words |= {word: scope.words[word] for word in scope.in_text(found) if word in scope.words}
        return words


def in_ascii(body: bytes) -> bytes:
    """Return a body to search: one in UTF-16 or UTF-32 is encoded anew, so that ASCII characters are single bytes."""
    return body if body.find(b"\0") < 0 else decoded(body)[0].encode("utf-8", "replace")


def has_names(body: bytes, dialect: Dialect) -> bool:
    """Return whether a JSON body may hold a name of minted values; an escape may hide one."""
    return b"\\" in body or any(f'"{name}"'.encode() in body for name in keys_of_names(dialect))


def bare_values(
    dialect: Dialect, keys: Mapping[str, tuple[str, ...]], names: Iterable[str], value: JSON
) -> tuple[tuple[str, str], ...]:
    """Return the keys that a value under some names may be of, each with the value as compared."""
    known = dict.fromkeys(key for name in names for key in keys.get(name, ()))
    text = as_key(value) if known else None
    return () if text is None else tuple([(key, dialect.bare(key, text)) for key in known])


@cache
def keys_of_names(dialect: Dialect) -> Mapping[str, tuple[str, ...]]:
    """Return the names under which minted values stand, with the keys of each."""
    found: dict[str, tuple[str, ...]] = {}
    for key in sorted(dialect.minted):
        for name in names_of(dialect, key):
            found[name] = (*found.get(name, ()), key)
    return found


def names_of(dialect: Dialect, key: str) -> set[str]:
    """Return the names of a key in bodies and events, e.g. devicePath and deviceId."""
    paths = (split(path)[1:] for path in dialect.places(key) if not path.startswith(("path.", "channel.")))
    named = ([part for part in parts if part != EACH and not part.isdecimal()] for parts in paths)
    return {names[-1] for names in named if names}


def _replaced(text: str, words: Mapping[str, str]) -> str:
    """Replace words; of overlapping ones the first counts, of those that begin together the longest."""
    spans = sorted((start, -len(word), word) for word in words for start in _places(text, word))
    pieces, last = [], 0
    for start, _, word in spans:
        if start >= last:
            pieces += [text[last:start], words[word]]
            last = start + len(word)
    return "".join([*pieces, text[last:]])


def _places(text: str, word: str) -> Iterable[int]:
    """Yield the places where a word is no part of a longer one."""
    start = text.find(word)
    while start >= 0:
        if _BEGIN.match(text, start) and _END.match(text, start + len(word)):
            yield start
        start = text.find(word, start + 1)


def any_of(words: Iterable[str]) -> re.Pattern[str]:
    """Build a pattern for any of some words where it is no part of a longer one."""
    longest_first = sorted(words, key=len, reverse=True)
    either = "|".join(re.escape(word) for word in longest_first)
    return re.compile(f"{_BEGINS}(?:{either}){_ENDS}")


def bound(
    dialect: Dialect, minted: Iterable[MintedId], fresh: Sequence[JSON], around: Sequence[Bindings] = ()
) -> Bindings | None:
    """Bind the ids of one operation; return None where the live client minted equal ones.

    An equal one is bound too where its text is another value's in the scopes `around`: the client's own id counts.
    """
    own: Bindings | None = None
    for number, key, bare, mine, run in minted:
        its = fresh[number]
        is_equal = mine == its and type(mine) is type(its)
        if not is_equal or any(bare in scope.whole or bare in scope.words for scope in around):
            own = own or Bindings()
            own.bind(key, bare, _live(dialect, key, its), run)
    return own


def _live(dialect: Dialect, key: str, value: JSON) -> JSON:
    text = as_key(value)
    if text is None:
        return ABSENT
    bare = dialect.bare(key, text)
    return value if bare == text else bare
