from __future__ import annotations

import base64
from itertools import product
from string import ascii_letters, digits
from urllib.parse import quote, quote_plus, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.redaction.forms import encoded_in, in_base64, in_percent, in_quotes, named

PRINTABLE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=6)


def same(text: str) -> str:
    return text


def loud(text: str) -> str:
    return text + "!"


# Base64


@given(st.text())
def test_base64_in_which_nothing_changes_stays(text: str) -> None:
    assert in_base64(text, same) == text


@given(PRINTABLE, st.booleans(), st.booleans())
def test_what_is_in_base64_is_changed_in_its_own_alphabet(text: str, is_url_safe: bool, is_padded: bool) -> None:
    encode = base64.urlsafe_b64encode if is_url_safe else base64.b64encode
    run = encode(text.encode()).decode()

    found = in_base64(f"a {run if is_padded else run.rstrip('=')} b", lambda text: text.upper())

    decode = base64.urlsafe_b64decode if {"-", "_"} & set(run) else base64.b64decode
    inner = found.removeprefix("a ").removesuffix(" b")
    assert decode(inner + "=" * (-len(inner) % 4)).decode() == text.upper()


@pytest.mark.parametrize("text", ["GetChainedRecord", "AAAAAAAA", "abc", "YWJj", "/api/v2/me/outbound", "YWJjZGVm="])
def test_what_is_base64_of_no_text_stays(text: str) -> None:
    assert in_base64(text, loud) in (text, "YWJjZGVmIQ==")


@pytest.mark.parametrize("run", ["Pz8/Pz8/", "Pz8_Pz8_", "YWJjZGVmZw", "YWJjZGVmZw=="])
def test_for_a_comparison_there_is_one_way_to_write_it(run: str) -> None:
    found = in_base64(run, lambda _: "??>", canonical=True)

    assert found == "Pz8+"


@pytest.mark.parametrize("rest", ["AAAAAA", "JvY2Vzcw", "-_+/09"])
def test_each_run_of_base64_that_is_utf8_is_found_whatever_it_begins_with(rest: str) -> None:
    found, expected = [], []
    for begin in product(ascii_letters + digits + "+/-_", repeat=2):
        run = "".join([*begin, rest])
        found += [(run, plain) for plain in encoded_in(run)]
        told = base64.urlsafe_b64decode(run.replace("+", "-").replace("/", "_") + "=" * (-len(run) % 4))
        if not any(byte < 9 or 13 < byte < 32 or byte == 127 for byte in told):
            expected += [(run, plain)] if (plain := told.decode(errors="ignore")).encode() == told else []

    assert found == expected


# Percent


@given(st.text(), st.text(st.characters(codec="utf-8"), min_size=1))
def test_what_is_percent_encoded_is_changed(before: str, text: str) -> None:
    encoded = "".join(f"%{byte:02x}" for byte in text.encode())
    before = before.replace("%", "") + " "

    assert in_percent(before + encoded, loud, same) == before + quote(text + "!", safe="")
    assert in_percent(before + encoded, same, same) == before + encoded


def test_what_is_between_is_given_to_another() -> None:
    assert in_percent("one a%41 two", loud, str.upper) == "ONE aA%21 TWO"
    assert in_percent("one two", loud, str.upper) == "ONE TWO"


@pytest.mark.parametrize("text", ["100%", "50% of", "%", "%4", "%zz"])
def test_a_percent_sign_alone_encodes_nothing(text: str) -> None:
    assert in_percent(text, loud, same) == text


def test_bytes_that_are_no_utf_8_come_back() -> None:
    assert in_quotes("a%E4%FF", loud) == "a%E4%FF%21"


@given(st.text(st.characters(codec="utf-8")))
def test_a_plus_may_stand_for_a_blank(text: str) -> None:
    seen: list[str] = []

    in_quotes(quote_plus(text), lambda plain: seen.append(plain) or plain, plus=True)
    in_quotes(quote(text).replace("+", "%2B"), lambda plain: seen.append(plain) or plain)

    assert seen == [text, text]


def test_a_text_without_escapes_gets_none() -> None:
    assert in_quotes("ada@acme", loud) == "ada@acme!"
    assert unquote(in_quotes("ada%40acme x", loud)) == "ada@acme x!"


# Names beside values


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://h/a?b=1&c=x%20y#d=2", [("b", "1"), ("c", "x%20y"), ("d", "2")]),
        ("login with password=hunter2, agent=7.", [("password", "hunter2"), ("agent", "7")]),
        ("{a=b, c=d}", [("a", "b"), ("c", "d")]),
        ("user%5Bpin%5D=4", [("user[pin]", "4")]),
        ("a = b", [("a", "b")]),
        ("x a = b", []),
        ("login:ada\npasscode: x y \n\nbody", [("login", "ada"), ("passcode", "x y")]),
        ("https://h/x", []),
        ('{pin: "4", "otp": "a\\"b", who=\'me\'}', [("pin", "4"), ("otp", 'a\\"b'), ("who", "me")]),
        ("YWJjZA==", [("YWJjZA", "=")]),
        ("a=", []),
        ("nothing", []),
    ],
)
def test_named_values_are_found_in_a_text(text: str, found: list[tuple[str, str]]) -> None:
    assert [(name, text[start:end]) for name, start, end in named(text)] == found
