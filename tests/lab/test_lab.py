"""The lab itself, without a proxy: what the other tests compare recordings with must be right."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.lab.desktop import BAYEUX, CAMPAIGN, CHANNELS, DEVICE, RECORDS, Desktop, chained, last, name
from tests.lab.lab import Lab, LabError, available, run_js_client

REASON = available()
pytestmark = [pytest.mark.once, pytest.mark.node, pytest.mark.skipif(REASON is not None, reason=str(REASON))]

SEED = json.loads((Path(__file__).parent / "seed.json").read_text())

OPERATIONS = [
    (CAMPAIGN, "StartPreviewSession", "PreviewSessionStarted"),
    (CAMPAIGN, "GetPreviewRecord", "PreviewRecord"),
    (CAMPAIGN, "EndPreviewSession", "PreviewSessionEnded"),
    (f"{RECORDS}/7", "GetChainedRecord", "ChainedRecordsDataEnd"),
    (f"{RECORDS}/7", "RejectRecord", "RecordRejectAcknowledge"),
    (f"{RECORDS}/7", "CompleteRecord", "RecordProcessedAcknowledge"),
    (f"{RECORDS}/7", "UpdateRecord", "UpdateCallCompletionStatsAcknowledge"),
    (f"{RECORDS}/7", "RescheduleRecord", "ScheduledRecordRescheduleAcknowledge"),
    (f"{RECORDS}/7", "DoNotCallRecord", "DoNotCallAcknowledge"),
    (RECORDS, "DoNotCallRecord", "DoNotCallAcknowledge"),
    (RECORDS, "AddRecord", "AddRecordAcknowledge"),
]


def play(lab: Lab, *steps: dict[str, Any], **script: Any) -> list[dict[str, Any]]:
    return run_js_client(lab.url, {"subscribe": CHANNELS, "steps": steps} | script)


def kinds(lines: list[dict[str, Any]]) -> list[str]:
    return [line["kind"] for line in lines]


def events(lines: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    return [(line["channel"], line["data"]) for line in lines if line["kind"] == "event"]


def state(data: dict[str, Any]) -> str:
    """The agent's state that an event tells."""
    return str(data["devices"][0]["userState"]["state"])


def headers(lab: Lab, method: str, path: str, sent: dict[str, str]) -> dict[str, str]:
    """Those of an answer, by their names in small letters."""
    connection = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=10)
    connection.request(method, path, None, sent)
    found = connection.getresponse().headers
    connection.close()
    return {name.lower(): value for name, value in found.items()}


def without_metrics(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key != "metrics"}


def test_the_seed_exchange_gives_the_events_of_the_seed(lab: Lab) -> None:
    request = SEED["request"]
    expected = [(event["channel"], event["data"]) for event in SEED["cometd_response"][:2]]

    lines = play(lab, request | {"events": 2, "timeout": 5}, linger=0.1)

    ack = next(line for line in lines if line["kind"] == "ack")
    assert (ack["status"], ack["body"]) == (SEED["ack"]["status"], SEED["ack"]["body"])
    assert [(channel, without_metrics(data)) for channel, data in events(lines)] == [
        (channel, without_metrics(data)) for channel, data in expected
    ]
    assert [data.keys() for _, data in events(lines)] == [data.keys() for _, data in expected]


def test_each_operation_is_acked_and_answered_with_its_notification(lab: Lab) -> None:
    body = {
        "applicationId": 134,
        "campaignName": "Campaign1",
        "devicePath": DEVICE,
        "phoneNumber": "555-0147",
    }
    steps = [
        {
            "path": path,
            "body": body | {"operationName": operation, "referenceId": f"r{i}"},
            "until": {"notificationType": notification, "referenceId": f"r{i}"},
            "events": 1 if notification.startswith("PreviewSession") else 2,
            "timeout": 5,
        }
        for i, (path, operation, notification) in enumerate(OPERATIONS)
    ]

    lines = play(lab, *steps)

    acks = [(line["status"], line["body"]) for line in lines if line["kind"] == "ack"]
    assert acks == [(200, {"statusCode": 0})] * len(OPERATIONS)
    heard = [(line["step"], line["channel"], name(line["data"])) for line in lines if line["kind"] == "event"]
    records = [(i, "/v2/me/outbound", operation[2]) for i, operation in enumerate(OPERATIONS)]
    twins = [(i, "/me/internal", label) for i, _, label in records if not label.startswith("PreviewSession")]
    assert sorted(heard) == sorted(records + twins)
    assert "referenceId" not in str([data for channel, data in events(lines) if channel == "/me/internal"])


def test_a_chain_is_its_records_and_the_end_with_a_twin_each(lab: Lab) -> None:
    lab.options(chain=2)

    lines = play(lab, chained(referenceId="r1") | {"events": 6}, linger=0.1)

    assert [(channel, name(data)) for channel, data in events(lines)] == [
        ("/v2/me/outbound", "ChainedRecord"),
        ("/me/internal", "ChainedRecord"),
        ("/v2/me/outbound", "ChainedRecord"),
        ("/me/internal", "ChainedRecord"),
        ("/v2/me/outbound", "ChainedRecordsDataEnd"),
        ("/me/internal", "ChainedRecordsDataEnd"),
    ]
    assert len({json.dumps(event) for event in events(lines)}) == 6
    cause = last(lab)
    assert events(lines) == list(cause.events)
    assert (cause.method, cause.path, cause.agent) == ("POST", f"{RECORDS}/7", None)
    assert (cause.status, cause.ack, cause.early) == (200, {"statusCode": 0}, 0)


