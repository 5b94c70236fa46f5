"""A request that is spelled in another way is the recorded one; a request with another value is not."""

from __future__ import annotations

import json
import random
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.definition import Dialect, load, parse, source
from recorder.model import Headers
from recorder.redaction.joins import fitted
from recorder.redaction.policy import load as load_policy
from recorder.redaction.redactor import Redactor
from recorder.replay.engine.matching.matcher import Matcher
from recorder.requests.remembered import media_for
from tests.replay.stage import Stage
from tests.wire import Ask, Wire, chained, done

GWS = load()
FORM: Headers = (("Content-Type", "application/x-www-form-urlencoded"),)
NO_HEADERS: Headers = ()


def mine(volatile: str = "", **lists: str) -> Dialect:
    """The shipped dialect with further volatile paths, and with further paths of keys of requests."""
    text = source("gws-outbound").replace('name = "gws-outbound"', 'name = "mine"')
    text = text.replace(
        'volatile = ["body.timestamp", ', f'volatile = [{volatile}, "body.timestamp", ' if volatile else "volatile = ["
    )
    for key, paths in lists.items():
        text = text.replace(f"\n{key} = [", f"\n{key} = [{paths}, ", 1)
    return parse(text, path="mine.toml")


def matches(
    recorded: tuple[str, bytes],
    live: tuple[str, bytes],
    headers: Headers = NO_HEADERS,
    dialect: Dialect = GWS,
    **own: Any,
) -> bool:
    """Whether a live request, as target and body, is the recorded one; the headers may differ too."""
    wire = Wire()
    desk = wire.desk()
    wire.ack(wire.request("POST", *recorded, (*desk.headers, *headers)))
    recording = wire.recording(dialect)
    matcher = Matcher(recording, dialect)
    its = own.get("live_headers", headers)
    return bool(matcher.candidates(matcher.call("POST", *live, media_for(its, live[1]), its)))


def bodies_match(
    recorded: bytes, live: bytes, headers: Headers = NO_HEADERS, dialect: Dialect = GWS, **own: Any
) -> bool:
    return matches(("/x", recorded), ("/x", live), headers, dialect, **own)


# JSON of any shape


@pytest.mark.parametrize(
    ("recorded", "live"),
    [
        (b'[{"a":1,"b":2}]', b'[ {"b": 2, "a": 1} ]'),
        (b'{"a":[{"x":1,"y":[2]}]}', b'{"a": [{"y": [2], "x": 1}]}'),
        ('["ü"]'.encode(), b'["\\u00fc"]'),
        (b'{"a":1}\n{"b":2,"c":3}\n', b'{"a": 1}\r\n\r\n{"c":3, "b":2}'),
        (b'\x1e{"a":1}\n\x1e[2]\n', b'\x1e{"a": 1}\n\x1e[ 2 ]\n'),
    ],
)
def test_json_of_any_shape_is_compared_by_content(recorded: bytes, live: bytes) -> None:
    assert bodies_match(recorded, live)


@pytest.mark.parametrize(("recorded", "live"), [(b'"a\\u0062"', b' "ab"'), (b"1", b" 1\n"), (b"true", b"true ")])
def test_a_json_value_that_is_no_object_is_compared_by_content(recorded: bytes, live: bytes) -> None:
    assert bodies_match(recorded, live, (("Content-Type", "application/json"),))


@pytest.mark.parametrize(
    ("recorded", "live"),
    [
        (b"[1,2]", b"[2,1]"), (b"[1]", b"[1.0]"), (b"[1]", b"[true]"), (b"[]", b"{}"), (b"[[]]", b"[]"),
        (b'{"a":1}\n{"b":2}\n', b'{"b":2}\n{"a":1}\n'), (b'{"a":1}\n{"b":2}', b'[{"a":1},{"b":2}]'),
        (b'{"a":"1"}', b"a=1"), (b"a  b", b"a b"), (b"<a b='1'/>", b"<a b='2'/>"),
    ],
)  # fmt: skip
def test_another_json_value_is_another_request(recorded: bytes, live: bytes) -> None:
    assert not bodies_match(recorded, live)


# Forms and queries


@pytest.mark.parametrize(
    "live", [b"b=x&a=1%202", b"a=1+2&b=%78", b"&a=1+2&&b=x", b"%61=1+2&b=x", b"c=&b=x&a=1+2".replace(b"c=&", b"")]
)
def test_a_form_is_compared_by_its_fields(live: bytes) -> None:
    assert bodies_match(b"a=1+2&b=x", live, FORM)


