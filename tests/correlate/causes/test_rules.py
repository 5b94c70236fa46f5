"""Each rule by itself: which of some operations caused an event, how surely, and who else may have."""

from __future__ import annotations

from typing import Any

import pytest

from recorder.correlate.causes.rules import by_error, by_key, by_repetition, by_tuple, by_twin
from recorder.correlate.operations import Operation, Seen
from recorder.dialect.definition import load
from recorder.model import Event, Failure, Link, Request, Response
from tests.wire import (
    DEVICE,
    Ask,
    Message,
    chained,
    complete,
    done,
    error_event,
    operation,
    preview,
    record_event,
    twin,
)

GWS = load()
SECOND = 1_000_000_000


def asked(ask: Ask, seq: int = 1, at: float = 0.0, session: int | None = 1, **own: Any) -> Operation:
    """An operation whose request left at `at` seconds."""
    request = Request(seq, round(at * SECOND), seq, "c1", ask.method, ask.target, (), ask.body)
    op = Operation(request, GWS.operation_of(request), GWS.keys_of_request(request), frozenset(), session)
    for name, value in own.items():
        setattr(op, name, value)
    return op


def pushed(message: Message, at: float = 1.0, session: int | None = 1) -> Seen:
    event = Event(99, 0, round(at * SECOND), 99, "client1", message["channel"], message["data"])
    return Seen(event, GWS.keys_of_event(event), session)


def ack(seq: int = 50, status: int = 200) -> Response:
    return Response(seq, 0, 1, status, (), b'{"statusCode":0}')


def of(found: tuple[Operation, Link] | None) -> tuple[int, float, tuple[int, ...]] | None:
    """The request a rule chose, how sure it is, and the rivals."""
    return found and (found[1].request, found[1].confidence, found[1].rivals)


# Rules 1 and 2: an id of the request stands in the event


def test_an_exact_id_is_certain() -> None:
    found = by_key(pushed(done(7, "r1")), "reference", GWS, [asked(chained(7, "r1"))])

    assert found is not None
    assert found[1] == Link(
        pushed(done(7, "r1")).event,
        "ChainedRecordsDataEnd",
        1,
        "reference",
        1.0,
        "reference 'r1' of request 1 stands in the event",
    )


def test_the_inner_id_is_certain_too() -> None:
    ask = operation("/internal-api/operations", "SendUserEvent", userData={"GSW_REFERENCE_ID": 1})
    found = by_key(pushed(twin("X", GSW_REFERENCE_ID="1")), "inner_reference", GWS, [asked(ask)])

    assert of(found) == (1, 1.0, ())


def test_an_id_of_another_session_is_another_id() -> None:
    assert by_key(pushed(done(7, "r1"), session=2), "reference", GWS, [asked(chained(7, "r1"), session=1)]) is None


def test_a_session_that_is_not_known_may_be_any() -> None:
    unknown = asked(chained(7, "r1"), session=None)

    assert of(by_key(pushed(done(7, "r1"), session=2), "reference", GWS, [unknown])) == (1, 1.0, ())
    assert of(by_key(pushed(done(7, "r1"), session=None), "reference", GWS, [asked(chained(7, "r1"))])) == (1, 1.0, ())


def test_of_two_open_requests_with_one_id_the_one_on_the_same_handle_is_meant() -> None:
    requests = [asked(chained(8, "r1"), seq=1), asked(chained(7, "r1"), seq=2)]

    assert of(by_key(pushed(done(7, "r1")), "reference", GWS, requests)) == (2, 1.0, ())


def test_of_two_open_requests_with_one_id_the_one_of_the_same_device_is_meant() -> None:
    requests = [asked(chained(7, "r1", devicePath="/devices/d1"), seq=1), asked(chained(7, "r1"), seq=2)]

    assert of(by_key(pushed(done(7, "r1")), "reference", GWS, requests)) == (2, 1.0, ())


def test_an_id_is_taken_even_where_the_rest_disagrees() -> None:
    assert of(by_key(pushed(done(7, "r1")), "reference", GWS, [asked(chained(8, "r1"))])) == (1, 1.0, ())


