"""Find values encoded inside a text (parameters, percent-encoding, base64): decode, change, and encode again."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator
from typing import TypeAlias
from urllib.parse import quote, quote_plus, unquote, unquote_plus

_PARAMETER = re.compile(r"(?<![\w.%\[\]-])([\w.%\[\]-]++)=([^\s&;#\"'<>]++)")
_LITERAL = re.compile(
    r"(?<![\w-])([A-Za-z_$][\w$.-]{0,80}+)[\"']?\s{0,9}(?:[:=]|=>)\s{0,9}[bfru]?(?:\"((?:[^\"\\\n]|\\.)*+)\"|'((?:[^'\\\n]|\\.)*+)')"
)
# JSON that was written as a string, in the midst of other text; of its escapes, those that such a string has.
_ESCAPED = re.compile(
    r"(?<![\w-])([A-Za-z_$][\w$.-]{0,80}+)\\\"\s{0,9}:\s{0,9}\\\"((?:[^\"\\\n]|\\\\(?:\\[\"\\]|[^\"\\\n]))++)"
)
_LINE_VALUE = r"([^\s\"'&{\[][^\r\n\x00&]*+)"
_LINE = re.compile(
    r"^[ \t]{0,40}(?:-[ \t]{1,9}){0,4}([A-Za-z_][\w.-]{0,60}+)[ \t]{0,9}"
    rf"(?::[ \t]{{0,9}}+(?!//){_LINE_VALUE}|=[ \t]{{1,9}}{_LINE_VALUE})",
    re.MULTILINE,
)
_TAG = re.compile(r"<(?:[\w.-]++:)?([A-Za-z_][\w.-]{0,99}+)(?:\s[^<>]*+)?>([^<>]++)(?=</|$)")
_RUN = re.compile(r"[\w.~!*'()+:@,;%-]++")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
# What can be base64 of UTF-8 by its first two characters: most ids and telephone numbers cannot. The first byte is no
# control character, and one above ASCII begins a character of several bytes, the second of which is 80 to BF.
_BASE64 = re.compile(
    r"(?<![A-Za-z0-9+/_-])(?![ABE-Hg-v+/_-]|[w-z0-9][^I-LYZabo-r4-7])"
    r"[A-Za-z0-9+/_-]{8,}+={0,2}+(?![A-Za-z0-9+/_=-])"
)
_URL_SAFE = str.maketrans("-_", "+/"), bytes.maketrans(b"+/", b"-_")
_NOT_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")

Change: TypeAlias = Callable[[str], str]


def named(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each value in a text that has a name beside it: the name, and where the value begins and ends.

    Found are parameters of URLs and log lines (`name=value`), literals (`name: "value"`, `name='value'`, and with
    escaped quotes), whole lines (`Name: value`), as in properties, YAML, STOMP and printed headers, and elements in the
    midst of other text (`<name>value</name>`).
    """
    if "<" in text:
        for found in _TAG.finditer(text):
            yield found[1], *found.span(2)
    if "=" in text:
        for found in _PARAMETER.finditer(text):
            value = found[2].rstrip(",.:!?)]}")  # punctuation after the value, not a part of it
            if value:
                yield undone(found[1]), found.start(2), found.start(2) + len(value)
    if '"' in text or "'" in text:
        for found in _LITERAL.finditer(text):
            group = 2 if found[2] is not None else 3
            if found[group]:
                yield found[1], *found.span(group)
    if '\\"' in text:
        for found in _ESCAPED.finditer(text):
            yield found[1], *found.span(2)
    if ":" in text or "=" in text:
        for found in _LINE.finditer(text):
            start, end = found.span(2 if found[2] is not None else 3)
            yield found[1], start, start + len(text[start:end].rstrip())


def in_percent(text: str, change: Change, between: Change) -> str:
    """Return the text with `change` applied to the percent-encoded parts, and `between` to the rest."""
    if not _ESCAPE.search(text):
        return between(text)

    def run(found: re.Match[str]) -> str | None:
        return in_quotes(found[0], change) if _ESCAPE.search(found[0]) else None

    return _pieces(_RUN, text, run, between)


