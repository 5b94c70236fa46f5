"""Find mistakes in the operations of a dialect: requests that never fit, and events that never come."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import NamedTuple

from ...bayeux.channels import is_meta, matches
from ...bayeux.publishes import PUBLISH
from ...push.rules import MESSAGE
from ..definition import NOTIFICATION, Dialect, Operation
from ..tables import Table
from ..values import is_constant, paths_in
from .keys import gives
from .templates import covers, fixed, in_method, in_request, in_template, parts
from .words import listed, near, quoted

_OF_PUBLISH = ("data", "channel")
_MOST = 200  # templates of which each is compared with each: a dialect may come with a cassette of anybody


class _Asked(NamedTuple):
    """A template of paths, and what it belongs to."""

    table: Table
    key: str
    told: str
    method: str
    template: str


def check(top: Table, dialect: Dialect) -> None:
    """Report the mistakes in the operations of a dialect."""
    operations = top.table("operations")
    if not dialect.operations and "operations" in top and not dialect.operation and not dialect.publishes:
        top.wrong("operations", 'names no operation; write one, as [operations.NAME] with request = "POST /a/{id}"')
    _methods(top, dialect)
    _publishes_exist(top, dialect)
    for name, known in dialect.operations.items():
        own = operations.table(name)
        if not name.strip():
            operations.wrong(name, "an operation has no name; write [operations.NAME]")
        if "request" in own:
            _is_possible(own, known, dialect, top.table("request"))
        _events(own, known)
        _only(own, known, dialect)
    _asked_for(top, dialect)
    _named(top, dialect)
    _hidden(top, dialect)
    _hidden_channels(top, dialect)
    _unheard(top, dialect)
    _unwaited(top, dialect)


def _asked_for(top: Table, dialect: Dialect) -> None:
    """Report operations that no request and no publish can ask for."""
    if dialect.operation:
        return
    tables = {name: top.table("operations").table(name) for name in dialect.operations}
    silent = [
        table
        for name, table in tables.items()
        if "request" not in table and not any(matches(pattern, name) for pattern in dialect.publishes)
    ]
    if len(silent) > 1 and len(silent) == len(tables):
        told = "is missing, and no operation has a request, so nothing is an operation"
        top.table("request").wrong("operation", f'{told}; write operation = ["body.…"], the path of its name')
        return
    for table in silent:
        told = "is missing, and [request] has no `operation`, so nothing asks for this operation"
        table.wrong("request", f'{told}; write request = "POST /a/{{id}}"')


def _methods(top: Table, dialect: Dialect) -> None:
    request = top.table("request")
    for method in sorted(dialect.methods):
        wrong = in_method(method)
        if wrong is not None:
            request.wrong("methods", f"{method!r} {wrong.cause}; write {quoted(wrong.meant)}", item=method)
        elif method == PUBLISH:
            told = "is no method of HTTP; say which publishes are operations: [publish] channels"
            request.wrong("methods", f"{method!r} {told} = {listed(['/service/**'])}", item=method)
    if not dialect.methods and request.raw("methods") == [] and dialect.operation and not dialect.publishes:
        request.wrong("methods", 'is empty, so no request is an operation; write methods = ["POST"]')


def _publishes_exist(top: Table, dialect: Dialect) -> None:
    """Report each operation that is asked for by a publish on a channel without any `publish.channels`."""
    for path in paths_in(dialect.operation):
        if path.partition(".")[0] in _OF_PUBLISH and not dialect.publishes:
            told = f"{path!r} is of a publish; say which are operations: [publish] channels = […]"
            top.table("request").wrong("operation", told, item=path)
    for name, known in dialect.operations.items():
        if known.method == PUBLISH and known.route is not None and not dialect.publishes:
            told = "is a publish; say which are operations: [publish] channels = […]"
            top.table("operations").table(name).wrong("request", told)


def _is_possible(own: Table, known: Operation, dialect: Dialect, request: Table) -> None:
    """Report a request whose method or channel is never that of an operation."""
    if known.route is None or in_method(known.method) is not None:
        return  # is reported already
    template, methods = _template(own), request.raw("methods")
    _own_parts(own, known, request.raw("routes"))
    if known.method == PUBLISH:
        channel = re.sub(r"\{\w+\}", "x", template)
        if dialect.publishes and not any(matches(pattern, channel) for pattern in dialect.publishes):
            told = f"{template!r} is on none of the channels of [publish], {', '.join(dialect.publishes)}"
            own.wrong("request", f"{told}; add {quoted(re.sub(r'{.*', '**', template))} to them")
    elif isinstance(methods, list) and known.method not in methods:
        meant = listed([*methods, known.method])
        own.wrong("request", f"{known.method!r} is not in [request] methods; write methods = {meant} there")


def _own_parts(own: Table, known: Operation, routes: object) -> None:
    """Report parts of paths in the keys of an operation that its own request does not name."""
    template = _template(own)
    fitting = [one for one in routes if isinstance(one, str)] if isinstance(routes, list) else []
    if template:  # a part fits no slash, so a route with more of them fits none of the paths
        fitting = [template, *(one for one in fitting if one.count("/") == template.count("/"))]
    named = {part for one in fitting for part in parts(one)}
    for key, sources in known.keys.items():
        for path in paths_in(sources):
            root, _, part = path.partition(".")
            if root == "path" and part not in named:
                like = near(part, named, 0) or next(iter(sorted(named)), None)
                meant = f"did you mean 'path.{like}'?" if like else f"write {{{part}}} in its request"
                told = f"{path!r} is no part of the request of this operation"
                own.table("keys").wrong(key, f"{told}; {meant}", item=path)


def _template(own: Table) -> str:
    return str(own.raw("request")).partition(" ")[2].strip()


def named_parts(top: Table, dialect: Dialect) -> set[str]:
    """Return the names in braces of all routes and requests of a dialect, also of those with a mistake."""
    routes = top.table("request").raw("routes")
    found = [fixed(one) for one in routes if isinstance(one, str)] if isinstance(routes, list) else []
    for name in dialect.operations:
        asked = str(top.table("operations").table(name).raw("request"))
        wrong = in_request(asked, ())
        method, _, template = (wrong.meant if wrong is not None else asked).partition(" ")
        found.append(template.strip() if method == MESSAGE else fixed(template.strip()))
    return {part for template in found for part in parts(template)}


def _asked(top: Table, dialect: Dialect) -> Iterator[_Asked]:
    """Yield the sound templates of a dialect, in the order in which a path is compared with them."""
    request = top.table("request")
    listed_routes = request.raw("routes")
    for template in listed_routes if isinstance(listed_routes, list) else ():
        if isinstance(template, str) and in_template(template) is None:
            yield _Asked(request, "routes", f"the route {template!r}", "", template)
    for name, known in dialect.operations.items():
        if known.route is not None:
            own = top.table("operations").table(name)
            yield _Asked(own, "request", f"[operations.{name}]", known.method, _template(own))


def _hidden(top: Table, dialect: Dialect) -> None:
    """Report each request and route that never counts, because one before it fits all its paths."""
    before: list[_Asked] = []
    for one in islice(_asked(top, dialect), _MOST):
        over = [other for other in before if covers(other.template, one.template)]
        same = next((other for other in over if other.method == one.method), None)
        item = one.template if one.key == "routes" else None
        if same is not None and one.method:
            is_same = covers(one.template, same.template)
            told = f"never counts: {same.told} fits all its requests, and stands before it"
            meant = "delete one of them" if is_same else f"write this operation before {same.told}"
            one.table.wrong(one.key, f"{one.template!r} {told}; {meant}", item=item)
        elif over and (lost := _lost(one, over[0], dialect)):
            told = f"the part {{{lost}}} of {one.template!r} is never found: {over[0].told} stands before it"
            other = parts(over[0].template)
            meant = f"write the same names in both, such as {{{(other or [lost])[-1]}}}"
            one.table.wrong(one.key, f"{told}; {meant}", item=item)
        before.append(one)


def _hidden_channels(top: Table, dialect: Dialect) -> None:
    """Report parts of channels that are never found, because a template before fits all the channels."""
    event = top.table("event")
    value = event.raw("channels")
    templates = [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
    wanted = {path for sources in dialect.event_keys.values() for path in paths_in(sources)}
    for place, template in enumerate(templates[:_MOST]):
        over = next((other for other in templates[:place] if covers(other, template)), None)
        lost = [name for name in parts(template) if f"channel.{name}" in wanted and name not in parts(over or template)]
        if over is not None and lost:
            told = f"the part {{{lost[0]}}} of {template!r} is never found: {over!r} stands before it"
            event.wrong("channels", f"{told}; write {template!r} first", item=template)


def _lost(one: _Asked, over: _Asked, dialect: Dialect) -> str | None:
    """Return a part of a template that some key needs, and that the template before it does not name."""
    own = (known.keys for known in dialect.operations.values())
    for table in (dialect.request_keys, *own):
        for sources in table.values():
            wanted = {path.removeprefix("path.") for path in paths_in(sources) if path.startswith("path.")}
            lost = [name for name in parts(one.template) if name in wanted]
            if lost and not wanted & {*parts(over.template)}:
                return lost[0]
    return None


def _events(own: Table, known: Operation) -> None:
    """Report names of events that never come."""
    is_listed = known.events or own.raw("events") == []
    for event in sorted(known.terminal - known.events) if is_listed else ():
        like = near(event, known.events)
        meant = f"did you mean {like!r}?" if like else f"add {quoted(event)} to `events`"
        own.wrong("terminal", f"{event!r} is not in the list `events` of this operation; {meant}", item=event)
    for event in sorted(known.events):
        if "*" in event:
            own.wrong("events", f"{event!r} is compared letter by letter; write the name of each event", item=event)
        elif is_meta(event):
            told = "nothing causes messages on meta channels; write the channel or name of an event"
            own.wrong("events", f"{event!r}: {told}", item=event)


def _named(top: Table, dialect: Dialect) -> None:
    """Report names of events that are no channels, in a dialect without a key that names events."""
    if NOTIFICATION in dialect.event_keys:
        _never_given(top, dialect)
        return
    if dialect.has_topics:
        return
    names = {event for known in dialect.operations.values() for event in known.events}
    unnamed = sorted(event for event in names if not event.startswith("/"))
    keys = top.table("event").table("keys")
    like = near(NOTIFICATION, dialect.event_keys)
    if unnamed and (like or len(unnamed) == len(names)):
        told = f"without the key `notification` an event has the name of its channel, and {unnamed[0]!r} is none"
        meant = f"rename {like!r} to 'notification'" if like else 'write notification = ["data.…"]'
        keys.wrong(like or NOTIFICATION, f"{told}; {meant}")
        return
    for name, known in dialect.operations.items():
        for event in sorted(known.events.intersection(unnamed)):
            told = f"{event!r} is no channel, and without the key `notification` the name of an event is its channel"
            own = top.table("operations").table(name)
            own.wrong("events", f"{told}; write {quoted('/' + event)}, or that key in [event.keys]", item=event)


def _never_given(top: Table, dialect: Dialect) -> None:
    """Report names of events that no source of the key that names events can find."""
    sources = dialect.event_keys[NOTIFICATION]
    constants = [one.removeprefix("=").strip() for one in sources if is_constant(one)]
    for name, known in dialect.operations.items():
        # An event without the key has the name of its channel; a constant leaves none without it.
        for event in sorted(one for one in known.events if constants or not _may_be_channel(one, dialect)):
            if not any(gives(source, event) for source in sources):
                like = near(event, constants)
                meant = f"did you mean {like!r}?" if like else "write one as they give it, or change the sources"
                told = f"{event!r} never comes: no source of `notification` gives such a name"
                own = top.table("operations").table(name)
                own.wrong("events", f"{told}, {listed(sources)}; {meant}", item=event)


def _may_be_channel(event: str, dialect: Dialect) -> bool:
    """Return whether the name of an event may be that of its channel, because no key names it."""
    return event.startswith("/") or dialect.has_topics


def _only(own: Table, known: Operation, dialect: Dialect) -> None:
    if not known.only:
        return
    if not known.events:
        own.wrong("only", "has no effect without events; name them in `events`, or delete `only`")
    shared = sorted(known.keys.keys() & dialect.event_keys.keys())
    if shared:
        told = f"its key {shared[0]!r} is one of events too, so it shares a value with them"
        own.wrong("only", f"{told}; delete `only`, or the key")


def _unheard(top: Table, dialect: Dialect) -> None:
    """Report names of events in the lists of rule 4 that no operation lists."""
    table = top.table("tuple", optional=True)
    known = {*chain.from_iterable(one.events for one in dialect.operations.values())}
    if "*" in dialect.unreferenced and len(dialect.unreferenced) > 1:
        table.wrong("unreferenced", """'*' stands for all names; write unreferenced = ["*"]""")
    for key, names in (("unasked", dialect.unasked), ("unreferenced", dialect.unreferenced - {"*"})):
        for name in sorted(names - known):
            like = near(name, known)
            told = f"{name!r} is in the `events` of no operation"
            if known:
                meant = f"did you mean {like!r}?" if like else "add it to one, or delete it here"
                table.wrong(key, f"{told}; {meant}", item=name)
            else:  # an operation without a table may cause any event
                table.doubt(key, f"{told}; write a table of the operation that causes it", item=name)


def _unwaited(top: Table, dialect: Dialect) -> None:
    """Report operations that shall not wait in a drive, and are none: names that nothing has, and wrong requests."""
    table, known = top.table("drive", optional=True), dialect.operations
    for name in dialect.unwaited:
        if name in known:
            continue
        if "/" in name or " " in name.strip():
            wrong = in_request(name, dialect.methods)
            if wrong is not None:
                told = f"{name!r} is no request: {wrong.cause}; write {quoted(wrong.meant)}"
                table.wrong("unwaited", told, item=name)
        elif like := near(name, known):
            table.wrong("unwaited", f"{name!r} is no operation; did you mean {like!r}?", item=name)
        elif not dialect.operation:
            table.wrong(
                "unwaited", f'{name!r} is no operation; write the name of one, or a request such as "GET /a"', item=name
            )
