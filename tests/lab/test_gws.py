"""What the application answers, asked without a desktop; the events are read from the truth."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.desktop import CAMPAIGN, DEVICE, RECORDS, Desktop, chained, last
from tests.lab.lab import Lab, available

REASON = available()
pytestmark = [pytest.mark.node, pytest.mark.skipif(REASON is not None, reason=str(REASON))]


@pytest.mark.parametrize("reference", ["a", 32, 0])
def test_a_reference_comes_back_as_it_went(lab: Lab, reference: str | int) -> None:
    desktop = Desktop(lab)
    lab.options(early="all")

    desktop.request("POST", f"{RECORDS}/7", chained(referenceId=reference)["body"])

    assert [data.get("referenceId") for _, data in last(lab).events] == [reference, None]


@pytest.mark.parametrize("own", [{}, {"referenceId": None}, {"referenceId": ""}])
def test_no_reference_goes_out_where_none_came_in(lab: Lab, own: dict[str, Any]) -> None:
    desktop = Desktop(lab)
    lab.options(early="all")

    desktop.request("POST", f"{RECORDS}/7", chained(**own)["body"])

    assert "referenceId" not in last(lab).events[0][1]


@pytest.mark.parametrize(("handle", "value"), [("7", 7), ("7f-a%20b", "7f-a b"), ("9" * 20, "9" * 20)])
def test_a_handle_is_a_number_if_it_can_be(lab: Lab, handle: str, value: int | str) -> None:
    desktop = Desktop(lab)
    lab.options(early="all")

    desktop.request("POST", f"{RECORDS}/{handle}", chained(recordHandle=1)["body"])

    (_, record), (_, twin) = last(lab).events
    assert record["record"]["recordHandle"] == value
    assert twin["userData"]["GSW_RECORD_HANDLE"] == value


def test_a_record_known_by_number_has_no_handle(lab: Lab) -> None:
    desktop = Desktop(lab)
    lab.options(early="all")

    body = chained(operationName="DoNotCallRecord", phoneNumber="555-0147")["body"]
    desktop.request("POST", RECORDS, body)

    (_, record), (_, twin) = last(lab).events
    assert record["record"] == {
        "devicePath": DEVICE,
        "callingList": "CallingList1",
        "applicationId": 134,
        "campaignName": "Campaign1",
        "phoneNumber": "555-0147",
    }
    assert twin["deviceId"] == "d1"
    assert "GSW_RECORD_HANDLE" not in twin["userData"]


def test_a_campaign_is_known_by_its_decoded_name(lab: Lab) -> None:
    desktop = Desktop(lab)
    lab.options(early="all")

    desktop.request(
        "POST",
        CAMPAIGN,
        {"operationName": "StartPreviewSession", "applicationId": 134, "devicePath": DEVICE},
    )

    ((channel, data),) = last(lab).events
    assert (channel, data["messageType"]) == ("/v2/me/outbound", "OutboundCampaignMessage")
    assert data["campaign"]["name"] == "Pull Preview Campaign"
    assert data["campaign"].keys() == {
        "name",
        "dialingMode",
        "groupName",
        "state",
        "devicePath",
        "applicationId",
        "groupDescription",
        "description",
    }


def test_a_preview_record_carries_its_fields(lab: Lab) -> None:
    desktop = Desktop(lab)
    lab.options(early="all")

    desktop.request("POST", CAMPAIGN, chained(operationName="GetPreviewRecord")["body"])

    record = last(lab).events[0][1]["record"]
    assert record["userData"]["GSW_RECORD_HANDLE"] == record["recordHandle"]
    assert record["userData"]["GSW_PHONE"].startswith("555-01")
    assert record["campaignName"] == "Pull Preview Campaign"


@pytest.mark.parametrize(
    ("error", "status", "code"), [("access-denied", 403, 20), ("device", 500, 4), ("partial", 200, 7)]
)
def test_an_error_ack_says_what_failed(lab: Lab, error: str, status: int, code: int) -> None:
    desktop = Desktop(lab)
    lab.options(error=error, chain=1)

    answer = desktop.request("POST", f"{RECORDS}/7", chained()["body"])

    assert (answer[0], answer[1]["statusCode"]) == (status, code)
    assert (last(lab).status, last(lab).ack) == answer
    assert not [event for event in last(lab).events if event[0] != "/v2/me/devices"]


def test_a_csrf_error_is_not_json(lab: Lab) -> None:
    desktop = Desktop(lab)
    lab.options(error="csrf")

    answer = desktop.request("POST", f"{RECORDS}/7", chained()["body"])

    assert answer == (403, "Missing or invalid Csrf token")
    assert last(lab).ack == "Missing or invalid Csrf token"


@pytest.mark.parametrize(
    ("request_line", "body", "expected"),
    [
        (("POST", f"{RECORDS}/7"), {"applicationId": 134}, (400, 1)),
        (("POST", f"{RECORDS}/7"), "text", (400, 1)),
        (("POST", "/api/v2/nothing"), {"operationName": "GetChainedRecord"}, (404, 6)),
        (("GET", "/"), None, (404, 6)),
        (("POST", "/api/v2/me"), {"operationName": "StartContactCenterSession"}, (200, 0)),
        (("POST", f"{RECORDS}/7"), {"operationName": "toString"}, (200, 0)),
    ],
)
def test_other_requests_cause_no_events(
    lab: Lab, request_line: tuple[str, str], body: Any, expected: tuple[int, int]
) -> None:
    desktop = Desktop(lab)

    status, answer = desktop.request(*request_line, body)

    assert (status, answer["statusCode"]) == expected
    assert last(lab).events == ()
