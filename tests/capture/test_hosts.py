"""Which hosts of a capture are recorded: those that a pattern names, or those that belong to an API."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.capture.hosts import ApiHosts, host_of, patterns, proxy_script, without
from recorder.dialect.definition import load
from recorder.errors import UsageError
from recorder.model import CUT, GAP, Failure, Headers, Note, Record, Request, Response, SocketMessage
from tests.cassette.records import RECORDS

GWS = load()
HANDSHAKE = b'[{"channel":"/meta/handshake","version":"1.0","id":"1"}]'
HTML = ("Content-Type", "text/html; charset=utf-8")
JSON = ("Content-Type", "application/json")
TOKEN = "tk4-Zm9vYmFyYmF6"


class Capture:
    """Records of exchanges, written one after another."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def get(
        self, host: str, target: str = "/", *headers: tuple[str, str], status: int = 200, answer: bytes = b"",
        gives: Headers = (), method: str = "GET", body: bytes = b"",
    ) -> Capture:  # fmt: skip
        """An exchange with a host; `gives` are headers of the answer."""
        at = len(self.records)
        self.records.append(Request(at, at, at, "c", method, target, (("Host", host), *headers), body))
        self.records.append(Response(at + 1, at + 1, at, status, gives, answer))
        return self

    def bayeux(self, host: str, *headers: tuple[str, str], target: str = "/cometd") -> Capture:
        return self.get(host, target, *headers, method="POST", body=HANDSHAKE, answer=HANDSHAKE)

    def kept(self) -> set[str]:
        hosts = ApiHosts(GWS)
        for record in self.records:
            hosts.feed(record)
        return set(hosts.kept()) - {""}


@pytest.mark.parametrize(
    ("pattern", "host", "port", "fits"),
    [
        ("app.example", "app.example", 443, True),
        ("app.example", "APP.example.", 8080, True),
        ("app.example", "app.example.evil", 443, False),
        ("app.example", "appxexample", 443, False),
        ("*.example", "a.b.example", 443, True),
        ("*.example", "example", 443, False),
        ("login-*", "login-eu.example", 443, True),
        ("*", "anything", 1, True),
        ("app.example:8443", "app.example", 8443, True),
        ("app.example:8443", "app.example", 443, False),
        ("127.0.0.1", "127.0.0.1", 80, True),
        ("[::1]", "::1", 443, True),
        ("[::1]:8443", "[::1]", 8443, True),
        ("App.Example", "app.example", 443, True),
        ("*.Bücher.example", "shop.xn--bcher-kva.example", 443, True),
        ("bücher.example:8443", "xn--bcher-kva.example", 8443, True),
    ],
)
def test_a_pattern_names_a_host(pattern: str, host: str, port: int, fits: bool) -> None:
    (parsed,) = patterns([pattern])
    assert parsed.fits(host, port) is fits


@pytest.mark.parametrize(
    "pattern", ["", "https://app.example", "app.example/path", "a b", "app:99999", "app:", "::1", "bü*"]
)
def test_a_pattern_that_names_no_host_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="names no host"):
        patterns([pattern])


@pytest.mark.parametrize(
    ("wanted", "test"),
    [
        ([], "true"),
        (["app.example"], 'shExpMatch(host, "app.example")'),
        (["*.example:8443", "b"], 'shExpMatch(host, "*.example") || shExpMatch(host, "b")'),
    ],
)
def test_a_pac_file_sends_the_wanted_hosts_through_the_proxy(wanted: list[str], test: str) -> None:
    assert f'return ({test}) ? "PROXY 127.0.0.1:8080" : "DIRECT";' in proxy_script(patterns(wanted), "127.0.0.1:8080")


@pytest.mark.parametrize(
    ("value", "host"),
    [
        ("App.Example", "app.example"),
        ("app.example:443", "app.example"),
        ("app.example:80", "app.example"),
        ("app.example:8443", "app.example:8443"),
        ("[::1]", "[::1]"),
        ("[::1]:443", "[::1]"),
        ("app.example.", "app.example"),
        ("", ""),
    ],
)
def test_the_default_ports_make_no_other_host(value: str, host: str) -> None:
    assert host_of((("accept", "*/*"), ("hOST", value))) == host


