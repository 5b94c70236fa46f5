"""Decide which hosts of a capture are recorded: those that the user names, or those that belong to an API. Sans-IO."""

from __future__ import annotations

import html
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from ..bayeux.messages import carried
from ..dialect.definition import Dialect
from ..dialect.paths import parse_json
from ..errors import UsageError
from ..formats.charsets import charset_of, decoded, media_of
from ..formats.streamed import is_event_stream
from ..model import CUT, JSON, Headers, Note, Record, Request, Response
from ..printable import counted, printable

NOT_RECORDED = "not-recorded"  # kind of the note about hosts whose traffic is not in the cassette

_PATTERN = re.compile(r"(\[[0-9a-fA-F:.]+\]|[\w.*-]+)(?::([0-9]{1,5}))?")
_URL = re.compile(r"(?:https?|wss?)://[^/?#\\\s]+", re.IGNORECASE)
_AUTHORITY = re.compile(r"\s*(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?//([^/?#\\\s]*)")
_PORT = re.compile(r":[0-9]+\Z")
_DEFAULT_PORTS = ("80", "443", "")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_OTHERS, _MOST_TOLD = 10_000, 100  # hosts that are counted each, that are named to the user
_MOST_GIVEN = 20_000  # values remembered of one host
_MOST_GIVERS = 8  # hosts that gave out one value
_LONGEST = 1 << 18  # bytes of an answer in which values are looked for; answers of logins are small
_LEAST, _SURELY = 8, 12  # characters of a value that is a token: with digits and letters; without both
_LEAST_NAMED = 4  # characters of a value whose name says that it is one
_WORD = re.compile(r"[\w.~+/!-]{8,}={0,2}", re.ASCII)
_ABOUT = re.compile(r"record ([0-9]{1,18})\b")  # how a note about a record begins
_TEXTS = ("json", "html", "xml", "x-www-form-urlencoded", "text/plain")  # words of scripts and styles are no tokens
_TOKEN_NAMES = re.compile(r"token|code|ticket|assert|saml|session|sid$|auth|jwt|credential", re.IGNORECASE)


class Pattern(NamedTuple):
    """A host to record: `*` stands for any characters, and None for any port."""

    host: re.Pattern[str]
    port: int | None
    text: str

    def fits(self, host: str, port: int) -> bool:
        """Return whether a host and its port are meant."""
        return self.port in (None, port) and self.host.fullmatch(host.lower().rstrip(".").strip("[]")) is not None


def patterns(texts: Iterable[str]) -> tuple[Pattern, ...]:
    """Parse patterns of hosts, such as `app.example`, `*.example` and `localhost:8443`.

    Raises:
        UsageError: If a text is no such pattern.

    """
    return tuple(map(_pattern, texts))


def _pattern(text: str) -> Pattern:
    found = _PATTERN.fullmatch(text)
    try:
        name = ".".join(map(_ascii, found[1].lower().split("."))) if found else ""
    except UnicodeError:
        name = ""
    if found is None or not name or int(found[2] or 0) > 65_535:
        raise UsageError(
            f"--host {printable(text)!r} names no host; give e.g. app.example, '*.example' or localhost:8443"
        )
    first, *others = map(re.escape, name.rstrip(".").strip("[]").split("*"))
    # each part where it stands first, as in fnmatch: else many stars are tried in all ways
    host = first + "".join(f"(?>.*?{part})" for part in others[:-1]) + "".join(f".*{part}" for part in others[-1:])
    port = f":{found[2]}" if found[2] else ""
    return Pattern(re.compile(host), int(found[2]) if found[2] else None, f"{name}{port}")


def _ascii(label: str) -> str:
    """Return a part of a host name as clients send it (IDNA)."""
    if not label.isascii() and "*" in label:
        raise UnicodeError
    return label if label.isascii() else label.encode("idna").decode()


@dataclass(slots=True)
class Others:
    """The traffic of hosts that no pattern names: it passes unrecorded, and is counted.

    Attributes:
        wanted: The hosts to record; all, if there is no pattern.
        passed: Numbers of connections and requests by host.

    """

    wanted: tuple[Pattern, ...] = ()
    passed: Counter[str] = field(default_factory=Counter)

    def wants(self, names: Iterable[str | None], port: int) -> bool:
        """Return whether a host is to be recorded by one of its names."""
        return not self.wanted or any(one.fits(name, port) for name in names if name for one in self.wanted)

    def count(self, host: str) -> bool:
        """Count a connection or a request; return whether it is the first to its host, and so must be told."""
        key = host if host in self.passed or len(self.passed) < _MOST_OTHERS else ""
        self.passed[key] += 1
        return self.passed[key] == 1 and len(self.passed) <= _MOST_TOLD

    def __str__(self) -> str:
        """Return how much passed; the names of other hosts are nobody's business later, so they are told at once."""
        count, hosts = self.passed.total(), len(self.passed)
        return (
            f"{counted(count, 'connection', 'connections and requests')} to {counted(hosts, 'other host')}"
            " went through unrecorded"
        )


