"""List what a drive would send: in which order, what each step waits for, and where its values come from.

A listing tells the names of values, never the values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...dialect.definition import Dialect
from ...model import JSON
from ...printable import printable
from .allowing import Allowed, option
from .making.keys import KeyNames
from .needs import as_recorded, is_missing, may_show
from .plan import BAYEUX, Act, Hole, Plan, Step, Why
from .reading import shown
from .values import Values

_NANOSECONDS = 1e9
_AS_RECORDED = "as recorded"
_LEAST = 0.01  # seconds of think time that are told


@dataclass(frozen=True, slots=True)
class Value:
    """A value that is filled in.

    Attributes:
        name: What it is called.
        where: Where it stands in the request.
        origin: Where it comes from, in words.
        is_missing: Whether it comes from nowhere.
    """

    name: str
    where: str
    origin: str
    is_missing: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One step of a listing, or the login of a client.

    Attributes:
        number: Number of the step; None for a login, which goes before all steps.
        client: Name of its client.
        act: What kind of step it is.
        title: What it is called.
        what: Method and path, or channel.
        waits: What it waits for, in words.
        think: Seconds between the last of these and the step.
        values: The values that are filled in.
        is_allowed: Whether it may be sent.
        option: Option that allows it; "" if it needs none.
        n: Number of its triple, by which `recorder show` tells what was sent; 0 if it is in none.
    """

    number: int | None
    client: str
    act: str
    title: str
    what: str
    waits: tuple[str, ...] = ()
    think: float = 0.0
    values: tuple[Value, ...] = ()
    is_allowed: bool = True
    option: str = ""
    n: int = 0

    def as_json(self) -> dict[str, JSON]:
        """Return the row as a JSON value."""
        values = [
            {"name": one.name, "where": one.where, "from": one.origin, "missing": one.is_missing} for one in self.values
        ]
        return {
            "step": self.number,
            "n": self.n,
            "client": self.client,
            "act": self.act,
            "title": self.title,
            "what": self.what,
            "waits_for": list(self.waits),
            "think_seconds": round(self.think, 3),
            "values": values,
            "allowed": self.is_allowed,
            "option": self.option,
        }


def rows(
    plan: Plan,
    values: Values,
    allowed: Allowed,
    *,
    dialect: Dialect | None = None,
    to_recorded_host: bool = False,
    send_credentials: bool = False,
) -> list[Row]:
    """Return the logins and the steps of a drive, in the order in which they are sent.

    Args:
        plan: What is to be driven.
        values: What the user gave.
        allowed: What the user allowed.
        dialect: Tells which keys of a step that may change something are sent as recorded; without one none are told.
        to_recorded_host: Whether the server is the recorded one.
        send_credentials: Whether recorded credentials may be sent to any host.
    """
    may_send = may_show(plan, to_recorded_host=to_recorded_host, send_credentials=send_credentials)
    logins = ((name, values.login(name)) for name in plan.clients)
    made = [Row(None, name, "login", "login", login.title) for name, login in logins if login is not None]
    made += [_row(step, plan, values, allowed, may_send=may_send(step)) for step in plan.steps]
    return made if dialect is None else list(_with_recorded(made, plan, dialect))


def as_text(listed: list[Row]) -> Iterator[str]:
    """Yield the lines of a listing for people."""
    width = max((len(str(row.number)) for row in listed if row.number is not None), default=1)
    for row in listed:
        number = "" if row.number is None else str(row.number)
        client = f"{row.client} " if row.client else ""
        about = row.what.removeprefix(f"{row.title} ")  # the title of a handshake is its kind
        what = "" if about == row.title else f"  {about}"
        mark = "" if row.is_allowed else f"  NOT ALLOWED ({row.option})"
        triple = f"  (triple {row.n})" if row.n else ""
        yield printable(f"{number:>{width}}  {client}{row.title}{what}{triple}{mark}")
        waits = [*row.waits, *([f"{row.think:.2f} s of thinking"] if row.think >= _LEAST else [])]
        if waits:
            yield printable(f"{'':>{width}}    waits for {', '.join(waits)}")
        for value in row.values:
            yield printable(f"{'':>{width}}    {value.name} ({value.where}): {value.origin}")


