"""The secrets of a sign-in are replaced: tokens, tickets, sessions, and what OAuth and SAML send along."""

from __future__ import annotations

import pytest

from recorder.model import Headers, Record, Request, Response
from recorder.redaction.policy import load
from recorder.redaction.redactor import Redactor

CODE, STATE = "aPrx4sgoM2Nd1zWe", "f7Kq9-zP3vLm2"


def request(target: str = "/", headers: Headers = (), body: bytes = b"") -> Request:
    return Request(0, 0, 0, "c", "POST", target, headers, body)


def redacted(record: Record, policy: str = "gws") -> str:
    return str(Redactor(load(policy), b"a key of sixteen").redact(record))


@pytest.mark.parametrize(
    "record",
    [
        request(f"/desk?code={CODE}&state={STATE}"),
        request(f"/desk?state={STATE}&code={CODE}"),
        request("/token", body=f"grant_type=authorization_code&code={CODE}&state={STATE}".encode()),
        request(headers=(("Referer", f"https://desk.example/x?code={CODE}&state={STATE}"),)),
        Response(0, 0, 0, 302, (("Location", f"https://desk.example/x?code={CODE}&state={STATE}"),), b""),
        Response(0, 0, 0, 200, (), f'<a href="/x?code={CODE}&state={STATE}">go on</a>'.encode()),
        Response(0, 0, 0, 200, (), f'{{"next":"https://desk.example/x?code={CODE}&state={STATE}"}}'.encode()),
    ],
)
def test_code_and_state_of_a_sign_in_are_replaced(record: Record) -> None:
    text = redacted(record)

    assert CODE not in text
    assert STATE not in text


def test_a_code_alone_is_replaced_on_the_way_back_from_a_sign_in() -> None:
    assert CODE not in redacted(request(f"/auth/callback?code={CODE}"))
    assert CODE not in redacted(request(headers=(("Referer", f"https://x.example/auth/callback?code={CODE}"),)))


@pytest.mark.parametrize(
    "record",
    [
        request("/api/v2/agents?state=NotReadyYet"),
        request("/api/v2/agents?state=NotReadyYet&limit=5"),
        request(body=b'{"state":"NotReadyYet","code":"NotReadyYet"}'),
        Response(0, 0, 0, 200, (), b"log: state=NotReadyYet, phase=2"),
        Response(0, 0, 0, 200, (), b"state=NotReadyYet after code=500"),
    ],
)
def test_the_state_of_an_agent_stays(record: Record) -> None:
    assert "NotReadyYet" in redacted(record)


@pytest.mark.parametrize(
    "secret", ["SAMLResponse", "RelayState", "login_hint", "id_token_hint", "sid", "client_assertion"]
)
def test_what_a_sign_in_sends_is_replaced_in_queries_forms_and_json(secret: str) -> None:
    value = "PHNhbWxwOlJlc3BvbnNl4sgoM2N"

    assert value not in redacted(request(f"/sso?{secret}={value}"))
    assert value not in redacted(request(body=f"{secret}={value}&x=1".encode()))
    assert value not in redacted(request(body=f'{{"{secret}":"{value}"}}'.encode()))


def test_a_session_in_a_path_is_replaced() -> None:
    assert "1nq4s9zhb3" not in redacted(request("/desk/page.jsp;jsessionid=1nq4s9zhb3?x=1"))
    assert "AQEAQKcVqZs0xWm" not in redacted(request("/secur/frontdoor.jsp?sid=00D5i000000a1Xy!AQEAQKcVqZs0xWm"))


@pytest.mark.parametrize("scheme", ["Negotiate", "NTLM"])
@pytest.mark.parametrize("header", ["WWW-Authenticate", "Proxy-Authenticate", "Authorization"])
def test_a_ticket_of_kerberos_or_ntlm_is_replaced(header: str, scheme: str) -> None:
    ticket = "TlRMTVNTUAACAAAABgAGADgAAAAFgomi"

    text = redacted(Response(0, 0, 0, 401, ((header, f"{scheme} {ticket}"),), b""))

    assert ticket not in text
    assert f"{scheme} " in text


def test_a_challenge_without_a_ticket_stays() -> None:
    for challenge in ("Negotiate", "NTLM", 'Basic realm="GWS"'):
        assert challenge in redacted(Response(0, 0, 0, 401, (("WWW-Authenticate", challenge),), b""))


def test_the_login_of_salesforce_is_replaced_but_for_its_addresses() -> None:
    body = (
        b'{"access_token":"00D5i000000a1Xy!AQEAQKcVqZs0xWmvR","instance_url":"https://acme.my.salesforce.example",'
        b'"id":"https://login.salesforce.example/id/00D5i000000a1XyEAK/0055i00000BQ7kPAAT","signature":"jXCNyUFGs="}'
    )

    text = redacted(Response(0, 0, 0, 200, (), body), "salesforce")

    assert "AQEAQKcVqZs0xWmvR" not in text
    assert "jXCNyUFGs" not in text
    assert "https://acme.my.salesforce.example" in text
    assert "0055i00000BQ7kPAAT" in text
