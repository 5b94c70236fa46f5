"""Parse a dialect from TOML, and report each of its mistakes with its line."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from ..bayeux.channels import is_meta
from ..errors import DialectError, SettingsError
from ..push.rules import PushRules
from .checks import ACK, EVENT, REQUEST, check
from .definition import CACHE_BUSTER, REFERENCES, Dialect, Operation, Paths, read_file
from .logins import OAUTH, SHOWN, logins, places
from .mistakes.templates import CHANNEL, TOPIC, in_request
from .mistakes.words import quoted
from .routes import route, routes
from .tables import Table, doubts_of, finish, read
from .values import first, is_constant, paths_in

_OF_PUBLISH = ("data", "channel")  # roots of paths in a Bayeux publish
_HEADER = re.compile(r"(?<![\w.])header\.[^{}]+", re.IGNORECASE)
_OF_DATES = ("body", "data", "header")  # roots of paths in answers and events


def parsed(text: str, *, path: str, is_checked: bool = True) -> Dialect:
    """Parse a dialect, given as TOML `text`; error messages name the file `path`.

    Args:
        text: The text.
        path: Name of its file.
        is_checked: Refuse also what can have no effect. A cassette keeps its dialect: what was checked when it was
            recorded is not held to the checks of a later version.

    Raises:
        DialectError: With the file, the line and the key of the first mistake; `problems` lists all mistakes.

    """
    if is_checked:
        return examined(text, path=path)[0]
    top = read(text, path, DialectError)
    dialect = _whole(top)
    finish(top)
    return dialect


def examined_file(path: str) -> tuple[Dialect, tuple[SettingsError, ...]]:
    """Read and check a dialect file; return the dialect with what is no mistake in it, but seldom meant.

    Raises:
        DialectError: If the file cannot be read, or the dialect has a mistake.

    """
    return examined(read_file(Path(path)), path=path)


def examined(text: str, *, path: str) -> tuple[Dialect, tuple[SettingsError, ...]]:
    """Parse and check a dialect like `parsed`; return it with what is no mistake in it, but seldom meant.

    Raises:
        DialectError: With the file, the line and the key of the first mistake; `problems` lists all mistakes.

    """
    # they take a fourth of the time of reading a dialect, and those in cassettes and the shipped ones are not checked
    from .mistakes import doubts, keys, operations, rules  # noqa: PLC0415  # see above

    top = read(text, path, DialectError)
    dialect = _whole(top)
    for find in (keys.check, operations.check, rules.check):
        find(top, dialect)
    _paths_exist(top, dialect)
    finish(top)
    doubts.check(top, dialect, text)
    return dialect, doubts_of(top)


def _whole(top: Table) -> Dialect:
    return _with_causes(top, _with_sessions(top, _read(top)))


def _read(top: Table) -> Dialect:
    request, ack, event = top.table("request"), top.table("ack"), top.table("event")
    error, replay = event.table("error", optional=True), top.table("replay", optional=True)
    twin, same = top.table("twin", optional=True), top.table("tuple", optional=True)
    has_twin, has_tuple = "twin" in top, "tuple" in top
    methods = request.texts("methods")
    return Dialect(
        name=top.text("name"),
        bayeux_prefix=top.text("bayeux_prefix", "").rstrip("/"),
        session_cookies=frozenset(top.texts("session_cookies")),
        session_keys=top.texts("session_keys", optional=True),
        open_for=top.seconds("open_for"),
        grace=top.seconds("grace"),
        methods=frozenset(methods),
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
        operations=_operations(top.table("operations"), methods),
        publishes=_channels(top.table("publish", optional=True)),
        shift=replay.texts("shift", optional=True),
    )


def _with_sessions(top: Table, dialect: Dialect) -> Dialect:
    """Return the dialect with what tells clients apart, and what gives a client its events again."""
    session = top.table("session", optional=True)
    minted = session.table("minted", optional=True)
    extension, number = _replay_extension(top)
    push = top.table("push", optional=True)
    return replace(
        dialect,
        session_tokens=places(session, "tokens", session.texts("tokens", optional=True), SHOWN),
        logins=tuple(logins(minted)) if "minted" in session else OAUTH,
        replay=extension,
        replay_id=number,
        push=_push_rules(push),
        push_urls=tuple(routes(push, "urls", push.texts("urls", optional=True))),
    )


def _with_causes(top: Table, dialect: Dialect) -> Dialect:
    """Return the dialect with what else says which request caused an event."""
    event, siblings = top.table("event"), top.table("siblings", optional=True)
    keys = {*dialect.key_names(), *dialect.event_keys}
    kind = TOPIC if dialect.has_topics else CHANNEL
    own, by_custom = top.texts("exact", optional=True), tuple(name for name in REFERENCES if name in keys)
    return replace(
        dialect,
        exact=own if "exact" in top else by_custom,
        channels=tuple(routes(event, "channels", event.texts("channels", optional=True), kind=kind)),
        ignore=_marks(event.table("ignore", optional=True)),
        error_after_ack=event.flag("error_after_ack"),
        unreferenced=frozenset(top.table("tuple", optional=True).texts("unreferenced", optional=True)),
        shared=top.texts("shared", optional=True),
        sibling_same=siblings.texts("same", optional="siblings" not in top),
        unwaited=top.table("drive", optional=True).texts("unwaited", optional=True),
        ordered=tuple(map(tuple, event.texts_or_groups("ordered"))),
    )


def _marks(table: Table) -> dict[str, frozenset[str]]:
    """Return the texts that mark an event, by their paths."""
    return {path: frozenset(table.one_or_more(path)) for path in table.names()}


def _operations(table: Table, methods: Paths) -> dict[str, Operation]:
    found = {}
    for name in table.names():
        own = table.table(name)
        asked = own.text("request", default="")
        wrong = in_request(asked, methods) if isinstance(own.raw("request"), str) else None
        if wrong is not None:
            own.wrong("request", f"{wrong.cause}; write request = {quoted(wrong.meant)}")
        method, *template = asked.split(None, 1)[:2] if wrong is None and asked else ("",)
        found[name] = Operation(
            frozenset(own.texts("events")),
            frozenset(own.texts("terminal")),
            method,
            route(template[0].strip()) if template else None,
            own.flag("only"),
            _sources(own.table("keys", optional=True)),
            _sources(own.table("ack_keys", optional=True)),
        )
    return found


def _channels(publish: Table) -> Paths:
    """Return the channels and patterns on which a publish is an operation; report those that cannot be one."""
    found = publish.texts("channels")  # a table that is left out lacks nothing
    if publish.raw("channels") == []:
        publish.wrong("channels", 'must name a channel or pattern; write channels = ["/service/**"]')
    for pattern in found:
        plain = pattern.removesuffix("/**") if pattern.endswith("/**") else pattern.removesuffix("/*")
        if not re.fullmatch(r"(/[^/*]+)+", plain) and plain:
            told = f'{pattern!r} is no channel; write "/a/b", "/a/*" or "/a/**"'
            publish.wrong("channels", told, item=pattern)
        elif is_meta(f"{plain}/"):
            told = f'{pattern!r}: nobody publishes on meta channels; write one such as "/service/**"'
            publish.wrong("channels", told, item=pattern)
    return found


def _replay_extension(top: Table) -> tuple[str, str]:
    """Return the name of the replay extension and the path of the number in the data of an event; "" without one."""
    push = top.table("push", optional=True)
    default = "" if push.raw("replay") is None and push.raw("replay_id") is None else None
    path = push.text("replay_id", default)
    if isinstance(push.raw("replay_id"), str):
        if path.startswith("data."):
            check(push, "replay_id", [path], ("data",), side=EVENT)
        else:
            push.wrong("replay_id", f"{path!r} must begin with 'data.'; write replay_id = \"data.event.replayId\"")
    return push.text("replay", default), path.removeprefix("data.")


def _push_rules(push: Table) -> PushRules:
    """Return what a dialect says about push without Bayeux."""
    topic, asks = (push.texts(name, optional=True) for name in ("topic", "asks"))
    nothing = PushRules()
    return PushRules(
        (lambda data: first(topic, {"data": data})) if topic else nothing.topic,
        (lambda body: first(asks, {"body": body})) if asks else nothing.asked,
    )


def _sources(table: Table) -> dict[str, Paths]:
    return {key: _in_small(table.texts(key)) for key in table.names()}


def _in_small(sources: Paths) -> Paths:
    """Return sources with the names of headers in small letters."""
    return tuple(one if is_constant(one) else _HEADER.sub(lambda found: found[0].lower(), one) for one in sources)


def _paths_exist(top: Table, dialect: Dialect) -> None:
    """Report the paths that can never lead to a value."""
    from .mistakes.operations import named_parts  # noqa: PLC0415  # as in `examined`

    of_publish = _OF_PUBLISH if dialect.publishes else ()
    parts = named_parts(top, dialect)
    channels = {name for pattern in dialect.channels for name in pattern.groupindex}
    request, ack, event = top.table("request"), top.table("ack"), top.table("event")
    replay = top.table("replay", optional=True)
    of_request = ("path", "query", "header", "cookie", *of_publish, "body")
    own = (
        (top.table("operations").table(name).table("keys", optional=True), known.keys)
        for name, known in dialect.operations.items()
    )
    of_acks = (
        (top.table("operations").table(name).table("ack_keys", optional=True), known.ack_keys)
        for name, known in dialect.operations.items()
    )
    tables = [
        (request.table("keys"), dialect.request_keys, of_request, parts, REQUEST),
        *((table, keys, of_request, parts, REQUEST) for table, keys in own),
        (ack.table("keys", optional=True), dialect.ack_keys, ("body", "header", "cookie"), (), ACK),
        *((table, keys, ("body", "header", "cookie"), (), ACK) for table, keys in of_acks),
        (event.table("keys"), dialect.event_keys, ("data", "channel"), channels, EVENT),
    ]
    for table, sources_of, roots, named, side in tables:
        for key, sources in sources_of.items():
            check(table, key, tuple(paths_in(sources)), roots, named, side)
    check(request, "operation", paths_in(dialect.operation), ("body", *_OF_PUBLISH))
    check(ack, "status", paths_in(dialect.ack_status), ("body",), side=ACK)
    for name, marks in (("error", dialect.error_marks), ("ignore", dialect.ignore)):
        for path in marks:
            check(event.table(name, optional=True), path, [path], ("data", "channel"), channels, EVENT)
    push = top.table("push", optional=True)
    for key, root, side in (("topic", "data", EVENT), ("asks", "body", REQUEST)):
        check(push, key, paths_in(push.texts(key, optional=True)), (root,), side=side)
    asked = [path for path in dialect.volatile if path != CACHE_BUSTER]
    check(replay, "volatile", asked, ("body", "query", "path", "header", "data"), parts)
    check(replay, "shift", dialect.shift, _OF_DATES, side=ACK)
    for path in dialect.shift:
        if path.startswith("header.") and "." in path.removeprefix("header."):
            told = f"{path!r}: a header has one name; write one such as 'header.Last-Modified'"
            replay.wrong("shift", told, item=path)
