"""Make keyed pseudonyms: equal values get equal pseudonyms, different values different ones, each in the value's shape.

A value is read as a number in a mixed radix: 26 for a letter, 10 for a digit, 12 for a month; other characters stay.
Its pseudonym is another number in the same range, given by a permutation that depends on the key: a Feistel network as
in NIST SP 800-38G. So a uuid becomes a uuid, a date a date, an integer an integer of the same width, and no table of
pseudonyms is needed to keep them different. docs/security.md tells why the network is none of NIST's.
"""

from __future__ import annotations

import re
from array import array
from calendar import monthrange
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache, lru_cache, partial
from hashlib import blake2b, shake_256
from operator import mul
from string import ascii_lowercase, ascii_uppercase, digits
from typing import TypeAlias

_ROUNDS = 8
_RANDOM = 1 << 96  # from this range on a hash replaces the permutation: equal hashes are too unlikely
_SMALL = 1 << 24  # below this range a permutation may map a value to itself by chance, so that is prevented
_REMEMBERED, _LONGEST, _SHAPES = 5_000, 1_000, 1_000  # cached values, characters of the longest one, cached shapes
_LONGEST_PLAN = 64  # characters of a value whose shape is cached
_TABLES = 16_000_000  # bytes of the tables of rounds together
_EMAIL = re.compile(r"([^@\s]+)@([^@\s]+)")
_PHONE = re.compile(r"[+(]?\d[\d ()./-]*", re.ASCII)
_LIKE_DATE = re.compile(r"\d{4}-\d\d-\d\d|\d\d\.\d\d\.\d{4}", re.ASCII)
_DECIMAL = re.compile(r"(?:0|[1-9]\d*)\.\d+", re.ASCII)  # a number of JSON, such as a latitude
_AT = "-at-"
_FREE_CODE = "999"  # a country code that the ITU keeps in reserve (E.164): a pseudonym cannot be called
Choice: TypeAlias = Sequence[str]  # the texts that may replace a unit, all of one length; none if the unit stays

_LITERALS = frozenset(("true", "false", "null", "yes", "no"))
_LONGEST_LITERAL = 5
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEX = re.compile(r"[0-9a-f]{16,}|[0-9A-F]{16,}")
_SHORTEST_HEX = 16
_BEGINS_NUMBER = frozenset(digits + "-")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_HEX_LOWER, _HEX_UPPER = digits + "abcdef", digits + "ABCDEF"
_BLOCK = 64  # Unicode characters; other letters are replaced inside their block, which keeps the script

# The name of a group begins with its part: year, month, day, either (a day or a month: 05/06/1980 is read in both
# ways), hour, sixty (a minute or a second), fraction. The forms of ISO 8601, RFC 3339, XML Schema (a date may have an
# offset without a time) and those with the year at the end.
_DATE = (
    r"(?P<y1>\d{4})(?P<mark>[-/.])(?P<m1>\d\d)(?P=mark)(?P<d1>\d\d)"
    r"|(?P<e1>\d{1,2})(?P<dash>[-/.])(?P<e2>\d{1,2})(?P=dash)(?P<y2>\d{4}|\d\d)"
)
_TIME = r"(?P<h1>\d{1,2}):(?P<s1>\d\d)(?::(?P<s2>\d\d)(?:[.,](?P<f1>\d{1,12}))?)?(?P<half> ?[AaPp][Mm])?"
_COMPACT = r"(?P<y3>\d{4})(?P<m3>\d\d)(?P<d3>\d\d)(?:T(?P<h3>\d\d)(?P<s3>\d\d)(?P<s4>\d\d)(?:\.(?P<f3>\d{1,12}))?)?"
_OFFSET = r"(?: ?(?:[Zz]|UTC|GMT|[+-]\d\d(?::?\d\d)?))?"
_MOMENT = re.compile(rf"(?:(?:(?:{_DATE})(?:(?:[Tt ]|, )(?=\d)|(?!\d)))?(?:{_TIME})?|{_COMPACT}){_OFFSET}", re.ASCII)
_LONGEST_MOMENT = 48  # characters
_AS_ZEROS = str.maketrans(digits, "0" * len(digits))


def _numbers(first: int, last: int, width: int = 2) -> tuple[str, ...]:
    return tuple(f"{number:0{width}}" for number in range(first, last + 1))


