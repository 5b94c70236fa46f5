"""Write a dialect as TOML, each line with a comment that gives its evidence."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile

from ..bayeux.publishes import PUBLISH
from ..dialect.mistakes.templates import covers
from ..printable import counted
from .causing.joins import SECOND, Source, plain
from .draft import Draft
from .names import key_name, part_name, unique
from .operations import Found
from .reading.templates import ID
from .reading.topics import stream_paths, urls
from .reading.traffic import BARE
from .reading.values import is_version
from .replaying import logins

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_MESSAGE_TYPES = frozenset({"handshake", "connect", "disconnect"})  # what CometD's client adds to the path
_NAMELESS = "event"  # name of events that nothing names
_OPEN, _GRACE = 60.0, 2.0


@dataclass(slots=True)
class _Text:
    lines: list[str] = field(default_factory=list)

    def table(self, *names: str) -> None:
        self.lines += ["", f"[{'.'.join(map(key, names))}]"]

    def line(self, name: str, value: object, why: str = "") -> None:
        shown = f"{key(name)} = {toml(value)}"
        self.lines.append(f"{shown} # {one_line(why)}" if why else shown)

    def comment(self, text: str = "") -> None:
        self.lines.append(f"# {one_line(text)}".rstrip())


def key(name: str) -> str:
    """Return a name as a key of TOML."""
    return name if _BARE_KEY.fullmatch(name) else toml(name)


def toml(value: object) -> str:
    """Return a text, a number, a flag or a list as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # TOML has no half characters; a text with another one in its place fits nothing
        whole = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007F")
    if isinstance(value, Iterable):
        return f"[{', '.join(map(toml, value))}]"
    return str(value)


def one_line(text: str) -> str:
    """Return a text as a comment may hold it."""
    return "".join(one if one.isprintable() else " " for one in text)


@dataclass(slots=True)
class _Places:
    """The names of parts of paths and channels, and so the paths as the dialect writes them."""

    draft: Draft
    templates: dict[str, str] = field(default_factory=dict)  # operation → its path with names
    topics: dict[str, str] = field(default_factory=dict)
    _parts: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        named: dict[tuple[str, str], str] = {}
        for known in self.draft.keys:
            named |= {(source.operation, source.path): known.name for source in known.sources}
            named |= {("", path): known.name for path in known.events}
        for one in self.draft.operations:
            for full in one.templates:
                operation = f"{full} {one.command}" if one.command else full
                root = "channel" if full.startswith(PUBLISH) else "path"
                self.templates[full] = self._filled(
                    full.partition(" ")[2], root, operation, named, self.templates.get(full)
                )
        for topic in dict.fromkeys(event.topic for event in self.draft.traffic.pushed):
            if ID in topic.split("/"):
                self.topics[topic] = self._filled(topic, f"channel:{topic}", "", named, None)

    def _filled(
        self, template: str, root: str, operation: str, named: Mapping[tuple[str, str], str], before: str | None
    ) -> str:
        parts = template.split("/")
        taken: set[str] = set()
        known = before.split("/") if before is not None else parts
        for place, part in enumerate(template.split("/")):
            if part == ID:
                name = named.get((operation, f"{root}.{place}"))
                old = known[place].strip("{}") if before is not None else None
                name = old or (unique(name, taken) if name is not None else part_name(parts, place, taken))
                taken.add(name)
                self._parts[operation, f"{root}.{place}"] = name
                parts[place] = f"{{{name}}}"
        return "/".join(parts)

    def of_source(self, source: Source) -> str:
        name = self._parts.get((source.operation, source.path))
        return f"path.{name}" if name is not None else plain(source.path)

    def of_event(self, path: str) -> str:
        name = self._parts.get(("", path))
        return f"channel.{name}" if name is not None else plain(path)


def write(found: Draft, name: str) -> str:
    """Return a dialect as TOML."""
    found = _renamed(found, nameless(found))
    text, places = _Text(), _Places(found)
    traffic = found.traffic
    recordings, requests = counted(len(traffic.headers), "recording"), counted(len(traffic.asked), "request")
    text.comment(f"A dialect derived from {recordings}: {requests},")
    text.comment(f"{counted(len(traffic.pushed), 'event')}. Each comment gives the evidence for its line.")
    text.lines.append("")
    text.line("name", name)
    _session(text, found)
    _exact(text, found)
    _logins(text, found, places)
    _push(text, found)
    _requests(text, found, places)
    _acks(text, found, places)
    _events(text, found, places)
    _rules(text, found, places)
    _replay(text, found, places)
    for one in _in_order(found.operations, places):
        _operation(text, one, found, places)
    return "\n".join(text.lines) + "\n"


