"""Judge the fields of one message that differ: what is gone, renamed, of another type, new or changed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from ..dialect.definition import Dialect
from ..dialect.paths import as_key
from ..diff.bound import BOUND, Bound
from ..diff.differences import Difference, What
from ..diff.words import SERVER, SESSION
from ..frozen import dataclass
from ..model import JSON
from ..requests.bindings import ABSENT, HIDDEN
from .evidence import Evidence, Kind, type_of
from .judged import Rule, Tier, pattern_of, split

_LONGEST = 120  # characters of a value in a sentence
_ALIKE = 0.6  # of two names of one field, by difflib
_WORD = re.compile(r"[^\W\d][^\W\d-]*(?:[-_ .][^\W\d]+){0,2}")
_CODES = re.compile(r"(?:status|state|code|result|reason)s?", re.IGNORECASE)
_OWN = frozenset({HIDDEN, SESSION, SERVER})  # values that another server deals otherwise
_CLEAR, _LONG = 4, 8  # characters of a value, with a digit or without, that is not equal to another one by chance


@dataclass(frozen=True, slots=True)
class Mark:
    """A difference with its tier, before those that are alike are joined; `where` and others are as in `Judged`."""

    tier: Tier
    rule: Rule
    where: str
    text: str
    old: JSON = ABSENT
    new: JSON = ABSENT


class Fields:
    """A judge of the fields of messages."""

    def __init__(self, evidence: Evidence, live: Evidence, bound: Bound, dialect: Dialect) -> None:
        """Take what the recording and the live one hold, and the values that the drive bound."""
        self._evidence, self._live, self._bound = evidence, live, bound
        tables = [*dialect.event_keys.items(), *dialect.ack_keys.items()]
        self._keys = {(key, path) for key, paths in tables for path in paths}
        self._paths = {path for _, path in self._keys}

    def marks(self, found: Sequence[Difference], kind: Kind) -> Iterator[Mark]:
        """Yield the marks of the fields of one message that differ."""
        renamed = self._renamed(found)
        taken = {one.where for pair in renamed for one in pair}
        for gone, added in renamed:
            names = (_last(one.where) for one in (gone, added))
            yield Mark(Tier.ERROR, Rule.RENAMED, gone.where, "{} is called {} now".format(*names), gone.old, added.new)
        shortened: set[str] = set()
        for one in found:
            if one.where in taken:
                continue
            if one.where.endswith("]") and one.what in {What.FIELD_REMOVED, What.FIELD_ADDED}:
                place = one.where.rpartition("[")[0]
                if place not in shortened:
                    shortened.add(place)
                    yield _length(place, one)
                continue
            yield self._mark(one, kind)

    def _mark(self, one: Difference, kind: Kind) -> Mark:
        pattern = pattern_of(split(one.where)[2])
        change = f"{shown(one.old)} became {shown(one.new)}"
        match one.what:
            case What.FIELD_REMOVED if self._evidence.is_optional(kind, pattern):
                text = f"had {shown(one.old)}; other messages of the recording lack it too"
                return Mark(Tier.INFO, Rule.OPTIONAL, one.where, text, one.old)
            case What.FIELD_REMOVED:
                return Mark(Tier.ERROR, Rule.GONE, one.where, f"had {shown(one.old)}", one.old)
            case What.FIELD_ADDED:
                known = "; other messages of the recording have it too" * self._evidence.has(kind, pattern)
                return Mark(Tier.INFO, Rule.ADDED, one.where, f"has {shown(one.new)}{known}", new=one.new)
            case What.FIELD_TYPED:
                return self._typed(one, kind, pattern)
            case What.RENAMED:
                return self._id(one, change)
            case What.FIELD_CHANGED if as_key(one.old) in self._bound.old:
                return self._id(replace(one, kinds=(BOUND,)), change)
        tier, rule = self._changed(one, kind, pattern)
        return Mark(tier, rule, one.where, change, one.old, one.new)

    def _typed(self, one: Difference, kind: Kind, pattern: str) -> Mark:
        old, new = type_of(one.old), type_of(one.new)
        text = f"{old} {shown(one.old)} became {new} {shown(one.new)}"
        if new in self._evidence.types(kind, pattern) or old == "null":
            return Mark(Tier.INFO, Rule.VALUE, one.where, text, one.old, one.new)
        tier, rule = (Tier.WARNING, Rule.EMPTY) if new == "null" else (Tier.ERROR, Rule.TYPE)
        return Mark(tier, rule, one.where, text, one.old, one.new)

    def _id(self, one: Difference, change: str) -> Mark:
        kinds = {*one.kinds} - _OWN
        tier = self._bound_tier(one) if kinds == {BOUND} else self._minted_tier(one, kinds)
        if tier is Tier.INFO:
            return Mark(tier, Rule.VALUE, one.where, change, one.old, one.new)
        text = f"{shown(one.new)} stands here for {shown(one.old)}, and another value elsewhere"
        return Mark(tier, Rule.ID, one.where, text, one.old, one.new)

    def _minted_tier(self, one: Difference, kinds: set[str]) -> Tier:
        """Return how much it weighs that a value of these keys of the dialect stands for two."""
        if any((kind, _path(one)) in self._keys for kind in kinds):
            return Tier.ERROR
        # ids are told by the names of their members, and what another key calls so may be equal by chance
        return Tier.WARNING if kinds and _is_clear(one.old) else Tier.INFO

    def _bound_tier(self, one: Difference) -> Tier:
        """Return how much it weighs that another value stands in place of one that the drive bound."""
        name = self._bound.old.get(as_key(one.old) or "")
        partners = [live for live, known in self._bound.new.items() if known == name]
        if name is not None and not any(map(self._live.holds, partners)):
            return Tier.INFO  # the live recording is redacted, and the value is hidden in it
        if not _is_clear(one.old):
            return Tier.INFO  # it may be equal to a bound one by chance: order 17 is not customer 17
        return Tier.ERROR if _path(one) in self._paths else Tier.WARNING

    def _changed(self, one: Difference, kind: Kind, pattern: str) -> tuple[Tier, Rule]:
        """Return how much a changed value weighs: states count, but counters, times, names and ids do not."""
        if self._evidence.is_free(kind, pattern):
            return Tier.INFO, Rule.VALUE
        both = one.old, one.new
        if all(isinstance(value, bool) for value in both):
            return Tier.WARNING, Rule.WORD
        if one.old not in ("", None) and one.new in ("", None):
            return Tier.WARNING, Rule.EMPTY
        if all(isinstance(value, str) and _WORD.fullmatch(value) for value in both):
            return Tier.WARNING, Rule.WORD
        is_code = all(isinstance(value, int) and abs(value) < 1000 for value in both)  # as of HTTP
        if is_code and _CODES.search(_last(one.where)):
            return Tier.WARNING, Rule.WORD
        return Tier.INFO, Rule.VALUE

    def _renamed(self, found: Iterable[Difference]) -> list[tuple[Difference, Difference]]:
        """Return the fields that are gone, each with the new one beside it that seems to be the same."""
        gone: dict[str, list[Difference]] = {}
        added: dict[str, list[Difference]] = {}
        for one in found:
            sides = {What.FIELD_REMOVED: gone, What.FIELD_ADDED: added}
            if one.what in sides and not one.where.endswith("]"):
                sides[one.what].setdefault(one.where[: -len(_last(one.where)) - 1], []).append(one)
        pairs = []
        for parent, mine in gone.items():
            its = added.get(parent, [])
            every = ((self._score(a, b), i, j) for i, a in enumerate(mine) for j, b in enumerate(its))
            scores = sorted(every, reverse=True)
            left, right = set(range(len(mine))), set(range(len(its)))
            is_alone = len(mine) == len(its) == 1
            for score, i, j in scores:
                if i in left and j in right and (score >= 1 or (is_alone and score > 0)):
                    pairs.append((mine[i], its[j]))
                    left.discard(i)
                    right.discard(j)
        return pairs

    def _score(self, gone: Difference, added: Difference) -> float:
        """Return how sure it is that a field was renamed: 0 for not at all, from 1 on it is."""
        if self._are_same(gone.old, added.new):
            return 3.0 if gone.old not in (None, "", True, False, [], {}) else 0.5 + _likeness(gone, added)
        if type_of(gone.old) != type_of(added.new):
            return 0.0
        likeness = _likeness(gone, added)
        if likeness >= _ALIKE:
            return 1.0 + likeness
        return 0.5 if _shape(gone.old) == _shape(added.new) else 0.0

    def _are_same(self, old: JSON, new: JSON) -> bool:
        if isinstance(old, dict) and isinstance(new, dict):
            return old.keys() == new.keys() and all(self._are_same(old[name], new[name]) for name in old)
        if isinstance(old, list) and isinstance(new, list):
            return len(old) == len(new) and all(map(self._are_same, old, new))
        return self._bound.same(old, new)


def shown(value: JSON) -> str:
    """Return a value as JSON, cut if it is long."""
    if value is ABSENT:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _length(place: str, one: Difference) -> Mark:
    word = "longer" if one.what is What.FIELD_ADDED else "shorter"
    is_empty = one.what is What.FIELD_REMOVED and one.where == f"{place}[0]"
    if is_empty:
        return Mark(Tier.WARNING, Rule.EMPTY, place, f"the list had {shown(one.old)} and more, and is empty")
    return Mark(Tier.INFO, Rule.LENGTH, place, f"the list is {word}", one.old, one.new)


def _path(one: Difference) -> str:
    """Return where a difference is as a dialect writes it."""
    return pattern_of(split(one.where)[2]).replace("[*]", ".*")


def _last(where: str) -> str:
    return where.rpartition(".")[2]


def _likeness(gone: Difference, added: Difference) -> float:
    mine, its = (re.sub(r"[_-]", "", _last(one.where)).lower() for one in (gone, added))
    return SequenceMatcher(None, mine, its, autojunk=False).ratio()


def _shape(value: JSON) -> JSON:
    """Return what two values of one field have in common: the members, or the kinds of characters."""
    if isinstance(value, dict):
        return sorted(value)
    if isinstance(value, list):
        return [_shape(item) for item in value[:1]]
    text = value if isinstance(value, str) else json.dumps(value)
    return re.sub(r"\d+", "0", re.sub(r"[^\W\d_]+", "a", text))


def _is_clear(value: JSON) -> bool:
    text = str(value)
    return len(text) >= _LONG or (len(text) >= _CLEAR and any(map(str.isdigit, text)))