def test_twins_can_come_last(lab: Lab) -> None:
    desktop = Desktop(lab)
    lab.options(early="all", chain=1, twinsLast=True)

    desktop.request("POST", f"{RECORDS}/7", chained()["body"])

    channels = ["/v2/me/outbound", "/v2/me/outbound", "/me/internal", "/me/internal"]
    assert [channel for channel, _ in desktop.poll()] == channels


def test_twins_can_be_left_out(lab: Lab) -> None:
    desktop = Desktop(lab)
    lab.options(early="all", chain=1, twins=False)

    desktop.request("POST", f"{RECORDS}/7", chained()["body"])

    assert [channel for channel, _ in desktop.poll()] == ["/v2/me/outbound", "/v2/me/outbound"]


def test_early_events_come_before_the_ack(lab: Lab) -> None:
    lab.options(early=1, ackDelayMs=200)

    lines = play(lab, chained() | {"events": 2})

    assert kinds(lines) == ["request", "event", "ack", "event", "done"]
    assert last(lab).early == 1


def test_all_events_can_come_before_the_ack(lab: Lab) -> None:
    lab.options(early="all", chain=1, ackDelayMs=200)

    lines = play(lab, chained() | {"events": 4})

    assert kinds(lines) == ["request", "event", "event", "event", "event", "ack", "done"]
    assert last(lab).early == 4


def test_events_can_be_late_and_split_over_polls(lab: Lab) -> None:
    lab.options(delayMs=400, splitMs=400)  # a busy machine may hand the ack over late

    lines = play(lab, chained() | {"events": 2})

    ack, first, second = (line["at"] for line in lines if line["kind"] in {"ack", "event"})
    assert first - ack > 75
    assert second - first > 75


def test_a_device_error_is_an_event_before_it_is_an_ack(lab: Lab) -> None:
    lab.options(error="device", ackDelayMs=200)

    lines = play(lab, chained(), linger=0.1)

    assert kinds(lines) == ["request", "event", "ack", "done"]
    ((channel, data),) = events(lines)
    assert (channel, data["messageType"], data["devicePath"]) == ("/v2/me/devices", "ErrorMessage", DEVICE)


def test_who_am_i_opens_a_session_that_the_desktop_keeps(lab: Lab) -> None:
    lines = play(
        lab,
        {"method": "GET", "path": "/api/v2/me?subresources=devices"},
        {"path": "/api/v2/me", "body": {"operationName": "StartContactCenterSession", "channels": ["voice"]}},
    )

    first, second = (line for line in lines if line["kind"] == "ack")
    assert first["body"]["user"]["devices"]
    assert first["headers"]["set-cookie"].startswith("JSESSIONID=")
    assert first["headers"]["set-cookie"].endswith(";Path=/;HttpOnly")
    assert first["headers"]["x-csrf-header"] == "X-CSRF-TOKEN"
    assert first["headers"]["x-csrf-token"]
    assert "set-cookie" not in second["headers"]


def test_an_agent_hears_only_of_its_own_operations(lab: Lab) -> None:
    ada, bob, anybody = Desktop(lab, "ada:x"), Desktop(lab, "bob:x"), Desktop(lab)
    lab.options(early="all", twins=False)

    ada.request("POST", f"{RECORDS}/7", chained()["body"])

    assert [name(data) for _, data in ada.poll()] == ["ChainedRecordsDataEnd"]
    assert bob.poll() == []
    assert [name(data) for _, data in anybody.poll()] == ["ChainedRecordsDataEnd"]
    assert last(lab).agent == "ada"


def test_all_hear_of_an_operation_of_nobody(lab: Lab) -> None:
    ada, bob = Desktop(lab, "ada:x"), Desktop(lab, "bob:x")
    lab.options(early="all", twins=False)

    Desktop(lab).request("POST", f"{RECORDS}/7", chained()["body"])

    assert [len(ada.poll()), len(bob.poll())] == [1, 1]


def test_an_unsolicited_event_has_no_cause(lab: Lab) -> None:
    ada, bob = Desktop(lab, "ada:x"), Desktop(lab, "bob:x")
    event = ("/v2/me/outbound", {"notificationType": "StatusChanged", "for": "ada"})

    lab.unsolicited(*event, agent="ada")

    assert ada.poll() == [event]
    assert bob.poll() == []
    assert lab.unsolicited_events()[-1] == event


def test_an_event_follows_a_late_subscription_if_that_is_asked_for(lab: Lab) -> None:
    late = {"subscribe": "/v2/me/devices", "events": 1}
    lab.options(unasked=True)
    before = len(lab.unsolicited_events())

    lines = play(lab, {"method": "GET", "path": "/api/v2/me"}, late, subscribe=[])

    assert sorted(line["kind"] for line in lines if line.get("step") == 1) == ["event", "reply", "request"]
    assert events(lines) == lab.unsolicited_events()[before:]
    assert [(channel, state(data)) for channel, data in events(lines)] == [("/v2/me/devices", "NotReady")]


