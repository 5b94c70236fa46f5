from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import PolicyError
from recorder.model import Header
from recorder.redaction.joins import of_cassette
from recorder.redaction.policy import NO_RULE, Names, Policy, Rule, load, names, parse
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


@pytest.mark.parametrize("path", ["token", "a.pin", "user.name", "x.y.z"])
def test_two_lists_of_names_fit_what_one_of_them_fits(path: str) -> None:
    assert path in Names.of(["token", "user.name"]) | Names.of(["pin", "x.y.z"])
    assert f"{path}s" not in Names.of(["token", "user.name"]) | Names.of(["pin", "x.y.z"])


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


# The names of the shipped policies


@pytest.mark.parametrize(
    "name",
    [
        # passwords
        "pass", "db_pass", "userPass", "passphrase", "passcode", "userPwd", "dbPasswd", "Kennwort", "neuesPasswort",
        "totp",
        "pinCode", "mfa_code", "verificationCode", "securityAnswer", "collectedDigits",
        # keys and tokens
        "apiKey", "X-Api-Key", "googleApiKey", "access_key", "AccessKeyId", "secretKey", "privateKey", "private_key_id",
        "connectionString", "webhookUrl", "securityToken", "apiToken", "deviceToken", "bearerToken", "id_token", "sig",
        "X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "signature", "AccountKey", "licenseKey", "jwt",
        # sign-in
        "client_assertion", "assertion", "code_verifier", "nonce", "id_token_hint", "refresh_token", "device_code",
        "user_code", "authorizationCode", "SAMLRequest", "SAMLResponse", "RelayState", "SAMLart",
        # sessions and forms
        "sid", "sessionId", "PHPSESSID", "ASP.NET_SessionId", "WORKSPACE_SESSIONID", "_csrf", "authenticity_token",
        "csrfmiddlewaretoken", "__RequestVerificationToken", "__VIEWSTATE", "X-XSRF-TOKEN",
    ],
)  # fmt: skip
def test_a_name_of_secrets_is_known(gws: Policy, name: str) -> None:
    assert gws.rule(name) == SECRET


@pytest.mark.parametrize(
    "name",
    [
        "login_hint", "postcode", "postal_code", "userEmail", "userFullName", "contactFirstName", "agent_last_name",
        "given_name", "familyName", "surname", "nick_name", "preferred_username", "dnis", "data.destination",
        "call.participants.number", "dn.number", "agentId", "accountNumber", "callbackNumber",
    ],
)  # fmt: skip
def test_a_name_of_personal_values_is_known(gws: Policy, name: str) -> None:
    assert gws.rule(name) == PERSONAL


@pytest.mark.parametrize("policy", names())
@pytest.mark.parametrize("kind", ["secret", "personal", "keep"])
def test_each_name_of_a_list_has_the_rule_of_its_list(policy: str, kind: str) -> None:
    shipped = load(policy)
    listed = tomllib.loads(shipped.text)["fields"].get(kind, [])

    rules = {name: shipped.rule(name.replace(".*", ".x").replace("[0-9]", "1").replace("*", "")) for name in listed}

    assert rules == dict.fromkeys(listed, KEPT if kind == "keep" else Rule(Kind(kind)))


@pytest.mark.parametrize(
    "name",
    [
        "passenger", "compass", "bypass", "passed", "passive", "stateCode", "unicode", "barcode", "areaCode", "code",
        "errorCode",
        "countryCode", "code_challenge", "code_challenge_method", "tokenType", "token_type", "tokens", "maxTokens",
        "signal", "design",
        "assignment", "keyPad", "monkey", "keys", "key", "destination", "destinations", "number", "webhook",
        "webhookId", "spinner",
        "shipping", "option", "announce", "pronounced", "assertions", "client_assertion_type", "capacity",
        "velocity", "ticket",
        "ticketId", "grant_type", "scope", "schema", "hint", "accounts", "account", "name", "fileName", "groupName2",
        "sign", "insertion",
        "expires_in", "issued_at", "instance_url",
    ],
)  # fmt: skip
def test_a_plain_name_has_no_rule(gws: Policy, name: str) -> None:
    assert gws.rule(name) == NO_RULE


@pytest.mark.parametrize(
    "name", ["state", "statusCode", "id", "callUuid", "connId", "callId", "operationId", "data.schema"]
)
def test_ids_and_states_are_kept(gws: Policy, name: str) -> None:
    assert gws.rule(name) == KEPT


