"""The policy that a cassette holds: without values, never run, never a reason to keep a value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recorder.dialect.carried import dialect_of
from recorder.dialect.definition import names, parse, source
from recorder.errors import CassetteError, DialectError, PolicyError
from recorder.model import Header
from recorder.redaction import policy as policies
from recorder.redaction.carried import carrying, described, policy_of, without_values
from recorder.redaction.joins import for_cassette, of_cassette

HEADER = Header(0, "", "gws-outbound", "gws", file="s.cassette")
GWS = source("gws-outbound")
OWN = """
name = "own" # of Zoë Müller, +49 351 4555-0
extends = "gws"
[fields]
personal = ["hobby", "a\\"b\\u007f"]
[values]
personal = ["Zoë M[uü]ller"]
secret = ["hunter2", '://([^\\s/:@"]+:[^\\s/@"]+)@']
"""


def own() -> policies.Policy:
    return policies.parse(OWN, path="own.toml")


@pytest.mark.parametrize("name", policies.names())
def test_a_shipped_policy_comes_back_as_it_is(name: str) -> None:
    shipped = policies.shipped(name)

    assert policy_of(replace(HEADER, redaction=name, policy_text=described(shipped))) is shipped


def test_what_a_policy_names_comes_back() -> None:
    found = policy_of(replace(HEADER, redaction="own", policy_text=described(own())))

    assert found is not None
    assert (found.name, found.fields, found.kept_headers) == ("own", own().fields, own().kept_headers)


def test_comments_and_patterns_of_its_own_are_left_out() -> None:
    text = described(own())

    assert [one for one in ("Zoë", "Müller", "4555", "hunter2") if one in text] == []
    assert "# 1 of 1 patterns are left out" in text
    assert "# 1 of 2 patterns are left out" in text
    assert "://([^" in text


def test_a_pattern_that_came_with_a_cassette_is_never_compiled() -> None:
    hostile = 'name = "own"\nextends = "gws"\n[values]\nsecret = ["(a+)+$", "(", "x{1000}{1000}{1000}"]\n'

    found = policy_of(replace(HEADER, redaction="own", policy_text=hostile))

    assert found is not None
    assert found.values.patterns == policies.shipped("gws").values.patterns


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name = ", "is no TOML"),
        ('name = "own"\nextends = "nobody"\n', "no policy 'nobody' is shipped"),
        ('name = "own"\nextends = "\ud800"\n', "half a character"),
        ("# long\n" * 30_000, "more than 131072 bytes"),
        ("a" + ".a" * 60_000 + " = 1", "dots in line 1"),
    ],
)
def test_a_policy_that_cannot_be_used_is_told_with_the_file_and_the_way_out(text: str, problem: str) -> None:
    with pytest.raises(CassetteError, match=rf"^s\.cassette: the policy 'own' in it .*{problem}.*--policy FILE"):
        policy_of(replace(HEADER, redaction="own", policy_text=text))


def test_only_who_compares_takes_the_policy_of_the_cassette() -> None:
    header = replace(HEADER, redaction="own", policy_text=described(own()))

    found = of_cassette(header, described=True)

    assert found is not None
    assert found.name == "own"
    with pytest.raises(PolicyError, match="no such policy is shipped"):
        of_cassette(header)


def test_a_policy_that_calls_itself_as_the_header_does_not_is_refused() -> None:
    with pytest.raises(PolicyError, match="is 'own', but the cassette was redacted by 'gws'"):
        of_cassette(replace(HEADER, policy_text=described(own())), described=True)


# The dialect


HOSTILE = GWS.replace(
    "[request.keys]", '[request.keys]\nx = ["header.X-Session", "body.secretThing", "body.password"]', 1
)


def test_a_dialect_that_came_with_a_cassette_lets_nothing_stay() -> None:
    gws, header = policies.shipped("gws"), replace(HEADER, dialect_text=HOSTILE)

    mine, theirs = for_cassette(gws, replace(HEADER, dialect_text="")), for_cassette(gws, header)

    assert theirs.kept_headers == mine.kept_headers
    assert not [path for path, rule in theirs.exact.items() if rule != mine.exact.get(path) and rule.kind is None]
    assert theirs.rule("password").kind is not None
    assert theirs.rule("secretThing").kind is not None


def test_a_dialect_that_the_user_names_is_trusted() -> None:
    trusted = for_cassette(policies.shipped("gws"), HEADER, parse(HOSTILE, path="mine.toml"))

    assert "x-session" in trusted.kept_headers


def test_a_header_holds_its_dialect() -> None:
    old = replace(HEADER, format=1)
    mine = parse(GWS.replace('name = "gws-outbound"', 'name = "mine"'), path="mine.toml")

    assert carrying(old) == replace(HEADER, dialect_text=GWS)
    assert dialect_of(carrying(old, mine)).name == "mine"
    assert carrying(replace(old, dialect="nobody")) == replace(HEADER, dialect="nobody")


@pytest.mark.parametrize(
    ("comment", "left"),
    [
        ("# ask zoe.mueller@example.org", "# ask "),
        ("# Authorization: Bearer 0123456789abcdefABCDEF", "# Authorization: Bearer "),
        ("# curl http://me:hunter2@gws:8090/", "# curl http://@gws:8090/"),
        ("# -----BEGIN RSA PRIVATE KEY-----\n# MIIB\n# -----END RSA", "# -----BEGIN RSA PRIVATE KEY----------END RSA"),
        ("# a@example.org, b@example.org", "# , "),
    ],
)
def test_a_dialect_is_held_without_values(comment: str, left: str) -> None:
    mine = parse(f"{comment}\n{GWS}", path="mine.toml")

    assert carrying(HEADER, mine).dialect_text == f"{left}\n{GWS}"


def test_a_dialect_that_is_none_without_its_values_is_refused() -> None:
    with pytest.raises(DialectError, match="holds what looks like a secret"):
        without_values("a@example.org = 1", policies.shipped("gws"))


@pytest.mark.parametrize("name", names())
def test_shipped_dialects_hold_no_values(name: str) -> None:
    text = source(name)

    assert {without_values(text, policies.shipped(policy)) for policy in policies.names()} == {text}


@pytest.mark.parametrize(
    "comment",
    ["  # https://host.example/x?access_token=abcdef123456", "#/x?sid=1&refresh_token=abcdef123456"],
)
def test_a_comment_that_names_a_secret_is_left_out(comment: str) -> None:
    text = without_values(f"# before\n{comment}\nname = 'mine' # after\n", policies.shipped("gws"))

    assert text == "# before\n#\nname = 'mine' # after\n"