def nameless(found: Draft) -> dict[str, str | None]:
    """Return what the dialect calls the events that their channel alone names; None where no list names them.

    A channel with an id in it names no kind of events. That does no harm if an exact id tells the cause of each of
    them; else all events without a name share one.
    """
    unnamed = [event for event in found.traffic.pushed if event.kind == event.topic]
    varying = {event.kind for event in unnamed if ID in event.topic.split("/")}
    exact = {path for one in found.keys if one.is_exact for path in one.events}
    caused = found.causes.of.keys() | found.causes.followed.keys()
    if all(exact & event.values.keys() for event in unnamed if event.kind in varying and event.number in caused):
        return dict.fromkeys(varying)
    return dict.fromkeys((event.kind for event in unnamed), _NAMELESS)


def _renamed(found: Draft, names: Mapping[str, str | None]) -> Draft:
    """Return a draft in which some names of events are others, or none."""
    if not names:
        return found

    def other(counts: Mapping[str, int]) -> Counter[str]:
        renamed: Counter[str] = Counter()
        for kind, count in counts.items():
            name = names.get(kind, kind)
            if name is not None:
                renamed[name] += count
        return renamed

    mine = {
        id(one): replace(one, events=other(one.events), ended=other(one.ended), only=other(one.only))
        for one in found.operations
    }
    return replace(
        found,
        found={operation: mine[id(one)] for operation, one in found.found.items()},
        unasked=other(found.unasked),
        unreferenced=other(found.unreferenced),
    )


def _session(text: _Text, found: Draft) -> None:
    prefix, count = prefix_of(found.traffic.prefixes)
    if prefix:
        text.line(
            "bayeux_prefix", prefix, f"path of {count} of {counted(len(found.traffic.prefixes), 'Bayeux request')}"
        )
    clients = found.traffic.clients
    cookies = clients.cookies()
    told = ", ".join(f"{name}: {counted(values, 'value')}" for name, values in cookies.items())
    text.line(
        "session_cookies",
        list(cookies),
        f"{told}; {counted(clients.count, 'session')}" if cookies else "no cookies seen",
    )
    delays = _delays(found)
    longest = max(delays, default=0.0)
    text.line("open_for", max(_OPEN, round(3 * longest, 1)), f"the latest event came {longest:.1f} s after its request")
    text.line("grace", _GRACE)


def _logins(text: _Text, found: Draft, places: _Places) -> None:
    known = logins(found.causes, found.traffic.clients.cookies())
    if known:
        text.table("session")
        text.table("session", "minted")
    for operation, (count, own) in known.items():
        method, _, path = operation.partition(" ")
        name = f"{method} {places.templates.get(operation, path)}"
        text.line(
            name,
            own,
            f"{counted(count, 'answer begins', 'answers begin')} a session" + ("" if own else ", by a cookie"),
        )


def _push(text: _Text, found: Draft) -> None:
    """Write what a dialect says of streams and plain WebSockets."""
    said, known = found.topics, urls(found.traffic)
    channels = [event.channel for event in found.traffic.pushed]
    lines: list[tuple[str, list[str], str]] = []
    if said.topic is not None:
        lines.append(("topic", [said.topic], f"names {counted(said.events, 'event')}"))
    if said.asks is not None:
        lines.append(("asks", [said.asks], f"names {counted(said.requests, 'message')} of clients"))
    if known:
        templates = [_filled(template) for template in known]
        lines.append(
            (
                "urls",
                templates,
                f"answers give out {counted(sum(known.values()), 'URL that leads', 'URLs that lead')} there",
            )
        )
    elif not lines and found.traffic.prefixes and any(not channel.startswith("/") for channel in channels):
        # without [push], the names of all channels are those of Bayeux, which begin with a slash
        templates = [_filled(template) for template in stream_paths(found.traffic)]
        lines.append(
            (
                "urls",
                templates,
                f"{counted(len(found.traffic.streams), 'stream or WebSocket', 'streams or WebSockets')} without Bayeux",
            )
        )
    if lines:
        text.table("push")
        for line in lines:
            text.line(*line)


def _filled(template: str) -> str:
    """Return a template whose parts have names."""
    parts, taken = template.split("/"), set[str]()
    for place, part in enumerate(parts):
        if part == ID:
            name = part_name(parts, place, taken)
            taken.add(name)
            parts[place] = f"{{{name}}}"
    return "/".join(parts)


