from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.model import Failure, Headers, Note, Record, Request, Response, SocketMessage
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor
from tests.redaction.leaks import NAMED, b64, found_in

SECRET = "hunter2-hunter2"


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(load(), bytes(range(32)))


def headers_of(record: Record) -> Headers:
    assert isinstance(record, Request | Response)
    return record.headers


def test_a_request_is_redacted_in_all_its_parts(redactor: Redactor) -> None:
    body = json.dumps({"password": SECRET}).encode()

    found = redactor.redact(Request(3, 5, 1, "conn", "POST", f"/a?token={SECRET}", (("Cookie", f"a={SECRET}"),), body))

    made = json.loads(found.body)["password"] if isinstance(found, Request) else ""
    assert made != SECRET
    assert found == Request(
        3, 5, 1, "conn", "POST", f"/a?token={made}", (("Cookie", f"a={made}"),),
        body.replace(SECRET.encode(), made.encode()),
    )  # fmt: skip


@pytest.mark.parametrize(
    "record",
    [
        Request(0, 1, 2, "c", "GET", "/api/v2/me", (("Accept", "*/*"),), b""),
        Response(0, 1, 2, 200, (("Content-Type", "text/html"),), b"<p>Hello</p>"),
        Failure(0, 1, 2, "Client disconnected."),
        Note(0, 1, "close", ""),
        SocketMessage(0, 1, 2, from_client=True, body=b'[{"channel":"/meta/connect","id":"7"}]'),
    ],
)
def test_a_record_without_secrets_stays_as_it_is(redactor: Redactor, record: Record) -> None:
    assert redactor.redact(record) == record


def test_a_value_that_came_before_it_was_known_is_found_by_its_pseudonym(redactor: Redactor) -> None:
    text = f'{{"id":"{SECRET}"}}'

    before = list(redactor.known(text))
    sent = redactor.redact(Request(0, 0, 0, "c", "GET", "/", (("Authorization", f"Bearer {SECRET}"),), b""))

    assert before == []
    assert [f"Bearer {value}" for value in redactor.known(text)] == [headers_of(sent)[0][1]]


def test_a_token_that_is_given_equals_the_token_that_is_sent(redactor: Redactor) -> None:
    given_out = Response(1, 1, 0, 200, (("X-CSRF-HEADER", "X-CSRF-TOKEN"), ("X-CSRF-TOKEN", SECRET)), b"")
    sent = Request(2, 2, 1, "c", "POST", "/", (("X-CSRF-TOKEN", SECRET),), b"")

    assert headers_of(redactor.redact(given_out))[1] == headers_of(redactor.redact(sent))[0]


def test_what_a_header_told_is_found_in_a_failure_and_a_note(redactor: Redactor) -> None:
    credentials = b64(f"agent:{SECRET}")
    redactor.redact(Request(0, 0, 0, "c", "GET", "/", (("Authorization", f"Basic {credentials}"),), b""))

    failure = redactor.redact(Failure(1, 0, 0, f"refused agent:{SECRET}"))
    note = redactor.redact(Note(2, 0, "error", f"header was Basic {credentials}"))

    assert isinstance(failure, Failure)
    assert isinstance(note, Note)
    assert not found_in(f"{failure.reason} {note.text}".encode(), [SECRET])


def test_two_captures_under_one_key_have_the_same_pseudonyms() -> None:
    records = [record for _, record in NAMED.values()]

    one, other = (list(map(Redactor(load(), b"a key of sixteen").redact, records)) for _ in range(2))

    assert one == other


def test_under_another_key_they_have_others() -> None:
    _, record = NAMED["csrf"]

    assert Redactor(load(), b"a key of sixteen").redact(record) != Redactor(load(), b"another key, yes").redact(record)


@given(st.text())
def test_any_text_may_be_shown(text: str) -> None:
    redactor = Redactor(load(), b"a key of sixteen")
    redactor.headers((("X-A", SECRET),))

    assert SECRET not in redactor.text(f"{text} {SECRET} {text}")