@pytest.mark.parametrize(
    "live", [b"a=1+2", b"a=1+2&b=x&b=x", b"a=1+2&b=X", b"a=1%2B2&b=x", b"b=1+2&a=x", b"a=1+2&b=x&c="]
)
def test_another_field_is_another_form(live: bytes) -> None:
    assert not bodies_match(b"a=1+2&b=x", live, FORM)


def test_a_form_is_read_in_its_charset() -> None:
    latin: Headers = (("Content-Type", "application/x-www-form-urlencoded; charset=ISO-8859-1"),)

    assert bodies_match(b"a=%C3%BC", b"a=%FC", FORM, live_headers=latin)
    assert not bodies_match(b"a=%FC", b"a=%FD", FORM)


def test_fields_of_one_name_all_count() -> None:
    assert bodies_match(b"a=1&a=2&b=3", b"b=3&a=1&a=2", FORM)
    assert not bodies_match(b"a=1&a=2", b"a=1", FORM)
    assert not bodies_match(b"a=1&a=1", b"a=1", FORM)


@pytest.mark.parametrize(
    ("recorded", "live"),
    [
        ("/x?a=1&b=2", "/x?b=2&a=1"), ("/x?a=1%202", "/x?a=1+2"), ("/x?a=", "/x?a"), ("/%7euser", "/~user"),
        ("/x?", "/x"), ("/a%2fb", "/a%2Fb"),
    ],
)  # fmt: skip
def test_a_target_may_be_spelled_in_another_way(recorded: str, live: str) -> None:
    assert matches((recorded, b""), (live, b""))


@pytest.mark.parametrize(
    ("recorded", "live"),
    [("/x?a=1", "/x?a=2"), ("/x?a=1&a=2", "/x?a=1"), ("/x?a=%E9", "/x?a=%E8"), ("/%E9", "/%E8"), ("//x", "/x")],
)
def test_another_target_is_another_request(recorded: str, live: str) -> None:
    assert not matches((recorded, b""), (live, b""))


# What is volatile everywhere


@pytest.mark.parametrize(
    ("recorded", "live"),
    [
        ("/x?_=1700000000001", "/x?_=1700000999999"),
        ("/x?_=1", "/x"),
        ("/x?a=1&_=5551234567", "/x?_=a@b.example&a=1"),
        ("/x;jsessionid=AAA", "/x;jsessionid=BBB"),
        ("/x;JSESSIONID=AAA.node1?a=1", "/x?a=1"),
        ("/x;jsessionid=A/y;v=1", "/x/y;v=1"),
    ],
)
def test_cache_busters_and_session_ids_in_paths_do_not_count(recorded: str, live: str) -> None:
    assert matches((recorded, b""), (live, b""))


@pytest.mark.parametrize(("recorded", "live"), [("/x?__=1", "/x?__=2"), ("/x;v=1", "/x;v=2"), ("/x?a=_", "/x?a=__")])
def test_nothing_else_is_volatile_everywhere(recorded: str, live: str) -> None:
    assert not matches((recorded, b""), (live, b""))


def test_a_route_fits_a_path_with_a_session_id() -> None:
    assert GWS.route("/api/v2/me/outbound-records/7;jsessionid=A?x=1") == {"handle": "7"}


# Multipart


def parts(mark: str, *fields: tuple[str, bytes], end: str = "\r\n") -> tuple[bytes, Headers]:
    """A body with these parts: parameters of Content-Disposition and further lines, and content."""
    body = b"".join(
        f"--{mark}{end}Content-Disposition: form-data; {head}{end}{end}".encode() + content + end.encode()
        for head, content in fields
    )
    return body + f"--{mark}--{end}".encode(), (("Content-Type", f"multipart/form-data; boundary={mark}"),)


TEXT = ('name="operationName"', b"Upload")
FILE = ('name="f"; filename="a.csv"\r\nContent-Type: text/csv', b"555-0101")
IMAGE = ('name="i"; filename="a.png"\r\nContent-Type: image/png', bytes(range(256)))
META = ('name="meta"\r\nContent-Type: application/json', b'{"id": 1, "b": [2]}')


def parts_match(recorded: list[tuple[str, bytes]], live: list[tuple[str, bytes]], dialect: Dialect = GWS) -> bool:
    (one, headers), (other, its) = parts("----AAA", *recorded), parts("BBB", *live)
    return bodies_match(one, other, headers, dialect, live_headers=its)


