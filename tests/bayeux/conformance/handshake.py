from __future__ import annotations

from tests.bayeux.conformance.bench import Bench
from tests.bayeux.conformance.rows import Section, outline

SECTION = Section("Handshake and sessions")
row = SECTION.row


@row("a handshake", 'handshake ok version="1.0" advice={"interval": 0, "reconnect": "retry", "timeout": 30000}')
def _(bench: Bench) -> str:
    return outline(bench.desk.tells(bench.desk.handshake()).answer(), "version", "advice")


@row(
    "the connection types it offers",
    "callback-polling, long-polling, websocket",
    cometd="long-polling",
    faye="callback-polling, cross-origin-long-polling, eventsource, in-process, long-polling, websocket",
)
def _(bench: Bench) -> str:
    reply = bench.desk.tells(bench.desk.handshake()).answer().messages[0]
    return ", ".join(sorted(reply["supportedConnectionTypes"]))


@row("the cookie it sets", "BAYEUX_BROWSER", faye="-")
def _(bench: Bench) -> str:
    bench.desk.shakes_hands()
    return bench.desk.headers.get("Cookie", "-").partition("=")[0]


@row(
    "a handshake that offers no connection type the server knows",
    'handshake ok advice={"interval": 0, "reconnect": "retry", "timeout": 30000}',
    faye='handshake 301 advice={"reconnect": "handshake"}',
)
def _(bench: Bench) -> str:
    message = bench.desk.handshake() | {"supportedConnectionTypes": ["pigeon"]}
    return outline(bench.desk.tells(message).answer(), "advice")


@row("a handshake without `supportedConnectionTypes`", "handshake ok", faye="handshake 402")
def _(bench: Bench) -> str:
    message = bench.desk.handshake()
    del message["supportedConnectionTypes"]
    return outline(bench.desk.tells(message).answer())


@row("a handshake without `version`", "handshake ok", faye="handshake 402")
def _(bench: Bench) -> str:
    message = bench.desk.handshake()
    del message["version"]
    return outline(bench.desk.tells(message).answer())


@row(
    "a handshake in one body with another message", "400", cometd="500", faye="handshake ok, subscribe 402", java="500"
)
def _(bench: Bench) -> str:
    return outline(bench.desk.tells(bench.desk.handshake(), bench.desk.subscription("/a")).answer())


@row("another session's clientId, its cookie not shown", "subscribe ok", cometd="subscribe 402", java="subscribe 402")
def _(bench: Bench) -> str:
    bench.desk.connected()
    bench.desk.forgets()
    return outline(bench.desk.tells(bench.desk.subscription("/a")).answer())


@row(
    "a second session with the same cookie polls while the first one's poll is held",
    'at once: connect ok advice={"interval": 2000, "multiple-clients": true, "reconnect": "retry"}',
    faye="held",
)
def _(bench: Bench) -> str:
    first = bench.desk.connected()
    poll = first.polls()
    bench.holds(poll)
    second = bench.beside().connected()
    another = second.polls()
    held = bench.holds(another, poll)
    return held if held == "held" else f"{held}: {outline(another.answer(), 'advice')}"


@row(
    "that second session's first connect, `advice.timeout` 0",
    'connect ok advice={"interval": 2000, "multiple-clients": true, "reconnect": "retry", "timeout": 30000}',
    cometd='connect ok advice={"interval": 2000, "multiple-clients": true, "reconnect": "retry"}',
    faye='connect ok advice={"interval": 0, "reconnect": "retry", "timeout": 30000}',
)
def _(bench: Bench) -> str:
    bench.holds(bench.desk.connected().polls())
    second = bench.beside()
    second.shakes_hands()
    return outline(second.fetches(), "advice")


@row("an event for that second session; its next poll", "event 1, connect ok", faye="connect ok, event 1")
def _(bench: Bench) -> str:
    first = bench.desk.connected()
    bench.holds(first.polls())
    second = bench.beside().connected()
    bench.pushes(1, desk=second)
    return outline(second.fetches())