def proxy_script(wanted: Iterable[Pattern], proxy: str) -> str:
    """Return a proxy auto-configuration (PAC) file: wanted hosts, or all without a pattern, go through the proxy.

    Args:
        wanted: The hosts that are recorded.
        proxy: Host and port of the proxy.

    """
    # `shExpMatch` knows no ports: of a host with several, all go through the proxy, which tells them apart
    hosts = [pattern.text.rpartition(":")[0] if pattern.port else pattern.text for pattern in wanted]
    tests = " || ".join(f'shExpMatch(host, "{host.lower().strip("[]")}")' for host in hosts) or "true"
    return f'function FindProxyForURL(url, host) {{\n  return ({tests}) ? "PROXY {proxy}" : "DIRECT";\n}}\n'


def host_of(headers: Headers) -> str:
    """Return the host that a request names, in lower case and without a default port; "" where it names none."""
    return _host(next((value for name, value in headers if name.lower() == "host"), ""))


def _host(authority: str) -> str:
    name, colon, port = authority.strip().lower().rpartition(":")
    if colon and port in _DEFAULT_PORTS and not name.endswith(":"):
        authority = name
    return authority.strip().lower().rstrip(".")


def same_host(place: str) -> str:
    """Return the host that a place names, without its port, to compare it with others."""
    return _PORT.sub("", _host(place))


def _host_of_url(url: str) -> str:
    found = _AUTHORITY.match(url)
    return _host(found[1].rpartition("@")[2]) if found is not None else ""


@dataclass(slots=True)
class ApiHosts:
    """Finds the hosts of a capture that belong to an API, record by record.

    A host has an API if Bayeux, a push (server-sent events, a WebSocket) or an operation of the dialect was seen on it.
    A host belongs to it that led the client there: by a redirect, by a value that it gave out (a cookie, a token, a
    code) and that was sent there later, by a URL in JSON that was asked for later, by the page that called it (Origin,
    Referer of an API's request), or by the credential that both were shown.
    """

    dialect: Dialect
    known: Callable[[str], Iterable[str]] = lambda _: ()  # pseudonyms of what stands in a text in the clear
    exchanges: dict[int, str] = field(default_factory=dict)  # hosts by exchange
    _apis: set[str] = field(default_factory=set)
    _leads: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # to hosts, by host
    _given: dict[str, list[str]] = field(default_factory=dict)  # the hosts that gave out a value
    _counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    _shown: dict[str, str] = field(default_factory=dict)  # the host that a credential was shown to first

    def feed(self, record: Record) -> None:
        """Take the next record of the capture."""
        match record:
            case Request():
                self._asked(record, host_of(record.headers))
            case Response():
                self._answered(record, self.exchanges.get(record.exchange, ""))
            case _:
                pass

    def kept(self) -> frozenset[str]:
        """Return the hosts that belong to an API; all of them if none has one."""
        if not self._apis:
            return frozenset(self.exchanges.values())
        found, size = {"", *self._apis}, 0
        while size < len(found):  # a chain of logins is short
            size = len(found)
            found |= {host for host, ends in self._leads.items() if ends & found}
        return frozenset(found)

    @property
    def has_api(self) -> bool:
        """True if any host of the capture has an API."""
        return bool(self._apis)

    def _asked(self, request: Request, host: str) -> None:
        self.exchanges[request.exchange] = host
        is_operation = self.dialect.operation_of(request) in self.dialect.operations
        is_api = is_operation or carried(request) is not None
        if is_api:
            self._apis.add(host)
        for name, value in request.headers:
            match name.lower():
                case "origin":
                    self._lead(_host_of_url(value), host)
                case "referer" if is_api:  # callback-polling and pages in a sandbox have no origin
                    self._lead(_host_of_url(value), host)
                case "authorization":
                    other = self._shown.setdefault(value, host)
                    self._lead(other, host)
                    self._lead(host, other)
        for value in (*_sent(request, self._given), *_addresses(host, request.target)):
            for giver in self._given.get(value, ()):
                self._lead(giver, host)

    def _answered(self, response: Response, host: str) -> None:
        if response.status == 101 or is_event_stream(response.headers):
            self._apis.add(host)
        location = next((value for name, value in response.headers if name.lower() == "location"), "")
        if response.status in _REDIRECTS:
            self._lead(host, _host_of_url(location))
        if host in self._apis:
            return
        for value in _given(response, self.known):
            if self._counts[host] >= _MOST_GIVEN:
                break
            givers = self._given.setdefault(value, [])
            if host not in givers and len(givers) < _MOST_GIVERS:
                givers.append(host)
                self._counts[host] += 1

    def _lead(self, host: str, to: str) -> None:
        if host and to and host != to:
            self._leads[host].add(to)