@pytest.mark.parametrize(
    "live",
    [
        [TEXT, FILE, IMAGE, META],
        [META, IMAGE, TEXT, FILE],
        [TEXT, FILE, IMAGE, ('name="meta"\r\nContent-Type: application/json; charset=UTF-8', b'{"b":[2],"id":1}')],
        [('name="operationName"\r\nContent-Type: text/plain', b"Upload"), FILE, IMAGE, META],
        [("name=operationName", b"Upload"), FILE, IMAGE, META],
        [('name="operationName"\r\nContent-Transfer-Encoding: base64', b"VXBsb2Fk"), FILE, IMAGE, META],
        [TEXT, ("name=\"f\"; filename*=UTF-8''a.csv\r\ncontent-type: text/csv", b"555-0101"), IMAGE, META],
    ],
)
def test_multipart_is_compared_by_its_parts(live: list[tuple[str, bytes]]) -> None:
    assert parts_match([TEXT, FILE, IMAGE, META], live)


@pytest.mark.parametrize(
    "live",
    [
        [TEXT, FILE, IMAGE],
        [TEXT, TEXT, FILE, IMAGE, META],
        [TEXT, ('name="f"; filename="a.csv"\r\nContent-Type: text/csv', b"555-0199"), IMAGE, META],
        [TEXT, ('name="f"; filename="b.csv"\r\nContent-Type: text/csv', b"555-0101"), IMAGE, META],
        [TEXT, ('name="f"; filename="a.csv"\r\nContent-Type: text/plain', b"555-0101"), IMAGE, META],
        [TEXT, ('name="f"\r\nContent-Type: text/csv', b"555-0101"), IMAGE, META],
        [TEXT, FILE, ('name="i"; filename="a.png"\r\nContent-Type: image/png', bytes(range(255)) + b"\x00"), META],
        [TEXT, FILE, IMAGE, ('name="meta"\r\nContent-Type: application/json', b'{"id": 2, "b": [2]}')],
    ],
)
def test_another_part_is_another_request(live: list[tuple[str, bytes]]) -> None:
    assert not parts_match([TEXT, FILE, IMAGE, META], live)


def test_parts_of_one_name_keep_their_order() -> None:
    one, two = ('name="f"; filename="1"', b"1"), ('name="f"; filename="2"', b"2")

    assert parts_match([one, TEXT, two], [TEXT, one, two])
    assert not parts_match([one, two], [two, one])


# What a dialect says


@pytest.mark.parametrize(
    ("volatile", "recorded", "live"),
    [
        ('"body.records.0.ts"', {"records": [{"ts": 1, "a": 2}]}, {"records": [{"ts": 9, "a": 2}]}),
        ('"body.records.*.ts"', {"records": [{"ts": 1}, {"ts": 2}]}, {"records": [{"ts": 8}, {"ts": 9}]}),
        ('"body.*.ts"', {"a": {"ts": 1}, "b": {"ts": 2}}, {"a": {"ts": 8}, "b": {}}),
        ('"body.*.ts"', [{"ts": 1}, {"ts": 2}], [{"ts": 8}, {"ts": 9}]),
        ('"body.ids.*"', {"ids": [1, 2]}, {"ids": [8, 9]}),
        ('"body.0"', [1, 2], [9, 2]),
        ('"body.data.ts"', {"data": [{"key": "ts", "value": 1}]}, {"data": [{"key": "ts", "value": 9}]}),
        ('"body.data.ts"', {"data": [{"Key": "ts", "Value": 1}]}, {"data": [{"Key": "ts", "Value": 9}]}),
        (
            '"body.a.*.ts.at"',
            {"a": [[{"name": "ts", "value": {"at": 1}}]]},
            {"a": [[{"name": "ts", "value": {"at": 2}}]]},
        ),
        ('"body.userData.ts"', {"userData": {"ts": 1}}, {"userData": {"ts": 9}}),
    ],
)
def test_volatile_paths_lead_through_lists(volatile: str, recorded: Any, live: Any) -> None:
    one, other = (json.dumps(value).encode() for value in (recorded, live))

    assert bodies_match(one, other, dialect=mine(volatile))
    assert not bodies_match(one, other)


