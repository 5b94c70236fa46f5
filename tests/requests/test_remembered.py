"""A value that redaction remembered is matched wherever it stands, and as one and the same value."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.correlate.engine import correlate
from recorder.dialect.definition import load as load_dialect
from recorder.model import Headers, Record, Recording
from recorder.redaction.again import Again
from recorder.redaction.policy import load
from recorder.redaction.pseudonyms import Kind
from recorder.redaction.redactor import Redactor
from recorder.replay.engine.matching.matcher import Matcher
from recorder.replay.engine.policy import Policy
from recorder.requests.bindings import Bindings
from recorder.requests.masks import Address
from recorder.requests.recorded import RecordedReader
from recorder.requests.remembered import Asked, Memory
from recorder.requests.request import RequestReader
from tests.replay.stage import Desk, Stage
from tests.wire import HEADER, Ask, Wire, body, complete, operation, record_event

KEY = b"k" * 32
OFFER, OTHER = "Offer-2026-77", "Quote-1999-31"
Place = Callable[[str], Ask]


def named(value: str, number: int = 0) -> Ask:
    """A request in which a rule of the policy names the value."""
    return Ask(f"/api/records/{number}", {"userData": {"a": value}})


def text(form: str) -> str:
    """A text of many words around a value."""
    return f"of 5 items ({form}), see below"


def part(name: str, content: str) -> bytes:
    """A multipart body with one part."""
    return f'--b1\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{content}\r\n--b1--\r\n'.encode()


def packed(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


PLACES: dict[str, Place] = {
    "path": lambda v: Ask(f"/notes/{quote(v, safe='')}/lines", {}),
    "query": lambda v: Ask(f"/notes?a=1&b={quote_plus(v)}", b"", "GET"),
    "whole query": lambda v: Ask(f"/notes?{quote(v, safe='')}", b"", "GET"),
    "member": lambda v: Ask("/notes", {"comment": v, "count": 1}),
    "item": lambda v: Ask("/notes", {"all": [{"x": 1}, {"x": ["a", v]}]}),
    "array": lambda v: Ask("/notes", [1, v]),
    "text": lambda v: Ask("/notes", {"comment": text(v)}),
    "twice": lambda v: Ask("/notes", {"comment": f"{v} and {v}"}),
    "form": lambda v: Ask("/form", f"a=1&b={quote_plus(v)}&c=".encode()),
    "plain": lambda v: Ask("/plain", f"said {v} to all".encode()),
    "base64": lambda v: Ask("/notes", {"comment": text(packed(f"it is {v} here"))}),
    "percent": lambda v: Ask("/notes", {"link": f"/next?to={quote(v, safe='')}%20or%20so&x=1"}),
    "json in text": lambda v: Ask("/notes", {"inner": json.dumps({"b": [text(v)]})}),
    "json in form": lambda v: Ask("/form", f"c={quote_plus(json.dumps({'b': v}))}".encode()),
    "utf-16": lambda v: Ask("/plain", f"said {v} to all".encode("utf-16")),
    "xml": lambda v: Ask("/xml", f"<a><b>{escape(v)}</b></a>".encode()),
    "xml attribute": lambda v: Ask("/xml", f'<a b="said {escape(v)}"/>'.encode()),
    "cdata": lambda v: Ask("/xml", f"<a><![CDATA[said {v} to all]]></a>".encode()),
    "json lines": lambda v: Ask("/lines", f'{{"a":1}}\n{json.dumps({"comment": text(v)})}\n'.encode()),
    "part": lambda v: Ask("/parts", part("note", f"said {v} to all")),
    "variables": lambda v: Ask("/graphql", {"query": "mutation N($t: String) { note(t: $t) }", "variables": {"t": v}}),
    "graphql": lambda v: Ask("/graphql", f"mutation {{ note(t: {json.dumps(text(v))}) {{ id }} }}".encode()),
    "events": lambda v: Ask("/events", f"data: {json.dumps({'comment': text(v)})}\n\n".encode()),
}
# Requests in which a rule of the policy names the value, in each form.
NAMING: dict[str, Callable[[str, int], Ask]] = {
    "json": named,
    "pair": lambda v, n: Ask(f"/pairs/{n}", {"userData": [{"key": "full name", "type": "str", "value": v}]}),
    "query": lambda v, n: Ask(f"/query/{n}?userData[a]={quote(v, safe='')}", b"", "GET"),
    "form": lambda v, n: Ask(f"/form/{n}", f"a=1&lastName={quote_plus(v)}".encode()),
    "part": lambda v, n: Ask(f"/parts/{n}", part("lastName", v)),
    "xml": lambda v, n: Ask(f"/xml/{n}", f"<r><userData><a>{escape(v)}</a></userData></r>".encode()),
    "xml attribute": lambda v, n: Ask(f"/xml/{n}", f'<r lastName="{escape(v)}"/>'.encode()),
    "json lines": lambda v, n: Ask(f"/lines/{n}", f'{{"a":1}}\n{json.dumps({"lastName": v})}\n'.encode()),
    "variables": lambda v, n: Ask(f"/graphql/{n}", {"query": "query Q { a }", "variables": {"lastName": v}}),
    "graphql": lambda v, n: Ask(f"/graphql/{n}", f"mutation {{ a(lastName: {json.dumps(v)}) {{ id }} }}".encode()),
    "events": lambda v, n: Ask(f"/events/{n}", f"data: {json.dumps({'lastName': v})}\n\n".encode()),
}
PLAIN = [OFFER, "7b3f9e4a5c1d4a6f8b2c0d9e1f3a5b7c", "c259da54-7c22-4a43-9440-77a92facc86b", "Zoë Müller 42"]
ODD = ["ada.l@acme.example", "+49 351 4555-0123", 'He "said" 5 & 6', "http://desk.example/ui"]


def recorded(asks: Sequence[Ask], *, again: bool = False, headers: Headers = ()) -> Recording:
    """What is in a redacted cassette of these requests; redacted in two passes if `again`."""
    wire = Wire()
    desk = wire.desk()
    for ask in asks:
        wire.ack(wire.request(ask.method, ask.target, ask.body, (*desk.headers, *headers)))
    return correlate(redacted(wire.records, again=again), load_dialect(), HEADER)


def redacted(records: Sequence[Record], *, again: bool) -> list[Record]:
    if not again:
        return list(map(Redactor(load(), KEY).redact, records))
    twice = Again(load(), KEY)
    for record in records:
        twice.learn(record)
    return list(map(twice.redact, records))


def played(recording: Recording, asks: Sequence[Ask]) -> Stage:
    """A stand-in that a client sent these requests to."""
    stage = Stage(recording, redaction=load())
    desk = stage.desk()
    for ask in asks:
        desk.sends(ask.method, ask.target, ask.body, ())
    return stage


def another(value: str) -> str:
    """Another value of the same shape."""
    for row in ("abcdef", "ghijklmnopqrstuvwxyz", "ABCDEF", "GHIJKLMNOPQRSTUVWXYZ", "123456789"):
        value = "".join(row[(row.index(char) + 1) % len(row)] if char in row else char for char in value)
    return value


def sent(recording: Recording) -> bytes:
    requests = [triple.request for triple in (*recording.triples, *recording.plain)]
    return b"".join(request.target.encode() + request.body.replace(b"\0", b"") for request in requests)


# Where it may stand


@pytest.mark.parametrize("value", [*PLAIN, *ODD])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_the_same_client_is_answered(place: Place, value: str) -> None:
    asks = [named(value), place(value)]
    recording = recorded(asks)

    assert played(recording, asks).misses == []


@pytest.mark.parametrize("value", PLAIN)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_the_recorded_place_holds_a_pseudonym_that_stands_for_one_value(place: Place, value: str) -> None:
    recording = recorded([named(value), place(value)])

    assert value.encode() not in sent(recording)
    assert len(played(recording, [named(value), place(another(value))]).misses) == 1


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_the_value_may_be_sent_before_a_rule_names_it(place: Place) -> None:
    asks = [place(OFFER), named(OFFER)]

    assert played(recorded(asks, again=True), asks).misses == []


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_another_value_of_this_shape_stands_for_the_pseudonym_as_well(place: Place) -> None:
    asks = [place(OFFER), named(OFFER)]

    assert played(recorded(asks, again=True), [place(OTHER), named(OTHER)]).misses == []


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_value_that_a_rule_named_may_have_any_shape(place: Place) -> None:
    recording = recorded([named(OFFER), place(OFFER)])

    assert played(recording, [named("an Offer & more"), place("an Offer & more")]).misses == []


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_the_pseudonym_itself_may_be_sent(place: Place) -> None:
    recording = recorded([named(OFFER), place(OFFER)])
    own = [Ask(t.request.target, t.request.body, t.request.method) for t in recording.plain]

    assert played(recording, own).misses == []


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_value_of_another_shape_that_nothing_named_is_a_miss(place: Place) -> None:
    recording = recorded([place(OFFER), named(OFFER)], again=True)

    assert len(played(recording, [place("any other thing")]).misses) == 1


# What it is not


def test_the_text_around_a_value_must_be_equal() -> None:
    recording = recorded([named(OFFER), Ask("/notes", {"comment": f"buy {OFFER} now"})])

    stage = played(recording, [named(OFFER), Ask("/notes", {"comment": f"sell {OFFER} now"})])

    assert "body.comment: the text around a redacted value differs" in stage.misses[0]
    assert OFFER not in stage.standin.misses[0].text
    assert "sell" not in stage.standin.misses[0].text


def test_a_value_that_stands_for_another_pseudonym_is_told_without_it() -> None:
    both = [Ask("/records", {"userData": {"a": OFFER, "b": OTHER}}), Ask(f"/notes/{OFFER}", {"comment": OTHER})]

    stage = played(recorded(both), [both[0], Ask(f"/notes/{OTHER}", {"comment": OFFER})])

    assert 'path: a redacted value differs: recorded "one pseudonym"' in stage.misses[0]
    assert OFFER not in stage.standin.misses[0].text
    assert OTHER not in stage.standin.misses[0].text


def test_a_value_of_another_type_is_a_miss() -> None:
    number = 12345678901
    recording = recorded([named(str(number)), Ask("/notes", {"count": number})])

    assert b"12345678901" not in sent(recording)
    assert played(recording, [named(str(number)), Ask("/notes", {"count": number})]).misses == []
    assert len(played(recording, [named(str(number)), Ask("/notes", {"count": str(number)})]).misses) == 1
    assert len(played(recording, [named(str(number)), Ask("/notes", {"count": {"n": number}})]).misses) == 1


def test_a_later_request_does_not_widen_what_matches() -> None:
    recording = recorded([named(OFFER), Ask("/notes", {"comment": "plain"}), Ask("/notes", {"comment": OFFER})])

    stage = played(recording, [named(OFFER), Ask("/notes", {"comment": OTHER})])

    assert len(stage.misses) == 1


def test_one_request_may_hold_a_value_at_both_kinds_of_places() -> None:
    def ask(value: str) -> Ask:
        return Ask(f"/notes/{value}", {"userData": {"a": value}, "comment": text(value)})

    recording = recorded([ask(OFFER)], again=True)

    assert played(recording, [ask("any shape of value")]).misses == []
    assert len(played(recording, [Ask(f"/notes/{OTHER}", ask(OFFER).content)]).misses) == 1


def test_a_desktop_is_answered_whole() -> None:
    wire = Wire()
    desk = wire.desk()
    cookie: Headers = (("Cookie", "WWE_URI=http://desk.example/ui"),)
    asks: list[tuple[Ask, Headers]] = [
        (operation("/api/v2/me/outbound-records/1001", "UpdateRecord", userData={"a": OFFER}), ()),
        (operation("/api/v2/me/outbound-records/1001", "CompleteRecord", comment=OFFER), ()),
        (Ask(f"/api/v2/notes/{OFFER}", {}), ()),
        (operation("/api/v2/me/outbound-records/1001", "UpdateRecord", userData={"a": OTHER}, resultCode=OTHER), ()),
        (Ask("/one", b""), (("X-A", "1"), *cookie)),
        (Ask("/init?redirect_uri=http://desk.example/ui", b""), cookie),
    ]
    for ask, headers in asks:
        wire.ack(wire.request(ask.method, ask.target, ask.body, (*desk.headers, *headers)))
    recording = correlate(redacted(wire.records, again=False), load_dialect(), HEADER)
    stage = Stage(recording, redaction=load())
    live = stage.desk()

    for ask, headers in asks:
        live.posts(ask, headers)

    assert b"Offer" not in sent(recording)
    assert b"desk.example" not in sent(recording)
    assert stage.misses == []


def test_a_form_may_hold_a_value_at_both_kinds_of_places() -> None:
    def ask(value: str, other: str) -> Ask:
        return Ask("/form", f"access_token={quote_plus(value)}&b={quote_plus(text(other))}".encode())

    recording = recorded([ask("Secret-12345", "Secret-12345")], again=True)

    assert b"12345" not in sent(recording)
    assert played(recording, [ask("any other & secret", "any other & secret")]).misses == []
    assert len(played(recording, [ask("any other & secret", "another")]).misses) == 1


def test_a_text_may_hold_a_value_at_both_kinds_of_places() -> None:
    def ask(value: str, other: str) -> Ask:
        return Ask("/plain", f"tell password={value}; and also {other} twice".encode())

    recording = recorded([ask("Secret-12345", "Secret-12345")], again=True)

    assert b"12345" not in sent(recording)
    assert played(recording, [ask("another_secret", "another_secret")]).misses == []
    assert len(played(recording, [ask("another_secret", "another")]).misses) == 1


def test_a_login_with_a_remembered_value_gives_each_client_a_token_of_its_own() -> None:
    wire = Wire()
    wire.ack(wire.request("POST", "/records", body({"userData": {"a": OFFER}})))
    login = Ask("/oauth/token", f"grant_type=password&scope={OFFER}".encode())
    wire.respond(wire.request("POST", login.target, login.body), {"access_token": "00D5i!AQ4.first"})
    stage = Stage(correlate(redacted(wire.records, again=False), load_dialect(), HEADER), redaction=load())
    desks = [stage.stranger(cookies=False) for _ in range(2)]

    given = [json.loads(desk.replies[desk.posts(login)].body)["access_token"] for desk in desks]

    assert stage.misses == []
    assert len({*given, "00D5i!AQ4.first"}) == 3


def test_equal_requests_with_different_values_are_told_apart() -> None:
    values = [f"Offer-2026-{number}" for number in range(10, 15)]
    asks = [*map(named, values, range(5)), *(Ask("/notes", {"comment": value}) for value in values)]
    stage = Stage(recorded(asks), redaction=load())
    desk = stage.desk()

    for ask in [*asks[:5], *reversed(asks[5:])]:
        desk.sends(ask.method, ask.target, ask.body, ())

    assert stage.misses == []


def test_a_client_may_repeat_what_has_no_effect() -> None:
    asks = [named(OFFER), Ask(f"/notes/{OFFER}", b"", "GET")]

    assert played(recorded(asks), [*asks, asks[1], asks[1]]).misses == []


def test_what_is_not_redacted_is_compared_as_it_is() -> None:
    wire = Wire()
    for ask in (named(OFFER), Ask("/notes", {"comment": OFFER})):
        wire.ack(wire.request(ask.method, ask.target, ask.body))

    entries = Matcher(wire.recording(), load_dialect()).entries

    assert [entry.remembered for entry in entries] == [None, None]


# What headers show


COOKIE: Headers = (("Cookie", f"WWE_URI={OFFER}; other=1"),)


def asks_with(headers: Headers, value: str, stage: Stage) -> Desk:
    desk = stage.desk()
    desk.sends("POST", "/one", b"", headers)
    desk.sends("POST", f"/init?redirect_uri={value}", b"", ())
    return desk


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((("Cookie", f"a=1; WWE={OFFER}"),), (("Cookie", "WWE=longer than before; a=2"),)),
        ((("Authorization", f"Bearer {OFFER}"),), (("Authorization", "Bearer longer than before"),)),
        ((("X-Desk", OFFER),), (("x-desk", "longer than before"),)),
    ],
    ids=["cookie", "credentials", "other"],
)
def test_a_header_teaches_what_a_pseudonym_stands_for(old: Headers, new: Headers) -> None:
    wire = Wire()
    wire.desk()
    wire.ack(wire.request("POST", "/one", b"", old))
    wire.ack(wire.request("POST", f"/init?redirect_uri={OFFER}", b""))
    recording = correlate(redacted(wire.records, again=False), load_dialect(), HEADER)
    stage, other = Stage(recording, redaction=load()), Stage(recording, redaction=load())

    asks_with(new, "longer+than+before", stage)
    asks_with(new, OFFER, other)

    assert OFFER.encode() not in sent(recording)
    assert stage.misses == []
    assert len(other.misses) == 1


def test_a_header_of_the_same_request_counts() -> None:
    recording = recorded([Ask(f"/init?uri={OFFER}", b"")], again=True, headers=COOKIE)
    stage = Stage(recording, redaction=load())

    stage.desk().sends("POST", "/init?uri=longer+than+before", b"", (("Cookie", "WWE_URI=longer than before"),))

    assert stage.misses == []


def test_a_header_alone_is_no_miss() -> None:
    recording = recorded([Ask(f"/init?uri={OFFER}", b"")], again=True, headers=COOKIE)
    stage = Stage(recording, redaction=load())

    stage.desk().sends("POST", f"/init?uri={OTHER}", b"", (("Cookie", "WWE_URI=something else"),))

    assert stage.misses == []


def test_cookies_of_the_session_teach_nothing() -> None:
    asks = [Ask("/one", {}), Ask(f"/init?uri={OFFER}", b"")]
    recording = recorded(asks, again=True, headers=(("Cookie", f"JSESSIONID={OFFER}"),))
    stage = Stage(recording, redaction=load())
    desk = stage.desk()

    desk.posts(asks[0], (("Cookie", "JSESSIONID=own"),))
    desk.posts(Ask(f"/init?uri={OTHER}", b""))

    assert OFFER.encode() not in sent(recording)
    assert stage.misses == []


def test_a_token_that_the_stand_in_gave_teaches_nothing() -> None:
    wire = Wire()
    tokens = ["00D5i!AQ4.first", "00D5i!AQ4.later"]
    logins = [Ask("/oauth/token", f"grant_type=password&n={number}".encode()) for number in range(2)]
    for login, token in zip(logins, tokens, strict=True):
        wire.respond(wire.request("POST", login.target, login.body), {"access_token": token})
    shown: Headers = (("Authorization", f"Bearer {tokens[1]}"),)
    for ask in (Ask("/one", {}), Ask("/two", {"note": f"of {tokens[1]} now"})):
        wire.ack(wire.request(ask.method, ask.target, ask.body, shown))
    stage = Stage(correlate(redacted(wire.records, again=False), load_dialect(), HEADER), redaction=load())
    desk = stage.stranger(connection="its own")
    first = json.loads(desk.replies[desk.posts(logins[0])].body)["access_token"]
    shows: Headers = (("Authorization", f"Bearer {first}"),)

    desk.posts(Ask("/one", {}), shows)
    desk.posts(Ask("/two", {"note": f"of {first} now"}), shows)

    assert stage.misses == []


@pytest.mark.parametrize("where", ["event", "publish", "cookie"])
def test_a_value_is_known_from_wherever_it_was_named(where: str) -> None:
    wire = Wire()
    desk = wire.desk()
    if where == "event":
        desk.hears({"channel": "/v2/me", "data": {"messageType": "Any", "userData": {"a": OFFER}}})
    elif where == "publish":
        wire.respond(desk.bayeux({"channel": "/any", "clientId": "client1", "data": {"userData": {"a": OFFER}}}), [])
    given: Headers = (("Set-Cookie", f"WWE={OFFER}; Path=/"),) if where == "cookie" else ()
    wire.respond(wire.request("GET", "/one", b""), {}, headers=given)
    ask = Ask("/notes", {"comment": OFFER})
    wire.ack(wire.request("POST", ask.target, ask.body))
    recording = correlate(redacted(wire.records, again=False), load_dialect(), HEADER)

    assert OFFER.encode() not in sent(recording)
    assert played(recording, [ask]).misses == []


def test_of_many_values_none_is_forgotten() -> None:
    wire = Wire()
    wire.ack(wire.request("POST", "/one", body({"userData": {"a": OFFER}})))
    wire.ack(wire.request("POST", "/many", body({"userData": [f"Value-{number}-1" for number in range(20_001)]})))

    memory = Memory.of(wire.recording(), load())

    assert memory.leaves(Asked("POST", "/notes", body({"comment": OFFER})), (), lambda _: True) is not None
    assert memory.leaves(Asked("POST", "/notes", body({"comment": OFFER})), (), lambda _: False) is None
    assert memory.kind_of(OFFER) is memory.kind_of("Value-20000-1") is Kind.PERSONAL


def test_a_value_is_found_in_a_target_or_a_body_after_others_without_one() -> None:
    wire = Wire()
    asks = [named(OFFER), *(Ask(f"/notes/{number}", {"comment": "none"}) for number in (1, 1, 1, 2))]
    asks += [Ask(f"/notes/{OFFER}", {"comment": "none"}), *(Ask(f"/notes/{n}", {"comment": OFFER}) for n in (1, 2, 1))]
    for ask in asks:
        wire.ack(wire.request(ask.method, ask.target, ask.body))
    recording = wire.recording()
    reader = RecordedReader(load_dialect(), load(), Memory.of(recording, load()))

    read = [reader.read(one.request) for one in recording.plain]

    assert [one.remembered is not None for one in read] == [False] * 5 + [True] * 4


def test_of_very_many_requests_those_of_the_path_are_told_first() -> None:
    wire = Wire()
    asks = [
        named(OFFER),
        *(Ask(f"/other/{number}", {}) for number in range(1000)),
        Ask(f"/notes/{OFFER}/lines", {"n": 1}),
    ]
    for ask in asks:
        wire.ack(wire.request(ask.method, ask.target, ask.body))
    matcher = Matcher(correlate(redacted(wire.records, again=False), load_dialect(), HEADER), load_dialect(), load())
    ask = Ask(f"/notes/{OTHER}/lines", {"n": 2})

    nearest = matcher.nearest(matcher.call(ask.method, ask.target, ask.body), Bindings(), ())

    assert nearest is not None
    assert (nearest[0], [difference.where for difference in nearest[1]]) == (1001, ["body.n"])


def test_ids_and_volatile_fields_are_no_leaves() -> None:
    reader = RequestReader(load_dialect(), load())
    leaves: list[Address] = [("member", "referenceId"), ("member", "referenceId", "a"), ("member", "a", "referenceId")]

    assert [reader.counts(None, leaf) for leaf in [*leaves, ("query", "a", 0), ("path", 1), ("body",)]] == [
        False, False, True, True, True, True,
    ]  # fmt: skip


def test_a_pseudonym_that_is_sent_back_gets_the_answer_that_was_recorded_with_it() -> None:
    wire = Wire()
    asks = [Ask("/notes", {"comment": value}) for value in (OFFER, OTHER)]
    for number, ask in enumerate([named(OFFER, 1), named(OTHER, 2), *asks]):
        wire.respond(wire.request(ask.method, ask.target, ask.body), {"number": number})
    recording = correlate(redacted(wire.records, again=False), load_dialect(), HEADER)
    desk = Stage(recording, redaction=load()).desk()

    numbers = [desk.sends("POST", "/notes", recording.plain[place].request.body, ()) for place in (3, 2)]

    assert [json.loads(desk.replies[number].body) for number in numbers] == [{"number": 3}, {"number": 2}]


def test_events_tell_the_live_value_that_only_a_leaf_named() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(complete(7, "r1", note=text(OFFER)), record_event("RecordProcessedAcknowledge", 7, "r1", phone=OFFER))
    recording = correlate(redacted(wire.records, again=True), load_dialect(), HEADER)
    stage = Stage(recording, redaction=load())
    live = stage.desk()
    live.listens()

    live.posts(complete(7, "mine", note=text(OTHER)))

    assert stage.misses == []
    assert [event["data"]["record"]["phone"] for event in live.events] == [OTHER]


# Whole sessions


@st.composite
def sessions(draw: st.DrawFn) -> list[tuple[Place, int]]:
    """Places, each with the number of the value in it; each value is named once."""
    values = range(draw(st.integers(1, 3)))
    naming = [draw(st.sampled_from(list(NAMING.values()))) for _ in values]
    places = [(lambda value, name=name, n=n: name(value, n), n) for n, name in enumerate(naming)]
    places += draw(st.lists(st.tuples(st.sampled_from(list(PLACES.values())), st.sampled_from(values)), max_size=8))
    return draw(st.permutations(places))


@given(sessions(), st.permutations(PLAIN))
def test_a_session_is_answered_whole_with_its_own_values_and_with_others(
    session: list[tuple[Place, int]], values: list[str]
) -> None:
    own = [place(values[number]) for place, number in session]
    others = [place(another(values[number])) for place, number in session]
    recording = recorded(own, again=True)

    assert played(recording, own).misses == []
    assert played(recording, others).misses == []


@given(sessions(), st.permutations(PLAIN))
def test_a_session_recorded_in_one_pass_is_answered_whole(session: list[tuple[Place, int]], values: list[str]) -> None:
    own = [place(values[number]) for place, number in session]

    assert played(recorded(own), own).misses == []


def test_json_with_spaces_and_escapes_is_the_same_request() -> None:
    recording = recorded([named("Zoë-Müller-42"), Ask("/notes", {"comment": "Zoë-Müller-42", "n": 1})])
    live = b'{ "n": 1,\n "comment": "Zo\\u00eb-M\\u00fcller-42" }'

    assert played(recording, [named("Zoë-Müller-42"), Ask("/notes", live)]).misses == []
    assert body({"comment": "Zoë-Müller-42"}) not in sent(recording)


def test_a_value_of_two_kinds_is_one_value() -> None:
    phone = "+49 351 4555-0123"
    asks = [named(phone), Ask("/one", {"apiKey": phone}), Ask("/notes", {"comment": phone})]

    assert played(recorded(asks), asks).misses == []


def test_a_value_that_only_an_event_named_is_known() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(complete(7, "r1"), record_event("RecordProcessedAcknowledge", 7, "r1", phone=OFFER))
    wire.ack(desk.post(Ask("/notes", {"comment": OFFER})))
    recording = correlate(redacted(wire.records, again=False), load_dialect(), HEADER)

    assert OFFER.encode() not in sent(recording)
    assert played(recording, [complete(7, "mine"), Ask("/notes", {"comment": OFFER})]).misses == []


def test_ids_that_a_client_mints_may_differ_where_a_leaf_is_cut_out() -> None:
    asks = [named(OFFER), complete(7, "r1", note=OFFER), complete(7, "r2", note=OFFER)]
    recording = recorded(asks)

    assert played(recording, [asks[0], complete(7, 12, note=OFFER), complete(7, note=OFFER)]).misses == []


def test_a_miss_does_not_show_a_value_that_stands_for_a_pseudonym() -> None:
    asks = [named(OFFER), Ask("/notes", {"comment": "as always"})]
    stage = played(recorded(asks), [asks[0], Ask("/notes", {"comment": f"as {OFFER}"})])

    assert len(stage.misses) == 1
    assert OFFER not in stage.standin.misses[0].text


def test_a_strict_client_is_told_of_the_order_without_the_value() -> None:
    asks = [named(OFFER), complete(7, "r1"), complete(8, "r2", note=OFFER)]
    stage = Stage(recorded(asks), redaction=load(), policy=Policy(strict=True))
    desk = stage.desk()
    desk.posts(asks[0])

    desk.posts(asks[2])

    assert "out of order" in stage.misses[0]
    assert OFFER not in stage.standin.misses[0].text


@given(sessions(), sessions(), st.permutations(PLAIN))
def test_a_request_is_found_where_it_has_no_difference(
    session: list[tuple[Place, int]], live: list[tuple[Place, int]], values: list[str]
) -> None:
    recording = recorded([place(values[number]) for place, number in session], again=True)
    matcher, bindings = Matcher(recording, load_dialect(), load()), Bindings()

    for place, number in live:
        ask = place(values[number + 1])
        call = matcher.call(ask.method, ask.target, ask.body)
        found = [n for n in matcher.candidates(call) if matcher.fits(matcher.entries[n], call, bindings)]
        assert found == [n for n in range(len(matcher.triples)) if not matcher.differences(n, call, bindings)]
        if found:
            matcher.bind(matcher.entries[found[0]], call, bindings)