def encoded_in(text: str) -> list[str]:
    """Return what the percent-encoded and the base64 parts of a text say."""
    said: list[str] = []
    last = 0
    for found in _RUN.finditer(text) if "%" in text else ():
        if _ESCAPE.search(found[0]):
            said += undone(found[0]), *_in_base64(text[last : found.start()])
            last = found.end()
    return said + _in_base64(text[last:])


def _in_base64(text: str) -> list[str]:
    return [plain for run in _BASE64.findall(text) if (plain := _from_base64(run)) is not None]


def in_base64(text: str, change: Change, *, canonical: bool = False) -> str:
    """Return the text with `change` applied to what its base64 parts encode; base64 of binary data stays.

    Args:
        text: Any text.
        change: Takes a decoded text and returns the new one.
        canonical: Encode a changed part in the standard alphabet without padding, whatever it had before. A comparison
            needs this: the alphabet cannot be seen in base64 that has none of `+`, `/`, `-` and `_`. Otherwise a
            changed part keeps its alphabet and its padding.

    """
    return _BASE64.sub(lambda found: _base64(found[0], change, canonical=canonical), text)


def in_quotes(text: str, change: Change, *, plus: bool = False, canonical: bool = False) -> str:
    """Return a percent-encoded text with `change` applied to the decoded text.

    A text that `change` does not alter stays byte for byte; a text without an escape is not encoded.

    Args:
        text: The text as it is written.
        change: Takes the decoded text and returns the new one.
        plus: Whether a plus may stand for a blank, as in form data.
        canonical: Percent-encode a changed text even if it had no escape before. A comparison needs this.

    """
    has_blanks = plus and "+" in text
    if not canonical and not has_blanks and not _ESCAPE.search(text):
        return change(text)
    plain, charset = _undone(text, plus=has_blanks)
    new = change(plain)
    if new == plain:
        return text
    try:
        return (quote_plus if has_blanks else quote)(new, safe="", encoding=charset, errors="strict")
    except UnicodeEncodeError:
        return (quote_plus if has_blanks else quote)(new, safe="", errors="surrogatepass")


def undone(text: str, *, plus: bool = False) -> str:
    """Return a percent-encoded text decoded, from UTF-8 or else from Latin-1.

    Args:
        text: The text as it is written.
        plus: Whether a plus stands for a blank, as in form data.

    """
    return _undone(text, plus=plus)[0]


def _undone(text: str, *, plus: bool) -> tuple[str, str]:
    """Return a percent-encoded text decoded, and its charset."""
    if "%" not in text:
        return text.replace("+", " ") if plus else text, "utf-8"
    undo = unquote_plus if plus else unquote
    try:
        return undo(text, errors="strict"), "utf-8"
    except UnicodeDecodeError:
        return undo(text, encoding="latin-1"), "latin-1"


def _pieces(pattern: re.Pattern[str], text: str, change: Callable[[re.Match[str]], str | None], between: Change) -> str:
    """Return the text with `change` applied to each match, and `between` to the rest and to a match that gave None."""
    pieces: list[str] = []
    last = 0
    for found in pattern.finditer(text):
        new = change(found)
        if new is not None:
            pieces += [between(text[last : found.start()]), new]
            last = found.end()
    return "".join([*pieces, between(text[last:])])


def _from_base64(run: str) -> str | None:
    """Return the text that a run of base64 encodes; None for binary data."""
    bare = run.rstrip("=")
    digits = bare.translate(_URL_SAFE[0]) if "-" in bare or "_" in bare else bare
    try:
        plain = binascii.a2b_base64(digits + "=" * (-len(bare) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return None if _NOT_TEXT.search(plain) else plain  # a plain word that only looks like base64


def _base64(run: str, change: Change, *, canonical: bool) -> str:
    plain = _from_base64(run)
    if plain is None or (new := change(plain)) == plain:
        return run
    bare = run.rstrip("=")
    is_url_safe = "-" in bare or "_" in bare
    made = binascii.b2a_base64(new.encode("utf-8", "surrogatepass"), newline=False)
    if canonical:
        return made.decode().rstrip("=")
    made = made.translate(_URL_SAFE[1]) if is_url_safe else made
    return made.decode() if run != bare else made.decode().rstrip("=")
