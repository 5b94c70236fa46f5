from __future__ import annotations

from typing import Any

from tests.bayeux.conformance.bench import Bench
from tests.bayeux.conformance.rows import Section, outline
from tests.lab.byhand import CHANNELS, Sent

SECTION = Section("Connect")
row = SECTION.row


def polled(bench: Bench, **advice: Any) -> str:
    """A poll with an advice."""
    bench.desk.connected()
    return ended(bench, bench.desk.tells(bench.desk.connect() | advice))


def ended(bench: Bench, poll: Sent) -> str:
    """Whether a poll is held, and its answer; one that is held is ended by an event."""
    how = bench.holds(poll)
    if how == "held":
        bench.pushes(1)
    return f"{how}: {outline(poll.answer())}"


@row("the first connect after a handshake, without `advice.timeout`", "at once", cometd="held", faye="held")
def _(bench: Bench) -> str:
    bench.desk.shakes_hands()
    return bench.holds(bench.desk.polls())


@row("the first connect after a handshake, `advice.timeout` 0", "connect ok")
def _(bench: Bench) -> str:
    bench.desk.shakes_hands()
    return outline(bench.desk.fetches())


@row(
    "a connect while there is nothing to fetch; then an event comes",
    "held: event 1, connect ok",
    faye="held: connect ok, event 1",
)
def _(bench: Bench) -> str:
    return polled(bench)


@row("a connect while an event waits", "event 1, event 2, connect ok", faye="connect ok, event 1, event 2")
def _(bench: Bench) -> str:
    bench.desk.connected()
    bench.pushes(1, 2)
    return outline(bench.desk.polls().answer())


@row(
    "the advice of a connect reply that did not ask",
    "event 1, connect ok advice=-",
    faye='connect ok advice={"interval": 0, "reconnect": "retry", "timeout": 30000}, event 1',
)
def _(bench: Bench) -> str:
    bench.desk.connected()
    bench.pushes(1)
    return outline(bench.desk.polls().answer(), "advice")


@row(
    "the advice of a connect reply where the request had one",
    'connect ok advice={"interval": 0, "reconnect": "retry", "timeout": 30000}',
)
def _(bench: Bench) -> str:
    bench.desk.connected()
    return outline(bench.desk.fetches(), "advice")


@row("`advice.timeout` 20, and nothing comes", "connect ok")
def _(bench: Bench) -> str:
    bench.desk.connected()
    return outline(bench.desk.tells(bench.desk.connect(timeout=20)).answer())


@row("`advice.timeout` -1", "held: event 1, connect ok", faye="at once: connect ok")
def _(bench: Bench) -> str:
    return polled(bench, advice={"timeout": -1})


@row(
    "`advice.timeout` 1e12, over thirty years",
    "held: event 1, connect ok",
    cometd="at once: connect ok",
    faye="at once: connect ok",
)
def _(bench: Bench) -> str:
    return polled(bench, advice={"timeout": 1_000_000_000_000})


@row("`advice.timeout` 0.5", "at once: connect ok")
def _(bench: Bench) -> str:
    return polled(bench, advice={"timeout": 0.5})


@row(
    '`advice.timeout` "0"',
    "held: event 1, connect ok",
    cometd="at once: connect ok",
    faye="at once: connect ok",
    java="500",
)
def _(bench: Bench) -> str:
    return polled(bench, advice={"timeout": "0"})


@row("`advice.timeout` null", "held: event 1, connect ok", cometd="at once: connect ok", faye="at once: connect ok")
def _(bench: Bench) -> str:
    return polled(bench, advice={"timeout": None})


@row("`advice` an array", "held: event 1, connect ok", faye="held: connect ok, event 1", java="500")
def _(bench: Bench) -> str:
    return polled(bench, advice=[])


@row(
    "a connect in one body with other messages",
    "at once: connect ok, subscribe ok",
    faye="held: subscribe ok, connect ok, event 1",
)
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    return ended(bench, desk.tells(desk.connect(), desk.subscription("/a")))


@row(
    "`[connect, subscribe, subscribe]`, the first of a session",
    "at once: connect ok, subscribe ok, subscribe ok",
    faye="held: subscribe ok, subscribe ok, connect ok, event 1",
)
def _(bench: Bench) -> str:
    desk = bench.desk
    desk.shakes_hands()
    return ended(bench, desk.tells(desk.connect(), desk.subscription(CHANNELS[0]), desk.subscription("/b")))


@row("a second connect while one is held: the older one; the newer one", "500; held", faye="left open; held")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    older = desk.polls()
    bench.holds(older)
    newer = desk.polls()
    how = bench.holds(newer, older)
    old = outline(older.answer()) if older.is_answered else "left open"
    return f"{old}; {how}"


@row(
    "a held connect is given up, then an event comes; the next connect",
    "event 1, connect ok",
    cometd="connect ok",
    faye="connect ok",
)
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    poll = desk.polls()
    bench.holds(poll)
    bench.gives_up(poll)
    bench.pushes(1)
    return outline(desk.fetches())


@row(
    "disconnect while a connect is held: the connect; the disconnect",
    'connect ok advice={"reconnect": "none"}; disconnect ok',
    cometd="connect ok advice=-; disconnect ok",
    faye='connect ok advice={"interval": 0, "reconnect": "retry", "timeout": 30000}; disconnect ok',
)
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    poll = desk.polls()
    bench.holds(poll)
    end = desk.tells(desk.message("/meta/disconnect"))
    return f"{outline(poll.answer(), 'advice')}; {outline(end.answer())}"


@row("connect without a connection type", "connect ok", faye="connect 402")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    message = desk.connect(timeout=0)
    del message["connectionType"]
    return outline(desk.tells(message).answer())