@pytest.mark.parametrize(
    ("volatile", "recorded", "live"),
    [
        ('"body.records.0.ts"', {"records": [{}, {"ts": 1}]}, {"records": [{}, {"ts": 9}]}),
        ('"body.records.*.ts"', {"records": [{"ts": 1}]}, {"records": [{"ts": 1}, {"ts": 2}]}),
        ('"body.data.ts"', {"data": [{"key": "tz", "value": 1}]}, {"data": [{"key": "tz", "value": 9}]}),
        (
            '"body.data.ts"',
            {"data": [{"key": "ts", "value": 1, "x": 1}]},
            {"data": [{"key": "ts", "value": 1, "x": 2}]},
        ),
        ('"body.ids.*"', {"ids": [1, 2]}, {"ids": [1]}),
    ],
)
def test_nothing_beside_a_volatile_value_is_volatile(volatile: str, recorded: Any, live: Any) -> None:
    assert not bodies_match(json.dumps(recorded).encode(), json.dumps(live).encode(), dialect=mine(volatile))


@pytest.mark.parametrize(
    ("volatile", "recorded", "live"),
    [
        ('"query.ts"', "/x?ts=1&a=2", "/x?a=2&ts=9"),
        ('"query.ts"', "/x?ts=1&ts=2", "/x"),
        ('"query.filter.ts"', "/x?filter[ts]=1", "/x?filter[ts]=9"),
        ('"query.filter.ts"', "/x?filter.ts=1", "/x?filter%5Bts%5D=9".replace("%5Bts%5D", ".ts")),
        ('"path.handle"', "/api/v2/me/outbound-records/7", "/api/v2/me/outbound-records/8;jsessionid=B"),
        ('"path.handle"', "/api/v2/me/outbound-records/7?a=%20", "/api/v2/me/outbound-records/a%20b?a=+"),
    ],
)
def test_volatile_parameters_and_parts_of_paths_do_not_count(volatile: str, recorded: str, live: str) -> None:
    assert matches((recorded, b""), (live, b""), dialect=mine(volatile))
    assert not matches((recorded, b""), (live, b""))


def test_headers_never_count_so_a_volatile_one_is_no_mistake() -> None:
    own: Headers = (("X-Trace", "1"),)

    assert bodies_match(b"x", b"x", own, mine('"header.X-Trace"'), live_headers=(("X-Trace", "2"),))


@pytest.mark.parametrize(("live", "yes"), [(b"ts=9&a=1", True), (b"a=1", True), (b"ts=9&a=2", False)])
def test_a_field_of_a_form_may_be_volatile(live: bytes, *, yes: bool) -> None:
    assert bodies_match(b"a=1&ts=2", live, FORM, mine('"body.ts"')) is yes


@pytest.mark.parametrize(
    ("volatile", "live"),
    [
        ('"body.f.filename"', [TEXT, ('name="f"; filename="b.csv"\r\nContent-Type: text/csv', b"555-0101"), META]),
        ('"body.f.type"', [TEXT, ('name="f"; filename="a.csv"\r\nContent-Type: text/plain', b"555-0101"), META]),
        ('"body.f.content"', [TEXT, ('name="f"; filename="a.csv"\r\nContent-Type: text/csv', b"9"), META]),
        ('"body.f"', [TEXT, META]),
        ('"body.operationName"', [('name="operationName"', b"x"), FILE, META]),
        ('"body.meta.id"', [TEXT, FILE, ('name="meta"\r\nContent-Type: application/json', b'{"id": 9, "b": [2]}')]),
    ],
)
def test_a_part_may_be_volatile_or_what_is_in_it(volatile: str, live: list[tuple[str, bytes]]) -> None:
    assert parts_match([TEXT, FILE, META], live, mine(volatile))
    assert not parts_match([TEXT, FILE, META], live)


# Values that clients make up come back as the live client's


def played(dialect: Dialect, asks: list[tuple[Ask, Headers]], event: dict[str, Any], live: tuple[Ask, Headers]) -> Any:
    """What a client hears, and its answer, where a recorded client asked and heard an event."""
    wire = Wire()
    desk = wire.desk()
    for ask, headers in asks:
        exchange = wire.request(ask.method, ask.target, ask.body, (*desk.headers, *headers))
        wire.respond(exchange, {"statusCode": 0, "seen": event["data"].get("seen")})
        desk.hears(event)
    stage = Stage(wire.recording(dialect), dialect=dialect)
    client = stage.desk()
    client.listens()
    answer = client.replies[client.posts(live[0], live[1])]
    stage.wait(5)
    assert stage.misses == []
    return [heard["data"] for heard in client.events], json.loads(answer.body)


