"""Mint the ids of a drive in the shape of the recorded ones, so that a server takes them as it took those."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Final

from .plan import Hole

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_HEX = re.compile(r"(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}|(?=[A-F]*\d)(?=\d*[A-F])[0-9A-F]{8,}")
_RUN = re.compile(r"[A-Za-z0-9]+", re.ASCII)
_ENOUGH: Final = 4  # digits that change: then words beside them, such as a prefix, may stay
_TRIES: Final = 50  # of one shape; then it gets longer
_LARGE: Final = 16  # digits: a number of that many may have a limit just above the recorded one


def new_ids(random: Callable[[int], bytes]) -> Callable[[Hole], str]:
    """Return a function that mints a value for a hole, never the recorded one, and never one twice.

    UUIDs become UUIDs of their version, digits as many digits, letters letters of their case. Words without digits
    stay where enough digits stand beside them, as `call` in `call-10045`.

    Args:
        random: Returns that many random bytes.
    """
    used: set[str] = set()

    def mint(hole: Hole) -> str:
        used.add(hole.recorded)
        shape, tries = hole.recorded, 0
        while True:
            made = _like(shape, random)
            if made not in used:
                used.add(made)
                return made
            tries += 1
            if tries % _TRIES == 0 or not _RUN.search(shape):
                shape += shape[-1] if shape and shape[-1].isascii() and shape[-1].isalnum() else "0"

    return mint


def _like(shape: str, random: Callable[[int], bytes]) -> str:
    """Return a random text of a shape."""
    if _UUID.fullmatch(shape):
        made = list(random(16).hex())
        made[12] = shape[14]  # the version (RFC 9562, section 4.2)
        if shape[19] in "89abAB":
            made[16] = "89ab"[int(made[16], 16) % 4]  # the variant (section 4.1)
        text = "".join(made)
        text = text.upper() if shape != shape.lower() else text
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
    keeps_words = sum(one.isdecimal() for one in shape if one.isascii()) >= _ENOUGH
    return _RUN.sub(lambda found: _run(found[0], random, keeps_words=keeps_words), shape)


def _run(run: str, random: Callable[[int], bytes], *, keeps_words: bool) -> str:
    if run.isalpha() and keeps_words:
        return run
    if _HEX.fullmatch(run):
        made = random(len(run)).hex()[: len(run)]
        return made.upper() if run.isupper() else made
    if run.isdecimal():
        return _digits(run, random)
    return "".join(_one(one, byte) for one, byte in zip(run, random(len(run)), strict=True))


def _digits(run: str, random: Callable[[int], bytes]) -> str:
    """Return as many digits: a number that begins with 0 if the recorded one does, and if that is large no larger."""
    made = int.from_bytes(random(len(run))) % 10 ** len(run)
    text = str(made).zfill(len(run))
    if len(run) == 1 or run[0] == "0":
        return text
    highest = int(run[0]) if len(run) >= _LARGE else 9
    first = 1 + int(text[0]) % highest
    if len(run) >= _LARGE and first == highest:
        first = max(1, highest - 1) if highest > 1 else 1
    return f"{first}{text[1:]}"


def _one(one: str, byte: int) -> str:
    kinds = (string.digits, string.ascii_lowercase, string.ascii_uppercase)
    kind = next(kind for kind in kinds if one in kind)
    return kind[byte % len(kind)]
