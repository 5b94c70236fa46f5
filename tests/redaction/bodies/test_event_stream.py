"""Server-sent events: the lines of data of one event are one text; all other bytes stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.model import Response
from recorder.redaction.bodies import event_stream
from recorder.redaction.bodies.reading import Form, form_of
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor
from tests.costs import assert_cheap
from tests.redaction.bodies.changes import finder, hashed
from tests.redaction.leaks import request, response

pytestmark = pytest.mark.once

ENDS = pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
LINES = st.lists(
    st.sampled_from(
        ["data: {", "data:x", "data", "data: ", "id: 7", ": hi", "event: a", "retry: 1", "foo: b", "", "x", "\ufeff"]
    )
)


@given(st.text("data:id \r\n\ufeffx{", max_size=60) | LINES.map("\n".join) | LINES.map("\r\n".join))
def test_a_change_of_nothing_leaves_any_text_as_it_is(text: str) -> None:
    assert event_stream.changed(text, str, str) == text


@ENDS
def test_lines_of_one_event_are_one_text(end: str) -> None:
    text = end.join(["data: a", "data:b", "", "id: 1", "data", "data: c", "", ""])
    seen: list[str] = []

    event_stream.changed(text, lambda data: seen.append(data) or data, str)

    assert seen == ["a\nb", "\nc"]


@ENDS
@pytest.mark.parametrize("start", ["", "\ufeff", ": hello\n", "event: x\nid: 7\nretry: 9\n"])
def test_values_in_data_go_by_their_names(start: str, end: str) -> None:
    stream = start.replace("\n", end) + end.join(
        ['data: {"password":', 'data:   "hunter two"}', "", "data:<password>x", "data: y</password>", "", "data: pwd=z"]
    )

    found = hashed(stream)

    assert found == stream.replace("hunter two", "#").replace("x" + end + "data: y", "#").replace("=z", "=#")


@ENDS
@pytest.mark.parametrize(
    ("new", "expected"),
    [("x", ["data: x", ""]), ("x\ny", ["data: x", "data:y", ""]), ("x\ny\nz", ["data: x", "data:y", "data: z", ""])],
)
def test_a_text_may_get_fewer_or_more_lines(new: str, expected: list[str], end: str) -> None:
    stream = end.join(["data: a", "data:b", "", ""])

    assert event_stream.changed(stream, lambda _: new, str) == end.join([*expected, ""])


def test_other_fields_are_texts() -> None:
    stream = ": password=hunter2x\nid: ada@acme.com\nfoo: pwd=x\ndata: 1\n\n"

    assert hashed(stream, "text/event-stream") == ": password=#\nid: #\nfoo: pwd=#\ndata: 1\n\n"


def test_no_value_is_left_wherever_a_stream_is_cut_off() -> None:
    stream = 'id: 1\ndata: {"a": 1, "password":\ndata: "hunter2x"}\n\n'

    assert all("hun" not in hashed(stream[:end], "text/event-stream") for end in range(len(stream)))


def test_a_stream_is_told_by_its_first_line_or_its_type() -> None:
    assert form_of("data: x\n\n") is Form.EVENTS
    assert form_of(": ping\n\n", "text/event-stream") is Form.EVENTS
    assert form_of("database: x") is Form.TEXT


@pytest.mark.parametrize("unit", ["data:", "data:x\n", "data\r", "\r", "\n", ":", ": x\n", "id", "data: {\n"])
def test_a_hostile_stream_takes_linear_time(unit: str) -> None:
    text = "data: \n" + unit * (100_000 // len(unit))

    assert_cheap(lambda: event_stream.changed(text, str, str), below=1)
    assert_cheap(lambda: finder().body(text.encode()), below=2)


def test_streams_inside_one_another_are_read_up_to_a_depth() -> None:
    assert hashed('data: data: {"password": "a\\u00f6"}\ndata:\n\n') == 'data: data: {"password": "#"}\ndata:\n\n'
    assert hashed("data:" * 5000 + "password: hunter2x") == "data:" * 5000 + "password: #"


def test_the_name_of_an_event_stays_whatever_was_seen_before() -> None:
    redactor = Redactor(load(), bytes(32))
    redactor.redact(request("/x", {"userData": {"a": "recordHandle"}}))
    told = redactor.redact(response(b"event: recordHandle\ndata: recordHandle\n\n", Content_Type="text/event-stream"))

    assert isinstance(told, Response)
    assert told.body.startswith(b"event: recordHandle\ndata: ")
    assert told.body.count(b"recordHandle") == 1
