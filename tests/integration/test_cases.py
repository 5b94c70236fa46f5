"""The cases of the domain report, section 4.2, by number, against real servers and through a real proxy.

The lab does nothing by itself here: each test says when an ack leaves and when an event does. What was recorded is
compared with what the lab wrote down. Cases that the lab's servers cannot produce are in tests/correlate/test_engine.py
alone: events in the reply to a handshake (26, `x-messages`), which neither of the two sends.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from recorder.cassette.reader import read
from recorder.library.recording import load_recording
from recorder.model import Failure, Note, Record, Request, Response, State, Triple
from tests.integration.captures import (
    CAMPAIGN,
    RECORDS,
    Bayeux,
    Capture,
    Stage,
    Stages,
    assert_truth,
    by_command,
    by_mitmdump,
    events_of,
    rules,
)
from tests.lab.byhand import BAYEUX, Answer, Desk, Socket
from tests.lab.lab import Lab, run_js_client
from tests.lab.processes import until
from tests.lab.relay import Relay
from tests.lab.sessions import CHANNELS, DEVICE, operation

pytestmark = pytest.mark.node

SEED = json.loads((Path(__file__).parents[1] / "lab" / "seed.json").read_text())
RECORD = "ChainedRecord"
END = "ChainedRecordsDataEnd"
ABORTED = "Client disconnected."

both = pytest.mark.parametrize("stage", ["cometd", "faye"], indirect=True)
both_and_mitmdump = pytest.mark.parametrize(
    "stage", ["cometd", "faye", "cometd-mitmdump", "faye-mitmdump"], indirect=True
)
only_cometd = pytest.mark.parametrize("stage", ["cometd"], indirect=True)
only_faye = pytest.mark.parametrize("stage", ["faye"], indirect=True)


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    with ExitStack() as stack:
        yield Stages(tmp_path_factory.mktemp("stages"), stack)


@pytest.fixture
def stage(stages: Stages, request: pytest.FixtureRequest) -> Iterator[Stage]:
    found = stages.get(request.param)
    found.begin()
    yield found
    found.end()


def ask(path: str, name: str, reference: Any = None, **own: Any) -> tuple[str, Any]:
    step = operation(path, name, reference, 0, **own)
    return step["path"], step["body"]


def chained(reference: Any = None, handle: Any = 7, **own: Any) -> tuple[str, Any]:
    return ask(f"{RECORDS}/{handle}", "GetChainedRecord", reference, **own)


def ack_of(triple: Triple) -> Response:
    assert triple.ack is not None
    return triple.ack


def before_the_ack(triple: Triple) -> list[bool]:
    return [link.event.seq < ack_of(triple).seq for link in triple.events]


def polls_of(triple: Triple) -> list[int]:
    """By how many events each poll carried."""
    carriers = [link.event.seq for link in triple.events]
    return [carriers.count(seq) for seq in dict.fromkeys(carriers)]


def names(triple: Triple) -> list[str]:
    return [link.name for link in triple.events]


# The order of events and ack


@both
def test_case_01_events_after_the_ack_in_one_poll(stage: Stage) -> None:
    desk = stage.desk()
    stage.options(chain=1)

    stage.asks(desk, chained("r1")).done()
    desk.fetches()

    triple = stage.confirmed().triple
    assert triple.state is State.COMPLETE
    assert before_the_ack(triple) == [False] * 4
    assert polls_of(triple) == [4]


@both
def test_case_02_events_over_three_polls_are_one_triple_and_keep_their_groups(stage: Stage) -> None:
    desk = stage.desk()
    stage.options(chain=2)

    asked = stage.asks(desk, chained("r1"))
    asked.acked()
    for count in (1, 3, 2):
        asked.emits(count)
        desk.fetches()

    triple = stage.confirmed().triple
    assert triple.state is State.COMPLETE
    assert polls_of(triple) == [1, 3, 2]


@only_cometd  # faye hands a held poll all that comes in one go
def test_case_02_a_held_poll_takes_the_first_event_and_the_next_one_the_rest(stage: Stage) -> None:
    desk = stage.desk()
    poll = desk.polls()
    until(lambda: len(stage.lab.waiting()) == 1, "the poll is held")

    stage.asks(desk, chained("r1")).done()
    desk.hears(2, poll)

    assert polls_of(stage.confirmed().triple) == [1, 1]


@both_and_mitmdump
def test_case_03_all_events_before_the_ack(stage: Stage) -> None:
    desk = stage.desk()
    stage.options(chain=1)

    asked = stage.asks(desk, chained("r1"))
    asked.emits()
    desk.hears(4)
    asked.acked()

    triple = stage.confirmed().triple
    assert triple.state is State.COMPLETE
    assert triple.request.seq < triple.events[0].event.seq
    assert before_the_ack(triple) == [True] * 4


@both
def test_case_04_the_first_event_before_the_ack_and_the_last_one_after_it(stage: Stage) -> None:
    desk = stage.desk()

    asked = stage.asks(desk, chained("r1"))
    asked.emits(1)
    desk.hears(1)
    asked.acked()
    asked.emits()
    desk.hears(1)

    triple = stage.confirmed().triple
    assert triple.state is State.COMPLETE
    assert before_the_ack(triple) == [True, False]


@both
def test_case_05_the_exchange_of_the_api_page_has_no_chained_record(stage: Stage) -> None:
    desk = stage.desk()

    stage.asks(desk, (SEED["request"]["path"], SEED["request"]["body"])).done()
    desk.hears(2)

    triple = stage.confirmed().triple
    assert triple.state is State.COMPLETE
    assert rules(triple.events) == [f"{END} reference", f"{END} twin"]


@both
def test_case_06_three_chained_records_with_their_twins_are_eight_events(stage: Stage) -> None:
    desk = stage.desk()
    stage.options(chain=3)

    stage.asks(desk, chained("r1")).done()
    desk.hears(8)

    triple = stage.confirmed().triple
    assert triple.state is State.COMPLETE
    assert rules(triple.events) == [*[f"{RECORD} reference", f"{RECORD} twin"] * 3, f"{END} reference", f"{END} twin"]


@both
@pytest.mark.parametrize("reference", ["r1", None])
def test_case_07_an_event_after_the_terminal_one_is_still_attached(stage: Stage, reference: str | None) -> None:
    desk = stage.desk()
    stage.options(chain=1, endFirst=True)

    asked = stage.asks(desk, chained(reference))
    asked.acked()
    asked.emits(2)
    desk.hears(2)
    asked.emits()
    desk.hears(2)

    triple = stage.confirmed().triple
    assert triple.state is State.COMPLETE
    assert names(triple) == [END, END, RECORD, RECORD]


@both
def test_case_08_a_twin_after_the_terminal_event_in_the_next_poll(stage: Stage) -> None:
    desk = stage.desk()
    stage.options(twinsLast=True)

    asked = stage.asks(desk, chained("r1"))
    asked.acked()
    asked.emits(1)
    desk.hears(1)
    asked.emits()
    desk.hears(1)

    triple = stage.confirmed().triple
    assert rules(triple.events) == [f"{END} reference", f"{END} twin"]
    assert polls_of(triple) == [1, 1]


# Ids


@both
def test_case_09_a_request_without_an_id_is_joined_by_handle_campaign_and_device(stage: Stage) -> None:
    desk = stage.desk()
    stage.options(chain=1)

    stage.asks(desk, chained()).done()
    desk.hears(4)

    triple = stage.confirmed().triple
    assert triple.state is State.COMPLETE
    assert rules(triple.events) == [f"{RECORD} tuple", f"{RECORD} twin", f"{END} tuple", f"{END} twin"]


@both
def test_case_10_the_id_of_the_ack_is_used_where_the_request_had_none(stage: Stage) -> None:
    desk = stage.desk()
    stage.options(ackReference=True)

    asked = stage.asks(desk, chained())
    ack = json.loads(asked.acked().body)
    asked.emits()
    desk.hears(2)

    triple = stage.confirmed().triple
    assert triple.keys["reference"] == str(ack["referenceId"])
    assert rules(triple.events)[0] == f"{END} reference"


@both
def test_case_10_events_that_came_before_the_ack_that_brings_their_id_are_linked(stage: Stage) -> None:
    desk = stage.desk()
    stage.options(ackReference=True, chain=1)

    asked = stage.asks(desk, chained())
    asked.emits(3)
    desk.hears(3)
    ack = json.loads(asked.acked().body)
    asked.emits()
    desk.hears(1)

    triple = stage.confirmed().triple
    assert triple.state is State.COMPLETE
    assert triple.keys["reference"] == str(ack["referenceId"])
    assert before_the_ack(triple) == [True, True, True, False]


@both
@pytest.mark.parametrize(
    ("asked", "pushed"), [(32, "string"), ("32", "number"), (0, "string"), ("0", "number"), (0, None)]
)
def test_case_11_ids_are_compared_as_strings_and_0_is_one(stage: Stage, asked: Any, pushed: str | None) -> None:
    desk = stage.desk()
    stage.options(referenceType=pushed)

    stage.asks(desk, chained(asked)).done()
    desk.hears(2)

    triple = stage.confirmed().triple
    assert rules(triple.events) == [f"{END} reference", f"{END} twin"]


@both
@pytest.mark.parametrize("nothing", ["", None])
def test_case_11_an_empty_id_and_null_are_none(stage: Stage, nothing: Any) -> None:
    desk = stage.desk()

    stage.asks(desk, chained(referenceId=nothing)).done()
    desk.hears(2)

    triple = stage.confirmed().triple
    assert "reference" not in triple.keys
    assert rules(triple.events) == [f"{END} tuple", f"{END} twin"]


@both
def test_case_12_two_requests_on_one_handle_are_told_apart_by_id_and_their_twins_by_order(stage: Stage) -> None:
    desk = stage.desk()

    first, second = stage.asks(desk, chained("r1")), stage.asks(desk, chained("r2"))
    first.acked()
    second.acked()
    for asked in (second, first, second, first):
        asked.emits(1)
    desk.hears(4)

    triples = stage.confirmed().triples
    assert [rules(triple.events) for triple in triples] == [[f"{END} reference", f"{END} twin"]] * 2


@both
def test_case_13_two_equal_requests_without_ids_are_served_in_order_and_the_doubt_is_kept(stage: Stage) -> None:
    desk = stage.desk()

    first, second = stage.asks(desk, chained()), stage.asks(desk, chained())
    first.acked()
    second.acked()
    first.emits()
    second.emits()
    desk.hears(4)

    one, two = stage.confirmed().triples
    assert (one.events[0].confidence, one.events[0].rivals) == (0.5, (two.request.seq,))
    assert (two.events[0].confidence, two.events[0].rivals) == (0.7, (one.request.seq,))


@both
def test_case_14_an_id_used_again_makes_two_triples(stage: Stage) -> None:
    desk = stage.desk()
    stage.options(chain=1)

    for _ in range(2):
        stage.asks(desk, chained("r1")).done()
        desk.hears(4)

    assert [triple.state for triple in stage.confirmed().triples] == [State.COMPLETE] * 2


@both
def test_case_15_the_same_id_from_two_agents_is_split_by_session(stage: Stage) -> None:
    alice, bob = stage.desk(), stage.desk()

    of_alice, of_bob = stage.asks(alice, chained("1")), stage.asks(bob, chained("1"))
    of_bob.emits()
    bob.hears(2)
    of_alice.emits()
    alice.hears(2)
    of_alice.acked()
    of_bob.acked()

    triples = stage.confirmed().triples
    assert len({triple.session for triple in triples}) == 2
    assert [{link.event.client_id for link in t.events} for t in triples] == [{alice.client_id}, {bob.client_id}]
    assert [triple.events[0].confidence for triple in triples] == [1.0, 1.0]


@both
def test_case_16_two_agents_on_one_handle_are_told_apart_by_device(stage: Stage) -> None:
    # the REST calls show neither cookie nor Authorization, so nothing but the device tells whose they are
    alice, its_rest = stage.desk(), Desk(stage.url)
    knows_alice = {"X_Agent": stage.agent}
    bob = stage.desk()
    knows_bob = {"X_Agent": stage.agent}

    of_alice = stage.asks(its_rest, chained(devicePath="/devices/d1"), **knows_alice)
    of_bob = stage.asks(its_rest, chained(devicePath="/devices/d2"), **knows_bob)
    of_alice.acked()
    of_bob.done()
    bob.hears(2)
    of_alice.emits()
    alice.hears(2)

    triples = stage.confirmed().triples
    assert [rules(triple.events) for triple in triples] == [[f"{END} tuple", f"{END} twin"]] * 2
    assert [{link.event.client_id for link in t.events} for t in triples] == [{alice.client_id}, {bob.client_id}]


@both
def test_case_17_a_do_not_call_by_number_is_joined_by_the_number(stage: Stage) -> None:
    desk = stage.desk()

    one, two = (
        stage.asks(desk, ask(RECORDS, "DoNotCallRecord", phoneNumber=number)) for number in ("555-0101", "555-0102")
    )
    one.acked()
    two.done()
    desk.hears(2)
    one.emits()
    desk.hears(2)

    triples = stage.confirmed().triples
    assert [rules(t.events)[0] for t in triples] == ["DoNotCallAcknowledge tuple"] * 2
    assert [t.state for t in triples] == [State.COMPLETE] * 2


@both
def test_case_17_an_added_record_has_no_handle(stage: Stage) -> None:
    desk = stage.desk()

    stage.asks(desk, ask(RECORDS, "AddRecord", callingList="L1", phoneNumber="555-0101", phoneType="Home")).done()
    desk.hears(2)

    triple = stage.confirmed().triple
    assert "handle" not in triple.keys
    assert rules(triple.events)[0] == "AddRecordAcknowledge tuple"


@both
def test_case_18_a_campaign_in_the_url_is_compared_decoded(stage: Stage) -> None:
    desk = stage.desk()
    body = {"operationName": "StartPreviewSession", "applicationId": 134, "devicePath": DEVICE}

    stage.asks(desk, (CAMPAIGN, body)).done()
    desk.hears(1)

    triple = stage.confirmed().triple
    assert triple.request.target.endswith("Pull%20Preview%20Campaign")
    assert triple.keys["campaign"] == "Pull Preview Campaign"
    assert (triple.state, rules(triple.events)) == (State.COMPLETE, ["PreviewSessionStarted tuple"])


# Errors


@both
def test_case_19_an_error_event_before_the_error_ack_belongs_to_the_failed_triple(stage: Stage) -> None:
    desk = stage.desk()
    stage.options(error="device")

    asked = stage.asks(desk, chained("r1"))
    asked.emits()
    desk.hears(1)
    asked.acked()

    triple = stage.confirmed().triple
    assert (triple.state, ack_of(triple).status) == (State.FAILED, 500)
    assert rules(triple.events) == ["/v2/me/devices error"]
    assert before_the_ack(triple) == [True]


@both
def test_case_20_http_200_with_a_partial_success_is_not_ok(stage: Stage) -> None:
    desk = stage.desk()
    stage.options(error="partial")

    stage.asks(desk, ask("/api/v2/me", "StartContactCenterSession", channels=["voice"])).done()

    triple = stage.confirmed().triple
    assert (triple.state, ack_of(triple).status) == (State.FAILED, 200)
    assert json.loads(ack_of(triple).body)["statusCode"] == 7


@both
def test_case_21_a_text_that_refuses_is_kept_as_it_is(stage: Stage) -> None:
    desk = stage.desk()
    stage.options(error="csrf")

    stage.asks(desk, chained("r1")).done()

    triple = stage.confirmed().triple
    assert (triple.state, ack_of(triple).status) == (State.FAILED, 403)
    assert ack_of(triple).body == b"Missing or invalid Csrf token"


@both_and_mitmdump
@pytest.mark.parametrize("reference", ["r1", None])
def test_case_22_a_request_the_client_gave_up_keeps_its_events(stage: Stage, reference: str | None) -> None:
    desk = stage.desk()

    asked = stage.asks(desk, chained(reference))
    asked.aborted()
    asked.emits()
    desk.hears(2)

    triple = stage.confirmed().triple
    assert (triple.state, triple.ack) == (State.UNACKED, None)
    assert triple.failure is not None
    assert triple.failure.reason == ABORTED


@both
def test_case_22_a_request_the_client_gave_up_between_its_events(stage: Stage) -> None:
    desk = stage.desk()
    stage.options(chain=1)

    asked = stage.asks(desk, chained("r1"))
    asked.emits(2)
    desk.hears(2)
    asked.aborted()
    asked.emits()
    desk.hears(2)

    assert stage.confirmed().triple.state is State.UNACKED


@both_and_mitmdump
def test_case_23_an_event_lost_with_an_aborted_poll_leaves_the_triple_without_its_end(stage: Stage) -> None:
    desk = stage.desk()
    stage.options(chain=1, twins=False)
    asked = stage.asks(desk, chained("r1"))
    asked.acked()
    asked.emits(1)
    desk.hears(1)

    stage.aborts(desk.polls())
    asked.emits(1)
    assert desk.fetches().events == []

    scene = stage.recorded()
    lost = [poll for poll in scene.polls() if scene.failure(poll)]
    assert [scene.failure(poll).reason for poll in lost] == [ABORTED]  # type: ignore[union-attr]
    assert scene.triple.request.seq < lost[0].seq
    assert (scene.triple.state, names(scene.triple)) == (State.ACKED, [RECORD])
    assert scene.unsolicited == ()


@both
def test_case_23_what_comes_after_the_lost_event_is_still_attached(stage: Stage) -> None:
    desk = stage.desk()
    asked = stage.asks(desk, chained("r1"))
    asked.acked()

    stage.aborts(desk.polls())
    asked.emits(1)
    asked.emits(1)
    desk.fetches()

    scene = stage.recorded()
    assert events_of(scene.triple) == list(scene.truth[0].events[1:])
    assert scene.unsolicited == ()


# Acknowledged messages. Only cometd-nodejs-server has the extension: faye ignores `ext.ack`.


def acks(batch: int) -> dict[str, int]:
    return {"ack": batch}


def batch_of(answer: Answer) -> int:
    """The number under which the server delivered."""
    batch: int = answer.messages[-1]["ext"]["ack"]
    return batch


@pytest.mark.parametrize("stage", ["cometd", "cometd-mitmdump"], indirect=True)
def test_case_24_events_that_are_delivered_again_are_in_the_triple_once(stage: Stage) -> None:
    desk = stage.desk(ack=True)
    stage.options(chain=1)
    asked = stage.asks(desk, chained("r1"))
    asked.acked()
    known = batch_of(desk.fetches(acks(0)))

    asked.emits(3)
    lost = desk.fetches(acks(known))
    again = desk.fetches(acks(known))
    asked.emits()
    desk.fetches(acks(batch_of(again)))

    assert len(lost.events) == 3
    assert (again.events, batch_of(again)) == (lost.events, batch_of(lost) + 1)
    assert len(stage.confirmed().triple.events) == 4


@only_cometd
def test_case_24_new_events_beside_those_that_are_delivered_again(stage: Stage) -> None:
    desk = stage.desk(ack=True)
    stage.options(chain=2)
    asked = stage.asks(desk, chained("r1"))
    asked.acked()
    known = batch_of(desk.fetches(acks(0)))

    asked.emits(2)
    assert len(desk.fetches(acks(known)).events) == 2
    asked.emits()
    assert len(desk.fetches(acks(known)).events) == 6

    assert polls_of(stage.confirmed().triple) == [2, 4]


@only_cometd
def test_case_24_two_equal_events_that_are_delivered_again_are_still_two(stage: Stage) -> None:
    desk = stage.desk(ack=True)
    stage.options(copies=2, twins=False)
    asked = stage.asks(desk, chained("r1"))
    asked.acked()
    known = batch_of(desk.fetches(acks(0)))

    asked.emits()
    assert len(desk.fetches(acks(known)).events) == 2
    assert len(desk.fetches(acks(known)).events) == 2

    assert names(stage.confirmed().triple) == [END, END]


@only_cometd
def test_case_24_an_equal_event_under_a_batch_that_was_acknowledged_is_a_second_one(stage: Stage) -> None:
    desk = stage.desk(ack=True)
    stage.options(copies=2, twins=False)
    asked = stage.asks(desk, chained("r1"))
    asked.acked()
    known = batch_of(desk.fetches(acks(0)))

    for _ in range(2):
        asked.emits(1)
        known = batch_of(desk.fetches(acks(known)))

    assert polls_of(stage.confirmed().triple) == [1, 1]


@only_cometd
def test_case_24_events_of_a_poll_that_was_given_up_come_again_with_the_next_one(stage: Stage) -> None:
    desk = stage.desk(ack=True)
    stage.options(chain=1)
    asked = stage.asks(desk, chained("r1"))
    asked.acked()
    known = batch_of(desk.fetches(acks(0)))

    stage.aborts(desk.polls(acks(known)))
    asked.emits()
    assert len(desk.fetches(acks(known)).events) == 4

    assert stage.confirmed().triple.state is State.COMPLETE


@only_cometd
def test_case_24_a_cometd_client_whose_answer_got_lost_on_the_way(stage: Stage) -> None:
    stage.options(stepwise=False, chain=1)
    step = operation(f"{RECORDS}/7", "GetChainedRecord", "r1", 4)

    with Relay(stage.url, loses=END.encode()) as line:
        run_js_client(line.url, {"subscribe": CHANNELS, "ack": True, "steps": [step]})

    assert line.lost.is_set()
    scene = stage.confirmed()
    assert sum(END.encode() in r.body for r in scene.records if isinstance(r, Response)) > 1
    assert scene.triple.state is State.COMPLETE


@both
def test_case_25_two_equal_events_are_two(stage: Stage) -> None:
    desk = stage.desk()
    stage.options(copies=2, twins=False)

    stage.asks(desk, chained("r1")).done()
    desk.hears(2)

    first, second = stage.confirmed().triple.events
    assert first.event.data == second.event.data


# Where events are seen


@only_cometd  # faye sends events in the replies to connects alone
@pytest.mark.parametrize("carrier", ["subscribe", "publish"])
def test_case_26_events_in_the_reply_to_a_publish_or_a_subscription(stage: Stage, carrier: str) -> None:
    desk = stage.desk()

    stage.asks(desk, chained("r1")).done()
    message = desk.subscription("/chat") if carrier == "subscribe" else desk.message("/chat", data="hello")
    answer = desk.tells(message).answer()

    assert [m.get("successful", False) for m in answer.messages] == [False, False, True]
    assert stage.confirmed().triple.state is State.COMPLETE


@both
def test_case_27_the_order_of_faye_and_the_order_of_java(stage: Stage) -> None:
    faye = stage.lab.bayeux == "faye"
    desk = stage.desk()
    stage.options(twins=False)

    stage.asks(desk, chained("r1")).done()
    answer = desk.fetches()

    reply, event = answer.messages if faye else reversed(answer.messages)
    assert (reply["channel"], event["channel"]) == ("/meta/connect", "/v2/me/outbound")
    assert ("id" in event, "clientId" in reply) == (faye, faye)
    assert rules(stage.confirmed().triple.events) == [f"{END} reference"]


def connected(desk: Desk) -> Socket:
    """A session over a WebSocket, which is connected and subscribed."""
    socket = desk.opens_socket()
    desk.client_id = ""
    socket.tells(desk.handshake())
    desk.client_id = socket.hears("/meta/handshake")["clientId"]
    socket.tells(*map(desk.subscription, CHANNELS))
    for _ in CHANNELS:
        assert socket.hears("/meta/subscribe")["successful"]
    socket.tells(desk.connect(kind="websocket"))
    return socket


@pytest.mark.parametrize("stage", ["faye", "faye-mitmdump"], indirect=True)  # cometd-nodejs-server has no WebSocket
def test_case_28_events_on_a_websocket_belong_to_requests_over_http(stage: Stage) -> None:
    alice, bob = stage.newcomer(), stage.newcomer()
    sockets = connected(alice), connected(bob)

    asked = stage.asks(alice, chained("1")), stage.asks(bob, chained("1"))
    for operation_, socket in zip(asked, sockets, strict=True):
        operation_.emits()
        assert socket.hears("/v2/me/outbound")["data"]["notificationType"] == END
        socket.hears("/me/internal")
        operation_.acked()

    triples = stage.confirmed().triples
    assert [triple.state for triple in triples] == [State.COMPLETE] * 2
    assert len({triple.session for triple in triples}) == 2


@only_faye  # cometd-nodejs-server has no WebSocket
def test_case_28_a_cometd_client_on_a_websocket(stage: Stage) -> None:
    stage.options(stepwise=False, chain=1)
    step = operation(f"{RECORDS}/7", "GetChainedRecord", "r1", 4)

    run_js_client(stage.url, {"subscribe": CHANNELS, "transport": "websocket", "steps": [step]})

    scene = stage.confirmed()
    assert {link.event.exchange for link in scene.triple.events} == {
        r.exchange for r in scene.records if isinstance(r, Response) and r.status == 101
    }


@only_faye  # cometd-nodejs-server has no WebSocket
def test_case_29_a_switch_from_websocket_to_long_polling_keeps_the_session(stage: Stage) -> None:
    desk = stage.newcomer(auth=False)
    desk.sends("GET", "/api/v2/me").answer()  # brings the cookie
    socket = connected(desk)

    stage.asks(desk, chained()).done()
    for channel in CHANNELS:
        socket.hears(channel)
    socket.abort()
    stage.asks(desk, chained()).done()
    desk.hears(2)

    scene = stage.recorded()
    assert_truth(scene.triples, [cause for cause in scene.truth if cause.method == "POST"])
    assert len({triple.session for triple in scene.triples}) == 1
    assert {link.event.client_id for t in scene.triples for link in t.events} == {desk.client_id}


@both
def test_case_29_a_new_handshake_with_the_same_cookies_is_the_same_session(stage: Stage) -> None:
    desk = stage.newcomer(auth=False)
    desk.sends("GET", "/api/v2/me").answer()  # brings the cookie of faye's clients; cometd sets one of its own
    used = []
    for _ in range(2):
        desk.connected()
        used.append(desk.client_id)
        stage.asks(desk, chained()).done()
        desk.hears(2)

    scene = stage.recorded()
    assert_truth(scene.triples, [cause for cause in scene.truth if cause.method == "POST"])
    assert [t.events[0].event.client_id for t in scene.triples] == used
    assert len({triple.session for triple in scene.triples}) == 1


@both
@pytest.mark.parametrize("reference", ["r1", None])
def test_case_30_a_triple_spans_a_new_handshake(stage: Stage, reference: str | None) -> None:
    desk = stage.desk()
    stage.options(chain=1)
    asked = stage.asks(desk, chained(reference))
    asked.emits(2)
    desk.hears(2)
    old = desk.client_id

    stage.lab.forget()
    (refusal,) = desk.fetches().messages
    desk.connected()
    asked.done()
    desk.hears(2)

    assert refusal["error"][:3] in {"402", "401"}
    assert refusal["advice"]["reconnect"] == "handshake"
    triple = stage.confirmed().triple
    assert triple.state is State.COMPLETE
    assert [link.event.client_id for link in triple.events] == [old, old, desk.client_id, desk.client_id]


@both
def test_case_31_the_old_poll_of_a_client_with_two_is_no_error_of_the_triple(stage: Stage) -> None:
    desk = stage.desk()
    asked = stage.asks(desk, chained("r1"))
    old = desk.polls()
    until(lambda: len(stage.lab.waiting()) == 2, "operation and poll wait")
    new = desk.polls()
    if stage.lab.bayeux == "cometd":
        assert old.answer().status == 500
    else:  # faye leaves it open for ever
        until(lambda: len(stage.lab.waiting()) == 3, "the second poll waits too")
    asked.done()
    desk.hears(2, new)

    scene = stage.confirmed()
    assert scene.triple.state is State.COMPLETE
    assert scene.triple.failure is None


# Breaks


# Both servers, both ways to record; not each with each, as every one of them is a capture of its own.
each_way = pytest.mark.parametrize(("server", "capture"), [("cometd", by_command), ("faye", by_mitmdump)])


def failed_between(records: tuple[Record, ...], first: int, last: int) -> list[bytes]:
    """The bodies of the requests that failed."""
    failures = {r.exchange for r in records[first:last] if isinstance(r, Failure)}
    return [r.body for r in records if isinstance(r, Request) and r.exchange in failures]


@each_way
def test_case_32_what_was_open_when_the_upstream_went_has_a_failure_for_its_end(
    server: Bayeux, capture: Capture, tmp_path: Path
) -> None:
    cassette = tmp_path / "session.cassette"
    with ExitStack() as proxied:
        with Lab(server, tmp_path / "before.jsonl") as lab:
            proxy = proxied.enter_context(capture(lab.url, cassette))
            desk = Desk(proxy.url, "agent:secret").connected()
            lab.options(stepwise=True)
            post, poll = desk.posts(*chained("r1")), desk.polls()
            until(lambda: len(lab.waiting()) == 2, "operation and poll wait")
        assert (post.answer().status, poll.answer().status) == (502, 502)
        with Lab(server, tmp_path / "after.jsonl", port=lab.port) as lab:
            assert desk.fetches().messages[0]["advice"]["reconnect"] == "handshake"
            desk.connected()
            desk.asks(*chained("r2", 9))
            desk.hears(2)
            truth = lab.truth()

    records, triples = read(cassette).records, load_recording(cassette).triples
    assert (triples[0].state, triples[0].ack, triples[0].failure is None) == (State.ABORTED, None, False)
    assert sum(b"/meta/connect" in body for body in failed_between(records, 0, triples[1].request.seq)) == 1
    assert triples[0].session == triples[1].session
    assert_truth(triples[1:], truth)


@pytest.mark.parametrize("capture", [by_command, by_mitmdump])
def test_case_32_a_client_that_is_refused_while_the_upstream_is_down_leaves_a_mark(
    capture: Capture, tmp_path: Path
) -> None:
    cassette = tmp_path / "session.cassette"
    with ExitStack() as proxied:
        with Lab("cometd", tmp_path / "truth.jsonl") as lab:
            proxy = proxied.enter_context(capture(lab.url, cassette))
            Desk(proxy.url).asks(*chained("r1"))
        # mitmproxy connects to the upstream first, and hangs up on a client it has nobody for
        with suppress(OSError, HTTPException):
            assert Desk(proxy.url).asks(*chained("r2")).status == 502

    records = read(cassette).records
    answered = next(r.seq for r in records if isinstance(r, Response))
    marks = [
        r for r in records[answered + 1 :] if isinstance(r, Failure) or (isinstance(r, Note) and r.kind != "close")
    ]
    assert marks, "nothing in the cassette tells that a client was refused"


UNASKED = [
    ("/v2/me/outbound", {"notificationType": "PreviewRecord", "messageType": "OutboundRecordMessage",
                         "record": {"recordHandle": 8, "campaignName": "Campaign1", "devicePath": DEVICE}}),
    ("/v2/me/outbound", {"notificationType": "StatusChanged", "messageType": "OutboundRecordMessage",
                         "record": {"id": "f3b1", "state": "ReadyToCall", "phone": "555-0101"}}),
    ("/v2/me/outbound", {"notificationType": "CampaignStarted", "messageType": "OutboundCampaignMessage",
                         "campaign": {"name": "Campaign1", "applicationId": 134, "devicePath": DEVICE}}),
    ("/v2/me/devices", {"messageType": "DeviceStateChangeMessage", "devices": [{"userState": {"state": "Ready"}}]}),
]  # fmt: skip


@both
@pytest.mark.parametrize("reference", ["r1", None])
def test_case_33_what_nobody_asked_for_is_not_attached_to_an_open_request(stage: Stage, reference: str | None) -> None:
    desk = stage.desk()

    asked = stage.asks(desk, chained(reference))
    for channel, data in UNASKED:
        stage.lab.unsolicited(channel, data, agent=stage.agent)
    asked.done()
    desk.hears(6)

    scene = stage.confirmed()
    assert scene.pushed == UNASKED
    assert {pushed.session for pushed in scene.unsolicited} == {scene.triple.session}


# How messages are wrapped


def as_object(desk: Desk) -> Answer:
    return desk.posts(BAYEUX, desk.connect(timeout=0)).answer()


def as_form(desk: Desk) -> Answer:
    form = f"message={quote(json.dumps([desk.connect(timeout=0)]))}"
    return desk.posts(BAYEUX, form.encode(), Content_Type="application/x-www-form-urlencoded").answer()


def as_jsonp(desk: Desk) -> Answer:
    message = quote(json.dumps([desk.connect(timeout=0)]))
    return desk.sends("GET", f"{BAYEUX}?message={message}&jsonp=cb1").answer()


def as_gzip(desk: Desk) -> Answer:
    packed = gzip.compress(json.dumps([desk.connect(timeout=0)]).encode())
    return desk.posts(BAYEUX, packed, Content_Encoding="gzip").answer()


def at_a_slash(desk: Desk) -> Answer:
    return desk.tells(desk.connect(timeout=0), suffix="/").answer()


def at_its_name(desk: Desk) -> Answer:
    return desk.tells(desk.connect(timeout=0), suffix="/connect").answer()


@both
@pytest.mark.parametrize("fetch", [as_gzip, at_a_slash, at_its_name])
def test_case_34_a_poll_is_known_however_it_is_packed_and_addressed(
    stage: Stage, fetch: Callable[[Desk], Answer]
) -> None:
    desk = stage.desk()

    stage.asks(desk, chained("r1")).done()
    assert len(fetch(desk).events) == 2

    assert stage.confirmed().triple.state is State.COMPLETE


@only_faye  # cometd-nodejs-server answers each of them with 400
@pytest.mark.parametrize("fetch", [as_object, as_form, as_jsonp])
def test_case_34_a_poll_is_known_in_any_form_of_the_specification(
    stage: Stage, fetch: Callable[[Desk], Answer]
) -> None:
    desk = stage.desk()

    stage.asks(desk, chained("r1")).done()
    assert END.encode() in fetch(desk).body

    assert stage.confirmed().triple.state is State.COMPLETE


@both
def test_case_34_operations_and_answers_may_be_compressed(stage: Stage) -> None:
    desk = stage.desk()
    stage.options(gzip=True)
    path, body = chained("r1")

    stage.asks(desk, (path, gzip.compress(json.dumps(body).encode())), Content_Encoding="gzip").done()
    desk.hears(2)

    triple = stage.confirmed().triple
    assert json.loads(triple.request.body) == body
    assert json.loads(ack_of(triple).body) == {"statusCode": 0}


@both
def test_case_35_the_reply_to_a_publish_is_no_event_on_its_channel(stage: Stage) -> None:
    desk = stage.desk()
    desk.tells(desk.subscription("/chat")).answer()

    sent = desk.tells(desk.message("/chat", data="hello")).answer().messages
    fetched = desk.fetches().messages

    heard = [message for message in (*sent, *fetched) if message["channel"] == "/chat"]
    assert sorted("successful" in message for message in heard) == [False, True]
    assert stage.recorded().pushed == [("/chat", "hello")]


@each_way
def test_case_36_what_was_open_at_the_end_is_kept(server: Bayeux, capture: Capture, tmp_path: Path) -> None:
    cassette = tmp_path / "session.cassette"
    with Lab(server, tmp_path / "truth.jsonl") as lab:
        with capture(lab.url, cassette) as proxy:
            desk = Desk(proxy.url, "agent:secret").connected()
            stage = Stage(lab, proxy.url, cassette)
            stage.options()
            _, heard, acked = (stage.asks(desk, chained(f"r{handle}", handle)) for handle in (7, 8, 9))
            heard.emits()
            desk.hears(2)
            acked.acked()
            desk.polls()
            until(lambda: len(lab.waiting()) == 3, "two operations and a poll wait")
        desk.leaves()
        truth = lab.truth()

    records, triples = read(cassette).records, load_recording(cassette).triples
    assert [r.kind for r in records if isinstance(r, Note)] == ["close"]
    assert_truth(triples, truth)
    assert [t.state for t in triples] == [State.ABORTED, State.UNACKED, State.ACKED]
    assert sum(isinstance(r, Request) and b"/meta/connect" in r.body for r in records) == 3


# Odd values


@both
def test_case_37_the_handle_of_the_url_wins_and_may_be_any_text(stage: Stage) -> None:
    desk = stage.desk()
    handle = "0c1d8c9c-4d6b-4a1e-bb1f-push"

    one = stage.asks(desk, chained(handle=handle, recordHandle=8))
    two = stage.asks(desk, chained(handle=8))
    one.acked()
    two.done()
    one.emits()
    desk.hears(4)

    assert [triple.keys["handle"] for triple in stage.confirmed().triples] == [handle, "8"]


@both
def test_case_38_metrics_that_differ_do_not_part_twins(stage: Stage) -> None:
    desk = stage.desk()
    stage.options(chain=2)

    stage.asks(desk, chained("r1")).done()
    desk.hears(6)

    triple = stage.confirmed().triple
    assert rules(triple.events) == [*[f"{RECORD} reference", f"{RECORD} twin"] * 2, f"{END} reference", f"{END} twin"]
    metrics = [json.dumps(link.event.data["metrics"]) for link in triple.events[1::2]]
    assert len(set(metrics)) == 3


@both
@pytest.mark.parametrize("reference", ["r1", None])
def test_case_39_a_request_that_was_given_up_and_sent_again_is_one_triple(stage: Stage, reference: str | None) -> None:
    desk = stage.desk()

    stage.asks(desk, chained(reference)).aborted()
    stage.asks(desk, chained(reference)).done()
    desk.hears(2)

    scene = stage.recorded()
    _, carried_out = scene.truth
    assert_truth(scene.triples, [carried_out])
    assert scene.triple.state is State.COMPLETE
    assert scene.unsolicited == ()


@both
def test_case_39_the_events_of_both_attempts_are_of_the_one_triple(stage: Stage) -> None:
    desk = stage.desk()

    first = stage.asks(desk, chained("r1"))
    first.aborted()
    second = stage.asks(desk, chained("r1"))
    first.emits()
    second.done()
    desk.hears(4)

    scene = stage.recorded()
    assert events_of(scene.triple) == [event for cause in scene.truth for event in cause.events]


@both
@pytest.mark.parametrize("reference", ["r1", None])
def test_case_39_a_request_that_was_answered_and_sent_again_is_two_triples(stage: Stage, reference: str | None) -> None:
    desk = stage.desk()

    for _ in range(2):
        stage.asks(desk, chained(reference)).done()
        desk.hears(2)

    assert [triple.state for triple in stage.confirmed().triples] == [State.COMPLETE] * 2


ODD = [
    '{"operationName":"GetChainedRecord","campaignName":"Überweisung\u2028 €","referenceId":"r1"}'.encode(),
    b'{"operationName":"GetChainedRecord","campaignName":"\\u00dc\\u2028 \\u20ac","referenceId":"r1"}',
    b'{"operationName":"x","operationName":"GetChainedRecord","campaignName":"a","campaignName":"b"}',
    b'{"operationName":"GetChainedRecord","campaignName":"\\ud800","referenceId":"r1"}',
    b'{"operationName":"GetChainedRecord","big":1e999,"referenceId":"r1"}',
    b' {\r\n"operationName" : "GetChainedRecord", "devicePath": "/devices/d", "applicationId": 134}',
]


@both
@pytest.mark.parametrize("content", ODD, ids=range(len(ODD)))
def test_case_40_odd_json_is_understood_and_its_bytes_are_kept(stage: Stage, content: bytes) -> None:
    desk = stage.desk()

    stage.asks(desk, (f"{RECORDS}/7", content)).done()
    desk.hears(2)

    triple = stage.confirmed().triple
    assert triple.request.body == content
    assert (triple.operation, triple.state) == ("GetChainedRecord", State.COMPLETE)


@both
def test_case_40_nan_is_refused_by_the_server_and_its_bytes_are_kept(stage: Stage) -> None:
    desk = stage.desk()
    content = b'{"operationName":"GetChainedRecord","ratio":NaN,"referenceId":"r1"}'

    stage.asks(desk, (f"{RECORDS}/7", content)).done()

    triple = stage.confirmed().triple
    assert triple.request.body == content
    assert (triple.operation, triple.state, ack_of(triple).status) == ("GetChainedRecord", State.FAILED, 400)


@both
def test_case_40_a_campaign_with_letters_beyond_ascii(stage: Stage) -> None:
    desk = stage.desk()
    campaign = "Überweisung/\u2028 €"
    body = {"operationName": "StartPreviewSession", "applicationId": 134, "devicePath": DEVICE}

    stage.asks(desk, (f"/api/v2/me/outbound-campaigns/{quote(campaign, safe='')}", body)).done()
    desk.hears(1)

    triple = stage.confirmed().triple
    assert triple.keys["campaign"] == campaign
    assert (triple.state, rules(triple.events)) == (State.COMPLETE, ["PreviewSessionStarted tuple"])
