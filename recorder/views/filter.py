"""Parse and apply the filter language of the inspection commands and the report.

An example: `op:GetChained* ack:>500 or state:failed`.

    expression = and-group { "or" and-group } ; and-group = term { term } ; term = { "-" | "not" } atom
    atom = "(" expression ")" | word | "quoted text" | key ":" value

A filter judges triples in the shape of `recorder ls --json`. The page of the report holds that shape too and has a
filter of its own in JavaScript; `tests/views/filter-vectors.json` checks that both give one answer. The keys are
explained in `docs/inspection.md`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain, pairwise
from typing import Any, TypeAlias, assert_never

from ..errors import FilterError

Shown: TypeAlias = Mapping[str, Any]  # a triple in the shape of `data.triple`; unknown values may be left out

_ALIASES = {"op": "operation", "ref": "reference"}
TEXT_KEYS = ("channel", "event", "handle", "method", "operation", "path", "reference", "rule", "session", "state")
NUMBER_KEYS = ("ack", "at", "confidence", "events", "gap", "last", "n", "status")

_DEEPEST = 50  # brackets in brackets; the parser is recursive
_SPACE = " \t\r\n"
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|[^ \t\r\n()"]+|[()]', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')
_NUMBER = r"(\d+(?:\.\d+)?)"
_COMPARED = re.compile(rf"(<=|>=|<|>|){_NUMBER}", re.ASCII)
_RANGE = re.compile(rf"{_NUMBER}\.\.{_NUMBER}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Word:
    """A text (in lower case) that occurs anywhere in the triple."""

    text: str


@dataclass(frozen=True, slots=True)
class Like:
    """A pattern for the value of a key: the pieces (in lower case) occur in order, with any text between them."""

    key: str
    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Within:
    """Bounds for the number of a key; the bounds themselves fit unless `open`."""

    key: str
    low: float | None
    high: float | None
    open: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    """A term that must not fit."""

    term: Expression


@dataclass(frozen=True, slots=True)
class Every:
    """Terms that must all fit; without terms, every triple fits."""

    terms: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Groups of which one must fit."""

    groups: tuple[Expression, ...]


Expression: TypeAlias = Word | Like | Within | Not | Every | Either

ALL = Every(())


def parse(text: str, keys: Collection[str] = ()) -> Expression:
    """Parse an expression; an empty one fits every triple.

    Args:
        text: The expression, as typed by the user.
        keys: Further keys that the dialect adds.

    Raises:
        FilterError: At the first mistake, with its column.
    """
    parser = _Parser(list(_tokens(text)), frozenset(keys))
    return parser.whole() if text.strip(_SPACE) else ALL


def fits(expression: Expression, triple: Shown) -> bool:
    """Return whether a triple fits the expression."""
    match expression:
        case Word():
            return any(expression.text in text.lower() for text in _texts(triple))
        case Like():
            return any(_is_like(value.lower(), expression.pieces) for value in _values(triple, expression.key))
        case Within():
            return _is_within(_number(triple, expression.key), expression)
        case Not():
            return not fits(expression.term, triple)
        case Every():
            return all(fits(term, triple) for term in expression.terms)
        case Either():
            return any(fits(group, triple) for group in expression.groups)
        case _:
            assert_never(expression)


@dataclass(frozen=True, slots=True)
class _Token:
    """A token of the expression; for a quoted text, `text` is None and `quoted` is the content."""

    column: int
    text: str | None
    quoted: str = ""

    def __str__(self) -> str:
        return "a quoted text" if self.text is None else f"'{self.text}'" if self.text else "the end"


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        if text[at] in _SPACE:
            at += 1
            continue
        found = _TOKEN.match(text, at)
        if found is None:
            raise FilterError(at + 1, "the quote is not closed")
        quoted = found[1]
        if quoted is not None:
            yield _Token(at + 1, None, _ESCAPED.sub(r"\1", quoted))
        elif found[0][0] == "-":
            yield _Token(at + 1, "-")
            at += 1
            continue
        else:
            yield _Token(at + 1, found[0])
        at = found.end()
    yield _Token(len(text) + 1, "")


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[_Token], keys: frozenset[str]) -> None:
        self._tokens, self._keys = tokens, keys
        self._at = 0
        self._depth = 0

    def whole(self) -> Expression:
        found = self._expression()
        if self._next.text == ")":
            raise FilterError(self._next.column, "there is no bracket to close")
        return found

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _expression(self) -> Expression:
        groups = [self._group()]
        while self._is_word("or"):
            self._take()
            groups.append(self._group())
        return groups[0] if len(groups) == 1 else Either(tuple(groups))

    def _group(self) -> Expression:
        terms = [self._term()]
        while self._next.text not in ("", ")") and not self._is_word("or"):
            terms.append(self._term())
        return terms[0] if len(terms) == 1 else Every(tuple(terms))

    def _term(self) -> Expression:
        negated = False
        while self._next.text == "-" or self._is_word("not"):
            self._take()
            negated = not negated
        atom = self._atom()
        return Not(atom) if negated else atom

    def _atom(self) -> Expression:
        token = self._next
        if token.text in ("", ")") or self._is_word("or"):
            raise FilterError(token.column, f"expected a word, a quoted text, key:value or a bracket, not {token}")
        self._take()
        if token.text is None:
            return Word(token.quoted.lower())
        if token.text == "(":
            return self._bracket(token)
        return self._pair(token, token.text) if ":" in token.text else Word(token.text.lower())

    def _bracket(self, opened: _Token) -> Expression:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise FilterError(opened.column, f"there are more than {_DEEPEST} nested brackets")
        inner = self._expression()
        if self._next.text != ")":
            raise FilterError(opened.column, "the bracket is not closed")
        self._take()
        self._depth -= 1
        return inner

    def _pair(self, token: _Token, text: str) -> Expression:
        name, _, value = text.partition(":")
        key = _ALIASES.get(name, name)
        if key not in (*TEXT_KEYS, *NUMBER_KEYS) and key not in self._keys:
            raise FilterError(token.column, self._unknown(name))
        column = token.column + len(name) + 1
        if not value:
            value = self._quoted_value(name, column)
        if key in NUMBER_KEYS:
            return _within(key, value, column)
        return Like(key, tuple(value.lower().split("*")))

    def _quoted_value(self, name: str, column: int) -> str:
        if self._next.text is not None or self._next.column != column:
            raise FilterError(column, f"expected a value right behind '{name}:'")
        return self._take().quoted

    def _unknown(self, name: str) -> str:
        known = sorted({*_ALIASES, *TEXT_KEYS, *NUMBER_KEYS, *self._keys})
        near = get_close_matches(name, known, 1)
        meant = f"did you mean '{near[0]}:'?" if near else "put other texts with a colon in quotes"
        return f"'{name}' is no key; {meant}"

    def _is_word(self, word: str) -> bool:
        text = self._next.text
        return text is not None and text.lower() == word