_NEAR_YEARS, _YEARS = _numbers(1900, 2099, 4), _numbers(1, 9999, 4)
_MONTHS, _LATER_DAYS, _DAYS = _numbers(1, 12), _numbers(13, 31), _numbers(1, 31)
_SIXTY, _HOURS, _HALF_HOURS = _numbers(0, 59), _numbers(0, 23), _numbers(1, 12)
_NOT_ZERO = digits[1:]
_CHOICES: dict[str, tuple[Choice, ...]] = {  # by part; of several the first one that has the text
    "y": (_NEAR_YEARS, _YEARS, _numbers(0, 99)),
    "m": (_MONTHS,),
    "d": (_DAYS,),
    "e": (_MONTHS, _LATER_DAYS, _NOT_ZERO),
    "h": (_HOURS, digits),
    "half": (_HALF_HOURS, _NOT_ZERO),
    "s": (_SIXTY,),
    "f": (digits,),  # each digit is a unit
}
_PARTS = tuple(name for name in _MOMENT.groupindex if name[-1].isdigit())  # from left to right

_Round: TypeAlias = Callable[[], blake2b]


class Kind(Enum):
    """Why a value must not be kept."""

    SECRET = "secret"  # noqa: S105  # gives access, such as a token
    PERSONAL = "personal"  # describes a person
    ID = "id"  # needed to link requests and events; the pseudonym has the width of the value

    __hash__ = object.__hash__  # in C; that of `Enum` takes a fifth of the time of a scan with many findings


Span: TypeAlias = tuple[int, int, Kind]  # begin and end of a value in a text, and its kind


