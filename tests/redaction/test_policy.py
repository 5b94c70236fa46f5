from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import PolicyError
from recorder.model import Header
from recorder.redaction.joins import of_cassette
from recorder.redaction.policy import NO_RULE, Names, Policy, Rule, load, parse
from recorder.redaction.pseudonyms import Kind
from tests.wire import HEADER

SMALL = """\
name = "small"
[headers]
keep = ["accept*"]
[fields]
secret = ["password"]
"""
SECRET, PERSONAL, KEPT = Rule(Kind.SECRET), Rule(Kind.PERSONAL), Rule(kept=True)


@pytest.fixture
def gws() -> Policy:
    return load()


def mistakes(text: str) -> list[str]:
    with pytest.raises(PolicyError) as error:
        parse(text, path="my.toml")
    return [str(problem) for problem in error.value.problems]


# Names


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("token", "token"), ("token", "a.b.token"), ("*token", "a.accesstoken"), ("phone[0-9]", "x.phone1"),
        ("user.name", "user.name"), ("user.name", "a.user.name"), ("u*.name", "user.name"), ("a?c", "abc"),
    ],
)  # fmt: skip
def test_a_name_fits_the_end_of_a_path(glob: str, path: str) -> None:
    assert path in Names.of([glob.upper()])


@pytest.mark.parametrize(
    ("glob", "path"),
    [("token", "tokens"), ("token", "token.x"), ("user.name", "name"), ("user.name", "user.x.name"), ("a*", "b.ca")],
)
def test_a_name_fits_no_other_path(glob: str, path: str) -> None:
    assert path not in Names.of([glob])


def test_of_no_names_none_fits() -> None:
    assert "" not in Names.of([])


# Rules


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("password", SECRET), ("newPassword", SECRET), ("access_token", SECRET), ("JSESSIONID", SECRET),
        ("client_secret", SECRET), ("cardNumber", SECRET), ("phoneNumber", PERSONAL), ("GSW_PHONE", PERSONAL),
        ("contact_info", PERSONAL), ("firstName", PERSONAL), ("email", PERSONAL), ("GSW_RECORD_HANDLE", KEPT),
        ("referenceId", KEPT), ("campaignName", KEPT), ("devicePath", KEPT), ("channel", KEPT), ("clientId", KEPT),
        ("notificationType", KEPT), ("operationName", KEPT), ("data", NO_RULE), ("uri", NO_RULE),
    ],
)  # fmt: skip
def test_the_shipped_policy_knows_the_names_of_gws(gws: Policy, name: str, rule: Rule) -> None:
    assert gws.rule(name) == rule


def test_what_a_rule_names_goes_for_all_in_it(gws: Policy) -> None:
    place = gws.root()
    for name in ("ext", "authentication", "credentials", "user"):
        place = gws.inside(place, name)

    assert place.rule == SECRET
    assert place.path == "ext.authentication.credentials.user"


def test_a_field_decides_before_what_it_stands_in(gws: Policy) -> None:
    container = gws.inside(gws.root(), "userData")

    rules = [gws.inside(container, name).rule for name in ("anything", "GSW_CHAIN_ID", "password")]

    assert rules == [PERSONAL, KEPT, SECRET]


def test_a_path_keeps_its_end(gws: Policy) -> None:
    place = gws.root()
    for _ in range(1_000):
        place = gws.inside(place, "abc")

    assert len(place.path) <= 400
    assert gws.inside(place, "password").rule == SECRET


def test_not_all_places_are_remembered() -> None:
    policy = parse(SMALL, path="x")

    for number in range(50_000):
        policy.inside(policy.root(), f"name{number}")

    assert len(policy.root().inner) <= 20_000
    assert policy.rule("password") == SECRET


@given(st.text())
def test_any_name_has_a_rule(name: str) -> None:
    assert isinstance(load().rule(name), Rule)


