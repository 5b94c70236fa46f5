from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.bayeux.messages import encode, parse_request
from recorder.bayeux.shapes import Shapes

URL = "/api/v2/notifications"
POLL = '[{"channel":"/meta/connect","clientId":"%s","id":"%s"}]'

TEXTS = st.sampled_from(["", "1", "ab", "a-b", 'a"b', "a\\b", "ü", "/meta/connect", '","id":"'])
VALUES: st.SearchStrategy[object] = TEXTS | st.sampled_from([1, True, None, [], {"id": "1"}, {"clientId": "c"}])
MESSAGES = st.dictionaries(st.sampled_from(["id", "clientId", "ext", 'x"id', 'x\\"clientId']), VALUES).flatmap(
    lambda fields: st.permutations([*fields.items(), ("channel", "/meta/connect")]).map(dict)
)
WRITTEN = st.builds(
    lambda messages, alone, gaps: json.dumps(
        messages[0] if alone else messages, separators=(", ", ": ") if gaps else (",", ":")
    ).encode(),
    st.lists(MESSAGES, min_size=1, max_size=2),
    st.booleans(),
    st.booleans(),
)
# fields by name, say the same one twice, and pieces of no JSON
PIECES = st.lists(
    st.sampled_from(
        [
            *('"clientId":"a"', '"clientId" :"a"', '"clientId":"b1"', '"id":"1"', '"id": "1"', '"id":"22"'),
            *('"channel":"/a"', '"x":{"id":"1"}', '"x":{"clientId":"a"}', '"x":"y"'),
            *('"id":"1', '"clientId":"a', '"', "\\", ",", "}", "{"),
        ]
    ),
    max_size=7,
).map(lambda pieces: ("[{" + ",".join(pieces) + "}]").encode())
FORMS = st.builds(lambda body: b"message=" + body, WRITTEN) | st.builds(lambda body: b"cb(" + body + b")", WRITTEN)
UTF_16 = WRITTEN.map(lambda body: body.decode().encode("utf-16-le"))


@given(st.lists(st.one_of(WRITTEN, PIECES, FORMS, UTF_16, st.binary()), min_size=1, max_size=6))
def test_all_bodies_are_read_as_they_are_without_a_memory(bodies: list[bytes]) -> None:
    shapes = Shapes()
    for body in bodies * 2:
        found, told = shapes.read(URL, body), parse_request(URL, body)
        assert found == told
        assert found is None or encode(found) == encode(told or [])  # fields in the same order


@given(st.permutations(["channel", "clientId", "id", "connectionType"]), st.lists(st.tuples(TEXTS, TEXTS), min_size=2))
def test_a_message_like_another_one_has_its_own_ids(order: list[str], ids: list[tuple[str, str]]) -> None:
    shapes = Shapes()
    for client_id, number in ids:
        fields = {"channel": "/meta/connect", "clientId": client_id, "id": number, "connectionType": "long-polling"}
        message = {name: fields[name] for name in order}
        assert shapes.read(URL, encode([message])) == [message]


def test_what_is_given_out_is_nobody_elses() -> None:
    shapes, body = Shapes(), (POLL % ("c1", "1")).encode()
    first = shapes.read(URL, body)
    assert first is not None
    first[0]["channel"] = "/changed"
    first.clear()
    assert shapes.read(URL, body) == json.loads(body)


def test_clients_of_one_kind_are_remembered_once() -> None:
    shapes = Shapes()
    for number in range(1000):
        shapes.read(URL, (POLL % (f"c{number}", number)).encode())
    assert len(shapes) == 1


@pytest.mark.parametrize(
    "field",
    ['"ext":{"ack":%d}', '"advice":{"timeout":%d}', '"x":[%d]', '"x":%d', '"x\\"%d":"y"', '"x":"%01000d"'],
)
def test_what_differs_from_poll_to_poll_or_is_long_is_not_remembered(field: str) -> None:
    shapes = Shapes()
    for number in range(10):
        body = (POLL % ("c1", number)).replace("}]", "," + field % number + "}]").encode()
        assert shapes.read(URL, body) == json.loads(body)
    assert len(shapes) == 0


def test_of_very_many_kinds_only_the_last_ones_are_remembered() -> None:
    shapes = Shapes()
    for number in range(1000):
        shapes.read(URL, (POLL % ("c1", "1")).replace("connect", f"connect{number}").encode())
    assert 0 < len(shapes) <= 100


def test_messages_of_a_target_are_found_too() -> None:
    assert Shapes().read(f"{URL}?message={POLL % ('c1', '1')}", b"") == json.loads(POLL % ("c1", "1"))


@pytest.mark.parametrize(
    "body",
    [
        '{"channel":"/a","clientId":"%s","id":"%s","clientId" :"a"}',
        '{"channel":"/a","clientId":"%s","id":"%s","clientId":"a"}',
        '{"channel":"/a","clientId":"%s","id":"%s","id": "1"}',
        '{"channel":"/a","clientId" :"a","x":{"clientId":"%s"},"x":"y","id":"%s"}',
        '{"channel":"/a","x\\"clientId":"%s","clientId" :"a","id":"%s"}',
        '{"channel":"/a","clientId":"%s","x\\"id":"%s"}',
    ],
)
def test_ids_that_are_named_twice_or_elsewhere_are_taken_where_json_has_them(body: str) -> None:
    shapes = Shapes()
    for ids in [("a", "1"), ("b", "2"), ("c", "1"), ("0clientId0stands0here0", "0id0stands0here0"), ("a", "3")]:
        written = (body % ids).encode()
        assert shapes.read(URL, written) == parse_request(URL, written)
