"""Each text of a record has a place that can be shown, and a path that a policy understands."""

from __future__ import annotations

import pytest
from hypothesis import given

from recorder.model import Failure, Note, Request, Response, SocketMessage
from recorder.redaction.leaves import Leaf, leaves, part
from tests.cassette.records import ONE_OF_EACH, RECORDS


def body(content: bytes) -> list[tuple[str, str, str]]:
    found = leaves(SocketMessage(0, 0, 0, from_client=True, body=content))
    return [(leaf.where, leaf.path, leaf.text) for leaf in found if not leaf.where.endswith("(a name)")]


def test_a_request_has_a_path_parameters_headers_and_a_body() -> None:
    record = Request(0, 0, 0, "c", "POST", "/a%20b?id=%2B1", (("X-A", "v"),), b"text")

    assert leaves(record) == [
        Leaf("path", "/a b"),
        Leaf("query (a name)", "id"),
        Leaf("query id", "+1", "id"),
        Leaf("header X-A", "v", header="x-a"),
        Leaf("body", "text"),
    ]


def test_members_of_json_have_paths_and_elements_of_arrays_have_that_of_the_array() -> None:
    assert body(b'[{"data":{"phone":"1","n":[2,2.0e1,null,true]}}]') == [
        ("body data.phone", "data.phone", "1"),
        ("body data.n", "data.n", "2"),
        ("body data.n", "data.n", "2.0e1"),
    ]


def test_members_of_one_name_are_all_there() -> None:
    assert [text for *_, text in body(b'{"a":"1","a":"2"}')] == ["1", "2"]


@pytest.mark.parametrize("call", [b'cb({"a":"1"})', b'/**/cb({"a":"1"});'])
def test_a_call_with_json_in_it_is_json(call: bytes) -> None:
    assert body(call) == [("body a", "a", "1")]


def test_a_form_has_parameters() -> None:
    assert body(b"user=joe+x&pass%77ord=%C3%A9") == [("body user", "user", "joe x"), ("body password", "password", "é")]


@pytest.mark.parametrize("content", [b"{not json", b"\xff\xf1"])
def test_what_is_no_json_is_one_text(content: bytes) -> None:
    assert body(content) == [("body", "", content.decode("latin-1"))]


@pytest.mark.parametrize("name", ["joe@corp.test", "4155552671", "\\u001b[31m", "a" * 60])
def test_a_name_that_may_be_a_value_is_looked_at_and_not_shown(name: str) -> None:
    found = leaves(SocketMessage(0, 0, 0, from_client=True, body=f'{{"{name}":"v"}}'.encode()))

    assert [leaf.where for leaf in found] == ["body (a name)", "body *"]
    assert found[0].text == name.replace("\\u001b", "\x1b")


def test_failures_and_notes_are_texts() -> None:
    assert leaves(Failure(0, 0, 0, "why")) == [Leaf("reason", "why")]
    assert leaves(Note(0, 0, "gap", "what")) == [Leaf("text", "what")]
    assert leaves(Response(0, 0, 0, 204, (), b"")) == []


def test_each_record_has_a_name() -> None:
    names = {"request", "response", "chunk", "failure", "socket message", "note"}
    assert {part(record) for record in ONE_OF_EACH} == names


@given(RECORDS)
def test_any_record_has_leaves(record: Request) -> None:
    assert all(isinstance(leaf.text, str) for leaf in leaves(record))