@pytest.mark.parametrize(
    "api",
    [
        Capture().bayeux("api"),
        Capture().get("api", "/events", gives=(("Content-Type", "text/event-stream;charset=utf-8"),)),
        Capture().get("api", "/socket", status=101),
        Capture().get("api", "/cometd?message=%5B%7B%22channel%22%3A%22%2Fmeta%2Fconnect%22%7D%5D"),
        Capture().get("api", "/api/v2/me", method="POST", body=b'{"operationName":"CompleteRecord"}'),
    ],
)
def test_bayeux_push_and_operations_make_an_api(api: Capture) -> None:
    assert api.get("cdn", "/lib.js").get("tracker", "/t", method="POST", body=b'{"channel":7}').kept() == {"api"}


def test_an_operation_of_another_api_makes_none() -> None:
    graphql = b'{"operationName":"Cats","query":"{cats}"}'
    assert Capture().bayeux("api").get("cats", "/graphql", method="POST", body=graphql).kept() == {"api"}


LOGINS = {
    "redirect": Capture()
    .get("login", "/auth")
    .get("login", "/auth", method="POST", status=302, gives=(("Location", "https://api/"),)),
    "redirect to a default port": Capture().get("login", status=307, gives=(("location", "https://api:443/cb"),)),
    "redirect without a scheme": Capture().get("login", status=303, gives=(("location", "//u@api/cb?code=1"),)),
    "cookie of the domain": Capture()
    .get("login", gives=(("Set-Cookie", "sso=ok; Domain=.corp"),))
    .get("api", "/", ("Cookie", "a=b; sso=ok")),
    "cookie, sent as a token": Capture()
    .get("login", gives=(("Set-Cookie", f"sid={TOKEN}; Secure"),))
    .get("api", "/", ("Authorization", f"Bearer {TOKEN}")),
    "token in JSON": Capture()
    .get("login", answer=f'{{"access_token":"{TOKEN}"}}'.encode(), gives=(JSON,))
    .get("api", "/", ("Authorization", f"Bearer {TOKEN}")),
    "token of letters": Capture()
    .get("login", answer=b'{"access_token":"abcdefghijklm"}', gives=(JSON,))
    .get("api", "/?access_token=abcdefghijklm"),
    "code in a form of the page": Capture()
    .get("login", answer=f'<input name="code" value="{TOKEN}">'.encode(), gives=(HTML,))
    .get("api", "/cb", method="POST", body=f"code={TOKEN}&x=1".encode()),
    "assertion with padding": Capture()
    .get("login", answer=b'<input name=SAMLResponse value="PHNhbWw+Zm9v+/Yg==">', gives=(HTML,))
    .get("api", "/acs", method="POST", body=b"SAMLResponse=PHNhbWw%2BZm9v%2B%2FYg%3D%3D"),
    "session in XML": Capture()
    .get("login", answer=f"<a><sessionId>00D!{TOKEN}</sessionId></a>".encode(), gives=(("Content-Type", "text/xml"),))
    .get("api", "/", ("X-Session", f"00D!{TOKEN}")),
    "ticket in a link of a script's redirect": Capture()
    .get("login", answer=f'<script>location="https://api/?ticket={TOKEN}"</script>'.encode(), gives=(HTML,))
    .get("api", f"/?ticket={TOKEN}"),
    "token in JSON, sent in JSON": Capture()
    .get("login", answer=f'{{"a":[{{"t":"x\\/{TOKEN}"}}]}}'.encode(), gives=(JSON,))
    .get("api", "/s", method="POST", body=f'{{"deep":[["x/{TOKEN}"]]}}'.encode()),
    "a code exchanged by a third": Capture()
    .get("login", status=302, gives=(("Location", f"https://broker/cb?code={TOKEN}"),))
    .get("broker", f"/cb?code={TOKEN}", gives=(("Set-Cookie", "broker=1; Domain=corp"),))
    .get("api", "/", ("Cookie", "broker=1")),
    "the page that calls": Capture().get("login", gives=(HTML,)).get("api", "/", ("Origin", "https://login")),
    "token of other characters": Capture()
    .get("login", answer=b'{"access_token":"ab12*d$45|gh:9"}', gives=(JSON,))
    .get("api", "/", ("Authorization", "Bearer ab12*d$45|gh:9")),
    "short token": Capture()
    .get("login", answer=b'{"data":{"sessionId":"ab12"}}', gives=(JSON,))
    .get("api", "/", ("Authorization", "ab12")),
    "token in UTF-16": Capture()
    .get("login", answer=f'{{"token":"{TOKEN}"}}'.encode("utf-16"), gives=(JSON,))
    .get("api", f"/?token={TOKEN}"),
    "token behind a guard": Capture()
    .get("login", answer=f'while(1);{{"t":"*{TOKEN}"}}'.encode(), gives=(JSON,))
    .get("api", f"/?t=*{TOKEN}"),
    "token by JSONP": Capture()
    .get("login", answer=f'cb({{"t":"{TOKEN}"}})'.encode(), gives=(("Content-Type", "text/javascript"),))
    .get("api", f"/?t={TOKEN}"),
    "token as a text": Capture()
    .get("login", answer=TOKEN.encode(), gives=(("Content-Type", "text/plain"),))
    .get("api", "/", ("Authorization", f"Bearer {TOKEN}")),
    "token in a header of the answer": Capture()
    .get("login", gives=(("X-Auth-Token", TOKEN),))
    .get("api", "/", ("X-Auth-Token", TOKEN)),
    "token in a header without x-": Capture()
    .get("login", answer=f'{{"id":"{TOKEN}"}}'.encode(), gives=(JSON,))
    .get("api", "/", ("SessionId", TOKEN)),
    "token among a WebSocket's protocols": Capture()
    .get("login", answer=f'{{"id":"{TOKEN}"}}'.encode(), gives=(JSON,))
    .get("api", "/ws", ("Sec-WebSocket-Protocol", f"bearer, {TOKEN}")),
    "address of the stream": Capture()
    .get("login", "/channels", answer=b'{"connectUri":"wss:\\/\\/API/channels\\/one"}', gives=(JSON,), method="POST")
    .get("api", "/channels/one?v=2", status=101),
    "address of the stream, with a query": Capture()
    .get("login", "/negotiate", answer=b'{"url":"https://api/?hub=x#y"}', gives=(JSON,), method="POST")
    .get("api", "/?hub=x", status=101),
    "page that calls without an origin": Capture()
    .get("login", gives=(HTML,))
    .bayeux("api", ("Origin", "null"), ("Referer", "https://login/desk")),
    "one token of two": Capture()
    .get("broker", answer=f'{{"access_token":"{TOKEN}"}}'.encode(), gives=(JSON,))
    .get("login", answer=f'{{"access_token":"{TOKEN}"}}'.encode(), gives=(JSON,))
    .get("api", "/", ("Authorization", f"Bearer {TOKEN}")),
    "one credential for both": Capture()
    .get("login", "/me", ("Authorization", "Basic dTpw"))
    .get("api", "/me", ("Authorization", "Basic dTpw")),
}


