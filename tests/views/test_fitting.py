"""A filter that looks at triples before their JSON is built must accept what it accepts of the JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette.reader import read
from recorder.library.recording import derive
from recorder.views import data
from recorder.views.filter import fits, parse
from recorder.views.fitting import accepting
from tests.cli.test_cassettes import PREVIEW

TRIPLES = derive(read(PREVIEW)).triples
WORDS = st.sampled_from(
    [
        "preview",
        "record",
        "PREVIEW",
        "zzz",
        "nan",
        "infinity",
        "inf",
        "kelvin",
        "true",
        "1e400",
        "caf\\u00e9",
        "handle",
        "1001",
        "1e5",
        "100000",
        "0000",
        "123456789012345680",
        "1234",
        "400",
        "g7x",
    ]
)
TERMS = WORDS | st.sampled_from(
    ["op:*", "handle:10*", "last:>1", "-preview", '"campaign"', "status:200", "state:complete"]
)
BODIES = st.sampled_from([
    b"", b'{"a":NaN}', b'{"a":1e999}', b'{"a":"\\u006ban"}', '{"a":"\u212aelvin"}'.encode(), "kelvin".encode("utf-16"),
    b"plain Kelvin text", b'{"zzz":1,"zzz":2}', b"{", b'{"a":"+AHoAegB6-"}',
    b'{"a":1E5}', b'{"a":1e5}', b'{"a":123456789012345678.0}', b'{"a":1234567890123456789}',
    b'{"a":10010}', b'"G7X"', b'{"a":100000.0, "a":-1001}', b"1234.50", b'{"a":0.00001}',
])  # fmt: skip
MEDIA = st.sampled_from(["application/json", "text/plain; charset=utf-7", "application/json; charset=utf-8"])


@given(st.lists(TERMS, min_size=1, max_size=3), st.sampled_from([" ", " or "]), BODIES, MEDIA, st.integers(0, 100))
def test_filter_accepts_the_triples_whose_json_fits(
    terms: list[str], joined: str, body: bytes, media: str, number: int
) -> None:
    item = TRIPLES[number % len(TRIPLES)]
    item = replace(item, request=replace(item.request, body=body, headers=(("Content-Type", media),)))
    told = data.content(body, item.request.headers)
    item = replace(item, events=tuple(replace(link, event=replace(link.event, data=told)) for link in item.events))
    expression = parse(joined.join(terms))

    assert accepting(expression)(item) == fits(expression, data.triple(item))


@pytest.mark.parametrize("item", TRIPLES, ids=lambda item: str(item.n))
def test_every_word_of_a_triple_is_found(item) -> None:  # type: ignore[no-untyped-def]  # a triple of the cassette
    shown = json.dumps(data.triple(item)["events"])
    words = {word.strip('":,{}[]') for word in shown.split()} - {""}

    for word in sorted(words):
        expression = parse(json.dumps(word))
        assert accepting(expression)(item) == fits(expression, data.triple(item))
