from __future__ import annotations

from typing import Any

from tests.bayeux.conformance.bench import Bench
from tests.bayeux.conformance.rows import Section, outline

SECTION = Section("Extensions")
row = SECTION.row


def acknowledging(bench: Bench) -> Any:
    """A desk that asked for acknowledged messages; batch 1 was its first connect."""
    return bench.desk.connected(ack=True)


@row("`ext.ack`: a handshake asks for it", 'handshake ok ext={"ack": true}', faye="handshake ok ext=-")
def _(bench: Bench) -> str:
    return outline(bench.desk.tells(bench.desk.handshake(ack=True)).answer(), "ext")


@row("`ext.ack`: a handshake says false", "handshake ok ext=-")
def _(bench: Bench) -> str:
    return outline(bench.desk.tells(bench.desk.handshake(ack=False)).answer(), "ext")


@row(
    "`ext.ack`: connect replies are numbered",
    'connect ok ext={"ack": 1}; connect ok ext={"ack": 2}; connect ok ext={"ack": 3}',
    faye="connect ok ext=-; connect ok ext=-; connect ok ext=-",
)
def _(bench: Bench) -> str:
    bench.desk.shakes_hands(ack=True)
    return "; ".join(outline(bench.desk.fetches(ext={"ack": n}), "ext") for n in (-1, 1, 2))


@row(
    "`ext.ack`: a connect without it, the handshake asked",
    'event 1, connect ok ext={"ack": 2}',
    faye="connect ok ext=-, event 1",
)
def _(bench: Bench) -> str:
    desk = acknowledging(bench)
    bench.pushes(1)
    return outline(desk.fetches(), "ext")


@row("`ext.ack`: a connect with it, the handshake did not ask", "connect ok ext=-")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    return outline(desk.fetches(ext={"ack": -1}), "ext")


@row(
    "`ext.ack`: publish while an event waits; then connect",
    'publish ok; event 1, connect ok ext={"ack": 2}',
    faye="publish ok; connect ok ext=-, event 1",
)
def _(bench: Bench) -> str:
    desk = acknowledging(bench)
    bench.pushes(1)
    answer = desk.tells(desk.message("/a", data={})).answer()
    return f"{outline(answer)}; {outline(desk.fetches(ext={'ack': 1}), 'ext')}"


@row(
    "`ext.ack`: an old number again: the events again, in a new batch",
    'event 1, connect ok ext={"ack": 2}; event 1, connect ok ext={"ack": 3}; connect ok ext={"ack": 4}',
    faye="connect ok ext=-, event 1; connect ok ext=-; connect ok ext=-",
)
def _(bench: Bench) -> str:
    desk = acknowledging(bench)
    bench.pushes(1)
    return "; ".join(outline(desk.fetches(ext={"ack": n}), "ext") for n in (1, 1, 3))


@row(
    "`ext.ack`: an old number again, and a new event",
    'event 1, connect ok ext={"ack": 2}; event 1, event 2, connect ok ext={"ack": 3}; connect ok ext={"ack": 4}',
    faye="connect ok ext=-, event 1; connect ok ext=-, event 2; connect ok ext=-",
)
def _(bench: Bench) -> str:
    desk = acknowledging(bench)
    bench.pushes(1)
    first = outline(desk.fetches(ext={"ack": 1}), "ext")
    bench.pushes(2)
    return f"{first}; {outline(desk.fetches(ext={'ack': 1}), 'ext')}; {outline(desk.fetches(ext={'ack': 3}), 'ext')}"


@row("`ext.ack`: a poll that would be held, and events unacknowledged", "at once", faye="held")
def _(bench: Bench) -> str:
    desk = acknowledging(bench)
    bench.pushes(1)
    desk.fetches(ext={"ack": 1})
    poll = desk.polls(ext={"ack": 1})
    return bench.holds(poll)


@row(
    "`ext.ack`: a poll that would be held, and all acknowledged; then an event",
    'held: event 2, connect ok ext={"ack": 3}',
    faye="held: connect ok ext=-, event 2",
)
def _(bench: Bench) -> str:
    desk = acknowledging(bench)
    bench.pushes(1)
    desk.fetches(ext={"ack": 1})
    poll = desk.polls(ext={"ack": 2})
    how = bench.holds(poll)
    bench.pushes(2)
    return f"{how}: {outline(poll.answer(), 'ext')}"


@row('`ext.ack`: is odd: "1", null, {}', "connect ok; connect ok; connect ok")
def _(bench: Bench) -> str:
    desk = acknowledging(bench)
    odd: tuple[Any, ...] = ("1", None, {})
    return "; ".join(outline(desk.fetches(ext={"ack": value})) for value in odd)


@row("`ext.timesync` in a handshake: which fields come back", "a, p, tc, ts", cometd="-", faye="-")
def _(bench: Bench) -> str:
    message = bench.desk.handshake(timesync={"tc": 1000, "l": 0, "o": 0})
    return synchronised(bench.desk.tells(message).answer().messages[-1])


@row("`ext.timesync` in a connect", "a, p, tc, ts", cometd="-", faye="-")
def _(bench: Bench) -> str:
    bench.desk.connected()
    return synchronised(bench.desk.fetches(ext={"timesync": {"tc": 1000, "l": 0, "o": 0}}).messages[-1])


@row("`ext.timesync` without `l` and `o`", "p, tc, ts", cometd="-", faye="-")
def _(bench: Bench) -> str:
    bench.desk.connected()
    return synchronised(bench.desk.fetches(ext={"timesync": {"tc": 1000}}).messages[-1])


@row("`ext.timesync` that is odd: a string, an array, `tc` a string", "connect ok; connect ok; connect ok")
def _(bench: Bench) -> str:
    bench.desk.connected()
    odd: list[Any] = ["now", [], {"tc": "now", "l": None, "o": []}]
    return "; ".join(outline(bench.desk.fetches(ext={"timesync": one})) for one in odd)


@row("`ext.activity`, `ext.authentication`, an extension of one's own", "connect ok ext=-")
def _(bench: Bench) -> str:
    desk = bench.desk
    desk.shakes_hands(authentication={"user": "a"}, mine=[1])
    return outline(desk.fetches(ext={"activity": {"a": 1}, "mine": None}), "ext")


@row("`ext` a string", "subscribe ok")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    return outline(desk.tells(desk.subscription("/a") | {"ext": "odd"}).answer())


def synchronised(reply: dict[str, Any]) -> str:
    """The fields of the answer, and whether `a` is what the client's clock is off by."""
    sync = (reply.get("ext") or {}).get("timesync")
    if sync is None:
        return "-"
    assert sync["tc"] == 1000
    assert sync["p"] >= 0
    assert "a" not in sync or sync["a"] == sync["tc"] - sync["ts"]
    return ", ".join(sorted(sync))
