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
from recorder.model import Failure, Note, Recording, Request, Response, SocketMessage
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


@pytest.mark.parametrize(
    "own",
    [
        {"at": "9999-12-31T23:59:59-23:59"},
        {"at": "2600-01-01T00:00:00Z"},
        {"time": 1e14},
        {"startedDateTime": 1e14},
        {"at": "2199-12-31T00:00:00Z", "time": 7e12},
    ],
)
def test_a_time_that_no_cassette_can_hold_is_no_time(own: dict[str, Any]) -> None:
    found = imported(entry(), entry(**own), entry())

    assert (found.exchanges, len(found.parts)) == (3, 6)
    assert list(frames(found, None))


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

    assert "missing in the HAR: 1 body" in found.notes


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


# WebSockets, failures, copies


def frames_of(*messages: dict[str, Any], **own: Any) -> Imported:
    whole = [{"time": 1_795_608_001 + n, "opcode": 1, "data": "[]", **one} for n, one in enumerate(messages)]
    return imported(entry("wss://gws.example/s", **{"response": {"status": 101}, "_webSocketMessages": whole} | own))


def ends(found: Imported) -> list[str]:
    return [part.reason for part in found.parts if isinstance(part, Failure)]


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ({"type": "error", "opcode": -1, "data": "Invalid UTF-8 sequence"}, "Invalid UTF-8 sequence"),
        ({"type": "error", "opcode": -1, "data": ""}, "websocket error"),
        ({"type": "error", "opcode": None, "data": None}, "websocket error"),
        ({"type": "receive", "opcode": 8, "data": "A+g="}, "websocket closed by server, code 1000"),
        ({"type": "send", "opcode": 8, "data": "A+lieWU="}, "websocket closed by client, code 1001: bye"),
        ({"type": "receive", "opcode": 8, "data": ""}, "websocket closed by server, code 1005"),
        ({"type": "receive", "opcode": 8, "data": "", "code": 1011}, "websocket closed by server, code 1011"),
    ],
)
def test_a_close_or_error_frame_ends_a_websocket(frame: dict[str, Any], reason: str) -> None:
    found = frames_of({"type": "send"}, frame, {"type": "receive", "data": "late"})

    assert ends(found) == [reason]
    assert [part.body for part in found.parts if isinstance(part, SocketMessage)] == [b"[]"]


def test_pings_are_left_out_and_continuations_joined() -> None:
    found = frames_of(
        {"type": "receive", "data": "[1,"},
        {"type": "receive", "opcode": 9, "data": ""},
        {"type": "receive", "opcode": 0, "data": "2]"},
        {"type": "send", "opcode": 0, "data": "alone"},
    )

    assert [part.body for part in found.parts if isinstance(part, SocketMessage)] == [b"[1,2]", b"alone"]
    assert found.losses.left_out == {"control-frame": 1}


@pytest.mark.parametrize(
    "name", ["_webSocketMessages", "webSocketMessages", "_websocketMessages", "websocketMessages"]
)  # fmt: skip
@pytest.mark.parametrize(
    ("kind", "from_client"), [("sent", True), ("Received", False), ("outgoing", True), ("in", False)]
)
def test_other_names_of_messages_are_known(name: str, kind: str, from_client: bool) -> None:
    frame = {"type": kind, "time": 1, "data": "//4=", "encoding": "base64"}

    found = imported(entry("wss://gws.example/s", response={"status": 101, name: [frame]}))

    assert [(p.from_client, p.body) for p in found.parts if isinstance(p, SocketMessage)] == [
        (from_client, b"\xff\xfe")
    ]


def test_no_message_precedes_the_upgrade() -> None:
    found = frames_of({"type": "send", "time": 1_795_608_000}, timings={"wait": 500})

    assert [type(part).__name__ for part in found.parts] == ["Request", "Response", "SocketMessage"]


def test_exact_times_of_messages_with_events_stay() -> None:
    event = '[{"channel":"/a","data":{}}]'

    found = frames_of({"type": "receive", "time": 1_795_608_001.0005, "data": event}, {"type": "receive"})

    assert [part.t for part in found.parts if isinstance(part, SocketMessage)] == [1_000_500_000, 2_000_000_000]


