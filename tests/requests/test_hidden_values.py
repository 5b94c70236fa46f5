"""A recording without the real values plays to a client that sends them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.bayeux.publishes import PUBLISH
from recorder.correlate.engine import correlate
from recorder.dialect.definition import load as load_dialect
from recorder.model import Recording
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor
from recorder.requests.blanks import Blanker
from tests.replay.recordings import recordings
from tests.replay.stage import Desk, Stage
from tests.wire import HEADER, Ask, Message, Wire, chained, complete, done, record_event

PHONE, OTHER = "+1 415 555 2671", "+1 415 555 2672"
END = "RecordProcessedAcknowledge"


def redacted(wire: Wire) -> Recording:
    """What is in a cassette of this."""
    redactor = Redactor(load(), b"k" * 32)
    return correlate(map(redactor.redact, wire.records), load_dialect(), HEADER)


def stage(*asks: tuple[Ask, Message]) -> tuple[Stage, Desk]:
    """A stand-in that plays these, and a desk that listens to it."""
    wire = Wire()
    recorded = wire.desk()
    for ask, event in asks:
        recorded.asks(ask, event)
    playing = Stage(redacted(wire), redaction=load())
    desk = playing.desk()
    desk.listens()
    return playing, desk


def with_phone(phone: Any, reference: str = "r1") -> Ask:
    return complete(7, reference, phoneNumber=phone)


def told(phone: Any, reference: str = "r1") -> Message:
    return record_event(END, 7, reference, phoneNumber=phone)


def test_what_a_policy_names_is_blanked_out_and_kept_in_order() -> None:
    body = json.dumps({"phoneNumber": PHONE, "count": 1, "email": "ada@acme.example", "ssn": 123456789}).encode()

    target, shown = Blanker(load()).target("POST", "/a?access_token=abc")
    masked, hidden = Blanker(load()).body("POST", body)

    assert (target, shown) == ("/a?access_token=%E2%80%A2", ("abc",))
    assert json.loads(masked) == {"phoneNumber": "•", "count": 1, "email": "•", "ssn": 0}
    assert hidden == (PHONE, "ada@acme.example", "123456789")


def test_a_target_that_comes_again_is_blanked_out_again_but_no_channel_that_looks_like_it() -> None:
    blanker, target = Blanker(load()), "/a?access_token=abc"

    found = [blanker.target(method, target) for method in ("POST", PUBLISH, "GET", PUBLISH)]

    assert found == [("/a?access_token=%E2%80%A2", ("abc",)), (target, ())] * 2
    assert blanker.body("POST", b"{}") == (b"{}", ())


def test_without_a_policy_nothing_is_blanked_out() -> None:
    body = b'{"phoneNumber":"1"}'

    assert Blanker(None).target("POST", "/a?token=b") == ("/a?token=b", ())
    assert Blanker(None).body("POST", body) == (body, ())


def test_the_recording_holds_no_real_value() -> None:
    playing, _ = stage((with_phone(PHONE), told(PHONE)))
    (triple,) = playing.standin._recording.triples

    assert PHONE.encode() not in triple.request.body
    assert PHONE not in json.dumps(triple.events[0].event.data)


def test_a_client_that_sends_the_real_value_is_answered_and_told_it() -> None:
    _, desk = stage((with_phone(PHONE), told(PHONE)))

    desk.posts(with_phone(PHONE, "mine"))

    assert "ack 200" in desk.said
    assert [event["data"]["record"]["phoneNumber"] for event in desk.events] == [PHONE]


def test_a_number_stays_one() -> None:
    _, desk = stage((with_phone(4155552671), told(4155552671)))

    desk.posts(with_phone(4155552671, "mine"))

    assert [event["data"]["record"]["phoneNumber"] for event in desk.events] == [4155552671]


def test_another_real_value_stands_for_the_pseudonym_as_well() -> None:
    _, desk = stage((with_phone(PHONE), told(PHONE)))

    desk.posts(with_phone(OTHER, "mine"))

    assert [event["data"]["record"]["phoneNumber"] for event in desk.events] == [OTHER]


def test_a_value_stands_for_one_pseudonym_alone() -> None:
    second = complete(8, "r2", phoneNumber=OTHER)
    playing, desk = stage((with_phone(PHONE, "r1"), told(PHONE, "r1")), (second, record_event(END, 8, "r2")))

    desk.posts(with_phone(PHONE, "mine-1"))
    desk.posts(second.but(referenceId="mine-2", phoneNumber=PHONE))

    assert "a redacted value differs" in playing.misses[0]
    assert PHONE not in playing.standin.misses[0].text


def test_a_pseudonym_that_the_server_sent_may_be_sent_back() -> None:
    playing, desk = stage(
        (chained(7, "r0"), done(7, "r0", phoneNumber=PHONE)), (with_phone(PHONE, "r1"), told(PHONE, "r1"))
    )
    desk.posts(chained(7, "mine-0"))
    learned = desk.events[0]["data"]["record"]["phoneNumber"]

    desk.posts(with_phone(learned, "mine-1"))

    assert playing.misses == []
    assert desk.events[-1]["data"]["record"]["phoneNumber"] == learned


def test_two_clients_may_have_values_of_their_own() -> None:
    playing, desk = stage((with_phone(PHONE), told(PHONE)))
    other = playing.desk((("Authorization", "Basic b3RoZXI="),), cookies=False)
    other.listens()

    desk.posts(with_phone(PHONE, "mine"))
    other.posts(with_phone(OTHER, "theirs"))

    phones = [d.events[0]["data"]["record"]["phoneNumber"] for d in (desk, other)]
    assert phones == [PHONE, OTHER]


def test_a_token_in_a_url_is_matched_like_any_value() -> None:
    ask = with_phone(PHONE)
    recorded = Ask(f"{ask.target}?access_token=recorded-token-1", ask.content)
    _, desk = stage((recorded, told(PHONE)))

    desk.posts(Ask(f"{ask.target}?access_token=live-token-2", with_phone(PHONE, "mine").content))

    assert "ack 200" in desk.said


@settings(max_examples=40)
@given(recordings(most=1), st.data())
def test_a_redacted_recording_answers_every_request_of_a_client_that_sends_the_real_values(
    recording: Recording, data: st.DataObject
) -> None:
    redactor = Redactor(load(), b"k" * 32)
    records = sorted(
        [r for t in recording.triples for r in (t.request, t.ack, t.failure) if r is not None], key=lambda r: r.seq
    )
    playing = Stage(correlate(map(redactor.redact, records), load_dialect(), HEADER), redaction=load())
    desk = playing.stranger()

    for triple in correlate(records, load_dialect(), HEADER).triples:  # without events, some requests are retries
        desk.sends(triple.request.method, triple.request.target, triple.request.body, ())

    assert playing.misses == []
