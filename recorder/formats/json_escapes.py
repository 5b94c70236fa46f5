"""Undo the escapes in a JSON text that JSON allows but does not need, so that values are found in the text."""

from __future__ import annotations

import json
import re

_PAIR = r"u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}"  # of surrogates
_ESCAPE = re.compile(rf"\\(?:(/|{_PAIR}|u[0-9A-Fa-f]{{4}})|.)", re.DOTALL)


def plain(text: str) -> str:
    r"""Return a text with the values in it as they are, if it is a JSON object or list.

    PHP writes `a/b` as `a\/b`, .NET writes `a+b` as `a\u002Bb`.
    """
    return _ESCAPE.sub(_as_it_is, text) if "\\" in text and text.lstrip().startswith(("{", "[")) else text


def _as_it_is(escape: re.Match[str]) -> str:
    char: str = json.loads(f'"{escape[0]}"') if escape[1] else escape[0]
    return char if char.isprintable() and char not in {'"', "\\"} else escape[0]
