from __future__ import annotations

from typing import Any

from tests.bayeux.conformance.bench import Bench
from tests.bayeux.conformance.rows import Section, outline

SECTION = Section("A clientId the server does not know")
row = SECTION.row


def unknown(bench: Bench, channel: str, **fields: Any) -> str:
    message = bench.desk.message(channel, clientId="nobody", **fields)
    return outline(bench.desk.tells(message).answer(), "error", "advice")


@row(
    "connect",
    'connect 402 error="402::session_unknown" advice={"interval": 0, "reconnect": "handshake"}',
    faye='connect 401 error="401:nobody:Unknown client" advice={"reconnect": "handshake"}',
)
def _(bench: Bench) -> str:
    return unknown(bench, "/meta/connect", connectionType="long-polling")


@row(
    "subscribe",
    'subscribe 402 error="402::session_unknown" advice=-',
    faye='subscribe 401 error="401:nobody:Unknown client" advice=-',
)
def _(bench: Bench) -> str:
    return unknown(bench, "/meta/subscribe", subscription="/a")


@row(
    "unsubscribe",
    'unsubscribe 402 error="402::session_unknown" advice=-',
    faye='unsubscribe 401 error="401:nobody:Unknown client" advice=-',
)
def _(bench: Bench) -> str:
    return unknown(bench, "/meta/unsubscribe", subscription="/a")


@row("publish", 'publish 402 error="402::session_unknown" advice=-', faye="publish ok error=- advice=-")
def _(bench: Bench) -> str:
    return unknown(bench, "/a", data={})


@row(
    "publish to a service channel",
    'publish 402 error="402::session_unknown" advice=-',
    faye="publish ok error=- advice=-",
)
def _(bench: Bench) -> str:
    return unknown(bench, "/service/a", data={})


@row(
    "disconnect",
    'disconnect 402 error="402::session_unknown" advice=-',
    faye='disconnect 401 error="401:nobody:Unknown client" advice=-',
)
def _(bench: Bench) -> str:
    return unknown(bench, "/meta/disconnect")


@row("handshake: it is not looked at", "handshake ok")
def _(bench: Bench) -> str:
    message = bench.desk.handshake() | {"clientId": "nobody"}
    return outline(bench.desk.tells(message).answer())


@row(
    "connect without a clientId",
    'connect 402 advice={"interval": 0, "reconnect": "handshake"}',
    faye='connect 402 advice={"reconnect": "handshake"}',
)
def _(bench: Bench) -> str:
    message = bench.desk.connect()
    return outline(bench.desk.tells(message).answer(), "advice")