def test_messages_without_times_keep_their_order_behind_the_upgrade() -> None:
    found = frames_of(*[{"type": "receive", "time": time, "data": str(n)} for n, time in enumerate([None, -1, "x"])])

    assert [type(part).__name__ for part in found.parts] == ["Request", "Response", *["SocketMessage"] * 3]
    assert [part.body for part in found.parts if isinstance(part, SocketMessage)] == [b"0", b"1", b"2"]
    assert found.losses.guessed == {"no-message-time": 3}


@pytest.mark.parametrize(
    "own",
    [
        {"response": {"status": 0, "_error": "net::ERR_CONNECTION_REFUSED"}, "_webSocketMessages": []},
        {"response": {"status": 0}, "_webSocketMessages": [{"type": "error", "opcode": -1, "data": "refused"}]},
        {"response": {"status": 0, "_error": "net::ERR_INVALID_URL"}},
        {"response": None},
        {"response": {"status": 403}, "_webSocketMessages": []},
    ],
)
def test_a_websocket_that_failed_was_not_upgraded(own: dict[str, Any]) -> None:
    found = imported(entry("wss://gws.example/s", **own))

    assert [part.status for part in found.parts if isinstance(part, Response)] in ([], [403])
    assert len(found.parts) == 2


def test_a_websocket_whose_messages_are_not_there_is_told() -> None:
    found = imported(entry("wss://gws.example/s", response={"status": 101}))

    assert "missing in the HAR: the messages of 1 WebSocket" in found.notes


@pytest.mark.parametrize(
    ("own", "reason"),
    [
        ({"response": {"status": 0, "_error": "net::ERR_ABORTED"}}, "net::ERR_ABORTED"),  # Chromium
        ({"response": {"status": 0, "statusText": "", "content": {}}}, "no answer"),  # Firefox
        ({"response": {}}, "no answer"),
        ({"response": None}, "no answer"),
        ({"response": {"status": -1, "statusText": ""}}, "no answer"),  # WebKit
        ({"response": {"status": -1, "_failureText": "Load failed"}, "time": -1}, "Load failed"),  # Playwright
        ({"response": {"status": -1}, "_wasAborted": True, "time": -1}, "aborted"),
        ({"response": {"status": 0, "_error": None}}, "no answer"),  # mitmproxy
    ],
)
def test_an_aborted_exchange_of_any_browser_is_a_failure(own: dict[str, Any], reason: str) -> None:
    assert ends(imported(entry(**own))) == [reason]


def by_worker(url: str = "http://gws.example/a", **own: Any) -> dict[str, Any]:
    return entry(url, response={"status": 200, "_fetchedViaServiceWorker": True, "content": {"text": "{}"}}, **own)


@pytest.mark.parametrize(
    ("entries", "kept", "left_out"),
    [
        ((by_worker(), entry()), 1, {"service-worker-copy": 1}),
        ((entry(), by_worker(), entry()), 2, {"service-worker-copy": 1}),
        ((by_worker(), by_worker(), entry()), 2, {"service-worker-copy": 1}),
        ((by_worker(),), 1, {}),
        ((by_worker(), entry("http://gws.example/b")), 2, {}),
        ((by_worker(), entry(request={"method": "PUT", "url": "http://gws.example/a"})), 2, {}),
    ],
)
def test_of_a_page_and_its_service_worker_one_request_is_kept(
    entries: tuple[Any, ...], kept: int, left_out: dict[str, int]
) -> None:
    found = imported(*entries)

    assert (found.exchanges, found.losses.left_out) == (kept, left_out)


def test_a_redirect_has_the_location_that_only_the_archive_names() -> None:
    redirect = {"status": 302, "redirectURL": "/b", "headers": []}

    (_, response) = imported(entry(response=redirect)).parts

    assert isinstance(response, Response)
    assert response.headers == (("Location", "/b"),)


def test_a_body_that_is_not_there_is_noted_behind_its_record() -> None:
    found = imported(entry(response={"status": 200, "content": {"size": 70}}))
    records = parse(encode_header(HEADER) + b"".join(frames(found, None))).records

    assert [record.kind for record in records if isinstance(record, Note)] == ["import", "left-out", "cut", "close"]


