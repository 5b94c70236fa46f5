from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette.codec import encode_header
from recorder.cassette.reader import Cassette, parse
from recorder.errors import CassetteError
from recorder.exporters import har as written
from recorder.importers import entries as entries_of_a_har
from recorder.importers import har
from recorder.importers.containers import Container
from recorder.importers.ordering import Imported, frames
from recorder.importers.spool import Spool
from recorder.library.recording import derive
from recorder.model import Failure, Recording, Request, Response, SocketMessage
from tests.cassette.records import HEADER
from tests.exporters.exports import hostile, preview_cassette, socket, two_sessions

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def read_har(data: bytes, path: str, origin: str | None = None) -> Imported:
    return har.read_har(Container.of_bytes(data, path), Spool(), origin)


def entry(url: str = "http://gws.example/a", at: str = "2026-11-25T12:00:00.000Z", **own: Any) -> dict[str, Any]:
    """An entry as a browser writes it; `own` replaces its fields."""
    whole: dict[str, Any] = {
        "startedDateTime": at,
        "time": 100,
        "request": {"method": "GET", "url": url, "headers": [], "bodySize": 0},
        "response": {"status": 200, "headers": [], "content": {"size": 2, "mimeType": "", "text": "{}"}},
        "timings": {"send": 0, "wait": 50, "receive": 50},
    }
    return whole | own


def imported(*entries: Any, origin: str | None = None) -> Imported:
    return read_har(json.dumps({"log": {"entries": entries}}).encode(), "some.har", origin)


def refused(data: bytes) -> str:
    with pytest.raises(CassetteError) as told:
        read_har(data, "some.har")
    assert "\n" not in str(told.value)
    return str(told.value)


def again(cassette: Cassette, change: Callable[[Any], Any] = lambda top: top) -> Recording:
    """A cassette exported to HAR and imported again."""
    text = "".join(written.har(cassette.header, cassette.records, "1"))
    found = read_har(json.dumps(change(json.loads(text))).encode(), "some.har")
    return derive(parse(encode_header(cassette.header) + b"".join(frames(found, None))))


def triples(recording: Recording) -> list[Any]:
    """What is in the triples, beside numbers of records and connections."""
    return [
        (
            (
                t.operation,
                t.keys,
                t.session,
                t.state,
                t.request.method,
                t.request.target,
                t.request.headers,
                t.request.body,
            ),
            t.ack and (t.ack.status, t.ack.headers, t.ack.body, round((t.ack.t - t.request.t) / 1e6)),
            t.failure and t.failure.reason,
            [(k.name, k.rule, k.event.channel, k.event.data, round((k.event.t - t.request.t) / 1e6)) for k in t.events],
        )
        for t in (*recording.triples, *recording.plain)
    ]


def without_sequences(top: Any) -> Any:
    """A HAR as if another tool had written it."""
    for found in top["log"]["entries"]:
        del found["_sequence"]
        for message in found.get("_webSocketMessages", []):
            del message["_sequence"]
    return top


@pytest.mark.parametrize("make", [preview_cassette, two_sessions, socket])
def test_what_we_exported_comes_back_as_the_same_triples(make: Callable[[], Cassette]) -> None:
    assert triples(again(make())) == triples(derive(make()))


def test_a_hostile_cassette_comes_back_as_the_same_triples_but_for_characters_no_url_has() -> None:
    before, after = triples(derive(hostile())), triples(again(hostile()))

    assert [triple[1:] for triple in after] == [triple[1:] for triple in before]


def test_without_our_own_fields_the_times_give_the_same_triples() -> None:
    assert triples(again(preview_cassette(), without_sequences)) == triples(derive(preview_cassette()))


def test_times_to_the_millisecond_give_the_same_links() -> None:
    def coarse(top: Any) -> Any:
        for found in without_sequences(top)["log"]["entries"]:
            found["startedDateTime"] = found["startedDateTime"][:23] + "Z"
        return top

    links = [[link.rule for link in triple.events] for triple in again(preview_cassette(), coarse).triples]

    assert links == [[link.rule for link in triple.events] for triple in derive(preview_cassette()).triples]


# What browsers write


def test_an_exchange_lasts_from_its_start_for_its_time() -> None:
    found = imported(entry())

    request, response = found.parts
    assert (found.started, request.t, response.t) == (1_795_608_000_000_000, 0, 100_000_000)


