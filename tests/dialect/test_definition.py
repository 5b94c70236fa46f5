"""A dialect is read from TOML; a mistake in it is named by file and key; values are found where it says."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.definition import Dialect, load, parse
from recorder.dialect.paths import as_key, lookup, parse_json
from recorder.errors import DialectError
from recorder.model import Event, Request, Response
from tests.answers import ANSWERS
from tests.wire import DEVICE, Ask, body, chained, complete, done, error_event, preview, record_event, twin

SHIPPED = files("recorder.dialect").joinpath("gws-outbound.toml").read_text(encoding="utf-8")
GWS = load()


def shipped_but(old: str, new: str) -> str:
    """The shipped dialect with one line changed."""
    assert SHIPPED.count(old) == 1
    return SHIPPED.replace(old, new)


def request(ask: Ask) -> Request:
    return Request(0, 0, 1, "c1", ask.method, ask.target, (), ask.body)


def event(message: dict[str, object]) -> Event:
    return Event(0, 0, 0, 1, "client1", str(message["channel"]), message["data"])


def test_the_shipped_dialect_is_the_default() -> None:
    dialect = load()

    assert dialect.name == "gws-outbound"
    assert dialect.bayeux_prefix == "/api/v2/notifications"
    assert dialect.operations["GetChainedRecord"].terminal == {"ChainedRecordsDataEnd"}


def test_a_dialect_is_loaded_from_a_file_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(shipped_but('name = "gws-outbound"', 'name = "mine"'), encoding="utf-8")

    assert load(str(path)).name == "mine"


def test_an_unknown_shipped_name_says_what_is_shipped() -> None:
    with pytest.raises(DialectError, match=r"^gws-inbound: name: no such dialect is shipped.*'gws-outbound'"):
        load("gws-inbound")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"

    with pytest.raises(DialectError, match=f"^{re.escape(str(path))}: file: cannot be read"):
        load(str(path))


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(DialectError, match=r"binary\.toml: file: cannot be read"):
        load(str(path))


def test_bad_toml_is_an_error_with_its_line() -> None:
    with pytest.raises(DialectError, match=r"^mine\.toml:2: TOML: .*line 2"):
        parse("name = 'x'\nthis is no TOML", path="mine.toml")


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('name = "gws-outbound"\n', "name"),
        ("open_for = 60.0\n", "open_for"),
        ('methods = ["POST", "PUT", "DELETE"]\n', "request.methods"),
        ('success = ["0"] # not 7, partial success: a part of the operation failed\n', "ack.success"),
        ('error_same = ["device"]\n', "event.error_same"),
        ('channel = "/me/internal"\n', "twin.channel"),
        ('enough = [["handle"], ["phone"], ["campaign", "device"]]\n', "tuple.enough"),
        ('terminal = ["DoNotCallAcknowledge"]\n', "operations.DoNotCallRecord.terminal"),
    ],
)
def test_a_missing_key_is_named(line: str, key: str) -> None:
    with pytest.raises(DialectError) as caught:
        parse(shipped_but(line, ""), path="mine.toml")

    table, _, name = key.rpartition(".")
    place = SHIPPED.splitlines().index(f"[{table}]") + 1 if table else 1  # of the table that lacks it
    assert str(caught.value).startswith(f"mine.toml:{place}: {key}: is missing; write {name} = ")
    assert (caught.value.path, caught.value.key) == ("mine.toml", key)


@pytest.mark.parametrize(
    ("line", "wrong", "message"),
    [
        ('name = "gws-outbound"', "name = 7", "name: must be a string"),
        ("open_for = 60.0", 'open_for = "60"', "open_for: must be a number of seconds"),
        ("open_for = 60.0", "open_for = true", "open_for: must be a number of seconds"),
        ("open_for = 60.0", "open_for = nan", "open_for: must be 0 or more"),
        ("grace = 2.0", "grace = -1", "grace: must be 0 or more"),
        ("grace = 2.0", f"grace = 1{'0' * 400}", "grace: must be at most"),
        ("grace = 2.0", "grace = inf", "grace: must be at most"),
        ('name = "gws-outbound"', 'name = "../x"', "name: must have 1 to 64 letters"),
        ('methods = ["POST", "PUT", "DELETE"]', 'methods = "POST"', "request.methods: must be a list of strings"),
        ('methods = ["POST", "PUT", "DELETE"]', "methods = [1]", "request.methods: must be a list of strings"),
        ('reference = ["body.userData', 'reference = ["a", 1] #', "request.keys.inner_reference: must be a list"),
        ('enough = [["handle"], ["phone"]', 'enough = ["handle", ["phone"]', "tuple.enough: must be a list of lists"),
        ("[twin]", "[twins]", "twins: is unknown; did you mean 'twin'?"),
        ("grace =", "graze =", "grace: is missing"),
        ('["path.handle", "body.recordHandle"]', '["handle"]', "request.keys.handle: 'handle' must begin with"),
        (
            'same = ["handle", "application", "campaign", "device", "not',
            'same = ["x", "not',
            "twin.same: 'x' is not a possible key",
        ),
        (
            'enough = [["handle"]',
            'enough = [["hand"]',
            "tuple.enough: 'hand' is not a possible key; keys are application",
        ),
        (
            'error_same = ["device"]',
            'error_same = ["notification"]',
            "event.error_same: 'notification' is not a possible key",
        ),
        ('minted = ["reference",', 'minted = ["ref",', "replay.minted: 'ref' is not a possible key"),
        ('path_keys = ["device"]', 'path_keys = ["devise"]', "event.path_keys: 'devise' is not a possible key"),
        (
            'per_operation = ["reference",',
            'per_operation = ["handle",',
            "replay.per_operation: 'handle' is not a possible key",
        ),
        (
            'terminal = ["PreviewRecord"]',
            'terminal = ["Preview"]',
            "operations.GetPreviewRecord.terminal: 'Preview' is",
        ),
        (
            "[operations.AddRecord]",
            '[operations.AddRecord]\nrequest = "POST x"',
            "operations.AddRecord.request: 'x' must",
        ),
        ("[twin]", "[[twin]]", "twin: must be a table"),
        ("[operations.AddRecord]", "[operations.X]\n[AddRecord]", "operations.X.events: is missing"),
        ("outbound-records/{handle}", "{handle}/{handle}", "request.routes: "),
        ("outbound-records/{handle}", "{1}", "request.routes: "),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(line: str, wrong: str, message: str) -> None:
    text = SHIPPED.replace(line, wrong)

    with pytest.raises(DialectError) as caught:
        parse(text, path="mine.toml")

    assert re.sub(r"^mine\.toml(:\d+)?: ", "", str(caught.value)).startswith(message)


@given(st.text())
def test_any_text_is_a_dialect_or_a_dialect_error(text: str) -> None:
    with pytest.raises(DialectError):
        parse(text, path="any.toml")


def test_an_operation_is_a_request_that_names_one() -> None:
    assert GWS.operation_of(request(chained())) == "GetChainedRecord"


@pytest.mark.parametrize(
    "ask",
    [
        Ask("/api/v2/me", b"", method="GET"),
        Ask("/api/v2/me", {"operationName": "X"}, method="GET"),
        Ask("/api/v2/me", {"operation": "X"}),
        Ask("/api/v2/me", {"operationName": ""}),
        Ask("/api/v2/me", {"operationName": ["X"]}),
        Ask("/api/v2/me", [{"operationName": "X"}]),
        Ask("/api/v2/me", b'{"operationName": "X"'),
    ],
)
def test_other_requests_are_no_operations(ask: Ask) -> None:
    assert GWS.operation_of(request(ask)) is None


@pytest.mark.parametrize("around", [b" %s", b"\r\n\t%s\n", b"\xef\xbb\xbf%s"])
def test_json_may_have_white_space_and_a_byte_order_mark_before_it(around: bytes) -> None:
    ask = Ask("/api/v2/me/outbound-records/7", around % body({"operationName": "GetChainedRecord"}))

    assert GWS.operation_of(request(ask)) == "GetChainedRecord"


def test_keys_of_a_request_come_from_its_url_and_its_body() -> None:
    assert GWS.keys_of_request(request(complete(7, "r1", phoneNumber="555-0101"))) == {
        "reference": "r1",
        "handle": "7",
        "application": "134",
        "campaign": "Campaign1",
        "device": DEVICE,
        "calling_list": "CallingList1",
        "phone": "555-0101",
    }


def test_the_url_wins_over_the_body() -> None:
    keys = GWS.keys_of_request(request(chained(7, recordHandle=8)))

    assert keys["handle"] == "7"


def test_parts_of_the_url_are_percent_decoded() -> None:
    keys = GWS.keys_of_request(request(preview(campaign="Pull%20Preview%20Campaign")))

    assert keys["campaign"] == "Pull Preview Campaign"


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("/api/v2/me/outbound-records/7", {"handle": "7"}),
        ("/api/v2/me/outbound-records/7?a=/b", {"handle": "7"}),
        ("/api/v2/me/outbound-records/", {}),
        ("/api/v2/me/outbound-records/7/8", {}),
        ("/other/api/v2/me/outbound-records/7", {}),
        ("//api/v2/me/outbound-records/7", {}),
        ("//[", {}),
    ],
)
def test_a_route_fits_the_whole_path_or_not_at_all(target: str, parts: dict[str, str]) -> None:
    assert GWS.route(target) == parts


def test_keys_of_an_event_and_of_its_twin_are_the_same_but_for_the_reference() -> None:
    keys, of_twin = GWS.keys_of_event(event(done(7, "r1"))), GWS.keys_of_event(event(twin("ChainedRecordsDataEnd")))

    assert keys == of_twin | {"reference": "r1"}
    assert keys["notification"] == "ChainedRecordsDataEnd"


@pytest.mark.parametrize("device", [DEVICE, f"/devices/{DEVICE}", f"/api/v2/devices/{DEVICE}"])
def test_a_device_is_the_same_by_its_id_and_by_a_path_to_it(device: str) -> None:
    assert GWS.keys_of_event(event(record_event("ChainedRecord", devicePath=device)))["device"] == DEVICE


def test_the_keys_of_an_ack_are_few() -> None:
    ack = Response(1, 0, 1, 200, (), body({"statusCode": 0, "referenceId": 12, "handle": 7}))

    assert GWS.keys_of_ack(ack) == {"reference": "12"}


@pytest.mark.parametrize(
    ("status", "content", "yes"),
    [
        (200, b'{"statusCode":0}', True),
        (200, b'{"statusCode":"0"}', True),
        (204, b"", True),
        (200, b"ok", True),
        (200, b'{"statusCode":4}', False),
        (200, b'{"statusCode":7}', False),
        (500, b'{"statusCode":0}', False),
        (403, b"Missing or invalid Csrf token", False),
        (302, b"", False),
    ],
)
def test_an_ack_says_yes_by_its_status_code_and_by_its_http_status(status: int, content: bytes, *, yes: bool) -> None:
    ack = Response(1, 0, 1, status, (), content)

    assert GWS.succeeded(ack) is yes
    assert (GWS.refusal(ack) is None) is yes


@pytest.mark.parametrize(
    ("status", "content", "told"),
    [
        (200, b'{"statusCode":4}', "statusCode 4"),
        (500, b'{"statusCode":0}', "HTTP 500"),
        (403, b"no", "HTTP 403"),
        (200, b"{}", None),
    ],
)
def test_a_refusal_is_told_by_the_code_that_says_so(status: int, content: bytes, told: str | None) -> None:
    assert GWS.refusal(Response(1, 0, 1, status, (), content)) == told


def test_an_error_event_is_told_by_its_marks() -> None:
    assert GWS.error_in(event(error_event())) == "ErrorMessage"
    assert GWS.error_in(event(done())) is None


def test_an_event_ends_the_operations_that_name_it() -> None:
    assert GWS.is_terminal("GetChainedRecord", "ChainedRecordsDataEnd")
    assert not GWS.is_terminal("GetChainedRecord", "ChainedRecord")
    assert not GWS.is_terminal(None, "ChainedRecordsDataEnd")


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("32", "32"), (32, "32"), (0, "0"), ("0", "0"), (2**70, "1180591620717411303424"), (1.5, "1.5"),
        ("", None), (None, None), (True, None), ([], None), ({}, None),
    ],
)  # fmt: skip
def test_values_are_compared_as_strings_and_nothing_is_absent(value: object, key: str | None) -> None:
    assert as_key(value) == key


def test_a_path_of_dots_leads_through_objects_only() -> None:
    assert lookup({"a": {"b": 1}}, "a.b") == 1
    assert lookup({"a": [{"b": 1}]}, "a.b") is None
    assert lookup({"a": 1}, "a.b") is None


@given(st.binary() | st.text("[]{}:,\"' 1e").map(str.encode))
def test_any_body_is_an_object_an_array_or_nothing(content: bytes) -> None:
    assert isinstance(parse_json(content), dict | list | None)


@pytest.mark.parametrize("depth", [101, 5_000, 100_000])
def test_a_body_nested_too_deep_is_nothing(depth: int) -> None:
    assert parse_json(b"[" * depth + b"]" * depth) is None
    assert parse_json(b'{"a":' * depth + b"1" + b"}" * depth) is None


def test_a_body_with_many_brackets_is_not_deep() -> None:
    assert parse_json(b"[" + b"[]," * 200 + b"[1]]") == [*[[]] * 200, [1]]
    assert parse_json(b"[" * 99 + b"1" + b"]" * 99) is not None


def test_another_dialect_reads_another_api() -> None:
    dialect: Dialect = parse(
        SHIPPED.replace('["body.operationName"]', '["body.command.verb"]')
        .replace("/api/v2/me/outbound-records/{handle}", "/queues/{handle}/calls")
        .replace('["data.referenceId"]', '["data.meta.cause"]'),
        path="other.toml",
    )
    ask = Ask("/queues/q7/calls", {"command": {"verb": "Transfer"}})
    pushed = event({"channel": "/calls", "data": {"meta": {"cause": 9}}})

    assert dialect.operation_of(request(ask)) == "Transfer"
    assert dialect.keys_of_request(request(ask))["handle"] == "q7"
    assert dialect.keys_of_event(pushed) == {"reference": "9"}


def test_without_a_word_the_answers_of_token_endpoints_give_tokens_out() -> None:
    asked = Request(0, 0, 1, "c1", "POST", "/services/oauth2/token?x=1", (), b"")
    answer = Response(1, 1, 1, 200, (), b'{"access_token":"access-1","refresh_token":"refresh-1","id":"identity-1"}')

    assert GWS.minted_by(asked, answer) == ("access-1", "refresh-1")


SESSION = """
[session]
tokens = ["query.sid", "cookie.sid"]
[session.minted]
"POST /login" = ["body.token", "path.token"]
"/login" = ["body.token"]
"POST login" = ["header.X-Token"]
"""


def test_mistakes_in_what_identifies_a_session_are_told_with_their_lines() -> None:
    with pytest.raises(DialectError) as raised:
        parse(SHIPPED + SESSION, path="mine.toml")

    first = SHIPPED.count("\n") + 1
    assert [(problem.line - first if problem.line else None, problem.key) for problem in raised.value.problems] == [
        (2, "session.tokens"),
        (4, "session.minted.POST /login"),
        (5, "session.minted./login"),
        (6, "session.minted.POST login"),
    ]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("body.user.token", b'{"user":{"token":"T0ken-123"}}'),
        ("body.sessionId", b"<?xml version='1.0'?><e:E><r><m:sessionId>T0ken-123</m:sessionId></r></e:E>"),
        ("body.sessionId", b'<sessionId a="1"> T0ken-123 </sessionId>'),
        ("body.access_token", b"scope=all&access_token=T0ken%2D123"),
        ("header.x-session", b""),
    ],
)
def test_minted_values_are_found_in_json_xml_forms_and_headers(path: str, content: bytes) -> None:
    dialect = parse(f'{SHIPPED}\n[session.minted]\n"POST /in/{{version}}" = ["{path}"]\n', path="mine.toml")
    asked = Request(0, 0, 1, "c1", "POST", "/in/60.0", (), b"")

    assert dialect.minted_by(asked, Response(1, 1, 1, 200, (("X-Session", "T0ken-123"),), content)) == ("T0ken-123",)
    assert dialect.minted_by(asked, Response(1, 1, 1, 200, (), b"\xff<")) == ()


def test_a_dialect_may_say_that_nothing_is_minted() -> None:
    dialect = parse(f"{SHIPPED}\n[session.minted]\n", path="mine.toml")

    assert dialect.logins == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('channels = ["/service/**"]', "channels = []", "publish.channels: must name a channel or pattern"),
        ('channels = ["/service/**"]', 'channel = ["/a"]', "publish.channels: is missing"),
        ('channels = ["/service/**"]', 'channels = ["service"]', "publish.channels: 'service' is no channel"),
        ('channels = ["/service/**"]', 'channels = ["/a/**/b"]', "publish.channels: '/a/**/b' is no channel"),
        ('channels = ["/service/**"]', 'channels = ["/meta/**"]', "publish.channels: '/meta/**': nobody publishes"),
        ('[publish]\nchannels = ["/service/**"]', "", "request.keys.reference: 'data.requestId' must begin with"),
        ('[publish]\nchannels = ["/service/**"]', "", "request.operation: 'data.do' is of a publish"),
        ('reference = ["data.requestId", "body', 'reference = ["date.requestId", "body', "must begin with 'path' or"),
    ],
)
def test_a_mistake_about_publishes_is_named(old: str, new: str, message: str) -> None:
    with pytest.raises(DialectError) as caught:
        parse(ANSWERS.replace(old, new), path="answers.toml")

    assert any(message in str(problem) for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("channel", "name"),
    [("/service/double", "/service/double"), ("/service/a/b", "/service/a/b"), ("/service", None), ("/result", None)],
)
def test_publishes_on_the_channels_of_a_dialect_are_operations(channel: str, name: str | None) -> None:
    assert parse(ANSWERS, path="answers.toml").name_of("PUBLISH", channel, {}) == name


def test_an_operation_may_be_a_publish_on_a_pattern_with_parts() -> None:
    text = ANSWERS + '[operations.Halve]\nrequest = "PUBLISH /service/halve/{what}"\nevents = []\nterminal = []\n'
    dialect = parse(text.replace('["data.requestId", "body', '["path.what", "body'), path="answers.toml")
    asked = Request(0, 0, 1, "c1", "PUBLISH", "/service/halve/x7", (), b"{}", 0)

    assert (dialect.operation_of(asked), dialect.keys_of_request(asked)) == ("Halve", {"reference": "x7"})


def test_a_dialect_without_publishes_has_none() -> None:
    assert not GWS.is_publish("/service/double")


@pytest.mark.parametrize(
    ("push", "problem"),
    [
        ('replay = "replay"', "push.replay_id"),
        ('replay = "replay"\nreplay_id = "event.replayId"', "must begin with 'data.'"),
        ('replay = "replay"\nreplay_id = "data.n"\nreplays = 1', "is unknown; did you mean 'replay'?"),
    ],
)
def test_a_replay_extension_is_checked(push: str, problem: str) -> None:
    with pytest.raises(DialectError) as caught:
        parse(f"{SHIPPED}\n[push]\n{push}\n", path="own.toml")

    assert problem in str(caught.value)


def test_a_replay_extension_is_read() -> None:
    text = SHIPPED + '\n[push]\nreplay = "replay"\nreplay_id = "data.event.replayId"\n'

    dialect = parse(text, path="own.toml")

    assert (dialect.replay, dialect.replay_id) == ("replay", "event.replayId")


def test_an_operation_has_keys_of_its_own_in_its_ack() -> None:
    """Answers of two operations have the id of another thing at the same place."""
    own = "".join(
        f'[operations.Create{noun.title()}]\nrequest = "POST /{noun}s"\nevents = []\nterminal = []\n'
        f'[operations.Create{noun.title()}.ack_keys]\n{noun} = ["body.id"]\n'
        for noun in ("handle", "campaign")
    )
    dialect = parse(f"{SHIPPED}\n{own}", path="mine.toml")
    ack = Response(1, 0, 0, 201, (), b'{"id": 17}')
    assert dialect.keys_of_ack(ack, "CreateHandle") == {"handle": "17"}
    assert dialect.keys_of_ack(ack, "CreateCampaign") == {"campaign": "17"}
    assert dialect.keys_of_ack(ack) == {}


MARKS = """
name = "marks"
bayeux_prefix = "/cometd"
session_cookies = []
open_for = 60.0
grace = 2.0
[request]
methods = ["POST"]
[request.keys]
order = ["path.order", "body.link"]
[ack]
status = ["body.ok", "body.code"]
success = ["true", "0"]
[event]
error_same = []
channels = ["/orders/{order}", "/sys/{what}"]
path_keys = ["order"]
[event.error]
"data.errors.*.code" = ["E2", "false"]
[event.ignore]
"channel.what" = "pulse"
[event.keys]
order = ["data.links.*", "channel.order"]
[operations.X]
request = "POST /orders/{order}"
events = ["/orders/7"]
terminal = ["/orders/7"]
"""


def marked(channel: str = "/orders/7", **data: object) -> Event:
    return event({"channel": channel, "data": data})


@pytest.mark.parametrize(
    ("codes", "yes"),
    [(["E1"], False), (["E1", "E2"], True), ([None, True, "E2"], True), ([False], True), (["False"], False)],
)
def test_a_mark_with_an_asterisk_fits_one_of_several_values(codes: list[object], *, yes: bool) -> None:
    assert parse(MARKS, path="m.toml").is_error(marked(errors=[{"code": one} for one in codes])) is yes


def test_a_part_of_a_channel_marks_an_event() -> None:
    dialect = parse(MARKS, path="m.toml")

    assert dialect.is_ignored(marked("/sys/pulse"))
    assert not dialect.is_ignored(marked("/orders/pulse"))


@pytest.mark.parametrize(
    ("content", "yes"),
    [(b'{"ok":true}', True), (b'{"ok":false}', False), (b'{"ok":null,"code":0}', True), (b'{"code":1}', False)],
)
def test_true_and_false_are_codes_of_an_ack(content: bytes, *, yes: bool) -> None:
    assert parse(MARKS, path="m.toml").succeeded(Response(1, 0, 1, 200, (), content)) is yes


def test_a_part_of_a_channel_is_percent_decoded_like_that_of_a_url() -> None:
    dialect = parse(MARKS.replace('path_keys = ["order"]\n', ""), path="m.toml")
    sent = dialect.keys_of_request(request(Ask("/orders/a%20b%2Fc", b"")))

    assert sent == dialect.keys_of_event(marked("/orders/a%20b%2Fc")) == {"order": "a b/c"}


@pytest.mark.parametrize(
    ("links", "keys"),
    [(["/orders/"], {}), (["/a/7", "/orders/"], {"order": "7"}), (["/a/7", "/b/8"], {"order": ("7", "8")})],
)
def test_nothing_after_the_last_slash_is_no_value(links: list[str], keys: dict[str, object]) -> None:
    assert parse(MARKS, path="m.toml").keys_of_event(marked(links=links)) == keys


def test_events_and_acks_are_ordered_by_channel_and_by_name() -> None:
    entries = '"/a/*", ["PreviewRecord", "ChainedRecord"], ["GetPreviewRecord", "/b"]'
    dialect = parse(shipped_but("[event]\n", f"[event]\nordered = [{entries}]\n"), path="mine.toml")

    assert dialect.ordered == (("/a/*",), ("PreviewRecord", "ChainedRecord"), ("GetPreviewRecord", "/b"))
    assert dialect.ordered_as("/a/x", "ChainedRecord") == {0, 1}
    assert dialect.ordered_as("/b", "Other") == {2}
    assert dialect.ordered_as("", "GetPreviewRecord") == {2}
    assert dialect.ordered_as("/c", "Other") == frozenset()
    assert GWS.ordered_as("/a/x", "ChainedRecord") == frozenset()
