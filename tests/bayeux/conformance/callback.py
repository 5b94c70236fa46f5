from __future__ import annotations

import json
import re
from urllib.parse import quote

from tests.bayeux.conformance.bench import Bench
from tests.bayeux.conformance.rows import Section, outline
from tests.lab.byhand import BAYEUX, Answer, Message, Sent

SECTION = Section("callback-polling (JSONP)")
row = SECTION.row


def asks(bench: Bench, *messages: Message, callback: str | None = "cb", method: str = "GET") -> Sent:
    text = quote(json.dumps(list(messages)))
    name = "" if callback is None else f"&jsonp={quote(callback)}"
    return bench.desk.sends(method, f"{BAYEUX}?message={text}{name}")


def handshake(bench: Bench) -> Message:
    return bench.desk.handshake() | {"supportedConnectionTypes": ["callback-polling"]}


def unwrapped(answer: Answer) -> str:
    """The outline of what is in the call."""
    if answer.status != 200:
        return str(answer.status)
    called = re.fullmatch(r"[^(]*\((.*)\);?", answer.body.decode(), re.DOTALL)
    return outline(json.loads(called[1])) if called else "no call"


def frame(answer: Answer) -> str:
    """The call around an answer."""
    if answer.status != 200:
        return str(answer.status)
    return re.sub(r"\[.*\]", "[…]", answer.body.decode(), count=1, flags=re.DOTALL) + " " + answer.content_type


@row(
    "GET `?message=…&jsonp=cb`: what is around the messages, the media type",
    "cb([…]) text/javascript;charset=UTF-8",
    cometd="400",
    faye="/**/cb([…]); text/javascript; charset=utf-8",
)
def _(bench: Bench) -> str:
    return frame(asks(bench, handshake(bench)).answer())


@row("a handshake that offers long-polling alone", "handshake ok", cometd=None)
def _(bench: Bench) -> str:
    message = bench.desk.handshake() | {"supportedConnectionTypes": ["long-polling"]}
    return unwrapped(asks(bench, message).answer())


@row("a handshake that offers `callback-polling` alone", "handshake ok", cometd=None)
def _(bench: Bench) -> str:
    return unwrapped(asks(bench, handshake(bench)).answer())


@row("a callback named `a.b-c_9`", "a.b-c_9([…]) text/javascript;charset=UTF-8", cometd=None, faye="400")
def _(bench: Bench) -> str:
    return frame(asks(bench, handshake(bench), callback="a.b-c_9").answer())


@row("a callback of 64 characters; of 65", "handshake ok; 400", cometd=None, faye="handshake ok; handshake ok")
def _(bench: Bench) -> str:
    return "; ".join(unwrapped(asks(bench, handshake(bench), callback="c" * n).answer()) for n in (64, 65))


@row("a callback named `alert(1)//`", "400", cometd=None)
def _(bench: Bench) -> str:
    return unwrapped(asks(bench, handshake(bench), callback="alert(1)//").answer())


@row("no callback", "400", cometd=None, faye="handshake ok")
def _(bench: Bench) -> str:
    return unwrapped(asks(bench, handshake(bench), callback=None).answer())


@row("an empty callback", "400", cometd=None, faye="handshake ok")
def _(bench: Bench) -> str:
    return unwrapped(asks(bench, handshake(bench), callback="").answer())


@row("a callback, and what is not JSON", "400")
def _(bench: Bench) -> str:
    return unwrapped(bench.desk.sends("GET", f"{BAYEUX}?message=%5B%7B&jsonp=cb").answer())


@row(
    "a connect while there is nothing to fetch; then an event comes",
    "held: event 1, connect ok",
    cometd=None,
    faye="held: connect ok, event 1",
)
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    poll = asks(bench, desk.connect(kind="callback-polling"))
    how = bench.holds(poll)
    bench.pushes(1)
    return f"{how}: {unwrapped(poll.answer())}"


@row(
    "publish while an event waits; then connect",
    "publish ok; event 1, connect ok",
    cometd=None,
    faye="publish ok; connect ok, event 1",
)
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    bench.pushes(1)
    published = asks(bench, desk.message("/a", data={})).answer()
    connected = asks(bench, desk.connect(timeout=0, kind="callback-polling")).answer()
    return f"{unwrapped(published)}; {unwrapped(connected)}"


@row("U+2028 in an event, which ends a line of JavaScript: is it escaped", "yes", cometd=None)
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    bench.pushes("\u2028")
    body = asks(bench, desk.connect(timeout=0, kind="callback-polling")).answer().body.decode()
    return "no" if "\u2028" in body else "yes"
