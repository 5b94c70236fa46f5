from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from tests.bayeux.conformance.bench import Bench
from tests.bayeux.conformance.rows import Section, outline
from tests.lab.byhand import BAYEUX, CHANNELS

SECTION = Section("Bodies, ids, fields")
row = SECTION.row
FORM = "application/x-www-form-urlencoded"


def sent(bench: Bench, content: Any, **headers: str) -> str:
    return outline(bench.desk.posts(BAYEUX, content, **headers).answer())


@row("a single object, no array", "handshake ok", cometd="400")
def _(bench: Bench) -> str:
    return sent(bench, bench.desk.handshake())


@row("a form: `message=[…]`", "handshake ok", cometd="400")
def _(bench: Bench) -> str:
    text = quote(json.dumps([bench.desk.handshake()]))
    return sent(bench, f"message={text}".encode(), Content_Type=FORM)


@row("a form with two `message=`", "subscribe ok, subscribe ok", cometd="400", faye="subscribe ok")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    texts = [quote(json.dumps([desk.subscription(name)])) for name in ("/a", "/b")]
    return sent(bench, "&".join(f"message={text}" for text in texts).encode(), Content_Type=FORM)


@row("`[]`", "[]", cometd="400", java="500")
def _(bench: Bench) -> str:
    return sent(bench, [])


@row("an empty body", "400")
def _(bench: Bench) -> str:
    return sent(bench, b"")


@row("what is not JSON", "400")
def _(bench: Bench) -> str:
    return sent(bench, b"[{")


@row("comment-filtered JSON: `/*[…]*/`", "handshake ok", cometd="400", faye="400", java="500")
def _(bench: Bench) -> str:
    return sent(bench, b"/*" + json.dumps([bench.desk.handshake()]).encode() + b"*/")


@row("a message without `channel`", "400", cometd="? 400", faye="? 402", java="? 400")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    return sent(bench, [{"id": "1", "clientId": desk.client_id}])


@row("a number in the array", "400", faye="? 402")
def _(bench: Bench) -> str:
    return sent(bench, [7])


@row("the URL ends in `/handshake`", "handshake ok")
def _(bench: Bench) -> str:
    return outline(bench.desk.tells(bench.desk.handshake(), suffix="/handshake").answer())


@row("the URL ends in `/`", "handshake ok")
def _(bench: Bench) -> str:
    return outline(bench.desk.tells(bench.desk.handshake(), suffix="/").answer())


@row("PUT", "400")
def _(bench: Bench) -> str:
    return outline(bench.desk.sends("PUT", BAYEUX, [bench.desk.handshake()]).answer())


@row("GET without anything", "400")
def _(bench: Bench) -> str:
    return outline(bench.desk.sends("GET", BAYEUX).answer())


@row("an `id` that is a string", 'handshake ok id="x-7"')
def _(bench: Bench) -> str:
    return outline(bench.desk.tells(bench.desk.handshake() | {"id": "x-7"}).answer(), "id")


@row("an `id` that is a number", "handshake ok id=7", java='handshake ok id="7"')
def _(bench: Bench) -> str:
    return outline(bench.desk.tells(bench.desk.handshake() | {"id": 7}).answer(), "id")


@row("no `id`", "handshake ok id=-")
def _(bench: Bench) -> str:
    message = bench.desk.handshake()
    del message["id"]
    return outline(bench.desk.tells(message).answer(), "id")


@row("which replies name the clientId: connect, subscribe, publish", "no, no, no", faye="yes, yes, yes")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    replies = (
        desk.tells(desk.connect(timeout=0), desk.subscription("/a"), desk.message("/a", data={})).answer().messages
    )
    return ", ".join("yes" if "clientId" in reply else "no" for reply in replies if "successful" in reply)


@row("the fields of an event", "channel, data", faye="channel, data, id")
def _(bench: Bench) -> str:
    desk = bench.desk.connected()
    bench.pushes(1)
    return ", ".join(sorted(next(m for m in desk.fetches().messages if m["channel"] == CHANNELS[0])))


@row(
    "the media type of an answer",
    "application/json;charset=UTF-8",
    cometd="application/json",
    faye="application/json; charset=utf-8",
)
def _(bench: Bench) -> str:
    return bench.desk.tells(bench.desk.handshake()).answer().content_type
