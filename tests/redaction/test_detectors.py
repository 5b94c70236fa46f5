"""What secrets look like is found, and what only looks like one is not."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable

import pytest

from recorder.redaction.detectors import found, is_jwt, is_pair, is_random
from recorder.redaction.policy import names, shipped
from tests.costs import assert_grows

CHANCE = random.Random(7)
CASES = string.ascii_letters + string.digits


def word(alphabet: str, length: int) -> str:
    return "".join(CHANCE.choices(alphabet, k=length))


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


JWT = f"{encoded(json.dumps({'alg': 'HS256'}))}.{encoded(json.dumps({'sub': 'joe'}))}.{word(CASES, 43)}"

# in pieces, so that no scanner of source text takes this file for a leak
PLANTED = [
    ("JWT", JWT),
    ("private key", f"-----BEGIN RSA PRIVATE KEY-----\n{word(CASES, 64)}\n-----END RSA PRIVATE KEY-----"),
    ("user and password in a URL", "https://joe:" + "hunter2@gws.example/x"),
    ("AWS key", "AKIA" + word(string.ascii_uppercase, 16)),
    ("GitHub token", "ghp_" + word(CASES, 36)),
    ("GitHub token", "github_pat_" + word(CASES, 60)),
    ("GitLab token", "glpat-" + word(CASES, 20)),
    ("Slack token", "xoxb-" + word(string.digits, 12) + "-" + word(CASES, 24)),
    ("Slack webhook", "https://hooks.slack.com/services/T0AAAAAAA/B0AAAAAAA/" + word(CASES, 24)),
    ("Stripe key", "sk_live_" + word(CASES, 24)),
    ("Google key", "AIza" + word(CASES, 35)),
    ("SendGrid key", f"SG.{word(CASES, 22)}.{word(CASES, 43)}"),
    ("npm token", "npm_" + word(CASES, 36)),
    ("PyPI token", "pypi-AgE" + word(CASES, 60)),
    ("Azure storage key", f"AccountKey={word(CASES, 86)}=="),
    ("Telegram token", f"123456789:AA{word(CASES, 33)}"),
    ("bearer token", "Bearer abc.def-123456"),
    ("basic credentials", "Basic " + base64.b64encode(b"joe:hunter2").decode()),
    ("e-mail", "joe.doe+x@corp.co.uk"),
    ("IBAN", "DE89 3704 0044 0532 0130 00"),
    ("payment card", "4111 1111 1111 1111"),
    ("payment card", "378282246310005"),
    ("payment card", "4111111111111111"),  # the shortest form, as the next two
    ("IBAN", "NO9386011117947"),
    ("telephone number", "415-555-2671"),
    ("social security number", "078-05-1120"),
    ("telephone number", "+49 351 4555-0"),
    ("telephone number", "+14155552671"),
    ("telephone number", "(415) 555-2671"),
    ("telephone number", "tel:4155552671"),
    ("telephone number", "sip:4155552671@gws.example"),
    ("random word", word(string.hexdigits[:16], 32)),
]


@pytest.mark.parametrize(("kind", "value"), PLANTED)
def test_a_known_form_is_found_with_its_kind(kind: str, value: str) -> None:
    text = f"it was {value} then"

    hits = found(text)

    assert [hit.kind for hit in hits] == [kind]
    assert 7 <= hits[0].start < hits[0].end


@pytest.mark.parametrize(
    "text",
    [
        "c259da54-7c22-4a43-9440-77a92facc86b",
        "/devices/c259da54-7c22-4a43-9440-77a92facc86b",
        "/api/v2/me/outbound-records/1001",
        "/v2/me/outbound",
        "ChainedRecordsDataEnd",
        "GetChainedRecordNotificationV2Message",
        "application/json;charset=UTF-8",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
        "Mon, 23 Nov 2026 14:39:50 GMT",
        "2026-11-23T14:39:50.123456+0000",
        "1795444790361534",
        "1795444790361",
        "test_case_05_no_chained_record_at_all",
        "joe@example.com",
        "joe=corp=com@example.com",
        "joe@lab.test",
        "+999 351 4555-0",
        "(999) 415-2671",
        "Basic authentication is needed",
        "Bearer authentication-failed",
        "4111 1111 1111 1112",
        "DE88 3704 0044 0532 0130 00",
        "999-05-1120",
        "0.0.0.0:8090",
        encoded("nothing but a readable sentence 12"),
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1",
        "eyJhbGciOiJIUzI1NiJ9",
        "DE6537040044053201300012",  # right check digits, too long
        "ZZ22370400440532013000",  # right check digits, no country
        "",
    ],
)
def test_what_only_looks_like_one_is_not_found(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("alphabet", "length", "least"),
    [
        (string.hexdigits[:16], 32, 0.96),  # one of 64 is a uuid
        (string.hexdigits[:16], 64, 0.98),
        (CASES, 20, 0.88),
        (CASES, 32, 0.95),
        (CASES, 43, 0.97),
        (string.ascii_lowercase + string.digits, 26, 0.94),
        (string.ascii_uppercase + string.digits, 20, 0.9),
    ],
)
def test_most_random_words_are_found(alphabet: str, length: int, least: float) -> None:
    chance = random.Random(f"{alphabet} {length}")
    words = ["".join(chance.choices(alphabet, k=length)) for _ in range(1000)]

    assert sum(map(is_random, words)) / len(words) >= least


def test_a_value_of_two_forms_is_found_once() -> None:
    assert [hit.kind for hit in found(f"Bearer {JWT}")] == ["JWT"]


def test_random_words_are_looked_for_only_if_wanted() -> None:
    assert found(word(string.hexdigits[:16], 32), words=False) == []


@pytest.mark.parametrize(
    "text",
    [
        "IeRuaY6cbI_HsV8Rv1Mc5g",
        "dffQ2QLzDNHqwB8_sHMxdA",
        "/api/v2/me/calls/007NG3LVD09BT6SHR4K6G2LAES000019/complete",
        "01T4HO1ALGBLD7MGQ2VKOE5AES00000B",
        "objects/33a64df551425fcc55e4d42a148795d9f25f89d4",
        "/event/eventSchema/IeRuaY6cbI_HsV8Rv1Mc5g",
        "0a0f9797a838488391ac1be2f392576f",
        'W/"5e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b"',
        'ETag: "9b2cf535f27731c974343645a3985328"',
        "33a64df551425fcc55e4d42a148795d9f25f89d4",
        "commit 33a64df551425fcc55e4d42a148795d9f25f89d41a2b",
        "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==",
        "image@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "Root=1-5759e988-bd862e3fe1be46a994272793",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "507f1f77bcf86cd799439011",
        "1700000000123456789-0",
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
    ],
)
def test_a_public_id_or_digest_is_no_secret(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "IeRuaY6cbI_HsV8Rv1Mc5h",  # not 16 bytes
        "007NG3LVD09BT6SHR4K6G2LAES990019",
        "0a0f9797a838188391ac1be2f392576f",  # no uuid of version 4
        "33a64df551425fcc55e4d42a148795d9f25f89d",
        "93a64df551425fcc55e4d42a",
        "507f1f77bcf86cd799439011/aB3dE5gH7jK9mN1pQ3sT",
        "my commit 1 0a0f9797a838188391ac1be2f392576f",
    ],
)
def test_a_random_word_next_to_a_public_form_is_found(text: str) -> None:
    assert [hit.kind for hit in found(text)] == ["random word"]


@pytest.mark.parametrize("payload", [b'{"a":' * 50_000, b'{"a":1', b"[1]"], ids=["deep", "cut off", "array"])
def test_a_header_that_is_no_json_object_is_no_jwt(payload: bytes) -> None:
    assert not is_jwt(base64.urlsafe_b64encode(payload).decode() + ".abcdefgh.abcdefgh")


@pytest.mark.parametrize(
    ("plain", "pair"),
    [
        (b"joe:hunter2 and more", True),
        (b"a:b:c and some more", True),
        (b"no colon at all here", False),
        (b":" * 200_000 + b"\0", False),
    ],
    ids=["pair", "colon in the password", "no colon", "hostile"],
)
def test_credentials_are_two_readable_parts(plain: bytes, pair: bool) -> None:
    assert is_pair(base64.b64encode(plain).decode()) == pair


# Each piece is made of what one pattern takes most of its time for.
HOSTILE = [
    *(
        "a",
        "A",
        "1",
        "é",
        " ",
        "@",
        "a.",
        "a@",
        "a@a.",
        "+1",
        "1-",
        "0 0-0(0)",
        "4111 ",
        "4111",
        "AA00 ",
        "AA00AAAA0000000",
    ),
    *("eyJ", "eyJhbGciOiJIUzI1NiJ9.", "://a:", "://a:b@", "- ", "-----BEGIN ", "-----BEGIN RSA PRIVATE KEY-----"),
    *(
        "Bearer ",
        "Basic a",
        "tel:1",
        "(415) ",
        "a1",
        "aB3-",
        "xoxb-",
        "sk-aB1",
        "AccountKey=",
        "123456789:AA",
        "PHNhbWw",
    ),
    *(
        "00D123456789012!",
        "joe@corp.com +49 351 4555-0 ",
        "joe@corp.com aB3dE5gH7jK9mN1pQ3sT5 ",
        "aB3dE5gH7jK9mN1pQ3s ",
    ),
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_grows_with_the_length_of_a_text_only(piece: str) -> None:
    assert_linear(found, piece)


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("policy", names())
def test_the_patterns_of_a_policy_take_time_for_the_length_of_a_text_only(policy: str, piece: str) -> None:
    assert_linear(shipped(policy).values.spans, piece)


def assert_linear(search: Callable[[str], object], piece: str) -> None:
    """Four times the text takes four times as long; sixteen times if it is quadratic."""
    text = piece * (32_000 // len(piece))
    assert_grows(lambda: search(text), lambda: search(text * 4), at_most=8)