@pytest.mark.parametrize("origin", ["HTTPS://GWS.example:443", "https://gws.example.", "https://gws.example/x"])
def test_an_origin_is_asked_for_in_any_notation(origin: str) -> None:
    entries = entry("https://Gws.Example:443/a"), entry("https://cdn.example/b"), entry("https://gws.example/c")

    found = imported(*entries, origin=origin)

    assert (found.upstream, found.exchanges) == ("https://gws.example", 2)


def test_an_odd_entry_of_another_server_is_left_out_before_it_is_looked_at() -> None:
    odd = entry("https://cdn.example/x", at=None, response={"content": {"encoding": "base64", "text": "!"}})

    found = imported(entry(), entry(), odd)

    assert (found.losses.left_out, found.losses.guessed) == ({"other-server": 1}, {})


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
        (b'{"log":{"entries":[1]}}', "no HTTP exchange (left out: 1 entry that is no object)"),
        (b'{"log":{"entries":[]}}', "no HTTP exchange"),
        (b"[" * 100_000, "is not a HAR"),
        (b'{"a":' * 100_000, "is not a HAR"),
        (b'{"a":' + b"9" * 10_000 + b"}", "is not a HAR"),
        (b'{"log":{"entries":[{}]}}', "no HTTP exchange (left out: 1 entry without a request)"),
        (b'{"log":{"entries":[{"a"', "the file ends early"),
    ],
)
def test_what_is_no_har_is_refused_in_a_line(data: bytes, problem: str) -> None:
    assert problem in refused(data)


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"request": {"method": "GET", "url": "/only/a/path"}}, "left out: 1 entry without a valid URL"),
        ({"request": {"method": "GET", "url": "http:///path"}}, "left out: 1 entry without a valid URL"),
        ({"request": {"method": "GET", "url": "http://["}}, "left out: 1 entry without a valid URL"),
        ({"request": {"method": "GET", "url": "http://h:port/"}}, "left out: 1 entry without a valid URL"),
        ({"request": {"method": "GET", "url": None}}, "left out: 1 entry without a valid URL"),
        ({"request": None}, "left out: 1 entry without a request"),
        ({"request": "GET"}, "left out: 1 entry without a request"),
        ({"request": {"url": "http://gws.example/"}}, "left out: 1 entry without a method"),
        ({"request": {"method": 7, "url": "http://gws.example/"}}, "left out: 1 entry without a method"),
        (
            {"request": {"method": "CONNECT", "url": "https://https://gws.example:443/"}},
            "left out: 1 tunnel (CONNECT)",
        ),
        ({"request": {"method": "GET", "url": "chrome-extension://abc/x.js"}}, "left out: 1 entry that no server"),
        ({"startedDateTime": "yesterday"}, "times of the HAR: 1 request has no valid time"),
        ({"startedDateTime": {}}, "times of the HAR: 1 request has no valid time"),
        ({"startedDateTime": None}, "times of the HAR: 1 request has no valid time"),
        (
            {"response": {"status": 200, "content": {"encoding": "base64", "text": "!"}}},
            "not readable in the HAR: 1 body",
        ),
        (
            {"response": {"status": 200, "content": {"encoding": "hex", "text": "00"}}},
            "not readable in the HAR: 1 body",
        ),
        ({"_webSocketMessages": [{"type": "send"}]}, "left out: 1 WebSocket message"),
        ({"_webSocketMessages": ["x"]}, "left out: 1 WebSocket message"),
        ({"_webSocketMessages": [{"type": "send", "opcode": 2, "data": "!"}]}, "left out: 1 WebSocket message"),
    ],
)
def test_an_odd_entry_is_told_and_costs_only_itself(own: dict[str, Any], told: str) -> None:
    found = imported(entry(), entry(**own), entry())

    assert [note for note in found.notes if note.startswith(told)]
    assert len([part for part in found.parts if isinstance(part, Request) and part.target == "/a"]) >= 2


def test_a_file_of_too_many_small_values_is_left_out_before_memory_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries_of_a_har, "MOST_VALUES", 10)

    assert "1 entry that is no JSON" in refused(b'{"log":{"entries":[[' + b"[]," * 10 + b"0]]}}")


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


def test_an_archive_of_another_kind_is_not_read_to_its_end() -> None:
    told = refused(b'{"log":{"entries":[' + b"1," * 60_000 + b"1]}}")

    assert "is no HAR, or is damaged: none of its first 50000 parts is an exchange" in told
