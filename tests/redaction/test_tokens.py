"""Tokens of known issuers are found, and no pseudonym of one is reported."""

from __future__ import annotations

import base64
import random
import string

import pytest

from recorder.redaction.detectors import TOKENS, found
from recorder.redaction.policy import shipped
from recorder.redaction.pseudonyms import Kind, Pseudonyms

CHANCE = random.Random(11)
HEX = string.hexdigits[:16]
CASES = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + string.digits


def word(length: int, alphabet: str = CASES) -> str:
    """A random word with a small letter, a capital and a digit, if the alphabet has them."""
    start = "aB3" if alphabet is CASES else ""
    return start + "".join(CHANCE.choices(alphabet, k=length - len(start)))


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


SIGNED, CLAIMS, DIRECT, WRAPPED = '{"alg":"HS256"}', '{"sub":"joe"}', '{"alg":"dir"}', '{"alg":"RSA-OAEP"}'
SAML = '<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"><saml:Assertion/></samlp:Response>'
# In pieces, so that no scanner of source text takes this file for a leak.
PLANTED = [
    ("private key", f"-----BEGIN EC PRIVATE KEY-----\n{word(64)}\n-----END EC PRIVATE KEY-----"),
    ("JWT", f"{encoded(SIGNED)}.{encoded(CLAIMS)}.{word(43)}"),
    ("JWT", f"{encoded(DIRECT)}..{word(16)}.{word(60)}.{word(22)}"),
    ("JWT", f"{encoded(WRAPPED)}.{word(80)}.{word(16)}.{word(60)}.{word(22)}"),
    ("SAML assertion", base64.b64encode(SAML.encode()).decode()),
    ("SAML assertion", base64.b64encode(b'<?xml version="1.0"?>' + SAML.encode()).decode()),
    ("GitHub token", "gho_" + word(36)),
    ("GitHub token", f"github_pat_{word(22)}_{word(59)}"),
    ("GitLab token", "glpat-" + word(20)),
    ("GitLab token", f"glpat-{word(27)}.01.{word(9)}"),
    ("GitLab token", "gldt-" + word(20)),
    ("GitLab token", "SIE-glpat-" + word(20)),  # a server may have a prefix of its own
    ("Slack token", f"xoxp-{word(12, string.digits)}-{word(24)}"),
    ("Slack token", f"xoxe.xoxp-1-{word(40)}"),
    ("Slack token", f"xapp-1-{word(11, UPPER)}-{word(13, string.digits)}-{word(64, HEX)}"),
    ("Slack webhook", f"https://hooks.slack.com/services/T{word(8, UPPER)}/B{word(8, UPPER)}/{word(24)}"),
    ("Stripe key", "sk_live_" + word(24)),
    ("Stripe key", "rk_test_" + word(24)),
    ("Stripe key", "whsec_" + word(32)),
    ("AWS key", "AKIA" + word(16, UPPER)),
    ("AWS key", "ASIA" + word(16, UPPER)),
    ("Google key", "AIza" + word(35)),
    ("Google token", "ya29." + word(60)),
    ("Google token", "1//0" + word(60)),
    ("Google client secret", "GOCSPX-" + word(28)),
    ("Azure storage key", f"AccountName=a;AccountKey={word(86)}=="),
    ("Azure key", f"Endpoint=sb://a.example/;SharedAccessKeyName=k;SharedAccessKey={word(43)}="),
    ("Azure signature", f"sv=2022-11-02&sig={word(43)}="),
    ("Azure client secret", f"{word(3)}8Q~{word(34)}"),
    ("Salesforce session", f"00D5e000000abCD!AQ4AQ{word(80)}"),
    ("Salesforce session", f"00D5e000000abCDEAA!AQ4A.Q_{word(80)}"),
    ("npm token", "npm_" + word(36)),
    ("PyPI token", "pypi-AgEIcHlwaS5vcmc" + word(60)),
    ("RubyGems key", "rubygems_" + word(48, HEX)),
    ("Twilio key", "SK" + word(32, HEX)),
    ("SendGrid key", f"SG.{word(22)}.{word(43)}"),
    ("Mailchimp key", word(32, HEX) + "-us12"),
    ("Mailgun key", "key-" + word(32, HEX)),
    ("API key", "sk-" + word(48)),
    ("API key", "sk-proj-" + word(60)),
    ("API key", f"sk-ant-api03-{word(93)}AA"),
    ("API key", "gsk_" + word(52)),
    ("Hugging Face token", "hf_" + word(34)),
    ("Databricks token", "dapi" + word(32, HEX)),
    ("DigitalOcean token", "dop_v1_" + word(64, HEX)),
    ("Telegram token", "123456789:AA" + word(33)),
    ("Discord token", f"{encoded('1234567890123456789')}.{word(6)}.{word(38)}"),
    ("Discord webhook", f"https://discord.com/api/webhooks/1234567890123456789/{word(68)}"),
    ("Shopify token", "shpat_" + word(32, HEX)),
    ("Square token", "sq0atp-" + word(22)),
    ("Vault token", "hvs." + word(90)),
    ("Grafana token", f"glsa_{word(32)}_{word(8, HEX)}"),
    ("Docker token", "dckr_pat_" + word(27)),
    ("Atlassian token", f"ATATT3{word(180)}={word(8, UPPER)}"),
    ("Figma token", "figd_" + word(40)),
    ("Notion token", "ntn_" + word(46)),
    ("Linear key", "lin_api_" + word(40)),
    ("New Relic key", "NRAK-" + word(27, UPPER)),
    ("Postman key", f"PMAK-{word(24, HEX)}-{word(34, HEX)}"),
    ("Sentry token", "sntrys_" + word(60)),
]
IDS = [f"{kind} {number}" for number, (kind, _) in enumerate(PLANTED)]