def test_of_two_alike_the_oldest_open_one_is_taken_and_the_other_is_its_rival() -> None:
    requests = [asked(chained(7, "r1"), seq=1), asked(chained(7, "r1"), seq=2)]
    found = by_key(pushed(done(7, "r1")), "reference", GWS, requests)

    assert of(found) == (1, 0.8, (2,))
    assert found is not None
    assert "other requests with this reference that may have caused the event: 1" in found[1].why


def test_an_id_used_again_belongs_to_the_request_that_still_waits() -> None:
    requests = [asked(chained(7, "r1"), seq=1, ended=SECOND), asked(chained(7, "r1"), seq=2, at=2.0)]

    assert of(by_key(pushed(done(7, "r1"), at=3.0), "reference", GWS, requests)) == (2, 1.0, ())


def test_an_id_used_again_belongs_to_the_newer_request_when_neither_waits() -> None:
    requests = [
        asked(chained(7, "r1"), seq=1, ended=SECOND),
        asked(chained(7, "r1"), seq=2, at=60.0, ended=61 * SECOND),
    ]

    assert of(by_key(pushed(record_event("ChainedRecord", 7, "r1"), at=61.5), "reference", GWS, requests)) == (
        2,
        1.0,
        (),
    )


def test_an_id_used_again_after_its_first_request_timed_out_belongs_to_the_newer_one() -> None:
    requests = [asked(chained(7, "r1"), seq=1), asked(chained(7, "r1"), seq=2, at=61.0)]

    assert of(by_key(pushed(done(7, "r1"), at=61.5), "reference", GWS, requests)) == (2, 1.0, ())


def test_an_id_used_again_after_a_refusal_belongs_to_the_newer_request() -> None:
    refused = asked(chained(7, "r1"), seq=1, ack=ack(status=500), refused=True)

    assert of(by_key(pushed(done(7, "r1")), "reference", GWS, [refused, asked(chained(7, "r1"), seq=2)])) == (
        2,
        1.0,
        (),
    )


def test_an_id_used_again_after_the_client_gave_up_belongs_to_the_newer_request() -> None:
    aborted = asked(chained(7, "r1"), seq=1, failure=Failure(2, 0, 1, "Client disconnected."))

    assert of(by_key(pushed(done(7, "r1")), "reference", GWS, [aborted, asked(chained(7, "r1"), seq=3)])) == (
        3,
        0.8,
        (1,),  # its answer got lost, not its work
    )


def test_an_operation_with_no_known_end_has_had_its_event_when_the_next_one_waits() -> None:
    # seen: one desktop sends GSW_REFERENCE_ID 1 with each of its requests
    first = asked(operation("/internal-api/operations", "SendUserEvent", "1"), seq=1, ack=ack())
    seen = pushed(record_event("CampaignStatus", 7, "1"))
    first.links.append(Link(seen.event, "CampaignStatus", 1, "reference", 1.0, ""))
    second = asked(operation("/internal-api/operations", "SendUserEvent", "1"), seq=5)

    assert of(by_key(seen, "reference", GWS, [first, second])) == (5, 1.0, ())


# Rule 3: the event repeats one that is linked


def test_a_twin_goes_where_its_original_went() -> None:
    original = asked(chained(7, "r1"), seq=4)
    seen = pushed(done(7, "r1"))
    op, link = by_twin(
        pushed(twin("ChainedRecordsDataEnd")), original, Link(seen.event, "", 4, "reference", 1.0, ""), []
    )

    assert op is original
    assert (link.request, link.rule, link.confidence) == (4, "twin", 0.95)
    assert link.why == "repeats ChainedRecordsDataEnd of request 4 on another channel"


def test_a_twin_is_no_surer_than_its_original_and_has_its_rivals() -> None:
    original = asked(chained(7), seq=4)
    seen = pushed(done(7))

    linked = Link(seen.event, "", 4, "tuple", 0.5, "", (5,))
    _, link = by_twin(pushed(twin("ChainedRecordsDataEnd")), original, linked, [])

    assert (link.confidence, link.rivals) == (0.5, (5,))


