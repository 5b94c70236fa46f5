"""The leaves of requests and answers have places, and the live values there are read."""

from __future__ import annotations

import pytest
from hypothesis import given

from recorder.drive.engine.making.leaves import of_step, of_told
from recorder.drive.engine.making.places import Places
from recorder.drive.engine.making.walk import Draft, TellingDraft
from recorder.drive.engine.plan import CHANNEL, HEADER, Act, Answer, Source, Told, Word
from recorder.drive.engine.reading import ServerSaid, last_name, sent_leaves, shown, told_leaves, told_value
from recorder.drive.engine.texts.leaves import INSIDE
from recorder.model import JSON, Event, Headers, Response
from recorder.requests.masks import Address

from .bodies import BODIES, MEDIA, TARGETS
from .steps import JSON_TYPE, XML_TYPE, call, message

XML = b"<Envelope><Body><call id='7'><handle>1001</handle></call><call id='8'/></Body></Envelope>"


def event(data: JSON, channel: str = "/v2/calls") -> Event:
    return Event(0, 0, 0, 0, "b1", channel, data)


@pytest.mark.parametrize(
    ("said", "place", "value"),
    [
        (Answer(200, body=b'{"data":{"handle":1001}}'), ("member", "data", "handle"), "1001"),
        (Answer(200, body=b'{"n":1.50}'), ("member", "n"), "1.50"),
        (Answer(200, body=b'{"n":12345678901234567890}'), ("member", "n"), "12345678901234567890"),
        (Answer(200, body=b'{"l":["a",{"b":"c"}]}'), ("member", "l", 1, "b"), "c"),
        (Answer(200, body=b'{"s":"{\\"h\\":\\"c\\"}"}'), ("member", "s", INSIDE, "member", "h"), "c"),
        (Answer(200, body=b'{"h":1}\n{"h":2}'), ("member", 1, "h"), "2"),
        (Answer(200, body=b"a=1&h=2"), ("form", "h", 0), "2"),
        (Answer(200, (("Location", "/calls/7"),)), (HEADER, "location", 0), "/calls/7"),
        (Answer(200, XML_TYPE, XML), ("body", "Envelope", 0, "Body", 0, "call", 0, "handle", 0), "1001"),
        (Answer(200, XML_TYPE, XML), ("body", "Envelope", 0, "Body", 0, "call", 1, "@id"), "8"),
        (Answer(200, body=b"call 7 is there"), ("body",), "call 7 is there"),
        (Answer(200, reply={"clientId": "x", "ext": {"t": 5}}), ("member", "ext", "t"), "5"),
        (Response(0, 0, 0, 200, JSON_TYPE, b'{"h":0}'), ("member", "h"), "0"),
        ({"ext": {"t": 5}}, ("member", "ext", "t"), "5"),
        (Told(0, "s1", "", (0, 0), 0, 0, reply={"id": "7"}), ("member", "id"), "7"),
        (Told(0, "s1", "", (0, 0), 0, 0, response=Response(0, 0, 0, 200, (), b"x 5")), ("body",), "x 5"),
        (event({"call": {"id": "c-1"}}), ("member", "call", "id"), "c-1"),
        (event({"n": 0, "f": 2.5}), ("member", "f"), "2.5"),
        (event({}, "/calls/7"), (CHANNEL, 2), "7"),
        (event("tick 5"), ("body",), "tick 5"),
        (event('{"h":1}'), ("body", INSIDE, "member", "h"), "1"),
        (Told(0, "s1", "", (0, 0), 0, 0, event=event({"h": "1"})), ("member", "h"), "1"),
    ],
)
def test_a_value_is_read_at_its_place(said: ServerSaid, place: Address, value: str) -> None:
    assert told_value(Source(0, place), said) == value
    assert value in [leaf.text for leaf in told_leaves(said) if leaf.address == place]


