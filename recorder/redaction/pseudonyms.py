"""Keyed pseudonyms: the same value gives the same one, in its own shape, and no two values share one.

A value is a number in a mixed radix (26 for a letter, 10 for a digit, 16 for a hex digit; what else is in it stays) and
its pseudonym is another number of the same range: a permutation under the key, made by a Feistel network as in NIST
SP 800-38G. So a uuid gives a uuid, an integer one of the same width; nothing has to be remembered to keep them apart.
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
_RANDOM = 1 << 96  # from this range on nobody will see two hashes alike
_SMALL = 1 << 24  # below this a value must not be its own pseudonym by chance
_REMEMBERED, _LONGEST, _SHAPES = 5_000, 1_000, 1_000  # values, characters of one, shapes of values
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEX = re.compile(r"[0-9a-f]{16,}|[0-9A-F]{16,}")
_EMAIL = re.compile(r"([^@\s]+)@([^@\s]+)")
_PHONE = re.compile(r"[+(]?\d[\d ()./-]*", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d|\d\d\.\d\d\.\d{4}", re.ASCII)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_FREE_CODE = "999"  # of countries: reserved by the ITU, so that no pseudonym can be called (E.164)
_HEX_LOWER, _HEX_UPPER = digits + "abcdef", digits + "ABCDEF"
_BLOCK = 64  # neighbours in Unicode: a letter of another script gives one of the same script


_Round: TypeAlias = Callable[[int], int]


class Kind(Enum):
    """What a value is that must not be kept."""

    SECRET = "secret"  # noqa: S105  # opens something
    PERSONAL = "personal"  # tells of a person
    ID = "id"  # needed to tell things apart; keeps its width


Span: TypeAlias = tuple[int, int, Kind]  # where a value begins and ends in a text, and what it is


@dataclass(slots=True)
class Pseudonyms:
    """The pseudonyms under one key.

    Attributes:
        key: 16 to 64 secret bytes. Without them nobody can compute a pseudonym, or undo one.

    """

    key: bytes
    _made: dict[tuple[Kind, str], str] = field(default_factory=dict)  # the last ones; they begin anew when it is full
    _rounds: dict[tuple[bytes, int], list[_Round]] = field(default_factory=dict)  # by shape and width

    def of(self, kind: Kind, value: str) -> str:
        """The pseudonym of a value."""
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
        if email:  # as mail to many does it (VERP), so that two addresses stay two
            return f"{self._permuted(email[1])}-at-{self._permuted(email[2])}@example.com"
        if kind is Kind.PERSONAL and is_phone(value):
            first = re.search(r"\d", value)
            start = first.start() if first else 0
            return value[:start] + _FREE_CODE + self._permuted(value)[start:]
        if kind is Kind.ID:  # of a path its last part: elsewhere that stands alone
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
        """What a hash makes of a long value: in a range so large it is as good as a permutation."""
        seed = blake2b(value.encode("utf-8", "surrogatepass"), key=self.key).digest()
        steps = memoryview(shake_256(seed).digest(2 * len(value))).cast("H")
        return "".join([a[step % len(a)] if a else char for char, a, step in zip(value, alphabets, steps, strict=True)])

    def _place(self, place: int, size: int, shape: bytes) -> int:
        """Where a place of a range goes; each place to another one."""
        bits = (size - 1).bit_length()
        half = (bits + 1) // 2
        rounds = self._rounds.get((shape, half))
        if rounds is None:
            if len(self._rounds) >= _SHAPES:
                self._rounds.clear()
            rounds = self._rounds[shape, half] = [_round(self.key, number, shape, half) for number in range(_ROUNDS)]
        if size < _SMALL:  # a step along a circle that the key has laid: nobody stays where they are
            return _walk((_walk(place, rounds[::-1], half, size, back=True) + 1) % size, rounds, half, size)
        return _walk(place, rounds, half, size)


def is_phone(value: str) -> bool:
    """Whether a value that is known to be personal has the form of a telephone number."""
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
    """A Feistel network, gone through until it ends inside the range (cycle walking)."""
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
    """What each character may become; nothing for those that stay."""
    if _NUMBER.fullmatch(value):
        return _of_number(value)
    if _UUID.fullmatch(value):
        alphabet = _HEX_UPPER if any(char in "ABCDEF" for char in value) else _HEX_LOWER
        same_case = value.upper() if alphabet is _HEX_UPPER else value.lower()
        if same_case == value:  # its version and variant stay
            return ["" if char == "-" or place in (14, 19) else alphabet for place, char in enumerate(value)]
    elif _HEX.fullmatch(value):
        return [_HEX_LOWER if value.islower() else _HEX_UPPER] * len(value)
    return [_alphabet(char) for char in value]


def _of_number(value: str) -> list[str]:
    """A number keeps its width: no zero is put in front, and its exponent stays."""
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