def _sent(request: Request, given: Container[str]) -> Iterator[str]:
    """Yield the values in a request that another host may have given out, of JSON and pairs only those in `given`."""
    pairs = parse_qsl(request.target.partition("?")[2])
    for name, value in request.headers:
        match name.lower():
            case "cookie":
                yield from _cookies(value.split(";"))
            case "authorization":
                yield value.rpartition(" ")[2]
            case "sec-websocket-protocol":  # browsers have no other header for a token
                pairs += [(name, one.strip()) for one in value.split(",")]
            case other if _may_be_token(other):
                pairs.append((name, value))
    content = parse_json(request.body, request.headers)
    if content is not None:
        pairs += _leaves(content, "")
    elif b"=" in request.body[:200]:
        pairs += parse_qsl(request.body.decode(errors="replace"))
    for name, one in pairs:
        if one in given and (_is_token(one) or (len(one) >= _LEAST and _TOKEN_NAMES.search(name))):
            yield one


def _given(response: Response, known: Callable[[str], Iterable[str]]) -> Iterator[str]:
    """Yield the values in an answer that may be sent to another host."""
    media = media_of(response.headers).lower()
    for name, value in response.headers:
        match name.lower():
            case "set-cookie":
                yield from _cookies([value.partition(";")[0]])
            case "location":
                yield from _WORD.findall(unquote(value))
            case other if _may_be_token(other) and len(value) >= _LEAST_NAMED:
                yield from {value, value.rpartition(" ")[2]}
    content = parse_json(response.body, response.headers) if len(response.body) <= _LONGEST else None
    for name, value in _leaves(content, ""):
        if len(value) >= (_LEAST_NAMED if _TOKEN_NAMES.search(name) else _LEAST):
            yield value
        if found := _URL.match(value):
            yield from _addresses(_host_of_url(value), value[found.end() :].partition("#")[0])
    if not any(kind in media for kind in _TEXTS):
        return
    text = decoded(response.body[:_LONGEST], charset_of(media))[0].replace("\\/", "/")
    yield from _WORD.findall(html.unescape(text) if "ml" in media else unquote(text))
    yield from known(text)


def _addresses(host: str, target: str) -> Iterator[str]:
    """Yield the texts by which a URL is known again: with its query, and without one if the path alone tells enough."""
    path, mark, _ = target.partition("?")
    if path.strip("/"):
        yield f"//{host}{path}"
    elif mark:
        yield f"//{host}{target}"


def _may_be_token(name: str) -> bool:
    return name.startswith("x-") or _TOKEN_NAMES.search(name) is not None


def _cookies(pairs: Iterable[str]) -> Iterator[str]:
    """Yield cookies, which hosts of one domain share, and their values, which scripts send elsewhere."""
    for pair in pairs:
        name, _, value = pair.strip().partition("=")
        yield f"{name}={value}"
        if _is_token(value) or len(value) >= _SURELY:
            yield value.strip('"')


def _leaves(value: JSON, name: str) -> Iterator[tuple[str, str]]:
    """Yield the texts in a JSON value, each with the name of the nearest member that holds it."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, name)


def _is_token(value: str) -> bool:
    if len(value) < _LEAST or not any(map(str.isdigit, value)):
        return False
    return any(map(str.isalpha, value)) or len(value) >= _SURELY


def without(records: Iterable[Record], gone: frozenset[int], notes: frozenset[int] = frozenset()) -> Iterator[Record]:
    """Yield records without some exchanges, numbered from 0 without gaps; notes about removed records go too.

    Args:
        records: The records.
        gone: Numbers of the exchanges to leave out.
        notes: Numbers of notes to leave out.

    """
    numbers: dict[int, int] = {}  # new ones of the records that notes may be about
    left = _left(
        (record for record in records if not (isinstance(record, Note) and record.seq in notes)), gone, numbers
    )
    for number, record in enumerate(left):
        numbers[record.seq] = number
        yield replace(_renamed(record, numbers) if isinstance(record, Note) else record, seq=number)


def _left(records: Iterable[Record], gone: frozenset[int], numbers: Container[int]) -> Iterator[Record]:
    for record in records:
        if not isinstance(record, Note):
            if record.exchange not in gone:
                yield record
            continue
        about = _ABOUT.match(record.text) if record.kind == CUT else None
        if about is None or int(about[1]) in numbers:
            yield record


def _renamed(note: Note, numbers: Mapping[int, int]) -> Note:
    if note.kind != CUT:
        return note
    return replace(note, text=_ABOUT.sub(lambda found: f"record {numbers.get(int(found[1]), found[1])}", note.text, 1))
