from __future__ import annotations

from collections import deque
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.definition import shipped
from recorder.diff.brief import exact
from recorder.diff.drafts import Drafts
from recorder.diff.holes import Leaf, Masks, Reader, plain_of
from recorder.diff.words import SESSION, Hole
from recorder.model import Event, Recording
from recorder.redaction.policy import load
from recorder.requests.bindings import HIDDEN
from tests.wire import DEVICE, Wire, body, chained, done

GWS = shipped("gws-outbound")
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def session() -> Recording:
    wire = Wire()
    desk = wire.desk("client-0001", headers=(("Cookie", "JSESSIONID=cookie-0001"),))
    desk.asks(chained(7, "reference-0001"), done(7, "reference-0001"))
    return wire.recording()


def reader(*, redacted: bool = False) -> Reader:
    masks = Masks(load("gws")) if redacted else None
    deque(masks.learn(session()) if masks else (), maxlen=0)
    return Reader(Drafts(session(), GWS).ids, GWS, masks)


def leaf(seen: Any, *names: str) -> Leaf:
    for name in names:
        seen = seen[name]
    assert isinstance(seen, Leaf)
    return seen


def test_a_minted_id_is_a_hole_of_its_key_whatever_its_type() -> None:
    seen = reader().body(body({"referenceId": 7, "devicePath": f"/devices/{DEVICE}"}))

    assert leaf(seen, "referenceId") == Leaf("id", "•", (Hole("reference", "7"),), 7)
    assert leaf(seen, "devicePath").text == "/devices/•"
    assert leaf(seen, "devicePath").holes == (Hole("device", DEVICE),)


def test_long_ids_are_holes_wherever_they_stand_as_words() -> None:
    seen = reader().body(body({"log": "reference-0001 of client-0001, not xreference-0001", "at": "cookie-0001"}))

    assert leaf(seen, "log").text == "• of •, not xreference-0001"
    assert leaf(seen, "log").holes == (Hole("reference", "reference-0001"), Hole(SESSION, "client-0001"))
    assert leaf(seen, "at").holes == (Hole(SESSION, "cookie-0001"),)


def test_what_a_policy_names_is_a_hole_text_and_number() -> None:
    seen = reader(redacted=True).body(body({"customer": {"pin": 4711}, "note": "call (415) 555-2671 now"}))

    assert leaf(seen, "customer", "pin") == Leaf("number", "0", (Hole(HIDDEN, "4711"),), 4711)
    assert leaf(seen, "note").text == "call • now"
    assert leaf(seen, "note").holes == (Hole(HIDDEN, "(415) 555-2671"),)


def test_what_is_volatile_is_left_out() -> None:
    event = Event(0, 0, 0, 0, "c", "/x", {"metrics": {"ms": 6}, "state": 1})

    assert plain_of(reader().data(event)) == {"state": 1}
    assert plain_of(reader().body(body({"timestamp": 1, "a": 2}))) == {"a": 2}


def test_a_body_that_is_no_json_is_one_text() -> None:
    assert reader().body(b"a client-0001 \xff").text == "a • \\xff"  # type: ignore[union-attr]


def test_volatile_parameters_and_session_ids_in_paths_are_left_out() -> None:
    one = reader()

    assert plain_of(one.query("/a?_=17&b=1")) == {"b": "1"}
    assert plain_of(one.path("/a;jsessionid=AB/b?_=1")) == "/a/b"


def test_path_and_query_are_read_decoded() -> None:
    one = reader()

    assert one.path("/a%20b/c?d=1").text == "/a b/c"
    assert plain_of(one.query("/a?b=%20&c=1&c=2&d")) == {"b": " ", "c": ["1", "2"], "d": ""}


@given(JSON_VALUES)
def test_a_value_without_ids_is_read_as_it_is(value: Any) -> None:
    for one in (reader(), reader(redacted=True)):
        assert plain_of(one.body(body({"value": value}))) == {"value": value}


@given(JSON_VALUES, JSON_VALUES)
def test_equal_texts_are_of_equal_values(one: Any, other: Any) -> None:
    texts = [exact(reader().body(body({"value": value}))).text for value in (one, other)]

    assert (texts[0] == texts[1]) == (repr(_sorted(one)) == repr(_sorted(other)))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def test_an_id_is_found_behind_a_percent_encoded_character() -> None:
    seen = reader().body(body({"at": "%22reference-0001%22", "part": "%2reference-0001"}))

    assert leaf(seen, "at").text == "%22•%22"
    assert leaf(seen, "part").text == "%2reference-0001"
