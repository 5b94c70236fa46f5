"""Texts and requests for property tests: made of what people write, with values that must not be kept among it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

from recorder.model import Request
from tests.redaction.leaks import b64, jwt, multipart, url_safe

NAMES = [
    "phoneNumber",
    "password",
    "userData",
    "customFields",
    "email",
    "note",
    "id",
    "referenceId",
    "state",
    "x",
    "Ünï.c",
]
PHONES = st.from_regex(
    r"(\+[1-9][0-9]{0,2} [0-9]{3} [0-9]{3}[ -][0-9]{4}|\([0-9]{3}\) [0-9]{3}-[0-9]{4}|1-[0-9]{3}-[0-9]{3}-[0-9]{4}"
    r"|[0-9]{3}-[0-9]{4}|[0-9]{10})",
    fullmatch=True,
)
FORMATS = st.one_of(
    PHONES,
    st.from_regex(r"[a-z]{1,8}([.+-][a-z0-9]{1,5})?@[a-z]{1,8}\.(com|example|co\.uk)", fullmatch=True),
    st.from_regex(r"[0-9]{3}-[0-9]{2}-[0-9]{4}", fullmatch=True),
    st.from_regex(r"[1-9][0-9]{3}( [0-9]{4}){3}|4[0-9]{15}|5[1-5][0-9]{14}", fullmatch=True),
    st.sampled_from(["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "https://ada:Pa55!@h.example/x"]),
    st.from_regex(r"(Bearer|Basic) [A-Za-z0-9]{4,10}[0-9]=?", fullmatch=True),
    st.from_regex(r"(password|api_key|token): ?[A-Za-z0-9!.]{6,9}[0-9]", fullmatch=True),
    st.from_regex(r"(password|phone|sid)=[A-Za-z0-9!-]{2,8}[a-z0-9]", fullmatch=True),
    st.builds(jwt, st.dictionaries(st.sampled_from(NAMES), st.integers() | st.text(max_size=9), max_size=2)),
    st.from_regex(r"gh[ps]_[A-Za-z0-9]{20,24}|AKIA[0-9A-Z]{16}|sk_live_[a-z0-9]{10,12}", fullmatch=True),
)
WORDS = st.sampled_from(
    ["the", "Ada", "Müller", "ChainedRecord", "7", "1445412480000", "10.0.0.1", "v1.2.3", "2026-10-21", "a=b", "?q=1",
     "c259da54-7c22-4a43-9440-77a92facc86b", "/api/v2/me", "&r=2",
     "100%", "{", "}", '"', "[", "\\", "+", "=", ":", "%41", "\n"]
) | st.text(max_size=6)  # fmt: skip
# values stand apart from what is around them: nobody can tell where one that does not would end
SEPARATORS = st.sampled_from([" ", ", ", ". ", "; ", " - ", "\n", " & ", " | "])


@st.composite
def _lines(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    parts = draw(st.lists(inner, min_size=1, max_size=4))
    return "".join(part + draw(SEPARATORS) for part in parts)


def _wrapped(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        texts.map(lambda text: quote(text, safe="", errors="replace")),
        texts.map(b64),
        texts.map(url_safe),
        st.dictionaries(st.sampled_from(NAMES), texts, max_size=2).map(json.dumps),
        _lines(texts),
    )


PLAIN = _lines(FORMATS | WORDS).map(lambda text: text.encode("utf-8", "replace").decode())
TEXTS = st.recursive(PLAIN, _wrapped, max_leaves=4)
LEAVES = TEXTS | PHONES | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False)
DOCUMENTS: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | PLAIN, inner, max_size=3),
    max_leaves=8,
)
PARAMETERS = st.lists(st.tuples(st.sampled_from(NAMES), TEXTS), max_size=3).map(
    lambda pairs: "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in pairs)
)
_TAGS = st.sampled_from([name for name in NAMES if name.isascii()])


def _pairs(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Lists of keys and values, as Genesys has them; values may be names and lists again."""
    return st.lists(
        st.tuples(st.sampled_from([*NAMES, "GSW_REFERENCE_ID", "GSW_PHONE"]), inner, st.booleans()).map(_pair),
        max_size=3,
    )


def _pair(drawn: tuple[str, Any, bool]) -> dict[str, Any]:
    key, value, is_key_first = drawn
    kind = {"type": "kvlist" if isinstance(value, list) else "str"}
    return {"key": key} | kind | {"value": value} if is_key_first else {"value": value} | kind | {"key": key}


PAIRS = st.recursive(
    PHONES | FORMATS | st.sampled_from(["GSW_REFERENCE_ID", "recordHandle", "true"]) | st.integers() | st.booleans(),
    _pairs,
    max_leaves=6,
).map(lambda value: {"userData": value})
_CONTENT = FORMATS | PHONES | st.sampled_from(["", "7", "true", "Ada", "a & b", "GSW_REFERENCE_ID"])
MARKUP: st.SearchStrategy[str] = st.recursive(
    _CONTENT.map(escape),
    lambda inner: st.one_of(
        st.builds(lambda name, parts: f"<{name}>{''.join(parts)}</{name}>", _TAGS, st.lists(inner, max_size=3)),
        st.builds(lambda name, value, part: f"<n:r {name}={quoteattr(value)}>{part}</n:r>", _TAGS, _CONTENT, inner),
        st.builds(lambda name, value: f'<param name="{name}" value={quoteattr(value)}/>', _TAGS, _CONTENT),
        st.builds(lambda name, part: f"<i><key>{name}</key><value>{part}</value></i>", _TAGS, inner),
    ),
    max_leaves=6,
).map(lambda text: f"<r>{text}</r>")
EVENTS = DOCUMENTS.map(lambda value: f"id: 7\ndata: {json.dumps(value)}\n\n")
PARTS = st.lists(st.tuples(_TAGS, _CONTENT | DOCUMENTS.map(json.dumps)), min_size=1, max_size=3).map(
    lambda parts: multipart(*((f'{name}"', value) for name, value in parts))
)
STRUCTURED = st.one_of(
    DOCUMENTS.map(lambda value: json.dumps(value).encode()),
    PAIRS.map(lambda value: json.dumps(value).encode()),
    MARKUP.map(str.encode),
    EVENTS.map(str.encode),
    PARTS,
    PARAMETERS.map(str.encode),
)
BODIES = st.one_of(
    DOCUMENTS.map(lambda value: json.dumps(value).encode()),
    DOCUMENTS.map(lambda value: json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "replace")),
    PARAMETERS.map(str.encode),
    TEXTS.map(str.encode),
    PAIRS.map(lambda value: json.dumps(value).encode()),
    MARKUP.map(str.encode),
    EVENTS.map(str.encode),
    PARTS,
    st.binary(max_size=60),
)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    segments = draw(st.lists(TEXTS.map(lambda text: quote(text, safe="")), max_size=3))
    target = "/" + "/".join(segments) + draw(st.sampled_from(["?", ";x=1?"])) + draw(PARAMETERS)
    return Request(0, 0, 0, "c", "POST", target, (), draw(BODIES))