@pytest.mark.parametrize("name", LOGINS)
def test_a_host_that_led_to_an_api_belongs_to_it(name: str) -> None:
    capture = Capture()
    capture.records += LOGINS[name].records
    third = "broker" if "third" in name or "two" in name else "login"

    kept = capture.bayeux("api").get("cdn", "/a.js", answer=TOKEN.encode()).get("ads", "/?u=login").kept()

    assert kept == {"api", "login", third}


@pytest.mark.parametrize(
    "capture",
    [
        Capture().get("api", status=302, gives=(("Location", "https://cdn/picture"),)).get("cdn", "/picture"),
        Capture().get("cdn", "/", ("Origin", "https://api")).get("cdn", "/", ("Referer", "https://api/")),
        Capture().get("cdn", gives=(("Set-Cookie", "lang=en"),)).get("api", "/", ("Cookie", "lang=de")),
        Capture().get("cdn", answer=b'{"lang":"english"}', gives=(JSON,)).get("api", "/?lang=english"),
        Capture().get("cdn", gives=(("Location", "https://api/"),)),  # 200: nobody follows it
        Capture().get("cdn", f"/?t={TOKEN}").get("api", f"/?t={TOKEN}"),  # both were given it
        Capture().get("api", f"/?t={TOKEN}").get("cdn", answer=TOKEN.encode(), gives=(HTML,)),  # too late
        Capture().get("cdn", status=302, gives=(("Location", "http://["),)),
        Capture().get("cdn", answer=b'{"home":"https://api/"}', gives=(JSON,)).get("api", "/"),
        Capture()
        .get("cdn", answer=b'{"ua":"Mozilla/5.0 (X11)"}', gives=(JSON,))
        .get("api", "/", ("User-Agent", "Mozilla/5.0 (X11)")),
        Capture().get("cdn").get("api", "/picture", ("Referer", "https://cdn/")),
    ],
)
def test_a_host_that_led_nowhere_does_not(capture: Capture) -> None:
    assert capture.bayeux("api").kept() == {"api"}