# Sign-in


@pytest.mark.parametrize(
    ("names", "path"),
    [
        (["code", "state"], ""),
        (["CODE", "State"], ""),
        (["state", "client_id", "response_type", "redirect_uri"], "/x"),
        (["code", "redirect_uri"], "/workspace/v3/initialize-workspace"),
        (["code", "grant_type"], "/services/oauth2/token"),
        (["code"], "/auth/callback"),
        (["code"], "/services/oauth2/success"),
        (["state"], "/SIGNIN-OIDC"),
        (["code"], "/v1.0/oauth/x"),
    ],
)  # fmt: skip
def test_code_and_state_of_a_sign_in_are_secret(gws: Policy, names: list[str], path: str) -> None:
    rule = gws.parameters(names, path)

    assert {rule(name) for name in names if name.lower() in ("code", "state")} == {SECRET}
    assert rule("scope") == NO_RULE
    assert rule("phoneNumber") == PERSONAL


@pytest.mark.parametrize(
    ("names", "path"),
    [
        (["state"], ""),
        (["code"], "/errors"),
        (["state", "state"], "/api/v2/agents"),
        (["state", "offset", "limit"], "/api/v2/me/calls"),
        (["code", "reason"], "/engagement/v3/callbacks"),
        (["error", "code"], "/error"),
    ],
)
def test_code_and_state_elsewhere_mean_other_things(gws: Policy, names: list[str], path: str) -> None:
    rule = gws.parameters(names, path)

    assert (rule("code"), rule("state")) == (NO_RULE, KEPT)


def test_a_state_in_a_body_is_kept(gws: Policy) -> None:
    place = gws.inside(gws.inside(gws.root(), "call"), "state")

    assert place.rule == KEPT


# A policy that extends another


EXTENDED = 'name = "mine"\nextends = "{base}"\n'


def test_a_policy_begins_from_the_one_that_it_extends(gws: Policy) -> None:
    mine = parse(EXTENDED.format(base="gws"), path="mine.toml")

    assert (mine.name, mine.values, mine.routes, mine.sign_in.paths) == (
        "mine", gws.values, gws.routes, gws.sign_in.paths,
    )  # fmt: skip
    assert [mine.rule(name) for name in ("password", "phone", "referenceId", "x")] == [SECRET, PERSONAL, KEPT, NO_RULE]
    assert ["cookie" in mine.cookies, "authorization" in mine.credentials, "accept" in mine.kept_headers] == [True] * 3


def test_the_own_lists_of_a_policy_decide_before_those_it_extends() -> None:
    mine = parse(
        EXTENDED.format(base="gws")
        + '[headers]\nkeep = ["x-mine"]\n[fields]\nkeep = ["phone"]\nsecret = ["referenceid", "schema"]\n'
        + '[inside]\nsecret = ["userdata"]\n[urls]\nroutes = ["/mine/{token}"]\n[values]\nsecret = ["MINE-(\\\\d+)"]\n'
        + '[sign_in]\nsecret = ["ticket"]\nbeside = ["service"]\n',
        path="mine.toml",
    )

    assert [mine.rule(name) for name in ("phone", "referenceId", "data.schema")] == [KEPT, SECRET, SECRET]
    assert mine.inside(mine.inside(mine.root(), "userData"), "x").rule == SECRET
    assert "x-mine" in mine.kept_headers
    assert [text[start:end] for text in ("MINE-42",) for start, end, _ in mine.values.spans(text)] == ["42"]
    assert mine.routes[0].fullmatch("/mine/abc")
    assert mine.parameters(["ticket", "service"])("ticket") == SECRET
    assert mine.parameters(["ticket"])("ticket") == NO_RULE


def test_a_policy_extends_one_that_extends_another() -> None:
    mine = parse(EXTENDED.format(base="salesforce"), path="mine.toml")

    assert [mine.rule(name) for name in ("password", "Name")] == [SECRET, PERSONAL]


@pytest.mark.parametrize("base", ["nobody", "", "../gws", "mine.toml"])
def test_a_policy_extends_only_a_shipped_one(base: str) -> None:
    (mistake,) = mistakes(EXTENDED.format(base=base))

    assert mistake == f"my.toml:2: extends: no policy {base!r} is shipped; there are 'gws', 'salesforce'"