def test_a_twin_that_may_be_of_several_is_doubtful() -> None:
    original, seen = asked(chained(7, "r1"), seq=4), pushed(done(7, "r1"))
    linked = Link(seen.event, "", 4, "reference", 1.0, "")

    _, link = by_twin(pushed(twin("ChainedRecordsDataEnd")), original, linked, [asked(chained(7, "r2"), seq=6)])

    assert (link.confidence, link.rivals) == (0.7, (6,))


def test_a_twin_that_comes_once_more_is_the_newest_ones() -> None:
    ops = [asked(chained(7), seq=1), asked(chained(7), seq=2)]

    assert of(by_repetition(pushed(twin("ChainedRecordsDataEnd")), ops)) == (2, 0.7, (1,))
    assert by_repetition(pushed(twin("ChainedRecordsDataEnd")), []) is None


# Rule 4: handle, campaign, device … agree


def test_an_event_without_an_id_belongs_to_the_operation_it_agrees_with() -> None:
    found = by_tuple(pushed(done(7)), GWS, [asked(chained(8), seq=1), asked(chained(7), seq=2)])

    assert of(found) == (2, 0.9, ())
    assert found is not None
    assert found[1].why == (
        f"agrees with request 2 on handle '7', application '134', campaign 'Campaign1', device '{DEVICE}'"
    )


def test_of_two_that_agree_the_oldest_is_taken_and_the_other_is_its_rival() -> None:
    assert of(by_tuple(pushed(done(7)), GWS, [asked(chained(7), seq=1), asked(chained(7), seq=2)])) == (1, 0.5, (2,))


@pytest.mark.parametrize(
    "changed", [{"applicationId": 135}, {"campaignName": "C2"}, {"devicePath": "/devices/d2"}, {"callingList": "L2"}]
)
def test_one_difference_is_enough_to_say_no(changed: dict[str, Any]) -> None:
    assert by_tuple(pushed(done(7)), GWS, [asked(chained(7, **changed))]) is None


def test_what_stands_on_one_side_only_does_not_count() -> None:
    bare = asked(chained(7).without("applicationId", "campaignName", "devicePath"))

    assert of(by_tuple(pushed(done(7)), GWS, [bare])) == (1, 0.9, ())


def test_a_device_alone_is_not_enough() -> None:
    noise = pushed({"channel": "/v2/me/devices", "data": {"devicePath": f"/devices/{DEVICE}"}})

    assert by_tuple(noise, GWS, [asked(operation("/api/v2/me", "Unheard"))]) is None


def test_campaign_and_device_are_enough() -> None:
    seen = pushed(record_event("Heard", None))

    assert of(by_tuple(seen, GWS, [asked(operation("/api/v2/me", "Unheard"))])) == (1, 0.9, ())


def test_an_event_that_is_also_pushed_unasked_is_doubtful() -> None:
    assert of(by_tuple(pushed(record_event("PreviewRecord", 8)), GWS, [asked(preview())])) == (1, 0.7, ())


def test_a_handle_and_a_number_cannot_be_compared() -> None:
    by_handle = operation("/api/v2/me/outbound-records/7", "DoNotCallRecord")
    by_number = operation("/api/v2/me/outbound-records", "DoNotCallRecord", phoneNumber="555-0101")
    of_handle = pushed(record_event("DoNotCallAcknowledge", 7))
    of_number = pushed(record_event("DoNotCallAcknowledge", None, phoneNumber="555-0101"))

    for seen, chosen in ((of_handle, 1), (of_number, 2)):
        assert of(by_tuple(seen, GWS, [asked(by_handle), asked(by_number, seq=2)])) == (chosen, 0.9, ())


def test_an_event_the_operation_never_causes_is_not_its_own() -> None:
    assert by_tuple(pushed(record_event("PreviewRecord", 7)), GWS, [asked(chained(7))]) is None


def test_an_operation_nobody_described_may_cause_anything() -> None:
    unheard = asked(operation("/api/v2/me/outbound-records/7", "AcceptRecord"))

    assert of(by_tuple(pushed(record_event("RecordAccepted", 7)), GWS, [unheard])) == (1, 0.9, ())


