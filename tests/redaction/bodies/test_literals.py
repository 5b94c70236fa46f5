"""Scripts and GraphQL: literals go by the names they are assigned to; all code stays."""

from __future__ import annotations

import json
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.model import Response
from recorder.redaction.bodies import literals
from recorder.redaction.bodies.reading import Form, form_of
from recorder.redaction.policy import load, without_rules
from recorder.redaction.redactor import Redactor
from tests.costs import assert_cheap
from tests.redaction.bodies.changes import Seen, finder, hashed
from tests.redaction.leaks import request, response

pytestmark = pytest.mark.once

PIECES = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    '"',
    "'",
    "`",
    '"""',
    "\\",
    "//",
    "/*",
    "*/",
    ":",
    "=",
    ",",
    ";",
    "\n",
    " ",
    "${",
    "$",
]
SOUP = st.lists(st.sampled_from([*PIECES, "a", "b1", "7", "-1.5e3", "key", "value", "query", "password"])).map("".join)
SCRIPT = "text/javascript"


@given(SOUP | st.text("\"'`\\/*$:=a\n{}", max_size=40))
def test_a_change_of_nothing_leaves_any_text_as_it_is(text: str) -> None:
    policy = without_rules()

    assert literals.changed(text, Seen(), policy, policy.root()) == text


@given(st.text(max_size=12), st.sampled_from(['"', "'", "`"]))
def test_any_literal_is_read_as_the_script_means_it(value: str, quote: str) -> None:
    written = json.dumps(value.replace("$", ""))[1:-1].replace('\\"', '"').replace(quote, "\\" + quote)
    seen, policy = Seen(), without_rules()

    literals.changed(f"var x = {{name: {quote}{written}{quote}, n: 1}}", seen, policy, policy.root())

    expected = value.replace("$", "").encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    got = "".join(text for _, text in seen.values[:-1]).encode("utf-16", "surrogatepass")
    assert got.decode("utf-16", "surrogatepass") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            """var x = {password: "a", b: 'c', userData: {d: 'e', n: 3, "q": `r`}};""",
            """var x = {password: "#", b: 'c', userData: {d: '#', n: 0, "q": `#`}};""",
        ),
        ("const user = {phone: 'a b', tags: ['ada@acme.com']};", "const user = {phone: '#', tags: ['#']};"),
        ('config.password="a b"; other="c"', 'config.password="#"; other="c"'),
        ('x = {"password": ["a", "b"], c: "d"}', 'x = {"password": ["#", "#"], c: "d"}'),
        ('var x = {password: "a" + "b"}', 'var x = {password: "#" + "#"}'),
        ("var x = {password: `a${user.name}b`}", "var x = {password: `#${user.name}#`}"),
        ('var re=/"/; var p={password:"x"}', 'var re=/"/; var p={password:"#"}'),
        ("x = 1; // password: hunter2x\n/* token='abc1' */", "x = 1; // password: #\n/* token='#' */"),
        (
            'var a = [{key: "phone", value: "x y"}, {value: "z", key: "phone"}, {name: "b", value: "c"}]',
            'var a = [{key: "phone", value: "#"}, {value: "#", key: "phone"}, {name: "b", value: "c"}]',
        ),
        ('localStorage.setItem("token", "a b"); f("c", "d")', 'localStorage.setItem("token", "#"); f("c", "d")'),
        ("f('pwd', `a`, 'b'); g(['password', 'c'])", "f('pwd', `#`, 'b'); g(['password', 'c'])"),
        ("var a = {userData: {name: 'Ada'}}", "var a = {userData: {name: '#'}}"),
        ('var a = "{\\"password\\":\\"x\\"}"', 'var a = "{\\"password\\":\\"#\\"}"'),
        ("{'password': 'x', 'phone': u'y z', 'n': None}", "{'password': '#', 'phone': u'#', 'n': None}"),
        ("var x = {'password': 'cut o", "var x = {'password': '#"),
    ],
)
def test_a_literal_in_a_script_goes_by_its_name(body: str, expected: str) -> None:
    assert hashed(body, SCRIPT) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            'mutation { login(user: "a", password: "b", n: 5) { token } }',
            'mutation { login(user: "a", password: "#", n: 5) { token } }',
        ),
        (
            'mutation M($p: String!) { a(input: {phone: "b", userData: {c: "d", e: 4}}) { id } }',
            'mutation M($p: String!) { a(input: {phone: "#", userData: {c: "#", e: 0}}) { id } }',
        ),
        (
            'query Q($password: String = "x", $token: String!) { a }',
            'query Q($password: String = "#", $token: String!) { a }',
        ),
        (
            'mutation { a(password: """x\ny "z" """, note: """n""") }',
            'mutation { a(password: """#""", note: """n""") }',
        ),
        (
            'mutation { a(emails: ["b c", "d"], f: "g") { phone } }',
            'mutation { a(emails: ["#", "#"], f: "g") { phone } }',
        ),
        ('mutation { a(f: [{key: "password", value: "b"}]) }', 'mutation { a(f: [{key: "password", value: "#"}]) }'),
        ("# password: hunter2x\nquery { a }", "# password: #\nquery { a }"),
        ('fragment F on User { a(password: "b") }', 'fragment F on User { a(password: "#") }'),
    ],
)
@pytest.mark.parametrize("wrap", ["alone", "in JSON", "in a form"])
def test_a_literal_in_graphql_goes_by_its_name(body: str, expected: str, wrap: str) -> None:
    if wrap == "alone":
        assert hashed(body, "application/graphql") == hashed(body) == expected
    elif wrap == "in JSON" and not body.startswith("#"):
        assert json.loads(hashed(json.dumps({"query": body, "variables": {"password": "x"}}))) == {
            "query": expected,
            "variables": {"password": "#"},
        }
    else:
        found = finder().form(f"query={quote(body, safe='')}")
        assert unquote(found) == f"query={expected}"