def test_a_policy_has_another_name_than_the_one_it_extends() -> None:
    (mistake,) = mistakes('name = "gws"\nextends = "gws"\n')

    assert mistake == "my.toml:1: name: must not be 'gws', the name of the policy that this one extends"


def test_extends_is_a_string() -> None:
    assert (
        mistakes('name = "x"\nextends = ["gws"]\n')[0] == 'my.toml:2: extends: must be a string; write extends = "gws"'
    )


@pytest.mark.parametrize("name", names())
def test_each_shipped_policy_is_read(name: str) -> None:
    assert load(name).name == name


def test_a_name_with_more_dots_decides_first() -> None:
    text = SMALL.replace('secret = ["password"]', 'secret = ["name"]\npersonal = ["a.b.name"]\nkeep = ["b.name"]')

    policy = parse(text, path="x")

    assert [policy.rule(name) for name in ("name", "b.name", "a.b.name", "c.b.name")] == [SECRET, KEPT, PERSONAL, KEPT]


# Salesforce


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("Id", KEPT), ("AccountId", KEPT), ("OwnerId", KEPT), ("payload.ChangeEventHeader.recordIds", KEPT),
        ("ChangeEventHeader.commitUser", KEPT), ("ChangeEventHeader.transactionKey", KEPT), ("data.schema", KEPT),
        ("event.replayId", KEPT), ("instance_url", KEPT), ("attributes.type", KEPT),
        ("fields.name", KEPT), ("sobjects.name", KEPT),
        ("Name", PERSONAL), ("FirstName", PERSONAL), ("LastName", PERSONAL), ("Email", PERSONAL), ("Phone", PERSONAL),
        ("MobilePhone", PERSONAL), ("MailingStreet", PERSONAL), ("BillingCity", PERSONAL),
        ("OtherPostalCode", PERSONAL),
        ("Description", PERSONAL), ("Subject", PERSONAL), ("CommentBody", PERSONAL), ("Title", PERSONAL),
        ("Contact_Email__c", PERSONAL), ("Full_Name__c", PERSONAL), ("userFullName", PERSONAL),
        ("MailingAddress", PERSONAL),
        ("access_token", SECRET), ("sessionId", SECRET), ("sid", SECRET), ("password", SECRET), ("signature", SECRET),
        ("Account__c", NO_RULE), ("Order_Number__c", NO_RULE), ("Capacity", NO_RULE), ("Industry", NO_RULE),
        ("success", NO_RULE),
    ],
)  # fmt: skip
def test_the_policy_for_salesforce_knows_its_names(name: str, rule: Rule) -> None:
    assert load("salesforce").rule(name) == rule


def test_a_session_id_of_salesforce_is_found_in_text() -> None:
    session = "00D5i000000a1Xy!AQEAQKcVqZs0xWmvR.1lT2uYbNoP_e4GhJkLmNpQrS"

    (span,) = load("salesforce").values.spans(f"INVALID_SESSION {session}, log in")

    assert session[: span[0] - 16] == "00D5i000000a1Xy!"
    assert f"INVALID_SESSION {session}"[span[0] : span[1]] == session.partition("!")[2]


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
        ('name = "small"', "", 1, "name"),
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
def test_a_mistake_names_its_line_and_its_key(old: str, new: str, line: int, key: str) -> None:
    assert any(found.startswith(f"my.toml:{line}: {key}: ") for found in mistakes(SMALL.replace(old, new)))


@pytest.mark.parametrize("pattern", ["(", "a*", "(a)(b)", "(?P<x>a)", "(?i)a", "", "[a"])
def test_a_pattern_that_cannot_be_used_is_a_mistake(pattern: str) -> None:
    found = mistakes(f"{SMALL}[values]\npersonal = ['x', '{pattern}']\n")

    assert [text.partition(": '")[0] for text in found] == ["my.toml:7: values.personal"]


def test_all_mistakes_are_told_at_once() -> None:
    assert len(mistakes('name = ""\n[headers]\nkep = []\n[fields]\nsecret = 1\n')) >= 3


def test_what_is_no_toml_is_a_mistake() -> None:
    assert mistakes('name = "small"\nname = "again"\n')[0].startswith("my.toml:2: TOML")