def _delays(found: Draft) -> list[float]:
    return [
        (event.t - found.causes.of[event.number].t) / SECOND
        for event in found.traffic.pushed
        if event.number in found.causes.of
    ]


def prefix_of(paths: Iterable[str]) -> tuple[str, int]:
    """Return the path of Bayeux without what clients add to it, and how many of the paths begin with it."""
    counts: Counter[tuple[str, ...]] = Counter()
    for path in paths:
        parts = path.rstrip("/").split("/")
        while parts and (parts[-1] in _MESSAGE_TYPES or is_version(parts[-1])):
            parts.pop()
        counts[tuple(parts)] += 1
    common = tuple(parts[0] for parts in takewhile(lambda parts: len(set(parts)) == 1, zip(*counts, strict=False)))
    if not any(common):
        common = max(counts, key=lambda own: counts[own], default=("",))
    return "/".join(common), sum(n for parts, n in counts.items() if parts[: len(common)] == common)


def _exact(text: _Text, found: Draft) -> None:
    exact = [one for one in found.keys if one.is_exact]
    if exact and [one.name for one in exact] != ["reference"]:
        why = "; ".join(f"{one.name}: {_each(one.values)} belongs to one request" for one in exact)
        text.line("exact", [one.name for one in exact], why)


def _each(values: int) -> str:
    return "its one value" if values == 1 else f"each of {values} values"


def _requests(text: _Text, found: Draft, places: _Places) -> None:
    asked = [one for known in found.operations for one in known.templates]
    text.table("request")
    methods = Counter(one.partition(" ")[0] for one in asked)
    methods.pop(PUBLISH, None)
    text.line("methods", sorted(methods), "of the requests that events follow")
    if found.command is not None:
        named = sum(bool(one.command) for one in found.traffic.asked)
        values = len({one.command for one in found.traffic.asked if one.command})
        text.line("operation", [found.command], f"in {counted(named, 'request')}, {counted(values, 'name')}")
    routes = dict.fromkeys(
        places.templates[one]
        for known in found.operations
        if known.command
        for one in known.templates
        if "{" in places.templates[one] and places.templates[one].startswith("/") and not one.startswith(PUBLISH)
    )
    if routes:
        text.line("routes", list(routes), "what varies in them is an id")
    text.table("request", "keys")
    for name, paths in _shared_sources(found, places, answers=False).items():
        text.line(name, list(paths), _evidence(found, name, paths))
    publishes = sorted({_pattern(one.partition(" ")[2]) for one in asked if one.startswith(PUBLISH)})
    if publishes:
        text.table("publish")
        text.line("channels", publishes, "publishes on them are answered by events")


def _pattern(channel: str) -> str:
    before = channel.partition(f"/{ID}")[0]
    rest = channel[len(before) :]
    return channel if not rest else f"{before}/*" if rest == f"/{ID}" else f"{before}/**"


def _by_path(found: Draft, places: _Places, *, answers: bool) -> dict[str, dict[str, dict[str, int]]]:
    """Return for each path of requests, or of their acks, the keys that it holds, each with its operations."""
    paths: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for one in found.keys:
        for source, count in one.sources.items():
            if source.is_answer == answers:
                path = plain(source.path) if answers else places.of_source(source)
                paths[path][one.name][source.operation] = count
    return paths


def _shared_sources(found: Draft, places: _Places, *, answers: bool) -> dict[str, dict[str, int]]:
    """Return the paths that hold one key, whatever the operation, by the key."""
    shared: dict[str, dict[str, int]] = defaultdict(dict)
    for path, names in _by_path(found, places, answers=answers).items():
        if len(names) == 1:
            (name, of) = next(iter(names.items()))
            shared[name][path] = sum(of.values())
    return {
        name: dict(sorted(own.items(), key=lambda one: (not one[0].startswith("path."), -one[1])))
        for name, own in shared.items()
    }


def _own_sources(known: Found, found: Draft, places: _Places, *, answers: bool) -> dict[str, list[str]]:
    """Return the paths that hold a key for one operation, but another key for others."""
    mine: dict[str, list[str]] = defaultdict(list)
    full = {f"{one} {known.command}" if known.command else one for one in known.templates}
    for path, names in _by_path(found, places, answers=answers).items():
        if len(names) > 1:
            for name, of in names.items():
                if full & of.keys():
                    mine[name].append(path)
    return mine


def _evidence(found: Draft, name: str, paths: Mapping[str, int]) -> str:
    known = next(one for one in found.keys if one.name == name)
    if len(paths) == 1:
        counts = counted(sum(paths.values()), "request")
    else:
        counts = " and ".join(f"{count} ({path})" for path, count in paths.items()) + " requests"
    return f"events repeat it after {counts}; {counted(known.values, 'different value')}"