def hearing(reference: Any, **own: Any) -> dict[str, Any]:
    event = done(7, reference)
    return event | {"data": event["data"] | own}


@pytest.mark.parametrize(
    ("path", "at"),
    [
        ("body.data.1.value", lambda v: {"data": [{"key": "lang", "value": "en"}, {"key": "ref", "value": v}]}),
        ("body.data.ref", lambda v: {"data": [{"value": v, "key": "ref", "type": "str"}, {"key": "x", "value": "en"}]}),
        ("body.records.0.id", lambda v: {"records": [{"id": v}, {"id": "other"}]}),
        ("body.records.*.id", lambda v: {"records": [{"a": 1}, {"id": v}]}),
        ("body.ids.*", lambda v: {"ids": [v]}),
    ],
)
@pytest.mark.parametrize("recorded", ["r1", "a-long-reference-1", 17])
def test_an_id_inside_a_list_is_rebound(path: str, at: Any, recorded: Any) -> None:
    dialect = mine(reference=f'"{path}"')
    ask = [(chained(7, **at(recorded)), NO_HEADERS)]

    heard, answer = played(dialect, ask, hearing(recorded, seen=at(recorded)), (chained(7, **at("live-9")), NO_HEADERS))

    assert [data["referenceId"] for data in heard] == ["live-9"]
    assert heard[0]["seen"] == answer["seen"] == at("live-9")


def test_each_id_in_a_list_is_rebound_to_its_own() -> None:
    dialect = mine(reference='"body.records.*.id"')
    ask, live = (chained(7, records=[{"id": f"{name}{n}"} for n in (1, 2, 3)]) for name in ("r", "live-"))

    heard, _ = played(dialect, [(ask, NO_HEADERS)], hearing("r1", seen={"id": "r3"}), (live, NO_HEADERS))

    assert (heard[0]["referenceId"], heard[0]["seen"]) == ("live-1", {"id": "live-3"})


@pytest.mark.parametrize(
    ("path", "target", "headers"),
    [
        ("query.rid", "/api/v2/me/outbound-records/7?rid={}", ()),
        ("header.X-Request-Id", "/api/v2/me/outbound-records/7", (("x-request-id", "{}"),)),
        ("path.handle", "/api/v2/me/outbound-records/{}", ()),
    ],
)
def test_an_id_in_a_query_a_header_or_a_path_is_rebound(path: str, target: str, headers: Headers) -> None:
    dialect = mine(reference=f'"{path}"')

    def ask(value: str) -> tuple[Ask, Headers]:
        own = tuple((name, text.format(value)) for name, text in headers)
        return Ask(target.format(value), chained(7).content), own

    heard, _ = played(dialect, [ask("r-1")], hearing("r-1"), ask("live-9"))

    assert [data["referenceId"] for data in heard] == ["live-9"]


JSON_FILE = 'name="f"; filename="a.json"\r\nContent-Type: application/json'


@pytest.mark.parametrize(
    ("volatile", "recorded", "live", "others"),
    [
        ("body.f.content", [(JSON_FILE, b'{"t":1}')], [(JSON_FILE, b'{"t":2}')], [(f"{JSON_FILE}5", b'{"t":1}')]),
        (
            "body.f.content.t",
            [(JSON_FILE, b'{"t":1,"k":1}')],
            [(JSON_FILE, b'{"t":2,"k":1}')],
            [(JSON_FILE, b'{"t":1,"k":2}')],
        ),
        ("body.f.content.t", [('name="f"; filename="a"', b"1")], [], [('name="f"; filename="a"', b"2")]),
        (
            "body.a.*",
            [('name="a"', b"1"), ('name="a"', b"2")],
            [('name="a"', b"3"), ('name="a"', b"4")],
            [('name="a"', b"1")],
        ),
        (
            "body.f.*.content",
            [('name="f"; filename="a"', b"1"), ('name="f"; filename="b"', b"2")],
            [('name="f"; filename="a"', b"3"), ('name="f"; filename="b"', b"4")],
            [('name="f"; filename="a"', b"1"), ('name="f"; filename="c"', b"2")],
        ),
    ],
)
def test_what_is_in_a_json_file_or_in_each_part_of_a_name_may_be_volatile(
    volatile: str, recorded: list[tuple[str, bytes]], live: list[tuple[str, bytes]], others: list[tuple[str, bytes]]
) -> None:
    dialect = mine(f'"{volatile}"')

    assert parts_match(recorded, live or recorded, dialect)
    assert not parts_match(recorded, others, dialect)


