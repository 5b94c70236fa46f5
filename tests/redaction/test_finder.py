from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recorder.model import Headers, Request, Response
from recorder.redaction.finder import Finder
from recorder.redaction.known import Known
from recorder.redaction.policy import load
from recorder.redaction.pseudonyms import Kind, Pseudonyms
from recorder.redaction.redactor import Redactor
from tests.costs import assert_cheap
from tests.redaction.drawn import requests
from tests.redaction.leaks import b64, found_in, jwt, percent, request, response

PSEUDONYMS = Pseudonyms(bytes(range(32)))
SECRET = "hunter2-hunter2"
KEPT_ATTRIBUTES = (
    "; Path=/api; Domain=.gws.example; Expires=Wed, 21 Oct 2026 07:28:00 GMT"
    "; Max-Age=60; Secure; HttpOnly; SameSite=None"
)
# none is the name of a scheme or an attribute by chance
SECRETS = st.text(
    st.characters(codec="latin-1", exclude_characters=";=- \t\x85\xa0\r\n@"), min_size=8, max_size=80
).map(lambda text: f"h2Kd7q/{text}")  # a range so large that no part of a pseudonym equals it by chance
SECRET_HEADERS = st.sampled_from(
    """\
Authorization: {}
authorization: Basic {}
AUTHORIZATION: Bearer {}
Authorization: {} {}
Authorization: Digest username="{}", response="{}"
Proxy-Authorization: Negotiate {}
Cookie: JSESSIONID={}
cookie: a={}; b={}
Cookie: {}
Cookie: a=1; {}
Cookie: ={}
Cookie: a={}={}
Set-Cookie: JSESSIONID={}; Path=/; HttpOnly
SET-COOKIE: {}
Set-Cookie: {}; Path=/
Set-Cookie: a={};b={}
Set-Cookie: a="{};{}"; Path=/
Set-Cookie: a=1; Path=/, b={}
Set-Cookie: a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT, b={}
X-CSRF-TOKEN: {}
x-csrf-token: {}
X-Csrf-Anything: {}
X-XSRF-TOKEN: {}
X-Api-Key: {}
X-Nobody-Knows: {}
x.content-type: {}""".splitlines()
)


class Forgetful(Known):
    """Knows no value: what is found by its name alone."""

    def add(self, value: str, kind: Kind, *, plain: bool = True) -> None:
        pass


def pseudonym(kind: Kind, value: str, *, number: bool = False) -> str:
    return PSEUDONYMS.of(kind, value)


@pytest.fixture
def finder() -> Finder:
    return Finder(load(), pseudonym, Known())


def header(line: str) -> Headers:
    name, _, value = line.partition(": ")
    return ((name, value),)


def redacted(line: str) -> str:
    """A header line with its secret replaced."""
    ((name, value),) = Finder(load(), pseudonym, Known()).headers(header(line))
    return f"{name}: {value}"


# Headers


@given(SECRETS, SECRET_HEADERS)
def test_no_secret_stays_in_its_header(secret: str, template: str) -> None:
    line = redacted(template.replace("{}", secret))

    assert secret not in line


@given(SECRETS, SECRET_HEADERS)
def test_a_header_keeps_its_name_and_its_length(secret: str, template: str) -> None:
    line = template.replace("{}", secret)

    assert len(redacted(line)) == len(line)
    assert redacted(line).partition(":")[0] == line.partition(":")[0]


@pytest.mark.parametrize(
    "line",
    [
        "Content-Type: application/json;charset=UTF-8",
        "Content-Length: 4155552",
        "Content-Range: bytes 200-1000/67589",
        "Range: bytes=500-1000",
        "X-CSRF-HEADER: X-CSRF-TOKEN",
        "x-csrf-header: X-CSRF-TOKEN",
        "Accept: */*",
        'WWW-Authenticate: Basic realm="gws"',
        "Date: Wed, 21 Oct 2026 07:28:00 GMT",
        'ETag: W/"359-1445412480000"',
        'If-None-Match: "686897696a7c876b7e"',
        "Last-Modified: Wed, 21 Oct 2026 07:28:00 GMT",
        "Server: Jetty(9.4.57.v20241219)",
        "Via: 1.1 proxy.example (squid/3.5.27)",
        "Host: gws-node-12.example:8080",
        "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.1",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "Strict-Transport-Security: max-age=31536000; includeSubDomains",
        "Referer: https://gws.example/ui/ad/v1/index.html?lang=en&v=8.5.202.34",
    ],
)
def test_headers_that_tell_nothing_of_anybody_are_kept(line: str) -> None:
    assert redacted(line) == line