def _row(step: Step, plan: Plan, values: Values, allowed: Allowed, *, may_send: bool) -> Row:
    last = max((cause.t for cause in step.causes), default=step.t)
    return Row(
        step.number,
        step.client,
        step.act.value,
        step.title,
        _what(step),
        tuple(_waits(step, plan)),
        max(0.0, (step.t - last) / _NANOSECONDS),
        tuple(_value(hole, step, plan, values, may_send=may_send) for hole in step.holes),
        allowed.permits(step),
        option(step),
        step.n,
    )


def _with_recorded(listed: list[Row], plan: Plan, dialect: Dialect) -> Iterator[Row]:
    """Yield rows also with the keys that are sent as recorded, where a step may change something by them."""
    keys = KeyNames(dialect)
    for row in listed:
        if row.number is None or not row.option:
            yield row
            continue
        found = as_recorded(plan.steps[row.number], keys, dialect.path_keys)
        yield replace(row, values=(*row.values, *(Value(hole.name, shown(hole.place), _AS_RECORDED) for hole in found)))


def _what(step: Step) -> str:
    path = step.request.target.partition("?")[0]
    if step.act in BAYEUX:
        message = step.message or {}
        about = message.get("subscription") or message.get("channel")
        return f"{step.act.value} {about}"
    if step.act in (Act.MESSAGE, Act.CLOSE):
        return f"{step.act.value} {path}"
    return f"{step.request.method} {path}"


def _waits(step: Step, plan: Plan) -> Iterator[str]:
    """Yield what a step waits for, each thing once; the step before it of its client goes without saying."""
    found: dict[str, dict[str, None]] = {}  # names of the values that come from there
    for cause in step.causes:
        if cause.told is not None:
            found.setdefault(_told(cause.told, step, plan), {}).update(dict.fromkeys(cause.names))
        elif cause.step is not None and cause.why is not Why.TURN:
            before = plan.steps[cause.step]
            whose = f" of {before.client}" if before.client not in ("", step.client) else ""
            found.setdefault(f"step {before.number} {before.title}{whose}", {})
    for text, names in found.items():
        yield f"{text} (value {', '.join(names)})" if names else text


def _told(number: int, step: Step, plan: Plan) -> str:
    """Return what the server tells, in words."""
    told = plan.told[number]
    whose = f" at {told.client}" if told.client not in ("", step.client) else ""
    if told.event is not None:
        of = f" of step {told.step}" if told.step is not None else ""
        return f"event {told.name or told.event.channel}{of}{whose}"
    title = f" {plan.steps[told.step].title}" if told.step is not None else ""
    return f"the answer to step {told.step}{title}{whose}"


def _value(hole: Hole, step: Step, plan: Plan, values: Values, *, may_send: bool) -> Value:
    is_lacking = is_missing(hole, step.client, values, may_send=may_send, operation=step.operation)
    return Value(hole.name, shown(hole.place), _origin(hole, step, plan, values, is_lacking=is_lacking), is_lacking)


def _origin(hole: Hole, step: Step, plan: Plan, values: Values, *, is_lacking: bool) -> str:
    """Return where the value of a hole comes from, by the order that `Hole` tells."""
    if is_lacking:
        return "MISSING"
    is_whole = values.has_header(hole, step.client)
    if is_whole:
        return "your values"
    if hole.is_fresh:
        return "fresh"
    if hole.sources:
        source = hole.sources[0]
        return f"{_told(source.told, step, plan)}, {shown(source.place)}"
    if values.covers(hole, step.client, step.operation):
        return "your values"
    return _AS_RECORDED
