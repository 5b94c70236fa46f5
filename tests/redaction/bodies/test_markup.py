"""XML, SOAP and HTML: names stay, values are found by the names around them, all other bytes stay."""

from __future__ import annotations

from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.redaction.bodies import markup
from recorder.redaction.policy import load, without_rules
from tests.costs import assert_cheap
from tests.redaction.bodies.changes import Seen, finder, hashed

pytestmark = pytest.mark.once

NAMES = st.sampled_from(["a", "b-c", "n:d", "Body", "user.name", "_x", "é"])
TEXTS = st.text("ab<>&\"' \n]é-?!{", max_size=8)
PIECES = [
    "<",
    ">",
    "</",
    "/>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?",
    "?>",
    "<!DOCTYPE ",
    "[",
    "]",
    '"',
    "'",
    "=",
    " ",
]
SOUP = st.lists(st.sampled_from([*PIECES, "a", "key", "<value>", "<key>", "<script>", "&amp;", "&#x68;", "\n"])).map(
    "".join
)
SOAP = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header><wsse:Security><wsse:UsernameToken>'
    "<wsse:Username>{}</wsse:Username>"
    '<wsse:Password Type="http://docs.example/wss#PasswordText">{}</wsse:Password>'
    "</wsse:UsernameToken></wsse:Security></s:Header></s:Envelope>"
)
SAML = '<saml:Attribute Name="{}"><saml:AttributeValue xsi:type="xs:string">{}</saml:AttributeValue></saml:Attribute>'


@st.composite
def documents(draw: st.DrawFn, depth: int = 3) -> str:
    name = draw(NAMES)
    found = draw(st.dictionaries(st.sampled_from(["x", "key", "n:y", "type", "Name"]), TEXTS, max_size=2))
    attributes = "".join(f" {name}={quoteattr(value)}" for name, value in found.items())
    inner = []
    for _ in range(draw(st.integers(0, 3)) if depth else 0):
        text = draw(TEXTS)
        inner += [
            draw(documents(depth - 1)),
            draw(
                st.sampled_from(
                    [
                        escape(text),
                        f"<![CDATA[{text.replace(']', '')}]]>",
                        f"<!--{text.replace('-', '')}-->",
                        f"<?pi {text.replace('?', '')}?>",
                        " ",
                        f"&#x{ord('h'):x};&#104;",
                    ]
                )
            ),
        ]
    return f"<{name}{attributes}/>" if not inner else f"<{name}{attributes} >{''.join(inner)}</{name}\n>"


def read(text: str) -> Seen:
    seen = Seen()
    policy = without_rules()
    assert markup.changed(text, seen, policy, policy.root()) == text
    return seen


@given(SOUP | st.text("<>&'\"/=!-[]?ab \n", max_size=60))
def test_a_change_of_nothing_leaves_any_text_as_it_is(text: str) -> None:
    read(text)


@given(documents())
def test_names_and_values_are_those_that_expat_finds(text: str) -> None:
    names: list[str] = []
    values: list[str] = []
    parser = expat.ParserCreate()
    parser.ordered_attributes = True
    parser.buffer_text = False

    def start(name: str, attributes: list[str]) -> None:
        names.extend([name, *attributes[::2]])
        values.extend(attributes[1::2])

    parser.StartElementHandler = start  # type: ignore[assignment]  # ordered attributes are a list
    parser.CharacterDataHandler = values.append
    parser.Parse(f'<!DOCTYPE r [<!ENTITY e "x">]>{text}', True)  # expat knows no keywords

    seen = read(text)

    assert seen.names == [name.rpartition(":")[2] for name in names]
    found = "".join(value for path, value in seen.values)
    assert sorted("".join(found.split())) == sorted(without_line_ends(values))


def without_line_ends(values: list[str]) -> str:
    return "".join("".join(values).split())


@given(documents(), st.data())
def test_a_document_that_is_cut_off_anywhere_is_read_as_far_as_it_goes(text: str, data: st.DataObject) -> None:
    read(text[: data.draw(st.integers(0, len(text)))])