@dataclass(slots=True)
class Pseudonyms:
    """The pseudonyms under one key.

    Attributes:
        key: 16 to 64 secret bytes. Without the key a pseudonym can neither be computed nor undone.

    """

    key: bytes
    _made: dict[tuple[Kind, str], str] = field(default_factory=dict)  # a cache, emptied when it is full
    _domains: dict[str, str] = field(default_factory=dict)  # of e-mail addresses: many share one
    _rounds: dict[tuple[bytes, int], list[_Round]] = field(default_factory=dict)  # by shape, and bits of half a number
    _tables: dict[tuple[bytes, int], list[array[int]]] = field(default_factory=dict)  # results of the rounds so far
    _room: int = _TABLES  # bytes that are left for tables

    def of(self, kind: Kind, value: str) -> str:
        """Return the pseudonym of a value."""
        found = self._made.get((kind, value))
        if found is None:
            found = self._make(kind, value)
            if len(self._made) >= _REMEMBERED:
                self._made.clear()
            if len(value) <= _LONGEST:
                self._made[kind, value] = found
        return found

    def _make(self, kind: Kind, value: str) -> str:
        email = _EMAIL.fullmatch(value)
        if email:  # the domain goes into the local part, as in VERP, so that different addresses stay different
            return f"{self._permuted(email[1])}{_AT}{self._domain(email[2])}@example.com"
        if kind is Kind.PERSONAL and is_phone(value):
            first = re.search(r"\d", value)
            start = first.start() if first else 0
            return value[:start] + _FREE_CODE + self._permuted(value)[start:]
        if kind is Kind.ID and not typed(value):  # only the last part of a path, as other places have that part alone
            before, slash, last = value.rpartition("/")
            return before + slash + self._permuted(last)
        return self._permuted(value)

    def _domain(self, name: str) -> str:
        """Return the pseudonym of the domain of an e-mail address."""
        made = self._domains.get(name)
        if made is None:
            made = self._permuted(name)
            if len(self._domains) >= _SHAPES:
                self._domains.clear()
            if len(name) <= _LONGEST:
                self._domains[name] = made
        return made

    def _permuted(self, value: str) -> str:
        """Return another value of the same type and shape.

        A result of another type is permuted again (cycle walking), until the type is that of the value: no date becomes
        30 February, no word becomes `true`.
        """
        own = typed(value)
        plan = None if own else plan_of(value)
        if plan is not None and plan.size < _RANDOM:
            return self._planned(value, plan)
        wanted = own and own.choices
        texts: Sequence[str]
        choices: Sequence[Choice]
        if own:
            texts, choices = own.texts, own.choices
        else:
            texts, choices = value, alphabets(value) if plan is None else plan.choices
        size = _size(choices)
        if size == 1:
            return value
        permuted = self._random if size >= _RANDOM else partial(self._counted, size, _shape(texts, choices))
        while True:
            texts = permuted(texts, choices)
            made = "".join(texts)
            other = typed(made)
            if (other and other.choices) == wanted:
                return made

    def _planned(self, value: str, plan: Plan) -> str:
        """Return the pseudonym of a value without a type: as `_counted`, by what is known of the shape."""
        if plan.size == 1:
            return value
        place = sum(map(mul, map(_INDEX.__getitem__, value), plan.weights)) - plan.less
        while True:
            place = left = self._place(place, plan.size, plan.shape)
            pieces = list[str]()
            for choice in plan.back:
                if len(choice) == 1:
                    pieces.append(choice)
                else:
                    left, index = divmod(left, len(choice))
                    pieces.append(choice[index])
            made = "".join(reversed(pieces))
            if typed(made) is None:
                return made

    def _counted(self, size: int, shape: bytes, texts: Sequence[str], choices: Sequence[Choice]) -> list[str]:
        """Return the texts of a pseudonym by a permutation of all `size` rows of choices."""
        place = 0
        for text, choice in zip(texts, choices, strict=True):
            if choice:
                place = place * len(choice) + choice.index(text)
        place = self._place(place, size, shape)
        made = []
        for text, choice in zip(reversed(texts), reversed(choices), strict=True):
            if choice:
                place, index = divmod(place, len(choice))
                made.append(choice[index])
            else:
                made.append(text)
        return made[::-1]

    def _random(self, texts: Sequence[str], choices: Sequence[Choice]) -> list[str]:
        """Return the texts of a pseudonym by a keyed hash, for a value in a range of 2**96 or more.

        In a range that large two values practically never share a hash, so the slower permutation is not needed.
        """
        seed = blake2b("".join(texts).encode("utf-8", "surrogatepass"), key=self.key).digest()
        steps = memoryview(shake_256(seed).digest(2 * len(texts))).cast("H")
        return [c[step % len(c)] if c else text for text, c, step in zip(texts, choices, steps, strict=True)]

    def _place(self, place: int, size: int, shape: bytes) -> int:
        """Return the number that the keyed permutation of 0 … `size` - 1 gives for `place`."""
        bits = (size - 1).bit_length()
        half = (bits + 1) // 2
        own = shape, half
        rounds = self._rounds.get(own)
        if rounds is None:
            if len(self._rounds) >= _SHAPES:
                self._rounds.clear()
            rounds = self._rounds[own] = [_round(self.key, number, shape) for number in range(_ROUNDS)]
        if size >= _SMALL:
            return _walk(place, rounds, half, size)
        tables = self._tables.get(own)
        if tables is None:
            tables = self._tables[own] = self._new_tables(half)
        # The permutation orders all numbers in a circle; one step along the circle moves each number.
        return _stepped(place, rounds, tables, half, size)

    def _new_tables(self, half: int) -> list[array[int]]:
        empty = array("h", [-1]) * (1 << half)  # a half has 12 bits at most
        size = _ROUNDS * len(empty) * empty.itemsize
        if self._room < size:
            self._tables.clear()
            self._room = _TABLES
        self._room -= size
        return [empty[:] for _ in range(_ROUNDS)]


def is_phone(value: str) -> bool:
    """Return whether a personal value has the form of a telephone number: 7 to 15 digits, and not a date.

    Only for values known to be personal: many other numbers have this form.
    """
    return (
        _PHONE.fullmatch(value) is not None
        and 7 <= sum(map(str.isdigit, value)) <= 15
        and _LIKE_DATE.fullmatch(value) is None
        and _DECIMAL.fullmatch(value) is None
        and typed(value) is None
    )


def _size(choices: Sequence[Choice]) -> int:
    """Return the number of rows of choices; from `_RANDOM` on any number that large.

    The whole product would have as many digits as a long value has characters, and take quadratic time.
    """
    size = 1
    for choice in choices:
        size *= len(choice) or 1
        if size >= _RANDOM:
            break
    return size


def _shape(texts: Sequence[str], choices: Sequence[Choice]) -> bytes:
    shape = "".join([choice[0] if choice else text for text, choice in zip(texts, choices, strict=True)])
    return shape.encode("utf-8", "surrogatepass")


def _round(key: bytes, number: int, shape: bytes) -> _Round:
    """Return what begins the hash of a round: the digest after a half of a number was added is its result."""
    return blake2b(bytes([number]) + shape, key=key, digest_size=16).copy


