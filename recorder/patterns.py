r"""Compile the regular expressions that users write, so that no text of a peer makes a search endless.

`re` backtracks: `(a+)+$` takes exponential time in a text of a few dozen letters, and `[a-z]+;` quadratic time in a
long run of letters. So an expression is taken apart before it is used, and refused unless the steps from each place of
a text are bounded, or the places that begin a long search are far apart. One that is accepted finds what `re` finds.

Two engines were weighed. RE2 knows no lookaround, which nearly every pattern of a policy needs, reads `\w` and `\d` as
ASCII, and finds all matches of `a(.*b)?` in quadratic time too. The timeout of `regex` makes redaction depend on the
load of the machine: a text would be redacted in one run and not in the next. A check when the policy is read has
neither fault, needs no dependency, and tells the author what to write.
"""

from __future__ import annotations

import re
import re._constants as codes  # type: ignore[import-not-found]  # `re` has no public parser; typeshed knows none
import re._parser as parser  # type: ignore[import-not-found]  # as above
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

_MOST = 256  # steps from one place of a text: some microseconds
_BASE = frozenset(map(chr, range(256))) | frozenset("\u0660\u03a9\u4e2d\u2003\u2028\U0001f600")
_WORD, _DIGIT, _SPACE = (re.compile(text) for text in (r"\w", r"\d", r"\s"))
_CATEGORIES = {
    codes.CATEGORY_DIGIT: (_DIGIT, True), codes.CATEGORY_NOT_DIGIT: (_DIGIT, False),
    codes.CATEGORY_WORD: (_WORD, True), codes.CATEGORY_NOT_WORD: (_WORD, False),
    codes.CATEGORY_SPACE: (_SPACE, True), codes.CATEGORY_NOT_SPACE: (_SPACE, False),
}  # fmt: skip
_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)
_CHARACTERS = (codes.LITERAL, codes.NOT_LITERAL, codes.ANY, codes.IN)
_BOUND = "give the repeat a largest number, as in {1,64}"
_GUARDED = f"{_BOUND}, or begin with what cannot stand before a match, as in (?<![\\w-])"

Chars: TypeAlias = frozenset[str]
Nodes: TypeAlias = Sequence[tuple[Any, Any]]  # of the parser of `re`


class Unbounded(ValueError):
    """An expression that may take more than linear time; the text says which part, and what to write."""


@dataclass(frozen=True, slots=True)
class AtRuns:
    """An expression that begins with a run, such as `[a-z]+;`, and is not tried at each place within the run.

    Within a run nothing is found that is not found at its begin. But a match may end within a run, so the expression is
    tried behind each match too.

    Attributes:
        plain: The expression.
        guarded: The expression where a run begins.

    """

    plain: re.Pattern[str]
    guarded: re.Pattern[str]

    @property
    def groups(self) -> int:
        """Number of groups."""
        return self.plain.groups

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """Yield the matches that `re` finds."""
        found = self.guarded.search(text)
        while found is not None:
            yield found
            end = found.end()
            found = self.plain.match(text, end) or self.guarded.search(text, end)