def test_a_server_echoes_ids_so_one_on_one_side_only_says_no() -> None:
    assert by_tuple(pushed(done(7)), GWS, [asked(chained(7, "r1"))]) is None
    assert by_tuple(pushed(done(7, "r1")), GWS, [asked(chained(7))]) is None


def test_a_twin_has_no_id_so_its_absence_says_nothing() -> None:
    assert of(by_tuple(pushed(twin("ChainedRecord")), GWS, [asked(chained(7, "r1"))])) == (1, 0.9, ())


def test_a_second_terminal_event_on_the_handle_is_doubtful() -> None:
    assert of(by_tuple(pushed(done(7)), GWS, [asked(chained(7), ended=SECOND, settled=True)])) == (1, 0.7, ())


def test_a_second_terminal_event_that_shares_a_campaign_only_belongs_to_nobody() -> None:
    seen = pushed(record_event("PreviewRecord", 9))

    assert by_tuple(seen, GWS, [asked(preview(), ended=SECOND, settled=True)]) is None


def test_an_operation_whose_end_may_be_anothers_stays_a_candidate() -> None:
    assert of(by_tuple(pushed(record_event("PreviewRecord", 9)), GWS, [asked(preview(), ended=SECOND)])) == (1, 0.7, ())


def test_an_event_goes_to_an_operation_that_waits_and_not_to_one_that_ended() -> None:
    requests = [asked(chained(7), seq=1, ended=SECOND), asked(chained(7), seq=2)]

    assert of(by_tuple(pushed(record_event("ChainedRecord")), GWS, requests)) == (2, 0.7, (1,))


def test_a_late_event_between_two_that_ended_goes_to_the_newer_and_the_older_is_its_rival() -> None:
    requests = [asked(chained(7), seq=1, ended=SECOND), asked(chained(7), seq=2, ended=SECOND)]

    assert of(by_tuple(pushed(record_event("ChainedRecord"), at=1.5), GWS, requests)) == (2, 0.7, (1,))


def test_an_event_goes_to_the_retry_and_not_to_the_request_that_was_refused() -> None:
    refused = asked(chained(7), seq=1, ack=ack(status=500), refused=True)

    assert of(by_tuple(pushed(done(7)), GWS, [refused, asked(chained(7), seq=2)])) == (2, 0.9, ())


def test_an_event_goes_to_the_retry_and_the_request_the_client_gave_up_is_its_rival() -> None:
    aborted = asked(chained(7), seq=1, failure=Failure(2, 0, 1, "Client disconnected."))
    second = asked(chained(7), seq=3)

    assert of(by_tuple(pushed(done(7)), GWS, [aborted, second])) == (3, 0.7, (1,))
    second.before, aborted.again = aborted, second.request
    assert of(by_tuple(pushed(done(7)), GWS, [second])) == (3, 0.7, (1,))


# Error events


def test_an_error_event_belongs_to_the_operation_on_its_device_that_has_no_answer() -> None:
    found = by_error(pushed(error_event()), GWS, [asked(chained(7))])

    assert of(found) == (1, 0.7, ())
    assert found is not None
    assert found[1].why == "an error event while request 1 on the same device had no good answer"


def test_an_error_event_belongs_to_an_operation_that_was_refused() -> None:
    assert of(by_error(pushed(error_event()), GWS, [asked(chained(7), ack=ack(status=500), refused=True)])) == (
        1,
        0.7,
        (),
    )


def test_an_error_event_does_not_belong_to_an_operation_with_a_good_answer() -> None:
    assert by_error(pushed(error_event()), GWS, [asked(chained(7), ack=ack())]) is None


def test_an_error_event_of_another_device_is_nobodys() -> None:
    assert by_error(pushed(error_event("d2")), GWS, [asked(chained(7))]) is None


def test_an_error_event_of_another_session_is_nobodys() -> None:
    assert by_error(pushed(error_event(), session=2), GWS, [asked(chained(7), session=1)]) is None


def test_an_error_event_that_two_may_have_caused_is_left_to_the_ack() -> None:
    assert by_error(pushed(error_event()), GWS, [asked(chained(7)), asked(complete(7), seq=2)]) is None
