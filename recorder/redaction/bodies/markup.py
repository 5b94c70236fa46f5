"""Change values in XML, SOAP and HTML, and leave each other byte as it is.

The text is split into tags, texts, comments and CDATA sections, and never parsed: so no entity is expanded, nothing is
fetched, and a document that is cut off or not well formed is read as far as it goes. No parser of a library gives the
places of values in the source, which are needed to change nothing else; a property test holds the names and values
found here to those that expat finds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape, unescape

from ..policy import KEPT, Place, Policy
from .change import Change

STARTS = re.compile(r"\ufeff?\s*+<(?:[?!]|/?[A-Za-z_:])")
_NAME_RE = r"[^\s<>/=\"'!?][^\s<>/=\"']*+"
_ATTRIBUTE_RE = rf"{_NAME_RE}(?:\s*+=\s*+(?:\"[^\"]*+\"?|'[^']*+'?|[^\s<>\"']++))?+"
_DECLARATION_RE = r"[^\"'<>]|\"[^\"]*+\"?+|'[^']*+'?+"
# A comment, a CDATA section, a declaration of a document type, an instruction, an end tag, a start tag. Each but the
# last may be cut off at the end of the text.
_TOKEN = re.compile(
    r"<!--(?P<comment>(?:[^-]|-(?!->))*+)(?:-->)?+"
    r"|<!\[CDATA\[(?P<cdata>(?:[^\]]|\](?!\]>))*+)(?:\]\]>)?+"
    rf"|<!(?P<doctype>(?i:doctype)(?:{_DECLARATION_RE}|<(?:{_DECLARATION_RE})*+>?+)*+|[^>]*+)>?+"
    r"|<\?(?P<instruction>(?:[^?]|\?(?!>))*+)(?:\?>)?+"
    rf"|</(?P<end>{_NAME_RE})[^>]*+>?+"
    rf"|<(?P<start>{_NAME_RE})(?P<attributes>(?:[\s/]++|{_ATTRIBUTE_RE}|[\"'=])*+)(?:>|$)"
)
# It begins where a run of the characters of names does: within a long one each character would be tried.
_ATTRIBUTE = re.compile(rf"(?<![^\s<>/=\"'])[!?]*+({_NAME_RE})\s*+=\s*+(?:\"([^\"]*+)\"?|'([^']*+)'?|([^\s<>\"']++))")
_DECLARED = re.compile(r"<!ENTITY\s([^\"'<>]*+)(?:\"([^\"]*+)\"|'([^']*+)')")
_ENTITY = re.compile(r"&[A-Za-z_][\w.-]{0,100};")
_KEY_RE = r"(?:[^\W\d]|[$@])[\w$.:@/-]{0,199}"
# Elements that are a pair, with the key first or last: <key>phone</key><type>str</type><value>…</value>.
_TYPE_RE = r"\s*+(?:<(?:[\w.-]++:)?type\b[^<>]*+>[^<]*+</[^<>]*+>\s*+)?+"
_VALUE_AFTER = re.compile(rf"{_TYPE_RE}<(?:[\w.-]++:)?(?:value|content)\b", re.IGNORECASE | re.ASCII)
_KEY_AFTER = re.compile(
    rf"[^<]*+</[^<>]*+>{_TYPE_RE}<(?:[\w.-]++:)?(?:key|name)\s*+>\s*+({_KEY_RE})\s*+</",
    re.IGNORECASE,
)
_KEY = re.compile(_KEY_RE)
# Attributes that name the value of their element: <param name="…">, <entry key="…">, <Attribute Name="…"> of SAML.
_KEYS, _VALUES = ("friendlyname", "key", "name", "property", "itemprop"), ("value", "content")
# Attributes that tell the form of a value, and are no value: the types of WS-Security, SAML and XML Schema.
_FORMS = frozenset(("type", "valuetype", "encodingtype", "format", "nameformat", "algorithm"))
_FORM = re.compile(r"[\w.:/#-]{1,200}", re.ASCII)
_PAIRS = frozenset((
    "add", "arg", "argument", "attribute", "cookie", "data", "entry", "field", "header", "item", "meta", "param",
    "parameter", "property", "setting", "variable",
))  # fmt: skip
# Elements of HTML without content and end tag (HTML, section 13.1.2).
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)
_RAW = frozenset(("script", "style"))  # of HTML: their text has neither tags nor entities
_HTML = re.compile(
    r"\ufeff?\s*+(?:<!--(?:[^-]|-(?!->))*+-->\s*+)*+<(?:!doctype html|html|head|body|script|style|form|input|div|span|p"
    r"|br|img|table|[ou]l|label|h[1-6])\b",
    re.IGNORECASE,
)
_DEEPEST = 1000


@dataclass(slots=True)
class _Open:
    """An open element: its name, the place of its content, and the key that a child `<key>` named."""

    name: str
    place: Place
    key: str | None = None


@dataclass(slots=True)
class _Reader:
    change: Change
    policy: Policy
    html: bool
    pieces: list[str] = field(default_factory=list)
    opened: list[_Open] = field(default_factory=list)

    def read(self, text: str, root: Place) -> str:
        """Return the text with values changed."""
        self.opened = [_Open("", root)]
        last, raw = 0, ""
        for token in _TOKEN.finditer(text):
            if raw and (token["end"] or "").lower() != raw:
                continue
            before = text[last : token.start()]
            if token["end"]:
                self._note_key(before, token)
            self.pieces += [self._content(before, is_raw=bool(raw)), self._token(token)]
            last = token.end()
            raw = self._raw(token) if token["start"] else ""
        return "".join([*self.pieces, self._content(text[last:], is_raw=bool(raw))])

    def _raw(self, token: re.Match[str]) -> str:
        name = token["start"].lower()
        return name if self.html and name in _RAW and not token["attributes"].endswith("/") else ""

    def _token(self, token: re.Match[str]) -> str:
        whole = token[0]
        match token.lastgroup:
            case "comment" | "instruction":
                inner = token[token.lastgroup]
                return _within(whole, token, token.lastgroup, _stripped(inner, self.change.text))
            case "cdata":
                return _within(whole, token, "cdata", _stripped(token["cdata"], self._value))
            case "doctype":
                return self._doctype(whole)
            case "end":
                self._close(_local(token["end"]))
                return whole
        attributes = self._start(token)
        return _within(whole, token, "attributes", attributes)

    def _start(self, token: re.Match[str]) -> str:
        """Open an element and return its attributes, changed."""
        name, attributes = _local(token["start"]), token["attributes"]
        around = self.opened[-1]
        place = self.policy.inside(around.place, name)
        if name.lower() == "value" and around.key is None and (after := _KEY_AFTER.match(token.string, token.end())):
            around.key = after[1]
        is_value = name.lower() in _VALUES or (around.name == "dict" and name.lower() != "key")
        if around.key is not None and is_value:
            place = self.policy.walk(around.place, around.key)
        if self.change.wants_names:
            self.change.name(name, place)
        if not attributes:
            if len(self.opened) < _DEEPEST and not (self.html and name.lower() in _VOID):
                self.opened.append(_Open(name, place))
            return attributes
        own = {_local(found[1]).lower(): _value_of(found) for found in _ATTRIBUTE.finditer(attributes)}
        key = next((own[key] for key in _KEYS if _KEY.fullmatch(own.get(key, ""))), None)
        named = None if key is None else self.policy.walk(around.place, key)
        # in other elements a name is a value like others, e.g. that of a person
        is_pair = name.lower() in _PAIRS or not own.keys().isdisjoint(_VALUES)
        if named is not None and named.rule.kind is None and not is_pair:
            named = None
        if own.get("type", "").lower() == "password":
            named = self.policy.walk(self.policy.root(), "password")
        is_empty = attributes.rstrip().endswith("/") or (self.html and name.lower() in _VOID)
        if not is_empty and len(self.opened) < _DEEPEST:
            # the element is kept by its own rule, else by the one of its key
            self.opened.append(_Open(name, place if named is None or place.rule.kind else named))
        return _ATTRIBUTE.sub(lambda found: self._attribute(found, place, named, _KEYS if is_pair else ()), attributes)

    def _attribute(self, found: re.Match[str], place: Place, named: Place | None, kept: tuple[str, ...]) -> str:
        name = _local(found[1])
        if found[1].startswith("xmlns"):
            return found[0]
        lower, old = name.lower(), _value_of(found)
        here = self.policy.inside(place, name)
        if named is not None and lower in _VALUES:
            here = named
        elif (lower in kept and _KEY.fullmatch(old)) or (lower in _FORMS and _FORM.fullmatch(old)):
            here = KEPT
        if self.change.wants_names:
            self.change.name(name, here)
        new = self.change.value(old, here) if old else old
        if new == old:
            return found[0]
        group = next(number for number in (2, 3, 4) if found[number] is not None)
        start, end = found.start(group) - found.start(), found.end(group) - found.start()
        return found[0][:start] + _quoted(new) + found[0][end:]

    def _doctype(self, whole: str) -> str:
        """Return a declaration with the values of its entities replaced: a secret may hide behind any name."""

        def replaced(found: re.Match[str]) -> str:
            group = 2 if found[2] is not None else 3
            if "SYSTEM" in found[1] or "PUBLIC" in found[1]:
                return _within(found[0], found, group, self.change.text(found[group]))
            return _within(found[0], found, group, self.change.value(found[group], secret))

        secret = self.policy.walk(self.policy.root(), "password")
        pieces, last = [], 0
        for found in _DECLARED.finditer(whole):
            pieces += [self.change.text(whole[last : found.start()]), replaced(found)]
            last = found.end()
        return "".join([*pieces, self.change.text(whole[last:])])

    def _content(self, text: str, *, is_raw: bool) -> str:
        if not text or text.isspace():
            return text
        if is_raw:
            return self.change.text(text)
        return _stripped(text, self._escaped)

    def _note_key(self, text: str, end: re.Match[str]) -> None:
        """Keep the text of an element that names the value beside it; in other elements it is a value like others."""
        if len(self.opened) < 2 or self.opened[-1].name.lower() not in _KEYS or not _KEY.fullmatch(text.strip()):
            return
        around = self.opened[-2]
        if around.name == "dict" or around.key == text.strip() or _VALUE_AFTER.match(end.string, end.end()):
            around.key = text.strip()

    def _escaped(self, text: str) -> str:
        if text[0] == "&" and _ENTITY.fullmatch(text) and unescape(text) == text:
            return text  # a reference to an entity, whose value is replaced where it is declared
        old = unescape(text) if "&" in text else text
        new = self._value(old)
        return text if new == old else escape(new, quote=False)

    def _value(self, text: str) -> str:
        here = self.opened[-1]
        if here.name.lower() in _KEYS and len(self.opened) > 1 and self.opened[-2].key == text:
            return text
        return self.change.value(text, here.place)

    def _close(self, name: str) -> None:
        for depth in range(len(self.opened) - 1, 0, -1):
            if self.opened[depth].name == name:
                del self.opened[depth:]
                return


def changed(text: str, change: Change, policy: Policy, place: Place, *, html: bool = False) -> str:
    """Return a document with its texts and attribute values changed; names of elements and attributes stay.

    Args:
        text: The document.
        change: Says what to write in place of each value.
        policy: Knows the places inside a place.
        place: The place of the document itself.
        html: Whether to read it as HTML, which has elements without an end; a text that begins like HTML is too.

    """
    return _Reader(change, policy, html or _HTML.match(text) is not None).read(text, place)


def names(text: str) -> Iterator[str]:
    """Yield the names of all elements, without their prefixes."""
    return (_local(token["start"]) for token in _TOKEN.finditer(text) if token["start"])


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _value_of(found: re.Match[str]) -> str:
    text = found[2] if found[2] is not None else found[3] if found[3] is not None else found[4]
    return unescape(text) if "&" in text else text


def _quoted(value: str) -> str:
    """Return a value escaped for an attribute, in whatever quotes."""
    return escape(value, quote=False).replace('"', "&quot;").replace("'", "&#39;")


def _within(whole: str, token: re.Match[str], group: str | int, new: str) -> str:
    start, end = token.start(group) - token.start(), token.end(group) - token.start()
    return whole[:start] + new + whole[end:]


def _stripped(text: str, change: Callable[[str], str]) -> str:
    inner = text.strip()
    if not inner:
        return text
    start = text.index(inner)
    return text[:start] + change(inner) + text[start + len(inner) :]