def _acks(text: _Text, found: Draft, places: _Places) -> None:
    text.table("ack")
    status = found.status
    if status is None:
        text.line("status", [], "the HTTP status alone tells")
        text.line("success", [])
    else:
        good = ", ".join(f"{value}: {count}" for value, count in status.success.items())
        bad = "".join(f"; not {value}: {count}" for value, count in status.failure.items())
        text.line(
            "status",
            [status.path],
            f"in {sum(status.success.values()) + sum(status.failure.values())} of {counted(status.of, 'answer')}",
        )
        text.line("success", list(status.success), good + bad)
    sources = _shared_sources(found, places, answers=True)
    if sources:
        text.table("ack", "keys")
        for name, paths in sources.items():
            text.line(name, list(paths), _evidence(found, name, paths))


def _events(text: _Text, found: Draft, places: _Places) -> None:
    text.table("event")
    if places.topics:
        text.line("channels", list(places.topics.values()), "what varies in them is an id")
    bare = [one.name for one in found.keys if one.is_bare]
    bare += [name for name, pair in _twin_keys(found).items() if any(path.endswith(BARE) for path in pair)]
    if bare:
        text.line("path_keys", bare, "some of their values are paths that end in the others")
    text.table("event", "keys")
    count = len(found.traffic.pushed)
    for one in found.keys:
        paths = {places.of_event(path): number for path, number in one.events.items()}
        shown = ", ".join(
            f"{number} of {counted(one.with_place[path], 'event')}" for path, number in one.events.items()
        )
        text.line(
            one.name,
            list(paths),
            f"repeats a value of the request in {shown} with that field; {counted(one.values, 'value')}",
        )
    for name, pair in _twin_keys(found).items():
        text.line(name, list(dict.fromkeys(map(places.of_event, pair))), "equal in twins")
    for path, why in found.siblings.items():
        text.line(_sibling_name(found), [path], why)
    names = found.naming.templates()
    kinds = len({event.kind for event in found.traffic.pushed})
    named = sum(event.kind != event.topic for event in found.traffic.pushed)
    if _NAMELESS in nameless(found).values():
        of = f"{counted(count, 'event')}, {counted(kinds, 'name')}"
        why = f"names {named} of {of}; the channels of others differ by ids"
        text.line("notification", [*names, f"={_NAMELESS}"], why if names else "the channels differ by ids")
    elif names:
        text.line("notification", names, f"names {named} of {counted(count, 'event')}, {counted(kinds, 'name')}")
    if found.beats:
        text.table("event", "ignore")
        for path, values in _ignored(found).items():
            text.line(
                path, values, f"{sum(map(len, found.beats.values()))} events at steady distances that say nothing new"
            )


def _ignored(found: Draft) -> dict[str, list[str]]:
    """Return what tells heartbeats from other events: a channel of their own, else a field."""
    lines: dict[str, list[str]] = defaultdict(list)
    for events in found.beats.values():
        channels = {event.channel for event in events}
        numbers = {event.number for event in events}
        if not any(event.channel in channels for event in found.traffic.pushed if event.number not in numbers):
            lines["channel"] += sorted(channels)
            continue
        chain = next((one for one in found.naming.chains if all(path in events[0].values for path in one)), ())
        if chain and "*" not in chain[-1]:
            lines[chain[-1]] += [events[0].values[chain[-1]][0]]
    return {path: sorted(set(values)) for path, values in lines.items()}


def _sibling_name(found: Draft) -> str:
    return key_name(list(found.siblings), {one.name for one in found.keys} | {"transaction_"})


def _twin_keys(found: Draft) -> dict[str, tuple[str, str]]:
    """Return the keys that tell twins, beside those that there are."""
    if found.twins is None:
        return {}
    taken = {one.name for one in found.keys}
    names: dict[str, tuple[str, str]] = {}
    for pair in found.twins.same:
        names[key_name(pair, taken | names.keys())] = pair
    return names