@pytest.mark.parametrize("unit", [1, 1000])
def test_the_messages_of_a_websocket_have_seconds_or_milliseconds(unit: int) -> None:
    messages = [
        {"type": "send", "time": (1_795_608_000 + 1) * unit, "opcode": 1, "data": "[]"},
        {"type": "receive", "time": (1_795_608_000 + 2) * unit, "opcode": 2, "data": "//4="},
    ]

    found = imported(entry("ws://gws.example/s", response={"status": 101}, _webSocketMessages=messages))

    one, other = (part for part in found.parts if isinstance(part, SocketMessage))
    assert (one.t, one.from_client, one.body) == (1_000_000_000, True, b"[]")
    assert (other.t, other.from_client, other.body) == (2_000_000_000, False, b"\xff\xfe")


def test_a_websocket_whose_status_is_not_told_was_upgraded() -> None:
    found = imported(entry("ws://gws.example/s", response={"status": 0}, _webSocketMessages=[]))

    assert [part.status for part in found.parts if isinstance(part, Response)] == [101]


def test_what_got_no_answer_is_a_failure_or_was_still_open() -> None:
    failed = entry(response={"status": 0, "_error": "net::ERR_ABORTED"})
    still_open = entry(response={"status": 0, "statusText": ""}, time=-1, timings={})

    assert [part.reason for part in imported(failed).parts if isinstance(part, Failure)] == ["net::ERR_ABORTED"]
    assert [type(part) for part in imported(still_open).parts] == [Request]


def test_bodies_are_text_base64_or_parameters() -> None:
    text = entry(request={"method": "POST", "url": "http://h/", "postData": {"text": "é"}})
    form = entry(
        request={"method": "POST", "url": "http://h/", "postData": {"params": [{"name": "a b", "value": "c&"}]}},
        response={"status": 200, "content": {"encoding": "base64", "text": "//4="}},
    )

    bodies = [part.body for part in imported(text, form).parts if isinstance(part, Request | Response)]

    assert sorted(bodies) == sorted([b"{}", "é".encode(), b"a+b=c%26", b"\xff\xfe"])


def test_bodies_that_are_not_there_are_counted() -> None:
    found = imported(entry(response={"status": 200, "content": {"size": 70}}))

    assert "missing in the HAR: 1 bodies" in found.notes


def test_the_names_of_http_2_are_no_headers() -> None:
    headers = [{"name": ":method", "value": "GET"}, {"name": "a", "value": "b"}, {"name": 1}, "x"]

    (request, _) = imported(entry(request={"method": "GET", "url": "http://h/", "headers": headers})).parts

    assert isinstance(request, Request)
    assert request.headers == (("a", "b"),)


@pytest.mark.parametrize(("names", "hosts"), [(":authority", 1), (":authority host", 1), ("Host", 1), (":path", 0)])
def test_the_authority_of_http_2_is_the_host(names: str, hosts: int) -> None:
    headers = [{"name": name, "value": "h:1"} for name in names.split()]

    (request, _) = imported(entry(request={"method": "GET", "url": "http://h:1/", "headers": headers})).parts

    assert isinstance(request, Request)
    assert [value for name, value in request.headers if name.lower() == "host"] == ["h:1"] * hosts


# Whose exchanges


def test_of_many_servers_the_one_that_speaks_bayeux_is_imported() -> None:
    shake = {
        "method": "POST",
        "url": "https://gws.example/cometd",
        "postData": {"text": '[{"channel":"/meta/handshake"}]'},
    }
    others = [entry("http://cdn.example/a.js"), entry("http://cdn.example/b.js")]

    found = imported(*others, entry(request=shake))

    assert (found.upstream, len(found.parts)) == ("https://gws.example", 2)
    assert "left out: 2 exchanges with other servers" in found.notes


def test_another_server_or_all_may_be_asked_for() -> None:
    entries = entry("http://a.example/"), entry("http://a.example/"), entry("http://b.example/x?y=z")

    assert imported(*entries).upstream == "http://a.example"
    assert len(imported(*entries, origin="http://b.example/").parts) == 2
    assert len(imported(*entries, origin="all").parts) == 6
    with pytest.raises(
        CassetteError, match=r"holds no request to http://c\.example; servers in the file: http://a\.example"
    ):
        imported(*entries, origin="http://c.example")


def test_what_no_server_was_asked_for_is_left_out() -> None:
    found = imported(entry("data:text/plain,x"), entry(), entry("blob:null/1"), origin="all")

    assert (found.upstream, len(found.parts)) == ("http://gws.example", 2)


