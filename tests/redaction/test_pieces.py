"""Records that are changed piece by piece come out as those that are put together and read again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.model import Headers, Record, Request, Response, SocketMessage
from recorder.redaction import again, scan
from recorder.redaction.again import Again, Change
from recorder.redaction.policy import load
from recorder.redaction.redactor import Reading
from recorder.redaction.scan import Finding, Scan

POLICY = load()
PHONES = st.sampled_from(
    ["+15556782828", "+99912345678", "joe@corp.co", "a=joe@corp.co", "0", "\u00e9", 'a"b', "\ud83d\ude00"]
)
TOKENS = st.sampled_from(["tok-Ab12Cd34Ef", "Bearer tok-Ab12Cd34Ef", "dXNlcjpwYXNzd29yZC1hYmM=", "", "true"])
NOTES = st.sampled_from(["call with tok-Ab12Cd34Ef", "+15556782828", "0", 0, 15556782828, "MTU1NTY3ODI4Mjg="])
BODIES = st.builds(
    lambda phone, token, note, handle: {
        "data": {"phone": phone, "access_token": token, "note": note},
        "handle": handle,
    },
    PHONES,
    TOKENS,
    NOTES,
    st.integers(0, 20_000_000_000),
)
HEADERS: Headers = (
    ("Cookie", "JSESSIONID=d1c427103c344c41"),
    ("Server", "Jetty"),
    ("Referer", "http://x/?phone=0&id=0"),
)


def record(seq: int, kind: str, body: dict[str, Any], *, is_ascii: bool) -> Record:
    text = json.dumps(body, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    if kind == "request":
        return Request(seq, seq, seq, "c", "POST", "/a/b?phone=0&access_token=tok-Zz12Cd34Ef&x=0", HEADERS, text)
    if kind == "response":
        return Response(seq, seq, seq, 200, HEADERS, text)
    return SocketMessage(seq, seq, seq, from_client=True, body=text)


RECORDS = st.lists(
    st.tuples(st.sampled_from(["request", "response", "message"]), BODIES, st.booleans()), min_size=4, max_size=12
).map(lambda drawn: [record(seq, kind, body, is_ascii=plain) for seq, (kind, body, plain) in enumerate(drawn)])


def redacted(records: list[Record]) -> tuple[list[Record], list[Change]]:
    work = Again(POLICY, b"a public key to test with")
    for one in records:
        work.learn(one)
    return [work.redact(one) for one in records], list(work.changed())


def scanned(records: list[Record]) -> tuple[list[list[Finding] | None], list[Finding]]:
    work = Scan(POLICY, POLICY)
    hits = [work.settled(one) for one in records]
    return hits, [finding for one in records for finding in work.again(one)]


class Blind(Reading):
    """Takes no record apart."""

    def read(self, record: Record) -> None:  # type: ignore[override]  # narrower on purpose
        """Say that no shape is known."""


@given(RECORDS)
def test_it_makes_no_difference_to_read_a_record_in_pieces(records: list[Record]) -> None:
    in_pieces = redacted(records), scanned(redacted(records)[0]), scanned(records)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(again, "Reading", Blind)
        patch.setattr(scan, "Reading", Blind)
        as_wholes = redacted(records), scanned(redacted(records)[0]), scanned(records)

    assert in_pieces == as_wholes


@given(RECORDS)
def test_findings_that_are_settled_are_those_that_are_found_again(records: list[Record]) -> None:
    work = Scan(POLICY, POLICY)

    first = [work.settled(one) for one in records]

    again = [work.again(one) for one in records]
    assert all(
        found == later or work.names_more for found, later in zip(first, again, strict=True) if found not in (None, [])
    )


def test_records_of_a_shape_that_came_before_are_read_in_pieces() -> None:
    reading = Reading(POLICY)
    body = {"data": {"phone": "+15556782828", "note": "x"}}

    found = [reading.read(record(seq, "request", body, is_ascii=True)) for seq in range(4)]

    assert found[-1] is not None
    assert found[-1].whole() == found[-1].record


def test_streamed_response_is_not_read_in_pieces() -> None:
    reading = Reading(POLICY)
    streamed = [Response(seq, 0, 1, 200, (), b'{"a":"b","c":1}', streamed=True) for seq in range(4)]

    assert [reading.read(one) for one in streamed] == [None] * 4