def compiled(text: str) -> re.Pattern[str] | AtRuns:
    """Compile an expression that takes linear time.

    Raises:
        re.error: If the text is no regular expression.
        Unbounded: If it may take more than linear time.

    """
    plain = re.compile(text)
    if plain.flags & ~re.UNICODE:
        raise Unbounded(
            "has flags, which change the meaning of character classes: write [Tt]oken for letters of both cases"
        )
    nodes = _flat(parser.parse(text))
    alphabet = _alphabet(nodes)
    reader = _Reader(alphabet)
    parts = [reader.part(node) for node in nodes]
    starts = bool(parts) and parts[0].is_class and parts[0].least > 0
    if _check(parts, alphabet, at_runs=starts):
        return AtRuns(plain, re.compile(f"(?<!{_class_of(nodes[0])})(?:{text})"))
    return plain


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of an expression, as far as its time is concerned.

    Attributes:
        chars: The characters it may take.
        least: Fewest characters it takes.
        most: Most characters it takes, but for a run.
        ways: Most ways to take them from one place, but for a run.
        alike: Most of these ways that take as many characters.
        steps: Most steps for that, but for a run.
        runs: Whether it takes a run of any length.
        is_class: It is a run of one class of characters.
        looks: It takes no character: it looks ahead or behind.
        needs: Sets of characters of which it takes one each.
        guard: The characters that must not stand before; empty if it does not look behind for one.
        first: The characters it may begin with.
        gives_back: Whether a run that was taken is tried shorter.
        can_fail: Whether it may not be there.
        fails_late: Whether it may go through a run and then not be there, or take less.

    """

    chars: Chars
    least: int = 1
    most: int = 1
    ways: int = 1
    steps: int = 1
    alike: int = 1
    runs: bool = False
    is_class: bool = False
    looks: bool = False
    needs: tuple[Chars, ...] = ()
    guard: Chars = frozenset()
    first: Chars = frozenset()
    gives_back: bool = True
    can_fail: bool = True
    fails_late: bool = False


def _check(parts: Sequence[_Part], alphabet: Chars, *, at_runs: bool) -> bool:
    """Return whether the search must begin where a run begins.

    Raises:
        Unbounded: If the time is not linear.

    """
    steps, ways, guard = 0, 1, frozenset[str]()
    # Two searches never go through one stretch of a text if each has before it a character that no run since takes.
    marks: list[Chars] = []
    before, since = frozenset[str](), list[Chars]()  # the run before, which may be tried shorter, and what follows it
    moved = must = False
    for number, part in enumerate(parts):
        if part.runs:
            marks = [one for one in marks if one.isdisjoint(part.chars)]
            begins_run = not moved and (guard >= part.chars or (at_runs and number == 0))
            can_fail = part.looks or part.fails_late or any(one.can_fail for one in parts[number + 1 :])
            is_once = any(before.isdisjoint(one) for one in (*since, part.first or part.chars))
            if can_fail and not (begins_run or (marks and is_once)):
                raise Unbounded(f"may search to the end of a text from each place in it: {_GUARDED}")
            must = must or (can_fail and begins_run and not guard >= part.chars)
            if not part.looks:
                before, since = (part.chars if part.gives_back else frozenset()), []
        guard = part.guard or (guard if part.looks else frozenset())
        if part.guard and not moved:  # such a character stands before each match, but for one at the begin of the text
            marks.append(alphabet - guard)
        marks, since = [*marks, *part.needs], [*since, *part.needs]
        moved = moved or not part.looks
        steps += ways * part.steps
        ways *= _ways(part, parts[number + 1 :])
        if steps > _MOST * _apart(parts):
            raise Unbounded(f"may take more than {_MOST} steps from each place in a text: repeat less, or fewer parts")
    return must


def _ways(part: _Part, following: Sequence[_Part]) -> int:
    """Return in how many ways a part is taken that may succeed: one if what follows it cannot stand within it."""
    is_followed = any(one.least and not one.looks for one in following)
    return part.alike if is_followed and part.chars.isdisjoint(_first(following)) else part.ways


def _first(parts: Sequence[_Part]) -> Chars:
    """Return the characters that parts behind each other may begin with."""
    found = frozenset[str]()
    for part in parts:
        found |= part.first or part.chars
        if part.least and not part.looks:
            break
    return found


def _apart(parts: Sequence[_Part]) -> int:
    """Return how far apart the beginnings of a match can at least stand: of `aa` 1 character, of `ab` 2."""
    begins: list[Chars] = []
    for part in parts:
        if part.looks:
            continue
        if part.least != 1 or part.most != 1 or part.runs or len(part.chars) > 4:
            break
        begins.append(part.chars)
    size = len(begins)
    overlaps = (n for n in range(1, size) if all(not a.isdisjoint(b) for a, b in zip(begins, begins[n:], strict=False)))
    return next(overlaps, max(1, size))


class _Reader:
    """Tells of the nodes of an expression what they take, over the characters that it tells apart."""

    def __init__(self, alphabet: Chars) -> None:
        self._alphabet = alphabet

    def parts(self, nodes: Nodes) -> list[_Part]:
        return [self.part(node) for node in _flat(nodes)]

    def part(self, node: tuple[Any, Any]) -> _Part:
        """Return what a node takes.

        Raises:
            Unbounded: If it repeats what can be read in several ways, or refers to another group.

        """
        kind, value = node
        if kind in _CHARACTERS:
            chars = self._chars(kind, value)
            return _Part(chars, needs=(chars,))
        if kind in _REPEATS:
            return self._repeat(kind, *value)
        if kind is codes.BRANCH:
            return self._branch([self._joined(self.parts(one)) for one in value[1]])
        if kind is codes.ATOMIC_GROUP:
            inner = self._joined(self.parts(value))
            return replace(inner, ways=1, alike=1, is_class=False, gives_back=False)
        if kind is codes.AT:
            return _Part(frozenset(), 0, 0, looks=True, guard=self._edge(value))
        if kind in (codes.ASSERT, codes.ASSERT_NOT):
            return self._look(kind, *value)
        raise Unbounded("refers to another group of its own: write it without")

    def _edge(self, value: Any) -> Chars:
        """Return the characters that do not stand before the edge of a word, a line or a text."""
        if value is codes.AT_BOUNDARY:
            return frozenset(char for char in self._alphabet if _WORD.match(char))
        return self._alphabet if value in (codes.AT_BEGINNING, codes.AT_BEGINNING_STRING) else frozenset()

    def _look(self, kind: Any, direction: int, nodes: Nodes) -> _Part:
        inner = self._joined(self.parts(nodes))
        is_guard = (
            kind is codes.ASSERT_NOT and direction < 0 and [one[0] in _CHARACTERS for one in _flat(nodes)] == [True]
        )
        return _Part(
            inner.chars if inner.runs else frozenset(), 0, 0, 1, inner.steps, runs=inner.runs, looks=True,
            guard=inner.chars if is_guard else frozenset(),
        )  # fmt: skip

    def _repeat(self, kind: Any, least: int, most: Any, nodes: Nodes) -> _Part:
        parts = self.parts(nodes)
        inner = self._joined(parts)
        is_one = len(parts) == 1 and inner.least == inner.most == 1 and inner.ways == 1 and not inner.runs
        needs = inner.needs if least else ()
        if not inner.most and not inner.runs:
            raise Unbounded("repeats a part that matches no character: write it once")
        if most is codes.MAXREPEAT or inner.runs:
            if not (is_one or self._is_clear(parts, is_possessive=kind is codes.POSSESSIVE_REPEAT)):
                raise Unbounded(f"repeats a group that can be read in several ways: {_BOUND}, and do not nest repeats")
            return _Part(
                inner.chars, least * inner.least, 0, 1, max(1, least) * inner.steps, runs=True,
                is_class=is_one, needs=needs, first=inner.first, gives_back=kind is not codes.POSSESSIVE_REPEAT,
                can_fail=least > 0, fails_late=inner.runs and not parts[-1].runs,
            )  # fmt: skip
        again = self._joined([*parts, *parts]).ways // inner.ways if most > 1 else 1  # each but the last one
        most_steps = _MOST * _MOST
        steps = sum(min(again ** min(n, _MOST), most_steps) for n in range(min(most, most_steps))) * inner.steps
        ways = min(again ** min(most, _MOST) * inner.ways * (most - least + 1), most_steps)
        ways = 1 if kind is codes.POSSESSIVE_REPEAT else ways
        alike = 1 if inner.least == inner.most and inner.ways == 1 else ways  # each number of repeats has its width
        return _Part(
            inner.chars, least * inner.least, most * inner.most, ways, steps, alike,
            needs=needs, first=inner.first, can_fail=least > 0,
        )  # fmt: skip

    def _is_clear(self, parts: Sequence[_Part], *, is_possessive: bool) -> bool:
        """Return whether a text has one reading as repeats of these: of one width, or with a mark between them."""
        if not any(part.runs for part in parts):
            is_fixed = all(part.least == part.most and part.ways == 1 for part in parts)
            return is_fixed or (is_possessive and all(part.least for part in parts[:1]))
        runs = [part for part in parts if part.runs]
        others = [part for part in parts if not part.runs]
        if len(runs) != 1 or not runs[0].is_class or any(not one.least or one.looks for one in others):
            return False
        return bool(others) and all(
            one.least == one.most == 1 and one.chars.isdisjoint(runs[0].chars) for one in others
        )

    def _branch(self, ways: Sequence[_Part]) -> _Part:
        chars, first = (
            frozenset[str]().union(*sets)
            for sets in zip(*((one.chars, one.first or one.chars) for one in ways), strict=True)
        )
        # of alternatives that begin with different characters one alone goes on
        is_one = sum(len(one.first or one.chars) for one in ways) == len(first) and all(one.least for one in ways)
        several = max if is_one else sum
        return _Part(
            chars, min(one.least for one in ways), max(one.most for one in ways),
            min(several([one.ways for one in ways]), _MOST * _MOST),
            len(ways) + several([one.steps for one in ways]), several([one.alike for one in ways]),
            runs=any(one.runs for one in ways), needs=self._needs(ways), first=first,
            fails_late=any(one.fails_late for one in ways),
        )  # fmt: skip

    def _needs(self, ways: Sequence[_Part]) -> tuple[Chars, ...]:
        if not all(one.needs for one in ways):
            return ()
        return tuple(frozenset[str]().union(*(one.needs[place] for one in ways)) for place in (0, -1))

    def _joined(self, parts: Sequence[_Part]) -> _Part:
        """Return parts behind each other as one."""
        if len(parts) == 1:
            return parts[0]
        steps, ways = 1, 1
        for number, part in enumerate(parts):
            steps, ways = steps + ways * part.steps, min(ways * _ways(part, parts[number + 1 :]), _MOST * _MOST)
        if sum(part.runs for part in parts) > 1:
            _check(parts, self._alphabet, at_runs=True)
        chars = frozenset[str]().union(*(part.chars for part in parts if not part.looks))
        needs = tuple(need for part in parts for need in part.needs)
        fixed = sum(part.least == part.most and part.ways == 1 for part in parts)
        alike = max(part.alike for part in parts) if parts and fixed >= len(parts) - 1 else ways
        return _Part(
            chars, sum(part.least for part in parts), sum(part.most for part in parts), ways, steps, alike,
            runs=any(part.runs for part in parts), needs=needs, first=_first(parts),
            fails_late=any(
                part.runs and (part.fails_late or any(one.can_fail for one in parts[number + 1 :]))
                for number, part in enumerate(parts)
            ),
        )  # fmt: skip

    def _chars(self, kind: Any, value: Any) -> Chars:
        if kind is codes.LITERAL:
            return frozenset(chr(value))
        if kind is codes.NOT_LITERAL:
            return self._alphabet - {chr(value)}
        if kind is codes.ANY:
            return self._alphabet - {"\n"}
        found: set[str] = set()
        for one, inner in value:
            if one is codes.LITERAL:
                found.add(chr(inner))
            elif one is codes.RANGE:
                found |= {char for char in self._alphabet if inner[0] <= ord(char) <= inner[1]}
            elif one is codes.CATEGORY:
                pattern, is_in = _CATEGORIES[inner]
                found |= {char for char in self._alphabet if (pattern.match(char) is not None) == is_in}
        return self._alphabet - found if value[0][0] is codes.NEGATE else frozenset(found)


def _flat(nodes: Nodes) -> list[tuple[Any, Any]]:
    """Return nodes with those of plain groups in their place.

    Raises:
        Unbounded: If a group has flags of its own.

    """
    found: list[tuple[Any, Any]] = []
    for kind, value in nodes:
        if kind is not codes.SUBPATTERN:
            found.append((kind, value))
        elif value[1] or value[2]:
            raise Unbounded("has flags of a group: write the letters of both cases, as in [Tt]oken")
        else:
            found += _flat(value[3])
    return found


def _alphabet(nodes: Iterable[Any]) -> Chars:
    """Return characters by which all classes of an expression can be told apart: the ends of ranges, and their like."""
    found = set(_BASE)
    left: list[Any] = list(nodes)
    while left:
        one = left.pop()
        if isinstance(one, int) and not isinstance(one, bool):
            found |= {chr(code) for code in (int(one) - 1, int(one), int(one) + 1) if 0 <= code <= 0x10FFFF}
        elif isinstance(one, tuple | list | parser.SubPattern):
            left += list(one)
    return frozenset(found)


def _class_of(node: tuple[Any, Any]) -> str:
    """Return the class of a run as an expression."""
    kind, value = node[1][2][0]
    if kind is codes.ANY:
        return "."
    return _written([(kind, value)] if kind is not codes.IN else value)


def _written(items: Sequence[tuple[Any, Any]]) -> str:
    texts: list[str] = []
    names = {codes.CATEGORY_DIGIT: "d", codes.CATEGORY_WORD: "w", codes.CATEGORY_SPACE: "s"}
    names |= {codes.CATEGORY_NOT_DIGIT: "D", codes.CATEGORY_NOT_WORD: "W", codes.CATEGORY_NOT_SPACE: "S"}
    for kind, value in items:
        if kind is codes.NEGATE:
            texts.append("^")
        elif kind in (codes.LITERAL, codes.NOT_LITERAL):
            texts.append(("^" if kind is codes.NOT_LITERAL else "") + f"\\U{value:08x}")
        elif kind is codes.RANGE:
            texts.append(f"\\U{value[0]:08x}-\\U{value[1]:08x}")
        else:
            texts.append(f"\\{names[value]}")
    return f"[{''.join(texts)}]"
