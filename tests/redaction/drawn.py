"""Texts and requests for property tests: made of what people write, with values that must not be kept among it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from recorder.model import Request
from tests.redaction.leaks import b64, jwt, url_safe

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
BODIES = st.one_of(
    DOCUMENTS.map(lambda value: json.dumps(value).encode()),
    DOCUMENTS.map(lambda value: json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "replace")),
    PARAMETERS.map(str.encode),
    TEXTS.map(str.encode),
    st.binary(max_size=60),
)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    segments = draw(st.lists(TEXTS.map(lambda text: quote(text, safe="")), max_size=3))
    target = "/" + "/".join(segments) + draw(st.sampled_from(["?", ";x=1?"])) + draw(PARAMETERS)
    return Request(0, 0, 0, "c", "POST", target, (), draw(BODIES))