def test_each_value_of_a_name_may_be_volatile_but_not_their_number() -> None:
    dialect = mine('"body.i.*", "query.i.*"')

    assert bodies_match(b"i=1&i=2&k=1", b"k=1&i=8&i=9", FORM, dialect)
    assert not bodies_match(b"i=1&i=2&k=1", b"k=1&i=8", FORM, dialect)
    assert not bodies_match(b"i=1&i=2&k=1", b"k=2&i=8&i=9", FORM, dialect)
    assert matches(("/x?i=1&i=2", b""), ("/x?i=8&i=9", b""), dialect=dialect)
    assert not matches(("/x?i=1&i=2", b""), ("/x?i=8", b""), dialect=dialect)


@pytest.mark.parametrize(
    ("recorded", "live"),
    [
        (b"a[b]=1", b"a.b=1"),
        (b"a[]=1", b"a=1"),
        (b"a[][b]=1", b"a[b]=1"),
        (b".a=1", b"a=1"),
        (b"a==&b=1", b"a=&b=1"),
        (b"a===&b=1", b"a==&b=1"),
    ],
)
def test_a_field_of_another_name_is_another_form(recorded: bytes, live: bytes) -> None:
    assert not bodies_match(recorded, live, FORM)


def test_a_part_of_another_name_is_another_upload() -> None:
    assert not parts_match([('name="a[b]"', b"1")], [('name="a.b"', b"1")])
    assert not parts_match([('name="a"', b"1"), ('name="a"', b"2")], [('name="a[]"', b"1"), ('name="a"', b"2")])


def test_a_miss_tells_the_names_of_fields_that_differ() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.ack(wire.request("POST", "/x", b"ids[]=1", (*desk.headers, *FORM)))
    stage = Stage(wire.recording())
    stage.desk().sends("POST", "/x", b"ids=1", FORM)

    assert 'names in body differs: recorded "ids[]", live "ids"' in stage.misses[0]


@pytest.mark.parametrize(
    ("recorded", "live"),
    [("/a%2Fb", "/a/b"), ("/a%2fb", "/a/b"), ("/a%252Fb", "/a%2Fb"), ("/x?a==", "/x?a="), ("/x?a==", "/x?a")],
)
def test_an_encoded_slash_and_a_bare_equals_sign_count(recorded: str, live: str) -> None:
    assert not matches((recorded, b""), (live, b""))
    assert matches((recorded, b""), (recorded.replace("%2f", "%2F"), b""))


@pytest.mark.parametrize(
    ("target", "body", "other", "others"),
    [("/x?s=1&s=2", b"", "/x?s=2&s=1", b""), ("/x", b"s=1&s=2&t=3", "/x", b"s=2&t=3&s=1")],
)
def test_of_two_orders_of_one_name_the_same_is_taken(target: str, body: bytes, other: str, others: bytes) -> None:
    wire = Wire()
    desk = wire.desk()
    for number, sent in enumerate([(target, body), (other, others)]):
        wire.ack(wire.request("POST", *sent, (*desk.headers, *FORM)), n=number)
    client = Stage(wire.recording()).desk()

    numbers = [client.sends("POST", *sent, FORM) for sent in ((other, others), (target, body))]

    assert [json.loads(client.replies[number].body)["n"] for number in numbers] == [1, 0]


def test_an_id_in_a_form_is_rebound() -> None:
    def ask(value: str) -> tuple[Ask, Headers]:
        text = f"operationName=GetChainedRecord&referenceId={value}&applicationId=134"
        return Ask("/api/v2/me/outbound-records/7", text.encode()), FORM

    heard, _ = played(GWS, [ask("r1")], hearing("r1"), ask("live-9"))

    assert [data["referenceId"] for data in heard] == ["live-9"]


def test_a_session_id_in_a_list_of_pairs_is_one_of_the_session() -> None:
    dialect = mine(device='"body.data.device"')

    def ask(device: str, number: int) -> Ask:
        data = [{"key": "device", "value": device}, {"key": "n", "value": number}]
        return Ask("/api/v2/me/outbound-records/7", {"operationName": "GetChainedRecord", "data": data})

    wire = Wire()
    desk = wire.desk()
    for number in (1, 2):
        wire.ack(desk.post(ask("d-one", number)))
    stage = Stage(wire.recording(dialect), dialect=dialect)
    client = stage.desk()

    assert client.answer(ask("other", 1)).status == 200
    assert client.answer(ask("third", 2)).status == 470
    assert client.answer(ask("other", 2)).status == 200


