"""What secrets look like is found, and what only looks like one is not."""

from __future__ import annotations

import base64
import json
import random
import string
import time

import pytest

from recorder.redaction.detectors import found, is_random

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
        "",
    ],
)
def test_what_only_looks_like_one_is_not_found(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("alphabet", "length", "least"),
    [
        (string.hexdigits[:16], 32, 0.98),
        (CASES, 20, 0.88),
        (CASES, 32, 0.95),
        (CASES, 43, 0.97),
        (string.ascii_lowercase + string.digits, 26, 0.94),
        (string.ascii_uppercase + string.digits, 20, 0.9),
    ],
)
def test_most_random_words_are_found(alphabet: str, length: int, least: float) -> None:
    words = [word(alphabet, length) for _ in range(1000)]

    assert sum(map(is_random, words)) / len(words) >= least


def test_random_words_are_looked_for_only_if_wanted() -> None:
    assert found(word(string.hexdigits[:16], 32), words=False) == []


@pytest.mark.parametrize("piece", ["a", "1", "a.", "+1", "a@", "4111 ", "eyJ", "://a", "- ", "AA00 ", "-----BEGIN "])
def test_a_hostile_text_takes_no_long_time(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    begin = time.process_time()

    found(text)

    assert time.process_time() - begin < 2
