from __future__ import annotations

from typing import Any

from tests.bayeux.conformance.bench import Bench
from tests.bayeux.conformance.rows import Section, outline
from tests.lab.byhand import CHANNELS

SECTION = Section("Subscribe, publish, disconnect")
row = SECTION.row


def subscribed(bench: Bench, *wanted: Any) -> str:
    bench.desk.connected()
    return outline(
        bench.desk.tells(*(bench.desk.message("/meta/subscribe", subscription=one) for one in wanted)).answer(),
        "subscription",
    )


@row("subscribe to a channel", 'subscribe ok subscription="/a/b"')
def _(bench: Bench) -> str:
    return subscribed(bench, "/a/b")


@row("subscribe to an array of channels", 'subscribe ok subscription=["/a", "/b"]')
def _(bench: Bench) -> str:
    return subscribed(bench, ["/a", "/b"])


@row(
    "subscribe to wildcards, one and many levels", 'subscribe ok subscription="/a/*", subscribe ok subscription="/a/**"'
)
def _(bench: Bench) -> str:
    return subscribed(bench, "/a/*", "/a/**")


@row("subscribe to the same channel twice", 'subscribe ok subscription="/a", subscribe ok subscription="/a"')
def _(bench: Bench) -> str:
    return subscribed(bench, "/a", "/a")


@row(
    "subscribe to a service channel",
    'subscribe ok subscription="/service/a"',
    faye='subscribe 403 subscription="/service/a"',
)
def _(bench: Bench) -> str:
    return subscribed(bench, "/service/a")


@row("subscribe to `/meta/connect`", 'subscribe 403 subscription="/meta/connect"')
def _(bench: Bench) -> str:
    return subscribed(bench, "/meta/connect")


@row(
    "subscribe to a name without a slash",
    'subscribe 403 subscription="a"',
    cometd="400",
    faye='subscribe 405 subscription="a"',
)
def _(bench: Bench) -> str:
    return subscribed(bench, "a")


@row(
    "subscribe to an array with a number in it",
    'subscribe 403 subscription=["/a", 7]',
    cometd="400",
    faye='subscribe 405 subscription=["/a", 7]',
)
def _(bench: Bench) -> str:
    return subscribed(bench, ["/a", 7])


@row("subscribe without `subscription`", "subscribe 403", faye="subscribe 402")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    return outline(desk.tells(desk.message("/meta/subscribe")).answer())


@row(
    "subscribe without `subscription`: the whole error",
    "403::subscription_missing",
    faye="402:subscription:Missing required parameter",
)
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    return desk.tells(desk.message("/meta/subscribe")).answer().messages[0]["error"]


@row("an event on a channel below a wildcard", "event 1, connect ok", faye="connect ok, event 1")
def _(bench: Bench) -> str:
    bench.desk.shakes_hands()
    bench.desk.tells(bench.desk.subscription("/v2/**")).answer()
    bench.pushes(1)
    return outline(bench.desk.fetches())


@row("an event on a channel nobody subscribed to", "event 1, connect ok", faye="connect ok")
def _(bench: Bench) -> str:
    bench.desk.shakes_hands()
    bench.pushes(1)
    return outline(bench.desk.fetches())


@row("unsubscribe", 'unsubscribe ok subscription="/v2/me/outbound"')
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    return outline(desk.tells(desk.message("/meta/unsubscribe", subscription=CHANNELS[0])).answer(), "subscription")


@row("unsubscribe from an array", "unsubscribe ok")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    return outline(desk.tells(desk.message("/meta/unsubscribe", subscription=list(CHANNELS[:2]))).answer())


@row("unsubscribe from what was never subscribed to", "unsubscribe ok", java="unsubscribe 400, if no session ever was")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    return outline(desk.tells(desk.message("/meta/unsubscribe", subscription="/never")).answer())


@row("unsubscribe without `subscription`", "unsubscribe 403", faye="unsubscribe 402")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    return outline(desk.tells(desk.message("/meta/unsubscribe")).answer())


@row("publish to a channel", "publish ok")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    return outline(desk.tells(desk.message("/a", data={"n": 1})).answer())


@row("publish to a service channel", "publish ok")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    return outline(desk.tells(desk.message("/service/a", data={"n": 1})).answer())


@row("publish without `data`", "publish ok", faye="publish 402")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    return outline(desk.tells(desk.message("/a")).answer())


@row(
    "publish to a channel the publisher is subscribed to: its answer; the next poll",
    "publish ok; connect ok",
    cometd="event 1, publish ok; connect ok",
    faye="publish ok; connect ok, event 1",
    java="event 1, publish ok; connect ok",
)
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    answer = desk.tells(desk.message(CHANNELS[0], data={"n": 1})).answer()
    return f"{outline(answer)}; {outline(desk.fetches())}"


@row("publish while an event waits: the order in the body", "event 1, event 2, publish ok", faye="publish ok")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    bench.pushes(1, 2)
    return outline(desk.tells(desk.message("/a", data={"n": 0})).answer())


@row("subscribe while an event waits", "event 1, subscribe ok", faye="subscribe ok")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    bench.pushes(1)
    return outline(desk.tells(desk.subscription("/a")).answer())


@row("a subscribe while a connect is held: does that wake it", "held")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    poll = desk.polls()
    bench.holds(poll)
    desk.tells(desk.subscription("/a")).answer()
    return bench.holds(poll)


@row(
    "publish and connect in one body while an event waits",
    "event 1, publish ok, connect ok",
    faye="publish ok, connect ok, event 1",
)
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    bench.pushes(1)
    return outline(desk.tells(desk.message("/a", data={"n": 0}), desk.connect()).answer())


@row("an unknown meta channel", "pigeon 403", cometd="500", java="500")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    return outline(desk.tells(desk.message("/meta/pigeon")).answer())


@row("disconnect", "disconnect ok advice=-")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    return outline(desk.tells(desk.message("/meta/disconnect")).answer(), "advice")


@row("disconnect while an event waits", "event 1, disconnect ok", faye="disconnect ok")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    bench.pushes(1)
    return outline(desk.tells(desk.message("/meta/disconnect")).answer())


@row(
    "connect after disconnect",
    'connect 402 advice={"interval": 0, "reconnect": "handshake"}',
    faye='connect 401 advice={"reconnect": "handshake"}',
)
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    desk.tells(desk.message("/meta/disconnect")).answer()
    return outline(desk.polls().answer(), "advice")


@row("disconnect in one body after other messages", "publish ok, disconnect ok")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    return outline(desk.tells(desk.message("/a", data={"n": 1}), desk.message("/meta/disconnect")).answer())