@pytest.mark.parametrize("scheme", ["Basic", "basic", "Bearer", "Digest", "Negotiate", "NTLM"])
def test_the_scheme_of_credentials_is_kept(scheme: str) -> None:
    assert redacted(f"Authorization: {scheme} {SECRET}").startswith(f"Authorization: {scheme} ")


def test_a_scheme_that_is_none_may_be_a_secret() -> None:
    assert "hunter2" not in redacted("Authorization: hunter2 hunter2")


def test_a_cookie_that_is_set_equals_the_cookie_that_is_sent() -> None:
    set_cookie = redacted(f"Set-Cookie: JSESSIONID={SECRET}{KEPT_ATTRIBUTES}")
    sent = redacted(f"Cookie: a=1; JSESSIONID={SECRET}")

    assert set_cookie.split("=")[1].split(";")[0] == sent.rpartition("=")[2]


@pytest.mark.parametrize(
    "written", [f"JSESSIONID= {SECRET} ; Path=/", f"JSESSIONID ={SECRET}\t", f" JSESSIONID={SECRET};"]
)
def test_white_space_that_a_client_drops_makes_no_other_cookie(written: str) -> None:
    made = redacted(f"Cookie: JSESSIONID={SECRET}").rpartition("=")[2]

    assert made in redacted(f"Set-Cookie: {written}")


def test_a_cookie_without_a_name_equals_the_one_that_is_sent() -> None:
    assert redacted(f"Set-Cookie: {SECRET}") == redacted(f"Cookie: {SECRET}").replace("Cookie", "Set-Cookie")


@pytest.mark.parametrize(
    "empty", ["Cookie: ", "Cookie: a=", "Set-Cookie: a=; Path=/", "Authorization: ", "Authorization: Basic ", "X-A: "]
)
def test_a_header_without_a_secret_is_kept(empty: str) -> None:
    assert redacted(empty) == empty


@pytest.mark.parametrize(
    "attributes",
    [KEPT_ATTRIBUTES, "; path=/; httponly", ";Path=/;Secure", "; SECURE ; Partitioned; Priority=High", ";"],
)
def test_the_attributes_of_a_cookie_are_kept_however_they_are_written(attributes: str) -> None:
    assert redacted(f"Set-Cookie: a={SECRET}{attributes}").endswith(attributes)


def test_the_names_of_cookies_are_kept_in_their_order() -> None:
    value = redacted("Cookie: a=1; b=2;c=3").removeprefix("Cookie: ")

    assert [pair.partition("=")[0] for pair in value.split(";")] == ["a", " b", "c"]


def test_repeated_headers_stay_repeated_in_order(finder: Finder) -> None:
    found = finder.headers((("Set-Cookie", "a=1"), ("Accept", "*/*"), ("Set-Cookie", "b=2")))

    assert [name for name, _ in found] == ["Set-Cookie", "Accept", "Set-Cookie"]


def test_a_kept_header_is_looked_through_again_when_more_is_known(finder: Finder) -> None:
    line = (("Referer", "https://h.example/a/k3y-0123-abcdef"),)
    assert finder.headers(line) == line

    finder.headers((("X-Key", "k3y-0123-abcdef"),))

    assert finder.headers(line) != line


# What is no value


@pytest.mark.parametrize(
    "text",
    [
        "1445412480000",  # milliseconds
        "1445412480000000",  # microseconds
        "2026-10-21T07:28:00.123Z", "2026-10-21 07:28:00 +0200", "21.10.2026", "07:28:00.123456",
        "c259da54-7c22-4a43-9440-77a92facc86b", "/devices/c259da54-7c22-4a43-9440-77a92facc86b",
        "http://gws.example/api/v2/devices/c259da54-7c22-4a43-9440-77a92facc86b?fields=*&limit=100",
        "1234567", "12345678", "123456789", "1234567890",  # handles
        "PT30S", "30000", "8.5.202.34", "v1.22.333", "9.4.57.v20241219", "10.0.12.134:8080", "cometd@9.0.0",
        "GetChainedRecord", "/v2/me/outbound", "/meta/connect", "long-polling", "Campaign1", "CallingList1",
        "Outbound Campaign 2026-2027 (Q1)", "402::session_unknown", "1hfy2ta9rq6ql5p1xxk7j5qsz3", "desk-4",
        "0KDRHC5E2GHV1CE3QO54OTE9C8000001", "basic information is required", "a = b, c == d",
        "Content-Type: text/html", "key: value", "[INFO] started in 1200 ms", "{not json}", "50% of 100",
    ],
)  # fmt: skip
def test_what_is_no_value_stays(finder: Finder, text: str) -> None:
    assert finder.text(text) == text
    assert finder.body(text.encode()) == text.encode()
    assert finder.target(f"/a/{percent(text)}?x={percent(text)}") == f"/a/{percent(text)}?x={percent(text)}"