# Redacted recordings: the order of what is hidden is that of the canonical spelling


@pytest.mark.parametrize(
    ("recorded", "live", "headers"),
    [
        (b'{"phone":"555-0101","email":"ada@people.example"}',) * 2 + ((),),
        (
            b"phone=555-0101&email=ada%40people.example",
            b"email=ada@people.example&phone=%3555-0101",
            FORM,
        ),
    ],
)
def test_a_redacted_request_may_be_spelled_in_another_way(recorded: bytes, live: bytes, headers: Headers) -> None:
    if headers == ():
        live = json.dumps(dict(reversed(json.loads(recorded).items()))).encode()

    assert redacted_match(("/x", recorded), ("/x", live), headers)


@pytest.mark.parametrize(
    "live",
    ["/x?email=ada@people.example&phone=555-0101&_=1", "/x?_=5550101999&phone=555-0101&email=ada%40people.example"],
)
def test_a_redacted_query_may_be_spelled_in_another_way(live: str) -> None:
    assert redacted_match(("/x?phone=555-0101&_=1700000000001&email=ada%40people.example", b""), (live, b""), ())


def test_a_redacted_upload_may_have_another_boundary() -> None:
    fields = (('name="phone"', b"555-0101"), ('name="email"', b"ada@people.example"))
    (one, headers), (other, its) = parts("AAAA", *fields), parts("BBBB", *reversed(fields))

    assert redacted_match(("/x", one), ("/x", other), headers, its)


def redacted_match(
    recorded: tuple[str, bytes], live: tuple[str, bytes], headers: Headers, its: Headers | None = None
) -> bool:
    """Whether a redacted request matches, and the right values are bound, as later requests that repeat them show."""
    policy = fitted(load_policy(), GWS)
    redactor = Redactor(policy, bytes(32))
    alone = [("/phone", b'{"phone":"555-0101"}'), ("/email", b'{"email":"ada@people.example"}')]
    wire = Wire()
    desk = wire.desk()
    for target, body in (recorded, *alone):
        wire.ack(wire.request("POST", target, body, (*desk.headers, *(headers if target == recorded[0] else ()))))
    wire.records = list(map(redactor.redact, wire.records))
    stage = Stage(wire.recording(), redaction=policy)
    client = stage.desk()
    first = client.sends("POST", *live, headers if its is None else its)
    numbers = [first, *(client.sends("POST", *one) for one in alone)]
    return [client.replies[number].status for number in numbers] == [200, 200, 200]


def test_a_header_that_is_a_key_is_no_secret_unless_its_name_says_so() -> None:
    dialect = mine(reference='"header.X-Request-Id", "header.X-Session-Token"')
    redactor = Redactor(fitted(load_policy(), dialect), bytes(32))
    wire = Wire()
    wire.request("POST", "/x", b"", (("X-Request-Id", "r-1"), ("X-Session-Token", "s-2"), ("X-Other", "o-3")))

    (kept,) = (dict(redactor.redact(record).headers) for record in wire.records)  # type: ignore[union-attr]

    assert (kept["X-Request-Id"] == "r-1", kept["X-Session-Token"] == "s-2", kept["X-Other"] == "o-3") == (
        True,
        False,
        False,
    )


# Any request

NAMES = st.sampled_from(["a", "b", "ü", "a[b]", "c.d", "e f", "&", "="])
LEAVES = st.one_of(st.integers(-5, 5), st.booleans(), st.none(), st.text('aü &=+%"\\é\n', max_size=4), st.floats())
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)
FIELDS = st.lists(st.tuples(NAMES, st.text("aü &=+%\"'\\", max_size=4)), min_size=1, max_size=4)


def shuffled(value: Any, draw: random.Random) -> Any:
    if isinstance(value, dict):
        names = list(value)
        draw.shuffle(names)
        return {name: shuffled(value[name], draw) for name in names}
    return [shuffled(item, draw) for item in value] if isinstance(value, list) else value


def encoded(text: str, draw: random.Random) -> str:
    """Form data in one of its spellings."""
    return "".join(draw.choice([quote_plus, quote, lambda c: quote(c, safe=""), _small])(char) for char in text)


def _small(char: str) -> str:
    return "".join(f"%{byte:02x}" for byte in char.encode())


