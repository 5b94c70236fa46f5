"""Links to recorded servers lead to the stand-in in every spelling; all other links, and all other text, stay."""

from __future__ import annotations

import json
from dataclasses import replace
from html import escape
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.links.rewriting import NOWHERE, Links, Origin, Server, links, server_at, servers
from recorder.model import Recording, Response
from tests.wire import Wire, get_me

KNOWN = ["gws.example:8090", "plain", "127.0.0.1:4000", "[2001:db8::1]:8443"]
LINKS = Links(server for name in KNOWN if (server := server_at(name)))
HERE = Origin("desk:9")


def rewritten(text: str, origin: Origin = HERE) -> str:
    return LINKS.rewritten(text, origin)


@pytest.mark.parametrize(
    ("recorded", "live"),
    [
        ("http://gws.example:8090/api/v2/me?a=1", "http://desk:9/api/v2/me?a=1"),
        ("see http://gws.example:8090.", "see http://desk:9."),
        ("see http://plain. Or http://plain./x.", "see http://desk:9. Or http://desk:9/x."),
        ("wss://gws.example:8090/push", "ws://desk:9/push"),
        ("HTTP://GWS.Example:8090/A", "http://desk:9/A"),
        (
            "http://plain:80 https://plain:443/ https://plain/ ws://plain",
            "http://desk:9 http://desk:9/ http://desk:9/ ws://desk:9",
        ),
        ("http://plain:/x", "http://desk:9/x"),
        ("http://user:pass@plain/x", "http://user:pass@desk:9/x"),
        ("http://localhost:4000/ http://[::1]:4000/", "http://desk:9/ http://desk:9/"),
        ("http://[2001:DB8::1]:8443/x", "http://desk:9/x"),
        ('<a href="//plain/x"> <b src=//plain/y>', '<a href="//desk:9/x"> <b src=//desk:9/y>'),
        ("url(//plain/x), //plain/y 2x", "url(//desk:9/x), //desk:9/y 2x"),
        (r'{"u":"http:\/\/gws.example:8090\/x"}', r'{"u":"http:\/\/desk:9\/x"}'),
        (r'{"u":"http:\u002f\u002Fgws.example:8090"}', r'{"u":"http:\u002f\u002Fdesk\u003A9"}'),
        (r'"see\nhttp://plain/x\n//plain/y"', r'"see\nhttp://desk:9/x\n//desk:9/y"'),
        (r'"{\"u\":\"http:\\/\\/plain\\/x\"}"', r'"{\"u\":\"http:\\/\\/desk:9\\/x\"}"'),
        (r"var u='\x68ttp:\x2f\x2fgws\x2eexample:8090/x'", r"var u='http:\x2f\x2fdesk\x3A9/x'"),
        ("/login?next=http%3A%2F%2Fgws.example%3A8090%2Fx&b", "/login?next=http%3A%2F%2Fdesk%3A9%2Fx&b"),
        ("u%3Dhttp%3a%2f%2fplain%2f", "u%3Dhttp%3a%2f%2fdesk%3A9%2f"),
        ("n=http%253A%252F%252Fplain%252Fx", "n=http%253A%252F%252Fdesk%253A9%252Fx"),
        ("next=%2F%2Fplain%2Fx", "next=%2F%2Fdesk%3A9%2Fx"),
        ("http:&#47;&#x2F;plain&#47;x", "http:&#47;&#x2F;desk&#x3A;9&#47;x"),
        ("http:&#47;&#47;plain&#47;x", "http:&#47;&#47;desk&#58;9&#47;x"),
        ("http&colon;&sol;&sol;plain&sol;x", "http&colon;&sol;&sol;desk&colon;9&sol;x"),
        (r"http:\\plain\x", r"http:\\desk:9\x"),
        ("5; url=http://plain/", "5; url=http://desk:9/"),
        ("connect-src 'self' ws://plain wss://gws.example:8090", "connect-src 'self' ws://desk:9 ws://desk:9"),
    ],
)
def test_a_link_to_a_recorded_server_leads_to_the_stand_in(recorded: str, live: str) -> None:
    assert rewritten(recorded) == live


