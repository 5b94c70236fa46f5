"""Find secrets and personal values by their form, where no name marks them: known formats and random words.

A format that has a check (a checksum, a header that must be JSON) is checked, so that a pseudonym of the same shape is
not reported. No maintained detector fits, hence this module: detect-secrets, the one detector on the package index that
is a library, works on lines of source text and reports two values in every three lines of a redacted cassette.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

_WORD = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
_LONG_PAIR = 16  # characters of base64
_CARD = r"(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|6(?:011|5\d\d))"  # the first four digits of a card number with sixteen
_RESERVED = re.compile(r"[@.](?:example\.(?:com|net|org)|example|invalid|test|localhost)$")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# Least values for a random word: the entropy in bits per character (Shannon), and the share of neighbouring characters
# of different classes (digit, small letter, capital). Names and paths change class less often than random words.
# tests/redaction measures how many random words are found with these values.
_ENTROPY, _TURNS, _TURNS_OF_ONE_CASE = 2.9, 0.42, 0.2


@dataclass(frozen=True, slots=True)
class Hit:
    """A suspicious value in a text.

    Attributes:
        kind: Name of its format, e.g. "JWT", or "random word".
        start: Index of its first character.
        end: Index after its last character.

    """

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Format:
    kind: str
    pattern: re.Pattern[str]
    real: Callable[[str], bool]


def found(text: str, *, words: bool = True) -> list[Hit]:
    """Return the suspicious values in a text, from left to right, without overlaps.

    Args:
        text: Any text.
        words: Whether to report words that look random, beside the known formats.

    """
    hits: list[Hit] = []
    if len(text) < 6:
        return hits
    for form in _FORMATS:
        hits += [
            Hit(form.kind, *match.span())
            for match in form.pattern.finditer(text)
            if form.real(match[0]) and _apart(hits, match)
        ]
    if words:
        hits += [
            Hit("random word", *match.span())
            for match in _WORD.finditer(text)
            if is_random(match[0]) and _apart(hits, match)
        ]
    return sorted(hits, key=lambda hit: hit.start)


def is_random(word: str) -> bool:
    """Return whether a word of at least 20 characters looks generated.

    Such a word has many different characters, and small letters, capitals and digits alternate in it. A word that
    contains a uuid does not count, nor does base64 of readable text.
    """
    word = word.rstrip("=")
    if len(word) < 20 or _UUID.search(word) or not any(map(str.isdigit, word)) or not any(map(str.isalpha, word)):
        return False
    if _is_text(word):
        return False  # a caller decodes base64 of readable text and searches the text itself
    counts = Counter(word).values()
    entropy = -sum(count / len(word) * math.log2(count / len(word)) for count in counts)
    one_case = word in (word.lower(), word.upper())
    pairs = [(a, b) for a, b in pairwise(word) if a.isalnum() and b.isalnum()]
    turns = sum(_class(a) != _class(b) for a, b in pairs)
    return entropy >= _ENTROPY and turns >= len(pairs) * (_TURNS_OF_ONE_CASE if one_case else _TURNS)


def is_jwt(text: str) -> bool:
    """Return whether a text is a JSON web token: its first part is base64 of a JSON object (RFC 7519).

    The first part of a pseudonym is not.
    """
    head = text.partition(".")[0]
    try:
        value = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except ValueError:
        return False
    return isinstance(value, dict)


def is_pair(text: str) -> bool:
    """Return whether a text is base64 of `user:password` (RFC 7617).

    A text of fewer than 16 characters does not count: a pseudonym that short may decode to such a pair by chance.
    """
    try:
        plain = base64.b64decode(text, validate=True) if len(text) >= _LONG_PAIR else b""
    except ValueError:
        return False
    return re.fullmatch(rb"[ -~]+:[ -~]+", plain) is not None


def _apart(hits: list[Hit], match: re.Match[str]) -> bool:
    return all(match.end() <= hit.start or hit.end <= match.start() for hit in hits)


def _class(char: str) -> int:
    return 0 if char.isdigit() else 1 if char.islower() else 2


def _is_text(word: str) -> bool:
    alphabet = b"-_" if "-" in word or "_" in word else b"+/"
    try:
        plain = base64.b64decode(word + "=" * (-len(word) % 4), altchars=alphabet, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    return all(char.isprintable() or char.isspace() for char in plain)


def _always(_: str) -> bool:
    return True


def _is_basic(text: str) -> bool:
    return _is_text(text.split()[1].rstrip("="))


def _has_owner(address: str) -> bool:
    """Return whether an e-mail address may belong to a person.

    The domains of RFC 2606 belong to no person; pseudonyms use one of them.
    """
    return _RESERVED.search(address.lower()) is None


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def _real_phone(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    return 7 <= len(digits) <= 15 and not digits.startswith("999")  # no country has this code; pseudonyms begin with it


def _luhn(text: str) -> bool:
    digits = [int(char) for char in text if char.isdigit()]
    total = sum(d if place % 2 == 0 else d * 2 - 9 * (d > 4) for place, d in enumerate(reversed(digits)))
    return total % 10 == 0 and len(set(digits)) > 1


def _mod97(text: str) -> bool:
    plain = text.replace(" ", "")
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


_MAIL = r"[\w.!#$%&'*+/=?^`{|}~-]"

# A leading look-behind lets a pattern match only at the start of a word; without it a long word takes quadratic time.
_FORMATS = [
    _Format(kind, re.compile(pattern), real)
    for kind, pattern, real in (
        ("private key", r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[\sA-Za-z0-9+/=,:\\-]{40,}", _always),
        ("JWT", r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*", is_jwt),
        ("user and password in a URL", r"://[^\s/:@\"¤¶§]{1,200}:[^\s/@\"¤¶§]{1,200}@", _always),
        ("AWS key", r"(?<![A-Z0-9])(?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Z0-9])", _always),
        ("GitHub token", r"(?<!\w)(?:gh[pousr]_\w{36,255}|github_pat_\w{22,255})", _always),
        ("GitLab token", r"(?<![\w-])gl(?:pat|ptt|dt|rt)-[\w-]{20,}", _always),
        ("Slack token", r"(?<!\w)xox[abeoprs]-[\w-]{10,}", _always),
        ("Slack webhook", r"hooks\.slack\.com/services/\w{6,}/\w{6,}/\w{16,}", _always),
        ("Stripe key", r"(?<!\w)[rsp]k_(?:live|test)_\w{10,}", _always),
        ("Google key", r"(?<![\w-])AIza[\w-]{35}(?![\w-])", _always),
        ("SendGrid key", r"(?<![\w.-])SG\.[\w-]{16,32}\.[\w-]{16,64}", _always),
        ("npm token", r"(?<!\w)npm_\w{36}(?!\w)", _always),
        ("PyPI token", r"(?<![\w-])pypi-AgE[\w-]{50,}", _always),
        ("Azure storage key", r"AccountKey=[A-Za-z0-9+/]{80,}={0,2}", _always),
        ("Telegram token", r"(?<![\w:-])\d{8,10}:AA[\w-]{33}(?![\w-])", _always),
        ("bearer token", r"\b[Bb]earer\s+[\w.~+/-]{12,}=*", _has_digit),
        ("basic credentials", r"\b[Bb]asic\s+[A-Za-z0-9+/]{8,}={0,2}", _is_basic),
        ("e-mail", rf"(?<!{_MAIL}){_MAIL}{{1,64}}@[\w-]{{1,63}}(?:\.[\w-]{{1,63}})*\.[A-Za-z]{{2,}}", _has_owner),
        ("IBAN", r"(?<![\w-])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?(?![\w-])", _mod97),
        ("payment card", rf"(?<![\w.-]){_CARD}(?:([ -]?)\d{{4}}(?:\1\d{{4}}){{2}})(?![\w.-])", _luhn),
        ("payment card", r"(?<![\w.-])3[47]\d\d([ -]?)\d{6}\1\d{5}(?![\w.-])", _luhn),
        ("social security number", r"(?<![\w.-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w.-])", _always),
        ("telephone number", r"(?<![\w+])\+\d[\d ()./-]{5,22}\d(?!\w)", _real_phone),
        ("telephone number", r"(?:\btel|\bsips?):\+?\d[\d().-]{5,20}\d(?!\w)", _real_phone),
        ("telephone number", r"(?<![\w.+-])(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\w.-])", _real_phone),
    )
]
