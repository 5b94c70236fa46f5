"""Texts made to be slow for whatever reads a text that somebody else chose: redaction, scans, filters, links, patterns.

Each is a few pieces, repeated: what a reader begins at each of them and finds no end of; what looks like a value and is
none; values without number, equal and different; encodings within encodings.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.worst_rows import Row
from recorder.capture.hosts import patterns as hosts
from recorder.capture.led_away import Known as KnownHosts
from recorder.capture.led_away import LedAway
from recorder.dialect.paths import parse_json, path_of
from recorder.dialect.routes import route
from recorder.links.rewriting import Links, Origin, server_at
from recorder.model import Note, Record, Request, Response
from recorder.patterns import compiled
from recorder.printable import printable, shown, to_json
from recorder.redaction.detectors import _FORMATS, Format, found
from recorder.redaction.policy import names, shipped
from recorder.redaction.pseudonyms import Kind, Pseudonyms
from recorder.redaction.redactor import Redactor
from recorder.redaction.scan import Scan
from recorder.views.filter import fits, parse
from tests.redaction.test_detectors import PLANTED
from tests.redaction.test_tokens import PLANTED as TOKENS

KEY = b"k" * 32
_JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
_MEDIA = {
    "JSON": "application/json",
    "form": "application/x-www-form-urlencoded",
    "XML": "text/xml",
    "HTML": "text/html",
    "events": "text/event-stream",
    "script": "text/javascript",
    "GraphQL": "application/graphql",
    "table": "text/csv",
    "text": "text/plain",
    "multipart": "multipart/form-data; boundary=XX",
}
# Pieces of texts of any form; a hunt for worse texts draws from them.
PIECES = (
    "a", "1", "A", "@", ".", "-", "_", "<", "&", "%", "%25", "%252",
    '"', "\\", '\\"', "'", "`", " ", "\n", "\r\n", "\t",
    "{", "[", "{[", "[{", "]", "}", "(", ":", ",", ";", "=", "+", "/", "//", "a=", "=a", "a.", ".a", "a-", "-a", "a:",
    "a@", "@a", "a@a.", "1-", "1 ", "+1", "(1", "a/", "é", "\0", "ab1", "aA1", "://", "a://", "://a:", "token:", "eyJ",
    "password=", "Bearer ", "Basic ", "-----BEGIN ", "PHNhbW", "sk-", "00D", "tel:", "key-", "xox", "gh", "GB", "<a ",
    "<a b=", "<a b='", '<a b="', "<!--", "<![CDATA[", "<!", "<?", "</a>", "</", "/*", "#", "//\\", "&amp;", "&#",
    "data:", "data: a\n", "--XX\r\n", '--XX\r\nContent-Disposition: form-data; name="', 'name="', "${", "$a:",
    "query ", '{"a":', '"a":', '{"key":"', '{"value":', "<key>", "<value>", "a:'", 'a:"', "\\u0022", "\\\\", "%22",
)  # fmt: skip
# Pieces by the form of a body.
OF_FORM = {
    "JSON": ('{"a":', "[", "[1,", '"', '\\"', '{"value":', '{"key":"', '"a":', "\\u0022", "{[", '{"a.a":1},'),
    "form": ("a=", "&", "%25", "%", "a@", "a[", "=a"),
    "XML": ("<a ", '<a b="', "<a b='", "<!--", "<![CDATA[", "<!", "<?", "</", "<value>", "<key>", "&", "<a>"),
    "HTML": ("<script>", "<a b=", "<!doctype html>", "<input value="),
    "events": ("data:", "data: a\n", ":", "\n", "\r", "id: a\n\n"),
    "script": ("/*", "'", "`", "${", "a:'", "$a:", "=a", "//\\", "a(", "x={a:1};"),
    "GraphQL": ("#", "query ", '"""', "$a:", "{"),
    "table": (",", '"', "\n", '"",', "a,"),
    "text": ("a", "a:", "a=", "token:", "password=", "a@", "=", "<a", "1-", "Basic ", "{[", "http://", "%252", "\\"),
    "multipart": ("--XX\r\n", "a", 'name="', ";name=", "--XX\r\naaaa", "--XX\r\nContent-Type: a\r\n\r\na\r\n"),
}
OF_HEAD = ("a", "a=", "=", ";", ",", "; a", "a@", "%25", "a=,", "%", ".")
# Pieces that are values, or hold one.
VALUES = (
    "a@b.com ", "+1 415 555 2671, ", "415-555-2671 ", "4111 1111 1111 1111 ", "DE89370400440532013000 ", "078-05-1120 ",
    "password=x1y2z3 ", "Bearer abcdefgh12345 ", "Basic dXNlcjpwYXNzd29yZA== ", "http://u:pw@h.com/ ", f"{_JWT} ",
    "aB3xY9kL2mN8pQ4rS7tV ", "ghp_0123456789abcdefghijklmnopqrstuvwxyzAB ", "AKIAIOSFODNN7EXAMPLE ",
    '{"phone":"+14155552671"},', '{"key":"phone","value":"+14155552671"},', '"password":"hunter22",',
)  # fmt: skip
# Expressions of users, each of which has a text that takes `re` minutes.
EVIL = (
    r"(a+)+$", r"(a|aa)+$", r"(a*)*b", r"(\w+\s?)+$", r".*a.*b.*c", r"(.*a){20}", r"\d+\d+\d+x", r"(x+x+)+y",
    r"(?=.*\d)[a-z]!", r"(a{1,50}){1,50}z", r"[a-z]+\d", r"\w+@corp\.example", r"^(([a-z])+.)+[A-Z]([a-z])+$",
)  # fmt: skip


