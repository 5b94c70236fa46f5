"""Make keyed pseudonyms: equal values get equal pseudonyms, different values different ones, each in the value's shape.

A value is read as a number in a mixed radix: 26 for a letter, 10 for a digit, 16 for a hex digit; all other characters
stay. Its pseudonym is another number in the same range, given by a permutation that depends on the key: a Feistel
network as in NIST SP 800-38G. So a uuid becomes a uuid, an integer an integer of the same width, and no table of
pseudonyms is needed to keep them different.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from hashlib import blake2b, shake_256
from string import ascii_lowercase, ascii_uppercase, digits
from typing import TypeAlias

_ROUNDS = 8
_RANDOM = 1 << 96  # from this range on a hash replaces the permutation: equal hashes are too unlikely
_SMALL = 1 << 24  # below this range a permutation may map a value to itself by chance, so that is prevented
_REMEMBERED, _LONGEST, _SHAPES = 5_000, 1_000, 1_000  # cached values, characters of the longest one, cached shapes
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEX = re.compile(r"[0-9a-f]{16,}|[0-9A-F]{16,}")
_EMAIL = re.compile(r"([^@\s]+)@([^@\s]+)")
_PHONE = re.compile(r"[+(]?\d[\d ()./-]*", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d|\d\d\.\d\d\.\d{4}", re.ASCII)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_FREE_CODE = "999"  # a country code that the ITU keeps in reserve (E.164): a pseudonym cannot be called
_HEX_LOWER, _HEX_UPPER = digits + "abcdef", digits + "ABCDEF"
_BLOCK = 64  # Unicode characters; other letters are replaced inside their block, which keeps the script


_Round: TypeAlias = Callable[[int], int]


class Kind(Enum):
    """Why a value must not be kept."""

    SECRET = "secret"  # noqa: S105  # gives access, such as a token
    PERSONAL = "personal"  # describes a person
    ID = "id"  # needed to link requests and events; the pseudonym has the width of the value


Span: TypeAlias = tuple[int, int, Kind]  # begin and end of a value in a text, and its kind


@dataclass(slots=True)
class Pseudonyms:
    """The pseudonyms under one key.

    Attributes:
        key: 16 to 64 secret bytes. Without the key a pseudonym can neither be computed nor undone.

    """

    key: bytes
    _made: dict[tuple[Kind, str], str] = field(default_factory=dict)  # a cache, emptied when it is full
    _rounds: dict[tuple[bytes, int], list[_Round]] = field(default_factory=dict)  # by shape, and bits of half a number

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
            return f"{self._permuted(email[1])}-at-{self._permuted(email[2])}@example.com"
        if kind is Kind.PERSONAL and is_phone(value):
            first = re.search(r"\d", value)
            start = first.start() if first else 0
            return value[:start] + _FREE_CODE + self._permuted(value)[start:]
        if kind is Kind.ID:  # only the last part of a path, because other places have that part alone
            before, slash, last = value.rpartition("/")
            return before + slash + self._permuted(last)
        return self._permuted(value)

    def _permuted(self, value: str) -> str:
        alphabets = _alphabets(value)
        size = 1
        for alphabet in alphabets:
            size *= len(alphabet) or 1
            if size >= _RANDOM:
                return self._random(value, alphabets)
        place = 0
        for char, alphabet in zip(value, alphabets, strict=True):
            if alphabet:
                place = place * len(alphabet) + alphabet.index(char)
        if size == 1:
            return value
        shape = "".join(char if not alphabet else alphabet[0] for char, alphabet in zip(value, alphabets, strict=True))
        place = self._place(place, size, shape.encode("utf-8", "surrogatepass"))
        chars = []
        for char, alphabet in zip(reversed(value), reversed(alphabets), strict=True):
            if alphabet:
                place, index = divmod(place, len(alphabet))
                chars.append(alphabet[index])
            else:
                chars.append(char)
        return "".join(reversed(chars))

    def _random(self, value: str, alphabets: list[str]) -> str:
        """Return a pseudonym by a keyed hash, for a value in a range of 2**96 or more.

        In a range that large two values practically never share a hash, so the slower permutation is not needed.
        """
        seed = blake2b(value.encode("utf-8", "surrogatepass"), key=self.key).digest()
        steps = memoryview(shake_256(seed).digest(2 * len(value))).cast("H")
        return "".join([a[step % len(a)] if a else char for char, a, step in zip(value, alphabets, steps, strict=True)])

    def _place(self, place: int, size: int, shape: bytes) -> int:
        """Return the number that the keyed permutation of 0 … `size` - 1 gives for `place`."""
        bits = (size - 1).bit_length()
        half = (bits + 1) // 2
        rounds = self._rounds.get((shape, half))
        if rounds is None:
            if len(self._rounds) >= _SHAPES:
                self._rounds.clear()
            rounds = self._rounds[shape, half] = [_round(self.key, number, shape, half) for number in range(_ROUNDS)]
        if size < _SMALL:
            # The permutation orders all numbers in a circle; one step along the circle moves each number.
            return _walk((_walk(place, rounds[::-1], half, size, back=True) + 1) % size, rounds, half, size)
        return _walk(place, rounds, half, size)


def is_phone(value: str) -> bool:
    """Return whether a personal value has the form of a telephone number: 7 to 15 digits, and not a date.

    Only for values known to be personal: many other numbers have this form.
    """
    return (
        _PHONE.fullmatch(value) is not None
        and 7 <= sum(char.isdigit() for char in value) <= 15
        and _DATE.fullmatch(value) is None
    )


def _round(key: bytes, number: int, shape: bytes, half: int) -> _Round:
    base = blake2b(bytes([number]) + shape, key=key, digest_size=16)
    width, mask = (half + 7) // 8, (1 << half) - 1

    def scramble(value: int) -> int:
        state = base.copy()
        state.update(value.to_bytes(width, "big"))
        return int.from_bytes(state.digest(), "big") & mask

    return scramble


def _walk(place: int, rounds: list[_Round], half: int, size: int, *, back: bool = False) -> int:
    """Return the number that a Feistel network gives for `place`; `back` inverts it.

    The network permutes a power of four, so it is applied again until the result is below `size` (cycle walking).
    """
    mask = (1 << half) - 1
    while True:
        left, right = place >> half, place & mask
        for scramble in rounds:
            if back:
                left, right = right ^ scramble(left), left
            else:
                left, right = right, left ^ scramble(right)
        place = left << half | right
        if place < size:
            return place


def _alphabets(value: str) -> list[str]:
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
    alphabets[first] = "" if value[first] == "0" else "123456789"
    end = re.search("[eE]", value)
    return alphabets if end is None else [*alphabets[: end.start()], *[""] * (len(value) - end.start())]


@cache
def _alphabet(char: str) -> str:
    for alphabet in (ascii_lowercase, ascii_uppercase, digits):
        if char in alphabet:
            return alphabet
    if not char.isalnum():
        return ""
    start = ord(char) // _BLOCK * _BLOCK
    return "".join(other for other in map(chr, range(start, start + _BLOCK)) if other.isalnum())
