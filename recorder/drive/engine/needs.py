"""Find the values that a drive lacks, and the places of those that the user gave.

It lacks pseudonyms without a real value, and credentials that must not go to another host.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from ...dialect.definition import Dialect
from ...requests.masks import BODY, PATH, Address
from .making.keys import KeyNames
from .plan import BAYEUX, CHANNEL, COOKIE, HEADER, Act, Hole, Plan, Step
from .reading import Leaf, channel_member, last_name, sent_leaves, shown
from .values import Values, variable
from .words import split

_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)  # keys of TOML that need no quotation marks
_NAMELESS = (PATH, CHANNEL, BODY, HEADER)  # a header is given as a whole
_WORD = 4  # characters of a word that is no word of another text by chance
_SCHEME = re.compile(r"([A-Za-z][\w-]{0,20}) +", re.ASCII)  # of credentials: RFC 9110, section 11.1


@dataclass(frozen=True, slots=True)
class Missing:
    """A value that the user has to give before anything is sent.

    Attributes:
        name: What it is called: a header, a cookie, a pseudonym, a key.
        where: Where it is needed first, e.g. `step 3 Hold, body.user`.
        count: How many times it is needed.
        line: Lines of a values file that would give it.
        variable: Variable of the environment that would give it; "" if it is for one client of several.
        is_hidden: Whether the recording has a pseudonym there; False for a recorded credential.
    """

    name: str
    where: str
    count: int
    line: str
    variable: str
    is_hidden: bool

    @property
    def text(self) -> str:
        """The missing value, with the ways to give it, in one line."""
        table, _, pair = self.line.partition("\n")
        times = f" and {self.count - 1} more" if self.count > 1 else ""
        why = "is a pseudonym" if self.is_hidden else "was sent to another host, and is not taken from the recording"
        or_set = f", or set {self.variable}" if self.variable else ""
        return f"{self.name} ({self.where}{times}) {why}: write {pair} in {table} of the values file{or_set}"


class _Place(NamedTuple):
    """A hole, who shows it, and where it is for people."""

    hole: Hole
    client: str
    operation: str | None
    where: str
    text: str  # of the header around it
    step: Step | None = None


class _Part(NamedTuple):
    """A part of a leaf, with its name; "" if it has none."""

    start: int
    end: int
    name: str


def missing(plan: Plan, values: Values, to_recorded_host: bool, send_credentials: bool) -> list[Missing]:  # noqa: FBT001  # as others call it
    """Return the values that a drive lacks, each once, in the order in which they are needed.

    A pseudonym is never sent. A recorded credential is sent to the recorded host, and to another one only if the user
    said so.

    Args:
        plan: What is to be driven.
        values: What the user gave.
        to_recorded_host: Whether the server is the recorded one.
        send_credentials: Whether the user wants recorded credentials to be sent to any host.
    """
    may_send = may_show(plan, to_recorded_host=to_recorded_host, send_credentials=send_credentials)
    lacking = [place for place in _places(plan) if is_missing(place.hole, place.client, values,
               may_send=may_send(place.step), operation=place.operation)]  # fmt: skip
    by_client = _differing(lacking)
    found: dict[str, Missing] = {}
    for place in lacking:
        one = _missing(place, by_client)
        known = found.get(one.line)
        found[one.line] = one if known is None else replace(known, count=known.count + 1)
    return list(found.values())


def may_show(plan: Plan, *, to_recorded_host: bool, send_credentials: bool) -> Callable[[Step | None], bool]:
    """Return a function that tells whether the recorded credentials of a step may be sent; None is for cookies.

    A recording may have requests to several hosts. The server under test is one of them at most.

    Args:
        plan: What is to be driven.
        to_recorded_host: Whether the server is the recorded one.
        send_credentials: Whether the user wants recorded credentials to be sent to any host.
    """
    others = other_hosts(plan)

    def may(step: Step | None) -> bool:
        is_home = not others if step is None else host_of(step, plan) not in others
        return send_credentials or (to_recorded_host and is_home)

    return may


def other_hosts(plan: Plan) -> frozenset[str]:
    """Return the hosts of requests that are not the recorded server; none if all requests name one: that is its name.

    A client of a proxy may call the server by the name of the proxy.
    """
    named = frozenset(filter(None, (host_of(step, plan) for step in plan.steps)))
    if len(named) < 2:
        return frozenset()
    return named - {_plain_host(plan.upstream.partition("://")[2].partition("/")[0], plan)}


def host_of(step: Step, plan: Plan) -> str:
    """Return the host that a request names, "" if it names none."""
    found = (value for name, value in step.request.headers if name.lower() in ("host", ":authority"))
    return _plain_host(next(found, ""), plan)


def _plain_host(host: str, plan: Plan) -> str:
    """Return a host without the port that its scheme has by default."""
    return host.strip().lower().removesuffix(":443" if plan.upstream.lower().startswith("https:") else ":80")


def with_given(plan: Plan, values: Values, dialect: Dialect) -> Plan:
    """Return a plan with holes also for what its clients sent as their own, where the user gave another value for it.

    A server under test may know other devices and agents than the recorded one. A value is found by its key in the
    dialect, by the name of its place, or by its recorded text.
    """
    if not values.has_replacements:
        return plan
    keys = KeyNames(dialect)
    return replace(plan, steps=tuple(_with_given(step, values, keys, dialect.path_keys) for step in plan.steps))


def as_recorded(step: Step, keys: KeyNames, path_keys: Collection[str]) -> list[Hole]:
    """Return the keys of the dialect that a step sends as they were recorded: which record, campaign or device.

    A handle is among them if the event that it came from was cut off from the recording.

    Args:
        step: The step.
        keys: The keys of the dialect.
        path_keys: Those of them that are paths, of which the last segment counts.
    """
    named = _named_parts(step, keys)
    found: list[Hole] = []
    for leaf in sent_leaves(step):
        part = named.get(leaf.address)
        if part is None and leaf.address[0] not in _NAMELESS and _key_at(leaf, step, keys):
            part = _whole(leaf, step, keys, path_keys)
        if part is not None and not any(
            hole.place == leaf.address and part.end > hole.start and part.start < hole.end for hole in step.holes
        ):
            found.append(Hole(leaf.address, part.start, part.end, leaf.text[part.start : part.end], part.name))
    return found


def _with_given(step: Step, values: Values, keys: KeyNames, path_keys: Collection[str]) -> Step:
    taken: dict[Address, list[tuple[int, int]]] = {}
    for hole in step.holes:
        taken.setdefault(hole.place, []).append((hole.start, hole.end))
    named = _named_parts(step, keys)
    more: list[Hole] = []
    for leaf in sent_leaves(step):
        known = taken.get(leaf.address, ())
        for start, end, name in _given_in(
            leaf, step, values, named.get(leaf.address) or _whole(leaf, step, keys, path_keys)
        ):
            if all(end <= first or start >= last for first, last in known):
                more.append(Hole(leaf.address, start, end, leaf.text[start:end], name or last_name(leaf.address)))
    return replace(step, holes=(*step.holes, *more)) if more else step


def _given_in(leaf: Leaf, step: Step, values: Values, part: _Part) -> list[_Part]:
    """Return the parts of a leaf that the user gave values for: that with a name, else words with given texts."""
    names = [part.name] if leaf.address[0] in _NAMELESS else [part.name, last_name(leaf.address)]
    text = leaf.text[part.start : part.end]
    if any(values.replaces(name, text, step.client, step.operation) for name in names):
        return [part]
    whole = [(0, len(leaf.text))]
    spans = whole + [span for span in split(leaf.text) if span[1] - span[0] >= _WORD and span not in whole]
    found = [_Part(*span, part.name) for span in spans if values.replaces("", leaf.text[slice(*span)], step.client)]
    return found[:1] if found and found[0].end - found[0].start == len(leaf.text) else found


def _named_parts(step: Step, keys: KeyNames) -> dict[Address, _Part]:
    """Return the parts of the path, or of the channel, that are keys of the dialect."""
    if step.act not in BAYEUX:
        found, kind = keys.in_path(step.request.target), PATH
    else:
        message = step.message or {}
        channel = message.get(channel_member(message, step.act))
        found, kind = keys.in_channel(channel, is_event=False) if isinstance(channel, str) else {}, CHANNEL
    return {(kind, number): _Part(*part) for number, part in found.items()}


def _whole(leaf: Leaf, step: Step, keys: KeyNames, path_keys: Collection[str]) -> _Part:
    """Return a leaf as a whole, with its key in the dialect or its name; of a path that is a key the last segment."""
    if leaf.address[0] in _NAMELESS:
        return _Part(0, len(leaf.text), "")
    key = _key_at(leaf, step, keys)
    start = leaf.text.rfind("/") + 1 if key in path_keys else 0
    return _Part(start, len(leaf.text), key or last_name(leaf.address))


def _key_at(leaf: Leaf, step: Step, keys: KeyNames) -> str:
    """Return the key of the dialect that a leaf is; "" if it is none."""
    kind, *place = leaf.address
    is_published = step.act is Act.PUBLISH and place[:1] == ["data"]
    address = (kind, *place[1:]) if is_published else leaf.address
    return keys.in_request(step.operation, address, "data" if is_published else "body")


def is_missing(hole: Hole, client: str, values: Values, *, may_send: bool, operation: str | None = None) -> bool:
    """Return whether nothing may be sent in a hole.

    Args:
        hole: The hole.
        client: Name of its client.
        values: What the user gave.
        may_send: Whether recorded credentials may be sent.
        operation: Name of the operation.
    """
    if hole.is_fresh or hole.sources or not (hole.is_hidden or (hole.is_credential and not may_send)):
        return False
    return not values.covers(hole, client, operation)


def _places(plan: Plan) -> Iterator[_Place]:
    for client in plan.clients.values():
        for hole in client.cookies:
            yield _Place(hole, client.name, None, f"client {client.name}" if client.name else "all clients", "")
    for step in plan.steps:
        for hole in step.holes:
            where = f"step {step.number} {step.title}, {shown(hole.place)}"
            yield _Place(hole, step.client, step.operation, where, _header(step, hole), step)


def _header(step: Step, hole: Hole) -> str:
    if hole.place[0] != HEADER:
        return ""
    values = [value for name, value in step.request.headers if name.lower() == hole.place[1]]
    number = hole.place[2] if len(hole.place) > 2 else 0
    return values[number] if isinstance(number, int) and number < len(values) else ""


def _differing(places: list[_Place]) -> set[tuple[str, str]]:
    """Return the tables and names of values that differ between clients: each client needs one of its own."""
    seen: dict[tuple[str, str], dict[str, str]] = {}
    for place in places:
        seen.setdefault(_named(place.hole), {})[place.hole.recorded] = place.client
    return {key for key, recorded in seen.items() if len(set(recorded.values())) > 1}


def _named(hole: Hole) -> tuple[str, str]:
    """Return the table of a values file that gives the value of a hole, and its name there."""
    kind, *names = hole.place
    if kind == COOKIE:
        return "cookies", str(names[0])
    if kind == HEADER and hole.is_credential:
        return "headers", str(names[0]).title()
    return ("pseudonyms", hole.recorded) if hole.is_hidden else ("keys", hole.name)


def _missing(place: _Place, by_client: set[tuple[str, str]]) -> Missing:
    table, name = _named(place.hole)
    is_own = (table, name) in by_client
    scheme = _SCHEME.match(place.text) if table == "headers" and place.hole.start else None
    value = f"{scheme[1]} …" if scheme else "…"
    header = f"client.{_key(place.client)}.{table}" if is_own else table
    line = f"[{header}]\n{_key(name)} = {json.dumps(value, ensure_ascii=False)}"
    called = {"headers": f"header {name}", "cookies": f"cookie {name}", "keys": f"key {name}"}.get(table, name)
    return Missing(called, place.where, 1, line, "" if is_own else variable(table, name), place.hole.is_hidden)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)
