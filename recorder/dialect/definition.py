"""Read a dialect from TOML: which requests of one REST + Bayeux API are operations, and where their ids stand.

Values are found by dotted paths: `body.referenceId`, `data.record.recordHandle`, `query.rid`, `header.X-Request-Id`, or
`path.handle` for a part of the URL that a route names. A Bayeux publish is a request too where the dialect says so:
with the method PUBLISH, its channel as URL, and the roots `data` and `channel`. All keys are compared as strings; null
and "" count as absent, 0 does not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote

from ..bayeux.channels import is_meta, matches
from ..bayeux.publishes import PUBLISH
from ..errors import DialectError
from ..files import read_text
from ..formats.charsets import media_of
from ..model import JSON, Event, Headers, Request, Response
from .checks import check
from .content import content_of, fields
from .logins import OAUTH, SHOWN, Login, logins, minted, places
from .logins import values as values_at
from .paths import as_key, lookup, parse_json, path_of
from .routes import routes
from .tables import Table, finish, read

Paths: TypeAlias = tuple[str, ...]
Keys: TypeAlias = dict[str, str]

DEFAULT = "gws-outbound"
CACHE_BUSTER = "query._"  # as jQuery adds it; volatile in every dialect
_OF_PUBLISH = ("data", "channel")  # roots of paths in a Bayeux publish
_OF_DATES = ("body", "data", "header")  # roots of paths in answers and events


@dataclass(frozen=True, slots=True)
class Operation:
    """The events of an operation, and the request that asks for the operation.

    Attributes:
        events: Names of the events that the operation may cause.
        terminal: Names of the events that end the operation; empty if the ack ends it.
        method: HTTP method of the request; "" if a field of the body names the operation.
        route: Pattern of the URL path; None if a field of the body names the operation.

    """

    events: frozenset[str]
    terminal: frozenset[str]
    method: str = ""
    route: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """A checked dialect. All times are seconds. `gws-outbound.toml` explains the fields."""

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
    error_marks: Mapping[str, str]
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

    @classmethod
    def load(cls, source: str = DEFAULT) -> Dialect:
        """Read a shipped dialect by name, or a TOML file by path.

        Raises:
            DialectError: If there is no such dialect, or it has a mistake.

        """
        return load(source)

    def operation_of(self, request: Request) -> str | None:
        """Return the name of the operation that a request asks for, None if it is not an operation."""
        return self.name_of(request.method, request.target, content_of(request.body, media_of(request.headers)))

    def name_of(self, method: str, target: str, body: JSON) -> str | None:
        """Return the name of the operation that a method, a target and a body ask for, None if there is none.

        A field of the body names the operation; without such a field the method and the URL path decide. A publish that
        nothing names has the name of its channel.
        """
        is_publish = method == PUBLISH and self.is_publish(target)
        if method not in self.methods and not is_publish:
            return None
        path = path_of(target)
        fitting = (
            name
            for name, known in self.operations.items()
            if known.route is not None and known.method == method and known.route.fullmatch(path)
        )
        found = _first(self.operation, roots_of(method, target, body)) or next(fitting, None)
        return target if found is None and is_publish else found

    def is_publish(self, channel: str) -> bool:
        """Return whether a publish on a channel is an operation."""
        return not is_meta(channel) and any(matches(pattern, channel) for pattern in self.publishes)

    def keys_of_request(self, request: Request) -> Keys:
        """Return the keys of a request: values by which events can be joined to the request."""
        content = content_of(request.body, media_of(request.headers))
        roots = roots_of(request.method, request.target, content) | {"path": self.route(request.target)}
        if "query" in roots_in(self):
            roots["query"] = fields(request.target.partition("?")[2])
        if "header" in roots_in(self):
            roots["header"] = headers_of(request.headers)
        return self._keys(self.request_keys, roots)

    def keys_of_ack(self, ack: Response) -> Keys:
        """Return the keys in an ack, which its operation may lack."""
        return self._keys(self.ack_keys, {"body": parse_json(ack.body, ack.headers)})

    def keys_of_event(self, event: Event) -> Keys:
        """Return the keys of an event; `notification` among them is its name."""
        return self._keys(self.event_keys, {"data": event.data})

    def identified(self, target: str, headers: Headers, body: bytes) -> Headers:
        """Return the headers of a request, with the tokens that it shows elsewhere as further credentials."""
        if not self.session_tokens:
            return headers
        shown = values_at(self.session_tokens, target, headers, body)
        return *headers, *(("Authorization", value) for value in shown)

    def minted_by(self, request: Request, response: Response) -> tuple[str, ...]:
        """Return the values in an answer that its server made for one session, e.g. access tokens."""
        return minted(self.logins, request.method, request.target, response.headers, response.body)

    def is_error(self, event: Event) -> bool:
        """Return whether an event reports a failed operation."""
        marks = self.error_marks.items()
        return bool(marks) and all(as_key(lookup({"data": event.data}, path)) == text for path, text in marks)

    def route(self, target: str) -> dict[str, str]:
        """Return the named parts of a URL path, percent-decoded; empty if no route fits."""
        found = self.fitting(path_of(target))
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else {}

    def fitting(self, path: str) -> re.Match[str] | None:
        """Return the match of the first route that a path fits, None if it fits none."""
        own = (known.route for known in self.operations.values() if known.route is not None)
        return next((m for m in (route.fullmatch(path) for route in chain(self.routes, own)) if m), None)

    def succeeded(self, ack: Response) -> bool:
        """Return whether an ack reports success, by its HTTP status and by the status code in its body, if any."""
        status = _first(self.ack_status, {"body": parse_json(ack.body, ack.headers)})
        return 200 <= ack.status < 300 and (status is None or status in self.ack_success)

    def bare(self, key: str, value: str) -> str:
        """Return the value of a key as it is compared: for a key in `path_keys`, the part after the last slash."""
        return value.rsplit("/", 1)[-1] if key in self.path_keys else value

    def _keys(self, paths: Mapping[str, Paths], roots: dict[str, JSON]) -> Keys:
        found = ((name, _first(candidates, roots)) for name, candidates in paths.items())
        return {name: self.bare(name, value) for name, value in found if value is not None}


def load(source: str = DEFAULT) -> Dialect:
    """Read a shipped dialect by its name, or a dialect file by its path.

    Raises:
        DialectError: If no such dialect is shipped, the file cannot be read, or the dialect has a mistake.

    """
    if re.fullmatch(r"[\w-]+", source):
        return shipped(source)
    return parse(_read(Path(source)), path=source)


@cache
def shipped(name: str) -> Dialect:
    """Read a shipped dialect by its name.

    The dialect that a cassette names is read by this function, because a cassette must not choose which files are
    opened.

    Raises:
        DialectError: If there is no such dialect.

    """
    return parse(source(name), path=f"{name}.toml")


def source(name: str) -> str:
    """Return the TOML text of a shipped dialect.

    Raises:
        DialectError: If there is no such dialect.

    """
    # The pattern rejects separators and dots, so a name cannot lead out of this package.
    resource = files(__package__).joinpath(f"{name}.toml")
    if not re.fullmatch(r"[\w-]{1,64}", name) or not resource.is_file():
        known = " and ".join(map(repr, names()))
        raise DialectError(name[:80], "name", f"no such dialect is shipped; there are {known}, or give a TOML file")
    return resource.read_text(encoding="utf-8")


def names() -> list[str]:
    """Return the names of the shipped dialects, sorted."""
    found = (entry.name for entry in files(__package__).iterdir())
    return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))


def _read(path: Path) -> str:
    try:
        return read_text(path)
    except (OSError, UnicodeDecodeError) as exc:
        raise DialectError(str(path), "file", f"cannot be read: {exc}") from exc


def parse(text: str, *, path: str) -> Dialect:
    """Parse and check a dialect, given as TOML `text`; error messages name the file `path`.

    Raises:
        DialectError: With the file, the line and the key of the first mistake; `problems` lists all mistakes.

    """
    top = read(text, path, DialectError)
    request, ack, event = top.table("request"), top.table("ack"), top.table("event")
    error, replay = event.table("error", optional=True), top.table("replay", optional=True)
    twin, same = top.table("twin", optional=True), top.table("tuple", optional=True)
    has_twin, has_tuple = "twin" in top, "tuple" in top
    dialect = Dialect(
        name=top.text("name"),
        bayeux_prefix=top.text("bayeux_prefix").rstrip("/"),
        session_cookies=frozenset(top.texts("session_cookies")),
        session_keys=top.texts("session_keys", optional=True),
        open_for=top.seconds("open_for"),
        grace=top.seconds("grace"),
        methods=frozenset(request.texts("methods")),
        operation=request.texts("operation", optional=True),
        routes=tuple(routes(request, "routes", request.texts("routes", optional=True))),
        request_keys=_paths(request.table("keys")),
        ack_status=ack.texts("status"),
        ack_success=frozenset(ack.texts("success")),
        ack_keys=_paths(ack.table("keys", optional=True)),
        event_keys=_paths(event.table("keys")),
        path_keys=frozenset(event.texts("path_keys", optional=True)),
        error_marks={path: error.text(path) for path in error.names()},
        error_same=event.texts("error_same", optional="error" not in event),
        twin_channel=twin.text("channel", None if has_twin else ""),
        twin_of=twin.text("of", None if has_twin else ""),
        twin_same=twin.texts("same", optional=not has_twin),
        twin_where_both=twin.texts("where_both", optional=True),
        tuple_same=same.texts("same", optional=not has_tuple),
        tuple_enough=tuple(map(frozenset, same.groups("enough") if has_tuple else [])),
        unasked=frozenset(same.texts("unasked", optional=True)),
        minted=replay.texts("minted", optional=True),
        per_operation=frozenset(replay.texts("per_operation", optional=True)),
        volatile=(*_in_small(replay.texts("volatile", optional=True)), CACHE_BUSTER),
        operations=_operations(top.table("operations")),
        publishes=_channels(top.table("publish")) if "publish" in top else (),
        shift=_shifted(replay),
    )
    dialect = _with_sessions(top, dialect)
    _check(top, dialect)
    return dialect


def _check(top: Table, dialect: Dialect) -> None:
    if dialect.name and not re.fullmatch(r"[\w-]{1,64}", dialect.name):
        top.wrong("name", "must have 1 to 64 letters, digits, hyphens and underscores")
    _names_exist(top, dialect)
    _paths_exist(top, dialect)
    finish(top)


def _with_sessions(top: Table, dialect: Dialect) -> Dialect:
    """Return the dialect with what tells clients apart, and what gives a client its events again."""
    session = top.table("session", optional=True)
    extension, number = _replay_extension(top)
    return replace(
        dialect,
        session_tokens=places(session, "tokens", session.texts("tokens", optional=True), SHOWN),
        logins=tuple(logins(session.table("minted"))) if "minted" in session else OAUTH,
        replay=extension,
        replay_id=number,
    )


def _shifted(replay: Table) -> Paths:
    """Return the paths of the dates that a replay moves; report those that lead nowhere."""
    found = replay.texts("shift", optional=True)
    for path in found:
        root, *parts = path.split(".")
        if root not in _OF_DATES or not all(parts) or not parts:
            roots = " or ".join(f"'{name}.'" for name in _OF_DATES)
            replay.wrong("shift", f"{path!r} must begin with {roots} and name a value")
        elif root == "header" and len(parts) > 1:
            replay.wrong("shift", f"{path!r}: a header has one name, such as 'header.Last-Modified'")
    return found


def _operations(table: Table) -> dict[str, Operation]:
    found = {}
    for name in table.names():
        own = table.table(name)
        method, route = "", None
        if "request" in own:
            method, _, template = own.text("request").partition(" ")
            route = next(iter(routes(own, "request", [template.strip()])), None)
        operation = Operation(frozenset(own.texts("events")), frozenset(own.texts("terminal")), method, route)
        for event in sorted(operation.terminal - operation.events):
            own.wrong("terminal", f"{event!r} is not in the list `events` of this operation")
        found[name] = operation
    return found


def _channels(publish: Table) -> Paths:
    """Return the channels and patterns on which a publish is an operation; report those that cannot be one."""
    found = publish.texts("channels")
    if not found:
        publish.wrong("channels", 'must name a channel or pattern, such as "/service/**"')
    for pattern in found:
        plain = pattern.removesuffix("/**") if pattern.endswith("/**") else pattern.removesuffix("/*")
        if not re.fullmatch(r"(/[^/*]+)+", plain) and plain:
            publish.wrong("channels", f'{pattern!r} is no channel; write "/a/b", "/a/*" or "/a/**"')
        elif is_meta(f"{plain}/"):
            publish.wrong("channels", f"{pattern!r}: nobody publishes on meta channels")
    return found


def _publishes_exist(top: Table, dialect: Dialect) -> None:
    """Report each operation that is asked for by a publish on a channel without any `publish.channels`."""
    for path in dialect.operation:
        if path.partition(".")[0] in _OF_PUBLISH and not dialect.publishes:
            top.wrong(
                "request.operation", f"{path!r} is of a publish; say which are operations: [publish] channels = […]"
            )
    for name, known in dialect.operations.items():
        if known.method == PUBLISH and known.route is not None and not dialect.publishes:
            top.wrong(f"operations.{name}.request", "is a publish; say which are operations: [publish] channels = […]")


def _names_exist(top: Table, dialect: Dialect) -> None:
    """Report each key that a rule compares but no table of keys defines, and operations that cannot be asked for."""
    _publishes_exist(top, dialect)
    events = {*dialect.event_keys, "notification"}
    requests = {*dialect.request_keys, *dialect.ack_keys}
    used: list[tuple[str, Iterable[str], Collection[str]]] = [
        ("session_keys", dialect.session_keys, requests),
        ("event.path_keys", dialect.path_keys, events),
        ("event.error_same", dialect.error_same, events & requests),
        ("twin.same", dialect.twin_same, events),
        ("twin.where_both", dialect.twin_where_both, events),
        ("tuple.same", dialect.tuple_same, events & requests),
        ("tuple.enough", chain(*dialect.tuple_enough), dialect.tuple_same),
        ("replay.minted", dialect.minted, requests),
        ("replay.per_operation", dialect.per_operation, dialect.minted),
    ]
    for key, names, known in used:
        for name in names:
            if name not in known:
                top.wrong(key, f"{name!r} is not a possible key; keys are {', '.join(sorted(known)) or 'none'}")


def _replay_extension(top: Table) -> tuple[str, str]:
    """Return the name of the replay extension and the path of the number in the data of an event; "" without one."""
    push, default = top.table("push", optional=True), None if "push" in top else ""
    path = push.text("replay_id", default)
    if path and not path.startswith("data."):
        push.wrong("replay_id", f"{path!r} must begin with 'data.'")
    return push.text("replay", default), path.removeprefix("data.")


def _paths(table: Table) -> dict[str, Paths]:
    return {key: _in_small(table.texts(key)) for key in table.names()}


def _in_small(paths: Paths) -> Paths:
    """Return paths with the names of headers in small letters."""
    return tuple(path.lower() if path.lower().startswith("header.") else path for path in paths)


def _paths_exist(top: Table, dialect: Dialect) -> None:
    """Report the paths that can never lead to a value."""
    of_publish = _OF_PUBLISH if dialect.publishes else ()
    patterns = [*dialect.routes, *(one.route for one in dialect.operations.values() if one.route is not None)]
    parts = {name for pattern in patterns for name in pattern.groupindex}
    request, ack, event = top.table("request"), top.table("ack"), top.table("event")
    for key, paths in dialect.request_keys.items():
        check(request.table("keys"), key, paths, ("path", "query", "header", *of_publish, "body"), parts)
    for key, paths in dialect.ack_keys.items():
        check(ack.table("keys", optional=True), key, paths, ("body",))
    for key, paths in dialect.event_keys.items():
        check(event.table("keys"), key, paths, ("data",))
    check(request, "operation", dialect.operation, ("body", *_OF_PUBLISH))
    check(ack, "status", dialect.ack_status, ("body",))
    for path in dialect.error_marks:
        check(event.table("error", optional=True), path, [path], ("data",))
    asked = [path for path in dialect.volatile if path != CACHE_BUSTER]
    check(top.table("replay", optional=True), "volatile", asked, ("body", "query", "path", "header", "data"), parts)


def roots_of(method: str, target: str, body: JSON) -> dict[str, JSON]:
    """Return where the paths of a request begin: its body, or the data and channel of a publish."""
    return {"data": body, "channel": target} if method == PUBLISH else {"body": body}


@cache
def roots_in(dialect: Dialect) -> frozenset[str]:
    """Return the roots of the paths by which a dialect finds values in requests, e.g. `query`."""
    return frozenset(path.partition(".")[0] for paths in dialect.request_keys.values() for path in paths)


def headers_of(headers: Headers) -> dict[str, JSON]:
    """Return headers as the object that paths lead into, with names in small letters; of several the first counts."""
    return {name.lower(): value.strip() for name, value in reversed(headers)}


def _first(paths: Paths, roots: dict[str, JSON]) -> str | None:
    for path in paths:
        text = as_key(lookup(roots, path))
        if text is not None:
            return text
    return None