def repeated(piece: str, size: int) -> str:
    """Return a piece again and again, up to a size."""
    return (piece * (size // len(piece) + 1))[:size]


def numbered(piece: str, size: int) -> str:
    """Return a piece again and again, each time with another number in it, so that no two values are equal."""
    pieces, length = list[str](), 0
    for number in range(size):
        one = piece.replace("2671", f"{number % 10_000:04}").replace("a", f"a{number:x}", 1)
        pieces.append(one if one != piece else f"{number:x}{piece}")
        length += len(pieces[-1])
        if length >= size:
            break
    return "".join(pieces)[:size]


def nested(size: int) -> str:
    """Return base64 of base64 of base64 … of JSON, up to a size."""
    text = '{"phone":"+14155552671"}'
    while len(text) * 4 // 3 < size:
        text = base64.b64encode((text * max(1, size // 8 // len(text))).encode()).decode()
    return text[:size]


def quoted(size: int) -> str:
    """Return JSON in a string of JSON in a string of JSON …, up to a size."""
    text = '{"phone":"+14155552671"}'
    while len(text) * 2 < size:
        text = '{"a":"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"}'
    return text


def response(text: str, media: str = "", headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """Return an answer with a body."""
    typed = (("Content-Type", media),) if media else ()
    return Response(1, 0, 1, 200, (*typed, *headers), text.encode("utf-8", "replace"))


def redact(record: Record) -> object:
    """Redact a record as the recorder does."""
    return Redactor(shipped("gws"), KEY).redact(record)


def scan(record: Record) -> object:
    """Scan a record of a cassette that was redacted by the same policy."""
    policy = shipped("gws")
    return Scan(policy, policy).record(record)


def first_scan(record: Record) -> object:
    """Scan a record of a cassette that was not redacted."""
    return Scan(shipped("gws"), None).record(record)


@dataclass(frozen=True, slots=True)
class Text:
    """A text of any size.

    Attributes:
        name: What is in it.
        make: Returns a text of about so many bytes.
        unit: Bytes of what is repeated in it; 0 if nothing is.

    """

    name: str
    make: Callable[[int], str]
    unit: int = 0


def _row(part: str, name: str, text: Text, act: Callable[[str], object]) -> Row:
    return Row(
        part, name + text.name, lambda size: text.make(size).encode("utf-8", "surrogatepass"),
        lambda content: act(content.decode("utf-8", "surrogatepass")), text.unit,
    )  # fmt: skip


def _texts(pieces: Sequence[str]) -> Iterator[Text]:
    for piece in pieces:
        yield Text(f"{piece!r} repeated", partial(repeated, piece), len(piece))
    for piece in VALUES:
        if piece in pieces:
            yield Text(f"{piece!r} numbered", partial(numbered, piece), len(piece) + 4)


def _worst_of(part: str, name: str, pieces: Sequence[str], act: Callable[[str], object]) -> Iterator[Row]:
    for text in _texts(pieces):
        yield _row(part, f"{name}: ", text, act)


def _searched(form: Format, text: str) -> object:
    return [form.real(match[0]) for match in form.pattern.finditer(text)]


def _detectors() -> Iterator[Row]:
    """Yield texts for each format, one of them all hits, and all pieces for the search for all of them."""
    hits = [*TOKENS, *PLANTED]
    for form in _FORMATS:
        own = (f"{value} " for kind, value in hits if kind == form.kind and form.pattern.search(f"{value} "))
        for piece in (form.mark or "A1", f"{form.mark}a", *own):
            yield from _worst_of("detector", form.kind, (piece,), partial(_searched, form))
    yield from _worst_of("detector", "all", [f"{value} " for _, value in hits], found)
    yield from _worst_of("detector", "all", (*PIECES, *VALUES), found)


def _apart(text: str, count: int) -> list[str]:
    """Return a text in so many pieces of one length: a row is of a text of its size in all."""
    length = -(-len(text) // count)
    return [text[length * number : length * (number + 1)] for number in range(count)]


def _headers(text: str) -> tuple[tuple[str, str], ...]:
    names = "Cookie", "Set-Cookie", "Authorization", "Referer", "X-Other", "Location"
    return tuple(zip(names, _apart(" ".join(text.split("\n")), len(names)), strict=True))


def _target(text: str) -> Request:
    return Request(1, 0, 1, "c", "GET", "/" + "".join(text.split()), (), b"")


def _filtered(text: str) -> object:
    text = text.replace('"', "'")
    shown_triple = {
        "operation": text,
        "request": {"method": "GET", "path": text, "body": text},
        "keys": {"handle": text},
    }
    words = (
        f'"{text[:100]}"'.replace("\\", ""),
        "op:" + "a*" * 40,
        "path:*a*b",
        "handle:*",
        "-x or y",
    )
    return [fits(parse(word), shown_triple) for word in words]


def _linked(text: str) -> object:
    made, origin = Links([server for server in (server_at("example.com"),) if server]), Origin("here.example:8080")
    body, location, cookie = _apart(text, 3)
    return made.response(response(body, "text/html", (("Location", location), ("Set-Cookie", cookie))), origin)


def _led(text: str) -> object:
    up, own = server_at("up.example"), server_at("own.example")
    known = KnownHosts(
        frozenset([up] if up else []), frozenset([own] if own else []), (b"up.example",), rewritten=False
    )
    body, *others = _apart(text, 4)
    named = zip(("Location", "Link", "Set-Cookie"), others, strict=True)
    headers = (("Content-Type", "application/json"), *named)
    looked = LedAway(lambda *_: None, "--rewrite-links", "--also {url}")
    looked.answer(headers, body.encode("utf-8", "replace"), known)
    return looked


def _hosted(text: str) -> object:
    return [one.fits(text[:255], 443) for one in hosts(["*" + "a*" * 30, "*.example", "a*b*c*d*e"])]


def _routed(text: str) -> object:
    path = path_of("/" + text)
    return parse_json(text.encode("utf-8", "replace")), [one.fullmatch(path) for one in _ROUTES]


_ROUTES = [route(text) for text in ("/{a}/{b}", "/{a}.{b}.{c}-{d}/{e}", "/a{a}a{b}a{c}a", "/{a}")]


def _users(text: str) -> object:
    made: list[object] = []
    for pattern in EVIL:
        try:
            made.append(list(compiled(pattern).finditer(text)))
        except ValueError as exc:
            made.append(exc)
    return made


_READERS = {"redaction": redact, "scan": scan, "first scan": first_scan}
_PLACES: dict[str, Callable[[str], Record]] = {
    "headers": lambda text: response("", "", _headers(text)),
    "target": _target,
    "note": lambda text: Note(1, 0, "a", text),
}


def _of_records() -> Iterator[Row]:
    for part, act in _READERS.items():
        for form, media in _MEDIA.items():
            for text in _texts((*OF_FORM[form], *(VALUES if form in ("JSON", "text") else VALUES[:2]))):
                yield _row(part, f"{form}: ", text, partial(_of_body, act, media))
        for text in (Text("base64 in base64", nested), Text("JSON in JSON", quoted)):
            yield _row(part, "", text, partial(_of_body, act, "application/json"))
        for text in _texts((*OF_HEAD, *VALUES[:2])):
            for name, make in _PLACES.items():
                yield _row(part, f"{name}: ", text, partial(_of, act, make))


def _of_body(act: Callable[[Record], object], media: str, text: str) -> object:
    return act(response(text, media))


def _of(act: Callable[[Record], object], make: Callable[[str], Record], text: str) -> object:
    return act(make(text))


def rows() -> Iterator[Row]:
    """Yield all rows."""
    yield from _detectors()
    for name in names():
        yield from _worst_of("policy pattern", name, (*PIECES, *VALUES), shipped(name).values.spans)
    yield from _of_records()
    for kind in Kind:
        yield from _worst_of("pseudonym", kind.value, OF_HEAD, lambda text, kind=kind: Pseudonyms(KEY).of(kind, text))  # type: ignore[misc]  # binds the kind
    yield from _worst_of("filter", "grep, slice and ls", OF_HEAD, _filtered)
    slashes = ("//", "a://", "http://a", "//%2525", "\\", "&amp;", "%2F%2F", "//a:", "action=", "//a%25", "0://")
    yield from _worst_of("links", "rewritten", (*OF_HEAD, *slashes), _linked)
    yield from _worst_of("links", "led away", (*OF_HEAD, *slashes), _led)
    yield from _worst_of("hosts", "--host", OF_HEAD, _hosted)
    yield from _worst_of("dialect", "routes and JSON", (*OF_HEAD, "/a", "a/", "[", '{"a":', ";jsessionid="), _routed)
    yield from _worst_of("users' pattern", f"{len(EVIL)} evil ones", ("a", "x", "1", "a ", ".", "aA"), _users)
    for name, act in (("printable", printable), ("shown", shown), ("JSON", to_json)):
        yield from _worst_of("terminal", name, ("a", "\0", "é", "\x1b[", '"'), act)


ROWS: tuple[Row, ...] = tuple(rows())