def test_an_anonymous_query_is_no_json() -> None:
    assert hashed('{ login(password: "x") { id } }') == '{ login(password: "#") { id } }'


@pytest.mark.parametrize("body", ["querying {it}", "a query { b }", "a mutation in the gene {x}"])
def test_plain_words_are_no_graphql(body: str) -> None:
    assert form_of(body) is Form.TEXT


@pytest.mark.parametrize(
    "unit",
    [
        '"',
        "'",
        "`",
        '"\\',
        "'\\",
        '"""',
        '""" ',
        '"""\\',
        "//",
        "/*",
        "/* ",
        "/* *",
        "a:",
        "a=",
        "a.",
        "$",
        "${",
        "`${",
        "x = {",
        "{key:",
        "{value:",
        "{value:'a',",
        "a-",
        "a_",
        "1",
        "1,",
        "(",
        ")",
        "\n",
        "query {",
        'a="b"',
    ],
)
def test_a_hostile_script_takes_linear_time(unit: str) -> None:
    policy = load()
    text = unit * (100_000 // len(unit))

    assert_cheap(lambda: literals.changed(text, Seen(), policy, policy.root()), below=1)
    assert_cheap(lambda: finder().body(text.encode(), (("Content-Type", SCRIPT),)), below=3)


def test_names_of_members_stay_whatever_was_seen_before() -> None:
    redactor = Redactor(load(), bytes(32))
    redactor.redact(request("/x", {"userData": {"a": "recordHandle", "b": "Kunde-77-abc"}}))
    body = b"var x = {recordHandle: 'recordHandle', 'Kunde-77-abc': 1, \"recordHandle\": a ? 'Kunde-77-abc' : 'b'};"

    told = redactor.redact(response(body, Content_Type="text/javascript"))

    assert isinstance(told, Response)
    assert told.body.count(b"recordHandle") == 2
    assert told.body.count(b"Kunde-77-abc") == 1
    assert told.body.startswith(b"var x = {recordHandle: '")