def test_no_value_under_a_name_is_left_wherever_a_document_is_cut_off() -> None:
    text = SOAP.format("ada", "hunter2x")

    for end in range(len(text)):
        assert "hunter2" not in hashed(text[:end])
        assert "hu" not in hashed(text[:end]).partition("Text")[2]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (SOAP.format("Ada L", "hunter2x"), SOAP.format("#", "#")),
        (SAML.format("mail", "Ada L"), SAML.format("mail", "#")),
        (
            '<Attribute Name="urn:oid:1.2.3" FriendlyName="mail"><AttributeValue>Ada</AttributeValue></Attribute>',
            '<Attribute Name="urn:oid:1.2.3" FriendlyName="mail"><AttributeValue>#</AttributeValue></Attribute>',
        ),
        ("<a password=\"x y\" b='c' userName='d &quot; e'/>", "<a password=\"#\" b='c' userName='#'/>"),
        ("<a><password><![CDATA[a<b>&c]]></password></a>", "<a><password><![CDATA[#]]></password></a>"),
        ("<password>\n  hunter <![CDATA[two]]>\n</password>", "<password>\n  # <![CDATA[#]]>\n</password>"),
        ("<userData>Ada <b>L</b> of <i>D</i></userData>", "<userData># <b>#</b> # <i>#</i></userData>"),
        ("<a><password>&#x68;&amp;&lt;</password></a>", "<a><password>#</password></a>"),
        ("<a><!-- <password>hunter2x</password> --></a>", "<a><!-- <password>#</password> --></a>"),
        ("<a><!-- old: <password>hunter2x</password> --></a>", "<a><!-- old: <password>#</password> --></a>"),
        ('<a><?php password="hunter2x" ?></a>', '<a><?php password="#" ?></a>'),
        (
            '<!DOCTYPE a [<!ENTITY pw "hunter2x"><!ENTITY y SYSTEM "http://h.example/x">]><password>&pw;</password>',
            '<!DOCTYPE a [<!ENTITY pw "#"><!ENTITY y SYSTEM "http://h.example/x">]><password>&pw;</password>',
        ),
        ("<!x'><password>hunter2x</password>", "<!x'><password>#</password>"),
        ('<x><param name="password" value="a"/></x>', '<x><param name="password" value="#"/></x>'),
        ('<x><param value="a" name="password"/></x>', '<x><param value="#" name="password"/></x>'),
        ('<x><entry key="password">a b</entry></x>', '<x><entry key="password">#</entry></x>'),
        (
            '<property name="password"><value>a</value></property>',
            '<property name="password"><value>#</value></property>',
        ),
        (
            "<dict><key>password</key><string>a</string><key>n</key><string>b</string></dict>",
            "<dict><key>password</key><string>#</string><key>n</key><string>b</string></dict>",
        ),
        (
            "<dict><key>userData</key><dict><key>color</key><string>red</string></dict></dict>",
            "<dict><key>userData</key><dict><key>color</key><string>#</string></dict></dict>",
        ),
        (
            "<i><key>phone</key><type>str</type><value>a</value></i>",
            "<i><key>phone</key><type>str</type><value>#</value></i>",
        ),
        (
            "<i><value>a</value><type>str</type><key>phone</key></i>",
            "<i><value>#</value><type>str</type><key>phone</key></i>",
        ),
        (
            "<member><name>pwd</name>\n<value><string>a</string></value></member>",
            "<member><name>pwd</name>\n<value><string>#</string></value></member>",
        ),
        ("<userData><name>Ada</name></userData>", "<userData><name>#</name></userData>"),
        ("<userData><name>Ada</name><age>36</age></userData>", "<userData><name>#</name><age>#</age></userData>"),
        (
            '<a>{"password":"x"}</a><b><![CDATA[{"password":"x"}]]></b>',
            '<a>{"password":"#"}</a><b><![CDATA[{"password":"#"}]]></b>',
        ),
        ("<a>&lt;password&gt;hunter2x&lt;/password&gt;</a>", "<a>&lt;password&gt;#&lt;/password&gt;</a>"),
        ("<LOGIN><PASSWORD>hunter2x</PASSWORD></LOGIN>", "<LOGIN><PASSWORD>#</PASSWORD></LOGIN>"),
        ("<a></b><password>x</password></a>", "<a></b><password>#</password></a>"),
        ('<a x="a>b" password="x">t</a>', '<a x="a>b" password="#">t</a>'),
        ("<html><input name=password value=x><br>y</html>", "<html><input name=password value=#><br>y</html>"),
        ('<div><input type="password" value="x y"></div>', '<div><input type="password" value="#"></div>'),
        ('<html><meta name="csrf-token" content="x"></html>', '<html><meta name="csrf-token" content="#"></html>'),
        (
            '<p>a<br>b<script>var x={password:"y"};if(a<b){}</script></p>',
            '<p>a<br>b<script>var x={password:"#"};if(a<b){}</script></p>',
        ),
        (
            '<html><a href="/x?access_token=y&amp;b=1">z</a></html>',
            '<html><a href="/x?access_token=#&amp;b=1">z</a></html>',
        ),
        ("<userData><t>true</t></userData>", "<userData><t>true</t></userData>"),
        ("Hello <b>you</b>, <password>hunter2x</password>", "Hello <b>you</b>, <password>#</password>"),
    ],
)
def test_a_value_goes_by_the_names_around_it(body: str, expected: str) -> None:
    assert hashed(body) == expected


@pytest.mark.parametrize("body", ['{"x": "<a><password>y</password></a>"}', '{"x": "<password>y"}'])
def test_markup_in_json_is_read(body: str) -> None:
    assert hashed(body) == body.replace(">y", ">#")


@pytest.mark.parametrize(
    "unit",
    [
        "<",
        "<a ",
        '<a b="',
        "<a b='",
        '"',
        "<!--",
        "<!-- -",
        "<![CDATA[",
        "]]",
        "<!",
        "<!'",
        "<?",
        "<!DOCTYPE ",
        "<!DOCTYPE [<",
        '<!DOCTYPE a "<',
        "<!ENTITY x ",
        "<!DOCTYPE [<!ENTITY x ",
        "&",
        "&#",
        "<value>",
        "<value>x</value><key>",
        "<script>",
        "<a b = ",
    ],
)
def test_a_hostile_document_takes_linear_time(unit: str) -> None:
    policy = load()
    text = f"<a>{unit * (100_000 // len(unit))}"

    assert_cheap(lambda: markup.changed(text, Seen(), policy, policy.root()), below=1)
    assert_cheap(lambda: finder().body(text.encode()), below=2)
