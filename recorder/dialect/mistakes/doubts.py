"""Find what is no mistake in a dialect, but seldom meant.

`recorder dialect check` tells it; no command refuses the dialect for it.
"""

from __future__ import annotations

from itertools import chain

from ..definition import Dialect, names, source
from ..paths import covers, split, tree_of
from ..tables import Table
from ..values import paths_in
from .templates import parts
from .words import quoted

_LONG = 3600.0  # seconds; no operation of a call or a record is open that long


def check(top: Table, dialect: Dialect, text: str) -> None:
    """Report what is seldom meant in a dialect with this text."""
    _of_file(top, dialect, text)
    _of_operations(top, dialect)
    _of_rules(top, dialect)
    _of_replay(top, dialect)


def _of_file(top: Table, dialect: Dialect, text: str) -> None:
    if dialect.name in names() and source(dialect.name).strip() != text.replace("\r\n", "\n").strip():
        told = f"{dialect.name!r} is the name of a shipped dialect with other contents"
        top.doubt("name", f"{told}; write one of your own, such as {quoted('my-' + dialect.name)}")
    for key, seconds in (("open_for", dialect.open_for), ("grace", dialect.grace)):
        if seconds > _LONG:
            told = f"is more than an hour; if {seconds:g} are milliseconds"
            top.doubt(key, f"{told}, write {key} = {seconds / 1000:g}")


def _of_operations(top: Table, dialect: Dialect) -> None:
    operations = top.table("operations")
    if not dialect.operations and "operations" in top and not dialect.publishes:
        told = "names no operation, so only ids link events"
        top.doubt("operations", f"{told}; write a table [operations.NAME] with the events of each")
    for name, known in dialect.operations.items():
        own = operations.table(name)
        if known.only and known.events and not known.terminal:
            told = f"is empty, so with `only` the operation takes events for {dialect.open_for:g} seconds"
            own.doubt("terminal", f"{told}; name the event that ends it, if there is one")
    spelled: dict[str, str] = {}
    for event in chain.from_iterable(sorted(known.events) for known in dialect.operations.values()):
        first = spelled.setdefault(event.lower(), event)
        if first != event:
            own = next(operations.table(name) for name, known in dialect.operations.items() if event in known.events)
            own.doubt("events", f"{event!r} is {first!r} elsewhere; write it the same way in each place", item=event)


def _of_rules(top: Table, dialect: Dialect) -> None:
    shared = dialect.key_names() & dialect.event_keys.keys()
    has_only = any(known.only for known in dialect.operations.values())
    if dialect.operations and not has_only:
        links = (shared & {*dialect.exact}) or (shared & {*dialect.tuple_same} and dialect.tuple_enough)
        if not links and any(known.events for known in dialect.operations.values()):
            told = "no rule can link an event: requests and events share no exact key and no key of [tuple]"
            top.doubt("operations", f"{told}; define one in [request.keys] and [event.keys], or write only = true")
    table = top.table("tuple", optional=True)
    if [] in (table.raw("enough") or []):
        told = "has an empty group, which links no event"
        meant = "delete it, and write only = true in the operations that share nothing with their events"
        table.doubt("enough", f"{told}; {meant}")
    if dialect.unreferenced and not dialect.exact:
        table.doubt("unreferenced", "has no effect without exact keys; define `reference`, or delete it")
    for key in sorted({*dialect.twin_where_both} & {*dialect.twin_same}):
        top.table("twin").doubt("where_both", f"{key!r} is in `same` already; delete it here", item=key)
    _of_parts(top, dialect)


def _of_parts(top: Table, dialect: Dialect) -> None:
    """Report routes without a part, and channels whose parts nothing uses."""
    request, event = top.table("request"), top.table("event")
    for template in request.raw("routes") or ():
        if not parts(template):
            told = f"{template!r} names no part of a path; write one as {{name}}, or delete it"
            request.doubt("routes", told, item=template)
    heard = {*paths_in(chain(*dialect.event_keys.values())), *dialect.error_marks, *dialect.ignore}
    for template in event.raw("channels") or ():
        if not {f"channel.{name}" for name in parts(template)} & heard:
            name = next(iter(parts(template)), "name")
            told = (
                f"{template!r} names no part that a key uses; use one, as in {quoted(f'channel.{name}')}, or delete it"
            )
            event.doubt("channels", told, item=template)


def _of_replay(top: Table, dialect: Dialect) -> None:
    replay = top.table("replay", optional=True)
    for key in dialect.minted:
        if not dialect.sources(key):
            told = f"{key!r} is only in acks, so it is the server that makes it up"
            replay.doubt("minted", f"{told}; delete it here, or define it in [request.keys]", item=key)
        elif key in dialect.exact and key not in dialect.per_operation:
            told = f"{key!r} names one operation, but is made up once for the session"
            replay.doubt("minted", f"{told}; add it to `per_operation`", item=key)
    for path in replay.raw("volatile") or ():
        root, *_ = split(path)
        tree = tree_of([path], root)
        for key in sorted(dialect.key_names()):
            asked = map(split, paths_in(dialect.sources(key)))
            if key not in dialect.minted and any(one[0] == root and covers(tree, one[1:]) for one in asked):
                told = f"{path!r} leads to the key {key!r}, so what differs in it counts as the same"
                replay.doubt("volatile", f"{told}; delete it here, or make the key minted", item=path)
                break