@given(
    VALUES.filter(lambda value: isinstance(value, dict | list)),
    st.randoms(use_true_random=False),
    st.sampled_from([None, 2]),
)
def test_json_that_is_written_in_another_way_is_the_same(value: Any, draw: random.Random, indent: int | None) -> None:
    other = json.dumps(shuffled(value, draw), indent=indent, ensure_ascii=draw.random() < 0.5).encode()

    assert bodies_match(json.dumps(value).encode(), other)


@given(VALUES, VALUES)
def test_json_with_another_value_is_another_request(value: Any, other: Any) -> None:
    texts = [json.dumps([one], sort_keys=True) for one in (value, other)]

    assert bodies_match(*(text.encode() for text in texts)) is (texts[0] == texts[1])


@given(FIELDS, st.randoms(use_true_random=False))
def test_pairs_that_are_written_in_another_way_are_the_same(fields: list[tuple[str, str]], draw: random.Random) -> None:
    recorded = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in fields)
    draw.shuffle(fields)
    live = "&".join(f"{encoded(name, draw)}={encoded(value, draw)}" for name, value in fields)

    assert bodies_match(recorded.encode(), live.encode(), FORM)
    assert matches((f"/x?{recorded}", b""), (f"/x?{live}", b""))


@given(FIELDS, FIELDS)
def test_other_pairs_are_another_request(fields: list[tuple[str, str]], others: list[tuple[str, str]]) -> None:
    recorded, live = ("&".join(f"{quote_plus(n)}={quote_plus(v)}" for n, v in pairs) for pairs in (fields, others))

    assert matches((f"/x?{recorded}", b""), (f"/x?{live}", b"")) is (sorted(fields) == sorted(others))


@pytest.mark.parametrize("content", [b"\xfe\xff", b"\xff\xfe", b"\xff\xfe\0\0", "<a>é</a>".encode("utf-16-le")])
def test_a_file_in_another_encoding_is_matched_by_its_bytes(content: bytes) -> None:
    field = 'name="a"; filename="f"'

    assert parts_match([(field, content)], [(field, content)])
    assert not parts_match([(field, content)], [(field, content + b"x\0")])
    assert not parts_match([], [(field, content)])


@pytest.mark.parametrize(
    ("target", "media", "content"),
    [
        ("/x", "application/x-www-form-urlencoded; charset=utf-7", b"a=%2B2AA-"),
        (
            "/x",
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=f; filename*=utf-7''%2B2AA-\r\n\r\nhi\r\n--x--\r\n",
        ),
        ("/x?a=\ud800", "", b""),
    ],
)
def test_half_a_character_is_compared_as_others_are(target: str, media: str, content: bytes) -> None:
    headers = (("Content-Type", media),)

    assert matches((target, content), (target, content), headers)
    assert not matches((target, content), (target.replace("\ud800", "?"), content.replace(b"2AA", b"2AE")), headers)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.binary(max_size=8)), max_size=4, unique_by=lambda part: part[0]),
    st.lists(st.tuples(st.sampled_from("abc"), st.binary(max_size=8)), max_size=4, unique_by=lambda part: part[0]),
    st.randoms(use_true_random=False),
)
def test_parts_with_another_boundary_are_the_same_and_with_other_content_are_not(
    fields: list[tuple[str, bytes]], others: list[tuple[str, bytes]], draw: random.Random
) -> None:
    one = [(f'name="{name}"; filename="f"', content) for name, content in fields]
    other = [(f'name="{name}"; filename="f"', content) for name, content in others]
    again = draw.sample(one, len(one))

    assert parts_match(one, again)
    assert parts_match(one, other) is (sorted(fields) == sorted(others))


IDS = st.lists(
    st.text("rst-0123456789", min_size=1, max_size=12).map(lambda text: f"q{text}"), min_size=1, max_size=4, unique=True
)


@given(IDS)
def test_any_ids_in_a_list_come_back_as_those_of_the_client(ids: list[str]) -> None:
    live = [f"live-{number}-{own}" for number, own in enumerate(ids)]
    dialect = DIALECT_OF_LISTS
    ask, its = (chained(7, records=[{"id": own, "n": 1} for own in group]) for group in (ids, live))
    seen = [{"id": own} for own in reversed(ids)]

    heard, answer = played(dialect, [(ask, NO_HEADERS)], hearing(ids[0], seen=seen), (its, NO_HEADERS))

    assert heard[0]["referenceId"] == live[0]
    assert heard[0]["seen"] == answer["seen"] == [{"id": own} for own in reversed(live)]


DIALECT_OF_LISTS = mine(reference='"body.records.*.id"')