def test_members_that_recordings_are_linked_by_stay(finder: Finder) -> None:
    body = (
        b'[{"channel":"/v2/me/outbound","clientId":"1hfy2ta9rq6ql5p1xxk7j5qsz3","id":"7","data":{"referenceId":123456789,'
        b'"record":{"recordHandle":4155552671,"applicationId":134,"campaignName":"Ada 555-0101","devicePath":"/devices/'
        b'c259da54-7c22-4a43-9440-77a92facc86b"},"userData":{"GSW_RECORD_HANDLE":4155552671,"GSW_CAMPAIGN_NAME":"C1"}}}]'
    )

    assert finder.body(body) == body


@pytest.mark.parametrize("place", ["/{}", "/a?{}", "/a?x={}", "/a;{}/b"])
def test_padding_behind_a_name_is_no_value(place: str) -> None:
    """Base64 may hold the name of a secret by chance; `==` ends it, and is no value of that name."""
    finder = Finder(load(), lambda _kind, _value, **_more: "gone")
    target = place.format("apasswordQQ==")

    assert finder.target(target) == target
    assert finder.text("X-A: apasswordQQ== b") == "X-A: apasswordQQ== b"
    assert finder.body(b"password==&b=1") == b"password==&b=1"
    assert finder.text("password=hunter2==") == "password=gone"


# The same value is the same everywhere


@pytest.mark.parametrize("value", ["ada@acme.example", "+1 415 555 2671", "hunter2-Hunter2!", "4155552671"])
def test_a_value_has_one_pseudonym_wherever_it_stands(finder: Finder, value: str) -> None:
    secret = value.startswith("hunter2")
    name, kind = ("password", Kind.SECRET) if secret else ("phoneNumber", Kind.PERSONAL)
    made = PSEUDONYMS.of(kind, value)
    inner = f'{{"{name}":"{value}"}}'

    whole = finder.body(inner.encode()).decode()
    texts = [
        finder.body(f'{{"inner":"{b64(inner)}"}}'.encode()).decode(),
        finder.body(f'{{"inner":"{percent(inner)}"}}'.encode()).decode(),
        finder.target(f"/a?{name}={percent(value)}"),
        finder.target(f"/a/{percent(value)}?b=x"),
        finder.body(f"a=1&{name}={percent(value)}".encode()).decode(),
        finder.text(f"it is {value}."),
        finder.text(b64(f"it is {value}.")),
        finder.text(f"see {'.'.join(jwt({'x': value}).split('.')[:2])} for it"),
    ]

    assert whole == f'{{"{name}":"{made}"}}'
    assert [bool(found_in(text.encode(), [made])) for text in texts] == [True] * len(texts)
    assert [bool(found_in(text.encode(), [value])) for text in texts] == [False] * len(texts)


def test_a_number_and_its_digits_have_one_pseudonym(finder: Finder) -> None:
    found = finder.body(b'{"phoneNumber":4155552671,"phones":["4155552671"]}').decode()

    made = PSEUDONYMS.of(Kind.PERSONAL, "4155552671")
    assert found == f'{{"phoneNumber":{made},"phones":["{made}"]}}'


@given(st.lists(SECRETS, min_size=2, max_size=2, unique=True))
def test_two_values_have_two_pseudonyms(secrets: Sequence[str]) -> None:
    first, second = (redacted(f"X-A: {secret}") for secret in secrets)

    assert first != second


# A comparison finds the same places


def blanked(request: Request) -> tuple[str, bytes, list[Kind]]:
    """What a comparison sees of a request, and what was blanked out."""
    kinds: list[Kind] = []

    def blank(kind: Kind, value: str, *, number: bool = False) -> str:
        kinds.append(kind)
        return "0" if number else "•"

    finder = Finder(load(), blank)
    return finder.target(request.target), finder.body(request.body), kinds


def test_a_format_does_not_part_encoded_json() -> None:
    token = jwt({"a": 1})
    inner = percent(percent(percent(f'{{"phoneNumber": "x y", "password": "{token} (415) 555-2671 "}}')))
    request = Request(0, 0, 0, "c", "GET", f"/{inner}", (), b"")
    finder = Finder(load(), pseudonym, Forgetful())

    assert blanked(replace(request, target=finder.target(request.target))) == blanked(request)


