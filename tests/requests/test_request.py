"""A request that is remembered is read as if it were the first."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.definition import load
from recorder.dialect.definition import parse as parse_dialect
from recorder.redaction.policy import load as load_policy
from recorder.redaction.policy import parse
from recorder.requests.known import FreshIds
from recorder.requests.request import ParsedRequest, RequestReader
from tests.wire import chained

GWS = load()
POLICY = load_policy()
TARGET = chained(7).target


def compared(read: tuple[ParsedRequest, FreshIds]) -> tuple[Any, ...]:
    """All that matching compares."""
    call, fresh = read
    return call.key, call.id, call.operation, call.path, call.query, repr(fresh), repr(call.lasting.values)


VALUES = st.one_of(
    st.text(max_size=4),
    st.integers(),
    st.floats(),
    st.none(),
    st.booleans(),
    st.sampled_from(
        ["", "r1", "+15550100001", "a@b.example", "\u00e9", '"', "\\", 7, 10**17, {"referenceId": "x"}, ["r"]]
    ),
)
BODIES = st.fixed_dictionaries(
    {"operationName": st.sampled_from(["GetChainedRecord", "UpdateRecord"])},
    optional={
        "referenceId": VALUES,
        "devicePath": st.sampled_from(["/devices/d1", "/devices/d2"]),
        "note": st.sampled_from(['"referenceId":"x"', "referenceId"]),
        "userData": st.fixed_dictionaries({}, optional={"GSW_REFERENCE_ID": VALUES, "referenceId": VALUES}),
    },
)
WRITTEN = st.tuples(BODIES, st.sampled_from([None, 1]), st.booleans()).map(
    lambda drawn: json.dumps(drawn[0], indent=drawn[1], ensure_ascii=drawn[2]).encode("utf-8", "replace")
)
BROKEN = st.sampled_from(
    [
        b'{"referenceId":}',
        b'{"referenceId":"x"}}',
        b'{"referenceId":"x","referenceId":"y"}',
        b'{"referenceId":"x","a":{"referenceId":}}',
        b'{"referenceId":,"a":{"referenceId":"x"}}',
        b'[{"referenceId":"x"}]',
        b'"referenceId":"x",',
        b'{"referenceId":01}',
        b'{"referenceId":"x" "y"}',
        b"",
    ]
)


@given(st.lists(st.one_of(WRITTEN, BROKEN), max_size=12), st.sampled_from([None, POLICY]))
def test_what_was_read_before_changes_nothing(bodies: list[bytes], policy: Any) -> None:
    reader = RequestReader(GWS, policy)

    for body in bodies:
        fresh = RequestReader(GWS, policy).read("POST", TARGET, body)
        assert compared(reader.read("POST", TARGET, body)) == compared(fresh)


TARGETS = st.sampled_from([TARGET, f"{TARGET}1", f"{TARGET}?b=2&a=1&a=0", f"{TARGET}?_=1", "/api/v2/me/calls/c1", "/x"])
FORMS = st.sampled_from([b"a=1&a=0", b"access_token=abc", b'{"referenceId":"r1"}\n{"referenceId":"r2"}', b"<a/>"])
SENT = st.tuples(st.sampled_from(["POST", "PUT", "PUBLISH"]), TARGETS, st.one_of(WRITTEN, BROKEN, FORMS))


@given(st.lists(SENT, max_size=12), st.sampled_from([None, POLICY]), st.sampled_from(["body", "data"]))
def test_a_body_that_was_read_with_another_target_changes_nothing(
    sent: list[tuple[str, str, bytes]], policy: Any, root: str
) -> None:
    reader = RequestReader(GWS, policy, root)

    for one in sent * 2:
        fresh, known = RequestReader(GWS, policy, root).read(*one), reader.read(*one)
        assert compared(known) == compared(fresh)
        assert known[0].hidden == fresh[0].hidden


def test_a_body_is_read_once_for_all_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = RequestReader(GWS, POLICY)
    reader.read("POST", TARGET, chained(7, "first").body)
    monkeypatch.setattr(reader, "_body", lambda *_: pytest.fail("read again"))

    other, fresh = reader.read("POST", f"{TARGET}1", chained(7, "second").body)

    assert other.path == f"{TARGET}1"
    assert "second" in fresh
    assert "first" not in fresh


def test_requests_that_differ_in_the_ids_of_an_operation_alone_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = RequestReader(GWS, POLICY)
    first, _ = reader.read("POST", TARGET, chained(7, "first").body)
    monkeypatch.setattr(reader, "_made", lambda *_: pytest.fail("read again"))

    second, fresh = reader.read("POST", TARGET, chained(7, "second").body)

    assert second is first
    assert "second" in fresh
    assert "first" not in fresh


def test_requests_that_name_the_same_for_good_share_it() -> None:
    reader = RequestReader(GWS)
    lasting = [reader.read("POST", f"{TARGET}{n}", chained(7).body)[0].lasting for n in range(3)]

    assert lasting[0] is lasting[1] is lasting[2]


def test_a_value_that_a_policy_looks_into_is_always_read() -> None:
    keeps_no_reference = parse(POLICY.text.replace('"referenceid", ', ""), path="policy.toml")
    reader = RequestReader(GWS, keeps_no_reference)

    plain, personal = (
        reader.read("POST", TARGET, chained(7, reference).body)[0] for reference in ("plain", "agent@people.example")
    )

    assert "agent@people.example" in personal.hidden
    assert "agent@people.example" not in plain.hidden


def test_a_long_body_is_read_and_forgotten() -> None:
    reader = RequestReader(GWS)
    long = chained(7, "r1", note="x" * 5000).body

    assert reader.read("POST", TARGET, long)[0] is not reader.read("POST", TARGET, long)[0]


def test_no_more_is_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder.requests.request._REMEMBERED", 3)
    reader = RequestReader(GWS)
    parsed = [reader.read("GET", f"/{n}", b"")[0] for n in range(10)]

    assert [reader.read("GET", f"/{n}", b"")[0].path for n in range(10)] == [call.path for call in parsed]


ROUTED = """
name = "routed"
bayeux_prefix = "/api/v2/notifications"
session_cookies = []
open_for = 60.0
grace = 2.0

