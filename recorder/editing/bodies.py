"""Write the body of a record as people can edit it: JSON with line breaks, text, or Base64; and read it back.

JSON is written with line breaks only where the recorded bytes are the usual ones for its value, so that they can be
made again: those of JavaScript (no spaces), or those of Python (a space after each comma and colon).
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any

from . import toml

KEYS = ("json", "spaced", "body", "base64")
_COMPACT, _SPACED = (",", ":"), (", ", ": ")
_SHORT = 80  # characters of JSON that stays on one line


def lines(body: bytes) -> Iterator[str]:
    """Yield the lines of a body; none for an empty one."""
    if not body:
        return
    try:
        content = body.decode()
    except UnicodeDecodeError:
        yield f"base64 = {toml.text(toml.base64(body))}"
        return
    style = next((one for one in (_COMPACT, _SPACED) if _dumped(content, one) == content), None)
    if style is None or content[0] not in "[{":
        yield f"body = {toml.text(content)}"
        return
    value = json.loads(content)
    short = json.dumps(value, ensure_ascii=False)
    yield f"json = {toml.text(short if len(short) <= _SHORT else json.dumps(value, ensure_ascii=False, indent=2))}"
    yield from ["spaced = true"] * (style == _SPACED)


def _dumped(content: str, separators: tuple[str, str]) -> str | None:
    """Return JSON written in another style; None for a text that is no JSON, or whose value Python cannot hold."""
    try:
        return json.dumps(json.loads(content), ensure_ascii=False, separators=separators)
    except (ValueError, RecursionError):
        return None


def parse(values: Mapping[str, Any]) -> bytes:
    """Return the body that a record tells; empty if it tells none.

    Raises:
        ValueError: If there are several, or one is not of its kind; with the key, and the problem.
    """
    given = [key for key in KEYS if key in values and key != "spaced"]
    if len(given) > 1:
        raise ValueError(given[1], f"give one of {' and '.join(given)}")
    if "spaced" in values and (given != ["json"] or not isinstance(values["spaced"], bool)):
        raise ValueError("spaced", "is true or false, beside json")
    if not given:
        return b""
    key = given[0]
    value = values[key]
    if not isinstance(value, str):
        raise ValueError(key, "is a text; write it between quotation marks")  # noqa: TRY004  # one kind for all mistakes
    if key == "base64":
        return decoded(value, key)
    if key == "body":
        return value.encode()
    try:
        style = _SPACED if values.get("spaced") else _COMPACT
        return json.dumps(json.loads(value), ensure_ascii=False, separators=style).encode()
    except json.JSONDecodeError as exc:
        where = f"line {exc.lineno} of the value, column {exc.colno}"
        raise ValueError(key, f"is no JSON: {exc.msg} at {where}; write body instead for other text") from exc
    except (ValueError, RecursionError) as exc:
        raise ValueError(key, f"cannot be written as JSON ({exc}); write body instead") from exc


def decoded(value: str, key: str) -> bytes:
    """Return the bytes of Base64.

    Raises:
        ValueError: If it is none; with the key, and the problem.
    """
    try:
        return b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise ValueError(key, f"is no Base64: {exc}") from exc