@given(requests())
@example(
    Request(
        0, 0, 0, "c", "POST", "/ZEdobElDMGdJQzBnWjJod1gyRlRkM0pGVlVkWFJ6VndNMWMxUlZVNGNXcDJJR0ZBWVM1amIyMGdMQ0E%3D?",
        (), b"",
    )
)  # fmt: skip
def test_pseudonyms_are_found_in_the_places_of_their_values(request: Request) -> None:
    finder = Finder(load(), pseudonym, Forgetful())
    kept = Request(0, 0, 0, "c", "POST", finder.target(request.target), (), finder.body(request.body))

    assert blanked(kept) == blanked(request)


# Anything, in time


@given(st.binary())
def test_any_bytes_are_looked_through(body: bytes) -> None:
    finder = Finder(load(), pseudonym, Known())

    finder.body(body)
    finder.target(body.decode("latin-1"))
    finder.headers((("Set-Cookie", body.decode("latin-1")), ("Authorization", body.decode("latin-1"))))


@given(st.text())
def test_any_text_is_looked_through(text: str) -> None:
    finder = Finder(load(), pseudonym, Known())

    finder.text(text)
    finder.form(text)
    finder.headers((("X-A", text), ("Referer", text)))


LONG = {
    "letters": "a" * 1_000_000,
    "words": "word and " * 100_000,
    "blanks": "x" + " " * 1_000_000 + "x",
    "digits": "4155552671" * 60_000,
    "numbers": "415-555-" * 60_000,
    "numbers and blanks": "+4 1 " * 100_000,
    "at signs": "a@" * 300_000,
    "dots after an at sign": "a@" + "b1." * 200_000,
    "apostrophes": "a'" * 300_000,
    "percent signs": "%" * 500_000,
    "one percent at the end": "a" * 500_000 + " %41",
    "escapes": "%41" * 200_000,
    "equals signs": "=" * 500_000,
    "parameters": "password=" * 60_000,
    "pairs": "a=b&" * 60_000,
    "tokens": "eyJ-" * 150_000,
    "tokens with dots": "eyJaaaaaaaa." * 50_000,
    "bearers": "Bearer " * 80_000,
    "colons": "password: " * 60_000,
    "addresses": "://a:" * 100_000,
    "private keys": "-----BEGIN " + "PRIVATE KEY " * 40_000,
    "accounts": "AA00" * 100_000,
    "base64": "YWFh" * 200_000,
    "base64 in base64": b64(b64(b64(b64("a" * 60_000)))),
    "brackets": "[" * 100_000,
    "braces": '{"a":' * 100_000,
    "a call": "a(" + "[]) " * 100_000,
    "a call and blanks": "a([])" + " " * 300_000 + "x",
    "slashes": "/a" * 200_000,
    "semicolons": "; a" * 100_000,
    "quotes": '"' * 400_000,
    "nulls": "\0a" * 200_000,
}


@pytest.mark.once
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_long_text_is_looked_through_in_linear_time(text: str) -> None:
    text = text[:80_000]
    names = ("X-A", "Referer", "Cookie", "Set-Cookie", "Authorization")

    def act() -> None:
        finder = Finder(load(), pseudonym, Known())
        finder.body(text.encode())
        finder.target(f"/{text}?{text}")
        finder.headers(tuple((name, text) for name in names))

    assert_cheap(act, below=8)


def test_names_of_parameters_in_a_text_stay_whatever_was_seen_before() -> None:
    redactor = Redactor(load(), bytes(32))
    redactor.redact(request("/x", {"userData": {"a": "recordHandle", "b": "Kunde-77-abc"}}))

    told = redactor.redact(response({"uri": "see /a?recordHandle=recordHandle&Kunde-77-abc=2 of recordHandle"}))

    assert isinstance(told, Response)
    assert told.body.count(b"recordHandle") == 1
    assert b"?recordHandle=" in told.body
    assert b"&Kunde-77-abc=2" in told.body


def test_a_nested_field_of_a_form_has_the_rule_around_it_whatever_was_asked_before() -> None:
    find = Finder(load(), lambda kind, value, number=False: "#")

    for _ in range(2):
        assert find.target("/a?userData[a]=Offer-2026-77") == "/a?userData[a]=%23"
        assert find.form("userData.a=Offer-2026-77") == "userData.a=%23"
