"""Find mistakes in the keys of a dialect: sources that find nothing, and lists that name keys which do not exist."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import chain, pairwise

from ..definition import NOTIFICATION, Dialect
from ..tables import Table
from ..values import is_constant, is_template
from .words import listed, named, near, quoted

_BRACES = re.compile(r"\{([^{}]*)\}")
_BOTH = "[request.keys] (or [ack.keys]) and [event.keys]"


def check(top: Table, dialect: Dialect) -> None:
    """Report the mistakes in the keys of a dialect."""
    for table in tables(top, dialect):
        for key in table.names():
            _sources(table, key)
    for one in ("operation", "status"):
        _templates(top.table("request" if one == "operation" else "ack"), one)
    push = top.table("push", optional=True)
    for key in ("topic", "asks"):
        _sources(push, key)
    _exist(top, dialect)
    _constants(top, dialect)
    _own_keys(top, dialect)
    _one_sided(top, dialect)


def tables(top: Table, dialect: Dialect) -> Iterator[Table]:
    """Yield the tables in which a dialect defines keys."""
    yield top.table("request").table("keys")
    yield top.table("ack").table("keys", optional=True)
    yield top.table("event").table("keys")
    for name in dialect.operations:
        own = top.table("operations").table(name)
        yield from (own.table(key, optional=True) for key in ("keys", "ack_keys"))


def _texts(table: Table, key: str) -> list[str]:
    """Return the texts in a list; nothing if the value is no list of texts, which is reported elsewhere."""
    value = table.raw(key)
    return value if isinstance(value, list) and all(isinstance(item, str) for item in value) else []


def _sources(table: Table, key: str) -> None:
    """Report sources of a key that find nothing, or are never asked."""
    if table.raw(key) == []:
        table.wrong(key, f'is empty, so the key is never found; write the paths of its values, or delete "{key}"')
    sources = _texts(table, key)
    for source, later in pairwise(sources):
        if is_constant(source):
            meant = listed([one for one in sources if one != source] + [source])
            table.wrong(key, f"{later!r} comes after a constant, which always counts; write {meant}", item=later)
    for source in sources:
        if is_constant(source) and not source.removeprefix("=").strip():
            table.wrong(key, f'{source!r} is a constant without text; write the text, as in "=Order"', item=source)
    _templates(table, key)


def _templates(table: Table, key: str) -> None:
    for source in _texts(table, key):
        if is_constant(source) or not set(source) & set("{}"):
            continue
        if "${" in source:
            meant = quoted(source.replace("${", "{"))
            table.wrong(
                key, f"{source!r} has a '$' before a brace, which would be in each value; write {meant}", item=source
            )
            continue
        left = _BRACES.sub("", source)
        inner = _BRACES.findall(source)
        if set(left) & set("{}"):
            plain = re.sub(r"[{}]+", "", source)
            table.wrong(key, f'{source!r} has a brace without its partner; write "{{{plain}}}"', item=source)
        elif any(not path.strip() for path in inner):
            table.wrong(key, f'{source!r} has braces without a path; write one, as in "{{body.id}}"', item=source)
        elif any(is_constant(path) for path in inner):
            meant = _BRACES.sub(lambda found: found[1][1:] if is_constant(found[1]) else found[0], source)
            meant = meant if is_template(meant) else f"={meant}"
            table.wrong(key, f"{source!r} has a constant in braces; write {quoted(meant)}", item=source)


def gives(source: str, text: str) -> bool:
    """Return whether a source of a key may find a text."""
    if is_constant(source):
        return source.removeprefix("=").strip() == text
    if not is_template(source):
        return True
    first, *between, last = _BRACES.split(source)[::2]
    at = len(first) if text.startswith(first) else -1
    for literal in between:
        at = text.find(literal, at + 1) + len(literal) if at >= 0 and text.find(literal, at + 1) >= 0 else -1
    return 0 <= at < len(text) - len(last) and text.endswith(last)


def _exist(top: Table, dialect: Dialect) -> None:
    """Report each key that a list names but no table of keys defines."""
    events = {*dialect.event_keys, NOTIFICATION}
    requests = dialect.key_names()
    replay, twin, same = top.table("replay", optional=True), top.table("twin", optional=True), "tuple"
    used: list[tuple[Table, str, Iterable[str], Collection[str], str]] = [
        (top, "exact", dialect.exact if "exact" in top else (), events & requests, _BOTH),
        (top, "shared", dialect.shared, events & requests, _BOTH),
        (top, "session_keys", dialect.session_keys, requests, "[request.keys]"),
        (top.table("event"), "path_keys", dialect.path_keys, events | requests, "[request.keys] or [event.keys]"),
        (top.table("event"), "error_same", dialect.error_same, events & requests, _BOTH),
        (top.table("siblings", optional=True), "same", dialect.sibling_same, events, "[event.keys]"),
        (twin, "same", dialect.twin_same, events, "[event.keys]"),
        (twin, "where_both", dialect.twin_where_both, events, "[event.keys]"),
        (top.table(same, optional=True), "same", dialect.tuple_same, events & requests, _BOTH),
        (top.table(same, optional=True), "enough", chain(*dialect.tuple_enough), dialect.tuple_same, "[tuple] same"),
        (replay, "minted", dialect.minted, requests, "[request.keys]"),
        (replay, "per_operation", dialect.per_operation, dialect.minted, "[replay] minted"),
    ]
    for table, key, names, possible, where in used:
        known = frozenset(possible)
        for name in dict.fromkeys(names):
            if name not in known:
                told = f"{name!r} is not a possible key; keys are {named(known)}"
                table.wrong(key, f"{told}; {_meant(name, known, where, events, requests)}", item=name)


def _meant(name: str, known: Collection[str], where: str, events: Collection[str], requests: Collection[str]) -> str:
    like = near(name, known)
    if name.rpartition(".")[2] in known:
        return f"write the name of the key, {name.rpartition('.')[2]!r}"
    if like:
        return f"did you mean {like!r}?"
    if name in events and "request" in where:
        if like := near(name, {*requests} - {*events}):
            return f"only events have it, and only requests {like!r}: write one name in both"
        return f"only events have {name!r}: define it in [request.keys] or [ack.keys] too"
    if name in requests and "event" in where:
        if like := near(name, {*events} - {*requests, NOTIFICATION}):
            return f"only requests have it, and only events {like!r}: write one name in both"
        return f"no event has {name!r}: define it in [event.keys] too"
    return f"define {name!r} in {where}, or delete it here"


def _constants(top: Table, dialect: Dialect) -> None:
    """Report constants in place of ids: of one operation, or made up by the client."""
    replay = top.table("replay", optional=True)
    lists = (
        (top, "exact", dialect.exact, "names one operation"),
        (replay, "minted", dialect.minted, "the client makes"),
    )
    for table, key, named_keys, told in lists:
        for name in dict.fromkeys(named_keys):
            sources = dialect.sources(name)
            if sources and all(map(is_constant, sources)):
                problem = f"{name!r} is a constant, and a key that {told} differs each time"
                table.wrong(key, f"{problem}; delete it here, or write the path of the id in [request.keys]", item=name)


def _own_keys(top: Table, dialect: Dialect) -> None:
    """Report keys of single operations that no event can share."""
    asked = {*dialect.event_keys, *dialect.session_keys, *dialect.minted}
    for name, known in dialect.operations.items():
        for key, of in [(key, "keys") for key in known.keys] + [(key, "ack_keys") for key in known.ack_keys]:
            if key not in asked:
                like = near(key, dialect.event_keys)
                meant = f"did you mean {like!r}?" if like else f"define {key!r} in [event.keys], or delete it"
                table = top.table("operations").table(name).table(of, optional=True)
                table.wrong(key, f"no event has this key, so it links nothing; {meant}")


def _one_sided(top: Table, dialect: Dialect) -> None:
    """Report keys that requests and events spell differently; doubt those that nothing uses."""
    requests, events = dialect.key_names(), {*dialect.event_keys}
    used = {*dialect.session_keys, *dialect.minted, *dialect.sibling_same, *dialect.twin_same, NOTIFICATION, "handle"}
    used |= {*dialect.twin_where_both}
    sides = [
        (top.table("request").table("keys"), dialect.request_keys, events, requests, "[event.keys]"),
        (top.table("ack").table("keys", optional=True), dialect.ack_keys, events, requests, "[event.keys]"),
        (top.table("event").table("keys"), dialect.event_keys, requests, events, "[request.keys] or [ack.keys]"),
    ]
    for table, keys, others, own, where in sides:
        for key in keys.keys() - others - used:
            like = near(key, others - own, 0.8)
            if like:
                table.wrong(key, f"stands only here, and {like!r} only in {where}; write one name in both")
            else:
                table.doubt(key, f"links nothing: {where} and the lists of the rules do not name it; add or delete it")
