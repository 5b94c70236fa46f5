"""Bindings: which live value stands for which recorded one, and how recorded messages are rewritten by them.

Only values the client mints are bound (the dialect names them). A short value such as `7` is rewritten only under the
names it is known by (`referenceId`); a long one wherever it stands as a word, also inside URLs and other text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from ..correlate.dialect import Dialect, as_key
from ..model import JSON

HIDDEN = "(redacted)"  # the key of pseudonyms and the live values they stand for; no dialect can name one so
_WHOLE = 4  # characters from which on a pseudonym is taken to be itself where it is a whole value
LONG = 8  # characters from which on a value is taken to be itself wherever it stands
# A word begins and ends beside what is no letter, digit, hyphen or underscore: ids are parts of other ids, and phone
# numbers of longer ones. It also begins after a percent-encoded character.
_BEGINS, _ENDS = r"(?:(?<![\w-])|(?<=%[0-9A-Fa-f]{2}))", r"(?![\w-])"
_HOST_ENDS = r"(?![.:]\w)"  # http://gws is not a part of http://gws:8090


class _Absent(Enum):
    ABSENT = "absent"


ABSENT: Final = _Absent.ABSENT  # the live client sent no value where the recorded one did


@dataclass(frozen=True, slots=True)
class Binding:
    """One recorded value (as compared, i.e. a device's bare id) and the live value in its place, with its JSON type."""

    recorded: str
    live: JSON


@dataclass(slots=True)
class Bindings:
    """The bindings of one scope, by key name; one to one."""

    pairs: dict[str, list[Binding]] = field(default_factory=dict)

    def allows(self, key: str, recorded: str, live: str) -> bool:
        """Whether a pair contradicts none that is bound."""
        return all((b.recorded == recorded) == (as_key(b.live) == live) for b in self.pairs.get(key, ()))

    def bind(self, key: str, recorded: str, live: JSON) -> None:
        """Bind a pair; binding it again changes nothing."""
        bound = self.pairs.setdefault(key, [])
        if all(b.recorded != recorded for b in bound):
            bound.append(Binding(recorded, live))

    def __or__(self, other: Bindings) -> Bindings:
        keys = self.pairs.keys() | other.pairs.keys()
        return Bindings({key: self.pairs.get(key, []) + other.pairs.get(key, []) for key in sorted(keys)})


class Rewriter:
    """Rewrites what is sent to one client."""

    def __init__(self, dialect: Dialect, bindings: Bindings, origins: Mapping[str, str] | None = None) -> None:
        """Prepare for a client; `origins` are recorded servers (scheme and host) and what stands in for them."""
        self._dialect = dialect
        self._named: dict[str, list[tuple[str, Binding]]] = {}
        self._words = dict(origins or {})
        for key, pairs in bindings.pairs.items():
            # an id of one operation that is the same as text was bound because its JSON type is another
            new = [b for b in pairs if key in dialect.per_operation or b.live != b.recorded]
            for name in names_of(dialect, key) if new else ():
                self._named.setdefault(name, []).extend((key, b) for b in new)
            self._words |= {b.recorded: _text(b.live) for b in new if len(b.recorded) >= LONG}
        pseudonyms = (b for b in bindings.pairs.get(HIDDEN, ()) if b.live != b.recorded and len(b.recorded) >= _WHOLE)
        self._whole = {b.recorded: _text(b.live) for b in pseudonyms}
        self._pattern = any_of(self._words)

    def touches(self, body: bytes) -> bool:
        """Whether a body may hold anything that is rewritten."""
        words = (word.encode(errors="surrogatepass") for word in self._words)
        return bool(self._named or self._whole) or any(word in body for word in words)

    def value(self, value: JSON) -> JSON:
        """A JSON value with its bound values replaced; the value itself is left alone."""
        if isinstance(value, dict):
            return {name: new for name, old in value.items() if (new := self._member(name, old)) is not ABSENT}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool) and self._whole:
            live = self._whole.get(str(value), "")
            return int(live) if live.isdecimal() and live.isascii() else value
        return self.text(value) if isinstance(value, str) else value

    def text(self, text: str) -> str:
        """Text with long bound values replaced; in one pass, so that no replacement is replaced again."""
        if text in self._whole:
            return self._whole[text]
        return self._pattern.sub(lambda found: self._words[found[0]], text) if self._words else text

    def _member(self, name: str, old: JSON) -> JSON:
        text = as_key(old)
        for key, binding in self._named.get(name, ()) if text is not None else ():
            if text is not None and self._dialect.bare(key, text) == binding.recorded:
                return self._replaced(text, binding)
        return self.value(old)

    def _replaced(self, text: str, binding: Binding) -> JSON:
        prefix = text[: len(text) - len(binding.recorded)]
        if binding.live is ABSENT or not prefix:
            return binding.live
        return f"{prefix}{binding.live}"


def names_of(dialect: Dialect, key: str) -> set[str]:
    """The names a key's value stands under in bodies and events, e.g. devicePath and deviceId."""
    tables: list[Mapping[str, tuple[str, ...]]] = [dialect.request_keys, dialect.ack_keys, dialect.event_keys]
    return {path.rsplit(".", 1)[-1] for table in tables for path in table.get(key, ()) if not path.startswith("path.")}


def _text(live: JSON) -> str:
    return "" if live is ABSENT else str(live)


def any_of(words: Iterable[str]) -> re.Pattern[str]:
    """Finds any of some words in a text, where it is no part of a longer one."""
    longest_first = sorted(words, key=len, reverse=True)
    either = "|".join(re.escape(word) + (_HOST_ENDS if "://" in word else "") for word in longest_first)
    return re.compile(f"{_BEGINS}(?:{either}){_ENDS}")
