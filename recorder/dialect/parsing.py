"""Parse a dialect from TOML, and report each of its mistakes with its line."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from itertools import chain

from ..bayeux.channels import is_meta
from ..bayeux.publishes import PUBLISH
from ..errors import DialectError
from .checks import check
from .definition import CACHE_BUSTER, NOTIFICATION, REFERENCES, Dialect, Operation, Paths
from .logins import OAUTH, SHOWN, logins, places
from .routes import routes
from .tables import Table, finish, read
from .values import is_constant, paths_in

_OF_PUBLISH = ("data", "channel")  # roots of paths in a Bayeux publish
_HEADER = re.compile(r"(?<![\w.])header\.[^{}]+", re.IGNORECASE)
_OF_DATES = ("body", "data", "header")  # roots of paths in answers and events


def parsed(text: str, *, path: str) -> Dialect:
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
        request_keys=_sources(request.table("keys")),
        ack_status=ack.texts("status"),
        ack_success=frozenset(ack.texts("success")),
        ack_keys=_sources(ack.table("keys", optional=True)),
        event_keys=_sources(event.table("keys")),
        path_keys=frozenset(event.texts("path_keys", optional=True)),
        error_marks=_marks(error),
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
    dialect = _with_causes(top, _with_sessions(top, dialect))
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


def _with_causes(top: Table, dialect: Dialect) -> Dialect:
    """Return the dialect with what else says which request caused an event."""
    event, siblings = top.table("event"), top.table("siblings", optional=True)
    keys = {*dialect.request_keys, *dialect.ack_keys, *dialect.event_keys}
    by_custom = tuple(name for name in REFERENCES if name in keys)
    return replace(
        dialect,
        exact=top.texts("exact", optional=True) if "exact" in top else by_custom,
        channels=tuple(routes(event, "channels", event.texts("channels", optional=True))),
        ignore=_marks(event.table("ignore", optional=True)),
        error_after_ack=event.flag("error_after_ack"),
        unreferenced=frozenset(top.table("tuple", optional=True).texts("unreferenced", optional=True)),
        sibling_same=siblings.texts("same", optional="siblings" not in top),
    )


def _marks(table: Table) -> dict[str, frozenset[str]]:
    """Return the texts that mark an event, by their paths."""
    return {path: frozenset(table.one_or_more(path)) for path in table.names()}


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
        operation = Operation(
            frozenset(own.texts("events")),
            frozenset(own.texts("terminal")),
            method,
            route,
            own.flag("only"),
            _sources(own.table("keys", optional=True)),
        )
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
    events = {*dialect.event_keys, NOTIFICATION}
    own = chain.from_iterable(known.keys for known in dialect.operations.values())
    requests = {*dialect.request_keys, *dialect.ack_keys, *own}
    used: list[tuple[str, Iterable[str], Collection[str]]] = [
        ("exact", dialect.exact if "exact" in top else (), events & requests),
        ("session_keys", dialect.session_keys, requests),
        ("event.path_keys", dialect.path_keys, events | requests),
        ("event.error_same", dialect.error_same, events & requests),
        ("siblings.same", dialect.sibling_same, events),
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


def _sources(table: Table) -> dict[str, Paths]:
    return {key: _in_small(table.texts(key)) for key in table.names()}


def _in_small(sources: Paths) -> Paths:
    """Return sources with the names of headers in small letters."""
    return tuple(one if is_constant(one) else _HEADER.sub(lambda found: found[0].lower(), one) for one in sources)


def _paths_exist(top: Table, dialect: Dialect) -> None:
    """Report the paths that can never lead to a value."""
    of_publish = _OF_PUBLISH if dialect.publishes else ()
    patterns = [*dialect.routes, *(one.route for one in dialect.operations.values() if one.route is not None)]
    parts = {name for pattern in patterns for name in pattern.groupindex}
    channels = {name for pattern in dialect.channels for name in pattern.groupindex}
    request, ack, event = top.table("request"), top.table("ack"), top.table("event")
    of_request = ("path", "query", "header", "cookie", *of_publish, "body")
    own = (
        (top.table("operations").table(name).table("keys", optional=True), known.keys)
        for name, known in dialect.operations.items()
    )
    tables = [
        (request.table("keys"), dialect.request_keys, of_request, parts),
        *((table, keys, of_request, parts) for table, keys in own),
        (ack.table("keys", optional=True), dialect.ack_keys, ("body", "header", "cookie"), ()),
        (event.table("keys"), dialect.event_keys, ("data", "channel"), channels),
    ]
    for table, keys, roots, named in tables:
        for key, sources in keys.items():
            check(table, key, tuple(paths_in(sources)), roots, named)
    check(request, "operation", dialect.operation, ("body", *_OF_PUBLISH))
    check(ack, "status", dialect.ack_status, ("body",))
    for name, marks in (("error", dialect.error_marks), ("ignore", dialect.ignore)):
        for path in marks:
            check(event.table(name, optional=True), path, [path], ("data", "channel"), channels)
    asked = [path for path in dialect.volatile if path != CACHE_BUSTER]
    check(top.table("replay", optional=True), "volatile", asked, ("body", "query", "path", "header", "data"), parts)
