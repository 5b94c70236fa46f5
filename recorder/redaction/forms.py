"""Forms in which a value hides inside a text: percent-encoded, in base64. Undone, changed, and done again."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from urllib.parse import quote, unquote

_PERCENT = re.compile(r"[\w.~!*'()+:@,;-]*%[0-9A-Fa-f]{2}[\w.~!*'()+:@,;%-]*")
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{8,}={0,2}(?![A-Za-z0-9+/_=-])")
_PRINTABLE = re.compile(r"[^\x00-\x08\x0e-\x1f\x7f]+")


def in_percent(text: str, change: Callable[[str], str]) -> str:
    """The text with what is percent-encoded in it changed."""
    return _PERCENT.sub(lambda found: _percent(found[0], change), text) if "%" in text else text


def in_base64(text: str, change: Callable[[str], str]) -> str:
    """The text with what is base64 of text in it changed, in either alphabet, padded or not."""
    return _BASE64.sub(lambda found: _base64(found[0], change), text)


def _percent(run: str, change: Callable[[str], str]) -> str:
    plain = unquote(run)
    new = change(plain)
    return run if new == plain else quote(new, safe="")


def _base64(run: str, change: Callable[[str], str]) -> str:
    bare = run.rstrip("=")
    alphabet = b"-_" if "-" in bare or "_" in bare else b"+/"
    try:
        plain = base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=alphabet, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return run
    if not _PRINTABLE.fullmatch(plain):
        return run  # a word that happens to be of these letters
    new = change(plain)
    if new == plain:
        return run
    made = base64.b64encode(new.encode("utf-8", "surrogatepass"), altchars=alphabet).decode()
    return made if run != bare else made.rstrip("=")
