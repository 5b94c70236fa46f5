"""What was recorded is redacted again, and the report says where and of which kind, never what."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.cassette.reader import read
from recorder.model import Headers, Note, Record, Request, Response
from recorder.redaction.again import Again, Change, has_free_form
from recorder.redaction.policy import load
from recorder.redaction.pseudonyms import Kind

KEY = b"a key of sixteen"
CASSETTES = sorted((Path(__file__).parents[2] / "cassettes").glob("*.cassette"))
TOKEN = "q7Zk2LmPx94TbVc1"


def again(*records: Record) -> tuple[list[Record], list[Change]]:
    """The records after both passes, and what the report says."""
    engine = Again(load(), KEY)
    for record in records:
        engine.learn(record)
    new = [engine.redact(record) for record in records]
    return new, list(engine.changed())


def request(body: bytes = b"", headers: Headers = (), seq: int = 0) -> Request:
    return Request(seq, 0, 0, "c", "POST", "/api/v2/me", headers, body)


def test_values_that_the_policy_names_are_replaced_and_counted() -> None:
    record = request(b'[{"userData":{"GSW_PHONE":"5550100"}},{"userData":{"GSW_PHONE":"5550101"}}]')

    (new,), changed = again(record)

    assert b"5550100" not in new.body
    assert changed == [Change("request", "body userData.GSW_PHONE", Kind.PERSONAL, 2)]


def test_a_secret_is_found_before_the_record_that_names_it() -> None:
    first = Note(0, 0, "gap", f"cannot be reached with {TOKEN}")
    second = request(headers=(("Authorization", f"Bearer {TOKEN}"),), seq=1)

    (note, named), changed = again(first, second)

    assert TOKEN not in note.text
    assert named.headers[0][1].removeprefix("Bearer ") in note.text
    assert [(c.record, c.where, c.values) for c in changed] == [
        ("note", "text", 1),
        ("request", "header Authorization", 1),
    ]


def test_what_the_policy_does_not_name_stays() -> None:
    record = Response(0, 0, 0, 200, (("Content-Type", "application/json"),), b'{"statusCode": 0, "id": 7}')

    assert again(record) == ([record], [])


def test_pseudonyms_of_telephones_and_addresses_do_not_grow() -> None:
    record = request(b'{"phone":"+49 351 4555-0","email":"joe@corp.co","text":"call 555-0100"}')
    (once,), _ = again(record)

    assert again(once) == ([once], [])


@pytest.mark.parametrize("path", CASSETTES, ids=lambda path: path.stem)
def test_of_a_shipped_cassette_the_same_places_are_found_again(path: Path) -> None:
    records = read(path).records
    new, changed = again(*records)

    secrets = [c for c in again(*new)[1] if c.kind is Kind.SECRET]

    assert secrets == [c for c in changed if c.kind is Kind.SECRET]


@pytest.mark.parametrize(
    ("value", "free"),
    [
        ("+999493514555", True),
        ("(999) 415-2671000", True),
        ("999415555", False),
        ("+49 351 4555-0", False),
        ("a=b.c@example.com", True),
        ("joe@example.com", False),
    ],
)
def test_the_form_of_a_pseudonym_is_known(value: str, free: bool) -> None:
    assert has_free_form(Kind.PERSONAL, value) is free
    assert not has_free_form(Kind.SECRET, "+999493514555")
