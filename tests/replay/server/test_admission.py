"""Who is served: this machine's names and pages, the recording's, those that were allowed; with a token, who has it."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from recorder.errors import UsageError
from recorder.library.recording import joined
from recorder.model import Headers
from recorder.replay.server.admission import Admission, Admitted, Refused, Rules, Told, hidden, rules_of
from recorder.replay.server.cors import is_preflight
from tests.wire import Wire, chained

TOKEN = "s3cret+/="
LOCAL = ("Host", "localhost:8090")
RECORDED = ("Host", "gws.example:8090")
CHROME = (
    "User-Agent",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Safari/537.36",
)
DOCUMENT: Headers = (("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document"))
CROSS, SAME_SITE = ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site")
EVIL = ("Referer", "http://evil.example/")
PREFLIGHT: Headers = (LOCAL, ("Origin", "http://localhost:3000"), ("Access-Control-Request-Method", "PUT"))


def rules(**more: Any) -> Rules:
    wire = Wire()
    desk = wire.desk(headers=(("host", "push.example"), ("Origin", "chrome-extension://abc")))
    wire.ack(
        desk.post(chained(7), (("Host", "Rest.Example.:8443"), ("Referer", "https://desk.example/app?a=http://x/")))
    )
    wire.ack(desk.post(chained(8), (("Host", "rest.example"), ("Origin", "https://sso.example:444"))))
    wire.ack(desk.post(chained(9), (("Origin", "null"),)))
    return rules_of(wire.recording(), **more)


def judged(*headers: tuple[str, str], method: str = "GET", target: str = "/x", **more: Any) -> Admitted | Refused:
    listened = more.pop("listened", ["127.0.0.1"])
    return Admission(rules(**more), listened).admit(method, target, headers)


def admits(*headers: tuple[str, str], **more: Any) -> bool:
    return isinstance(judged(*headers, **more), Admitted)


def refused(*headers: tuple[str, str], **more: Any) -> Refused:
    found = judged(*headers, **more)
    assert isinstance(found, Refused)
    return found


def test_a_page_that_was_recorded_is_no_host_and_no_other_origin() -> None:
    assert not admits(("Host", "desk.example"))
    assert not admits(LOCAL, ("Origin", "http://desk.example"))
    assert not admits(LOCAL, ("Origin", "https://desk.example:444"))


# Host


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST:1", "localhost.", "a.b.localhost:80", "127.0.0.1", "127.9.9.9:8090",
        "[::1]:8090", "[::1]", "[::ffff:127.0.0.1]", "[0:0:0:0:0:0:0:1]", "gws.example", "GWS.example.:8090",
        "rest.example:1", "push.example", "",
    ],
)  # fmt: skip
def test_names_of_this_machine_and_of_the_recording_are_served(host: str) -> None:
    assert admits(("Host", host))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:8090", "localhost.evil.example", "127.0.0.1.evil.example",
        "evillocalhost", "x.gws.example", "gws.example.evil", "10.0.0.1", "[::2]", "0.0.0.0", "[", "::1", "a b",
        "localhost/x", "localhost@evil.example", "localhost,evil.example", "localhost:80:80", "x", "..",
        "2130706433", "\udcff", "ü.example",
    ],
)  # fmt: skip
def test_other_hosts_are_refused(host: str) -> None:
    assert not admits(("Host", host))


def test_without_a_host_http_1_0_is_served() -> None:
    assert admits()


def test_of_two_hosts_each_must_be_allowed() -> None:
    admission = Admission(rules())

    assert not admits(LOCAL, ("Host", "evil.example"))
    assert isinstance(admission.admit("GET", "/", (LOCAL,), ["evil.example"]), Refused)
    assert isinstance(admission.admit("GET", "/", (LOCAL,), ["gws.example"]), Admitted)


@pytest.mark.parametrize(
    ("listened", "host", "served"),
    [
        (["desk-7", "192.168.1.7"], "desk-7:8090", True),
        (["desk-7", "192.168.1.7"], "192.168.1.7", True),
        (["desk-7", "192.168.1.7"], "192.168.1.8", False),
        (["fe80::7"], "[fe80::7]:8090", True),
        (["0.0.0.0"], "192.168.1.8:8090", True),
        (["::"], "[fe80::7]", True),
        (["0.0.0.0"], "evil.example", False),
        (["::", "0.0.0.0"], "desk-7", False),
    ],
)
def test_the_address_that_the_server_listens_on_is_served(listened: list[str], host: str, served: bool) -> None:
    assert admits(("Host", host), listened=listened) == served


@pytest.mark.parametrize(
    ("allowed", "host", "served"),
    [
        ("evil.example", "evil.example:1", True),
        ("EVIL.example.:8090", "evil.example", True),
        ("evil.example", "a.evil.example", False),
        ("*.evil.example", "a.b.evil.example", True),
        ("*.evil.example", "evil.example", False),
        ("*.evil.example", "notevil.example", False),
        ("10.0.0.1", "10.0.0.1:80", True),
        ("fe80::1", "[fe80::1]:80", True),
        ("[fe80::1]:80", "[fe80:0::1]", True),
        ("*", "evil.example", True),
        ("*", "a b", False),
    ],
)
def test_hosts_can_be_allowed(allowed: str, host: str, served: bool) -> None:
    assert admits(("Host", host), hosts=[allowed]) == served


@pytest.mark.parametrize("host", ["", "http://a", "a b", "a/b", "*.", "a.*", "**", "a,b"])
def test_what_is_no_host_cannot_be_allowed(host: str) -> None:
    with pytest.raises(UsageError, match="--allow-host"):
        rules(hosts=[host])


# Origin


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:3000", "https://127.0.0.1", "http://[::1]:9", "http://a.localhost",
        "HTTP://LOCALHOST", "http://gws.example", "https://desk.example", "https://sso.example:444",
        "chrome-extension://abc",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_pages_of_this_machine_and_of_the_recording_are_served(origin: str, method: str) -> None:
    assert admits(LOCAL, ("Origin", origin), method=method)


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example", "https://evil.example:444", "null", "chrome-extension://def", "app://abc", "",
        "localhost", "http://", "http://localhost/", "http://localhost http://evil.example",
        "http://localhost@evil.example", "file://", "http://localhost.evil.example", "ws://localhost",
        "http://10.0.0.1", "http://localhost\nx",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_pages_of_other_origins_are_refused(origin: str, method: str) -> None:
    assert not admits(LOCAL, ("Origin", origin), *DOCUMENT, method=method)


def test_several_origins_are_refused_even_where_all_are_allowed() -> None:
    assert not admits(LOCAL, *[("Origin", "http://localhost")] * 2, origins=["*"])


def test_a_page_of_the_host_that_it_asks_is_served() -> None:
    assert admits(("Host", "a.dev:1"), ("Origin", "https://a.dev:2"), hosts=["*.dev"])
    assert not admits(("Host", "a.dev:1"), ("Origin", "https://b.dev:1"), hosts=["*.dev"])


@pytest.mark.parametrize(
    ("allowed", "origin", "served"),
    [
        ("https://a.example", "https://a.example", True),
        ("https://A.example:443/", "https://a.example", True),
        ("https://a.example", "http://a.example", False),
        ("https://a.example", "https://a.example:8443", False),
        ("app://desk", "app://desk", True),
        ("file://", "file://", True),
        ("null", "null", True),
        ("null", "https://a.example", False),
        ("*", "https://a.example", True),
        ("*", "null", True),
        ("*", "x y", False),
    ],
)
def test_origins_can_be_allowed(allowed: str, origin: str, served: bool) -> None:
    assert admits(LOCAL, ("Origin", origin), origins=[allowed]) == served


@pytest.mark.parametrize(
    "origin", ["", "a.example", "https://", "https://a.example/x", "https://*.example", "http://a\n"]
)
def test_what_is_no_origin_cannot_be_allowed(origin: str) -> None:
    with pytest.raises(UsageError, match="--allow-origin"):
        rules(origins=[origin])


# requests of pages without an Origin


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (CHROME,),  # an old browser; or a program that calls itself one
        (("Sec-Fetch-Site", "none"),),
        (("Sec-Fetch-Site", "same-origin"),),
        (SAME_SITE,),
        (CROSS, *DOCUMENT),
        (CROSS, *DOCUMENT, EVIL),
        (CROSS, ("Referer", "http://localhost:3000/page")),
        (CROSS, ("Referer", "https://desk.example/app")),
        (EVIL, ("Accept", "text/html,*/*")),
        (("Referer", "http://127.0.0.1:3000/"),),
    ],
)
def test_this_machine_may_include_what_it_likes_and_a_link_leads_here(headers: Headers) -> None:
    assert admits(LOCAL, *headers)


FOREIGN: list[Headers] = [
    (CROSS,),
    (CROSS, EVIL),
    (CROSS, ("Referer", "about:client")),
    (CROSS, ("Referer", "http://localhost/"), EVIL),
    (CROSS, ("Sec-Fetch-Site", "same-origin")),
    (("Sec-Fetch-Site", "unheard-of"),),
    (CROSS, ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "script")),
    (CROSS, ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe")),
    (CROSS, ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "embed"), ("Accept", "text/html")),
    (CROSS, ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "document")),
    (CROSS, *DOCUMENT, ("Sec-Purpose", "prefetch;prerender")),
    (EVIL,),
    (EVIL, ("Accept", "*/*")),
    (("Referer", "http://localhost.evil.example/"),),
    (("Referer", "http://localhost@evil.example/"),),
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("host", [LOCAL, RECORDED])
def test_a_page_of_another_origin_includes_nothing(host: tuple[str, str], headers: Headers) -> None:
    assert not admits(host, *headers)
    assert admits(host, *headers, origins=["*"])


def test_a_form_of_a_foreign_page_cannot_post() -> None:
    assert not admits(LOCAL, CROSS, *DOCUMENT, method="POST")
    assert not admits(LOCAL, EVIL, ("Accept", "text/html"), method="POST")


def test_another_host_of_the_site_is_another_origin() -> None:
    assert not admits(RECORDED, SAME_SITE)
    assert not admits(RECORDED, SAME_SITE, EVIL)
    assert admits(RECORDED, SAME_SITE, ("Referer", "https://desk.example/"))


def test_a_browser_that_sends_nothing_of_its_page_is_refused_where_it_sends_no_metadata_to() -> None:
    assert not admits(RECORDED, CHROME, ("Accept", "*/*"))
    assert admits(RECORDED, CHROME, ("Accept", "text/html,application/xhtml+xml"))
    assert admits(RECORDED, ("User-Agent", "python-requests/2"))
    assert admits(RECORDED, CHROME, ("Referer", "http://gws.example:8090/app"))


def test_a_page_without_a_name_is_served_if_null_is_allowed() -> None:
    assert admits(LOCAL, CROSS, origins=["null"])
    assert not admits(LOCAL, CROSS, EVIL, origins=["null"])


# what a refusal says


def test_a_refusal_names_the_option_that_allows_it() -> None:
    host, origin = refused(("Host", "evil.example:81")), refused(LOCAL, ("Origin", "https://a.example"))
    script = refused(LOCAL, CROSS, ("Referer", "https://a.example/x"))

    assert "--allow-host evil.example (" in host.advice
    assert 'allow_hosts=["evil.example"]' in host.advice
    assert "--allow-origin https://a.example (" in origin.advice
    assert 'allow_origin="https://a.example"' in origin.advice
    assert script.advice == origin.advice
    assert script.key == origin.key != host.key
    assert "--allow-origin null" in refused(LOCAL, CROSS).advice


@pytest.mark.parametrize("header", ["Host", "Origin", "Referer"])
def test_a_refusal_quotes_little_and_nothing_of_the_recording(header: str) -> None:
    found = refused(CROSS, (header, f"http://{'e' * 10_000}.example"[0 if header != "Host" else 7 :]))

    texts = f"{found.text}{found.advice}{found.key}"
    assert len(texts) < 2_000
    assert not [name for name in ("gws", "desk.example", "sso", "push", "rest.example") if name in texts]


def test_each_host_is_reported_once_and_not_millions_of_them() -> None:
    told = Told()

    news = [told.is_new(Refused("", "", f"host {n}.example")) for n in chain(range(5000), range(5000))]

    assert news[:3] == [True] * 3
    assert sum(news) == 100
    assert not told.is_new(Refused("", "", "host 1.example"))


def test_the_upstreams_of_all_cassettes_count() -> None:
    def with_upstream(upstream: str) -> Any:
        from dataclasses import replace

        recording = Wire().recording()
        return replace(recording, header=replace(recording.header, upstream=upstream))

    both = joined([with_upstream("https://user:pw@One.example:8443/x"), with_upstream("http://two.example")])

    assert rules_of(both).recorded == {"one.example", "two.example"}


# properties

NAMES = st.from_regex(r"[a-z0-9_-]{1,9}(\.[a-z0-9-]{1,9}){0,3}\.?", fullmatch=True)
OWN = {"localhost", "gws.example", "rest.example", "push.example"}
OTHERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["Origin", "Referer", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Cookie", "Accept"]
        ),
        st.sampled_from(["http://localhost", "http://gws.example/x", "none", "same-origin", "navigate", "document"])
        | st.text(max_size=20),
    ),
    max_size=6,
)


def is_foreign(name: str) -> bool:
    name = name.lower().removesuffix(".")
    return name not in OWN and not name.endswith(".localhost") and not name.replace(".", "").isdigit()


@given(NAMES, st.sampled_from(["", ":80", ":8090"]), OTHERS, st.sampled_from(["GET", "POST", "OPTIONS", "HEAD"]))
def test_no_request_for_a_foreign_name_is_ever_served(name: str, port: str, others: Any, method: str) -> None:
    assume(is_foreign(name))

    assert not admits(("Host", name + port), *others, method=method, listened=["0.0.0.0"])
    assert not admits(*others, ("hOST", name.upper() + port), method=method)


@given(NAMES, st.sampled_from(["http", "https", "app"]), OTHERS, st.sampled_from(["GET", "POST", "OPTIONS", "HEAD"]))
def test_no_page_of_a_foreign_origin_is_ever_served(name: str, scheme: str, others: Any, method: str) -> None:
    assume(is_foreign(name))

    assert not admits(LOCAL, *others, ("Origin", f"{scheme}://{name}"), method=method)


@given(st.text(max_size=30), st.lists(st.tuples(st.text(max_size=9), st.text(max_size=30)), max_size=5))
def test_any_request_is_served_or_refused(target: str, headers: Any) -> None:
    assert isinstance(judged(*headers, target=target, token="t"), Admitted | Refused)


# the token


def shown(*headers: tuple[str, str], target: str = "/x", method: str = "GET") -> Admitted | Refused:
    return judged(LOCAL, *headers, target=target, method=method, token=TOKEN)


def test_the_token_in_a_header_is_taken_out() -> None:
    assert shown(("x-recorder-token", TOKEN), ("A", "b")) == Admitted("/x", (LOCAL, ("A", "b")))


def test_the_token_in_a_cookie_is_taken_out() -> None:
    assert shown(("Cookie", f"a=1; recorder_token={TOKEN};b=2")) == Admitted("/x", (LOCAL, ("Cookie", "a=1; b=2")))
    assert shown(("Cookie", f"recorder_token={TOKEN}")) == Admitted("/x", (LOCAL,))
    assert shown(("Cookie", f'recorder_token="{TOKEN}"')) == Admitted("/x", (LOCAL,))


@pytest.mark.parametrize(
    ("target", "rest"),
    [
        ("/x?recorder_token=s3cret%2B%2F%3D", "/x"),
        ("/x?recorder_token=s3cret+/=", "/x"),
        ("/x?b=%2B&recorder_token=s3cret%2b/%3d&a=+&b", "/x?b=%2B&a=+&b"),
        ("/x?recorder_token=s3cret+/=&a=1&recorder_token=old", "/x?a=1"),
        ("/x?a=1&recorder_token=s3cret+/=", "/x?a=1"),
    ],
)
def test_the_token_in_the_target_is_taken_out_and_made_a_cookie(target: str, rest: str) -> None:
    found = shown(("Referer", "http://localhost:8090/?recorder_token=s3cret&a=b"), target=target)

    assert found == Admitted(
        rest,
        (LOCAL, ("Referer", "http://localhost:8090/?recorder_token=…&a=b")),
        (("Set-Cookie", f"recorder_token={TOKEN}; Path=/; HttpOnly; SameSite=Lax"),),
        is_lasting=False,
    )


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/x", ()),
        ("/x", (("X-Recorder-Token", ""),)),
        ("/x", (("X-Recorder-Token", "s3cret"), ("Cookie", "recorder_token=; xrecorder_token=s3cret+/="))),
        ("/x", (("Referer", "http://localhost/?recorder_token=s3cret+/="),)),
        ("/x", (("Authorization", f"Bearer {TOKEN}"),)),
        ("/x?recorder_token=", ()),
        ("/x?recorder_tokens=s3cret+/=", ()),
        ("/recorder_token=s3cret+/=", ()),
        ("/x?recorder_token=\udcff", (("X-Recorder-Token", "\udcff"),)),
    ],
)
def test_without_the_token_nothing_is_served(target: str, headers: Headers) -> None:
    found = shown(*headers, target=target)

    assert isinstance(found, Refused)
    assert found.text.startswith("this stand-in needs its token")
    assert "s3cret" not in f"{found}"


def test_a_preflight_needs_no_token() -> None:
    found = judged(*PREFLIGHT, method="OPTIONS", token=TOKEN)

    assert found == Admitted("/x", PREFLIGHT, is_lasting=False)
    assert is_preflight("OPTIONS", PREFLIGHT)
    assert not admits(*PREFLIGHT[:2], method="OPTIONS", token=TOKEN)
    assert not admits(*PREFLIGHT, method="GET", token=TOKEN)


def test_the_token_opens_no_door_for_other_pages() -> None:
    assert not admits(LOCAL, ("Origin", "http://evil.example"), ("X-Recorder-Token", TOKEN), token=TOKEN)


@pytest.mark.parametrize("token", ["", "a b", "a;b", "ü", "a\n", '"'])
def test_a_token_that_fits_no_cookie_is_refused_and_not_told(token: str) -> None:
    with pytest.raises(UsageError, match="letters, digits") as caught:
        rules(token=token)

    assert not token.strip() or token not in str(caught.value)


def test_a_token_is_in_no_text_about_rules() -> None:
    assert TOKEN not in repr(rules(token=TOKEN))
    assert hidden(f"GET /x?a=1&recorder_token={TOKEN}&b=2") == "GET /x?a=1&recorder_token=…&b=2"


HEADERS = st.lists(
    st.sampled_from(
        [
            ("Cookie", f"recorder_token={TOKEN}"),
            ("cookie", f"a=1; recorder_token={TOKEN};b=2"),
            ("Cookie", "recorder_token=no"),
            ("Cookie", "a=1"),
            ("X-Recorder-Token", TOKEN),
            ("x-recorder-TOKEN", "no"),
            ("Referer", f"http://localhost/?recorder_token={TOKEN}"),
            ("A", "b"),
        ]
    ),
    max_size=5,
    unique_by=lambda header: header[0],
)
QUERIES = st.lists(st.sampled_from([f"recorder_token={TOKEN}", "recorder_token=no", "a=1", "b", ""]), max_size=5)


@given(HEADERS, QUERIES)
def test_what_is_served_holds_no_token_and_all_else(headers: Any, query: list[str]) -> None:
    others = [part for part in query if not part.startswith("recorder_token=")]
    found = shown(*headers, target="/x?" + "&".join(query) if query else "/x")

    if isinstance(found, Admitted):
        assert "recorder_token=s" not in found.target
        assert f"recorder_token={TOKEN}" not in str(found.headers)
        assert "x-recorder-token" not in str(found.headers).lower()
        assert found.target.partition("?")[2] == "&".join(others)
    else:
        assert f"recorder_token={TOKEN}" not in query
        assert ("X-Recorder-Token", TOKEN) not in headers
