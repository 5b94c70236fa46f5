"""Read a dialect from TOML: which requests of one REST + Bayeux API are operations, and where their ids stand.

Values are found by dotted paths: `body.referenceId`, `data.record.recordHandle`, `query.rid`, `header.X-Request-Id`,
`cookie.sid`, or `path.handle` for a part of the URL that a route names, `channel.order` for a part of a channel. A
Bayeux publish is a request too where the dialect says so: with the method PUBLISH, its channel as URL, and the roots
`data` and `channel`. `values.py` says how keys are found and compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeAlias
from urllib.parse import unquote

from ..bayeux.channels import is_meta, matches
from ..bayeux.publishes import PUBLISH
from ..errors import DialectError
from ..files import read_text
from ..model import JSON, Event, Headers, Keys, Request, Response, listed
from ..push.rules import COMMENT, MESSAGE, PushRules
from .content import content_in, fields
from .finding import Finder, bare
from .logins import OAUTH, Login, minted
from .logins import values as values_at
from .mistakes.toml import undecodable
from .mistakes.words import near
from .paths import parse_json, path_of
from .values import first, is_constant, is_template, paths_in, text, texts

Paths: TypeAlias = tuple[str, ...]

DEFAULT = "gws-outbound"
CACHE_BUSTER = "query._"  # as jQuery adds it; volatile in every dialect
REFERENCES = ("reference", "inner_reference")  # keys that are exact where a dialect does not say which are
PARTS = "channel."  # root of the named parts of a channel, in place of `channel`
_UPGRADED = 101  # to a WebSocket, which is what its request asked for
_LARGEST = 1 << 20  # bytes of a dialect file
_ROUTED = 1000  # paths whose routes are remembered
NOTIFICATION = "notification"  # the key that names an event


@dataclass(frozen=True, slots=True)
class Operation:
    """The events of an operation, and the request that asks for the operation.

    Attributes:
        events: Names of the events that the operation may cause.
        terminal: Names of the events that end the operation; empty if the ack ends it.
        method: HTTP method of the request; "" if a field of the body names the operation.
        route: Pattern of the URL path; None if a field of the body names the operation.
        only: Whether it shares no value with its events.
        keys: Sources of its own keys, which come before those of all requests.
        ack_keys: Sources of keys in its own ack, which come before those of all acks.

    """

    events: frozenset[str]
    terminal: frozenset[str]
    method: str = ""
    route: re.Pattern[str] | None = None
    only: bool = False
    keys: Mapping[str, Paths] = field(default_factory=dict)
    ack_keys: Mapping[str, Paths] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """A checked dialect. All times are seconds. `gws-outbound.toml` explains the fields; `text` is the whole TOML."""

    name: str
    bayeux_prefix: str
    session_cookies: frozenset[str]
    session_keys: Paths
    open_for: float
    grace: float
    methods: frozenset[str]
    operation: Paths
    routes: tuple[re.Pattern[str], ...]
    request_keys: Mapping[str, Paths]
    ack_status: Paths
    ack_success: frozenset[str]
    ack_keys: Mapping[str, Paths]
    event_keys: Mapping[str, Paths]
    path_keys: frozenset[str]
    error_marks: Mapping[str, frozenset[str]]
    error_same: Paths
    twin_channel: str
    twin_of: str
    twin_same: Paths
    twin_where_both: Paths
    tuple_same: Paths
    tuple_enough: tuple[frozenset[str], ...]
    unasked: frozenset[str]
    minted: Paths
    per_operation: frozenset[str]
    volatile: Paths
    operations: Mapping[str, Operation]
    session_tokens: Paths = ()
    logins: tuple[Login, ...] = OAUTH
    publishes: Paths = ()
    replay: str = ""
    replay_id: str = ""
    shift: Paths = ()
    exact: Paths = REFERENCES
    channels: tuple[re.Pattern[str], ...] = ()
    ignore: Mapping[str, frozenset[str]] = field(default_factory=dict)
    error_after_ack: bool = False
    unreferenced: frozenset[str] = frozenset()
    sibling_same: Paths = ()
    shared: Paths = ()
    push: PushRules = field(default_factory=PushRules)
    push_urls: tuple[re.Pattern[str], ...] = ()
    unwaited: tuple[str, ...] = ()
    ordered: tuple[Paths, ...] = ()
    text: str = field(default="", repr=False)

    @classmethod
    def load(cls, source: str = DEFAULT) -> Dialect:
        """Read a shipped dialect by name, or a TOML file by path.

        Raises:
            DialectError: If there is no such dialect, or it has a mistake.

        """
        return load(source)

    def operation_of(self, request: Request) -> str | None:
        """Return the name of the operation that a request asks for, None if it is not an operation."""
        if not self._may_ask(request.method, request.target):
            return None
        return self.name_of(request.method, request.target, content_in(request.body, request.headers))

    def asked(self, request: Request) -> tuple[str | None, Keys]:
        """Return the operation that a request asks for, and the keys of the request; None and none if it asks for none.

        The body is read once for both.
        """
        if not self._may_ask(request.method, request.target):
            return None, {}
        content = content_in(request.body, request.headers)
        roots = roots_of(request.method, request.target, content)
        name = self._named(request.method, request.target, roots)
        return name, {} if name is None else self._keys_asked(request, roots, name)

    def name_of(self, method: str, target: str, body: JSON) -> str | None:
        """Return the name of the operation that a method, a target and a body ask for, None if there is none.

        A field of the body names the operation; without such a field the method and the URL path decide. A publish that
        nothing names has the name of its channel.
        """
        return self._named(method, target, roots_of(method, target, body)) if self._may_ask(method, target) else None

    def _named(self, method: str, target: str, roots: dict[str, JSON]) -> str | None:
        """Return the name of the operation that a request with these roots asks for, which may be one."""
        found = first(self.operation, roots) or _routed(self, method, path_of(target))
        return target if found is None and method == PUBLISH and self.is_publish(target) else found

    def _may_ask(self, method: str, target: str) -> bool:
        return method in self.methods or (method == PUBLISH and self.is_publish(target))

    def is_publish(self, channel: str) -> bool:
        """Return whether a publish on a channel is an operation."""
        return not is_meta(channel) and any(matches(pattern, channel) for pattern in self.publishes)

    @property
    def has_topics(self) -> bool:
        """True if events may come on topics of streams and WebSockets, not only on channels of Bayeux."""
        return not self.bayeux_prefix or bool(self.push_urls) or self.push != PushRules() or MESSAGE in self.methods

    def is_push_url(self, path: str) -> bool:
        """Return whether clients are pushed events at a path: that of Bayeux, or one that the dialect names."""
        is_bayeux = bool(self.bayeux_prefix) and path.startswith(self.bayeux_prefix)
        return is_bayeux or any(pattern.fullmatch(path) for pattern in self.push_urls)

    def keys_of_request(self, request: Request) -> Keys:
        """Return the keys of a request: values by which events can be joined to the request."""
        content = content_in(request.body, request.headers)
        name = self.name_of(request.method, request.target, content) if _finders(self).own else None
        return self._keys_asked(request, roots_of(request.method, request.target, content), name)

    def keys_of_ack(self, ack: Response, operation: str | None = None) -> Keys:
        """Return the keys in the ack of an operation, which the operation may lack."""
        return self._keys_answered(ack, parse_json(ack.body, ack.headers), operation)

    def answered(self, ack: Response, operation: str | None) -> tuple[bool, Keys]:
        """Return whether an ack reports success, and the keys in it; none if it is not that of an operation.

        The body is read once for both.
        """
        content = parse_json(ack.body, ack.headers)
        keys = {} if operation is None else self._keys_answered(ack, content, operation)
        return self._is_success(ack.status, content), keys

    def keys_of_event(self, event: Event) -> Keys:
        """Return the keys of an event; `notification` among them is its name."""
        keys = _finders(self).event.find(self._roots_of_event(event))
        name = keys.get(NOTIFICATION)
        return keys if name is None or isinstance(name, str) else keys | {NOTIFICATION: name[0]}

    def sources(self, key: str) -> Paths:
        """Return all sources of a key in requests, also those of single operations."""
        own = (known.keys.get(key, ()) for known in self.operations.values())
        return tuple(dict.fromkeys((*self.request_keys.get(key, ()), *chain.from_iterable(own))))

    def key_names(self) -> frozenset[str]:
        """Return the names of the keys that requests and their acks may have."""
        own = chain.from_iterable(known.keys for known in self.operations.values())
        return frozenset((*self.request_keys, *own)) | names_in_acks(self)

    def places(self, key: str) -> tuple[str, ...]:
        """Return all paths that a key is found at, in requests, acks and events, each once."""
        own = chain.from_iterable(known.ack_keys.get(key, ()) for known in self.operations.values())
        tables = self.sources(key), self.ack_keys.get(key, ()), own, self.event_keys.get(key, ())
        return tuple(dict.fromkeys(paths_in(chain.from_iterable(tables))))

    def paths(self, key: str) -> Paths:
        """Return the paths of a key in requests: its sources that are one value at one place."""
        return tuple(one for one in self.sources(key) if not is_constant(one) and not is_template(one))

    def common(self, key: str) -> Paths:
        """Return the sources of a key in the requests of all operations."""
        return self.request_keys.get(key, ())

    def identified(self, target: str, headers: Headers, body: bytes) -> Headers:
        """Return the headers of a request, with the tokens that it shows elsewhere as further credentials."""
        if not self.session_tokens:
            return headers
        shown = values_at(self.session_tokens, target, headers, body)
        return *headers, *(("Authorization", value) for value in shown)

    def minted_by(self, request: Request, response: Response) -> tuple[str, ...]:
        """Return the values in an answer that its server made for one session, e.g. access tokens."""
        return minted(self.logins, request.method, request.target, response.headers, response.body)

    def begins_client(self, request: Request) -> bool:
        """Return whether a request is a login that gives out no value: each client of a replay asks for it once."""
        return any(not login.paths and login.fits(request.method, request.target) for login in self.logins)

    def is_error(self, event: Event) -> bool:
        """Return whether an event reports a failed operation."""
        return bool(self.error_marks) and all(self._is_marked(event, self.error_marks))

    def error_in(self, event: Event) -> str | None:
        """Return the values that mark an event as an error, e.g. `ErrorMessage`; None for any other event."""
        if not self.is_error(event):
            return None
        roots = self._roots_of_event(event)
        return ", ".join(one for path, marks in self.error_marks.items() for one in texts(path, roots) if one in marks)

    def is_terminal(self, operation: str | None, event: str) -> bool:
        """Return whether an event of this name ends an operation of this name."""
        known = self.operations.get(operation or "")
        return known is not None and event in known.terminal

    def ordered_as(self, channel: str, name: str) -> frozenset[int]:
        """Return the entries of `ordered` that an event fits, or the ack of an operation, by their places.

        All events and acks that fit one entry reach clients in their recorded order, whatever caused them.

        Args:
            channel: Channel of the event; "" for an ack.
            name: Name of the event, or of the operation.
        """
        return frozenset(
            place
            for place, texts in enumerate(self.ordered)
            if any(one == name or (channel and matches(one, channel)) for one in texts)
        )

    def is_ignored(self, event: Event) -> bool:
        """Return whether an event is a heartbeat or a comment in a stream, which no operation causes."""
        return event.channel == COMMENT or (bool(self.ignore) and any(self._is_marked(event, self.ignore)))

    def route(self, target: str) -> Mapping[str, str]:
        """Return the named parts of a URL path, percent-decoded; empty if no route fits."""
        return _parts(self, path_of(target))

    def fitting(self, path: str) -> re.Match[str] | None:
        """Return the match of the first route that a path fits, None if it fits none."""
        return _fitting(self, path)

    def succeeded(self, ack: Response) -> bool:
        """Return whether an ack reports success, by its HTTP status and by the status code in its body, if any."""
        return self._is_success(ack.status, parse_json(ack.body, ack.headers))

    def refusal(self, ack: Response) -> str | None:
        """Return the status by which an ack reports a failure, e.g. `HTTP 503` or `statusCode 2`; None of a success."""
        content = parse_json(ack.body, ack.headers)
        if self._is_success(ack.status, content):
            return None
        codes = ((path, text(path, {"body": content})) for path in self.ack_status)
        told = next((f"{path.rpartition('.')[2]} {code}" for path, code in codes if code is not None), None)
        return f"HTTP {ack.status}" if told is None or not self._is_success(ack.status, None) else told

    def bare(self, key: str, value: str) -> str:
        """Return the value of a key as it is compared: for a key in `path_keys`, the part after the last slash."""
        return bare(value) if key in self.path_keys else value

    def _is_success(self, status: int, content: JSON) -> bool:
        if not (200 <= status < 300 or status == _UPGRADED):
            return False
        roots = {"body": content}
        for path in self.ack_status:
            code = text(path, roots)
            if code is not None:
                return code in self.ack_success
        return True

    def _keys_asked(self, request: Request, roots: dict[str, JSON], name: str | None) -> Keys:
        """Return the keys of a request with these roots, which asks for an operation of this name."""
        finders = _finders(self)
        wanted = roots_in(self)
        if "path" in wanted:
            roots["path"] = self.route(request.target)
        if "query" in wanted:
            roots["query"] = fields(request.target.partition("?")[2])
        if "header" in wanted:
            roots["header"] = headers_of(request.headers)
        if "cookie" in wanted:
            roots["cookie"] = cookies_of(request.headers, "cookie")
        keys = finders.request.find(roots)
        own = finders.own.get(name or "")
        return keys if own is None else keys | own.find(roots)

    def _keys_answered(self, ack: Response, content: JSON, operation: str | None) -> Keys:
        """Return the keys of an ack with this content."""
        finders = _finders(self)
        roots: dict[str, JSON] = {"body": content}
        wanted = roots_in_acks(self)
        if "header" in wanted:
            roots["header"] = headers_of(ack.headers)
        if "cookie" in wanted:
            roots["cookie"] = cookies_of(ack.headers, "set-cookie")
        keys = finders.ack.find(roots)
        own = finders.own_ack.get(operation or "")
        return keys if own is None else keys | own.find(roots)

    def _roots_of_event(self, event: Event) -> dict[str, JSON]:
        roots: dict[str, JSON] = {"data": event.data, "channel": event.channel}
        if self.channels:
            parts = next((m for m in (one.fullmatch(event.channel) for one in self.channels) if m), None)
            roots[PARTS] = {name: unquote(part) for name, part in parts.groupdict().items()} if parts else None
        return roots

    def _is_marked(self, event: Event, marks: Mapping[str, frozenset[str]]) -> Iterator[bool]:
        roots = self._roots_of_event(event)
        return (not marking.isdisjoint(texts(path, roots)) for path, marking in marks.items())


def load(source: str = DEFAULT) -> Dialect:
    """Read a shipped dialect by its name, or a dialect file by its path.

    Raises:
        DialectError: If no such dialect is shipped, the file cannot be read, or the dialect has a mistake.

    """
    if re.fullmatch(r"[\w-]+", source):
        return shipped(source)
    return parse(read_file(Path(source)), path=source)


@cache
def shipped(name: str) -> Dialect:
    """Read a shipped dialect by its name.

    The dialect that a cassette names is read by this function, because a cassette must not choose which files are
    opened.

    Raises:
        DialectError: If there is no such dialect.

    """
    return parse(source(name), path=f"{name}.toml", is_checked=False)  # a test checks the shipped ones


def source(name: str) -> str:
    """Return the TOML text of a shipped dialect.

    Raises:
        DialectError: If there is no such dialect.

    """
    # The pattern rejects separators and dots, so a name cannot lead out of this package.
    resource = files(__package__).joinpath(f"{name}.toml")
    if not re.fullmatch(r"[\w-]{1,64}", name) or not resource.is_file():
        like, known = near(name, names()), ", ".join(map(repr, names()))
        meant = f"did you mean {like!r}?" if like else f"give a TOML file or one of {known}"
        raise DialectError(name[:80], "name", f"no such dialect is shipped; {meant}")
    return resource.read_text(encoding="utf-8")


def names() -> list[str]:
    """Return the names of the shipped dialects, sorted."""
    found = (entry.name for entry in files(__package__).iterdir())
    return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))


def read_file(path: Path) -> str:
    """Return the text of a dialect file.

    Raises:
        DialectError: If the file cannot be read, or is no text of the size of a dialect.

    """
    try:
        size = path.stat().st_size
        if size > _LARGEST:
            problem = f"has {size} bytes, and a dialect some thousand; give the TOML file of a dialect"
            raise DialectError(str(path), "file", problem)
        return read_text(path)
    except UnicodeDecodeError as exc:
        line, problem = undecodable(exc)
        raise DialectError(str(path), "file", f"cannot be read: {problem}", line=line) from exc
    except OSError as exc:
        problem = f"cannot be read: {exc.strerror or exc}; give a TOML file, or one of {', '.join(names())}"
        raise DialectError(str(path), "file", problem) from exc


def parse(text: str, *, path: str, is_checked: bool = True) -> Dialect:
    """Parse and check a dialect, given as TOML `text`; error messages name the file `path`.

    Without `is_checked`, what can have no effect is no mistake: so a cassette's dialect stays readable.

    Raises:
        DialectError: With the file, the line and the key of the first mistake; `problems` lists all mistakes.

    """
    from .parsing import parsed  # noqa: PLC0415  # parsing builds dialects, so it imports this module

    return replace(parsed(text, path=path, is_checked=is_checked), text=text)


def roots_of(method: str, target: str, body: JSON) -> dict[str, JSON]:
    """Return where the paths of a request begin: its body, or the data and channel of a publish."""
    return {"data": body, "channel": target} if method == PUBLISH else {"body": body}


@cache
def roots_in(dialect: Dialect) -> frozenset[str]:
    """Return the roots of the paths by which a dialect finds values in requests, e.g. `query`."""
    own = (known.keys.values() for known in dialect.operations.values())
    return _roots(chain(dialect.request_keys.values(), chain.from_iterable(own)))


@cache
def roots_in_acks(dialect: Dialect) -> frozenset[str]:
    """Return the roots of the paths by which a dialect finds values in acks."""
    own = (known.ack_keys.values() for known in dialect.operations.values())
    return _roots(chain(dialect.ack_keys.values(), chain.from_iterable(own)))


@cache
def names_in_acks(dialect: Dialect) -> frozenset[str]:
    """Return the names of the keys that acks may have."""
    return frozenset(chain(dialect.ack_keys, *(known.ack_keys for known in dialect.operations.values())))


class _Finders(NamedTuple):
    """The tables of keys of a dialect, each ready to be looked for; those of single operations by their names."""

    request: Finder
    ack: Finder
    event: Finder
    own: dict[str, Finder]
    own_ack: dict[str, Finder]


@cache
def _finders(dialect: Dialect) -> _Finders:
    def of(table: Mapping[str, Paths]) -> Finder:
        return Finder(table, dialect.path_keys)

    known = dialect.operations
    return _Finders(
        of(dialect.request_keys),
        of(dialect.ack_keys),
        of(dialect.event_keys),
        {name: of(one.keys) for name, one in known.items() if one.keys},
        {name: of(one.ack_keys) for name, one in known.items() if one.ack_keys},
    )


@lru_cache(_ROUTED)
def _routed(dialect: Dialect, method: str, path: str) -> str | None:
    """Return the name of the operation that a method and a path ask for."""
    fitting = (
        name
        for name, known in dialect.operations.items()
        if known.route is not None and known.method == method and known.route.fullmatch(path)
    )
    return next(fitting, None)


@lru_cache(_ROUTED)
def _parts(dialect: Dialect, path: str) -> dict[str, str]:
    found = dialect.fitting(path)
    return {name: unquote(value) for name, value in found.groupdict().items()} if found else {}


@lru_cache(_ROUTED)
def _fitting(dialect: Dialect, path: str) -> re.Match[str] | None:
    own = (known.route for known in dialect.operations.values() if known.route is not None)
    return next((m for m in (route.fullmatch(path) for route in chain(dialect.routes, own)) if m), None)


def name_of(keys: Keys, event: Event) -> str:
    """Return the name of an event with these keys: its channel if no key names it."""
    name = keys.get(NOTIFICATION, event.channel)
    return name if type(name) is str else listed(name)


def _roots(tables: Iterable[Paths]) -> frozenset[str]:
    return frozenset(path.partition(".")[0] for path in paths_in(chain.from_iterable(tables)))


def headers_of(headers: Headers) -> dict[str, JSON]:
    """Return headers as the object that paths lead into, with names in small letters; of several the first counts."""
    return {name.lower(): value.strip() for name, value in reversed(headers)}


def cookies_of(headers: Headers, header: str) -> dict[str, JSON]:
    """Return the cookies in the headers named `header` (cookie or set-cookie) as the object that paths lead into."""
    found: dict[str, JSON] = {}
    for name, value in headers:
        if name.lower() == header:
            for part in value.split(";")[: 1 if header == "set-cookie" else None]:
                cookie, _, text = part.partition("=")
                found.setdefault(cookie.strip(), text.strip().strip('"'))
    return found
