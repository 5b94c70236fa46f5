"""What a flow means, in a few words."""

from __future__ import annotations

from recorder.capture.comments import of_answer, of_request
from recorder.dialect.definition import load
from tests.wire import URL, body, chained, done, get_me, preview, state_event

GWS = load()


def test_an_operation_has_its_handle_and_reference() -> None:
    ask, other = chained(7, "r1"), preview()

    assert of_request(GWS, ask.method, ask.target, ask.body) == "GetChainedRecord 7 r1"
    assert of_request(GWS, other.method, other.target, other.body) == "GetPreviewRecord"


def test_what_is_no_operation_has_no_comment() -> None:
    assert of_request(GWS, "GET", get_me().target, b"") == ""
    assert of_request(GWS, "POST", URL, body([{"channel": "/meta/connect", "clientId": "c"}])) == ""


def test_an_answer_tells_its_events() -> None:
    reply = {"channel": "/meta/connect", "successful": True}

    assert of_answer(GWS, body([done(7, "r1"), state_event(), reply])) == "ChainedRecordsDataEnd 7 r1, /v2/me/devices"
    assert of_answer(GWS, body([reply])) == ""
    assert of_answer(GWS, b"hello") == ""