def test_an_event_follows_a_plain_get_if_that_is_asked_for(lab: Lab) -> None:
    lab.options(unasked=True)
    before = len(lab.unsolicited_events())
    get = {"method": "GET", "path": "/api/v2/me/devices", "events": 1}

    lines = play(lab, {"subscribe": "/v2/me/devices", "events": 1}, get, subscribe=[])

    assert events(lines) == lab.unsolicited_events()[before:]
    assert [(line["step"], state(line["data"])) for line in lines if line["kind"] == "event"] == [
        (0, "NotReady"),
        (1, "Ready"),
    ]
    assert (last(lab).path, last(lab).events) == ("/api/v2/me/devices", ())


def test_nothing_follows_unless_it_is_asked_for(lab: Lab) -> None:
    lines = play(lab, {"subscribe": "/v2/me/devices"}, {"method": "GET", "path": "/api/v2/me/devices"}, linger=0.1)

    assert kinds(lines) == ["request", "reply", "request", "ack", "done"]


def test_a_desktop_hears_once_what_it_publishes_on_a_channel_of_its_own(lab: Lab) -> None:
    note = {"text": "called back"}

    lines = play(lab, {"subscribe": "/desk/notes"}, {"publish": "/desk/notes", "data": note, "events": 1}, linger=0.1)

    assert [(line["step"], line["data"]) for line in lines if line["kind"] == "event"] == [(1, note)]


def test_options_not_named_go_back_to_their_defaults(lab: Lab) -> None:
    desktop = Desktop(lab)
    lab.options(chain=5, early="all")
    lab.options(early="all")

    desktop.request("POST", f"{RECORDS}/7", chained()["body"])

    assert len(last(lab).events) == 2


def test_pages_of_other_origins_are_let_in_if_it_is_asked_for(lab: Lab) -> None:
    origin = {"Origin": "http://localhost:3000"}
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-csrf-token"}
    before = len(lab.truth())

    shut = headers(lab, "GET", "/api/v2/me", origin)
    lab.options(cors=True)
    preflights = [headers(lab, "OPTIONS", path, origin | asks) for path in (f"{RECORDS}/7", BAYEUX)]
    answers = [headers(lab, "GET", "/api/v2/me", origin), headers(lab, "POST", BAYEUX, origin)]

    assert not [name for name in shut if name.startswith("access-control-")]
    assert {answer["access-control-allow-origin"] for answer in preflights + answers} == {"http://localhost:3000"}
    assert {answer["access-control-allow-credentials"] for answer in preflights + answers} == {"true"}
    assert {answer["access-control-allow-headers"] for answer in preflights} == {"x-csrf-token"}
    assert {answer["access-control-expose-headers"] for answer in answers} == {"X-CSRF-HEADER, X-CSRF-TOKEN"}
    assert [cause.method for cause in lab.truth()[before:]] == ["GET", "GET"]


def test_an_unknown_option_is_refused(lab: Lab) -> None:
    with pytest.raises(LabError, match="no option chian"):
        lab.options(chian=1)


def test_an_option_out_of_range_is_refused(lab: Lab) -> None:
    with pytest.raises(LabError, match="option error cannot be"):
        lab.options(error="toString")


def test_a_step_that_times_out_fails_the_client(lab: Lab) -> None:
    with pytest.raises(LabError, match=r"step 0 .* timed out with 2 events"):
        play(lab, chained() | {"events": 3, "timeout": 0.3})


def test_a_client_may_go_on_after_a_step_that_times_out(lab: Lab) -> None:
    lines = play(lab, chained() | {"events": 3, "timeout": 0.3}, chained() | {"events": 2}, goOn=True)

    assert [line["step"] for line in lines if line["kind"] == "timeout"] == [0]
    assert [line["step"] for line in lines if line["kind"] == "event"] == [0, 0, 1, 1]


def test_a_client_that_finds_nobody_fails_at_once() -> None:
    with pytest.raises(LabError, match="handshake failed"):
        run_js_client("http://localhost:1", {})


def test_a_lab_that_cannot_start_says_why(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="EADDRINUSE"), Lab("cometd", tmp_path / "log", port=lab.port):
        pass


@pytest.mark.parametrize("bayeux", ["cometd", "faye"])
def test_a_lab_can_be_restarted_where_it_was(bayeux: Literal["cometd", "faye"], tmp_path: Path) -> None:
    with Lab(bayeux, tmp_path / "log") as first:
        Desktop(first).request("GET", "/api/v2/me")

    with Lab(bayeux, tmp_path / "log", port=first.port) as second:
        assert second.url == first.url
        assert second.truth() == []


def test_faye_speaks_websocket(tmp_path: Path) -> None:
    with Lab("faye", tmp_path / "log") as lab:
        lines = play(lab, chained() | {"events": 2}, transport="websocket")

        assert events(lines) == list(last(lab).events)