@pytest.mark.parametrize(
    ("said", "place"),
    [
        (Answer(200, body=b'{"data":null}'), ("member", "data", "handle")),
        (Answer(200, body=b'{"handle":null}'), ("member", "handle")),
        (Answer(200, body=b'{"handle":true}'), ("member", "handle")),
        (Answer(200, body=b'{"handle":{}}'), ("member", "handle")),
        (Answer(200, body=b'{"handle":""}'), ("member", "handle")),
        (Answer(200, body=b"\x00\xff"), ("body",)),
        (Answer(None, failure="reset"), ("member", "handle")),
        (event([1]), ("member", 1)),
        (event("x"), ("member", "s", INSIDE, "member", "h")),
    ],
)
def test_a_value_that_is_not_there_is_none(said: Answer | Event, place: Address) -> None:
    assert told_value(Source(0, place), said) is None


def test_a_word_of_a_leaf_is_read() -> None:
    source = Source(0, (HEADER, "location", 0), Word(1, 2))

    assert told_value(source, Answer(201, (("Location", "/calls/c-9"),))) == "c-9"
    assert told_value(source, Answer(201, (("Location", "/"),))) is None


def test_the_leaves_of_a_message_are_its_channel_and_members() -> None:
    step = message(Act.SUBSCRIBE, {"channel": "/meta/subscribe", "subscription": "/a/7", "ext": {"replay": -1}})

    assert [(leaf.address, leaf.text) for leaf in sent_leaves(step)] == [
        ((CHANNEL, 1), "a"),
        ((CHANNEL, 2), "7"),
        (("member", "ext", "replay"), "-1"),
    ]


def test_bytes_that_are_no_text_have_no_leaves() -> None:
    assert [leaf.text for leaf in sent_leaves(call(target="/a", body=b"\x00\x01\xfe"))] == ["a"]


@pytest.mark.parametrize(
    ("address", "text", "name"),
    [
        (("path", 3), "path 3", "path"),
        (("query", "id", 0), "query id", "id"),
        (("query", "", 0), "query", "query"),
        (("query", "f", 0, INSIDE, "member", "id"), "query f id", "id"),
        ((HEADER, "x-csrf", 0), "header x-csrf", "x-csrf"),
        (("form", "id", 1), "body.id[1]", "id"),
        (("form", "id", 0, INSIDE, "member", "a", 0), "body.id.a[0]", "a"),
        (("member", "a", 1, "b"), "body.a[1].b", "b"),
        (("body", "A", 0, "B", 2, "@id"), "body.A.B[2].@id", "id"),
        (("body", "A", 0, "#1"), "body.A.#1", "A"),
        (("body",), "body", "body"),
        ((CHANNEL, 2), "channel 2", "channel"),
    ],
)
def test_a_place_is_shown_and_named(address: Address, text: str, name: str) -> None:
    assert shown(address) == text
    assert last_name(address) == name


@given(TARGETS, BODIES, MEDIA)
def test_the_plan_finds_the_same_leaves(target: str, body: bytes, headers: Headers) -> None:
    """A plan reads a whole cassette, and has a reader of its own that makes less of each value."""
    step = call("POST", target, body, headers)
    response = Response(0, 0, 0, 200, headers, body)

    places = Places(lambda _: False).kind("any", lambda _: "", "")
    sent = of_step(Draft(Act.CALL, "", "", (0, 0), 0, step.request), places)
    told = of_told(TellingDraft("", "", (0, 0), 0, response=response), places)

    mine = {leaf.address: number(leaf.text) for leaf in sent_leaves(step)}
    its = {leaf.address: number(leaf.text) for leaf in told_leaves(response)}
    assert [leaf for leaf in sent if mine.get(leaf.place.address) != number(leaf.text)] == []
    assert [leaf for leaf in told if its.get(leaf.place.address) != number(leaf.text)] == []
    assert len(its) == len(told) + len(headers)


def number(text: str) -> str | float:
    """Return a number without its spelling; other texts as they are."""
    try:
        return float(text)
    except ValueError:
        return text