@pytest.mark.parametrize(
    "text",
    [
        "http://gws.example:80901/x",
        "http://gws.example:8091/x",
        "http://gws.example/x",
        "http://gws.example:8090.evil.org@other/",
        "http://plain.evil.org/",
        "http://notplain/ http://plain-b/ http://plain_b/",
        "http://plain@evil.org/",
        "http://evil.org/?http:/plain/",
        "ftp://plain/ app://plain/",
        "a path//plain/x",
        "plain and plain:80",
        "http://plain:99999999/",
        r"\\plain\share",
        "",
    ],
)
def test_all_else_is_left_alone(text: str) -> None:
    assert rewritten(text) is text


def test_the_scheme_is_that_of_the_client() -> None:
    behind_tls = Origin("[::1]:9", secure=True)

    assert rewritten("http://plain/ ws://plain/ //plain/", behind_tls) == "https://[::1]:9/ wss://[::1]:9/ //[::1]:9/"
    assert rewritten("http%3A%2F%2Fplain", behind_tls) == "https%3A%2F%2F%5B%3A%3A1%5D%3A9"


SPELLINGS = [
    lambda text: text,
    str.upper,
    lambda text: text.replace("/", r"\/"),
    lambda text: text.replace("/", r"\u002f"),
    lambda text: text.replace("/", r"\x2F").replace(".", r"\x2E"),
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(json.dumps(text.replace("/", r"\/")))[1:-1],
    lambda text: quote(text, safe=""),
    lambda text: quote(quote(text, safe=""), safe=""),
    lambda text: "".join(f"%{ord(char):02x}" for char in text),
    lambda text: "".join(f"&#{ord(char)};" for char in text),
    lambda text: "".join(f"&#x{ord(char):X};" for char in text),
    lambda text: escape("".join(f"&#{ord(char):03};" for char in text)),
    lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
]
SCHEMES = st.sampled_from(["http:", "https:", "ws:", "wss:"])
AROUND = st.text(st.sampled_from("ab <>\"'=&?;,\n()[]{}é"), max_size=5)


URLS = st.builds("{}//{}{}".format, SCHEMES, st.sampled_from(KNOWN), st.sampled_from(["", "/x", "?a", "#b"]))


@given(AROUND, URLS, st.sampled_from(SPELLINGS), AROUND)
def test_no_spelling_of_a_recorded_server_is_left(before: str, url: str, spell: Any, after: str) -> None:
    text = f"{before}{spell(url)} {after}"

    new = rewritten(text)

    assert new != text
    assert not [link for link in links(new) if link.server in LINKS.known]
    assert Server("desk", 9) in [link.server for link in links(new)]
    assert rewritten(new) == new
    assert new.startswith(before)
    assert new.endswith(after)


HOSTS = st.sampled_from(
    ["plain.org", "xplain", "gws.example", "gws.example:809", "gws.example.org:8090", "127.0.0.1:400"]
)


@given(AROUND, SCHEMES, HOSTS, st.sampled_from(SPELLINGS), AROUND)
def test_links_to_other_servers_stay(before: str, scheme: str, host: str, spell: Any, after: str) -> None:
    text = f"{before}{spell(f'{scheme}//{host}/x')} {after}"

    assert rewritten(text) is text


@given(st.text(st.sampled_from('/\\%25&#x;:2f3Aau0htpws.@[]plain "')))
def test_any_text_can_be_rewritten_and_twice_is_once(text: str) -> None:
    new = rewritten(text)

    assert rewritten(new) == new