def _rules(text: _Text, found: Draft, places: _Places) -> None:
    if found.twins is not None:
        text.table("twin")
        text.line(
            "channel",
            found.twins.channel,
            f"{counted(len(found.twins.pairs), 'event here repeats one', 'events here each repeat one')}",
        )
        text.line("of", found.twins.of)
        text.line("same", [*_twin_keys(found), "notification"])
    things = [one for one in found.keys if not one.is_exact and not one.is_attribute]
    if things:
        text.table("tuple")
        text.line("same", [one.name for one in things])
        text.line(
            "enough",
            [[one.name] for one in things],
            "; ".join(f"{one.name}: {counted(one.values, 'value')}" for one in things),
        )
        kinds = {kind for one in found.operations for kind in _events_of(one, _own_tables(one, found, places)[1])}
        unasked = {kind: count for kind, count in found.unasked.items() if kind in kinds}
        unreferenced = {kind: count for kind, count in found.unreferenced.items() if kind in kinds}
        if unasked:
            why = ", ".join(f"{kind}: {count}" for kind, count in unasked.items())
            text.line("unasked", list(unasked), f"came without a request too, or are doubtful, {why}")
        if unreferenced:
            why = "of operations that have an exact id, without that id"
            text.line("unreferenced", list(unreferenced), f"{counted(sum(unreferenced.values()), 'event')} {why}")
    if found.siblings:
        text.table("siblings")
        text.line("same", [_sibling_name(found)])


def _replay(text: _Text, found: Draft, places: _Places) -> None:
    named = _named(found, places)
    minted = [one for one in found.minted if one.name in named]
    if not minted and not found.volatile:
        return
    text.table("replay")
    if minted:
        why = ", ".join(f"{one.name}: {counted(one.values, 'value')}" for one in minted)
        text.line("minted", [one.name for one in minted], f"seen first in a request, {why}")
        text.line("per_operation", [one.name for one in minted if one.per_operation])
    if found.volatile:
        text.lines.append("volatile = [")
        for path, why in found.volatile.items():
            text.lines.append(f"    {toml(path)}, # {one_line(why)}")
        text.lines.append("]")


def _named(found: Draft, places: _Places) -> set[str]:
    """Return the keys that are written with a place in requests or acks."""
    tables = [own for known in found.operations for own in _own_tables(known, found, places)[0].values()]
    shared = (_shared_sources(found, places, answers=answers) for answers in (False, True))
    return set().union(*tables, *shared)


def _own_tables(known: Found, found: Draft, places: _Places) -> tuple[dict[str, dict[str, list[str]]], Counter[str]]:
    """Return the keys of an operation alone, and which of its events share no value with it."""
    tables = {
        table: _own_sources(known, found, places, answers=answers)
        for table, answers in (("keys", False), ("ack_keys", True))
    }
    only = known.only
    if only and tables["keys"]:  # a dialect says one of the two
        if known.events.keys() > only.keys():
            only = Counter()
        else:
            tables["keys"] = {}
    return tables, only


def _events_of(known: Found, only: Counter[str]) -> list[str]:
    """Return the events of an operation, the most frequent first; `only` are those that share no value with it."""
    left = known.only.keys() - only.keys()
    return sorted(known.events.keys() - left, key=lambda kind: (-known.events[kind], kind))


def _in_order(operations: Iterable[Found], places: _Places) -> list[Found]:
    """Return operations so that none stands behind one whose request fits all its requests: the first that fits counts.

    `POST /orders/{order}` fits `POST /orders/search` too.
    """
    ordered: list[Found] = []
    requests: list[str] = []
    for one in operations:
        own = "" if one.command else _request(one, places)
        place = next((n for n, other in enumerate(requests) if own and other and covers(other, own)), len(ordered))
        ordered.insert(place, one)
        requests.insert(place, own)
    return ordered


def _request(known: Found, places: _Places) -> str:
    full = next(iter(known.templates))
    return f"{full.partition(' ')[0]} {places.templates[full]}"


def _operation(text: _Text, known: Found, found: Draft, places: _Places) -> None:
    tables, only = _own_tables(known, found, places)
    events = _events_of(known, only)
    terminal = [kind for kind in known.terminal if kind in events]
    text.table("operations", known.name)
    if not known.command:
        text.line("request", _request(known, places), counted(known.requests, "request"))
    shown = ", ".join(f"{known.events[kind]}" for kind in events)
    text.line("events", events, f"after {shown} of {counted(known.requests, 'request')}" if events else "none seen")
    ended = ", ".join(f"{known.ended[kind]}" for kind in terminal)
    endless = "no event is regularly the last one, so the ack ends it" if events else "the ack ends it"
    text.line(
        "terminal",
        terminal,
        f"the last event of {ended} {'request' if ended == '1' else 'requests'}" if ended else endless,
    )
    if only:
        why = ", ".join(f"{kind}: {count}" for kind, count in only.items())
        text.line("only", True, f"shares no value with events that follow no other operation: {why}")
    for table, own in tables.items():
        if own:
            text.table("operations", known.name, table)
            for name, paths in own.items():
                text.line(name, paths, "other operations have another key there")
