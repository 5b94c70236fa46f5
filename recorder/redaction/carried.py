"""Write the dialect and the policy of a cassette into its header, without values; read the policy from there.

A policy in a cassette describes what was replaced: a replay and a comparison need to know which values are pseudonyms.
It never says what may be kept: `redact` and `scan` take the policy that the user names.

Patterns of values are left out, unless a shipped policy has them too: they may hold the values that they look for.
So no pattern is ever run that came with a cassette, and none can be made to run without end.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..dialect.carried import held, text_of, too_long, under
from ..dialect.definition import Dialect
from ..errors import CassetteError, DialectError, PolicyError
from ..model import FORMAT, Header
from .policy import DEFAULT, Policy, load, names, parse, shipped, shipped_patterns

if TYPE_CHECKING:
    from .finder import Finder

_KEPT = 32  # policies kept parsed
_ROUNDS = 3  # a value that is taken out may leave another behind, of what stood around it


def carrying(header: Header, dialect: Dialect | None = None) -> Header:
    """Return the header of a cassette in the current format that holds its dialect.

    Args:
        header: The header, or that of the cassette that the new one is made from.
        dialect: The dialect of the new cassette; None keeps that of the header.

    Raises:
        DialectError: If the text of the dialect is too long for a cassette, or holds what looks like a secret.

    """
    if dialect is None:
        return replace(header, format=FORMAT, dialect_text=held(header))
    text = without_values(text_of(dialect), load(DEFAULT))
    return replace(under(header, dialect), format=FORMAT, dialect_text=text)


def without_values(text: str, policy: Policy) -> str:
    """Return the text of a dialect without values that a policy finds by their form, e.g. a token.

    In comments also those that it finds by a name beside them, as in a URL: such a comment is left out.

    Raises:
        DialectError: If the text is no TOML without them.

    """
    before = text
    for _ in range(_ROUNDS):
        last = len(text)  # spans may overlap
        for start, end, _kind in sorted(policy.values.spans(text), reverse=True):
            text, last = text[:start] + text[min(end, last) :], start
    # imported here: most commands carry a dialect as it is
    from .blanks import blank  # noqa: PLC0415  # see above
    from .finder import Finder  # noqa: PLC0415  # see above
    from .known import Known  # noqa: PLC0415  # see above

    find = Finder(policy, blank, Known())
    text = "".join(_commented(line, find) for line in text.splitlines(keepends=True))
    if text != before and _parsed(text) is None:
        raise DialectError("dialect", "text", "holds what looks like a secret or a personal value; take it out")
    return text


def _commented(line: str, find: Finder) -> str:
    """Return a line of a dialect; only its mark if it is a comment in which a value is found."""
    comment = line.strip()
    return "#\n" if comment.startswith("#") and find.text(comment) != comment else line


def described(policy: Policy | None) -> str:
    """Return the text by which a cassette holds a policy; "" for none, and for one that is too long."""
    return _described(policy.text) if policy is not None else ""


def policy_of(header: Header) -> Policy | None:
    """Return the policy that a cassette holds, None if it holds none; its patterns are those of shipped policies.

    Raises:
        CassetteError: If the policy in the cassette cannot be used.

    """
    if not header.policy_text:
        return None
    if header.redaction in names() and header.policy_text == described(shipped(header.redaction)):
        return shipped(header.redaction)
    try:
        return _read(header.policy_text)
    except PolicyError as exc:
        problem = f"the policy {header.redaction!r} in it cannot be used: {exc}"
        raise CassetteError(header.file or "cassette", problem, hint="give the policy by --policy FILE") from exc


@lru_cache(_KEPT)
def _read(text: str) -> Policy:
    clean = _described(text)
    if not clean:
        raise PolicyError("policy", "text", too_long(text) or "is no TOML")
    return parse(clean, path="policy")


@lru_cache(_KEPT)
def _described(text: str) -> str:
    value = _parsed(text)
    written = "" if value is None else "".join(_lines(value))
    return written if too_long(written) is None else ""


def _lines(policy: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a policy: texts, and tables with lists of texts; comments are left out with all else."""
    for key, value in policy.items():
        if isinstance(value, str):
            yield f"{_quoted(key)} = {_quoted(value)}\n"
    for key, table in policy.items():
        if not isinstance(table, dict):
            continue
        yield f"\n[{_quoted(key)}]\n"
        for name, listed in table.items():
            texts = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
            kept = [one for one in texts if one in shipped_patterns()] if key == "values" else texts
            if len(kept) < len(texts):
                yield f"# {len(texts) - len(kept)} of {len(texts)} patterns are left out, they may hold values\n"
            yield f"{_quoted(name)} = [\n"
            yield from (f"    {_quoted(one)},\n" for one in kept)
            yield "]\n"


def _quoted(text: str) -> str:
    """Return a text as a basic string of TOML, which is one of JSON but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text) if too_long(text) is None else None
    except (ValueError, RecursionError):
        return None
