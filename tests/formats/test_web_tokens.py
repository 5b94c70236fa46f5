"""A JSON web token is read, and signed anew with other claims."""

from __future__ import annotations

import pytest

from recorder.formats.web_tokens import claims, is_web_token, with_claims

# RFC 7515, appendix A.1: signed by HMAC with the key below; RFC 7519, section 6.1: unsigned
SIGNED = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ."
    "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
)
KEY = b"your-256-bit-secret"  # the token and key of jwt.io
UNSIGNED = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLCJleHAiOjEzMDA4MTkzODB9."
BY_RSA = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjEzMDA4MTkzODB9.c2ln"


def test_the_same_claims_have_the_same_signature() -> None:
    assert with_claims(SIGNED, {"iat": 1516239022}, KEY) == SIGNED


def test_other_claims_have_another_signature() -> None:
    changed = with_claims(SIGNED, {"iat": 1800000000}, KEY)

    assert changed is not None
    assert claims(changed) == {"sub": "1234567890", "name": "John Doe", "iat": 1800000000}
    assert changed.startswith(SIGNED.partition(".")[0])
    assert with_claims(changed, {"iat": 1516239022}, KEY) == SIGNED


def test_claims_may_hold_half_a_character() -> None:
    changed = with_claims(SIGNED, {"name": "q\ud800"}, KEY)

    assert changed is not None
    assert claims(changed) == (claims(SIGNED) or {}) | {"name": "q\ud800"}


def test_an_unsigned_token_needs_no_key() -> None:
    assert with_claims(UNSIGNED, {}) == UNSIGNED


@pytest.mark.parametrize(("token", "key"), [(SIGNED, None), (BY_RSA, KEY), (BY_RSA, None), ("eyJhIjox.eyJh.c2ln", KEY)])
def test_without_its_key_there_is_no_other_token(token: str, key: bytes | None) -> None:
    assert with_claims(token, {"exp": 1}, key) is None


@pytest.mark.parametrize("value", ["", "a.b.c", "eyJ", "eyJhbGciOiJub25lIn0", None, 7, f"Bearer {SIGNED}"])
def test_another_value_is_no_token(value: object) -> None:
    assert not is_web_token(value)