@pytest.mark.parametrize(
    "piece", ["%2F", "/", "\\", "&amp;", "http://", r"\u002f", "//a", "%2F%2Fa%40", "http://a@", "&#x0"]
)
def test_a_long_text_takes_no_longer_than_its_length(piece: str) -> None:
    text = piece * (100_000 // len(piece))

    assert rewritten(text) is text  # the limit is that of each test: a quadratic pattern takes minutes


def test_links_in_values_and_names_of_json_are_rewritten() -> None:
    value = {"http://plain/a": [{"u": "//plain/b"}], "n": 1, "s": '{"u":"http://plain"}'}

    assert LINKS.value(value, HERE) == {"http://desk:9/a": [{"u": "//desk:9/b"}], "n": 1, "s": '{"u":"http://desk:9"}'}


def test_a_value_without_links_is_the_same_object() -> None:
    value = {"a": [1, None, {"b": "http://other/"}]}

    assert LINKS.value(value, HERE) is value


@pytest.mark.parametrize(
    ("kind", "charset"),
    [
        ("text/plain; charset=utf-16", "utf-16"),
        ("text/xml; charset=UTF-16LE", "utf-16-le"),
        ("text/html; charset=iso-8859-1", "latin-1"),
        ("application/json", "utf-32"),
        ("text/html; charset=windows-1252", "cp1252"),
        ("text/plain; charset=utf-7", "utf-7"),
        ("text/plain; charset=cp037", "cp037"),
        ("text/plain; charset=base64", "utf-8"),
        ("text/plain; charset=nothing", "utf-8"),
        ("application/octet-stream", "utf-8"),
        ("", "utf-8"),
    ],
)
def test_a_body_is_read_in_its_charset_and_stays_in_it(kind: str, charset: str) -> None:
    body = "é http://plain/x é".encode(charset)

    assert LINKS.body(body, (("Content-Type", kind),), HERE).decode(charset) == "é http://desk:9/x é"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\x00\x01http://plain/", "application/octet-stream"),
        (b"\xffhttp://plain/", "image/png"),
        (b"\xff\xfeodd", "text/plain; charset=utf-16"),
        (b"http://other/ \xe9", "text/plain"),
    ],
)
def test_a_binary_body_and_one_without_links_stay(body: bytes, kind: str) -> None:
    assert LINKS.body(body, (("Content-Type", kind),), HERE) is body


def test_damaged_text_is_rewritten_and_its_other_bytes_stay() -> None:
    body = b"\xe9\xff http://plain/x \x80"

    assert LINKS.body(body, (("Content-Type", "text/plain; charset=utf-8"),), HERE) == b"\xe9\xff http://desk:9/x \x80"


def test_an_answer_that_names_the_stand_in_already_has_a_link_all_the_same() -> None:
    response = Response(1, 0, 1, 302, (("Location", "http://plain/x"),), b"http://plain/x")

    new = LINKS.response(response, Origin("plain"))

    assert new == response
    assert new is not response


def test_links_in_headers_are_rewritten() -> None:
    headers = (("Location", "http://plain/x"), ("Link", '<http://plain/2>; rel="next"'), ("X", "plain"))
    response = Response(1, 0, 1, 302, headers, b"")

    assert LINKS.response(response, HERE).headers == (
        ("Location", "http://desk:9/x"),
        ("Link", '<http://desk:9/2>; rel="next"'),
        ("X", "plain"),
    )


# the servers of a recording


def recording(host: str, upstream: str = "") -> Recording:
    """A recording of one answered request."""
    wire = Wire()
    wire.respond(wire.desk().post(get_me(), headers=(("Host", host),)), {})
    made = wire.recording()
    return replace(made, header=replace(made.header, upstream=upstream))


@pytest.mark.parametrize("upstream", ["http://gws.example:8090", "https://u:p@GWS.example:8090/base"])
def test_the_upstream_is_known(upstream: str) -> None:
    assert Server("gws.example", 8090) in servers(recording("a", upstream))


def test_a_recording_without_an_upstream_knows_the_hosts_that_answered() -> None:
    assert servers(recording("gws.example:8090", "regular")) == {Server("gws.example", 8090)}


@pytest.mark.parametrize("host", ["a:b:c:99999", "a:99999", "a:999999999", "", ":80"])
def test_a_host_that_is_none_is_no_server(host: str) -> None:
    assert servers(recording(host)) == frozenset()


@pytest.mark.parametrize("host", [r"\xzz", "%zz", "&#99999999;", "\ud800", "é" * 9999, "&#x110000;", "[", "a" * 99999])
def test_a_hostile_host_in_a_cassette_breaks_nothing(host: str) -> None:
    assert LINKS.rewritten(f"http://{host}/", HERE) == f"http://{host}/"
    assert Links(servers(recording(host, f"http://{host}"))).rewritten("http://plain/", HERE) == "http://plain/"


def test_a_client_that_names_no_host_is_led_nowhere() -> None:
    assert rewritten("http://plain/", NOWHERE) == "http://stand-in.invalid/"
