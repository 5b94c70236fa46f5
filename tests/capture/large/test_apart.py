"""A record with a large body is redacted apart from all others as it would be among them."""

from __future__ import annotations

import json

from recorder.capture.large.apart import Job, done, without_body
from recorder.model import Chunk, Response
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor

KEY = b"k" * 32
JSON = (("Content-Type", "application/json"),)


def event(number: int) -> dict[str, object]:
    return {"channel": "/v2/out", "data": {"phone": f"+49 151 {number:08d}", "text": "hunter2hunter2"}, "id": number}


def answer(messages: list[object]) -> Response:
    return Response(0, 0, 0, 200, JSON, json.dumps(messages).encode())


def test_a_record_is_redacted_with_the_values_that_are_known() -> None:
    redactor, record = Redactor(load(), KEY), answer([event(n) for n in range(10)])
    redactor.redact(Response(0, 0, 0, 200, JSON, b'{"password":"hunter2hunter2"}'))

    found = done(Job(record, values=redactor.values), load(), KEY)

    assert found.record == redactor.redact(record)
    assert b"hunter2" not in found.record.body


def test_what_a_record_named_is_found_in_later_ones() -> None:
    found = done(Job(answer([{"password": "correct horse battery"}])), load(), KEY)
    redactor = Redactor(load(), KEY)

    redactor.learn(found.values)

    assert "horse" not in redactor.text("the word is correct horse battery")


def test_a_chunk_is_redacted_by_the_media_type_of_its_response() -> None:
    chunk = Chunk(0, 0, 3, b'data: {"password":"hunter2hunter2"}\n\n')

    found = done(Job(chunk, media="text/event-stream"), load(), KEY)

    assert found.record.body.startswith(b'data: {"password":"')
    assert b"hunter2" not in found.record.body


def test_a_body_that_was_cut_loses_its_last_value() -> None:
    record = Response(0, 0, 0, 200, JSON, b'[{"note":"hunter2hun')

    assert done(Job(record, is_cut=True), load(), KEY).record.body == b'[{"note":'


def test_without_a_policy_a_record_stays_as_it_is() -> None:
    record = Response(0, 0, 0, 200, JSON, b'[{"note":"hunter2hun')

    assert done(Job(record, is_cut=True), None, b"").record == record


def test_a_record_without_its_body_has_its_headers_redacted() -> None:
    record = Response(0, 0, 0, 200, (*JSON, ("Set-Cookie", "id=hunter2hunter2")), b"[1]")

    found = without_body(Job(record), load(), KEY, "why")

    assert (found.record.body, found.lacks) == (b"", "why")
    assert "hunter2" not in str(found.record)
