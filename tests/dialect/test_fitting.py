"""Find the dialect that fits traffic, among shipped and made-up dialects."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.definition import Dialect, load, parse
from recorder.dialect.fitting import Fit, Fitting, best_fit, every, has_operation
from recorder.model import Record, Request, Response, SocketMessage
from tests.correlate.tape import Tape


def made_up(
    name: str, *requests: str, events: Sequence[str] = (), head: str = "", prefix: str = "/push", more: str = ""
) -> Dialect:
    operations = "\n".join(
        f'[operations.{name}{n}]\nrequest = "{request}"\nevents = {json.dumps(list(events))}\nterminal = []'
        for n, request in enumerate(requests)
    )
    return parse(
        f"""
        name = "{name}"
        bayeux_prefix = "{prefix}"
        session_cookies = []
        open_for = 60.0
        grace = 2.0
        {head}
        [request]
        methods = ["POST", "DELETE"{more}]
        [request.keys]
        [ack]
        status = []
        success = []
        [event.keys]
        notification = ["data.kind"]
        [operations]
        {operations}
        """,
        path=f"{name}.toml",
    )


SHOP = made_up("shop", "POST /shop/v1/orders", "DELETE /shop/v1/orders/{id}", events=["OrderPlaced"])
DESK = made_up("desk", "POST /desk/calls/{call}/answer", events=["Answered"], prefix="/desk/push")
SERVICE = made_up("aaa-service", "PUBLISH /service/{name}", head='[publish]\nchannels = ["/service/**"]')
CHAT = made_up("chat", head='[publish]\nchannels = ["/chat/rooms/*"]')
ANY = made_up("any", "POST /{a}/{b}", "POST /{a}/{b}/{c}", "POST /{a}/{b}/{c}/{d}")
ALL = (SHOP, DESK, SERVICE, CHAT)


def asked(target: str, method: str = "POST", body: bytes = b"{}") -> Request:
    return Request(0, 0, 0, "c", method, target, (), body)


def published(*channels: str) -> Request:
    return asked("/push", body=json.dumps([{"channel": one, "data": {}} for one in channels]).encode())


def pushed(*kinds: str) -> Response:
    return Response(0, 0, 0, 200, (), json.dumps([{"channel": "/e", "data": {"kind": one}} for one in kinds]).encode())


def name_of(fit: Fit | None) -> str | None:
    return fit.dialect.name if fit is not None and fit.dialect is not None else None


def best(records: Iterable[Record], dialects: Iterable[Dialect] = ALL) -> str | None:
    return name_of(best_fit(records, dialects))


ORDER, CANCEL, PLACED = asked("/shop/v1/orders"), asked("/shop/v1/orders/7", "DELETE"), pushed("OrderPlaced")
ANSWER, ANSWERED = asked("/desk/calls/3/answer"), pushed("Answered")
HANDSHAKE = asked("/desk/push", body=b'[{"channel":"/meta/handshake"}]')
STATIC = asked("/app.js", "GET")
LOGIN = asked("/oauth/token", body=b"grant_type=password")


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param([], None, id="nothing"),
        pytest.param([LOGIN, STATIC, HANDSHAKE], None, id="no operation"),
        pytest.param([LOGIN, ORDER], "shop", id="a login first"),
        pytest.param([ORDER, ANSWER, CANCEL], "shop", id="two APIs"),
        pytest.param([PLACED], "shop", id="events alone"),
        pytest.param([pushed("OrderPlaced", "x", "y")], None, id="a name by chance"),
        pytest.param([published("/chat/rooms/1")], "chat", id="publishes"),
        pytest.param([published("/service/echo")], "aaa-service", id="services"),
        pytest.param([published(*["/service/echo"] * 3), ORDER], "shop", id="specific before general"),
        pytest.param([published("/other")], None, id="another channel"),
    ],
)
def test_the_dialect_that_names_most_fits(records: list[Record], expected: str | None) -> None:
    assert best(records) == expected


def test_heartbeats_do_not_count_against_a_dialect() -> None:
    beating = replace(SHOP, ignore={"data.kind": frozenset({"beat"})})

    assert best([pushed("beat", "beat", "beat", "OrderPlaced")], [beating]) == "shop"
    assert best([pushed("beat", "beat", "beat", "OrderPlaced")], [SHOP]) is None


def test_a_path_of_named_parts_alone_is_general() -> None:
    assert best([ANSWER, ANSWER, ORDER], [ANY, SHOP]) == "shop"
    assert best([ANSWER, ANSWER], [ANY, SHOP]) == "any"


def test_an_event_without_a_value_that_names_it_is_no_evidence() -> None:
    constant = replace(SHOP, event_keys={"notification": ("data.kind", "data")})

    assert best([pushed("", "")], [constant]) is None


def test_the_path_of_bayeux_decides_between_equals() -> None:
    twin = replace(SHOP, name="twin", bayeux_prefix="/desk/push")

    assert best([ORDER, HANDSHAKE], [SHOP, twin]) == "twin"
    assert best([ORDER, HANDSHAKE], [SHOP, replace(twin, bayeux_prefix="/desk/pu")]) == "shop"


def test_of_two_dialects_of_one_api_the_larger_is_chosen_at_once() -> None:
    small = replace(SHOP, name="zzz-old", operations={name: SHOP.operations[name] for name in ["shop0"]})
    fitting = Fitting([small, SHOP])

    assert name_of(next(filter(None, map(fitting.feed, [ORDER] * 4)))) == "shop"


def test_messages_on_a_websocket_count_too() -> None:
    sent = SocketMessage(0, 0, 0, True, b'[{"channel":"/chat/rooms/1","data":{}}]')
    came = SocketMessage(0, 0, 0, False, pushed("Answered").body)

    assert best([sent]) == "chat"
    assert best([came]) == "desk"
    assert best([replace(sent, from_client=False), replace(came, from_client=True)]) is None


def told(*events: bytes, beats: int = 0) -> list[Record]:
    """A stream of which only events are known, in chunks, with comments."""
    tape = Tape()
    stream = tape.stream()
    for event in events:
        tape.chunk(stream, b": beat\n\n" * beats + b"data: " + event + b"\n\n")
    return tape.records


def heard(*messages: bytes) -> list[Record]:
    tape = Tape()
    socket = tape.socket()
    for message in messages:
        tape.hears(socket, message)
    return tape.records


def said(*messages: bytes) -> list[Record]:
    tape = Tape()
    socket = tape.socket()
    for message in messages:
        tape.sends(socket, message)
    return tape.records


PLACE = b'{"kind":"OrderPlaced"}'
HUB = made_up("hub", "MESSAGE join", "MESSAGE leave", head='[push]\nasks = ["body.call"]', more=', "MESSAGE"')
PROGRESS = b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1}}'
CALLS = b'{"topicName":"v2.users.7.conversations","eventBody":{"id":"c"}}'
BEAT = b'{"topicName":"channel.metadata","eventBody":{"message":"WebSocket Heartbeat"}}'


def test_events_of_streams_and_plain_sockets_count_too() -> None:
    assert best(told(PLACE)) == best(heard(PLACE)) == "shop"
    assert best(told(PLACE, beats=3)) == "shop"
    assert best(told(PLACE, b"1", b"2")) is None
    assert best_fit(told(PLACE, beats=3), ALL).events == 1


def test_messages_of_clients_on_plain_sockets_are_requests_by_what_each_dialect_finds() -> None:
    assert best(said(b'{"call":"join"}'), [SHOP, HUB]) == "hub"
    assert best(said(b'{"type":"join"}'), [SHOP, HUB]) == "hub"
    assert best(said(b'{"call":"other"}'), [SHOP, HUB]) is None
    assert str(best_fit(said(b'{"call":"join"}', b"ping"), [HUB])) == "of 3 requests 1 is an operation of it"


def test_events_alone_tell_a_shipped_dialect_without_bayeux() -> None:
    assert best(told(PROGRESS), every()) == "mcp"
    assert best(heard(BEAT, BEAT, CALLS, BEAT), every()) == "genesys-cloud"
    assert best(heard(b'{"topicName":"v2.users.7.unheard","eventBody":{}}'), every()) is None


def test_a_message_of_a_client_can_be_an_operation() -> None:
    assert has_operation(said(b'{"call":"leave"}'), HUB)
    assert not has_operation(said(b'{"call":"stay"}'), HUB)


def test_a_choice_is_made_as_soon_as_it_is_sure() -> None:
    fitting = Fitting(ALL)

    assert [name_of(fitting.feed(one)) for one in (LOGIN, ORDER, PLACED, CANCEL, PLACED)] == [None] * 4 + ["shop"]


def test_a_choice_between_two_waits_for_more() -> None:
    fitting = Fitting(ALL)
    made = [name_of(fitting.feed(one)) for one in [ORDER] * 3 + [ANSWER] * 47]

    assert made == [None] * 49 + ["desk"]


def test_five_hundred_files_before_the_first_operation_do_not_matter() -> None:
    fitting = Fitting(ALL)
    made = [fitting.feed(one) for one in [STATIC, Response(0, 0, 0, 200, (), b"x")] * 500 + [LOGIN] * 20]

    assert not any(made)
    assert name_of([fitting.feed(one) for one in [ORDER] * 4][-1]) == "shop"


def test_an_unknown_api_costs_time_for_a_while_only() -> None:
    fitting = Fitting(ALL)
    made = [fitting.feed(LOGIN) for _ in range(1000)]

    assert made == [None] * 999 + [Fit(None, 1000, 0, 0, 0)]


MIXED = st.lists(st.sampled_from([ORDER, CANCEL, PLACED, ANSWER, ANSWERED, STATIC, LOGIN, HANDSHAKE]), max_size=30)


@given(MIXED, st.randoms(use_true_random=False), st.permutations(ALL))
def test_the_order_of_records_and_of_dialects_does_not_matter(
    records: list[Record], random: object, dialects: list[Dialect]
) -> None:
    shuffled = list(records)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis does not export the class

    assert best_fit(shuffled, dialects) == best_fit(records, ALL)


@given(st.permutations([LOGIN, STATIC, HANDSHAKE, ORDER, CANCEL, PLACED, PLACED, ORDER, published("/service/a")]))
def test_what_is_chosen_early_is_what_would_be_chosen_late(records: list[Record]) -> None:
    fitting = Fitting(ALL)
    made = [found for record in records if (found := fitting.feed(record)) is not None]

    assert {name_of(one) for one in made} == {"shop"}


@pytest.mark.parametrize(
    ("fit", "text"),
    [
        (Fit(SHOP, 12, 9, 3, 0), "of 12 requests 9 are operations of it"),
        (Fit(SHOP, 1, 1, 0, 0), "of 1 request 1 is an operation of it"),
        (Fit(SHOP, 2, 0, 3, 2), "of 3 events 2 are named in it"),
        (Fit(None, 1, 0, 2, 0), "1 request, 2 events"),
    ],
)
def test_the_evidence_is_told(fit: Fit, text: str) -> None:
    assert str(fit) == text


def test_every_shipped_dialect_is_looked_at() -> None:
    found = {one.name for one in every()}

    assert {"gws-outbound", "salesforce-changes"} <= found
    assert load().name in found
