"""A path that can never lead to a value is refused with its line, the cause and a proposal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.checks import mistake
from recorder.dialect.definition import parse, source
from recorder.errors import DialectError

GWS = source("gws-outbound")
LINE = GWS.splitlines().index('volatile = ["body.timestamp", "data.metrics"]') + 1
ROOTS = ("body", "query", "path", "header", "data")


def with_volatile(*paths: str) -> str:
    listed = ", ".join(f"'{path}'" if '"' in path else f'"{path}"' for path in paths)
    return GWS.replace('["body.timestamp", "data.metrics"]', f"[{listed}]")


@pytest.mark.parametrize(
    ("path", "cause", "meant"),
    [
        ("nonsense.x", "must begin with 'body' or 'query' or 'path' or 'header' or 'data'", "'body.nonsense.x'"),
        ("timestamp", "must begin with", "'body.timestamp'"),
        ("bdy.x", "must begin with", "'body.x'"),
        ("Query.ts", "must begin with", "'query.ts'"),
        ("$.body.x", "must begin with", "'body.x'"),
        ("/body/x/0", "must begin with", "'body.x.0'"),
        ("channel", "must begin with", "'body.channel'"),
        ("body", "names no value", "'body.NAME'"),
        ("query.", "names no value", "'query.NAME'"),
        ("body..x", "names no value", "'body.x.NAME'"),
        ("body.records[0].id", "has brackets", "'body.records.0.id'"),
        ("body['a']", "must begin with", "'body.a'"),
        ("body.x['a']", "has brackets", "'body.x.a'"),
        ("query.user[name]", "has brackets", "'query.user.name'"),
        ("body.records.-1.id", "counts from the end", "'body.records.*.id'"),
        ("body.**.id", "has a '*' beside other characters", "'body.*.id'"),
        ("body.rec*.id", "has a '*' beside other characters", "'body.*.id'"),
        ("path.handel", "is in no route", "'path.handle'"),
        ("path.3", "is in no route", "'path.id'"),
        ("path.user", "is in no route", "{user}"),
        ("header.X Y", "is no name of a header", "'header.X-Request-Id'"),
        ("header.:path", "is no name of a header", "'header.X-Request-Id'"),
        ("header.cookie", "is redacted", "[session]"),
        ("header.Set-Cookie", "is a header of answers", "'header.X-Request-Id'"),
    ],
)
def test_a_path_that_never_holds_is_refused(path: str, cause: str, meant: str) -> None:
    with pytest.raises(DialectError) as caught:
        parse(with_volatile("body.fine", path), path="mine.toml")

    shown = repr(path.lower() if path.startswith("header") else path)
    assert str(caught.value).startswith(f"mine.toml:{LINE}: replay.volatile: {shown} ")
    assert cause in str(caught.value)
    assert meant in str(caught.value)


@pytest.mark.parametrize(
    "path",
    [
        "body.timestamp", "data.metrics", "data.a.*.b", "body.*", "body.0.1.x", "body.data.ref", "query._", "query.0",
        "query.user.name", "path.handle", "path.campaign", "header.X-Trace", "body.with space", "body.ü",
    ],
)  # fmt: skip
def test_a_path_that_may_hold_is_taken(path: str) -> None:
    assert path.lower() in map(str.lower, parse(with_volatile(path), path="mine.toml").volatile)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('operation = ["body.operationName"]', 'operation = ["query.op"]', "request.operation: 'query.op' must begin"),
        ('status = ["body.statusCode"]', 'status = ["statusCode"]', "ack.status: 'statusCode' must begin with 'body'"),
        ('"data.messageType" = ', '"messageType" = ', "event.error.messageType: 'messageType' must begin with 'data'"),
        ('phone = ["body.phoneNumber"]', 'phone = ["path.phone"]', "request.keys.phone: 'path.phone' is in no route"),
        (
            'phone = ["body.phoneNumber"]',
            'phone = ["header.Cookie"]',
            "request.keys.phone: 'header.cookie' is redacted",
        ),
        ('customer = ["data.rec', 'customer = ["body.rec', "event.keys.customer: 'body.record.phoneNumber' must begin"),
        ('reference = ["body.referenceId"] #', 'reference = ["body[0]"] #', "ack.keys.reference: 'body[0]' must begin"),
    ],
)
def test_every_list_of_paths_is_checked(old: str, new: str, problem: str) -> None:
    assert GWS.count(old) == 1

    with pytest.raises(DialectError) as caught:
        parse(GWS.replace(old, new), path="mine.toml")

    assert problem in "\n".join(map(str, caught.value.problems))


def test_all_wrong_paths_are_told_at_once() -> None:
    with pytest.raises(DialectError) as caught:
        parse(with_volatile("x.y", "body.a[0]", "path.zzz"), path="mine.toml")

    assert len(caught.value.problems) == 3


@pytest.mark.parametrize("header", ["Location", "ETag", "X-Request-Id"])
def test_an_answer_may_have_any_header(header: str) -> None:
    dialect = parse(GWS.replace("[ack.keys]", f'[ack.keys]\nhandle = ["header.{header}"]'), path="mine.toml")

    assert dialect.ack_keys["handle"] == (f"header.{header.lower()}",)


@given(st.text("bodyquer.[]*-/$0 '", max_size=20))
def test_any_text_is_a_path_or_is_told_why_not(path: str) -> None:
    problem = mistake(path, ROOTS, ["handle"])

    assert problem is not None or path.partition(".")[0] in ROOTS
    assert problem is None or "; " in problem
