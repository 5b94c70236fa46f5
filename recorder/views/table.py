"""Format a recording as a table: complete for a pipe, fitted for a screen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from ..capture.hosts import host_of
from ..library.latency import ack_ms, offset_ms
from ..model import Link, Triple, Unsolicited, listed
from ..printable import printable
from .data import content
from .screen import STATES, Cell, Column, Screen, aligning, batched

_COLUMNS = (
    "n",
    "operation",
    "handle",
    "referenceId",
    "session",
    "state",
    "ack",
    "events (ms after the request)",
)
_WIDE = 100  # cells; a narrower screen shows the number of events instead of their names


def overview(triples: Iterable[Triple], screen: Screen | None = None, *, hosts: bool = False) -> Iterator[str]:
    """Yield a table with one line per triple: operation, handle, ack, events with offsets; `hosts` adds its host.

    The text comes in parts; memory does not grow with the triples.
    """
    return exchanges(((str(triple.n), triple) for triple in triples), screen, hosts=hosts)


def exchanges(
    named: Iterable[tuple[str, Triple]], screen: Screen | None = None, *, hosts: bool = False
) -> Iterator[str]:
    """Yield the table of `overview` for exchanges, each with its name, e.g. `p1` for one that is no operation."""
    if screen is None:
        heading = _with_host(_COLUMNS, "host") if hosts else _COLUMNS
        rows = (_row(triple, name, hosts=hosts) for name, triple in named)
        yield from aligning(chain([heading], rows))
        return
    wide = screen.width >= _WIDE
    columns = [
        Column("n", right=True),
        *([Column("host", least=8)] if hosts else []),
        Column("operation", "bold", least=16),
        Column("handle", least=6),
        Column("referenceId" if wide else "reference", least=8),
        Column("session" if wide else "in", least=2),
        Column("state"),
        Column("ack", right=True),
        Column("events (ms after the request)" if wide else "events", least=8),
    ]
    yield from screen.drawing(columns, (_drawn_row(*one, wide=wide, hosts=hosts) for one in named))


def _drawn_row(name: str, triple: Triple, *, wide: bool, hosts: bool) -> Sequence[Cell]:
    *texts, state, ack, events = _row(triple, name, hosts=hosts)
    narrow = ack.replace(" in", ""), _brief(triple)
    return [*texts, (state, STATES.get(state, "")), *((ack, events) if wide else narrow)]


def line(triple: Triple) -> str:
    """Return a triple on one line without columns, for output that grows line by line."""
    _, operation, handle, reference, session, state, ack, _ = _row(triple, "")
    return f"{operation}  {handle}  {reference}  {session}  {state}  {ack}  {_brief(triple)}"


def detail(triple: Triple, screen: Screen | None = None) -> str:
    """Return one triple in full: request, ack, each event and why it is linked."""
    if screen is not None:
        return _drawn(triple, screen)
    lines = [
        f"{_title(triple)}  {triple.state.value}  session {printable(triple.session or 'unknown')}",
        f"  request  {printable(f'{triple.request.method} {triple.request.target}')}",
        f"           {_body(triple.request.body)}",
    ]
    if triple.ack:
        lines.append(f"  ack      {triple.ack.status} after {ack_ms(triple)} ms  {_body(triple.ack.body)}")
    else:
        lines.append(f"  no ack   {_no_ack(triple)}")
    for link in triple.events:
        lines += [
            f"  event    {_heading(link, triple)}",
            f"           {printable(json.dumps(link.event.data, ensure_ascii=False))}",
            f"           {_decision(link)}",
        ]
    return "\n".join(lines) + "\n"


def unsolicited(pushed: Iterable[tuple[int, Unsolicited]], screen: Screen | None = None) -> Iterator[str]:
    """Yield the unsolicited events, each with its number, one per line, without those that the dialect ignores."""
    heading = "unsolicited events (seconds after the start of the capture):"
    yield screen.line((heading, "bold")) if screen is not None else f"{heading}\n"
    lines = (
        printable(f"{f'u{n}':>6}  {p.event.t / 1e9:8.3f} s  {p.session or '?':4}  {p.event.channel}  {p.name}")
        for n, p in pushed
        if not p.is_ignored
    )
    for part in batched(lines):
        yield "".join(f"{line}\n" if screen is None else screen.line(line, indent=4) for line in part)


def _drawn(triple: Triple, screen: Screen) -> str:
    state = triple.state.value
    title: Cell = (_title(triple), "bold")
    drawn = [
        screen.line(title, "  ", (state, STATES[state]), f"  session {triple.session or 'unknown'}"),
        screen.line(("  request  ", "cyan"), printable(f"{triple.request.method} {triple.request.target}"), indent=11),
        _json(content(triple.request.body, triple.request.headers), screen),
    ]
    if triple.ack:
        drawn.append(screen.line(("  ack      ", "cyan"), f"{triple.ack.status} after {ack_ms(triple)} ms"))
        drawn.append(_json(content(triple.ack.body, triple.ack.headers), screen))
    else:
        drawn.append(screen.line(("  no ack   ", "red"), _no_ack(triple), indent=11))
    for link in triple.events:
        drawn.append(screen.line(("  event    ", "cyan"), _heading(link, triple), indent=11))
        drawn.append(screen.line("           ", (_decision(link), "dim"), indent=11))
        drawn.append(_json(link.event.data, screen))
    return "".join(drawn)


def _title(triple: Triple) -> str:
    if not triple.n:
        return printable(f"exchange  {triple.request.method} {triple.request.target}")
    return f"triple {triple.n}  {printable(triple.operation or '')}"


def _json(value: Any, screen: Screen) -> str:
    """Return a JSON value over several lines, or a text as it is."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return "".join(screen.line(f"           {printable(part)}", indent=13) for part in text.split("\n"))


def _no_ack(triple: Triple) -> str:
    return printable(triple.failure.reason) if triple.failure else "the capture ended before the ack came"


def _heading(link: Link, triple: Triple) -> str:
    return f"+{offset_ms(link, triple)} ms  {printable(link.event.channel)}  {printable(link.name)}"


def _decision(link: Link) -> str:
    return f"linked by {printable(link.rule)}, confidence {link.confidence}: {printable(link.why)}"


def _row(triple: Triple, name: str, *, hosts: bool = False) -> list[str]:
    ms = ack_ms(triple)
    events = ", ".join(f"{link.name} +{offset_ms(link, triple):.0f}" for link in triple.events)
    values = (
        name,
        triple.operation or f"{triple.request.method} {triple.request.target}",
        listed(triple.keys.get("handle", "-")),
        listed(triple.keys.get("reference", "-")),
        printable(triple.session or "?"),
        triple.state.value,
        f"{triple.ack.status} in {ms:.0f} ms" if triple.ack and ms is not None else "-",
        events or "-",
    )
    row = list(map(printable, values))
    return _with_host(row, _host(triple)) if hosts else row


def _host(triple: Triple) -> str:
    return printable(host_of(triple.request.headers) or "-")


def _with_host(line: Sequence[str], host: str) -> list[str]:
    """Return a line of a table with the host behind its number."""
    return [line[0], host, *line[1:]]


def _brief(triple: Triple) -> str:
    """Return the number of events and the offset of the last one."""
    last = max((offset_ms(link, triple) for link in triple.events), default=0)
    return f"{len(triple.events)} to +{last:.0f} ms" if triple.events else "-"


def _body(body: bytes) -> str:
    return printable(body.decode("utf-8", "backslashreplace"))