[request]
methods = ["POST"]
[request.keys]

[ack]
status = []
success = []

[event.keys]
word = ["data.word"]

[replay]
minted = ["word"]
per_operation = ["word"]

[operations.Attach]
request = "POST /attach/{n}"
events = []
terminal = []

[operations.Attach.keys]
word = ["body.word"]

[operations.Ask]
request = "POST /ask/{n}"
events = []
terminal = []
"""


WORDS = [
    *(("attach", 1, "a"), ("attach", 2, "b"), ("ask", 1, "a"), ("ask", 2, "b"), ("attach", 3, "c")),
    *(("attach", 4, None), ("ask", 4, None)),
    *(("ask", 5, None), ("attach", 5, None)),  # a body that was read for both operations
]


@pytest.mark.parametrize("policy", [None, POLICY])
def test_a_body_means_another_thing_to_another_operation(policy: Any) -> None:
    dialect = parse_dialect(ROUTED, path="routed.toml")
    reader = RequestReader(dialect, policy)
    sent = [(f"/{what}/{n}", json.dumps({"word": word}).encode()) for what, n, word in WORDS]

    for target, body in sent * 2:
        fresh = RequestReader(dialect, policy).read("POST", target, body)
        assert compared(reader.read("POST", target, body)) == compared(fresh)
    assert [reader.read("POST", *one)[1] for one in sent] == [
        ("a",), ("b",), (None,), (None,), ("c",), (None,), (None,), (None,), (None,)
    ]  # fmt: skip