def _within(key: str, value: str, column: int) -> Within:
    compared = _COMPARED.fullmatch(value)
    if compared:
        number = float(compared[2])
        low = None if compared[1] in ("<", "<=") else number
        high = None if compared[1] in (">", ">=") else number
        return Within(key, low, high, open=compared[1] in ("<", ">"))
    between = _RANGE.fullmatch(value)
    if between is None:
        raise FilterError(column, f"expected a number for {key}, as 5, >5, >=5, <5, <=5 or 3..7, not '{value}'")
    low, high = float(between[1]), float(between[2])
    if low > high:
        raise FilterError(column, f"the range {value} is empty: write the smaller end first")
    return Within(key, low, high)


def _texts(triple: Shown) -> Iterator[str]:
    request, ack = triple.get("request") or {}, triple.get("ack") or {}
    events = triple.get("events") or []
    known = (triple.get(name) for name in ("operation", "handle", "referenceId", "session", "state"))
    keys = chain.from_iterable(map(_each, (triple.get("keys") or {}).values()))
    yield from _strings([*known, request.get("method"), request.get("path"), *keys])
    for event in events:
        yield from _strings([event.get("channel"), event.get("name")])
    for content in (request.get("body"), ack.get("body"), *(event.get("data") for event in events)):
        if content is not None:
            yield content if isinstance(content, str) else _compact(content)


def _compact(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)


def _values(triple: Shown, key: str) -> Iterator[str]:
    """Return the texts of a key: one per event for a key of events, else those that the triple has."""
    match key:
        case "channel" | "rule":
            return _strings(event.get(key) for event in triple.get("events") or [])
        case "event":
            return _strings(event.get("name") for event in triple.get("events") or [])
        case "method" | "path":
            return _strings([(triple.get("request") or {}).get(key)])
        case "reference":
            return _strings(_each((triple.get("keys") or {}).get(key, triple.get("referenceId"))))
        case "handle":
            return _strings(_each((triple.get("keys") or {}).get(key, triple.get(key))))
        case "operation" | "session" | "state":
            return _strings([triple.get(key)])
        case _:
            return _strings(_each((triple.get("keys") or {}).get(key)))


def _each(value: Any) -> Iterable[Any]:
    """Return the values of a key that may have several."""
    return value if isinstance(value, list | tuple) else (value,)


def _strings(values: Iterable[Any]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))


def _is_like(value: str, pieces: tuple[str, ...]) -> bool:
    first, *others = pieces
    if not others:
        return value == first
    *middle, last = others
    if len(value) < len(first) + len(last) or not value.startswith(first) or not value.endswith(last):
        return False
    at, end = len(first), len(value) - len(last)
    for piece in middle:  # the leftmost place leaves the most room for the pieces behind it
        found = value.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _is_within(number: float | None, bounds: Within) -> bool:
    if number is None:
        return False
    if bounds.open:
        return (bounds.low is None or number > bounds.low) and (bounds.high is None or number < bounds.high)
    return (bounds.low is None or number >= bounds.low) and (bounds.high is None or number <= bounds.high)


def _number(triple: Shown, key: str) -> float | None:
    """Return the number of a key, None if the triple has none; milliseconds for times, but seconds for `at`."""
    ack, events = triple.get("ack") or {}, triple.get("events") or []
    offsets = [event["offset_ms"] for event in events if "offset_ms" in event]
    match key:
        case "n" | "at":
            return triple.get(key)
        case "status":
            return ack.get("status")
        case "ack":
            return ack.get("ms")
        case "last":
            return max(offsets, default=None)
        case "gap":
            parts = sorted([0.0, *([ack["ms"]] if "ms" in ack else []), *offsets])
            return max((round(late - early, 3) for early, late in pairwise(parts)), default=None)
        case "events":
            return len(events)
        case _:
            return min((event["confidence"] for event in events if "confidence" in event), default=None)