# Values


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mail ada@acme.example, please", ["ada@acme.example"]),
        ("'o'brien+x@acme.co.uk'", ["brien+x@acme.co.uk"]),
        ("call +49 351 4555-0.", ["+49 351 4555-0"]),
        ("call (415) 555-2671.", ["(415) 555-2671", "555-2671"]),
        ("call 1-415-555-2671 now", ["1-415-555-2671"]),
        ("555-0101", ["555-0101"]),
        ("ssn 123-45-6789", ["123-45-6789"]),
        ("DE89 3704 0044 0532 0130 00", ["3704 0044 0532 0130", "DE89 3704 0044 0532 0130 00"]),
        ("GB82WEST12345698765432", ["GB82WEST12345698765432"]),
        ("4111 1111 1111 1111", ["4111 1111 1111 1111"]),
        ("card 4111111111111111.", ["11111111111111"]),
        ("https://ada:Pa55!@h.example", ["ada:Pa55!"]),
        ("Bearer abcDEF123", ["abcDEF123"]),
        ("password: hunter2", ["hunter2"]),
        ("X-CSRF-TOKEN: c259da54", ["c259da54"]),
        ("eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", ["hbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl"]),
        ("AKIAIOSFODNN7EXAMPLE", ["IOSFODNN7EXAMPLE"]),
        ("ghp_abcdefghijklmnopqrst", ["abcdefghijklmnopqrst"]),
        ("xoxb-1234567890", ["1234567890"]),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END", ["\nabc\n"]),
    ],
)
def test_the_shipped_policy_knows_values_by_their_format(gws: Policy, text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end, _ in gws.values.spans(text)] == found


# Files


def test_a_policy_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text(SMALL)

    assert load(str(path)).name == "small"


@pytest.mark.parametrize("source", ["nothing", "no/such.toml", "..", "../gws.toml", "gws.toml/x"])
def test_a_policy_that_is_not_there_is_an_error(source: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(source)):
        load(source)


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_bytes(b"\xff\xfe")

    with pytest.raises(PolicyError, match="cannot be read"):
        load(str(path))


def header(policy: str) -> Header:
    return replace(HEADER, redaction=policy)


@pytest.mark.parametrize("name", ["none", "headers-1"])
def test_cassettes_without_a_policy_for_bodies_have_none(name: str) -> None:
    assert of_cassette(header(name)) is None


def test_the_policy_of_a_cassette_is_shipped_or_given(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text(SMALL)

    gws = of_cassette(header("gws"))
    assert gws is not None
    assert gws.text == load().text
    found = of_cassette(header("small"), str(path))
    assert found is not None
    assert found.name == "small"


def test_another_policy_than_that_of_a_cassette_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text(SMALL)

    with pytest.raises(PolicyError, match="is 'small', but the cassette was redacted by 'gws'"):
        of_cassette(header("gws"), str(path))


# Mistakes


@pytest.mark.parametrize(
    ("old", "new", "line", "key"),
    [
        ('name = "small"', "", None, "name"),
        ('name = "small"', "name = 7", 1, "name"),
        ('name = "small"', 'name = "a b"', 1, "name"),
        ('name = "small"', 'name = "none"', 1, "name"),
        ('keep = ["accept*"]', "", 2, "headers.keep"),
        ('keep = ["accept*"]', 'keep = "accept"', 3, "headers.keep"),
        ('keep = ["accept*"]', "keep = [1]", 3, "headers.keep"),
        ("[headers]", "[header]", 2, "header"),
        ("secret = ", "secrets = ", 5, "fields.secrets"),
        ('secret = ["password"]', "secret = [['a']]", 5, "fields.secret"),
        ("[fields]", "[field]", 4, "field"),
    ],
)
def test_a_mistake_names_its_line_and_its_key(old: str, new: str, line: int | None, key: str) -> None:
    place = f"my.toml:{line}: {key}: " if line else f"my.toml: {key}: "

    assert any(found.startswith(place) for found in mistakes(SMALL.replace(old, new)))


@pytest.mark.parametrize("pattern", ["(", "a*", "(a)(b)", "(?P<x>a)", "(?i)a", "", "[a"])
def test_a_pattern_that_cannot_be_used_is_a_mistake(pattern: str) -> None:
    found = mistakes(f"{SMALL}[values]\npersonal = ['x', '{pattern}']\n")

    assert [text.partition(": '")[0] for text in found] == ["my.toml:7: values.personal"]


def test_all_mistakes_are_told_at_once() -> None:
    assert len(mistakes('name = ""\n[headers]\nkep = []\n[fields]\nsecret = 1\n')) >= 3


def test_what_is_no_toml_is_a_mistake() -> None:
    assert mistakes('name = "small"\nname = "again"\n')[0].startswith("my.toml:2: TOML")