def test_a_token_that_was_not_yet_known_is_found_by_its_pseudonym() -> None:
    capture = Capture().get("login", answer=f'{{"id":"{TOKEN}"}}'.encode(), gives=(JSON,))
    capture.bayeux("api", ("Authorization", "Bearer its-pseudonym"))
    hosts = ApiHosts(GWS, known=lambda text: ["its-pseudonym"] if TOKEN in text else [])

    for record in capture.records:
        hosts.feed(record)

    assert hosts.kept() == {"", "login", "api"}


def test_without_an_api_all_hosts_stay() -> None:
    assert Capture().get("a").get("b", method="POST", body=b"{}").kept() == {"a", "b"}


@given(st.lists(RECORDS, max_size=8))
def test_any_records_give_hosts(records: list[Record]) -> None:
    hosts = ApiHosts(GWS)
    for record in records:
        hosts.feed(record)

    assert hosts.kept() <= {"", *hosts.exchanges.values(), *hosts.kept()}


@given(st.lists(RECORDS, max_size=12), st.frozensets(st.integers(0, 3)))
def test_what_is_left_is_numbered_without_gaps(records: list[Record], gone: frozenset[int]) -> None:
    numbered = [
        replace(record, seq=seq) if isinstance(record, Note) else replace(record, seq=seq, exchange=seq % 4)
        for seq, record in enumerate(records)
    ]

    left = list(without(numbered, gone))

    assert [record.seq for record in left] == list(range(len(left)))
    assert [type(r) for r in left] == [type(r) for r in numbered if isinstance(r, Note) or r.exchange not in gone]


def test_notes_about_records_move_with_them() -> None:
    records = [
        Request(0, 0, 0, "c", "GET", "/", (), b""),
        Note(1, 0, CUT, "record 0 is kept without its body: too large"),
        Request(2, 0, 1, "c", "GET", "/", (), b""),
        Note(3, 0, CUT, "record 2 is kept without its body: record 2 is too large"),
        Note(4, 0, GAP, "record 0 is the name of a host"),
        SocketMessage(5, 0, 0, from_client=True, body=b""),
        Failure(6, 0, 1, "gone"),
    ]

    left = list(without(records, frozenset({0})))

    assert left == [
        Request(0, 0, 1, "c", "GET", "/", (), b""),
        Note(1, 0, CUT, "record 0 is kept without its body: record 2 is too large"),
        Note(2, 0, GAP, "record 0 is the name of a host"),
        Failure(3, 0, 1, "gone"),
    ]