@pytest.mark.parametrize(("kind", "value"), PLANTED, ids=IDS)
def test_a_token_is_found_in_a_text_with_its_kind(kind: str, value: str) -> None:
    assert [hit.kind for hit in found(f'then "{value}", it said', words=False)] == [kind]


@pytest.mark.parametrize(("kind", "value"), PLANTED, ids=IDS)
def test_a_pseudonym_of_a_token_is_not_reported(kind: str, value: str) -> None:
    made = Pseudonyms(b"a key of sixteen").of(Kind.SECRET, value)

    assert kind not in [hit.kind for hit in found(made, words=False)]


@pytest.mark.parametrize(("kind", "value"), PLANTED, ids=IDS)
def test_the_beginning_of_a_token_is_none(kind: str, value: str) -> None:
    assert kind not in [hit.kind for hit in found(value[:12], words=False)]


# Formats whose tokens the shipped policy replaces in any text; the others are found by `scan` alone.
REPLACED = {
    *("JWT", "GitHub token", "Slack token", "AWS key", "Google key", "Azure storage key", "Azure key", "npm token"),
    *("API key", "SendGrid key"),
}


@pytest.mark.parametrize(
    "value", [value for kind, value in PLANTED if kind in REPLACED and value[:4] not in {"xapp", "xoxe", "gsk_"}]
)
def test_the_shipped_policy_replaces_a_token_and_finds_its_pseudonym_again(value: str) -> None:
    policy, pseudonyms = shipped("gws"), Pseudonyms(b"a key of sixteen")

    [(start, end, kind)] = policy.values.spans(f"it was {value} then")
    made = pseudonyms.of(kind, f"it was {value} then"[start:end])

    assert end == 7 + len(value)
    assert end - start >= 16
    assert policy.values.spans(f"it was {value} then"[:start] + made + " then") == [(start, end, kind)]


def test_each_format_has_an_example() -> None:
    assert {form.kind for form in TOKENS} == {kind for kind, _ in PLANTED}
    assert [
        form for form in TOKENS if not any(form.mark in value and form.pattern.search(value) for _, value in PLANTED)
    ] == []


@pytest.mark.parametrize(
    "text",
    [
        "eyJhbGciOiJIUzI1NiJ9....",
        "sk-fading-circle-indicator-with-2-parts",
        "task-force-2024-For-Everyone",
        "SKU00000000000000000000000000000000",
        "monkey-0123456789abcdef0123456789abcdef",
        "00D5e000000abCD",
        "https://a.example/1//0",
        "hf_config_of_a_model_that_is_large_and_new",
        "MTIz.abc.def",
        "New.readme.text-that-is-long-enough-to-be-a-token-of-a-bot",
        "gl-button-and-some-more-words-2",
        "xoxo-kisses",
        "npm_config_registry",
        "pk_of_a_table_live_1234567890",
        "PHNhbWwgaXMgbm8gWE1MIGF0IGFsbCBidXQgYSBwbGFpbiB0ZXh0IHdpdGggd29yZHM=",
    ],
)
def test_what_only_begins_like_a_token_is_not_found(text: str) -> None:
    assert found(text, words=False) == []