# What is none


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is not a HAR"),
        (b"{", "is not a HAR"),
        (b"\xff", "is not a HAR"),
        (b"[]", "no list log.entries"),
        (b'{"log":{"entries":{}}}', "no list log.entries"),
        (b'{"log":{"entries":[1]}}', "no HTTP exchange (left out: 1 entries that are no objects)"),
        (b'{"log":{"entries":[]}}', "no HTTP exchange"),
        (b"[" * 100_000, "is not a HAR"),
        (b'{"a":' * 100_000, "is not a HAR"),
        (b'{"a":' + b"9" * 10_000 + b"}", "is not a HAR"),
        (b'{"log":{"entries":[{}]}}', "no HTTP exchange (left out: 1 entries without a request)"),
        (b'{"log":{"entries":[{"a"', "the file ends early"),
    ],
)
def test_what_is_no_har_is_refused_in_a_line(data: bytes, problem: str) -> None:
    assert problem in refused(data)


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"request": {"method": "GET", "url": "/only/a/path"}}, "left out: 1 entries without a valid URL"),
        ({"request": {"method": "GET", "url": "http:///path"}}, "left out: 1 entries without a valid URL"),
        ({"request": {"method": "GET", "url": "http://["}}, "left out: 1 entries without a valid URL"),
        ({"request": {"method": "GET", "url": "http://h:port/"}}, "left out: 1 entries without a valid URL"),
        ({"request": {"method": "GET", "url": None}}, "left out: 1 entries without a valid URL"),
        ({"request": None}, "left out: 1 entries without a request"),
        ({"request": "GET"}, "left out: 1 entries without a request"),
        ({"request": {"url": "http://gws.example/"}}, "left out: 1 entries without a method"),
        ({"request": {"method": 7, "url": "http://gws.example/"}}, "left out: 1 entries without a method"),
        (
            {"request": {"method": "CONNECT", "url": "https://https://gws.example:443/"}},
            "left out: 1 tunnels (CONNECT)",
        ),
        ({"request": {"method": "GET", "url": "chrome-extension://abc/x.js"}}, "left out: 1 entries that no server"),
        ({"startedDateTime": "yesterday"}, "times of the HAR: 1 requests have no valid time"),
        ({"startedDateTime": {}}, "times of the HAR: 1 requests have no valid time"),
        ({"startedDateTime": None}, "times of the HAR: 1 requests have no valid time"),
        (
            {"response": {"status": 200, "content": {"encoding": "base64", "text": "!"}}},
            "not readable in the HAR: 1 bodies",
        ),
        (
            {"response": {"status": 200, "content": {"encoding": "hex", "text": "00"}}},
            "not readable in the HAR: 1 bodies",
        ),
        ({"_webSocketMessages": [{"type": "send"}]}, "left out: 1 WebSocket messages"),
        ({"_webSocketMessages": ["x"]}, "left out: 1 WebSocket messages"),
        ({"_webSocketMessages": [{"type": "send", "opcode": 2, "data": "!"}]}, "left out: 1 WebSocket messages"),
    ],
)
def test_an_odd_entry_is_told_and_costs_only_itself(own: dict[str, Any], told: str) -> None:
    found = imported(entry(), entry(**own), entry())

    assert [note for note in found.notes if note.startswith(told)]
    assert len([part for part in found.parts if isinstance(part, Request) and part.target == "/a"]) >= 2


def test_a_file_of_too_many_small_values_is_left_out_before_memory_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries_of_a_har, "MOST_VALUES", 10)

    assert "1 entries that are no JSON" in refused(b'{"log":{"entries":[[' + b"[]," * 10 + b"0]]}}")


@given(
    st.dictionaries(
        st.sampled_from(
            ["startedDateTime", "time", "request", "response", "timings", "_sequence", "_webSocketMessages",
             "_webSocketClosed", "connection"]
        ),
        JSON_VALUES,
    ),
    st.dictionaries(st.sampled_from(["status", "content", "headers", "_error", "statusText"]), JSON_VALUES),
)  # fmt: skip
def test_any_json_is_imported_or_refused(own: dict[str, Any], response: dict[str, Any]) -> None:
    data = json.dumps({"log": {"entries": [entry(response=response), entry(**own)]}}).encode()
    try:
        found = read_har(data, "some.har")
    except CassetteError:
        return
    records = parse(encode_header(HEADER) + b"".join(frames(found, None))).records
    assert [record.seq for record in records] == list(range(len(records)))


@given(st.binary())
def test_any_bytes_are_refused(data: bytes) -> None:
    refused(data)