def _walk(place: int, rounds: list[_Round], half: int, size: int) -> int:
    """Return the number that a Feistel network gives for `place`.

    The network permutes a power of four, so it is applied again until the result is below `size` (cycle walking).
    """
    width, mask, number_of = (half + 7) // 8, (1 << half) - 1, int.from_bytes
    while True:
        left, right = place >> half, place & mask
        for begun in rounds:  # `_scrambled`, without a call of its own
            state = begun()
            state.update(right.to_bytes(width, "big"))
            left, right = right, left ^ (number_of(state.digest(), "big") & mask)
        place = left << half | right
        if place < size:
            return place


def _scrambled(begun: _Round, value: int, half: int) -> int:
    state = begun()
    state.update(value.to_bytes((half + 7) // 8, "big"))
    return int.from_bytes(state.digest(), "big") & ((1 << half) - 1)


def _stepped(place: int, rounds: list[_Round], tables: list[array[int]], half: int, size: int) -> int:
    """Return the number that a Feistel network gives for the number after that which it gives `place` for.

    Args:
        place: A number below `size`.
        rounds: Of the network.
        tables: What each round gives for each half, below 0 where that is not known yet: a hash takes ten times as long
            as a look at a table, and a short value needs dozens.
        half: Bits of half a number.
        size: Of the range. The network permutes a power of four, so it is applied again until the result is below
            `size` (cycle walking).

    """
    mask = (1 << half) - 1
    steps = list(zip(rounds, tables, strict=True))
    while True:
        left, right = place >> half, place & mask
        for begun, table in reversed(steps):
            mixed = table[left]
            if mixed < 0:
                mixed = table[left] = _scrambled(begun, left, half)
            left, right = right ^ mixed, left
        place = left << half | right
        if place < size:
            break
    place = (place + 1) % size
    while True:
        left, right = place >> half, place & mask
        for begun, table in steps:
            mixed = table[right]
            if mixed < 0:
                mixed = table[right] = _scrambled(begun, right, half)
            left, right = right, left ^ mixed
        place = left << half | right
        if place < size:
            return place


@dataclass(frozen=True, slots=True)
class Typed:
    """A date, a time, or a word such as `true`, as units.

    Values of equal choices are one class, such as all dates from 1900 to 2099. Some rows of choices are in no class
    (31 April), so whoever picks such a row must check it with `typed`.

    Attributes:
        texts: The units; joined they are the value.
        choices: For each unit the texts that may replace it.

    """

    texts: list[str]
    choices: list[Choice]


def typed(value: str) -> Typed | None:
    """Return a date, a time or a word such as `true` as units; None for any other value."""
    if len(value) <= _LONGEST_LITERAL and value.lower() in _LITERALS:
        return Typed([value], [""])
    if not value[:1].isdigit() or len(value) > _LONGEST_MOMENT or not _may_be_moment(value.translate(_AS_ZEROS)):
        return None
    found = _MOMENT.fullmatch(value)
    if found is None or not _is_date(found):
        return None
    texts: list[str] = []
    choices: list[Choice] = []
    last = 0
    for name in _PARTS:
        start, end = found.span(name)
        if start == end:
            continue
        part = "half" if name[0] == "h" and found["half"] else name[0]
        for text in value[start:end] if part == "f" else (value[start:end],):
            choice = next((choice for choice in _CHOICES[part] if text in choice), None)
            if choice is None:
                return None
            texts += [value[last:start], text]
            choices += ["", choice]
            last = start = start + len(text)
    return Typed([*texts, value[last:]], [*choices, ""])


@lru_cache(_SHAPES)
def _may_be_moment(shape: str) -> bool:
    """Return whether a value may be a date or a time, by its text with a zero for each digit: the form asks no more."""
    return _MOMENT.fullmatch(shape) is not None


@dataclass(frozen=True, slots=True)
class Plan:
    """Properties that the values of one shape share.

    Attributes:
        shape: The shape as bytes.
        size: How many values have it; `_RANDOM` stands for all that are larger.
        choices: For each character the characters that may replace it.
        weights: What each character counts in the number of a value.
        less: To be taken from the sum: no number begins with zero, so that the first digit counts from 1.
        back: From the last character to the first, the characters that may stand there.

    """

    shape: bytes
    size: int
    choices: list[str]
    weights: list[int]
    less: int
    back: list[str]


def plan_of(value: str) -> Plan | None:
    """Return the plan for a value without a type; None for one whose shape is not that of its classes of characters.

    Those are long values, digits of hexadecimal numbers, and numbers with an exponent or a leading zero.
    """
    size = len(value)
    if size > _LONGEST_PLAN or (size >= _SHORTEST_HEX and (_HEX.fullmatch(value) or _UUID.fullmatch(value))):
        return None
    is_number = value[:1] in _BEGINS_NUMBER and _NUMBER.fullmatch(value) is not None
    if is_number and ("e" in value or "E" in value or value.lstrip("-")[0] == "0"):
        return None
    return _plan(value.translate(_FIRST), is_number=is_number)


@lru_cache(_SHAPES)
def _plan(shape: str, *, is_number: bool) -> Plan:
    choices = list(map(_alphabet, shape))
    if is_number:
        choices[shape[0] == "-"] = _NOT_ZERO
    whole = _size(choices)
    weights, weight = list[int](), 1
    for choice in reversed(choices if whole < _RANDOM else ()):
        weights.append(weight if choice else 0)
        weight *= len(choice) or 1
    weights.reverse()
    return Plan(
        _shape(shape, choices), whole, choices, weights, weights[shape[0] == "-"] if is_number and weights else 0,
        [choice or char for char, choice in zip(reversed(shape), reversed(choices), strict=True)],
    )  # fmt: skip


class _First(dict[int, str]):
    """The first of the characters that may replace a character, by its number; itself if it stays."""

    def __missing__(self, number: int) -> str:
        first = self[number] = (_alphabet(chr(number)) or chr(number))[0]
        return first


class _Index(dict[str, int]):
    """The place of each character among those that may replace it; 0 for one that stays."""

    def __missing__(self, char: str) -> int:
        place = self[char] = max(0, _alphabet(char).find(char))
        return place


_FIRST, _INDEX = _First(), _Index()


def alphabets(value: str) -> list[str]:
    """Return for each character of a value the characters that may replace it; "" for one that stays."""
    if _NUMBER.fullmatch(value):
        return _of_number(value)
    if _UUID.fullmatch(value):
        alphabet = _HEX_UPPER if any(char in "ABCDEF" for char in value) else _HEX_LOWER
        same_case = value.upper() if alphabet is _HEX_UPPER else value.lower()
        if same_case == value:  # the digits at 14 and 19 are version and variant (RFC 9562), so they stay
            return ["" if char == "-" or place in (14, 19) else alphabet for place, char in enumerate(value)]
    elif _HEX.fullmatch(value):
        return [_HEX_LOWER if value.islower() else _HEX_UPPER] * len(value)
    return [_alphabet(char) for char in value]


def _of_number(value: str) -> list[str]:
    """Return what may replace each character of a number: no leading zero comes or goes, and the exponent stays."""
    first = 1 if value[0] == "-" else 0
    alphabets = [digits if char.isdigit() else "" for char in value]
    alphabets[first] = "" if value[first] == "0" else _NOT_ZERO
    end = re.search("[eE]", value)
    return alphabets if end is None else [*alphabets[: end.start()], *[""] * (len(value) - end.start())]


def _is_date(found: re.Match[str]) -> bool:
    """Return whether the day exists in its month and year; true for a time without a date."""
    year, month, day = found["y1"] or found["y3"], found["m1"] or found["m3"], found["d1"] or found["d3"]
    if found["y2"]:
        first, second = found["e1"], found["e2"]
        year, month, day = found["y2"], *((second, first) if int(first) > int(second) else (first, second))
    elif found["y3"] and year not in _NEAR_YEARS:
        return False  # eight digits are a date less often than any other number
    if not year:
        return True
    # Of the years with two digits 00 is a leap year, as 2000 was.
    full = int(year) if len(year) == 4 else 2000 + int(year)
    return 1 <= int(month) <= 12 and 1 <= int(day) <= monthrange(full, int(month))[1]


@cache
def _alphabet(char: str) -> str:
    for alphabet in (ascii_lowercase, ascii_uppercase, digits):
        if char in alphabet:
            return alphabet
    if not char.isalnum():
        return ""
    start = ord(char) // _BLOCK * _BLOCK
    return "".join(other for other in map(chr, range(start, start + _BLOCK)) if other.isalnum())
